"""Ranges of integers, as bounds relative to extents: what shows that an index is inside.

A bound is (symbol, number): symbol + number, the symbol an extent (analysis/shapes.py) or None for zero. Facts
hold where the walk stands: in a loop's body its index is between its bounds, after a check its condition is false.
Sums are taken not to wrap: a range is only used where both its ends are bounded by the extent of an array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adcompiler.analysis.shapes import Extent, Shapes
from adcompiler.ir.core import Const, Op, Operand, Region, Value
from adcompiler.ir.types import i64

Bound = tuple[Extent, int]
Bounds = frozenset[Bound]
NONE: Bounds = frozenset()
DEPTH = 6
NEGATED = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


@dataclass(frozen=True, slots=True)
class Range:
    """Every bound in `lows` is at most the value, every one in `highs` at least."""

    lows: Bounds = NONE
    highs: Bounds = NONE

    def shift(self, by: int) -> Range:
        return Range(_shift(self.lows, by), _shift(self.highs, by))


def _shift(bounds: Bounds, by: int) -> Bounds:
    return frozenset((s, c + by) for s, c in bounds) if abs(by) < 2**31 else NONE


@dataclass(slots=True)
class Facts:
    """What holds at a place: v <= w + c (`highs`), v >= w + c (`lows`), least values of extents, indices seen."""

    highs: dict[Value, tuple[tuple[Operand, int], ...]]
    lows: dict[Value, tuple[tuple[Operand, int], ...]]
    minima: dict[Extent, int]
    inside: set[tuple[Extent, Operand]]

    def copy(self) -> Facts:
        return Facts(dict(self.highs), dict(self.lows), dict(self.minima), set(self.inside))


class Ranges:
    """Asks for ranges while a pass walks over a function."""

    def __init__(self, shapes: Shapes):
        self.shapes = shapes
        self.facts = Facts({}, {}, {}, set())
        self._asked: dict[tuple[Operand, int], Range] = {}  # within one question: many ways lead to the same values

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Facts learned inside are forgotten after."""
        self.facts, saved = self.facts.copy(), self.facts
        try:
            yield
        finally:
            self.facts = saved

    def regions(self, op: Op) -> Iterator[Region]:
        """The regions of a control op one after the other, with what holds inside as long as each is looked at."""
        if op.name == "for":
            with self.scope():
                self.enter_for(op)
                yield op.body
            return
        condition = op.args[0] if op.name == "if" else op.regions[0].terminator.args[0]
        for region, holds in zip(op.regions, (True, False), strict=True):
            with self.scope():
                if op.name == "if":
                    self.assume(condition, holds)
                elif region is op.body:
                    self.assume(condition, True)
                yield region

    # Is it inside?
    def inside(self, index: Operand, extent: Extent) -> bool:
        """Is it sure that -extent <= index < extent?"""
        if (extent, index) in self.facts.inside:
            return True
        r = self.of(index)
        return self.below(r, extent) and self.above(r, extent)

    def below(self, r: Range, extent: Extent) -> bool:
        floor = self.lows_of(extent)
        return any(s == t and c < d for s, c in r.highs for t, d in floor)

    def above(self, r: Range, extent: Extent) -> bool:
        """index >= 0, or >= -extent."""
        least = self.minimum(extent)
        for s, c in r.lows:
            low = 0 if s is None else 0 if s == extent else self.minimum(s)
            if low is not None and c + max(low, self.facts.minima.get(s, 0) if s is not None else 0) >= -(least or 0):
                return True
        return False

    def not_negative(self, operand: Operand) -> bool:
        return self.above(self.of(operand), 0)

    def minimum(self, symbol: Extent) -> int | None:
        """The least value of a symbol; None if it may be negative."""
        if isinstance(symbol, int):
            return symbol
        known = self.facts.minima.get(symbol)
        return known if isinstance(symbol, Value) else max(known or 0, 0)

    def lows_of(self, extent: Extent) -> Bounds:
        """What an array's extent is at least."""
        if isinstance(extent, int):
            return frozenset([(None, extent)])
        bounds = {(extent, 0), (None, max(self.minimum(extent) or 0, 0))}
        if isinstance(extent, Value):
            bounds |= self.of(extent).lows
        elif extent[0] == "times":
            bounds |= self.lows_of(extent[2])
        elif extent[0] == "less":  # x[c:] has at least n - c elements, and x[:-c] too
            bounds |= {(s, c - extent[2]) for s, c in self.lows_of(extent[1])}
        return frozenset(bounds)

    # Ranges.
    def of(self, operand: Operand, depth: int = 0) -> Range:
        symbol = self.shapes.integer(operand)
        if isinstance(symbol, int):
            return Range(frozenset([(None, symbol)]), frozenset([(None, symbol)]))
        if isinstance(operand, Const) or operand.type != i64 or depth > DEPTH:
            return Range()
        if depth == 0:
            self._asked = {}
        if (operand, depth) not in self._asked:
            self._asked[operand, depth] = self._found(operand, symbol, depth)
        return self._asked[operand, depth]

    def _found(self, operand: Value, symbol: Extent, depth: int) -> Range:
        lows, highs = {(symbol, 0)}, {(symbol, 0)}
        if symbol is not operand:
            lows.add((None, self.minimum(symbol) or 0))
            if isinstance(symbol, Value):
                behind = self.of(symbol, depth + 1)
                lows |= behind.lows
                highs |= behind.highs
            elif symbol[0] in ("slice", "less"):
                base = symbol[1]
                highs.add((None, base) if isinstance(base, int) else (base, 0))
        found = self._derived(operand, depth + 1)
        lows |= found.lows
        highs |= found.highs
        for other, c in self.facts.lows.get(operand, ()):
            lows |= _shift(self.of(other, depth + 1).lows, c)
        for other, c in self.facts.highs.get(operand, ()):
            highs |= _shift(self.of(other, depth + 1).highs, c)
        return Range(frozenset(lows), frozenset(highs))

    def _derived(self, value: Value, depth: int) -> Range:
        structure = self.shapes.structure
        definer = structure.definer.get(value)
        if definer is None:
            region = structure.home.get(value)
            loop = structure.owner.get(region) if region is not None else None
            if region is not None and loop is not None and loop.name == "for" and value is region.params[0]:
                return self._index(loop, depth)
            return self._counter(loop, value, depth) if loop is not None else Range()
        rule = RULES.get(definer.name)
        return rule(self, definer, depth) if rule else Range()

    def _index(self, loop: Op, depth: int) -> Range:
        lo, hi, step = loop.args[:3]
        if not isinstance(step, Const):
            return Range()
        first, end = self.of(lo, depth), self.of(hi, depth)
        if step.value > 0:
            return Range(first.lows, _shift(end.highs, -1))
        return Range(_shift(end.lows, 1), first.highs)

    def _counter(self, loop: Op, value: Value, depth: int) -> Range:
        """A carried value that only grows is at least its first value."""
        k = loop.carried.index(value)
        after = loop.yields[k]
        step = self.shapes.structure.definer.get(after) if isinstance(after, Value) else None
        if step is None or step.name not in ("add", "sub") or step.args[0] is not value:
            return Range()
        by = step.args[1]
        if not isinstance(by, Const) or not 0 < abs(by.value) < 2**31:
            return Range()
        first = self.of(loop.inits[k], depth)
        return Range(first.lows) if (by.value > 0) == (step.name == "add") else Range(NONE, first.highs)

    def _add(self, op: Op, depth: int) -> Range:
        a, b = (self.of(x, depth) for x in op.args)
        return Range(_sum(a.lows, b.lows), _sum(a.highs, b.highs))

    def _sub(self, op: Op, depth: int) -> Range:
        a, b = (self.of(x, depth) for x in op.args)
        return Range(_difference(a.lows, b.highs), _difference(a.highs, b.lows))

    def _minimum(self, op: Op, depth: int) -> Range:
        a, b = (self.of(x, depth) for x in op.args)
        return Range(_weaker(a.lows, b.lows, min), a.highs | b.highs)

    def _maximum(self, op: Op, depth: int) -> Range:
        a, b = (self.of(x, depth) for x in op.args)
        return Range(a.lows | b.lows, _weaker(a.highs, b.highs, max))

    def _select(self, op: Op, depth: int) -> Range:
        a, b = (self.of(x, depth) for x in op.args[1:])
        return Range(_weaker(a.lows, b.lows, min), _weaker(a.highs, b.highs, max))

    def _mod(self, op: Op, depth: int) -> Range:
        """0 <= x % m < m for positive m; an extent as divisor is positive, or the op has raised."""
        divisor = self.shapes.integer(op.args[1])
        if isinstance(divisor, int) and divisor > 0:
            return Range(frozenset([(None, 0)]), frozenset([(None, divisor - 1)]))
        if not isinstance(divisor, int | Value):
            return Range(frozenset([(None, 0)]), frozenset([(divisor, -1)]))
        return Range()

    def _floordiv(self, op: Op, depth: int) -> Range:
        x, divisor = self.of(op.args[0], depth), op.args[1]
        if isinstance(divisor, Const) and divisor.value > 0 and self.above(x, 0):
            return Range(frozenset([(None, 0)]), x.highs)
        return Range()

    # Learning.
    def enter_for(self, loop: Op) -> None:
        """In the body there is at least one trip, so the bounds are apart."""
        lo, hi, step = loop.args[:3]
        if isinstance(step, Const):
            self.less(lo, hi) if step.value > 0 else self.less(hi, lo)

    def less(self, a: Operand, b: Operand, by: int = 1) -> None:
        """Learn that a + by <= b."""
        low, high = self.of(a), self.of(b)
        if isinstance(a, Value):
            self.facts.highs[a] = (*self.facts.highs.get(a, ()), (b, -by))
        if isinstance(b, Value):
            self.facts.lows[b] = (*self.facts.lows.get(b, ()), (a, by))
        least = max((c for s, c in low.lows if s is None), default=None)
        if least is None:
            return
        for symbol, c in high.highs:
            if symbol is not None:
                self.at_least(symbol, least + by - c)

    def at_least(self, symbol: Extent, value: int) -> None:
        self.facts.minima[symbol] = max(value, self.facts.minima.get(symbol, value))

    def assume(self, condition: Operand, holds: bool) -> None:
        """Learn from a condition between integers."""
        op = self.shapes.structure.definer.get(condition) if isinstance(condition, Value) else None
        if op is None:
            return
        if op.name == "not":
            self.assume(op.args[0], not holds)
        elif op.name == ("and" if holds else "or"):
            for arg in op.args:
                self.assume(arg, holds)
        elif op.name in NEGATED and all(a.type == i64 for a in op.args):
            self.compare(op.name if holds else NEGATED[op.name], *op.args)

    def compare(self, relation: str, a: Operand, b: Operand) -> None:
        if relation in ("lt", "le", "eq"):
            self.less(a, b, int(relation == "lt"))
        if relation in ("gt", "ge", "eq"):
            self.less(b, a, int(relation == "gt"))

    def seen(self, index: Operand, extent: Extent) -> None:
        """Learn that an access with this index did not raise."""
        self.facts.inside.add((extent, index))
        if isinstance(index, Const) and not isinstance(extent, int):
            self.at_least(extent, int(index.value) + 1 if index.value >= 0 else -int(index.value))


def _sum(a: Bounds, b: Bounds) -> Bounds:
    return frozenset((s or t, c + d) for s, c in a for t, d in b if s is None or t is None)


def _difference(a: Bounds, b: Bounds) -> Bounds:
    plain = {(s, c - d) for s, c in a for t, d in b if t is None}
    return frozenset(plain | {(None, c - d) for s, c in a for t, d in b if s == t})


def _weaker(a: Bounds, b: Bounds, choose: Callable[[int, int], int]) -> Bounds:
    """Bounds of either of two values: relative to a symbol that both have."""
    return frozenset((s, choose(c, d)) for s, c in a for t, d in b if s == t)


RULES = {
    "add": Ranges._add,
    "sub": Ranges._sub,
    "minimum": Ranges._minimum,
    "maximum": Ranges._maximum,
    "select": Ranges._select,
    "mod": Ranges._mod,
    "floordiv": Ranges._floordiv,
}
