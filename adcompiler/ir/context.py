"""What the text form leaves unsaid: the type of a bare literal, and attributes that a result type implies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcompiler.ir.types import Array, Scalar, Stack, Type, b1, i64

ALLOCATION = ("dtype", "dims")
# Attributes that are not printed where the result type implies them, and come back from it.
RESTORED: dict[str, tuple[str, ...]] = {
    "empty": ALLOCATION,
    "zeros": ALLOCATION,
    "full": ("dims",),
    "iota": ("dims",),
    "reshape": ("dims",),
    "empty_like": ("dtype",),
    "zeros_like": ("dtype",),
    "cast": ("dtype",),
    "undef": ("type",),
    "stack": ("elem",),
}


def implied(key: str, type: Type) -> Any:
    """The attribute `key` as the result type implies it."""
    return type if key == "type" else getattr(type, key)


def literal_types(name: str, types: Sequence[Type | None], results: Sequence[Type]) -> Sequence[Type | None]:
    """The type that a bare literal has at each operand position; `types` holds None where a literal stands."""
    count = len(types)
    if name in ("load", "view"):
        return [None] + [i64] * (count - 1)
    if name in ("store", "update"):
        return [None] + [i64] * (count - 2) + [_element(types[0])]
    if name in ("empty", "zeros", "iota"):
        return [i64] * count
    if name in ("gather", "withdraw", "reshape"):
        return [None] + [i64] * (count - 1)
    if name in ("scatter", "scatter_add"):
        return [None] + [i64] * (count - 2) + [_element(types[0])]
    if name == "full":
        return [_element(results[0])] + [i64] * (count - 1)
    if name == "push":
        return [None, types[0].elem if isinstance(types[0], Stack) else None]
    if name == "raise_if":
        return [b1]
    if name == "select":
        return [b1] + [_common([*types[1:], *results])] * (count - 1)
    return [_common([*types, *results])] * count


def _element(type: Type | None) -> Scalar | None:
    return Scalar(type.dtype) if isinstance(type, Array | Scalar) else None


def _common(types: Sequence[Type | None]) -> Scalar | None:
    """The dtype of the first operand that has one, else of the result."""
    return next((e for t in types if (e := _element(t)) is not None), None)
