"""The NumPy functions that the library writes in our own language, with the arguments that must be known first."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.frontend import library
from adcompiler.frontend.arguments import (
    Handler,
    Kwargs,
    arguments,
    array_like,
    dtype_of,
    extents,
    ordered_axes,
    static_axis,
)
from adcompiler.frontend.context import Context
from adcompiler.frontend.elementwise import fresh, strong
from adcompiler.frontend.indexing import static_int
from adcompiler.frontend.promote import binary, cast, common, need_number, unify, wrap
from adcompiler.frontend.reducing import flag, mask_of, masked, no_out, nonzero_places, reduce
from adcompiler.frontend.shaping import Table, flattened, joined, part, permuted, reshaped, spread, unsupported, widened
from adcompiler.frontend.values import NONE, Arr, Num, Obj, Seq, Val, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.types import Scalar


def inlined(function: Callable[..., Any], *drop: str) -> Handler:
    """A function of the library, with NumPy's own arguments; those in `drop` may only be left out or None."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        order = list(inspect.signature(function).parameters)
        for name in drop:
            given = args[order.index(name)] if order.index(name) < len(args) else kwargs.get(name, NONE)
            if not is_none(given):
                raise unsupported(cx, f"np.{function.__name__}: the argument '{name}' is not built yet")
        args = [array_like(cx, a) if isinstance(a, Seq) and k < 2 else a for k, a in enumerate(args)]
        return call(cx, function, *args, **kwargs)

    return handler


def call(cx: Context, function: Callable[..., Any], *args: Val, **kwargs: Val) -> Val:
    return cx.call(cx, Obj(function), list(args), kwargs)


def floats(cx: Context, x: Num | Arr) -> Num | Arr:
    return x if x.dtype[0] == "f" else wrap(cx, cast(cx, x.op, "f64"))


def lines_of(cx: Context, a: Arr, axis: int) -> Arr:
    """The array with an axis brought to the front."""
    return permuted(cx, a, [axis, *(k for k in range(a.type.rank) if k != axis)])


def put_back(cx: Context, v: Val, axis: int) -> Val:
    """Lines as an array with that axis where it was."""
    if not isinstance(v, Arr):
        return v
    order = list(range(1, v.type.rank))
    order.insert(axis, 0)
    return permuted(cx, v, order)


def with_axis(cx: Context, v: Val, axis: int, rank: int) -> Val:
    """The result of a reduction with the axis kept, of size 1."""
    if isinstance(v, Num):
        return reshaped(cx, v, [integer(1)])
    assert isinstance(v, Arr)
    return spread(cx, v, ["n" if k == axis else "000" for k in range(rank)])


