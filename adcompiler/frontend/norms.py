"""Norms of vectors and matrices, as compositions of ops."""

from __future__ import annotations

import ast
import math
from typing import Any

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.arguments import Kwargs, arguments
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import array_of, static_int
from adcompiler.frontend.promote import binary, cast, common, need_number, wrap
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Val, describe, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.types import Scalar


def floats(cx: Context, name: str, *values: Val) -> list[Arr]:
    """Array arguments in their common floating dtype: integers are read as float64."""
    arrays = []
    for v in values:
        a = array_of(cx, v) if isinstance(v, Seq) else need_number(cx, v, "an array")
        if not isinstance(a, Arr):
            raise cx.error(f"{name} needs an array, not {describe(a)}")
        arrays.append(a)
    dtype = common(cx, arrays)
    dtype = dtype if dtype[0] == "f" else "f64"
    return [a if a.dtype == dtype else Arr(cx.op("cast", a.op, dtype=dtype)) for a in arrays]


def flag(cx: Context, v: Val | None, default: bool = False) -> bool:
    """A literal bool."""
    return default if v is None else bool(static_int(cx, v))


def _axes(cx: Context, axis: Val | None, rank: int) -> tuple[int, ...] | None:
    """The axes of a norm, in the order given: rows, then columns."""
    if axis is None or is_none(axis):
        return None
    given = [static_int(cx, v) for v in (axis.items if isinstance(axis, Seq) else (axis,))]
    for k in given:
        if not -rank <= k < rank:
            raise cx.error(f"axis {k} is out of bounds for an array with {rank} axes")
    return tuple(k % rank for k in given)


def sum_of(cx: Context, x: Num | Arr, axes: tuple[int, ...] | None, keep: bool) -> Num | Arr:
    attrs: dict[str, Any] = ({} if axes is None else {"axis": tuple(sorted(axes))}) | (
        {"keepdims": True} if keep else {}
    )
    return wrap(cx, cx.op("sum", x.op, **attrs))


def norm(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, order, axis, keepdims = arguments(cx, "linalg.norm", "x ord axis keepdims", args, kwargs)
    if isinstance(x, Num):
        return wrap(cx, cx.op("abs", x.op))
    (x,) = floats(cx, "linalg.norm", x)
    keep = keepdims is not None and bool(static_int(cx, keepdims))
    return norm_of(cx, x, order_of(cx, order), _axes(cx, axis, x.type.rank), keep)


def norm_of(cx: Context, x: Arr, order: Any, axes: tuple[int, ...] | None, keep: bool) -> Val:
    if order is None and (axes is None or len(axes) < 3):
        return _length(cx, x, axes, keep)
    given = tuple(range(x.type.rank)) if axes is None else axes
    if len(given) == 1:
        return _of_vectors(cx, x, order, given, keep)
    if len(given) == 2:
        return _of_matrices(cx, x, order, given, keep)
    raise cx.error("a norm is taken along one axis (of vectors) or two (of matrices)", "axis=", UnsupportedFunction)


def order_of(cx: Context, order: Val | None) -> Any:
    """None, a number, 'fro' or 'nuc'."""
    if order is None or is_none(order):
        return None
    if isinstance(order, Num) and order.known:
        return float(order.value)
    if isinstance(order, Obj) and order.value in ("fro", "nuc"):
        return order.value
    raise cx.error(f"the order of a norm is a literal number, 'fro' or 'nuc', not {describe(order)}")


def _length(cx: Context, x: Arr, axes: tuple[int, ...] | None, keep: bool) -> Val:
    squares = sum_of(cx, Arr(cx.op("square", x.op)), axes, keep)
    return wrap(cx, cx.op("length", squares.op))


def _of_vectors(cx: Context, x: Arr, order: Any, axes: tuple[int, ...], keep: bool) -> Val:
    if order == 2:
        return _length(cx, x, axes, keep)
    if isinstance(order, str):
        raise cx.error(f"the order {order!r} is for matrices")
    zero = const(0.0, Scalar(x.dtype))
    if order == 0:
        counted = sum_of(cx, Arr(cx.op("ne", x.op, zero)), axes, keep)
        return wrap(cx, cast(cx, counted.op, x.dtype))
    sizes = Arr(cx.op("abs", x.op))
    if abs(order) == math.inf:
        return extreme(cx, "max" if order > 0 else "min", sizes, axes, keep)
    if order == 1:
        return sum_of(cx, sizes, axes, keep)
    total = sum_of(cx, binary(cx, "Pow", sizes, number(order)), axes, keep)
    # The derivative at 0 is 0: the root is taken of 1 there, and not looked at.
    none = cx.op("eq", total.op, zero)
    one = cx.op("select", none, const(1.0, Scalar(x.dtype)), total.op)
    root = cx.op("pow", one, const(1.0 / order, Scalar(x.dtype)))
    return wrap(cx, cx.op("select", none, zero, root))


def _of_matrices(cx: Context, x: Arr, order: Any, axes: tuple[int, ...], keep: bool) -> Val:
    if order in (None, "fro"):
        return _length(cx, x, axes, keep)
    row, column = axes
    if order == "nuc" or abs(order) == 2:
        return _of_singular_values(cx, x, order, axes, keep)
    if abs(order) not in (1, math.inf):
        raise cx.error(f"there is no matrix norm of order {order:g}", "1, 2, -1, -2, np.inf, -np.inf, 'fro' or 'nuc'")
    summed, left = (row, column) if abs(order) == 1 else (column, row)
    totals = sum_of(cx, Arr(cx.op("abs", x.op)), (summed,), keep)
    at = left if keep or left < summed else left - 1
    return extreme(cx, "max" if order > 0 else "min", totals, (at,), keep)


def _of_singular_values(cx: Context, x: Arr, order: Any, axes: tuple[int, ...], keep: bool) -> Val:
    if x.type.rank != 2 or keep:
        raise cx.error("norms by singular values of more than one matrix, or with keepdims, are not built yet",
                       "a loop", UnsupportedFunction)  # fmt: skip
    s = cx.op("svdvals", cx.op("transpose", x.op) if axes == (1, 0) else x.op)
    if order == "nuc":
        return wrap(cx, cx.op("sum", s))
    return wrap(cx, cx.op("load", s, integer(0 if order > 0 else -1)))


def extreme(cx: Context, which: str, x: Num | Arr, axes: tuple[int, ...], keep: bool) -> Num | Arr:
    """np.max or np.min along axes."""
    attrs: dict[str, Any] = {"axis": tuple(sorted(axes))} | ({"keepdims": True} if keep else {})
    return wrap(cx, cx.op(which, x.op, **attrs))
