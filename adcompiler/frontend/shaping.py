"""Array functions that move elements without computing: shapes, axes, joining and splitting, repeating, padding."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.arguments import Handler, Kwargs, arguments, array_like, extents, ordered_axes, static_axis
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import read, static_int
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.promote import binary, common, need_number, unify
from adcompiler.frontend.values import NONE, Arr, Num, Seq, Slice, Val, describe, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.table import MANY
from adcompiler.ir.types import Dim, Scalar

FULL = Slice(NONE, NONE, NONE)


def known(op: Operand) -> Dim:
    return int(op.value) if isinstance(op, Const) else None


def plus(cx: Context, a: Operand, b: Operand) -> Operand:
    return calculated(cx, "Add", a, b)


def calculated(cx: Context, kind: str, a: Operand, b: Operand) -> Operand:
    """Integer arithmetic, done now where both sides are literals."""
    return need_number(cx, binary(cx, kind, Num(a), Num(b))).op


def part(cx: Context, a: Arr, axis: int, lo: Val, hi: Val, step: Val = NONE) -> Arr:
    """a[..., lo:hi:step, ...] along an axis."""
    found = read(cx, a, Seq((FULL,) * axis + (Slice(lo, hi, step),)))
    assert isinstance(found, Arr)
    return found


def spread(cx: Context, a: Arr, items: Sequence[str]) -> Arr:
    """A view with new axes ('n') among the old ones."""
    return Arr(cx.op("view", a.op, index=tuple("n" if i == "n" else "000" for i in items)))


# Shapes.
def contiguous(cx: Context, a: Arr) -> Arr:
    """The array in C order: itself if it is known to be, else a copy."""
    return Arr(cx.op("contiguous", a.op, hint=f"{a.op.name}_copy")) if a.type.strided else a


def reshaped(cx: Context, a: Num | Arr, sizes: list[Operand], copy: bool = False) -> Val:
    """The array in another shape; one size may be -1, which is what is left."""
    if isinstance(a, Num):
        ones = [integer(1)] * len(sizes)
        return Arr(cx.op("full", a.op, *ones, dims=(1,) * len(sizes))) if sizes else a
    if not sizes:
        return read(cx, a, Seq((number(0),) * a.type.rank))
    base = Arr(cx.op("copy", a.op)) if copy else contiguous(cx, a)
    if a.type.rank == len(sizes) == 1 and sizes[0] == integer(-1):
        return base
    whole = all(isinstance(d, int) for d in a.type.dims)
    if whole and all(isinstance(s, Const) for s in sizes):
        sizes = _completed(cx, a, [int(s.value) for s in sizes if isinstance(s, Const)])
    dims = tuple(None if d == -1 else d for d in map(known, sizes))
    return Arr(cx.op("reshape", base.op, *sizes, dims=dims, hint=a.op.name))


def _completed(cx: Context, a: Arr, sizes: list[int]) -> list[Operand]:
    """Sizes known when compiling, the -1 among them replaced."""
    total = int(np.prod([d for d in a.type.dims if isinstance(d, int)]))
    rest = int(np.prod([s for s in sizes if s != -1]))
    fits = (rest != 0 and total % rest == 0) if -1 in sizes else total == rest
    if not fits:
        raise cx.error(f"can't reshape {a.type} to {tuple(sizes)}")
    return [integer(total // rest if s == -1 else s) for s in sizes]


def flattened(cx: Context, a: Num | Arr) -> Arr:
    """The elements in a row, to be read: a vector is taken as it is."""
    if isinstance(a, Arr) and a.type.rank == 1:
        return a
    flat = reshaped(cx, a, [integer(1 if isinstance(a, Num) else -1)])
    assert isinstance(flat, Arr)
    return flat


def reshape(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) > 2:  # x.reshape(n, m)
        args = [args[0], Seq(tuple(args[1:]))]
    kwargs = {("shape" if k == "newshape" else k): v for k, v in kwargs.items()}
    a, shape = arguments(cx, "np.reshape", "a shape", args, kwargs, 2)
    sizes, _ = extents(cx, shape, negative=True)
    if sum(s == integer(-1) for s in sizes) > 1:
        raise cx.error("a shape can have only one -1")
    return reshaped(cx, array_like(cx, a), sizes)


def ravel(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    (a,) = arguments(cx, "np.ravel", "a", args, kwargs)
    return reshaped(cx, array_like(cx, a), [integer(-1)])


def flatten(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    (a,) = arguments(cx, ".flatten", "a", args, kwargs)
    return reshaped(cx, array_like(cx, a), [integer(-1)], copy=True)


def squeeze(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, axis = arguments(cx, "np.squeeze", "a axis", args, kwargs)
    a = array_like(cx, a)
    if isinstance(a, Num):
        return a
    if axis is None or is_none(axis):
        if not all(isinstance(d, int) for d in a.type.dims):
            raise cx.error("which axes np.squeeze takes away must be known", "np.squeeze(a, axis=...)")
        axes = tuple(k for k, d in enumerate(a.type.dims) if d == 1)
    else:
        axes = ordered_axes(cx, axis, a.type.rank) or ()
    for k in axes:
        size = extent(cx, a, k)
        if isinstance(size, Const) and size.value != 1:
            raise cx.error("cannot select an axis to squeeze out which has size not equal to one")
        if not isinstance(size, Const):
            cx.raise_if(cx.op("ne", size, integer(1)), "ValueError",
                        "cannot select an axis to squeeze out which has size not equal to one")  # fmt: skip
    return read(cx, a, Seq(tuple([number(0) if k in axes else FULL for k in range(a.type.rank)]))) if axes else a


def expand_dims(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, axis = arguments(cx, "np.expand_dims", "a axis", args, kwargs, 2)
    a = array_like(cx, a)
    given = axis.items if isinstance(axis, Seq) else (axis,)
    rank = (a.type.rank if isinstance(a, Arr) else 0) + len(given)
    at = {static_axis(cx, k, rank) for k in given}
    if isinstance(a, Num):
        return reshaped(cx, a, [integer(1)] * rank)
    return spread(cx, a, ["n" if k in at else "000" for k in range(rank)])


def atleast(rank: int) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        found = [_at_least(cx, array_like(cx, a), rank) for a in args]
        return found[0] if len(found) == 1 else Seq(tuple(found))

    return handler


def _at_least(cx: Context, a: Num | Arr, rank: int) -> Val:
    if isinstance(a, Num):
        return reshaped(cx, a, [integer(1)] * rank)
    if a.type.rank >= rank:
        return a
    before = rank - a.type.rank if rank < 3 else 2 - a.type.rank
    items = ["n"] * before + ["000"] * a.type.rank
    return spread(cx, a, items + ["n"] * (rank - len(items)))


def broadcast_to(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, shape = arguments(cx, "np.broadcast_to", "array shape", args, kwargs, 2)
    a = array_like(cx, a)
    sizes, dims = extents(cx, shape)
    if not sizes:
        return a
    if isinstance(a, Num):
        return Arr(cx.op("full", a.op, *sizes, dims=dims))
    if a.type.rank > len(sizes):
        raise cx.error(f"{a.type} can't be broadcast to {len(sizes)} axes")
    wide = widened(cx, a, sizes, dims)
    cx.stands_for_view()
    return wide


def widened(cx: Context, a: Arr, sizes: list[Operand], dims: tuple[Dim, ...]) -> Arr:
    """A larger array that repeats a."""
    out = cx.op("empty", *sizes, dtype=a.dtype, dims=dims, hint="wide")
    cx.do("assign", out, a.op)
    return Arr(out)


# Axes.
def permuted(cx: Context, a: Arr, axes: Sequence[int]) -> Arr:
    if list(axes) == sorted(axes):
        return a
    if list(axes) == sorted(axes, reverse=True):
        return Arr(cx.op("transpose", a.op, hint=f"{a.op.name}_T"))
    return Arr(cx.op("transpose", a.op, axes=tuple(axes)))


def transpose(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) > 2:  # x.transpose(1, 0, 2)
        args = [args[0], Seq(tuple(args[1:]))]
    a, axes = arguments(cx, "np.transpose", "a axes", args, kwargs)
    a = array_like(cx, a)
    if isinstance(a, Num):
        return a
    if axes is None or is_none(axes):
        return permuted(cx, a, tuple(range(a.type.rank))[::-1])
    given = [static_axis(cx, k, a.type.rank) for k in (axes.items if isinstance(axes, Seq) else (axes,))]
    if sorted(given) != list(range(a.type.rank)):
        raise cx.error(f"the axes {tuple(given)} don't match those of {a.type}")
    return permuted(cx, a, given)


def swapaxes(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, i, j = arguments(cx, "np.swapaxes", "a axis1 axis2", args, kwargs, 3)
    a = array_like(cx, a)
    rank = a.type.rank if isinstance(a, Arr) else 0
    order = list(range(rank))
    x, y = static_axis(cx, i, rank), static_axis(cx, j, rank)
    order[x], order[y] = order[y], order[x]
    assert isinstance(a, Arr)
    return permuted(cx, a, order)


def moveaxis(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, source, destination = arguments(cx, "np.moveaxis", "a source destination", args, kwargs, 3)
    a = array_like(cx, a)
    assert isinstance(a, Arr)
    sides = [v.items if isinstance(v, Seq) else (v,) for v in (source, destination)]
    old, new = ([static_axis(cx, k, a.type.rank) for k in side] for side in sides)
    if len(old) != len(new):
        raise cx.error("np.moveaxis needs as many destinations as sources")
    order = [k for k in range(a.type.rank) if k not in old]
    for to, k in sorted(zip(new, old, strict=True)):
        order.insert(to, k)
    return permuted(cx, a, order)


def rollaxis(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, axis, start = arguments(cx, "np.rollaxis", "a axis start", args, kwargs, 2)
    a = array_like(cx, a)
    assert isinstance(a, Arr)
    k, to = static_axis(cx, axis, a.type.rank), 0 if start is None else static_int(cx, start) % (a.type.rank + 1)
    order = list(range(a.type.rank))
    order.remove(k)
    order.insert(to - 1 if k < to else to, k)
    return permuted(cx, a, order)


# Joining and splitting.
def joined(cx: Context, parts: Sequence[Arr], axis: int) -> Arr:
    if len(parts) > MANY:
        raise cx.error(f"more than {MANY} arrays can't be joined at once", "an array that a loop fills")
    if len(parts) == 1:
        return Arr(cx.op("copy", parts[0].op))
    return Arr(cx.op("concatenate", *unify(cx, parts, common(cx, parts)), axis=axis))


def _arrays(cx: Context, v: Val, name: str) -> list[Num | Arr]:
    if not isinstance(v, Seq) or not v.items:
        raise cx.error(f"{name} needs a tuple of arrays, not {describe(cx.content(v))}")
    return [array_like(cx, item) for item in v.items]


def concatenate(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    arrays, axis = arguments(cx, "np.concatenate", "arrays axis", args, kwargs)
    parts = _arrays(cx, arrays, "np.concatenate")
    if axis is not None and is_none(axis):
        return joined(cx, [flattened(cx, p) for p in parts], 0)
    found = [p for p in parts if isinstance(p, Arr)]
    if len(found) < len(parts):
        raise cx.error("zero-dimensional arrays cannot be concatenated", "np.array")
    return joined(cx, found, 0 if axis is None else static_axis(cx, axis, found[0].type.rank))


def stack(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    arrays, axis = arguments(cx, "np.stack", "arrays axis", args, kwargs)
    parts = _arrays(cx, arrays, "np.stack")
    rank = parts[0].type.rank if isinstance(parts[0], Arr) else 0
    at = 0 if axis is None else static_axis(cx, axis, rank + 1)
    return joined(cx, [_with_axis(cx, p, at) for p in parts], at)


def _with_axis(cx: Context, a: Num | Arr, at: int) -> Arr:
    if isinstance(a, Num):
        return Arr(cx.op("full", a.op, integer(1), dims=(1,)))
    return spread(cx, a, ["000"] * at + ["n"] + ["000"] * (a.type.rank - at))


def stacked(rank: int, axis: int) -> Handler:
    """vstack, hstack, dstack: of arrays with at least so many axes."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        (arrays,) = arguments(cx, "stacking", "tup", args, kwargs)
        found = [_at_least(cx, p, rank) for p in _arrays(cx, arrays, "stacking")]
        parts = [p for p in found if isinstance(p, Arr)]
        return joined(cx, parts, min(axis, parts[0].type.rank - 1))

    return handler


