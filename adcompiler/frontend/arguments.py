"""Arguments of array functions: by name, dtypes, shapes, axes, what NumPy takes for an array."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import array_of, static_int
from adcompiler.frontend.promote import cast, dtype_name, need_number
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Val, describe, is_none
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.types import Dim

Kwargs = dict[str, Val]
Handler = Callable[[Context, list[Val], Kwargs, "ast.Call | None"], Val]


def arguments(cx: Context, name: str, names: str, args: list[Val], kwargs: Kwargs, required: int = 1) -> list[Any]:
    """The arguments in the order of `names`, None where not given; the first `required` have to be."""
    wanted = names.split()
    unknown = [k for k in kwargs if k not in wanted]
    if unknown or len(args) > len(wanted):
        what = f"the argument '{unknown[0]}'" if unknown else "so many arguments"
        raise cx.error(f"{name}: {what} is not built yet", kind=UnsupportedFunction)
    given = dict(zip(wanted, args, strict=False)) | kwargs
    missing = [n for n in wanted[:required] if n not in given]
    if missing:
        raise cx.error(f"{name} is missing the argument '{missing[0]}'")
    return [given.get(n) for n in wanted]


def dtype_of(cx: Context, v: Val | None, default: str) -> str:
    """A dtype argument."""
    if v is None or is_none(v):
        return default
    if isinstance(v, Obj):
        try:
            return dtype_name(cx, np.dtype(v.value))
        except TypeError:
            pass
    raise cx.error(f"{describe(v)} is not a dtype", "np.float64, np.float32, np.int64, bool ...")


def extents(cx: Context, shape: Val, negative: bool = False) -> tuple[list[Operand], tuple[Dim, ...]]:
    """The sizes of a shape argument, and what is known of them; `negative`: one may be -1."""
    items = shape.items if isinstance(shape, Seq) else (shape,)
    for i in items:
        if not (isinstance(i, Num) and i.dtype[0] in "iu"):
            raise cx.error(f"a shape is made of integers, not {describe(i)}")
    ops = [cast(cx, i.op, "i64") for i in items if isinstance(i, Num)]
    for op in ops:
        if isinstance(op, Const) and op.value < (-1 if negative else 0):
            raise cx.error("negative dimensions are not allowed")
    return ops, tuple(int(op.value) if isinstance(op, Const) else None for op in ops)


def array_like(cx: Context, v: Val) -> Num | Arr:
    """A number, an array, or a tuple of them as an array."""
    return array_of(cx, v) if isinstance(v, Seq) else need_number(cx, v)


def static_axis(cx: Context, v: Val, rank: int) -> int:
    """A literal axis, counted from the front."""
    if not (isinstance(v, Num) and v.known and v.dtype != "f64"):
        raise cx.error("an axis must be a literal", "axis=0")
    k = static_int(cx, v)
    if not -rank <= k < rank:
        raise cx.error(f"axis {k} is out of bounds for an array with {rank} axes")
    return k % rank


def ordered_axes(cx: Context, axis: Val | None, rank: int) -> tuple[int, ...] | None:
    """Literal axes, counted from the front and sorted; None for all of them."""
    if axis is None or is_none(axis):
        return None
    found = sorted(static_axis(cx, v, rank) for v in (axis.items if isinstance(axis, Seq) else (axis,)))
    if len(set(found)) < len(found):
        raise cx.error("an axis is given twice")
    return tuple(found)
