"""Making arrays: allocation, copies, conversions, sizes."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.arguments import Handler, Kwargs, arguments, dtype_of, extents
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import array_of
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.promote import cast, need_number
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Val
from adcompiler.ir.build import const, integer
from adcompiler.ir.core import Const, Operand, Value
from adcompiler.ir.types import Dim, Scalar


def _filled(name: str, value: float | None) -> Handler:
    """np.zeros, np.ones, np.empty."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        shape, dtype = arguments(cx, f"np.{name}", "shape dtype", args, kwargs)
        return _allocate(cx, *extents(cx, shape), dtype_of(cx, dtype, "f64"), value, name)

    return handler


def _allocate(
    cx: Context, ops: list[Operand], dims: tuple[Dim, ...], dtype: str, value: float | None, name: str
) -> Val:
    if not ops:
        return Num(const(value or 0, Scalar(dtype)), weak=False)
    if name in ("zeros", "empty"):
        return Arr(cx.op(name, *ops, dtype=dtype, dims=dims, hint=name))
    return Arr(cx.op("full", const(value or 0, Scalar(dtype)), *ops, dims=dims, hint=name))


def _filled_like(name: str, value: float | None) -> Handler:
    """np.zeros_like, np.ones_like, np.empty_like."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        like, dtype = arguments(cx, f"np.{name}", "a dtype", args, kwargs)
        like = array_of(cx, like) if isinstance(like, Seq) else need_number(cx, like)
        kind = dtype_of(cx, dtype, like.dtype)
        if isinstance(like, Num):
            return Num(const(value or 0, Scalar(kind)), weak=False)
        if name == "ones_like":
            return _allocate(cx, *_shape(cx, like), kind, value, "ones")
        return Arr(cx.op(name, like.op, dtype=kind, hint=name))

    return handler


def _shape(cx: Context, a: Arr) -> tuple[list[Operand], tuple[Dim, ...]]:
    return [extent(cx, a, k) for k in range(a.type.rank)], a.type.dims


def full(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    shape, fill, dtype = arguments(cx, "np.full", "shape fill_value dtype", args, kwargs, 2)
    fill = need_number(cx, fill)
    value = cast(cx, fill.op, dtype_of(cx, dtype, fill.dtype))
    ops, dims = extents(cx, shape)
    return Arr(cx.op("full", value, *ops, dims=dims)) if ops else Num(value, weak=False)


def full_like(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    like, fill, dtype = arguments(cx, "np.full_like", "a fill_value dtype", args, kwargs, 2)
    like, fill = need_number(cx, like), need_number(cx, fill)
    value = cast(cx, fill.op, dtype_of(cx, dtype, like.dtype))
    if isinstance(like, Num):
        return Num(value, weak=False)
    return Arr(cx.op("broadcast_like", value, like.op))


def array(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    value, dtype = arguments(cx, "np.array", "object dtype", args, kwargs)
    return _as_array(cx, value, dtype, copy=True)


def asarray(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    value, dtype = arguments(cx, "np.asarray", "a dtype", args, kwargs)
    return _as_array(cx, value, dtype, copy=False)


def contiguous(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    (value,) = arguments(cx, "np.ascontiguousarray", "a", args, kwargs)
    if isinstance(value, Arr) and value.type.strided:
        return Arr(cx.op("contiguous", value.op, hint=f"{value.op.name}_copy"))
    return _as_array(cx, value, None, copy=False)


def _as_array(cx: Context, value: Val, dtype: Val | None, copy: bool) -> Val:
    if isinstance(value, Seq):
        return array_of(cx, value, None if dtype is None else dtype_of(cx, dtype, "f64"))
    x = need_number(cx, value)
    kind = dtype_of(cx, dtype, x.dtype)
    if isinstance(x, Num):
        return Num(cast(cx, x.op, kind), weak=False)
    if kind != x.dtype:
        return Arr(cx.op("cast", x.op, dtype=kind))
    return Arr(cx.op("copy", x.op)) if copy else x


def copied(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """The method, whose result is in C's order; np.copy keeps the order of strides."""
    result = copy(cx, args, kwargs, node)
    if isinstance(result, Arr) and isinstance(result.op, Value) and not kwargs:
        cx.orders[result.op] = ()
    return result


def copy(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x = need_number(cx, args[0])
    return Arr(cx.op("copy", x.op, hint=f"{x.op.name}_copy")) if isinstance(x, Arr) else Num(x.op, weak=False)


def astype(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, dtype = arguments(cx, ".astype", "a dtype", args, kwargs)
    return _as_array(cx, x, dtype, copy=True)


def size_of(cx: Context, a: Arr, axes: tuple[int, ...] | None = None) -> Operand:
    """The number of elements (along some axes)."""
    total: Operand = integer(1)
    for k in range(a.type.rank) if axes is None else axes:
        n = extent(cx, a, k)
        if isinstance(total, Const) and isinstance(n, Const):
            total = integer(int(total.value * n.value))
        else:
            total = n if total == integer(1) else cx.op("mul", total, n)
    return total


def shape(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x = need_number(cx, args[0])
    return Seq(tuple([Num(n) for n in _shape(cx, x)[0]]) if isinstance(x, Arr) else ())


def fill(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, value = args
    assert isinstance(a, Arr)
    cx.do("assign", a.op, cast(cx, need_number(cx, value).op, a.dtype))
    return Obj(None)


def item(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) == 1 and isinstance(args[0], Num):
        return Num(args[0].op)
    raise cx.error(".item() of an array is not built yet", "a[i]", UnsupportedFunction)


ARRAY_FUNCTIONS: dict[Any, Handler] = {
    np.zeros: _filled("zeros", 0.0),
    np.ones: _filled("ones", 1.0),
    np.empty: _filled("empty", None),
    np.zeros_like: _filled_like("zeros_like", 0.0),
    np.ones_like: _filled_like("ones_like", 1.0),
    np.empty_like: _filled_like("empty_like", None),
    np.full: full,
    np.full_like: full_like,
    np.array: array,
    np.asarray: asarray,
    np.ascontiguousarray: contiguous,
    np.copy: copy,
    np.shape: shape,
}
# Methods take the array first.
METHODS: dict[str, Handler] = {
    "copy": copied,
    "astype": astype,
    "fill": fill,
    "item": item,
}
