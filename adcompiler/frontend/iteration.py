"""What a `for` runs over: items known when compiling, or a count and a way to get the item at an index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import read, static_int
from adcompiler.frontend.promote import cast, need_number
from adcompiler.frontend.values import Arr, Each, Map, Num, Obj, Range, Seq, Slice, Val, describe, number
from adcompiler.ir.build import integer
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.naming import load_name

MAX_STATIC = 4096


@dataclass(frozen=True)
class Source:
    """A run-time iterable; `at` gives the item at an index that is inside."""

    count: Callable[[], Operand]
    at: Callable[[Operand], Val]


def static_items(cx: Context, v: Val) -> tuple[Val, ...]:
    """The items of something of static length."""
    items = known_items(cx, v)
    if items is None:
        raise cx.error(f"the length of {describe(v)} must be known when compiling", "a loop")
    return items


def known_items(cx: Context, v: Val) -> tuple[Val, ...] | None:
    """The items of a tuple, dict, literal range, or enumerate / zip of such; None for others."""
    v = cx.content(v)
    if isinstance(v, Seq):
        return v.items
    if isinstance(v, Map):
        return tuple([Obj(k) if isinstance(k, str) else number(k) for k in v.keys])
    if isinstance(v, Range) and v.lo.known and v.hi.known and v.step.known:
        values = range(v.lo.value, v.hi.value, v.step.value)
        return tuple(map(number, values)) if len(values) <= MAX_STATIC else None
    if not isinstance(v, Each):
        return None
    found = [known_items(cx, x) for x in v.sources]
    lists = [x for x in found if x is not None]
    if len(lists) < len(found):
        return None
    if v.start is not None:
        start = static_int(cx, v.start)
        lists = [tuple(number(start + k) for k in range(len(lists[0]))), *lists]
    return tuple([Seq(t) for t in zip(*lists, strict=False)])


def has_tuple(cx: Context, v: Val) -> bool:
    """Does it run over a tuple or dict, so that items may differ in kind?"""
    v = cx.content(v)
    return isinstance(v, Seq | Map) or (isinstance(v, Each) and any(has_tuple(cx, x) for x in v.sources))


def source(cx: Context, v: Val) -> Source:
    """A run-time iterable."""
    if isinstance(v, Arr):
        return Source(lambda: extent(cx, v, 0), lambda i: _row(cx, v, i))
    if isinstance(v, Range):
        return Source(lambda: range_count(cx, v), lambda i: Num(_range_item(cx, v, i)))
    if isinstance(v, Each):
        return _each(cx, v)
    raise cx.error(
        f"a loop can't run over {describe(cx.content(v))}", "range(...), an array, a tuple, enumerate or zip"
    )


def extent(cx: Context, a: Arr, axis: int) -> Operand:
    """The size of an axis, a literal where it is known."""
    size = a.type.dims[axis]
    return integer(size) if isinstance(size, int) else cx.op("dim", a.op, axis=axis)


def _row(cx: Context, a: Arr, i: Operand) -> Val:
    if a.type.rank == 1:
        return Num(cx.op("load", a.op, i, safe=True, hint=load_name(a.op, [i])), weak=False)
    index = ("i",) + ("000",) * (a.type.rank - 1)
    return Arr(cx.op("view", a.op, i, index=index, safe=True, hint=f"{a.op.name}_row"))


def _each(cx: Context, v: Each) -> Source:
    sources = [source(cx, x) for x in v.sources]
    if v.start is not None:
        start = v.start.op
        shifted = (lambda i: i) if start == integer(0) else (lambda i: cx.op("add", i, cast(cx, start, "i64")))
        return Source(sources[0].count, lambda i: Seq((Num(shifted(i)), sources[0].at(i))))

    def count() -> Operand:
        total = sources[0].count()
        for other in sources[1:]:
            total = smaller(cx, total, other.count())
        return total

    return Source(count, lambda i: Seq(tuple([s.at(i) for s in sources])))


def smaller(cx: Context, a: Operand, b: Operand) -> Operand:
    if isinstance(a, Const) and isinstance(b, Const):
        return a if a.value <= b.value else b
    return a if a == b else cx.op("minimum", a, b)


def range_count(cx: Context, r: Range) -> Operand:
    """How many items a range has."""
    if all(p.known for p in (r.lo, r.hi, r.step)):
        return integer(len(range(r.lo.value, r.hi.value, r.step.value)))
    if not r.step.known:
        raise cx.error("the step of this range must be a literal")
    step = r.step.value
    span = cx.op("sub", r.hi.op, r.lo.op) if r.lo.op != integer(0) else r.hi.op
    if step != 1:
        span = cx.op("floordiv", cx.op("add", span, integer(step - (1 if step > 0 else -1))), integer(step))
    return cx.op("maximum", span, integer(0))


def _range_item(cx: Context, r: Range, i: Operand) -> Operand:
    scaled = i if r.step.op == integer(1) else cx.op("mul", i, r.step.op)
    return scaled if r.lo.op == integer(0) else cx.op("add", r.lo.op, scaled)


def make_range(cx: Context, args: list[Val]) -> Range:
    """range(...) of one to three integers."""
    for a in args:
        if not (isinstance(a, Num) and a.dtype[0] in "iub"):
            raise cx.error(f"range needs integers, not {describe(a)}", "int(...)")
    parts = [Num(cast(cx, need_number(cx, a).op, "i64")) for a in args]
    if not 1 <= len(parts) <= 3:
        raise cx.error(f"range takes one to three arguments, not {len(parts)}")
    lo, hi = (number(0), parts[0]) if len(parts) == 1 else parts[:2]
    step = parts[2] if len(parts) == 3 else number(1)
    if step.op == integer(0):
        raise cx.error("range() arg 3 must not be zero")
    if not step.known:
        cx.raise_if(cx.op("eq", step.op, integer(0)), "ValueError", "range() arg 3 must not be zero")
    return Range(lo, hi, step)


def reverse(cx: Context, v: Val) -> Val:
    """reversed(v)."""
    v = cx.content(v)
    if isinstance(v, Seq):
        return Seq(v.items[::-1])
    if isinstance(v, Arr):
        return read(cx, v, Slice(Obj(None), Obj(None), number(-1)))
    if not isinstance(v, Range):
        raise cx.error(f"reversed needs a range, an array or a tuple, not {describe(v)}")
    if all(p.known for p in (v.lo, v.hi, v.step)):
        r = range(v.lo.value, v.hi.value, v.step.value)[::-1]
        return Range(number(r.start), number(r.stop), number(r.step))
    if v.step.op == integer(1):
        one = integer(1)
        low = Num(cx.op("sub", v.lo.op, one)) if not v.lo.known else number(v.lo.value - 1)
        return Range(Num(cx.op("sub", v.hi.op, one)), low, number(-1))
    n, step = range_count(cx, v), v.step
    last = cx.op("add", v.lo.op, cx.op("mul", cx.op("sub", n, integer(1)), step.op))
    return Range(Num(last), Num(cx.op("sub", v.lo.op, step.op)), number(-step.value))
