"""Reductions and their relatives: sums, means, extrema and their places, prefix sums, sorting, counting."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from adcompiler.frontend.arguments import Handler, Kwargs, arguments, array_like, dtype_of, ordered_axes, static_axis
from adcompiler.frontend.arrays import size_of
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import static_int
from adcompiler.frontend.promote import binary, cast, common, need_number, truth, unify, wrap
from adcompiler.frontend.shaping import Table, flattened, part, reshaped
from adcompiler.frontend.values import NONE, Arr, Num, Obj, Seq, Val, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.types import Scalar

Axes = tuple[int, ...] | None


def flag(cx: Context, v: Val | None) -> bool:
    """A literal True or False."""
    return v is not None and not is_none(v) and bool(static_int(cx, v))


def no_out(cx: Context, out: Val | None) -> None:
    """out= is for NumPy: here every result is new."""
    if out is not None and not is_none(out):
        raise cx.error("out= is not supported", "a[...] = the result")


def reduce(handler: Handler) -> Handler:
    """ufunc.reduce: along the first axis unless told otherwise."""

    def first(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        given = len(args) > 1 or "axis" in kwargs
        return handler(cx, args, kwargs if given else {**kwargs, "axis": number(0)}, node)

    return first


def _axes_of(cx: Context, x: Num | Arr, axis: Val | None) -> Axes:
    return ordered_axes(cx, axis, x.type.rank if isinstance(x, Arr) else 0)


def masked(cx: Context, x: Num | Arr, where: Val | None, neutral: bool | int | float) -> Num | Arr:
    """x where the mask is true, else what does not count."""
    if where is None or where == number(True):
        return x
    mask = array_like(cx, where)
    test = mask.op if mask.dtype == "b1" else cx.op("ne", mask.op, const(0, Scalar(mask.dtype)))
    return wrap(cx, cx.op("select", test, x.op, const(neutral, Scalar(x.dtype))))


def summed(cx: Context, x: Num | Arr, axes: Axes, keep: bool) -> Num | Arr:
    if isinstance(x, Num):
        return Num(cast(cx, x.op, "i64") if x.dtype == "b1" else x.op, weak=False)
    if axes == ():
        return Arr(cx.op("copy", x.op))
    attrs: dict[str, Any] = ({} if axes is None else {"axis": axes}) | ({"keepdims": True} if keep else {})
    return wrap(cx, cx.op("sum", x.op, **attrs))


def sum_(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    names = "a axis dtype out keepdims initial where"
    x, axis, dtype, out, keepdims, initial, where = arguments(cx, "np.sum", names, args, kwargs)
    no_out(cx, out)
    x = array_like(cx, x)
    if dtype is not None and not is_none(dtype):
        x = wrap(cx, cast(cx, x.op, dtype_of(cx, dtype, x.dtype)))
    x = masked(cx, x, where, 0)
    total = summed(cx, x, _axes_of(cx, x, axis), flag(cx, keepdims))
    return total if initial is None else binary(cx, "Add", total, need_number(cx, initial))


def mean(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axis, dtype, out, keepdims, where = arguments(cx, "np.mean", "a axis dtype out keepdims where", args, kwargs)
    no_out(cx, out)
    x = array_like(cx, x)
    if x.dtype[0] != "f" or (dtype is not None and not is_none(dtype)):
        x = wrap(cx, cast(cx, x.op, dtype_of(cx, dtype, x.dtype if x.dtype[0] == "f" else "f64")))
    axes, keep = _axes_of(cx, x, axis), flag(cx, keepdims)
    total = summed(cx, masked(cx, x, where, 0), axes, keep)
    if where is None:
        count = size_of(cx, x, axes) if isinstance(x, Arr) else integer(1)
        return binary(cx, "Div", total, Num(cast(cx, count, x.dtype), weak=False))
    ones = masked(cx, _filled(cx, x, 1.0), where, 0)
    return binary(cx, "Div", total, summed(cx, ones, axes, keep))


def _filled(cx: Context, x: Num | Arr, value: float) -> Num | Arr:
    fill = const(value, Scalar(x.dtype))
    return Num(fill, weak=False) if isinstance(x, Num) else Arr(cx.op("broadcast_like", fill, x.op))


def extremum(name: str) -> Handler:
    """np.max and np.min over axes; the derivative goes to the first among equals."""
    pairwise = f"{name}imum"

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        names = "a axis out keepdims initial where"
        x, axis, out, keepdims, initial, where = arguments(cx, f"np.{name}", names, args, kwargs)
        no_out(cx, out)
        x = array_like(cx, x)
        if where is not None:
            if initial is None:
                raise cx.error(f"np.{name} with where= needs initial=")
            mask, least = array_like(cx, where), need_number(cx, initial)
            x = wrap(cx, cx.op("select", mask.op, *unify(cx, (x, least), common(cx, (x, least)))))
        if isinstance(x, Num):
            return Num(x.op, weak=False)
        axes = _axes_of(cx, x, axis)
        attrs: dict[str, Any] = {} if axes is None else {"axis": axes}
        if initial is not None:
            x = _with_bound(cx, x, need_number(cx, initial), axes)
        if axes == ():
            return Arr(cx.op("copy", x.op))
        attrs |= {"keepdims": True} if flag(cx, keepdims) else {}
        return wrap(cx, cx.op(name, x.op, **attrs))

    def _with_bound(cx: Context, x: Arr, bound: Num | Arr, axes: Axes) -> Arr:
        """Every element replaced by the bound where that is beyond it."""
        dtype = common(cx, (x, bound))
        return Arr(cx.op(pairwise, *unify(cx, (x, bound), dtype), tie="zero"))

    return handler


def place_of(name: str) -> Handler:
    """np.argmax, np.argmin."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        x, axis, out, keepdims = arguments(cx, f"np.{name}", "a axis out keepdims", args, kwargs)
        x = array_like(cx, x)
        no_out(cx, out)
        if isinstance(x, Num):
            return Num(integer(0), weak=False)
        rank = x.type.rank
        if axis is None or is_none(axis):
            flat = flattened(cx, x)
            found = wrap(cx, cx.op(name, flat.op, axis=0))
            return reshaped(cx, found, [integer(1)] * rank) if flag(cx, keepdims) else found
        k = static_axis(cx, axis, rank)
        found = wrap(cx, cx.op(name, x.op, axis=k))
        if not flag(cx, keepdims):
            return found
        if isinstance(found, Num):
            return reshaped(cx, found, [integer(1)])
        return Arr(cx.op("view", found.op, index=tuple("n" if j == k else "000" for j in range(rank))))

    return handler


