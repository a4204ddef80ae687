"""Specializations on disk: what another process derived for the same program is found again without lowering it.

A record is named by the hash of what is known before a program is read: the function's text and code, the specs of
the arguments, options, versions. It holds the derived program, and the places of all values that the program
depends on with a fingerprint of each, as `make` does: where one has changed, the program is derived anew.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import io
import os
import pickle
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from adcompiler.analysis.extents import dims
from adcompiler.backends import cache
from adcompiler.driver import Built, Options
from adcompiler.frontend import Capture, spec_of
from adcompiler.frontend.capture import TRUSTED, trusted
from adcompiler.frontend.source import lines_of
from adcompiler.frontend.spec import Leaf, Spec, with_dims

PLAIN = type(None) | type(Ellipsis) | bool | int | float | str | bytes


class Unfit(Exception):
    """Something that has no identity outside of this process."""


# Fingerprints: equal in two processes if and only if the program that they lead to is the same.
def fingerprint(value: Any) -> str:
    """A hash of what a program sees of a value outside of it."""
    return hashlib.sha256(repr(_identity(value)).encode()).hexdigest()


def _identity(value: Any) -> Any:
    if isinstance(value, PLAIN | np.generic | np.dtype):
        return type(value).__name__, repr(value)
    if isinstance(value, Leaf):
        return "leaf", str(value.type), value.weak
    if isinstance(value, np.ndarray):
        return "array", _identity(spec_of(value))  # its content is read at each call
    if isinstance(value, types.FunctionType):
        return _of_function(value)
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, type):
        return _of_class(value)
    if isinstance(value, enum.Enum):
        return "enum", _identity(type(value)), value.name
    if trusted(value) and hasattr(value, "__name__"):
        return "library", getattr(value, "__module__", ""), value.__name__
    if isinstance(value, Options):
        return "options", [(f.name, _ordered(getattr(value, f.name))) for f in fields(value)], sorted(value.disabled)
    found = list(_parts(value))
    if not found and not isinstance(value, tuple | dict):
        raise Unfit(type(value).__name__)
    keys = tuple(value) if isinstance(value, dict) else ()
    cls = type(value)
    return cls.__module__, cls.__qualname__, keys, [_identity(part) for _, part in found]


def _ordered(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else repr(value)


def _of_class(cls: type) -> Any:
    """A class by its name and, for structures, its fields and their defaults."""
    rows: list[Any] = []
    if is_dataclass(cls):
        rows = [(f.name, _default(f.default)) for f in fields(cls)]
    elif hasattr(cls, "_fields"):
        rows = [*cls._fields, *((k, _default(v)) for k, v in cls._field_defaults.items())]  # type: ignore[attr-defined]
    return "class", cls.__module__, cls.__qualname__, rows


def _default(value: Any) -> Any:
    return repr(type(value)) if type(value).__module__ == "dataclasses" else _identity(value)


def _of_function(fn: types.FunctionType) -> Any:
    """Its text, its code (where it stands, too: errors name places), its defaults, and what its globals are."""
    if (fn.__module__ or "").split(".")[0] in TRUSTED:
        return "library", fn.__module__, fn.__qualname__
    code = fn.__code__
    codes = list(_codes(code))
    last = max((line for c in codes for _, _, line in c.co_lines() if line), default=code.co_firstlineno)
    text = lines_of(fn)[code.co_firstlineno - 1 : last]
    names = sorted({name for c in codes for name in c.co_names})
    defaults = [_identity(d) for d in (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values())]
    return (
        fn.__qualname__,
        code.co_filename,
        [_of_code(c) for c in codes],
        text,
        defaults,
        [(name, _binding(fn.__globals__, name)) for name in names],
    )


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _codes(part)


def _of_code(code: types.CodeType) -> Any:
    consts = [
        "code" if isinstance(c, types.CodeType) else sorted(map(repr, c)) if isinstance(c, frozenset) else repr(c)
        for c in code.co_consts
    ]
    return (
        code.co_code, consts, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
        code.co_firstlineno, list(code.co_lines()), list(getattr(code, "co_positions", tuple)()),
    )  # fmt: skip


def _binding(names: dict[str, Any], name: str) -> str:
    """What a global name stands for where nobody compares its value: a module, a library's function, or nothing."""
    if name not in names:
        return "none"
    value = names[name]
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    if trusted(value) and hasattr(value, "__name__"):
        return f"library {getattr(value, '__module__', '')}.{value.__name__}"
    return "class" if isinstance(value, type) else "value"


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """What a value is made of: (how to get at it, the part)."""
    if isinstance(value, tuple):
        yield from (((k,), part) for k, part in enumerate(value))
    elif isinstance(value, dict):
        yield from (((k,), value[k]) for k in value)
    elif isinstance(value, functools.partial):
        yield from ((name, getattr(value, name)) for name in ("func", "args", "keywords"))
    elif hasattr(value, "__ad_parts__"):
        yield from ((name, getattr(value, name)) for name in value.__ad_parts__)
    elif hasattr(value, "py_func"):
        yield "py_func", value.py_func
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((f.name, getattr(value, f.name)) for f in fields(value))


