"""Builds the loops of each op for a trial: what they read, and what had better not be computed in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from adcompiler.analysis.effects import entry
from adcompiler.ir.core import Op, Operand, Region, Value
from adcompiler.ir.walk import free, walk
from adcompiler.lowering.kinds import is_looped, is_map, is_write
from adcompiler.lowering.nest import Nest
from adcompiler.lowering.plan import Plan

# Per axis of an array the loop that runs along it, ~loop if with a step of 0 or 1, None for anything else.
Pattern = tuple[int | None, ...]
Access = tuple[Operand, Pattern]


@dataclass(frozen=True)
class Loops:
    """What the loops of an op read: loads from memory and inlined arrays, each with the pattern of its indices;
    `needs` are all values from outside, `heavy`: calls of functions that no loop is vectorized around."""

    loads: list[Access]
    computed: list[Access]
    needs: frozenset[Value]
    heavy: bool


def settle(plan: Plan) -> dict[Op, Loops]:
    """The loops of every op that becomes some, after the plan has been corrected."""
    trials = _Trials(plan)
    for op in walk(plan.fn.body):
        if is_looped(op) and not (op.results and op.result in plan.inlined):
            trials.settle(op)
    return trials.loops


class _Trials:
    def __init__(self, plan: Plan):
        self.plan = plan
        self.loops: dict[Op, Loops] = {}

    def settle(self, op: Op) -> None:
        """Take back what should not be inlined into the op's loops after all."""
        while True:
            found = self.look(op)
            wrong = self.wasteful(op, found) + self.overlapping(op, found)
            if not wrong:
                self.loops[op] = found
                return
            for value in wrong:
                if value in self.plan.inlined:
                    self.materialize(value)

    def look(self, op: Op) -> Loops:
        nest = Nest(self.plan, [op], [op.result] if is_map(op) else [])
        whole = Region([], nest.build())
        loop: dict[Operand, int] = {i: d for d, i in enumerate(nest.at)}
        loop |= {moved: ~loop[i] for moved, i in nest.elements.moved.items() if i in loop}

        def patterns(places: Iterable[tuple[Operand, tuple[Operand, ...]]]) -> list[Access]:
            return [(array, tuple(loop.get(i) for i in at)) for array, at in places]

        tables = [t for o in walk(whole) if (t := entry(o)) is not None]
        heavy = any(t.kind == "elementwise" and not t.cheap for t in tables)
        loads, computed = patterns(nest.elements.loads), patterns(nest.elements.computed)
        return Loops(loads, computed, frozenset(free(whole)), heavy)

    def wasteful(self, op: Op, found: Loops) -> list[Operand]:
        """Inlined arrays whose elements would be computed more than once, at some cost."""
        space = self.plan.space(op)
        seen: dict[Operand, Pattern] = {}
        wrong: list[Operand] = []
        for value, pattern in found.computed:
            table = entry(self.plan.structure.definer[value])  # type: ignore[index]
            if table is None or table.kind in ("view", "alloc") or value in wrong:
                continue
            loops = {max(c, ~c) for c in pattern if c is not None}
            again = any(c not in loops and space[c] != 1 for c in range(max(loops, default=-1)))
            shape = self.plan.shapes.shape(value)
            unclear = any(p is None and e != 1 for p, e in zip(pattern, shape, strict=True))
            if again or unclear or seen.setdefault(value, pattern) != pattern:
                wrong.append(value)
        return wrong

    def overlapping(self, op: Op, found: Loops) -> list[Operand]:
        """The value of a write that reads what the write may have changed: it is read in full before."""
        if not is_write(op):
            return []
        target, value = op.args
        clash = any(
            self.plan.aliases.may_alias(array, target) and not (aligned(self.plan, array, target) and in_step(pattern))
            for array, pattern in found.loads
        )
        return [value] if clash else []

    def materialize(self, value: Operand) -> None:
        """Not inlined, nor what it is a view of."""
        op = self.plan.structure.definer[value]  # type: ignore[index]
        self.plan.inlined.remove(value)
        if is_map(op):
            self.settle(op)
        for a in op.args if not is_map(op) else ():
            if a in self.plan.inlined:
                self.materialize(a)
        for other in [o for o, found in self.loops.items() if any(v is value for v, _ in found.computed)]:
            self.settle(other)


def in_step(pattern: Pattern) -> bool:
    """Does each iteration meet its own element?"""
    return pattern == tuple(range(len(pattern)))


def aligned(plan: Plan, a: Operand, b: Operand) -> bool:
    """Are elements with different indices different elements: one handle, or rows of one array?"""
    if a is b:
        return True
    first, second = (plan.structure.definer.get(v) if isinstance(v, Value) else None for v in (a, b))
    if first is None or second is None or first.name != "view" or second.name != "view":
        return False
    if first.args[0] is not second.args[0] or first.attrs["index"] != second.attrs["index"]:
        return False
    kinds = [kind for item in first.attrs["index"] for kind in _operands(item)]
    return all(kind == "i" or x == y for kind, x, y in zip(kinds, first.args[1:], second.args[1:], strict=True))


def _operands(item: str) -> list[str]:
    """Which operands an item of a view has."""
    if item == "n":
        return []
    return ["i"] if item == "i" else ["s" for given in item if given == "1"]
