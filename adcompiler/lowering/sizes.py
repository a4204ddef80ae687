"""Extents as operands: where loops end and what is allocated, without asking arrays that may never be memory."""

from __future__ import annotations

from collections.abc import Callable

from adcompiler.analysis.shapes import Extent, Shapes
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Op, Operand, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array

Maker = Callable[[Operand], Op | None]


class Sizes:
    """`maker(v)` is the op whose elements are computed in loops, for arrays that may never be memory."""

    def __init__(self, shapes: Shapes, maker: Maker):
        self.shapes, self.maker = shapes, maker

    def size(self, b: Builder, array: Operand, axis: int) -> Operand:
        """The extent of an axis, built with as few questions as possible."""
        extent = self.shapes.shape(array)[axis]
        if isinstance(extent, int):
            return integer(extent)
        if isinstance(extent, Value):
            return extent
        array, axis = self.origin(array, axis)
        op = self.maker(array)
        if op is None:
            return b.op("dim", array, axis=axis)
        table = OPS[op.name]
        if table.extents is not None:
            found: Operand = table.extents(b, op, lambda k, a: self.size(b, op.args[k], a))[axis]
            return found
        if table.element is not None:
            return self.size(b, op.args[0], axis)
        return self._broadcast(b, op, axis, extent)

    def origin(self, array: Operand, axis: int) -> tuple[Operand, int]:
        """The axis of the array after which the extent is named."""
        extent = self.shapes.shape(array)[axis]
        return extent[1:] if isinstance(extent, tuple) and extent[0] == "axis" else (array, axis)

    def sizes(self, b: Builder, array: Operand) -> list[Operand]:
        return [self.size(b, array, axis) for axis in range(rank(array))]

    def _broadcast(self, b: Builder, op: Op, axis: int, extent: Extent) -> Operand:
        """The extent that the operands broadcast to; which of them is 1 may be known at run time only."""
        back = rank(op.result) - axis
        found = [(a, rank(a) - back) for a in op.args if rank(a) >= back]
        for array, k in found:
            if self.shapes.shape(array)[k] == extent:
                return self.size(b, array, k)
        (first, k), *others = [(a, k) for a, k in found if self.shapes.shape(a)[k] != 1]
        total = self.size(b, first, k)
        for array, k in others:
            other = self.size(b, array, k)
            if other != total:
                total = b.op("select", b.op("eq", total, integer(1)), other, total, hint="size")
        return total

    def sources(self, array: Operand) -> set[Value]:
        """The values that `size` asks of. Each array is looked at once, however many ways lead to it."""
        found: set[Value] = set()
        seen, left = {array}, [array]
        while left:
            asked = left.pop()
            for axis, extent in enumerate(self.shapes.shape(asked)):
                if isinstance(extent, Value):
                    found.add(extent)
                elif not isinstance(extent, int):
                    values, arrays = self._sources(self.origin(asked, axis)[0])
                    found |= values
                    left += arrays - seen
                    seen |= arrays
        return found

    def _sources(self, array: Operand) -> tuple[set[Value], set[Operand]]:
        """Values that an extent of the array is computed from, and arrays whose extents it is computed from."""
        op = self.maker(array)
        if op is None:
            return ({array} if isinstance(array, Value) else set()), set()
        arrays: set[Operand] = {a for a in op.args if isinstance(a.type, Array)}
        if OPS[op.name].extents is None:
            return set(), arrays
        return {a for a in op.args if isinstance(a, Value)} - arrays, arrays


def rank(operand: Operand) -> int:
    return operand.type.rank if isinstance(operand.type, Array) else 0
