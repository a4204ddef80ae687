"""Shows that indices are inside, or checks them once before the loop.

    for %i in 0..%n {                      %size: i64 = dim %x, 0
      %a: f64 = load %x[%i]      ->        %over: b1 = gt %n, %size
      %b: f64 = load %y[%i]                raise_if %over, error="IndexError", message="... (model.py:4)"
      ...                                  for %i in 0..%n {
                                             %a: f64 = load %x[%i], safe=True
                                             %b: f64 = load %y[%i], safe=True

What is shown comes from loop bounds, branches and checks passed before (analysis/ranges.py). One check before a
nest of loops stands for an access that every trip makes at indices that move in steps of one; it says the same as
the first access that would fail, so nothing else in the loops may raise or print.
"""

from __future__ import annotations

from dataclasses import dataclass

from adcompiler.analysis.effects import Effects, inside, is_ordered
from adcompiler.analysis.linear import added, build, linear
from adcompiler.analysis.ranges import Ranges
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.build import Builder, boolean, integer
from adcompiler.ir.core import Const, Function, Op, Operand, Region, Value
from adcompiler.ir.types import i64
from adcompiler.ir.walk import values
from adcompiler.passes.access import Conditions, bounds_message, indices, steps


def run(fn: Function) -> Function:
    """Mark accesses that are shown to be inside as safe; then check what is left before loops, where that can be."""
    prover = _Prover(fn)
    prover.region(fn.body)
    prover.guarding = True
    prover.ranges = Ranges(prover.shapes)
    prover.region(fn.body)
    return fn


Multiples = frozenset[tuple[Operand, int]]
FAR = 2**31


@dataclass(frozen=True, slots=True)
class Reach:
    """How an index of an access moves: `base` + offset + `by`, where base is invariant or the index of a loop of the
    nest, and `by` has multiples of invariants."""

    axis: int
    base: Operand
    offset: int
    by: Multiples = frozenset()


@dataclass(slots=True)
class Check:
    """The least and greatest offset of all accesses to an axis that move alike; `nest`: the loops around them."""

    nest: list[Op]
    array: Value
    axis: int
    base: Operand
    by: Multiples
    least: int
    most: int
    first: Op


Covered = dict[tuple[Value, int, Operand, Multiples, Op], Check]


