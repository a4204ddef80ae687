"""Arrays made from numbers or from parts of others: ranges, grids, diagonals, triangles, repeats, padding."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from adcompiler.frontend import library
from adcompiler.frontend.arguments import Handler, Kwargs, arguments, array_like, dtype_of, static_axis
from adcompiler.frontend.context import Context
from adcompiler.frontend.gathering import taken
from adcompiler.frontend.indexing import read, static_int
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.products import diagonal_view
from adcompiler.frontend.promote import binary, cast, common, need_number, wrap
from adcompiler.frontend.shaping import (
    FULL,
    Table,
    calculated,
    flattened,
    known,
    part,
    plus,
    reshaped,
    spread,
    unsupported,
)
from adcompiler.frontend.values import NONE, Arr, Num, Obj, Seq, Slice, Val, describe, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.types import Scalar


def whole(cx: Context, v: Val) -> Operand:
    """An integer argument as an i64."""
    if isinstance(v, Num) and v.dtype[0] in "iu":
        return cast(cx, v.op, "i64")
    raise cx.error(f"needs an integer, not {describe(cx.content(v))}")


def clamped(cx: Context, n: Operand, least: int = 0) -> Operand:
    """n, at least 0 (or 1, as a divisor)."""
    if isinstance(n, Const):
        return integer(max(int(n.value), least))
    if _at_least(cx, n, least):
        return n
    return cx.op("maximum", n, integer(least), tie="half")


def _at_least(cx: Context, n: Operand, least: int) -> bool:
    """Is it a count already: an extent, bounded from below, or made of such?"""
    if isinstance(n, Const):
        return n.value >= least
    op = next((o for o in reversed(cx.b.region.ops) if n in o.results), None)
    if op is None:
        return False
    if op.name == "maximum":
        return any(isinstance(a, Const) and a.value >= least for a in op.args)
    if least == 0 and op.name in ("add", "mul"):
        return all(_at_least(cx, a, 0) for a in op.args)
    return least == 0 and op.name == "dim"


def iota(cx: Context, count: Operand) -> Arr:
    """0, 1, ... count - 1; the count is not negative."""
    return Arr(cx.op("iota", count, dims=(known(count),)))


def arange(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) == 1:
        args = [number(0), *args]
    lo, hi, step, dtype = arguments(cx, "np.arange", "start stop step dtype", args, kwargs, 2)
    step = number(1) if step is None else step
    parts = [need_number(cx, v) for v in (lo, hi, step)]
    if not all(isinstance(p, Num) for p in parts):
        raise cx.error("np.arange needs numbers")
    start, stop, stride = (p for p in parts if isinstance(p, Num))
    if stride.known and stride.value == 0:
        raise cx.error("the step of np.arange can't be zero")
    kind = dtype_of(cx, dtype, _arange_dtype(cx, (start, stop, stride)))
    line = iota(cx, _count(cx, start, stop, stride))
    if start == number(0) and stride == number(1):
        return line if kind == "i64" else Arr(cx.op("cast", line.op, dtype=kind))
    scaled: Num | Arr = line if kind[0] == "i" else Arr(cx.op("cast", line.op, dtype=kind))
    if not (stride.known and stride.value == 1):
        scaled = binary(cx, "Mult", scaled, stride)
    moved = scaled if start.known and start.value == 0 else binary(cx, "Add", start, scaled)
    return moved if moved.dtype == kind else wrap(cx, cast(cx, moved.op, kind))


def _arange_dtype(cx: Context, parts: Sequence[Num]) -> str:
    """Python floats make f64, ints i64; NumPy's numbers count too."""
    dtype = common(cx, parts)
    return "i64" if dtype == "b1" else dtype


