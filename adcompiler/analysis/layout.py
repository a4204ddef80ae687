"""In which order NumPy lays out the elements of an array: most of its functions keep that of their arguments."""

from __future__ import annotations

from collections.abc import Mapping

from adcompiler.ir.core import Op, Operand, Value, yielded
from adcompiler.ir.types import Array
from adcompiler.ir.walk import Structure

IN_ORDER = ("contiguous", "matmul")  # in C's order, whatever they are made of
Orders = Mapping[Value, "tuple[Operand, ...] | None"]


def strides_vary(operand: Operand, structure: Structure, orders: Orders, seen: frozenset[Value] = frozenset()) -> bool:
    """May NumPy have laid out these elements in another order than C's?

    `orders`: what decides it, of arrays whose op doesn't tell: () is C's order, None any.
    """
    if not isinstance(operand, Value) or not isinstance(operand.type, Array) or operand.type.rank < 2:
        return False
    if operand in seen:
        return False
    given = orders.get(operand, ())
    if operand in orders and not given:
        return given is None
    if operand.type.strided:
        return True
    op = structure.definer.get(operand)
    if op is not None and _reorders(op):
        return True
    parts = given or _parts(operand, op, structure)
    return any(strides_vary(a, structure, orders, seen | {operand}) for a in parts)


def _parts(value: Value, op: Op | None, structure: Structure) -> list[Operand]:
    """What decides the order of a value: what it is made of, or what a loop or branch puts in its place."""
    if op is not None and not op.regions:
        return [] if op.name in IN_ORDER else op.args
    if op is not None:
        k = op.results.index(value)
        return [*op.inits[k : k + 1] * (op.name != "if"), *(yielded(r)[k] for r in op.regions if len(yielded(r)) > k)]
    region = structure.home[value]
    owner = structure.owner[region]
    if owner is None:
        return []
    k = region.params.index(value) - (owner.name == "for")
    return [owner.inits[k], owner.yields[k]]


def _reorders(op: Op) -> bool:
    """Is the result laid out in an order of its own, though the arguments are in C's?"""
    if op.name == "gather":
        return op.attrs["index"][0] != "a"  # the axes of the index arrays are laid out first, wherever they stand
    if op.name == "einsum":
        left, _, out = op.attrs["spec"].partition("->")
        return any([c for c in names if c in out] != [c for c in out if c in names] for names in left.split(","))
    return False
