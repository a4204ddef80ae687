"""Moves what does not change in a loop out of it.

    for %i in 0..%n {                      %a: f64 = exp %s
      %a: f64 = exp %s                     for %i in 0..%n {
      update %x[%i] += %a        ->          update %x[%i] += %a
      yield                                  yield
    }                                      }

Only what is pure, cannot raise and gives no fresh memory moves: it may now run though the loop never does.
So does a `safe` load, whose promise holds inside the loop, only where the loop is sure to run, or where what is known
before the loop shows the same (analysis/ranges.py).
"""

from __future__ import annotations

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import Effects, allocates, entry, own_reads, writes
from adcompiler.analysis.ranges import Ranges
from adcompiler.ir.core import CONTROL, TERMINATORS, Function, Op, Region, Value
from adcompiler.ir.walk import known_trips, values
from adcompiler.passes.access import indices, steps


def run(fn: Function) -> Function:
    """Hoist invariant ops, innermost loops first."""
    _Hoister(fn).region(fn.body)
    return fn


class _Hoister:
    def __init__(self, fn: Function):
        self.aliases, self.effects = Aliases(fn), Effects(fn)
        self.ranges = Ranges(self.effects.shapes)

    def region(self, region: Region) -> None:
        ops: list[Op] = []
        for op in region.ops:
            if op.name == "raise_if":
                self.ranges.assume(op.args[0], False)
            for inner in self.ranges.regions(op) if op.regions else ():
                self.region(inner)
            if op.name in CONTROL and op.name != "if":
                ops += self.invariants(op)
            ops.append(op)
        region.ops = ops

    def invariants(self, loop: Op) -> list[Op]:
        """Take the invariant ops out of the loop's body."""
        bound = {v for r in loop.regions for v in values(r)}
        written = {root for a in writes(loop) for root in self.aliases.roots(a)}
        moved: list[Op] = []
        for op in loop.body.ops:
            if not any(a in bound for a in op.args if isinstance(a, Value)) and self.movable(op, loop, written):
                moved.append(op)
                bound.difference_update(op.results)
        gone = set(moved)
        loop.body.ops = [op for op in loop.body.ops if op not in gone]
        return moved

    def movable(self, op: Op, loop: Op, written: set[Value]) -> bool:
        table = entry(op)
        if table is None or op.name in TERMINATORS or not op.results or table.kind in ("tape", "undef"):
            return False
        if allocates(op) or not self.effects.is_pure(op):
            return False
        # A promise (`safe`, `checked`) was made for where the op stands.
        if (op.attrs.get("safe") or op.attrs.get("checked")) and not _runs(loop) and not self.inside(op):
            return False
        return not any(self.aliases.roots(a) & written for a in own_reads(op))

    def inside(self, op: Op) -> bool:
        """Does the promise hold before the loop too: is it an access whose indices are inside there?"""
        found = indices(op)
        if not found or steps(op):
            return False
        extents = self.effects.shapes.shape(op.args[0])
        return all(self.ranges.inside(index, extents[axis]) for axis, index in found)


def _runs(loop: Op) -> bool:
    """Is the loop sure to run its body?"""
    return bool(known_trips(loop))