# Places in pickled records: objects that this process has are named by how one gets to them.
Token = tuple[Any, ...]


class Known:
    """Objects that can be got at from the function and its arguments, and from what was read of the outside."""

    def __init__(self, fn: Any, specs: Sequence[Spec]):
        self.values: dict[Token, Any] = {}
        self.tokens: dict[int, Token] = {}
        self.add(("function",), fn)
        for k, spec in enumerate(specs):
            self.add(("spec", k), spec)

    def add(self, token: Token, value: Any) -> None:
        if id(value) in self.tokens:
            return
        self.values[token] = value
        self.tokens[id(value)] = token
        for how, part in _parts(value) if not isinstance(value, PLAIN) else ():
            self.add((*token, how), part)


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, known: Known):
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.known = known

    def persistent_id(self, obj: Any) -> Token | None:
        if callable(obj) and id(obj) in self.known.tokens:
            return self.known.tokens[id(obj)]
        if isinstance(obj, types.ModuleType):
            return "module", obj.__name__
        if isinstance(obj, types.FunctionType) and (obj.__module__ or "").split(".")[0] not in TRUSTED:
            raise Unfit(obj.__qualname__)
        return None


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, known: Known):
        super().__init__(io.BytesIO(data))
        self.known = known

    def persistent_load(self, token: Token) -> Any:
        return sys.modules[token[1]] if token[0] == "module" else self.known.values[token]


def _dumps(value: Any, known: Known) -> bytes:
    file = io.BytesIO()
    try:
        _Writer(file, known).dump(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:  # what pickle raises for what it can't name
        raise Unfit(str(error)) from None
    return file.getvalue()


def _loads(data: bytes, known: Known) -> Any:
    return _Reader(data, known).load()


# Records.
@functools.cache
def _package() -> list[tuple[str, int, int]]:
    """The compiler itself: a record is of no use to another version of it."""
    root = Path(__file__).parent
    stats = ((path, path.stat()) for path in sorted(root.rglob("*.py")))
    return [(str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats]


def _path(identity: Any, specs: Sequence[Spec], options: Options) -> Path:
    state = hashlib.sha256()
    parts = (identity, tuple(specs), options, cache.environment(), repr(_package()))
    for part in parts:
        state.update(fingerprint(part).encode())
    return cache.directory() / f"{state.hexdigest()}.derived"


def _write(path: Path, record: dict[str, Any]) -> None:
    content = pickle.dumps(record)
    cache.write(path, _digest(content) + b"\n" + content)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _usable(options: Options) -> bool:
    return options.cache and not os.environ.get("ADCOMPILER_VERIFY")


def _read(transform: Any, specs: Sequence[Spec], options: Options) -> dict[str, Any] | None:
    """The record of these specs; None where there is none, or one that was cut off."""
    try:
        check, _, content = _path(transform, specs, options).read_bytes().partition(b"\n")
    except (Unfit, OSError):
        return None
    return pickle.loads(content) if check == _digest(content) else None


def recall(transform: Any, specs: Sequence[Spec], options: Options, sizes: Sequence[tuple[int, ...]]) -> Built | None:
    """The specialization that an earlier process stored, if all that it depends on is still the same.

    A program that broadcasts has a record that says which extents count, and one for what they are.
    """
    if not _usable(options):
        return None
    record = _read(transform, specs, options)
    if record is not None and sizes and record["meetings"]:
        record = _read(transform, with_dims(specs, dims(record["meetings"], sizes)), options)
    if record is None or "program" not in record:
        return None
    try:
        known = Known(transform, specs)
        for k, (where, expected) in enumerate(record["reads"]):
            value = _loads(where, known).reader()()
            if fingerprint(value) != expected:
                return None
            known.add(("read", k), value)
        low, captures = _loads(record["program"], known)
    except (KeyError, ValueError, AttributeError, Unfit):  # names that are gone, or stand for something else
        return None
    found = tuple(Capture.at(name, place, spec) for name, place, spec in captures)
    built = Built(replace(low, captures=found), lambda: transform.build(specs, sizes).primal(), options)
    built.kernel = record["kernel"]
    return built


def remember(transform: Any, specs: Sequence[Spec], built: Built) -> None:
    """Store a specialization; one that depends on what has no name outside of this process is not stored."""
    if not _usable(built.options) or built.path is None:
        return
    low = built.lowered
    try:
        general = _path(transform, specs, built.options)
        path = _path(transform, with_dims(specs, low.extents), built.options)
        known = Known(transform, specs)
        reads = []
        for k, (place, value) in enumerate(low.reads):
            reads.append((_dumps(place, known), fingerprint(value)))
            known.add(("read", k), value)
        if any(c.place is None for c in low.captures):
            return
        captures = [(c.name, c.place, c.spec) for c in low.captures]
        program = _dumps((replace(low, captures=(), reads=()), captures), known)
    except Unfit:
        return
    _write(path, {"meetings": low.meetings, "reads": reads, "program": program, "kernel": built.kernel})
    if low.meetings and low.extents:
        _write(general, {"meetings": low.meetings})
