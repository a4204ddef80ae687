"""Makes every error that an op may still raise an explicit check, for backends that check nothing.

    %a: f64 = load %x[%i]              %size: i64 = dim %x, 0
                                       ...
                                       raise_if %bad, error="IndexError", message="index out of bounds for ..."
                                       %a: f64 = load %x[%i], safe=True

What has been checked is marked `safe` (accesses) or `checked` (everything else).
"""

from __future__ import annotations

from collections.abc import Callable

from adcompiler.analysis.effects import Effects, entry
from adcompiler.analysis.ranges import Ranges
from adcompiler.analysis.shapes import Extent, Shapes, meets
from adcompiler.ir.build import Builder, boolean, const, integer
from adcompiler.ir.core import Function, Op, Operand, Region
from adcompiler.ir.types import Array, Scalar, is_int
from adcompiler.passes.access import Conditions, bounds_message, indices, place, steps
from adcompiler.passes.whole import WHOLE


def run(fn: Function) -> Function:
    """Put checks in front of what may raise."""
    checker = _Checker(fn)
    checker.region(fn.body)
    return fn


class _Checker:
    def __init__(self, fn: Function):
        self.shapes = Shapes(fn)
        self.effects = Effects(fn, self.shapes)
        self.ranges = Ranges(self.shapes)
        self.make = Conditions(Builder(fn.body))

    def region(self, region: Region) -> None:
        out = Region(region.params)
        self.make, saved = Conditions(Builder(out)), self.make
        for op in region.ops:
            for inner in op.regions:
                self.region(inner)
            self.make.build.loc = op.loc
            self.op(op)
            out.ops.append(op)
        region.ops = out.ops
        self.make = saved

    def op(self, op: Op) -> None:
        table = entry(op)
        if table is None or op.name == "raise_if" or not self.effects.may_raise(op):
            return
        if indices(op) or steps(op):
            self.access(op)
            return
        check = CHECKS.get(op.name) or KINDS.get(table.kind)
        if check is not None:
            check(self, op)
            op.attrs["checked"] = True

    def raise_if(self, condition: Operand, error: str, message: str) -> None:
        if condition != boolean(False):
            self.make.build.do("raise_if", condition, error=error, message=message)

    # One method per kind of error.
    def access(self, op: Op) -> None:
        extents = self.shapes.shape(op.args[0])
        for axis, index in indices(op):
            r = self.ranges.of(index)
            known = self.ranges.above(r, extents[axis]), self.ranges.below(r, extents[axis])
            if all(known):
                continue
            size = self.make.size(op.args[0], axis, extents[axis])
            at = self.wide(index)
            beyond = boolean(False) if known[1] else self.make.beyond(at, 0, size, strict=True)
            outside = self.make.outside(at, size, known[0], beyond)
            self.raise_if(outside, "IndexError", bounds_message(op, axis))
        for step in steps(op):
            zero = self.make.compare("eq", self.wide(step), integer(0))
            self.raise_if(zero, "ValueError", f"slice step cannot be zero{place(op)}")
        op.attrs["safe"] = True

    def wide(self, index: Operand) -> Operand:
        """An index of any integer type as an i64."""
        if index.type == integer(0).type:
            return index
        return self.make.build.op("cast", index, dtype="i64")

    def extents(self, op: Op) -> None:
        for extent in op.args[op.name == "full" :]:
            if not self.effects.is_extent(extent):
                negative = self.make.compare("lt", extent, integer(0))
                self.raise_if(negative, "ValueError", f"negative dimensions are not allowed{place(op)}")

    def divisor(self, op: Op) -> None:
        zero = self.anywhere("eq", op.args[1])
        self.raise_if(zero, "ZeroDivisionError", f"integer division or modulo by zero{place(op)}")
        self.elementwise(op)

    def exponent(self, op: Op) -> None:
        if is_int(op.args[1].type):
            negative = self.anywhere("lt", op.args[1])
            self.raise_if(negative, "ValueError", f"integers to negative integer powers are not allowed{place(op)}")
        self.elementwise(op)

    def anywhere(self, relation: str, operand: Operand) -> Operand:
        """Does the relation to zero hold for the number, or for any element?"""
        assert isinstance(operand.type, Scalar | Array)
        found = self.make.build.op(relation, operand, const(0, Scalar(operand.type.dtype)))
        if isinstance(found.type, Scalar):
            return found
        return self.make.build.op("gt", self.make.build.op("sum", found), integer(0))

    def elementwise(self, op: Op) -> None:
        """Arrays that meet: equal extents, or 1."""
        arrays = [a for a in op.args if isinstance(a.type, Array)]
        for k, a in enumerate(arrays):
            for b in arrays[:k]:
                self.meet(op, b, a, both=True)

    def write(self, op: Op) -> None:
        """The value of a whole-array write: extents of the target, or 1."""
        if isinstance(op.args[1].type, Array):
            self.meet(op, op.args[0], op.args[1], both=False)

    def meet(self, op: Op, a: Operand, b: Operand, both: bool) -> None:
        """a and b broadcast; `both`: either may be stretched, else only b."""
        mine, other = self.shapes.shape(a), self.shapes.shape(b)
        for back in range(1, min(len(mine), len(other)) + 1):
            i, j = len(mine) - back, len(other) - back
            if mine[i] == other[j] or other[j] == 1 or (both and meets(mine[i], other[j])):
                continue
            self.sizes(op, (a, i, mine[i]), (b, j, other[j]), stretch_a=both, stretch_b=True)

    def agree(self, op: Op, left: tuple[Operand, int], right: tuple[Operand, int],
              stretch_a: bool, stretch_b: bool) -> None:  # fmt: skip
        """Two axes of one size, but for a 1 that may be stretched."""
        (a, i), (b, j) = left, right
        m, n = self.shapes.shape(a)[i], self.shapes.shape(b)[j]
        if m != n and not (n == 1 and stretch_b) and not (m == 1 and stretch_a):
            self.sizes(op, (a, i, m), (b, j, n), stretch_a=stretch_a, stretch_b=stretch_b)

    def product(self, op: Op) -> None:
        a, b = op.args
        k = len(self.shapes.shape(a)) - 1
        left, right = self.shapes.shape(a)[k], self.shapes.shape(b)[0]
        if left != right:
            self.sizes(op, (a, k, left), (b, 0, right), stretch_a=False, stretch_b=False)

    def sizes(self, op: Op, left: tuple[Operand, int, Extent], right: tuple[Operand, int, Extent],
              stretch_a: bool, stretch_b: bool) -> None:  # fmt: skip
        """Two sizes agree, but for a 1 that may be stretched."""
        m, n = (self.make.size(*side) for side in (left, right))
        conditions = [self.differ(m, n)]
        conditions += [self.differ(m, integer(1))] if stretch_a else []
        conditions += [self.differ(n, integer(1))] if stretch_b else []
        if boolean(False) not in conditions:
            sides = " and ".join(f"axis {axis} of {_name(array)}" for array, axis, _ in (left, right))
            self.raise_if(self.make.all(conditions), "ShapeMismatch", f"shapes do not match: {sides}{place(op)}")

    def differ(self, m: Operand, n: Operand) -> Operand:
        return self.make.compare("ne", m, n)


def _name(operand: Operand) -> str:
    return getattr(operand, "name", "?")


Check = Callable[[_Checker, Op], None]
CHECKS: dict[str, Check] = {
    "floordiv": _Checker.divisor,
    "mod": _Checker.divisor,
    "pow": _Checker.exponent,
    "matmul": _Checker.product,
    "assign": _Checker.write,
    "accumulate": _Checker.write,
    **WHOLE,
}
KINDS: dict[str, Check] = {"alloc": _Checker.extents, "elementwise": _Checker.elementwise}
