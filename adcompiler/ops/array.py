"""Whole-array ops: reductions, products, and the ops their adjoints are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adcompiler.ir.build import Handle, apply, integer
from adcompiler.ir.table import MANY, Attrs, OpDef, define
from adcompiler.ir.types import Array, Dim, Scalar, Type
from adcompiler.ops import infer

Axis = tuple[int, ...] | None


def reduced(dims: tuple[Dim, ...], axis: Axis, keepdims: bool) -> tuple[Dim, ...]:
    gone = set(range(len(dims)) if axis is None else axis)
    if keepdims:
        return tuple(1 if k in gone else d for k, d in enumerate(dims))
    return tuple(d for k, d in enumerate(dims) if k not in gone)


def _reduction(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    dims = reduced(a.dims, attrs.get("axis"), attrs.get("keepdims", False))
    dtype = _summed(a.dtype)
    return (Array(dtype, dims) if dims else Scalar(dtype),)


def _summed(dtype: str) -> str:
    """The dtype of a sum of these."""
    return "i64" if dtype[0] in "ib" else "u64" if dtype[0] == "u" else dtype


def _like(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    """Operand 0 brought to the shape of operand 1, of which only the shape is read."""
    value, like = types
    (dtype,) = infer.dtypes([value])
    return (Array(dtype, like.dims) if isinstance(like, Array) else Scalar(dtype),)


def _spread(g: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """g, a reduction of x over `axis`, copied back along it."""
    if axis is not None and not keepdims:
        g = np.expand_dims(g, axis)
    return np.array(np.broadcast_to(g, np.shape(x)), order="C")


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
define(OpDef("matmul_renewed", lambda types, attrs: _matmul(types[1:], attrs), kind="linear", reads=(1, 2),
             writes=(0,), renews=True, may_raise=lambda op: True, emit="matmul_renewed({0}, {1}, {2})",
             kernel="native.matmul_renewed({0}, {1}, {2})", doc="none: a late pass"))  # fmt: skip
define(OpDef("outer", _outer, np.outer, kind="linear", linear=(0, 1),
             transpose=(lambda g, y, a, b: apply("matmul", g, b), lambda g, y, a, b: apply("matmul", a, g)),
             element=lambda b, op, at, read, size: b.op("mul", read(0, at[:1]), read(1, at[1:])),
             extents=lambda b, op, size: [size(0, 0), size(1, 0)], emit="np.outer({0}, {1})"))  # fmt: skip


def permutation(attrs: Attrs, rank: int) -> tuple[int, ...]:
    """The axes of a transpose: all reversed unless they are given."""
    axes: tuple[int, ...] = attrs.get("axes") or tuple(range(rank))[::-1]
    return axes


def _transpose(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    axes = permutation(attrs, a.rank)
    if sorted(axes) != list(range(a.rank)):
        raise TypeError(f"the axes {axes} are no permutation of those of {a}")
    return (Array(a.dtype, tuple(a.dims[k] for k in axes), a.strided or list(axes) != sorted(axes)),)


def _order(op: Any) -> tuple[int, ...]:
    return permutation(op.attrs, op.result.type.rank)


def _before(op: Any, at: Sequence[Any]) -> list[Any]:
    """The indices of the operand's element that stands at these of the result."""
    return [i for _, i in sorted(zip(_order(op), at, strict=True), key=lambda pair: pair[0])]


def _transposed_back(g: Any, y: Any, x: Any, axes: Axis = None) -> Any:
    if axes is None:
        return apply("transpose", g)
    return apply("transpose", g, axes=tuple(axes.index(k) for k in range(len(axes))))


define(OpDef("transpose", _transpose, lambda x, axes=None: np.transpose(x, axes), kind="view", reads=(),
             allocates=False, linear=(0,), cheap=True, transpose=(_transposed_back,), emit="{0}.T",
             element=lambda b, op, at, read, size: read(0, _before(op, at)),
             extents=lambda b, op, size: [size(0, k) for k in _order(op)]))  # fmt: skip


