"""Kernel text -> compiled function, through Numba and its on-disk cache."""

from __future__ import annotations

import gc
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numba
from numba.core.errors import NumbaError, NumbaPerformanceWarning

from adcompiler.backends import cache
from adcompiler.errors import AdcompilerError, InternalError
from adcompiler.ir.core import Function
from adcompiler.ir.types import DTYPES, Array, Stack, Type
from adcompiler.runtime import buffers
from adcompiler.runtime.given import Given

Signature = tuple[Any, ...]


@dataclass(frozen=True)
class Compiled:
    """A function that Numba compiles at its first call; `path` is its module's file, None if only in memory."""

    function: Any
    path: Path | None
    text: str
    entry: str

    def direct(self, signature: Signature) -> Any:
        """The machine code for these types: it takes what it is given, so the caller must know that it has them."""
        return self.function.overloads[signature].entry_point


def compile(
    text: str,
    entry: str,
    key: tuple[str, ...] = (),
    signature: Signature | None = None,
    ir: str = "",
    stored: bool = True,
) -> Compiled:
    """Import the module `text`; with a signature also compile (or load from the cache) at once."""
    module, path = cache.load(text, key) if stored else (cache.in_memory(text, key), None)
    compiled = Compiled(getattr(module, entry), path, text, entry)
    if signature is None:
        return compiled
    with reporting(compiled, ir):
        try:
            build(compiled, signature)
        except (NumbaError, AdcompilerError):
            raise
        except Exception:  # a cache file that was cut off or overwritten: compile anew
            if path is None:
                raise
            cache.forget(path)
            compiled = Compiled(getattr(cache.imported(module.__name__, path), entry), path, text, entry)
            build(compiled, signature)
    return compiled


def guarded(compiled: Compiled, entry: str, params: Sequence[Type], ir: str) -> Any:
    """The machine code of another function of the same module. It raises BufferError for what is in the place of an
    array and is not one of that type; numbers it takes as they are given."""
    signature = tuple(Given(numba_type(t)) if isinstance(t, Array) else numba_type(t) for t in params)
    module = compiled.function.py_func.__globals__
    other = replace(compiled, function=module[entry], entry=entry)
    buffers.publish(module["__name__"], compiled.function)
    if not other.function.signatures:
        with reporting(other, ir):
            build(other, signature)
    return other.direct(signature)


def build(compiled: Compiled, signature: Signature) -> None:
    """Compile for the signature, or load what another process compiled."""
    with warnings.catch_warnings(), undisturbed():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)  # products of strided arrays are right, only slower
        compiled.function.compile(signature)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector away from what exists already: while Numba makes its many small objects, it would go
    through all of the process again and again, a quarter of the time that a compilation takes."""
    mine = gc.get_freeze_count() == 0  # else the user, or another thread, has done it
    if mine:
        gc.freeze()
    try:
        yield
    finally:
        if mine:
            gc.unfreeze()


@contextmanager
def reporting(compiled: Compiled, ir: str = "") -> Iterator[None]:
    """Turn Numba's compile errors, which are ours, into an InternalError with all that a bug report needs."""
    try:
        yield
    except NumbaError as error:
        with tempfile.NamedTemporaryFile("w", prefix="adcompiler-bug-", suffix=".txt", delete=False) as report:
            report.write(f"{error}\n\n--- module ---\n{compiled.text}\n\n--- IR ---\n{ir}\n")
        first = str(error).strip().splitlines()[0]
        raise InternalError(
            f"Numba refused generated code: this is a bug in adcompiler. Please report it with {report.name} ({first})"
        ) from error


def signature_of(fn: Function) -> Signature:
    """The Numba types of the function's parameters."""
    return tuple(numba_type(p.type) for p in fn.params)


def numba_type(t: Type) -> Any:
    """C-contiguous arrays unless the IR says strided."""
    if isinstance(t, Stack):
        return numba.types.List(numba_type(t.elem))  # type: ignore[no-untyped-call]
    scalar = numba.from_dtype(DTYPES[t.dtype])
    if not isinstance(t, Array):
        return scalar
    return numba.types.Array(scalar, t.rank, "A" if t.strided else "C")
