"""Type rules shared by the entries of the op table."""

from __future__ import annotations

from collections.abc import Sequence

from adcompiler.ir.table import Attrs
from adcompiler.ir.types import Array, Scalar, Stack, Type, b1, broadcast


def shaped(dtype: str, types: Sequence[Type]) -> Scalar | Array:
    """The result of an elementwise op: an array as soon as one operand is one."""
    arrays = [t.dims for t in types if isinstance(t, Array)]
    return Array(dtype, broadcast(*arrays)) if arrays else Scalar(dtype)


def dtypes(types: Sequence[Type]) -> list[str]:
    names = []
    for t in types:
        if isinstance(t, Stack):
            raise TypeError("a tape is not a number")
        names.append(t.dtype)
    return names


def same(types: Sequence[Type]) -> str:
    """The one dtype of all operands."""
    names = set(dtypes(types))
    if len(names) != 1:
        raise TypeError(f"operands differ in dtype: {', '.join(map(str, types))}")
    return names.pop()


def numeric(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    """All operands of one dtype, which the result has too."""
    return (shaped(same(types), types),)


def floating(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    dtype = same(types)
    if dtype[0] != "f":
        raise TypeError(f"needs floats, not {dtype}")
    return (shaped(dtype, types),)


def integral(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    dtype = same(types)
    if dtype[0] == "f":
        raise TypeError(f"needs integers or bools, not {dtype}")
    return (shaped(dtype, types),)


def comparison(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    same(types)
    return (shaped("b1", types),)


def predicate(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    dtypes(types)
    return (shaped("b1", types),)


def boolean(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    if set(dtypes(types)) != {"b1"}:
        raise TypeError(f"needs bools, not {', '.join(map(str, types))}")
    return (shaped("b1", types),)


def selection(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    mask, *rest = types
    if dtypes([mask]) != ["b1"]:
        raise TypeError(f"a condition is b1, not {mask}")
    return (shaped(same(rest), types),)


def casting(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    dtypes(types)
    return (shaped(attrs["dtype"], types),)


def array(t: Type) -> Array:
    if not isinstance(t, Array):
        raise TypeError(f"needs an array, not {t}")
    return t


def scalar(t: Type) -> Scalar:
    if not isinstance(t, Scalar):
        raise TypeError(f"needs a scalar, not {t}")
    return t


def index(t: Type) -> None:
    if not (isinstance(t, Scalar) and t.dtype[0] in "iu"):
        raise TypeError(f"an index is an integer, not {t}")


def nothing(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return ()


def condition(t: Type) -> None:
    if t != b1:
        raise TypeError(f"a condition is b1, not {t}")
