"""In which order NumPy lays out the elements of an array: most of its functions keep that of their arguments."""

from __future__ import annotations

from adcompiler.ir.core import Operand, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array
from adcompiler.ir.walk import Structure

IN_ORDER = ("reshape", "contiguous", "matmul")  # in C's order, whatever they are made of


def strides_vary(operand: Operand, structure: Structure, in_order: frozenset[Value] = frozenset()) -> bool:
    """May NumPy have laid out these elements in another order than C's? Not those of `in_order`."""
    if not isinstance(operand, Value) or not isinstance(operand.type, Array) or operand.type.rank < 2:
        return False
    if operand in in_order or operand.type.strided:
        return operand not in in_order
    op = structure.definer.get(operand)
    if op is None or op.name not in OPS or op.name in IN_ORDER:
        return False
    return any(strides_vary(a, structure, in_order) for a in op.args)
