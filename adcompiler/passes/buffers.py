"""Allocates small arrays once, not in each iteration.

    for %i in 0..%n {                      %t: f64[3] = empty 3
      %t: f64[3] = zeros 3                 for %i in 0..%n {
      ...                        ->          for %j in 0..3 { store %t[%j] = 0.0 }
      yield                                  ...
    }                                        yield
                                           }

An array moves out of a loop if no iteration hands it on: what a loop carries, a tape holds or the function returns
stays where it is. Only extents that are literals and not many elements: it may now be made though nobody needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import entry
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.types import Array, Scalar, i64

MOST = 256  # elements


def run(fn: Function) -> Function:
    """Move allocations out of all the loops around them."""
    _Mover(fn).region(fn.body, inside=False)
    return fn


class _Mover:
    def __init__(self, fn: Function):
        self.aliases, self.shapes = Aliases(fn), Shapes(fn)
        self.moved: list[Op] = []

    def region(self, region: Region, inside: bool) -> None:
        """Rewrite a region; `inside`: of a loop."""
        ops: list[Op] = []
        for op in region.ops:
            if inside and self.movable(op):
                ops += self.refill(op)
                continue
            for inner in op.regions:
                self.region(inner, inside or op.name != "if")
            if not inside:
                ops += self.moved
                self.moved = []
            ops.append(op)
        region.ops = ops

    def movable(self, op: Op) -> bool:
        table = entry(op)
        if table is None or table.kind != "alloc" or self.aliases.outlives & self.aliases.roots(op.result):
            return False
        return few(self.shapes.shape(op.result)) is not None

    def refill(self, op: Op) -> list[Op]:
        """Allocate before the loops; what is left in them is to fill the array, unless its elements are open."""
        array, extents = op.result, self.shapes.shape(op.result)
        assert isinstance(array.type, Array)
        attrs = {"dtype": array.type.dtype, "dims": tuple(extents)}
        self.moved.append(Op("empty", [integer(e) for e in extents], [array], attrs, [], op.loc))
        fill = filling(op)
        if fill is None:
            return []
        b = Builder(Region(), op.loc)
        _fill(b, array, fill, extents, [])
        return b.region.ops


def few(extents: Iterable[Any]) -> int | None:
    """How many elements an array has, if all its extents are known and they are not many."""
    known = list(extents)
    if not all(isinstance(e, int) and e >= 0 for e in known):
        return None
    size = int(prod(known))
    return size if size <= MOST else None


def filling(op: Op) -> Operand | None:
    """What an allocation puts everywhere; None if the elements are open."""
    assert isinstance(op.result.type, Array)
    if op.name.startswith("empty"):
        return None
    return op.args[0] if op.name == "full" else const(0, Scalar(op.result.type.dtype))


def _fill(b: Builder, array: Value, fill: Operand, extents: tuple[int, ...], at: list[Operand]) -> None:
    """Loops that store a number everywhere."""
    if not extents:
        b.do("store", array, *at, fill, safe=True)
        return
    index, body = Value("j", i64), Region()
    body.params.append(index)
    with b.inside(body):
        _fill(b, array, fill, extents[1:], [*at, index])
        b.yield_()
    b.for_(integer(0), integer(extents[0]), integer(1), [], [], body)
