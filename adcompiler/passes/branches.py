"""Makes one branch of two that ask the same.

    %a: f64 = if %p {                     %a: f64, %b: f64 = if %p {
      %s: f64 = sin %x                      %s: f64 = sin %x
      yield %s                              %t: f64 = sin %x
    } else { ... }                ->        %u: f64 = mul %t, %s
    %b: f64 = if %p {                       yield %s, %u
      %t: f64 = sin %x                    } else { ... }
      %u: f64 = mul %t, %a
      yield %u
    } else { ... }

The second moves up to the first, where all that it needs is known there and nothing in between touches its memory.
It stays on its side of a section, and where it may raise after something that is seen then.
"""

from __future__ import annotations

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import Effects, is_ordered, reads, writes
from adcompiler.ir.core import Function, Op, Operand, Region
from adcompiler.ir.walk import free, substitute


def run(fn: Function) -> Function:
    """Merge branches of the same condition, innermost regions last."""
    _Merger(fn).region(fn.body)
    return fn


class _Merger:
    def __init__(self, fn: Function):
        self.aliases, self.effects = Aliases(fn), Effects(fn)
        self.params = set(fn.params)

    def region(self, region: Region) -> None:
        ops: list[Op] = []
        first: dict[Operand, Op] = {}
        for op in region.ops:
            if op.name == "section":
                first.clear()
            elif op.name == "if":
                earlier = first.get(op.args[0])
                if earlier is not None and self.moves(op, ops, ops.index(earlier)):
                    merge(op, earlier)
                    continue
                first[op.args[0]] = op
            ops.append(op)
        region.ops = ops
        for op in ops:
            for inner in op.regions:
                self.region(inner)

    def moves(self, op: Op, ops: list[Op], to: int) -> bool:
        """May the branch run at the end of ops[to] rather than after all of them?"""
        between = ops[to + 1 :]
        late = {v for o in between for v in o.results}
        if late.intersection(free(*op.regions)) or is_ordered(op):
            return False
        if self.effects.may_raise(op) and not all(map(self.silent, between)):
            return False
        written = {root for o in between for a in writes(o) for root in self.aliases.roots(a)}
        touched = written | {root for o in between for a in reads(o) for root in self.aliases.roots(a)}
        mine = {root for a in reads(op) for root in self.aliases.roots(a)}
        return not mine & written and not any(self.aliases.roots(a) & touched for a in writes(op))

    def silent(self, op: Op) -> bool:
        """Would nobody know whether it ran before an error was raised?"""
        written = {root for a in writes(op) for root in self.aliases.roots(a)}
        return not (is_ordered(op) or self.effects.may_raise(op) or written & self.params)


def merge(op: Op, into: Op) -> None:
    """Put the sides of `op` after those of `into`."""
    for side, target in zip(op.regions, into.regions, strict=True):
        *head, end = target.ops
        substitute(side, dict(zip(into.results, end.args, strict=True)))
        *more, last = side.ops
        target.ops = [*head, *more, Op("yield", [*end.args, *last.args], loc=end.loc)]
    into.results += op.results
