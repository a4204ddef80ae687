"""What an op does besides computing its results: the questions that passes ask, regions inside included."""

from __future__ import annotations

from collections.abc import Iterator

from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.core import Const, Function, Op, Operand, Value
from adcompiler.ir.table import OPS, OpDef
from adcompiler.ir.types import Array
from adcompiler.ir.walk import walk


def entry(op: Op) -> OpDef | None:
    """The op's entry in the table; None for control flow and terminators."""
    return OPS.get(op.name)


def inside(op: Op) -> Iterator[Op]:
    """The op and every op in its regions."""
    yield op
    for region in op.regions:
        yield from walk(region)


def reads(op: Op) -> set[Operand]:
    """Handles whose memory the op, or one inside it, reads."""
    return {a for o in inside(op) for a in own_reads(o)}


def writes(op: Op) -> set[Operand]:
    """Handles whose memory the op, or one inside it, writes."""
    return {a for o in inside(op) for a in own_writes(o)}


def own_reads(op: Op) -> list[Operand]:
    table = entry(op)
    if table is None:
        return []
    if table.reads is None:
        return [a for a in op.args if isinstance(a.type, Array)]
    return [op.args[k] for k in table.reads if not isinstance(op.args[k], Const)]


def own_writes(op: Op) -> list[Operand]:
    table = entry(op)
    return [op.args[k] for k in table.writes] if table else []


def is_ordered(op: Op) -> bool:
    return any(table.ordered for o in inside(op) if (table := entry(o)))


def allocates(op: Op) -> bool:
    """Does the op itself return fresh memory?"""
    table = entry(op)
    return bool(table and table.allocates and any(not _scalar(r) for r in op.results))


def _scalar(value: Value) -> bool:
    return hasattr(value.type, "dtype") and not isinstance(value.type, Array)


class Effects:
    """The questions whose answer takes the whole function: can this op raise?"""

    def __init__(self, fn: Function, shapes: Shapes | None = None):
        self.shapes = shapes or Shapes(fn)

    def may_raise(self, op: Op) -> bool:
        return any(self._raises(o) for o in inside(op))

    def is_pure(self, op: Op) -> bool:
        """No writes, no ordered effect, no error: may be removed, repeated, or run where it was not."""
        return not writes(op) and not is_ordered(op) and not self.may_raise(op)

    def removable(self, op: Op) -> bool:
        """May the op go when nobody uses its results? (Loops are taken to end.)"""
        return self.is_pure(op)

    def _raises(self, op: Op) -> bool:
        table = entry(op)
        if table is None or op.attrs.get("checked"):
            return False
        if table.kind == "alloc":
            extents = [a for a in op.args[op.name == "full" :] if not isinstance(a.type, Array)]
            return not all(map(self.is_extent, extents))
        if table.may_raise is not None and table.may_raise(op):
            return not self._shown(op, table)
        return table.kind == "elementwise" and table.allocates and self.shapes.may_clash(op.args)

    def _shown(self, op: Op, table: OpDef) -> bool:
        """Whole-array writes raise only where the value may not fit."""
        if table.kind != "memory" or op.results or len(op.args) != 2 or not isinstance(op.args[1].type, Array):
            return False
        return self.shapes.fits(op.args[1], op.args[0])

    def is_extent(self, operand: Operand) -> bool:
        """Certainly not negative: a literal, or the extent of an array."""
        if isinstance(operand, Const):
            return not isinstance(operand.value, float) and operand.value >= 0
        definer = self.shapes.structure.definer.get(operand)
        return definer is not None and definer.name == "dim"
