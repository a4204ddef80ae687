"""What becomes loops: maps (elements of fresh memory), reductions, whole-array writes."""

from __future__ import annotations

from adcompiler.analysis.effects import allocates, entry
from adcompiler.ir.core import Op, Operand
from adcompiler.lowering.sizes import rank


def is_map(op: Op) -> bool:
    """Fresh memory, computed element by element."""
    table = entry(op)
    if table is None or len(op.results) != 1 or not rank(op.result) or not allocates(op) or table.kind == "alloc":
        return False
    return table.kind == "elementwise" or table.element is not None


def is_reduction(op: Op) -> bool:
    table = entry(op)
    return table is not None and table.reduce is not None and bool(op.args) and rank(op.args[0]) > 0


def is_write(op: Op) -> bool:
    return op.name in ("assign", "accumulate")


def is_looped(op: Op) -> bool:
    """Does it become a nest of loops?"""
    return is_map(op) or is_reduction(op) or is_write(op)


def iterated(op: Op) -> Operand:
    """The array over whose indices the op runs."""
    return op.result if is_map(op) else op.args[0]
