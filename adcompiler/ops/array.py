"""Whole-array ops: reductions, products, and the ops their adjoints are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adcompiler.ir.build import Handle, apply
from adcompiler.ir.table import Attrs, OpDef, define
from adcompiler.ir.types import Array, Dim, Scalar, Type
from adcompiler.ops import infer

Axis = tuple[int, ...] | None


def _reduced(dims: tuple[Dim, ...], axis: Axis, keepdims: bool) -> tuple[Dim, ...]:
    gone = set(range(len(dims)) if axis is None else axis)
    if keepdims:
        return tuple(1 if k in gone else d for k, d in enumerate(dims))
    return tuple(d for k, d in enumerate(dims) if k not in gone)


def _reduction(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    dims = _reduced(a.dims, attrs.get("axis"), attrs.get("keepdims", False))
    dtype = "i64" if a.dtype == "b1" or (a.dtype[0] == "i") else "u64" if a.dtype[0] == "u" else a.dtype
    return (Array(dtype, dims) if dims else Scalar(dtype),)


def _like(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    """Operand 0 brought to the shape of operand 1, of which only the shape is read."""
    value, like = types
    (dtype,) = infer.dtypes([value])
    return (Array(dtype, like.dims) if isinstance(like, Array) else Scalar(dtype),)


def _spread(g: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """g, a reduction of x over `axis`, copied back along it."""
    if axis is not None and not keepdims:
        g = np.expand_dims(g, axis)
    return np.array(np.broadcast_to(g, np.shape(x)))


def _sum_to(g: Any, x: Any) -> Any:
    """g summed over the axes along which x was broadcast to g's shape."""
    shape, rank = np.shape(x), np.ndim(g) - np.ndim(x)
    g = np.sum(g, axis=tuple(range(rank))) if rank > 0 else g
    ones = tuple(k for k, n in enumerate(shape) if n == 1 and np.shape(g)[k] != 1)
    return np.sum(g, axis=ones, keepdims=True) if ones else np.array(g)[()]


def _sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims)


define(OpDef("sum", _reduction, _sum, kind="linear", linear=(0,), emit="np.sum({0})", reduce=(0, "add"),
             transpose=(lambda g, y, x, **at: apply("broadcast_like", g, x, **at),)))  # fmt: skip


def _spread_element(b: Any, op: Any, at: Any, read: Any, size: Any) -> Any:
    """An element of operand 0, brought to the shape of operand 1."""
    value, like = (a.type for a in op.args)
    if not isinstance(value, Array):
        return op.args[0]
    axis = op.attrs.get("axis")
    if axis is None or op.attrs.get("keepdims", False):
        return read(0, at[like.rank - value.rank :], stretch=True)
    gone = {a % like.rank for a in axis}
    return read(0, [i for k, i in enumerate(at) if k not in gone], stretch=True)


define(OpDef("broadcast_like", _like, _spread, kind="linear", linear=(0,), reads=(0,),
             transpose=(lambda g, y, v, x, **at: apply("unspread", g, v, **at), None),
             emit="broadcast_like({0}, {1})", element=_spread_element,
             extents=lambda b, op, size: [size(1, k) for k in range(op.result.type.rank)]))  # fmt: skip


def _unspread(g: Any, v: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The adjoint of broadcast_like: summed over the axes that it made."""
    if axis is None and not keepdims:
        return _sum_to(g, v)
    return np.sum(g, axis=axis, keepdims=keepdims)


define(OpDef("unspread", _like, _unspread, kind="linear", linear=(0,), reads=(0,),
             transpose=(lambda g, y, v, x, **at: apply("broadcast_like", g, v, **at), None),
             emit="sum_to({0}, {1})", reduce=(0, "add")))  # fmt: skip
define(OpDef("sum_to", _like, _sum_to, kind="linear", linear=(0,), reads=(0,),
             transpose=(lambda g, y, v, x: apply("broadcast_like", g, v), None), emit="sum_to({0}, {1})",
             reduce=(0, "add")))  # fmt: skip


def _matmul(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a, b = (infer.array(t) for t in types)
    dtype = infer.same(types)
    if not (1 <= a.rank <= 2 and 1 <= b.rank <= 2):
        raise TypeError(f"products of {a} and {b} are not built yet")
    inner = a.dims[-1], b.dims[0]
    if all(isinstance(d, int) for d in inner) and inner[0] != inner[1]:
        raise ValueError(f"{a} @ {b}: sizes {inner[0]} and {inner[1]} differ")
    dims = a.dims[:-1] + b.dims[1:]
    return (Array(dtype, dims) if dims else Scalar(dtype),)


def _outer(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a, b = (infer.array(t) for t in types)
    return (Array(infer.same(types), (*a.dims, *b.dims)),)


def _rank(x: Any) -> int:
    """The rank of a handle, an array or a number."""
    if isinstance(x, Handle):
        return x.type.rank if isinstance(x.type, Array) else 0
    return int(np.ndim(x))


def _matmul_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    if _rank(a) == 1:
        return g * b if _rank(b) == 1 else apply("matmul", b, g)
    return apply("outer", g, b) if _rank(b) == 1 else apply("matmul", g, apply("transpose", b))


def _matmul_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if _rank(b) == 1:
        return a * g if _rank(a) == 1 else apply("matmul", g, a)
    return apply("outer", a, g) if _rank(a) == 1 else apply("matmul", apply("transpose", a), g)


define(OpDef("matmul", _matmul, np.matmul, kind="linear", linear=(0, 1), may_raise=lambda op: True,
             transpose=(_matmul_left, _matmul_right), emit="{0} @ {1}"))  # fmt: skip
define(OpDef("outer", _outer, np.outer, kind="linear", linear=(0, 1),
             transpose=(lambda g, y, a, b: apply("matmul", g, b), lambda g, y, a, b: apply("matmul", a, g)),
             element=lambda b, op, at, read, size: b.op("mul", read(0, at[:1]), read(1, at[1:])),
             extents=lambda b, op, size: [size(0, 0), size(1, 0)], emit="np.outer({0}, {1})"))  # fmt: skip


def _transpose(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    return (Array(a.dtype, a.dims[::-1], a.strided or a.rank > 1),)


define(OpDef("transpose", _transpose, np.transpose, kind="view", reads=(), allocates=False, linear=(0,), cheap=True,
             element=lambda b, op, at, read, size: read(0, at[::-1]),
             extents=lambda b, op, size: [size(0, k) for k in reversed(range(op.result.type.rank))],
             transpose=(lambda g, y, x: apply("transpose", g),), emit="{0}.T"))  # fmt: skip
