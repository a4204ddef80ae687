"""Generated modules on disk: named by the hash of all that decides their machine code, so that they can be trusted."""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import os
import sys
import tempfile
import threading
import warnings
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType

import llvmlite.binding as llvm
import platformdirs


def directory() -> Path:
    """Where generated modules live."""
    return Path(os.environ.get("ADCOMPILER_CACHE_DIR") or platformdirs.user_cache_dir("adcompiler"))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # run from a source tree
        return "0"


@cache
def environment() -> tuple[str, ...]:
    """Versions and CPU: what else the machine code depends on."""
    features = llvm.get_host_cpu_features().flatten()
    versions = [f"{p}={_version(p)}" for p in ("adcompiler", "numba", "llvmlite", "numpy", "scipy")]
    return (*versions, sys.version, llvm.get_host_cpu_name(), features, _helpers())


def _helpers() -> str:
    """The text of adcompiler.runtime: its helpers are compiled into every module that calls them."""
    import adcompiler.runtime

    folder = Path(adcompiler.runtime.__file__).parent
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))


def digest(text: str, key: tuple[str, ...] = ()) -> str:
    """The module's name: a hash of its text, the key and the environment."""
    state = hashlib.sha256()
    for part in (text, *key, *environment()):
        state.update(len(part).to_bytes(8, "little") + part.encode())
    return state.hexdigest()


def write(path: Path, content: bytes) -> None:
    """Put the content at `path` in one step, so that another process sees all of it or nothing."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def forget(path: Path) -> None:
    """Remove what Numba stored for the module."""
    for stored in (path.parent / "__pycache__").glob(f"{path.stem}*"):
        stored.unlink(missing_ok=True)


LOCK = threading.RLock()  # a module is in sys.modules before it is complete


def load(text: str, key: tuple[str, ...] = ()) -> tuple[ModuleType, Path | None]:
    """The imported module and its file; None where the cache directory can't be written."""
    with LOCK:
        return _load(text, key)


def _load(text: str, key: tuple[str, ...]) -> tuple[ModuleType, Path | None]:
    name = "adcompiler_" + digest(text, key)
    path = directory() / f"{name.removeprefix('adcompiler_')}.py"
    try:
        write(path, text.encode())
    except OSError as error:
        _warn_once(str(directory()), str(error))
        return in_memory(text, key), None
    if name in sys.modules:
        return sys.modules[name], path
    return imported(name, path), path


def imported(name: str, path: Path) -> ModuleType:
    """Import the file afresh as `name`; Numba's cache wants it in sys.modules."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    linecache.checkcache(str(path))
    linecache.getlines(str(path))
    return module


def in_memory(text: str, key: tuple[str, ...] = ()) -> ModuleType:
    """The module without a file: compiled anew by every process."""
    name = "adcompiler_" + digest(text, (*key, "in memory"))
    if name in sys.modules:
        return sys.modules[name]
    text = text.replace("@njit(cache=True, ", "@njit(")
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = ModuleType(name)
    module.__file__ = file
    exec(compile(text, file, "exec"), module.__dict__)
    sys.modules[name] = module
    return module


@cache
def _warn_once(where: str, why: str) -> None:
    warnings.warn(
        f"adcompiler can't write to its cache directory {where} ({why}): every process compiles anew. "
        "Set ADCOMPILER_CACHE_DIR to a directory of yours.",
        stacklevel=4,
    )
