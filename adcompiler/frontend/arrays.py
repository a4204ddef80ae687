"""Array functions and methods: allocation, copies, sums and products."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import array_of, static_int
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.promote import binary, cast, dtype_name, need_number, unify, wrap
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Val, describe, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.types import Dim, Scalar

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


def extents(cx: Context, shape: Val) -> tuple[list[Operand], tuple[Dim, ...]]:
    """The sizes of a shape argument, and what is known of them."""
    items = shape.items if isinstance(shape, Seq) else (shape,)
    for i in items:
        if not (isinstance(i, Num) and i.dtype[0] in "iu"):
            raise cx.error(f"a shape is made of integers, not {describe(i)}")
    ops = [cast(cx, i.op, "i64") for i in items if isinstance(i, Num)]
    for op in ops:
        if isinstance(op, Const) and op.value < 0:
            raise cx.error("negative dimensions are not allowed")
    return ops, tuple(int(op.value) if isinstance(op, Const) else None for op in ops)


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
    ops, dims = _shape(cx, like)
    return Arr(cx.op("full", value, *ops, dims=dims))


def array(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    value, dtype = arguments(cx, "np.array", "object dtype", args, kwargs)
    return _as_array(cx, value, dtype, copy=True)


def asarray(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    value, dtype = arguments(cx, "np.asarray", "a dtype", args, kwargs)
    return _as_array(cx, value, dtype, copy=False)


def contiguous(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    (value,) = arguments(cx, "np.ascontiguousarray", "a", args, kwargs)
    return _as_array(cx, value, None, copy=isinstance(value, Arr) and value.type.strided)


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


def _axes(cx: Context, axis: Val | None, rank: int) -> tuple[int, ...] | None:
    if axis is None or is_none(axis):
        return None
    given = [static_int(cx, v) for v in (axis.items if isinstance(axis, Seq) else (axis,))]
    for k in given:
        if not -rank <= k < rank:
            raise cx.error(f"axis {k} is out of bounds for an array with {rank} axes")
    return tuple(sorted(k % rank for k in given))


def _reduction_arguments(
    cx: Context, name: str, args: list[Val], kwargs: Kwargs
) -> tuple[Num | Arr, tuple[int, ...] | None, bool]:
    x, axis, keepdims = arguments(cx, name, "a axis keepdims", args, kwargs)
    x = array_of(cx, x) if isinstance(x, Seq) else need_number(cx, x)
    rank = x.type.rank if isinstance(x, Arr) else 0
    keep = keepdims is not None and bool(static_int(cx, keepdims))
    return x, _axes(cx, axis, rank), keep


def _sum(cx: Context, x: Arr, axes: tuple[int, ...] | None, keep: bool) -> Num | Arr:
    attrs: dict[str, Any] = ({} if axes is None else {"axis": axes}) | ({"keepdims": True} if keep else {})
    return wrap(cx, cx.op("sum", x.op, **attrs))


def sum_(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axes, keep = _reduction_arguments(cx, "np.sum", args, kwargs)
    return Num(x.op, weak=False) if isinstance(x, Num) else _sum(cx, x, axes, keep)


def mean(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axes, keep = _reduction_arguments(cx, "np.mean", args, kwargs)
    if isinstance(x, Num):
        return binary(cx, "Div", Num(x.op, weak=False), number(1))
    if x.dtype[0] != "f":
        x = Arr(cx.op("cast", x.op, dtype="f64"))
    count = cast(cx, size_of(cx, x, axes), x.dtype)
    return binary(cx, "Div", _sum(cx, x, axes, keep), Num(count, weak=False))


def matmul(cx: Context, a: Val, b: Val) -> Val:
    """a @ b"""
    for v in (a, b):
        if not isinstance(v, Arr):
            raise cx.error(f"@ needs arrays, not {describe(cx.content(v))}", "*")
        if v.type.rank > 2:
            raise cx.error(
                "products of arrays with more than two axes are not built yet", "a loop", UnsupportedFunction
            )
    return wrap(cx, cx.op("matmul", *unify(cx, (need_number(cx, a), need_number(cx, b)))))


def dot(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_of(cx, v) if isinstance(v, Seq) else need_number(cx, v) for v in args)
    if isinstance(a, Num) or isinstance(b, Num):
        return binary(cx, "Mult", a, b)
    return matmul(cx, a, b)


def inner(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if not all(isinstance(v, Arr) and v.type.rank == 1 for v in args):
        raise cx.error("np.inner and np.vdot of other than vectors are not built yet", "@", UnsupportedFunction)
    return matmul(cx, *args)


def outer(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_of(cx, v) if isinstance(v, Seq) else need_number(cx, v) for v in args)
    if not all(isinstance(v, Arr) and v.type.rank == 1 for v in (a, b)):
        raise cx.error("np.outer needs two vectors", kind=UnsupportedFunction)
    return Arr(cx.op("outer", *unify(cx, (a, b))))


def transpose(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) != 1 or kwargs:
        raise cx.error("transpose with axes is not built yet", ".T", UnsupportedFunction)
    x = need_number(cx, args[0])
    return Arr(cx.op("transpose", x.op)) if isinstance(x, Arr) and x.type.rank > 1 else x


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
    np.sum: sum_,
    np.mean: mean,
    np.dot: dot,
    np.matmul: lambda cx, args, kwargs, node: matmul(cx, *args),
    np.inner: inner,
    np.vdot: inner,
    np.outer: outer,
    np.transpose: transpose,
    np.shape: shape,
}
# Methods take the array first.
METHODS: dict[str, Handler] = {
    "sum": sum_,
    "mean": mean,
    "copy": copy,
    "astype": astype,
    "dot": dot,
    "transpose": transpose,
    "fill": fill,
    "item": item,
}