def _count(cx: Context, lo: Num, hi: Num, step: Num) -> Operand:
    """How many numbers from lo, by steps, stay before hi."""
    if all(p.dtype[0] in "iu" for p in (lo, hi, step)):
        a, b, s = (cast(cx, p.op, "i64") for p in (lo, hi, step))
        span = b if a == integer(0) else calculated(cx, "Sub", b, a)
        if s == integer(1):
            return clamped(cx, span)
        back = calculated(cx, "FloorDiv", calculated(cx, "Sub", integer(0), span), s)
        return clamped(cx, calculated(cx, "Sub", integer(0), back))
    steps = binary(cx, "Div", binary(cx, "Sub", hi, lo), step)
    count = cx.op("ceil", cast(cx, steps.op, "f64"))
    return clamped(cx, cast(cx, count, "i64"))


def linspace(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    lo, hi, num, endpoint, retstep, dtype = arguments(
        cx, "np.linspace", "start stop num endpoint retstep dtype", args, kwargs, 2
    )
    ends = [need_number(cx, v) for v in (lo, hi)]
    if not all(isinstance(e, Num) for e in ends):
        raise unsupported(cx, "np.linspace between arrays is not built yet", "a + (b - a) * t[:, None]")
    if retstep is not None:
        raise unsupported(cx, "np.linspace with retstep is not built yet")
    kind = dtype_of(cx, dtype, "f64" if common(cx, ends)[0] != "f" else common(cx, ends))
    last = endpoint is None or is_none(endpoint) or bool(static_int(cx, endpoint))
    count = integer(50) if num is None else whole(cx, num)
    start, stop = (Num(cast(cx, e.op, kind), weak=False) for e in ends)
    line = iota(cx, clamped(cx, count))
    gaps = clamped(cx, calculated(cx, "Sub", count, integer(1)) if last else count, 1)
    step = binary(cx, "Div", binary(cx, "Sub", stop, start), Num(cast(cx, gaps, kind), weak=False))
    spaced = binary(cx, "Add", start, binary(cx, "Mult", Arr(cx.op("cast", line.op, dtype=kind)), step))
    if not last:
        return spaced
    # The last one is exactly `stop`, of a single one `start`.
    at_end = cx.op("eq", line.op, gaps)
    return wrap(cx, cx.op("select", at_end, stop.op, spaced.op))


def tri_mask(cx: Context, rows: Operand, columns: Operand, offset: Operand, relation: str) -> Arr:
    """Where column - row <relation> offset, as a mask of rows and columns."""
    down, right = spread(cx, iota(cx, rows), ["000", "n"]), iota(cx, columns)
    shifted = down.op if offset == integer(0) else cx.op("add", down.op, offset)
    return Arr(cx.op(relation, right.op, shifted))


def eye(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    n, m, k, dtype = arguments(cx, "np.eye", "N M k dtype", args, kwargs)
    rows = whole(cx, n)
    columns = rows if m is None or is_none(m) else whole(cx, m)
    mask = tri_mask(cx, rows, columns, integer(0) if k is None else whole(cx, k), "eq")
    return Arr(cx.op("cast", mask.op, dtype=dtype_of(cx, dtype, "f64")))


def identity(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    n, dtype = arguments(cx, "np.identity", "n dtype", args, kwargs)
    return eye(cx, [n, NONE, number(0), NONE if dtype is None else dtype], {}, node)


def tri(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    n, m, k, dtype = arguments(cx, "np.tri", "N M k dtype", args, kwargs)
    rows = whole(cx, n)
    columns = rows if m is None or is_none(m) else whole(cx, m)
    mask = tri_mask(cx, rows, columns, integer(0) if k is None else whole(cx, k), "le")
    return Arr(cx.op("cast", mask.op, dtype=dtype_of(cx, dtype, "f64")))


def triangle(name: str, relation: str) -> Handler:
    """np.tril, np.triu: the others are zero, whatever stands there."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        m, k = arguments(cx, f"np.{name}", "m k", args, kwargs)
        a = array_like(cx, m)
        if isinstance(a, Num):
            raise cx.error(f"np.{name} needs an array")
        if a.type.rank == 2 and (k is None or (isinstance(k, Num) and k.known)):
            attrs: dict[str, Any] = {"k": static_int(cx, k)} if k is not None and k != number(0) else {}
            return wrap(cx, cx.op(name, a.op, **attrs))
        if a.type.rank == 1:
            row = spread(cx, a, ["n", "000"])
            n = extent(cx, a, 0)
            rows = columns = n
            a = row
        else:
            rows, columns = extent(cx, a, a.type.rank - 2), extent(cx, a, a.type.rank - 1)
        mask = tri_mask(cx, rows, columns, integer(0) if k is None else whole(cx, k), relation)
        return wrap(cx, cx.op("select", mask.op, a.op, const(0, Scalar(a.dtype))))

    return handler


def diag(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    v, k = arguments(cx, "np.diag", "v k", args, kwargs)
    a = array_like(cx, v)
    offset = number(0) if k is None else k
    if isinstance(a, Num) or a.type.rank > 2:
        raise cx.error("np.diag needs a vector or a matrix")
    if a.type.rank == 2:
        return diagonal_view(cx, a, 0, 1, offset)
    shift = static_int(cx, offset)
    n = extent(cx, a, 0)
    size = plus(cx, n, integer(abs(shift))) if shift else n
    if not shift:
        mask = tri_mask(cx, n, n, integer(0), "eq")
        return wrap(cx, cx.op("select", mask.op, a.op, const(0, Scalar(a.dtype))))
    out = cx.op("zeros", size, size, dtype=a.dtype, dims=(known(size), known(size)), hint="diagonal")
    line = iota(cx, n)
    moved = cx.op("add", line.op, integer(abs(shift)))
    places = (line.op, moved) if shift > 0 else (moved, line.op)
    cx.do("scatter", out, *places, a.op, index=("a", "a"), safe=True, natural=True, once=True)
    return Arr(out)


def diagflat(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    v, k = arguments(cx, "np.diagflat", "v k", args, kwargs)
    return diag(cx, [reshaped(cx, array_like(cx, v), [integer(-1)]), number(0) if k is None else k], {}, node)


# Repeating.
def roll(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, shift, axis = arguments(cx, "np.roll", "a shift axis", args, kwargs, 2)
    a = array_like(cx, a)
    if isinstance(a, Num):
        return a
    if axis is None or is_none(axis):
        flat = flattened(cx, a)
        sizes = [extent(cx, a, k) for k in range(a.type.rank)]
        moved = _rolled(cx, flat, whole(cx, shift), 0)
        return moved if a.type.rank == 1 else reshaped(cx, moved, sizes)
    axes = axis.items if isinstance(axis, Seq) else (axis,)
    shifts = shift.items if isinstance(shift, Seq) else (shift,) * len(axes)
    for k, by in zip(axes, shifts, strict=True):
        a = _rolled(cx, a, whole(cx, by), static_axis(cx, k, a.type.rank))
    return a


def _rolled(cx: Context, a: Arr, shift: Operand, axis: int) -> Arr:
    n = extent(cx, a, axis)
    at = calculated(cx, "Sub", n, calculated(cx, "Mod", shift, clamped(cx, n, 1)))
    parts = part(cx, a, axis, Num(at), NONE), part(cx, a, axis, NONE, Num(at))
    return Arr(cx.op("concatenate", *(p.op for p in parts), axis=axis))


def repeat(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, repeats, axis = arguments(cx, "np.repeat", "a repeats axis", args, kwargs, 2)
    a = array_like(cx, a)
    if isinstance(a, Num) or axis is None or is_none(axis):
        flat = flattened(cx, a)
        a, k = flat, 0
    else:
        k = static_axis(cx, axis, a.type.rank)
    if not isinstance(repeats, Num):
        places = cx.call(cx, Obj(library.repeated_places), [array_like(cx, repeats), Num(extent(cx, a, k))], {})
        assert isinstance(places, Arr)
        return taken(cx, a, places, k)
    times = whole(cx, repeats)
    places = binary(cx, "FloorDiv", iota(cx, clamped(cx, calculated(cx, "Mult", extent(cx, a, k), times))),
                    Num(clamped(cx, times, 1)))  # fmt: skip
    return taken(cx, a, places, k, safe=True, natural=True)


def tile(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, reps = arguments(cx, "np.tile", "A reps", args, kwargs, 2)
    a = array_like(cx, a)
    times = [whole(cx, r) for r in (reps.items if isinstance(reps, Seq) else (reps,))]
    rank = a.type.rank if isinstance(a, Arr) else 0
    if isinstance(a, Num):
        wide = reshaped(cx, a, [integer(1)] * len(times))
    else:
        wide = spread(cx, a, ["n"] * (len(times) - rank) + ["000"] * rank) if len(times) > rank else a
    assert isinstance(wide, Arr)
    for k, r in enumerate(times, wide.type.rank - len(times)):
        if r != integer(1):
            n = extent(cx, wide, k)
            line = iota(cx, clamped(cx, calculated(cx, "Mult", n, r)))
            places = binary(cx, "Mod", line, Num(clamped(cx, n, 1)))
            found = taken(cx, wide, places, k, safe=True, natural=True)
            assert isinstance(found, Arr)
            wide = found
    return Arr(cx.op("copy", wide.op)) if wide is a or all(r == integer(1) for r in times) else wide


# Padding.
def pad(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, widths, mode, values = arguments(cx, "np.pad", "array pad_width mode constant_values", args, kwargs, 2)
    a = array_like(cx, a)
    if isinstance(a, Num):
        raise cx.error("np.pad needs an array")
    how = "constant" if mode is None else mode.value if isinstance(mode, Obj) else None
    pairs = [tuple(whole(cx, v) for v in pair) for pair in _widths(cx, widths, a.type.rank)]
    if how == "constant":
        return _padded(cx, a, pairs, number(0) if values is None else values)
    if how not in PLACES:
        raise unsupported(cx, f"np.pad with mode {how!r} is not built yet", f"one of constant, {', '.join(PLACES)}")
    for k, (before, after) in enumerate(pairs):
        if (before, after) == (integer(0), integer(0)):
            continue
        n = extent(cx, a, k)
        line = iota(cx, clamped(cx, plus(cx, plus(cx, n, before), after)))
        shifted = binary(cx, "Sub", line, Num(before))
        found = taken(cx, a, PLACES[how](cx, shifted, n), k)
        assert isinstance(found, Arr)
        a = found
    return Arr(cx.op("copy", a.op)) if all(pair == (integer(0), integer(0)) for pair in pairs) else a


def _widths(cx: Context, v: Val, rank: int) -> list[tuple[Val, Val]]:
    """before and after for each axis, from a number, a pair, or a pair per axis."""
    if isinstance(v, Num):
        return [(v, v)] * rank
    items = v.items if isinstance(v, Seq) else ()
    if len(items) == 2 and all(isinstance(i, Num) for i in items):
        return [(items[0], items[1])] * rank
    pairs = [i.items if isinstance(i, Seq) else () for i in items]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs] * (rank if len(pairs) == 1 else 1)
    if len(pairs) != rank or any(len(p) != 2 for p in pairs):
        raise cx.error("pad_width is a number, a pair, or a pair for each axis")
    return [(p[0], p[1]) for p in pairs]


def _padded(cx: Context, a: Arr, pairs: list[tuple[Operand, ...]], values: Val) -> Val:
    """A larger array with a in the middle."""
    if not isinstance(values, Num):
        raise unsupported(cx, "np.pad with several constant_values is not built yet", "one number")
    extents = [extent(cx, a, k) for k in range(a.type.rank)]
    sizes = [plus(cx, plus(cx, n, before), after) for n, (before, after) in zip(extents, pairs, strict=True)]
    fill = cast(cx, values.op, a.dtype)
    out = Arr(cx.op("full", fill, *sizes, dims=tuple(map(known, sizes)), hint="padded"))
    middle = [Slice(Num(before), Num(plus(cx, before, n)), NONE) for n, (before, _) in zip(extents, pairs, strict=True)]
    plain = [FULL if pair == (integer(0), integer(0)) else s for s, pair in zip(middle, pairs, strict=True)]
    target = read(cx, out, Seq(tuple(plain)))
    assert isinstance(target, Arr)
    cx.do("assign", target.op, a.op)
    return out


def _edge(cx: Context, at: Num | Arr, n: Operand) -> Arr:
    last = calculated(cx, "Sub", n, integer(1))
    return Arr(cx.op("maximum", cx.op("minimum", at.op, last, tie="half"), integer(0), tie="half"))


def _wrap(cx: Context, at: Num | Arr, n: Operand) -> Arr:
    found = binary(cx, "Mod", at, Num(clamped(cx, n, 1)))
    assert isinstance(found, Arr)
    return found


def _mirrored(cx: Context, at: Num | Arr, n: Operand, edge: int) -> Arr:
    """There and back: with the edge once (`edge` 1), or twice (0)."""
    period = calculated(cx, "Mult", integer(2), calculated(cx, "Sub", n, integer(edge)))
    there = binary(cx, "Mod", at, Num(clamped(cx, period, 1)))
    back = binary(cx, "Sub", Num(calculated(cx, "Sub", period, integer(1 - edge))), there)
    found = Arr(cx.op("minimum", there.op, back.op, tie="half"))
    return found if not edge else Arr(cx.op("maximum", found.op, integer(0), tie="half"))


PLACES = {
    "edge": _edge, "wrap": _wrap, "reflect": lambda cx, at, n: _mirrored(cx, at, n, 1),
    "symmetric": lambda cx, at, n: _mirrored(cx, at, n, 0),
}  # fmt: skip


def take(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, index, axis = arguments(cx, "np.take", "a indices axis", args, kwargs, 2)
    a, index = array_like(cx, a), array_like(cx, index)
    if isinstance(a, Num):
        raise cx.error("np.take needs an array")
    if axis is None or is_none(axis):
        flat = flattened(cx, a)
        return taken(cx, flat, index, 0)
    return taken(cx, a, index, static_axis(cx, axis, a.type.rank))


def take_along_axis(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, index, axis = arguments(cx, "np.take_along_axis", "arr indices axis", args, kwargs, 3)
    a, index = array_like(cx, a), array_like(cx, index)
    if isinstance(a, Num) or isinstance(index, Num) or a.type.rank != index.type.rank:
        raise cx.error("np.take_along_axis needs an array and indices with as many axes")
    k = static_axis(cx, axis, a.type.rank)
    places: list[Operand] = []
    for j in range(a.type.rank):
        line = iota(cx, extent(cx, a, j)) if j != k else index
        items = ["000" if i == j else "n" for i in range(j, a.type.rank)]
        places.append(line.op if j == k or len(items) == 1 else spread(cx, line, items).op)
    return Arr(cx.op("gather", a.op, *places, index=("a",) * a.type.rank))


MAKING: Table = {
    np.arange: arange, np.linspace: linspace, np.eye: eye, np.identity: identity, np.tri: tri,
    np.tril: triangle("tril", "le"), np.triu: triangle("triu", "ge"), np.diag: diag, np.diagflat: diagflat,
    np.roll: roll, np.repeat: repeat, np.tile: tile, np.pad: pad, np.take: take,
    np.take_along_axis: take_along_axis,
}  # fmt: skip
MAKE_METHODS: dict[str, Handler] = {"repeat": repeat, "take": take}