# Shapes. `reshape %x, %n, %m` is a view: its operand is contiguous. One extent may be -1.
def _reshape(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    for t in types[1:]:
        infer.index(t)
    if a.strided:
        raise TypeError(f"a view of {a} in another shape")
    return (Array(a.dtype, attrs.get("dims", (None,) * (len(types) - 1))),)


def _reshaped_back(g: Any, y: Any, x: Any, *extents: Any, **attrs: Any) -> Any:
    """g in the shape of x, in memory of its own where it is not contiguous."""
    if g.type.strided:
        g = apply("copy", g)
    sizes = [extent_of(x, k) for k in range(_rank(x))]
    return apply("reshape", g, *sizes, dims=x.type.dims, checked=True)


define(OpDef("reshape", _reshape, lambda x, *extents, **known: np.reshape(x, extents), kind="view", reads=(),
             allocates=False, linear=(0,), cheap=True, may_raise=lambda op: True,
             transpose=(_reshaped_back,), emit="{0}.reshape"))  # fmt: skip
# A copy that NumPy may not make: where the difference shows, the program is refused (driver.refuse_unclear).
define(OpDef("contiguous", infer.numeric, np.array, partials=(lambda g, y, x: g,), emit="{0}.copy()"))


# Making.
def _iota(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    infer.index(types[0])
    return (Array("i64", attrs.get("dims", (None,))),)


define(OpDef("iota", _iota, lambda n, dims=(): np.arange(n), kind="array", zero=True, emit="np.arange({0})",
             element=lambda b, op, at, read, size: at[0], extents=lambda b, op, size: [op.args[0]]))  # fmt: skip


def _concatenate(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    first, *rest = (infer.array(t) for t in types)
    axis, dims = attrs["axis"], list(first.dims)
    for t in rest:
        if t.rank != first.rank:
            raise ValueError(f"{first} and {t} differ in rank")
        for k, d in enumerate(t.dims):
            if k == axis:
                known = isinstance(d, int) and isinstance(dims[k], int)
                dims[k] = dims[k] + d if known else None  # type: ignore[operator]
            elif isinstance(d, int) and isinstance(dims[k], int) and d != dims[k]:
                raise ValueError(f"{first} and {t} differ along axis {k}")
            else:
                dims[k] = d if dims[k] is None else dims[k]
    return (Array(infer.same(types), tuple(dims)),)


def extent_of(x: Any, axis: int) -> Any:
    """The extent of an axis of a handle: a literal where it is known."""
    known = x.type.dims[axis]
    return Handle(x.builder, integer(known)) if isinstance(known, int) else apply("dim", x, axis=axis)


def _part(k: int) -> Any:
    """The rule of operand k of a concatenation: its part of g."""

    def rule(g: Any, y: Any, *xs: Any, axis: int) -> Any:
        lo = hi = None
        for x in xs[: k + 1]:
            size = extent_of(x, axis)
            lo, hi = hi, size if hi is None else hi + size
        given = [v for v in (lo, hi) if v is not None]
        code = "010" if lo is None else "110"
        items = ["000"] * _rank(g)
        items[axis] = code
        return apply("view", g, *given, index=tuple(items))

    return rule


define(OpDef("concatenate", _concatenate, lambda *xs, axis: np.concatenate(xs, axis), kind="array",
             linear=tuple(range(MANY)), additive=True, transpose=tuple(map(_part, range(MANY))),
             may_raise=lambda op: True, emit="np.concatenate"))  # fmt: skip


# Prefix sums along an axis.
def _cumulative(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    return (Array(_summed(a.dtype), a.dims),)


def flipped(x: Any, axis: int) -> Any:
    """x backwards along an axis, as a view."""
    items = ["000"] * _rank(x)
    items[axis] = "001"
    return x.call("view", x, Handle(x.builder, integer(-1)), index=tuple(items))


define(OpDef("cumsum", _cumulative, lambda x, axis: np.cumsum(x, axis), kind="array", linear=(0,),
             transpose=(lambda g, y, x, axis: flipped(apply("cumsum", flipped(g, axis), axis=axis), axis),),
             emit="np.cumsum"))  # fmt: skip