def column_stack(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    parts = _arrays(cx, args[0], "np.column_stack")
    return joined(cx, [_with_axis(cx, p, 1) if isinstance(p, Arr) and p.type.rank == 1 else p for p in parts  # type: ignore[misc]
                       if isinstance(p, Arr)], 1)  # fmt: skip


def append(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, values, axis = arguments(cx, "np.append", "arr values axis", args, kwargs, 2)
    return concatenate(cx, [Seq((a, values)), NONE if axis is None else axis], {}, node)


def split(name: str, axis: int | None, equal: bool) -> Handler:
    """np.split and its relatives; `axis`: of hsplit and its like."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, sections, given = arguments(cx, f"np.{name}", "ary indices_or_sections axis", args, kwargs, 2)
        a = array_like(cx, a)
        assert isinstance(a, Arr)
        at = 0 if given is None else static_axis(cx, given, a.type.rank)
        at = at if axis is None else min(axis, a.type.rank - 1)
        if isinstance(sections, Seq):
            cuts = [NONE, *sections.items, NONE]
        else:
            cuts = [NONE, *_cuts(cx, extent(cx, a, at), static_int(cx, sections), equal), NONE]
        return Seq(tuple([part(cx, a, at, lo, hi) for lo, hi in pairwise(cuts)]))

    return handler


def _cuts(cx: Context, size: Operand, count: int, equal: bool) -> list[Val]:
    """Where an axis is cut into so many parts, the first ones longer by one where it does not divide."""
    if count <= 0:
        raise cx.error("number sections must be larger than 0")
    base, more = calculated(cx, "FloorDiv", size, integer(count)), calculated(cx, "Mod", size, integer(count))
    if equal and more != integer(0):
        if isinstance(more, Const):
            raise cx.error("array split does not result in an equal division")
        cx.raise_if(cx.op("ne", more, integer(0)), "ValueError", "array split does not result in an equal division")
    cuts: list[Val] = []
    for k in range(1, count):
        at = calculated(cx, "Mult", integer(k), base)
        if not equal and more != integer(0):
            longer = integer(min(k, int(more.value))) if isinstance(more, Const) else cx.op("minimum", integer(k), more)
            at = plus(cx, at, longer)
        cuts.append(Num(at))
    return cuts


def flip(axes: tuple[int, ...] | None) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, axis = arguments(cx, "np.flip", "m axis", args, kwargs)
        a = array_like(cx, a)
        if isinstance(a, Num):
            return a
        given = axes if axes is not None else None if axis is None else ordered_axes(cx, axis, a.type.rank)
        if given and max(given) >= a.type.rank:
            raise cx.error(f"{a.type} has too few axes")
        back = Slice(NONE, NONE, number(-1))
        turned = range(a.type.rank) if given is None else given
        return read(cx, a, Seq(tuple([back if k in turned else FULL for k in range(a.type.rank)])))

    return handler


def zero_of(dtype: str) -> Const:
    return const(0, Scalar(dtype))


def unsupported(cx: Context, what: str, hint: str | None = None) -> Exception:
    return cx.error(what, hint, UnsupportedFunction)


Table = dict[Any, Callable[..., Val]]
SHAPING: Table = {
    np.reshape: reshape, np.ravel: ravel, np.squeeze: squeeze, np.expand_dims: expand_dims,
    np.atleast_1d: atleast(1), np.atleast_2d: atleast(2), np.atleast_3d: atleast(3), np.broadcast_to: broadcast_to,
    np.transpose: transpose, np.swapaxes: swapaxes, np.moveaxis: moveaxis, np.rollaxis: rollaxis,
    np.concatenate: concatenate, np.stack: stack, np.vstack: stacked(2, 0), np.hstack: stacked(1, 1),
    np.dstack: stacked(3, 2), np.column_stack: column_stack, np.append: append,
    np.split: split("split", None, True), np.array_split: split("array_split", None, False),
    np.hsplit: split("hsplit", 1, True), np.vsplit: split("vsplit", 0, True), np.dsplit: split("dsplit", 2, True),
    np.flip: flip(None), np.flipud: flip((0,)), np.fliplr: flip((1,)),
}  # fmt: skip
SHAPE_METHODS: dict[str, Handler] = {
    "reshape": reshape, "ravel": ravel, "flatten": flatten, "squeeze": squeeze, "transpose": transpose,
    "swapaxes": swapaxes,
}  # fmt: skip