class _Prover:
    guarding = False

    def __init__(self, fn: Function):
        self.shapes = Shapes(fn)
        self.effects = Effects(fn, self.shapes)
        self.ranges = Ranges(self.shapes)

    def region(self, region: Region) -> None:
        ops: list[Op] = []
        for op in region.ops:
            if op.regions:
                ops += self.guards(op) if self.guarding else []
                self.inner(op)
            elif op.name == "raise_if":
                self.ranges.assume(op.args[0], False)
            else:
                self.access(op)
            ops.append(op)
        region.ops = ops

    def inner(self, op: Op) -> None:
        """The regions of a control op, each with what holds in it."""
        for region in self.ranges.regions(op):
            self.region(region)

    def access(self, op: Op) -> None:
        """Mark an access whose indices are all inside; after it they are, or it has raised."""
        found = indices(op)
        if not found and not steps(op):
            return
        extents = self.shapes.shape(op.args[0])
        if not op.attrs.get("safe") and not steps(op):
            if all(self.ranges.inside(index, extents[axis]) for axis, index in found):
                op.attrs["safe"] = True
        for axis, index in found:
            self.ranges.seen(index, extents[axis])

    # One check before a nest of loops.
    def guards(self, loop: Op) -> list[Op]:
        """Checks to stand before the loop; what they cover is marked safe."""
        if not _is_plain(loop) or not self.calm(loop):
            return []
        covered: Covered = {}
        self.collect([loop], set(values(loop.body)), covered)
        draft = Region()
        for check in covered.values():
            build = Builder(draft, check.first.loc)
            condition = self.condition(Conditions(build), check)
            if condition != boolean(False):
                build.do("raise_if", condition, error="IndexError", message=bounds_message(check.first, check.axis))
        return draft.ops

    def collect(self, nest: list[Op], bound: set[Value], covered: Covered) -> None:
        """The accesses that each trip of the innermost loop of the nest makes."""
        for op in nest[-1].body.ops:
            if _is_plain(op) and not any(a in bound for a in op.args[:2]):
                self.collect([*nest, op], bound, covered)
            if not indices(op) or op.attrs.get("safe") or steps(op) or op.args[0] in bound:
                continue
            reaches = [self.reach(nest, axis, index, bound) for axis, index in indices(op)]
            if any(r is None for r in reaches):
                continue
            for reach in reaches:
                self.cover(covered, nest, op, reach)
            op.attrs["safe"] = True

    def calm(self, loop: Op) -> bool:
        """Nothing in the loop raises or prints, accesses apart."""
        return not is_ordered(loop) and all(
            o is loop or o.regions or indices(o) or not self.effects.may_raise(o) for o in inside(loop)
        )

    def reach(self, nest: list[Op], axis: int, index: Operand, bound: set[Value]) -> Reach | None:
        """How the index moves: not at all, or with a loop's index, at an offset."""
        if index.type != i64:
            return None
        moving = [loop.body.params[0] for loop in nest]
        if index not in bound or index in moving:
            return Reach(axis, index, 0)
        form = linear(self.shapes.structure.definer, index)
        offset = form.pop(None, 0)
        base = [v for v in form if v in moving]
        if len(base) != 1 or form.pop(base[0]) != 1 or any(v in bound for v in form):
            return None
        if any(abs(c) >= FAR for c in (offset, *form.values())):
            return None
        by = frozenset((v, c) for v, c in form.items() if v is not None)
        return Reach(axis, base[0], offset, by)

    def cover(self, covered: Covered, nest: list[Op], op: Op, reach: Reach | None) -> None:
        """Widen what is checked of this axis of the array."""
        assert reach is not None and isinstance(op.args[0], Value)
        key = (op.args[0], reach.axis, reach.base, reach.by, nest[-1])
        check = covered.setdefault(key, Check(nest, *key[:4], reach.offset, reach.offset, op))
        check.least, check.most = min(check.least, reach.offset), max(check.most, reach.offset)

    def condition(self, make: Conditions, check: Check) -> Operand:
        """Do the loops run, and reach outside?"""
        extent = self.shapes.shape(check.array)[check.axis]
        size = make.size(check.array, check.axis, extent)
        with self.ranges.scope():
            for loop in check.nest:
                self.ranges.enter_for(loop)
            reached = self.ranges.of(check.base)
            low = self.ranges.above(reached.shift(check.least), extent) and all(map(self.adds, check.by))
            high = self.ranges.below(reached.shift(check.most), extent) and not check.by
        if low and high:
            return boolean(False)
        mover = next((loop for loop in check.nest if loop.body.params[0] is check.base), None)
        by = build(make.build, dict(check.by))
        lo, hi = (added(make.build, a, by) for a in ((check.base, check.base) if mover is None else mover.args[:2]))
        first = make.plus(lo, check.least)
        beyond = make.beyond(hi, check.most, size, strict=mover is None)
        outside = make.outside(first, size, low, beyond if not high else boolean(False))
        runs = [self.runs(make, loop) for loop in check.nest if not self.implied(loop, mover, check, extent, low)]
        return make.all([*runs, outside])

    def adds(self, part: tuple[Operand, int]) -> bool:
        """Is this multiple certainly not negative?"""
        return part[1] > 0 and self.ranges.not_negative(part[0])

    def runs(self, make: Conditions, loop: Op) -> Operand:
        lo, hi = loop.args[:2]
        return make.compare("gt", hi, lo) if isinstance(lo, Const) else make.compare("lt", lo, hi)

    def implied(self, loop: Op, mover: Op | None, check: Check, extent: object, low: bool) -> bool:
        """Does the loop run whenever its last index is beyond the end?"""
        lo = loop.args[0]
        if loop is not mover or not low or not isinstance(lo, Const) or check.by:
            return False
        return lo.value + check.most <= (self.ranges.minimum(extent) or 0)


def _is_plain(op: Op) -> bool:
    """A `for` in steps of one, without early exit."""
    return op.name == "for" and op.until is None and op.args[2] == integer(1)
