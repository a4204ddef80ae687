"""Texts about ourselves: the op table (`adcompiler ops`) and the machine (`adcompiler info`)."""

from __future__ import annotations

import ast
import ctypes
import importlib.util
import inspect
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba

from adcompiler.backends import cache
from adcompiler.driver import Options
from adcompiler.errors import MissingRule
from adcompiler.ir.build import Builder, Handle
from adcompiler.ir.core import Region, Value
from adcompiler.ir.table import MANY, OPS, OpDef, with_attributes
from adcompiler.ir.types import Array, Scalar, Type

# Attributes that rules may ask for, with values to show them by.
SHOWN = {"dtype": "f64", "n": 1, "axis": 0, "spec": "ij,jk->ik"}
CONTROL: tuple[tuple[str, str, str], ...] = (
    ("for", "its bounds", "the adjoint of its body, the same iterations backwards"),
    ("while", "a count", "the adjoint of its body, as many iterations as it ran, backwards"),
    ("if", "its condition", "the adjoint of the branch that was taken"),
)


class Recorder(Handle):
    """Stands for an operand while a rule runs: builds the formula as text and notes which values it reads."""

    __slots__ = ("kind", "of", "read", "text")

    def __init__(self, text: str, kind: Type, read: set[str], builder: Builder, of: set[str]):
        self.text, self.kind, self.read, self.builder, self.of = text, kind, read, builder, of

    @property
    def type(self) -> Type:
        return self.kind

    @property
    def literal(self) -> float | None:
        return None

    def call(self, name: str, *args: Any, **attrs: Any) -> Recorder:
        reads = OPS[name].reads
        for k, a in enumerate(args):
            if isinstance(a, Recorder) and (reads is None or k in reads):
                self.read.update(a.of)
        texts = [_text(a) for a in args]
        of = self.of if OPS[name].kind == "view" else set()
        text, count = written(name, texts, attrs), results_of(OPS[name], len(args))
        parts = [text] if count == 1 else [f"{text}[{k}]" for k in range(count)]
        made = [Recorder(part, self.kind, self.read, self.builder, of) for part in parts]
        return made[0] if count == 1 else tuple(made)  # type: ignore[return-value]


def results_of(entry: OpDef, operands: int) -> int:
    """How many results it has, of matrices."""
    if not entry.pushforward:
        return 1
    try:
        return len(entry.infer([Array("f64", (None, None))] * operands, {}))
    except TypeError:
        return 1


def _text(a: Any) -> str:
    """An operand: a formula, or a number."""
    if isinstance(a, Recorder):
        return f"({a.text})"
    return str(a.literal) if isinstance(a, Handle) else repr(a)


def written(name: str, args: list[str], attrs: dict[str, Any]) -> str:
    """The op as an expression."""
    template = with_attributes(OPS[name].emit, attrs)
    if "{" in template:
        return template.format(*args)
    return f"{template or name}({', '.join(args)})"


def tidy(text: str) -> str:
    """Without needless parentheses and module names."""
    return ast.unparse(ast.parse(text, mode="eval")).replace("np.", "")


def recorded(entry: OpDef) -> tuple[list[str], set[str]]:
    """(what becomes of an adjoint g, operand by operand; which of the values y, a, b, ... that reads).

    Of a rule that reverse mode transposes it is shown what becomes of a direction.
    """
    rules = entry.partials if entry.partials is not None else _whole(entry)
    rules = rules[:2] if len(rules) == MANY else rules  # of any number of operands: the first two
    kind: Type = Scalar("f64") if entry.partials is not None else Array("f64", (None, None))
    read: set[str] = set()
    builder = Builder(Region([Value("g", kind)]))
    g, *xs = (Recorder(name, kind, read, builder, {name}) for name in ("g", *"abcdef"[: len(rules)]))
    count = results_of(entry, len(rules))
    ys = [Recorder("y" if count == 1 else f"y[{k}]", kind, read, builder, {"y"}) for k in range(count)]
    y = ys[0] if count == 1 else tuple(ys)
    pushed = []
    for rule in rules:
        if rule is None:
            pushed.append("0")
            continue
        wanted = list(inspect.signature(rule).parameters)
        inner = {k: v for k, v in SHOWN.items() if k in wanted or k in _inner(rule)}
        try:
            result = rule(g, y, *xs, **inner)
        except MissingRule as missing:
            pushed.append(missing.message)
            continue
        parts = [r for r in (result if isinstance(result, tuple) else (result,)) if r is not None]
        pushed.append(", ".join(tidy(r.text if isinstance(r, Recorder) else repr(r)) for r in parts))
    return pushed, {name for name in read if name in ("y", *"abcdef")}