def cumsum(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axis, dtype, out = arguments(cx, "np.cumsum", "a axis dtype out", args, kwargs)
    no_out(cx, out)
    x = array_like(cx, x)
    if dtype is not None and not is_none(dtype):
        x = wrap(cx, cast(cx, x.op, dtype_of(cx, dtype, x.dtype)))
    if isinstance(x, Num) or axis is None or is_none(axis):
        x, k = flattened(cx, x), 0
    else:
        k = static_axis(cx, axis, x.type.rank)
    assert isinstance(x, Arr)
    return Arr(cx.op("cumsum", x.op, axis=k))


def _sorting(name: str, op: str, names: str) -> Handler:
    """np.sort, np.argsort, and np.partition, for which a sorted array is one of the right answers."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        given = arguments(cx, f"np.{name}", names, args, kwargs)
        x, axis = array_like(cx, given[0]), given[names.split().index("axis")]
        if isinstance(x, Num):
            raise cx.error(f"np.{name} needs an array")
        if axis is not None and is_none(axis):
            flat = flattened(cx, x)
            x = flat
        k = x.type.rank - 1 if axis is None or is_none(axis) else static_axis(cx, axis, x.type.rank)
        return Arr(cx.op(op, x.op, axis=k))

    return handler


def sort_in_place(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """x.sort()"""
    a, axis = arguments(cx, ".sort", "a axis", args, kwargs)
    if not isinstance(a, Arr):
        raise cx.error(".sort needs an array")
    k = a.type.rank - 1 if axis is None else static_axis(cx, axis, a.type.rank)
    cx.do("assign", a.op, cx.op("sort", a.op, axis=k))
    return NONE


def searchsorted(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, v, side = arguments(cx, "np.searchsorted", "a v side", args, kwargs, 2)
    a, v = array_like(cx, a), array_like(cx, v)
    where = "left" if side is None else side.value if isinstance(side, Obj) else None
    if where not in ("left", "right"):
        raise cx.error("side is 'left' or 'right'")
    attrs = {} if where == "left" else {"side": where}
    return wrap(cx, cx.op("searchsorted", *unify(cx, (a, v)), **attrs))


# Masks.
def mask_of(cx: Context, x: Num | Arr) -> Num | Arr:
    """Where x is not zero."""
    if isinstance(x, Num):
        return Num(truth(cx, x), weak=False)
    return x if x.dtype == "b1" else Arr(cx.op("ne", x.op, const(0, Scalar(x.dtype))))


def count_nonzero(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axis, keepdims = arguments(cx, "np.count_nonzero", "a axis keepdims", args, kwargs)
    x = mask_of(cx, array_like(cx, x))
    return summed(cx, x, _axes_of(cx, x, axis), flag(cx, keepdims))


def quantifier(name: str) -> Handler:
    """np.any and np.all, by counting."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        x, axis, out, keepdims = arguments(cx, f"np.{name}", "a axis out keepdims", args, kwargs)
        no_out(cx, out)
        x = mask_of(cx, array_like(cx, x))
        if isinstance(x, Num):
            return x
        if name == "all":
            x = Arr(cx.op("invert", x.op))
        count = summed(cx, x, _axes_of(cx, x, axis), flag(cx, keepdims))
        zero = const(0, Scalar(count.dtype))
        return wrap(cx, cx.op("gt" if name == "any" else "eq", count.op, zero))

    return handler


def nonzero_places(cx: Context, mask: Arr) -> list[Arr]:
    return [Arr(cx.op("nonzero", mask.op, axis=k, hint="places")) for k in range(mask.type.rank)]


def nonzero(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x = mask_of(cx, array_like(cx, args[0]))
    if isinstance(x, Num):
        raise cx.error("np.nonzero needs an array")
    return Seq(tuple(nonzero_places(cx, x)))


def flatnonzero(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    flat = flattened(cx, array_like(cx, args[0]))
    x = mask_of(cx, flat)
    assert isinstance(x, Arr)
    return nonzero_places(cx, x)[0]


def size(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, axis = arguments(cx, "np.size", "a axis", args, kwargs)
    a = array_like(cx, a)
    return Num(size_of(cx, a, _axes_of(cx, a, axis))) if isinstance(a, Arr) else number(1)


def ndim(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a = array_like(cx, args[0])
    return number(a.type.rank if isinstance(a, Arr) else 0)


def diff(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, n, axis = arguments(cx, "np.diff", "a n axis", args, kwargs)
    a = array_like(cx, a)
    if isinstance(a, Num):
        raise cx.error("diff requires input that is at least one dimensional")
    k = a.type.rank - 1 if axis is None else static_axis(cx, axis, a.type.rank)
    for _ in range(1 if n is None else static_int(cx, n)):
        later, earlier = part(cx, a, k, number(1), NONE), part(cx, a, k, NONE, number(-1))
        found = binary(cx, "NotEq" if a.dtype == "b1" else "Sub", later, earlier)
        assert isinstance(found, Arr)
        a = found
    return a


REDUCING: Table = {
    np.sum: sum_, np.mean: mean, np.max: extremum("max"), np.min: extremum("min"), np.argmax: place_of("argmax"),
    np.amax: extremum("max"), np.amin: extremum("min"),
    np.argmin: place_of("argmin"), np.cumsum: cumsum, np.sort: _sorting("sort", "sort", "a axis kind order stable"),
    np.argsort: _sorting("argsort", "argsort", "a axis kind order stable"),
    np.partition: _sorting("partition", "sort", "a kth axis"),
    np.argpartition: _sorting("argpartition", "argsort", "a kth axis"), np.searchsorted: searchsorted,
    np.any: quantifier("any"), np.all: quantifier("all"), np.count_nonzero: count_nonzero, np.nonzero: nonzero,
    np.flatnonzero: flatnonzero, np.size: size, np.ndim: ndim, np.diff: diff, np.add.reduce: reduce(sum_),
    np.maximum.reduce: reduce(extremum("max")), np.minimum.reduce: reduce(extremum("min")),
}  # fmt: skip
REDUCE_METHODS: dict[str, Handler] = {
    "sum": sum_, "mean": mean, "max": extremum("max"), "min": extremum("min"), "argmax": place_of("argmax"),
    "argmin": place_of("argmin"), "cumsum": cumsum, "any": quantifier("any"), "all": quantifier("all"),
    "argsort": _sorting("argsort", "argsort", "a axis kind order stable"), "nonzero": nonzero,
    "sort": sort_in_place, "searchsorted": searchsorted,
}  # fmt: skip
