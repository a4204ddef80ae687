"""The types of the IR: scalars, arrays (handles to memory) and tapes.

type  ::= dtype                        f64 f32 i64 i32 ... b1
        | dtype '[' dim, ... ']'       an array; dim ::= ':' | name | integer '*' name | integer
        | 'strided' array              not known to be C-contiguous
        | 'stack(' type ')'            a tape: push and pop
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

DTYPES: dict[str, np.dtype] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
    "i64": np.dtype(np.int64),
    "i32": np.dtype(np.int32),
    "i16": np.dtype(np.int16),
    "i8": np.dtype(np.int8),
    "u64": np.dtype(np.uint64),
    "u32": np.dtype(np.uint32),
    "u16": np.dtype(np.uint16),
    "u8": np.dtype(np.uint8),
    "b1": np.dtype(np.bool_),
}
NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in DTYPES.items()}

Dim = int | str | None


@dataclass(frozen=True, slots=True)
class Scalar:
    dtype: str

    def __str__(self) -> str:
        return self.dtype


@dataclass(frozen=True, slots=True)
class Array:
    """A handle to memory. A dim is an integer where it is known, a name, a multiple of one (`4*n`) or None where it is
    not."""

    dtype: str
    dims: tuple[Dim, ...]
    strided: bool = False

    @property
    def rank(self) -> int:
        return len(self.dims)

    def __str__(self) -> str:
        dims = ", ".join(":" if d is None else str(d) for d in self.dims)
        return f"{'strided ' if self.strided else ''}{self.dtype}[{dims}]"


@dataclass(frozen=True, slots=True)
class Stack:
    """A tape of values of one type: last in, first out."""

    elem: Scalar | Array

    def __str__(self) -> str:
        return f"stack({self.elem})"


Type = Scalar | Array | Stack

f64, f32, i64, i32, b1 = (Scalar(n) for n in ("f64", "f32", "i64", "i32", "b1"))


def is_float(t: Type) -> bool:
    """True for float scalars and float arrays: what can carry a derivative."""
    return not isinstance(t, Stack) and t.dtype[0] == "f"


def is_int(t: Type) -> bool:
    return not isinstance(t, Stack) and t.dtype[0] in "iu"


def is_bool(t: Type) -> bool:
    return not isinstance(t, Stack) and t.dtype == "b1"


def np_dtype(t: Scalar | Array) -> np.dtype:
    return DTYPES[t.dtype]


def promote(*dtypes: str) -> str:
    """The dtype NumPy 2 gives two strong operands: i64 and f32 make f64, i32 and i64 make i64."""
    return NAMES[np.result_type(*(DTYPES[d] for d in dtypes))]


def multiple(dim: str) -> tuple[int, str]:
    """What a named dim is: `4*n` is 4 times n, `n` once."""
    count, _, name = dim.rpartition("*")
    return int(count or 1), name


def broadcast(*dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The dims of an elementwise result. Unknown against known: the known one, unless it is 1."""
    rank = max(map(len, dims), default=0)
    padded = [(1,) * (rank - len(d)) + d for d in dims]
    return tuple(_merge(column) for column in zip(*padded, strict=True))


def _merge(column: tuple[Dim, ...]) -> Dim:
    known = [d for d in column if d != 1]
    if not known:
        return 1
    numbers = [d for d in known if isinstance(d, int)]
    if numbers:
        if len(set(numbers)) > 1:
            raise ValueError(f"sizes {numbers[0]} and {numbers[1]} do not broadcast")
        return numbers[0]
    return known[0] if len(set(known)) == 1 else None


def join(a: Type, b: Type) -> Type:
    """The least type that holds both: what a variable has after a branch or in a loop."""
    if a == b:
        return a
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return Scalar(promote(a.dtype, b.dtype))
    if isinstance(a, Array) and isinstance(b, Array) and a.dtype == b.dtype and a.rank == b.rank:
        dims = tuple(x if x == y else None for x, y in zip(a.dims, b.dims, strict=True))
        return replace(a, dims=dims, strided=a.strided or b.strided)
    raise TypeError(f"{a} and {b} have no common type")
