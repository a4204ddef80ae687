"""What differs from iteration to iteration of a loop, and what is the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence

from adcompiler.analysis.effects import own_reads, own_writes
from adcompiler.analysis.independence import Independence
from adcompiler.ir.core import CONTROL, Op, Operand, Region, Value
from adcompiler.ir.walk import walk


class Varying:
    """`values` differ, `spread` are the private arrays whose content does.

    Control flow that differs (`serial`) is gone through iteration by iteration: all that it gives and writes differs.
    So is what is `apart`.
    """

    def __init__(self, facts: Independence, loop: Op, kinds: dict[Value, str], apart: frozenset[Op] = frozenset()):
        self.facts, self.loop, self.kinds, self.apart = facts, loop, kinds, apart
        self.values: set[Value] = {*loop.body.params}
        self.spread: set[Value] = set()
        self.serial: set[Op] = set()
        before = -1
        while before != (before := len(self.values) + len(self.spread) + len(self.serial)):
            self._region(loop.body, False)

    def differs(self, operand: Operand | None) -> bool:
        return operand in self.values

    def lane(self, op: Op) -> bool:
        """Must the op run once for each iteration?"""
        if op in self.serial or any(map(self.differs, (*op.args, *op.results))):
            return True
        if any(self._outward(root) for root in self._written(op)):
            return True
        return any(self.lane(inner) for region in op.regions for inner in region.ops[:-1])

    def _outward(self, root: Value) -> bool:
        return root in self.spread or self.kinds.get(root) not in ("private", "local")

    def _written(self, op: Op) -> set[Value]:
        return {r for a in own_writes(op) for r in self.facts.aliases.roots(a)}

    def _region(self, region: Region, serial: bool) -> None:
        for op in region.ops[:-1]:
            if op.name in CONTROL:
                self._control(op, serial)
            else:
                self._op(op, serial)

    def _op(self, op: Op, serial: bool) -> None:
        differs = serial or any(map(self.differs, op.args))
        if differs:
            self.spread |= {r for r in self._written(op) if self.kinds.get(r) in ("private", "local")}
        read = {r for a in own_reads(op) for r in self.facts.aliases.roots(a)}
        if differs or read & self.spread:
            self.values.update(op.results)

    def _control(self, op: Op, serial: bool) -> None:
        if self._decides(op):
            self.serial.add(op)
        serial = serial or op in self.serial
        for region in op.regions:
            self._region(region, serial)
        if serial:
            self.values.update(v for r in op.regions for inner in walk(r) for v in inner.results)
            self.values.update(v for r in op.regions for v in r.params)
            self.values.update(op.results)
        elif op.name == "if":
            for region in op.regions:
                self._follow(op.results, region.terminator.args)
        else:
            self._follow(op.carried, op.inits)
            self._follow(op.carried, op.yields)
            self._follow(op.results, op.carried)

    def _follow(self, targets: Sequence[Value], sources: Sequence[Operand]) -> None:
        self.values.update(t for t, s in zip(targets, sources, strict=False) if self.differs(s))

    def _decides(self, op: Op) -> bool:
        """Does the way that control takes differ? (A branch in which something does counts as one that does.)"""
        if op in self.apart:
            return True
        if op.name == "for":
            return any(map(self.differs, op.args[:3])) or self.differs(op.until)
        condition = op.args[0] if op.name == "if" else op.regions[0].terminator.args[0]
        return self.differs(condition) or any(self.lane(inner) for r in op.regions for inner in r.ops[:-1])