def _whole(entry: OpDef) -> list[Callable[..., Any] | None]:
    """One rule per operand, transposes and pushforwards together."""
    pairs = zip_longest(entry.transpose, entry.pushforward)
    return [transpose or pushforward for transpose, pushforward in pairs]


def _inner(rule: Callable[..., Any]) -> list[str]:
    """Parameters of the partial that a rule closes over."""
    cells = [cell.cell_contents for cell in rule.__closure__ or ()]
    return [name for c in cells if inspect.isfunction(c) for name in inspect.signature(c).parameters]


def described(entry: OpDef) -> tuple[str, str]:
    """(what reverse mode keeps, derivative)."""
    if entry.partials is None and not (entry.transpose or entry.pushforward):
        kept = "indices" if len(entry.writes) + len(entry.reads or ()) and entry.kind == "memory" else "nothing"
        return kept, entry.doc or ("0" if entry.zero else "none: it has no derivative")
    pushed, read = recorded(entry)
    kept = ", ".join(sorted(read - {"g"}, key="yabcdef".index)) or "nothing"
    return kept, ";  ".join(f"{x}: {text}" for x, text in zip("abcdef", pushed, strict=False))


def operations() -> str:
    """Every primitive y = op(a, b, ...): where it runs, what its adjoint needs, and what that adds for an adjoint g."""
    rows = [("op", "runs on", "keeps", "what an adjoint or direction g of y = op(a, b, ...) becomes")]
    rows += [(name, "cpu", *described(entry)) for name, entry in OPS.items()]
    rows += [(name, "cpu", kept, how) for name, kept, how in CONTROL]
    widths = [max(len(row[k]) for row in rows) for k in range(3)] + [0]
    return "\n".join("  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip() for row in rows)


# The machine.
def machine() -> str:
    rows = [*versions(), *processor(), ("cache", _cache()), ("CUDA", _cuda()), ("MPI", _mpi())]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {text}" for name, text in rows)


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def versions() -> Iterator[tuple[str, str]]:
    yield "adcompiler", version("adcompiler")
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for package in ("numba", "llvmlite", "numpy", "scipy", "astor"):
        yield package, version(package)


def processor() -> Iterator[tuple[str, str]]:
    features = llvm.get_host_cpu_features()
    wide = next((name for name in ("avx512f", "avx2", "avx", "neon") if features.get(name)), "no wide vectors")
    yield "CPU", f"{llvm.get_host_cpu_name()}, {os.cpu_count()} cores, {wide}"
    yield "vector math", _vector_math()
    yield "BLAS", blas()
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE"):
        if name in os.environ:
            yield name, f"{os.environ[name]} (unset it: it slows products or warm starts down)"
    yield "threads", f"Numba {numba.get_num_threads()}; adcompiler 1 (parallel=True is not built yet)"


def _vector_math() -> str:
    from adcompiler.runtime import simd

    own = f"adcompiler's own in vectors of {simd.vector_bits()} bits: {', '.join(simd.FUNCTIONS)}"
    if "vector" in Options().disabled:
        own = "libm, one number at a time (ADCOMPILER_DISABLE names vector)"
    return f"{own}; other functions, and fastmath=False: libm"


def blas() -> str:
    """The BLAS that Numba calls, SciPy's, and the kernels it picked for this CPU."""
    import scipy

    folder = Path(scipy.__file__).parent
    candidates = [*folder.parent.glob("scipy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")]
    for path in candidates:
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for symbol in ("scipy_openblas_get_corename", "scipy_openblas_get_corename64_", "openblas_get_corename"):
            core = getattr(library, symbol, None)
            if core is not None:
                core.restype = ctypes.c_char_p
                return f"OpenBLAS of SciPy, kernels for {core().decode()}"
    config: Any = scipy.show_config(mode="dicts")
    found = config["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']} of SciPy"


def _cache() -> str:
    folder = cache.directory()
    return f"{folder} ({len(list(folder.glob('*.py')))} programs)" if folder.is_dir() else f"{folder} (empty)"


def _cuda() -> str:
    driver = shutil.which("nvidia-smi")
    found = "no NVIDIA driver"
    if driver is not None:
        query = [driver, "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
        found = ", ".join(done.stdout.split("\n")).strip(", ") if done.returncode == 0 else "driver does not answer"
    return f'{found}; numba-cuda {version("numba-cuda")}; target="cuda" is not built yet'


def _mpi() -> str:
    launcher = shutil.which("mpiexec") or "no mpiexec"
    bound = version("mpi4py") if importlib.util.find_spec("mpi4py") else "not installed"
    return f"{launcher}; mpi4py {bound}; numba-mpi {version('numba-mpi')}"