def prod(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    names = "a axis dtype out keepdims initial where"
    x, axis, dtype, out, keepdims, initial, where = arguments(cx, "np.prod", names, args, kwargs)
    no_out(cx, out)
    if initial is not None:
        raise unsupported(cx, "np.prod with initial is not built yet", "initial * np.prod(a)")
    x = masked(cx, array_like(cx, x), where, 1)
    kind = dtype_of(cx, dtype, x.dtype if x.dtype[0] in "fu" else "i64")
    x = wrap(cx, cast(cx, x.op, kind))
    if isinstance(x, Num):
        return strong(x)
    rank, keep = x.type.rank, flag(cx, keepdims)
    if axis is None or is_none(axis):
        total = call(cx, library.product, flattened(cx, x))
        return reshaped(cx, need_number(cx, total), [integer(1)] * rank) if keep else total
    axes = ordered_axes(cx, axis, rank) or ()
    found: Val = x if axes else fresh(cx, x)
    for k in sorted(axes, reverse=True):
        assert isinstance(found, Arr)
        wide = found.type.rank
        found = call(cx, library.product, lines_of(cx, found, k))
        found = with_axis(cx, found, k, wide) if keep else found
    return found


def cumprod(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axis, dtype, out = arguments(cx, "np.cumprod", "a axis dtype out", args, kwargs)
    no_out(cx, out)
    if dtype is not None and not is_none(dtype):
        x = cx.call(cx, Obj(np.asarray), [x, dtype], {})
    x = array_like(cx, x)
    x = wrap(cx, cast(cx, x.op, x.dtype if x.dtype[0] in "fu" else "i64"))
    if isinstance(x, Num) or axis is None or is_none(axis):
        x, k = flattened(cx, x), 0
    else:
        k = static_axis(cx, axis, x.type.rank)
    assert isinstance(x, Arr)
    return put_back(cx, call(cx, library.products, lines_of(cx, x, k)), k)


def average(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, axis, weights = arguments(cx, "np.average", "a axis weights", args, kwargs)
    a = floats(cx, array_like(cx, a))
    if weights is None or is_none(weights):
        return cx.call(cx, Obj(np.mean), [a], {} if axis is None else {"axis": axis})
    w = floats(cx, array_like(cx, weights))
    if isinstance(a, Arr) and isinstance(w, Arr) and w.type.rank < a.type.rank:
        k = static_axis(cx, axis, a.type.rank) if axis is not None else 0
        w = spread(cx, w, ["000" if j == k else "n" for j in range(a.type.rank)])
    return call(cx, library.average, a, w, NONE if axis is None else axis)


def ordered(function: Callable[..., Any], name: str) -> Handler:
    """np.median, np.quantile, np.percentile: of the sorted array."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        q = [] if function is library.median else ["q"]
        names = " ".join(["a", *q, "axis out overwrite_input", *(["method"] if q else []), "keepdims"])
        given = dict(zip(names.split(), arguments(cx, f"np.{name}", names, args, kwargs, 1 + len(q)), strict=True))
        no_out(cx, given["out"])
        if given.get("method") not in (None, Obj("linear")):
            raise unsupported(cx, f"np.{name} with another method than linear is not built yet")
        a, axis, keepdims = floats(cx, array_like(cx, given["a"])), given["axis"], given["keepdims"]
        if isinstance(a, Num):
            return strong(a)
        rank = a.type.rank
        if axis is None or is_none(axis):
            flat = flattened(cx, a)
            a, k = flat, 0
        else:
            k = static_axis(cx, axis, rank)
        lines = Arr(cx.op("sort", lines_of(cx, a, k).op, axis=0))
        more: list[Val] = []
        if function is library.quantile:
            if not isinstance(given["q"], Num):
                raise unsupported(cx, f"np.{name} of several q is not built yet", "one call for each")
            more = [binary(cx, "Div", given["q"], number(100)) if name == "percentile" else given["q"]]
        found = call(cx, function, lines, *more)
        if not flag(cx, keepdims):
            return found
        return with_axis(cx, found, k, rank) if axis is not None else reshaped(cx, found, [integer(1)] * rank)  # type: ignore[arg-type]

    return handler


def gradient(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    axis = kwargs.pop("axis", None)
    if kwargs:
        raise unsupported(cx, f"np.gradient: the argument '{next(iter(kwargs))}' is not built yet")
    f = floats(cx, array_like(cx, args[0]))
    if isinstance(f, Num):
        raise cx.error("np.gradient needs an array")
    rank = f.type.rank
    axes = ordered_axes(cx, axis, rank) or tuple(range(rank))
    spacing = args[1:] or [number(1.0)]
    if len(spacing) == 1:
        spacing = list(spacing) * len(axes)
    if len(spacing) != len(axes):
        raise cx.error("np.gradient takes one spacing, or one for each axis")
    parts = tuple([_gradient(cx, f, k, array_like(cx, h)) for k, h in zip(axes, spacing, strict=True)])
    one = axis is not None and not isinstance(axis, Seq)
    return parts[0] if one or len(parts) == 1 else Seq(parts)


def _gradient(cx: Context, f: Arr, axis: int, h: Num | Arr) -> Val:
    lines = lines_of(cx, f, axis)
    if isinstance(h, Num):
        return put_back(cx, call(cx, library.gradient_even, lines, h), axis)
    places = spread(cx, h, ["000"] + ["n"] * (f.type.rank - 1)) if f.type.rank > 1 else h
    return put_back(cx, call(cx, library.gradient_uneven, lines, places), axis)


def trapezoid(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    y, x, dx, axis = arguments(cx, "np.trapezoid", "y x dx axis", args, kwargs)
    y = floats(cx, array_like(cx, y))
    if isinstance(y, Num):
        raise cx.error("np.trapezoid needs an array")
    k = y.type.rank - 1 if axis is None else static_axis(cx, axis, y.type.rank)
    lines = lines_of(cx, y, k)
    if x is None or is_none(x):
        return call(cx, library.trapezoid_even, lines, number(1.0) if dx is None else dx)
    places = array_like(cx, x)
    assert isinstance(places, Arr)
    if places.type.rank == 1:
        places = spread(cx, places, ["000"] + ["n"] * (y.type.rank - 1)) if y.type.rank > 1 else places
    else:
        places = lines_of(cx, places, k)
    return call(cx, library.trapezoid, lines, places)


def cross(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b, *others, axis = arguments(cx, "np.cross", "a b axisa axisb axisc axis", args, kwargs, 2)
    if any(v is not None for v in others):
        raise unsupported(cx, "np.cross with axisa, axisb or axisc is not built yet", "axis=")
    pair = [array_like(cx, v) for v in (a, b)]
    lines = [lines_of(cx, v, v.type.rank - 1 if axis is None else static_axis(cx, axis, v.type.rank))
             for v in pair if isinstance(v, Arr)]  # fmt: skip
    if len(lines) != 2:
        raise cx.error("np.cross needs two arrays")
    found = call(cx, library.cross, *lines)
    assert isinstance(found, Arr)
    return put_back(cx, found, found.type.rank - 1 if axis is None else static_axis(cx, axis, found.type.rank))


def unwrap(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    p, discont, axis, period = arguments(cx, "np.unwrap", "p discont axis period", args, kwargs)
    if discont is not None and not is_none(discont):
        raise unsupported(cx, "np.unwrap with discont is not built yet")
    a = floats(cx, array_like(cx, p))
    assert isinstance(a, Arr)
    k = a.type.rank - 1 if axis is None else static_axis(cx, axis, a.type.rank)
    turn = number(2 * np.pi) if period is None else period
    return put_back(cx, call(cx, library.unwrap, lines_of(cx, a, k), turn), k)


def argwhere(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x = mask_of(cx, array_like(cx, args[0]))
    if isinstance(x, Num):
        raise cx.error("np.argwhere needs an array")
    columns = [spread(cx, p, ["000", "n"]) for p in nonzero_places(cx, x)]
    return joined(cx, columns, 1)


def rot90(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """A view: two axes exchanged, one of them backwards."""
    m, k, axes = arguments(cx, "np.rot90", "m k axes", args, kwargs)
    a = array_like(cx, m)
    if isinstance(a, Num) or a.type.rank < 2:
        raise cx.error("np.rot90 needs at least two axes")
    pair = axes.items if isinstance(axes, Seq) else (number(0), number(1))
    i, j = (static_axis(cx, v, a.type.rank) for v in pair)
    turns = (1 if k is None else static_int(cx, k)) % 4
    if turns in (1, 3):
        order = list(range(a.type.rank))
        order[i], order[j] = j, i
        a = permuted(cx, a, order)
    for axis in {0: (), 1: (i,), 2: (i, j), 3: (j,)}[turns]:
        a = part(cx, a, axis, NONE, NONE, number(-1))
    return a


def without_nan(name: str, neutral: float) -> Handler:
    """nansum and its like: nan does not count."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        x = floats(cx, array_like(cx, args[0]))
        kept = wrap(cx, cx.op("select", cx.op("isnan", x.op), const(neutral, Scalar(x.dtype)), x.op))
        return cx.call(cx, Obj(getattr(np, name)), [kept, *args[1:]], kwargs)

    return handler


def nanmean(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x = floats(cx, array_like(cx, args[0]))
    there = mask_of(cx, wrap(cx, cx.op("eq", x.op, x.op)))
    return cx.call(cx, Obj(np.mean), [x, *args[1:]], {**kwargs, "where": there})


def meshgrid(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    indexing = kwargs.pop("indexing", Obj("xy"))
    sparse, copy = kwargs.pop("sparse", None), kwargs.pop("copy", None)
    if kwargs or flag(cx, sparse) or (copy is not None and not flag(cx, copy)):
        raise unsupported(cx, "np.meshgrid is built with indexing= only", "x[None, :] and y[:, None] for sparse=True")
    vectors = [array_like(cx, a) for a in args]
    if not all(isinstance(v, Arr) and v.type.rank == 1 for v in vectors):
        raise unsupported(cx, "np.meshgrid of other than vectors is not built yet")
    order = list(range(len(vectors)))
    if indexing == Obj("xy") and len(order) > 1:
        order[:2] = [1, 0]
    sizes = [Num(cx.op("dim", vectors[k].op, axis=0)) for k in order]
    found: list[Val] = []
    for k, v in enumerate(vectors):
        assert isinstance(v, Arr)
        line = spread(cx, v, ["000" if order[j] == k else "n" for j in range(len(order))]) if len(order) > 1 else v
        found.append(widened(cx, line, *extents(cx, Seq(tuple(sizes)))))
    return Seq(tuple(found))


def select(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    conditions, choices, default = arguments(cx, "np.select", "condlist choicelist default", args, kwargs, 2)
    if not isinstance(conditions, Seq) or not isinstance(choices, Seq) or len(conditions.items) != len(choices.items):
        raise cx.error("np.select needs as many conditions as choices")
    found: Val = number(0) if default is None else default
    for test, choice in reversed(list(zip(conditions.items, choices.items, strict=True))):
        pair = [need_number(cx, choice), need_number(cx, found)]
        found = wrap(cx, cx.op("select", need_number(cx, test).op, *unify(cx, pair, common(cx, pair))))
    return found


COMPOSED: Table = {
    np.var: inlined(library.var, "dtype", "out"), np.std: inlined(library.std, "dtype", "out"),
    np.ptp: inlined(library.ptp, "out"), np.cov: inlined(library.cov), np.corrcoef: inlined(library.corrcoef),
    np.average: average, np.prod: prod, np.cumprod: cumprod, np.multiply.reduce: reduce(prod),
    np.median: ordered(library.median, "median"), np.quantile: ordered(library.quantile, "quantile"),
    np.percentile: ordered(library.quantile, "percentile"), np.gradient: gradient, np.trapezoid: trapezoid,
    np.cross: cross, np.unwrap: unwrap, np.sinc: inlined(library.sinc),
    np.heaviside: inlined(library.heaviside), np.isclose: inlined(library.isclose),
    np.allclose: inlined(library.allclose), np.interp: inlined(library.interp), np.convolve: inlined(library.convolve),
    np.correlate: inlined(library.correlate), np.polyval: inlined(library.polyval), np.vander: inlined(library.vander),
    np.ediff1d: inlined(library.ediff1d), np.fill_diagonal: inlined(library.fill_diagonal),
    np.bincount: inlined(library.bincount), np.digitize: inlined(library.digitize),
    np.nansum: without_nan("sum", 0.0), np.nanprod: without_nan("prod", 1.0), np.nanmean: nanmean,
    np.nanmax: without_nan("max", -np.inf), np.nanmin: without_nan("min", np.inf), np.meshgrid: meshgrid,
    np.select: select, np.argwhere: argwhere, np.rot90: rot90,
}  # fmt: skip
COMPOSED_METHODS: dict[str, Handler] = {
    "var": inlined(library.var, "dtype", "out"), "std": inlined(library.std, "dtype", "out"), "prod": prod,
    "cumprod": cumprod,
}  # fmt: skip
