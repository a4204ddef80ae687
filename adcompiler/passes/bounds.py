"""Shows that indices are inside, or checks them once before the loop.

    for %i in 0..%n {                      %over: b1 = gt ...
      %a: f64 = load %x[%i]      ->        raise_if %over, error="IndexError", message="... (model.py:4)"
      %b: f64 = load %y[%i]                for %i in 0..%n {
      ...                                    %a: f64 = load %x[%i], safe=True
                                             %b: f64 = load %y[%i], safe=True

What is shown comes from loop bounds, branches and checks passed before (analysis/ranges.py). One check before a
loop stands for an access that every trip makes at an index that moves in steps of one; it says the same as the
first access that would fail, so nothing else in the loop may raise or print.
"""

from __future__ import annotations

from dataclasses import dataclass

from adcompiler.analysis.effects import Effects, inside, is_ordered
from adcompiler.analysis.ranges import Ranges
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.build import Builder, boolean
from adcompiler.ir.core import Const, Function, Op, Operand, Region, Value
from adcompiler.ir.types import i64
from adcompiler.ir.walk import values
from adcompiler.passes.access import Conditions, bounds_message, indices, steps


def run(fn: Function) -> Function:
    """Mark accesses that are shown to be inside as safe."""
    _Prover(fn).region(fn.body)
    return fn


@dataclass(frozen=True, slots=True)
class Reach:
    """How an index of an access moves in a loop: from `first` to `last`, both known before it."""

    axis: int
    base: Operand | None  # None: the loop's index
    offset: int


class _Prover:
    def __init__(self, fn: Function):
        self.shapes = Shapes(fn)
        self.effects = Effects(fn, self.shapes)
        self.ranges = Ranges(self.shapes)

    def region(self, region: Region) -> None:
        ops: list[Op] = []
        for op in region.ops:
            if op.regions:
                self.inner(op)
                if op.name == "for":
                    ops += self.guards(op)
            elif op.name == "raise_if":
                self.ranges.assume(op.args[0], False)
            else:
                self.access(op)
            ops.append(op)
        region.ops = ops

    def inner(self, op: Op) -> None:
        """The regions of a control op, each with what holds in it."""
        if op.name == "for":
            with self.ranges.scope():
                self.ranges.enter_for(op)
                self.region(op.body)
            return
        condition = op.args[0] if op.name == "if" else op.regions[0].terminator.args[0]
        for region, holds in zip(op.regions, (True, False), strict=True):
            with self.ranges.scope():
                if op.name == "if":
                    self.ranges.assume(condition, holds)
                elif region is op.body:
                    self.ranges.assume(condition, True)
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

    # One check before a loop.
    def guards(self, loop: Op) -> list[Op]:
        """Checks to stand before the loop; what they cover is marked safe."""
        if loop.until is not None or loop.args[2] != Const(1, loop.args[2].type) or not self.calm(loop):
            return []
        bound = {v for v in values(loop.body)}
        covered: dict[tuple[Value, int, Operand | None], tuple[int, int, Op]] = {}
        for op in loop.body.ops:
            if not indices(op) or op.attrs.get("safe") or steps(op) or op.args[0] in bound:
                continue
            reaches = [self.reach(loop, axis, index, bound) for axis, index in indices(op)]
            if any(r is None for r in reaches):
                continue
            for reach in reaches:
                self.cover(covered, op, reach)
            op.attrs["safe"] = True
        return self.checks(loop, covered)

    def calm(self, loop: Op) -> bool:
        """Nothing in the loop raises or prints, accesses apart."""
        return not is_ordered(loop) and all(
            o is loop or o.regions or indices(o) or not self.effects.may_raise(o) for o in inside(loop)
        )

    def reach(self, loop: Op, axis: int, index: Operand, bound: set[Value]) -> Reach | None:
        """How the index moves: with the loop's index, at an offset, or not at all."""
        if index.type != i64:
            return None
        if index not in bound:
            return Reach(axis, index, 0)
        if index is loop.body.params[0]:
            return Reach(axis, None, 0)
        op = self.shapes.structure.definer.get(index) if isinstance(index, Value) else None
        if op is None or op.name not in ("add", "sub") or op.args[0] is not loop.body.params[0]:
            return None
        by = op.args[1]
        if not isinstance(by, Const) or abs(by.value) >= 2**31:
            return None
        return Reach(axis, None, int(by.value) if op.name == "add" else -int(by.value))

    def cover(self, covered: dict, op: Op, reach: Reach | None) -> None:
        """Widen what is checked of this axis of the array."""
        assert reach is not None
        key = (op.args[0], reach.axis, reach.base)
        least, most, first = covered.get(key, (reach.offset, reach.offset, op))
        covered[key] = (min(least, reach.offset), max(most, reach.offset), first)

    def checks(self, loop: Op, covered: dict) -> list[Op]:
        draft = Region()
        for (array, axis, base), (least, most, op) in covered.items():
            build = Builder(draft, op.loc)
            condition = self.condition(Conditions(build), loop, array, axis, base, least, most)
            if condition != boolean(False):
                build.do("raise_if", condition, error="IndexError", message=bounds_message(op, axis))
        return draft.ops

    def condition(self, make: Conditions, loop: Op, array: Value, axis: int, base: Operand | None,
                  least: int, most: int) -> Operand:  # fmt: skip
        """Does the loop run, and reach outside?"""
        lo, hi = loop.args[:2]
        extent = self.shapes.shape(array)[axis]
        size = make.size(array, axis, extent)
        with self.ranges.scope():
            self.ranges.enter_for(loop)
            low, high = self.ranges.of(base or lo).shift(least), self.ranges.of(base or hi).shift(most - (base is None))
            known_low, known_high = self.ranges.above(low, extent), self.ranges.below(high, extent)
        if known_low and known_high:
            return boolean(False)
        runs = make.compare("lt", lo, hi, "runs")
        first = make.plus(base or lo, least)
        last = make.plus(base or hi, most if base is not None else most - 1)
        return make.all([runs, make.outside(first, last, size, known_low, known_high)])
