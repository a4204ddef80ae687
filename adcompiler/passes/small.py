"""Products and rows of a few numbers as code for elements, which lowering fuses with what is around it.

    %d: f64 = matmul %u, %v                        %t: f64[3] = mul %u, %v
                                                   %d: f64 = sum %t
    %a: f64[1] = full %x, 1                 ->     %r: f64[2] = empty 2
    %b: f64[1] = full %y, 1                        store %r[0] = %x
    %r: f64[2] = concatenate %a, %b, axis=0        store %r[1] = %y
    %p: f64[m, 3] = matmul %a, %w                  %p: f64[m, 3] = a[:, 0, None] * w[0] + a[:, 1, None] * w[1]
    %q: f64[2, 3] = matmul %b, %c                  %q[0, 0] = sum(b[0] * c[:, 0]), and so on

Only of known extents (analysis/shapes.py): a call takes longer than their arithmetic. Of matrices, the tiny factor of
a long one, whose product is a sum of two or three terms that go into the same loop as what is done with it; and tiny
products of long ones, all sums of which are one loop.
"""

from __future__ import annotations

from functools import reduce
from itertools import product

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.extents import TINY
from adcompiler.analysis.shapes import Extent, Shapes
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.types import Array, is_float
from adcompiler.ir.walk import Env, substitute, walk

FEW = 16


def run(fn: Function) -> Function:
    """Replace the calls, in every region."""
    replacer = _Replacer(fn)
    for region in [fn.body, *(r for op in walk(fn.body) for r in op.regions)]:
        region.ops = [new for op in region.ops for new in replacer.op(op)]
    substitute(fn.body, replacer.env)
    return fn


def _tiny(extent: Extent) -> bool:
    return isinstance(extent, int) and 0 < extent <= TINY


class _Replacer:
    def __init__(self, fn: Function):
        self.shapes, self.aliases = Shapes(fn), Aliases(fn)
        self.env: Env = {}

    def op(self, op: Op) -> list[Op]:
        if op.name == "matmul" and self.matrices(op):
            if all(map(_tiny, self.shapes.shape(op.args[1]))):
                return self.terms(op)
            if all(map(_tiny, self.shapes.shape(op.result))):
                return self.sums(op)
        if op.name not in ("matmul", "concatenate") or not all(map(self.few, op.args)):
            return [op]
        return self.product(op) if op.name == "matmul" else self.row(op)

    def few(self, operand: Operand) -> bool:
        """Is it a vector of a known, small extent?"""
        shape = self.shapes.shape(operand)
        return len(shape) == 1 and isinstance(shape[0], int) and shape[0] <= FEW

    def product(self, op: Op) -> list[Op]:
        """u @ v as a sum."""
        u, v = op.args
        if not is_float(u.type) or not self.shapes.same(u, v):
            return [op]
        b = Builder(Region(), op.loc)
        self.env[op.result] = b.op("sum", b.op("mul", u, v), hint=op.result.name)
        return b.region.ops

    def matrices(self, op: Op) -> bool:
        """Is it a product of matrices that certainly go together?"""
        left, right = map(self.shapes.shape, op.args)
        return is_float(op.args[0].type) and len(left) == len(right) == 2 and left[1] == right[0]

    def terms(self, op: Op) -> list[Op]:
        """a @ b as a sum of columns times rows: a[:, 0, None] * b[0] + a[:, 1, None] * b[1] + ..."""
        a, b = op.args
        made = Builder(Region(), op.loc)
        terms = []
        for k in map(integer, range(self.shapes.shape(b)[0])):
            column = made.op("view", a, k, index=("000", "i", "n"), safe=True)
            terms.append(made.op("mul", column, made.op("view", b, k, index=("i", "000"), safe=True)))
        self.env[op.result] = reduce(lambda s, t: made.op("add", s, t, hint=op.result.name), terms)
        return made.region.ops

    def sums(self, op: Op) -> list[Op]:
        """a @ b as the sum of a[i] * b[:, j] for each of its elements."""
        a, b = op.args
        t, hint, dims = op.result.type, op.result.name, self.shapes.shape(op.result)
        assert isinstance(t, Array)
        made = Builder(Region(), op.loc)
        found = made.op("empty", *map(integer, dims), dtype=t.dtype, dims=dims, hint=hint)
        places = list(product(*(map(integer, range(extent)) for extent in dims)))
        rows = {i: made.op("view", a, i, index=("i", "000"), safe=True) for i, _ in places}
        columns = {j: made.op("view", b, j, index=("000", "i"), safe=True) for _, j in places}
        sums = [made.op("sum", made.op("mul", rows[i], columns[j]), hint=hint) for i, j in places]
        # The stores come last: nothing then stands between the loops of the sums.
        for place, total in zip(places, sums, strict=True):
            made.do("store", found, *place, total, safe=True)
        self.env[op.result] = found
        return made.region.ops

    def row(self, op: Op) -> list[Op]:
        """A vector made of others, part by part."""
        extents = [self.shapes.shape(a)[0] for a in op.args]
        t = op.result.type
        assert isinstance(t, Array)
        if sum(extents) > FEW:
            return [op]
        b = Builder(Region(), op.loc)
        row = b.op("empty", integer(sum(extents)), dtype=t.dtype, dims=(sum(extents),), hint=op.result.name)
        at = 0
        for part, extent in zip(op.args, extents, strict=True):
            number = self.number(part)
            if extent == 1 and number is not None:
                b.do("store", row, integer(at), number, safe=True)
            else:
                place = b.op("view", row, integer(at), integer(at + extent), index=("110",), safe=True, hint=row.name)
                b.do("assign", place, part if number is None else number)
            at += extent
        self.env[op.result] = row
        return b.region.ops

    def number(self, part: Operand) -> Operand | None:
        """What every element of the part is, where that is one number."""
        maker = self.shapes.structure.definer.get(part) if isinstance(part, Value) else None
        if maker is None or maker.name != "full" or any(self.aliases.writers.get(r) for r in self.aliases.roots(part)):
            return None
        return maker.args[0]
