"""The walk of lowering: regions op by op, or nest by nest."""

from __future__ import annotations

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import Effects, entry
from adcompiler.ir.build import Builder
from adcompiler.ir.core import Function, Op, Region, Value
from adcompiler.ir.types import Array
from adcompiler.ir.walk import Env, substitute, walk
from adcompiler.lowering.kinds import is_map, is_write
from adcompiler.lowering.nest import Nest
from adcompiler.lowering.order import Order
from adcompiler.lowering.plan import Plan
from adcompiler.lowering.trial import settle


def lower(fn: Function, fuse: bool = True) -> Function:
    """Whole-array ops become loops, `fuse`d where they can share them."""
    _read_first(fn)
    _Lowering(fn, fuse).run()
    return fn


def _read_first(fn: Function) -> None:
    """What is written into an array that it may overlap is copied before: the right side is read in full."""
    aliases = Aliases(fn)
    regions = [fn.body, *(r for op in walk(fn.body) for r in op.regions)]
    for region in regions:
        ops: list[Op] = []
        for op in region.ops:
            if is_write(op) and op.args[0] is not op.args[1] and aliases.may_alias(*op.args):
                b = Builder(Region(), op.loc)
                op.args[1] = b.op("copy", op.args[1], hint=op.args[1].name if isinstance(op.args[1], Value) else "t")
                ops += b.region.ops
            ops.append(op)
        region.ops = ops


class _Lowering:
    def __init__(self, fn: Function, fuse: bool):
        self.fn = fn
        self.plan = Plan(fn, fuse)
        self.loops = settle(self.plan)
        self.order = Order(self.plan, self.loops, Effects(fn, self.plan.shapes))
        self.env: Env = {}

    def run(self) -> None:
        self.region(self.fn.body)
        substitute(self.fn.body, self.env)

    def region(self, region: Region) -> None:
        if not any(op in self.loops for op in region.ops):
            region.ops = [new for op in region.ops if self.order.runs(op) for new in self.op(op)]
            return
        ops: list[Op] = []
        headings = [(k, op) for k, op in enumerate(region.ops) if op.name == "section"]
        place = {op: k for k, op in enumerate(region.ops)}
        for group in self.order.groups(region):
            first = group[0]
            if first.name == "section":
                continue
            if first in self.loops or first.regions or not first.results:
                while headings and headings[0][0] < place[first]:
                    ops.append(headings.pop(0)[1])
            ops += self.nest(group) if first in self.loops else self.op(first)
        region.ops = ops

    def nest(self, group: list[Op]) -> list[Op]:
        """The loops of ops that share them."""
        maps = [op for op in group if is_map(op)]
        stored = [op.result for op in maps if self.order.stays(op, group)]
        read = [op.result for op in maps if self.order.loaders.get(op.result, set()) & set(group)]
        return Nest(self.plan, group, stored, read).build()

    def op(self, op: Op) -> list[Op]:
        """An op that stays; questions for the shape of an array that may not be memory are answered otherwise."""
        for region in op.regions:
            self.region(region)
        made = [a for a in op.args if self.plan.maker(a) is not None]
        table = entry(op)
        if not made or table is None or (op.name != "dim" and table.kind != "alloc"):
            return [op]
        b = Builder(Region(), op.loc)
        if op.name == "dim":
            self.env[op.result] = self.plan.sizes.size(b, op.args[0], op.attrs["axis"])
            return b.region.ops
        if not op.name.endswith("_like"):
            return [op]
        t = op.result.type
        assert isinstance(t, Array)
        attrs = {"dtype": t.dtype, "dims": t.dims, "checked": True}
        sizes = self.plan.sizes.sizes(b, op.args[0])
        return [*b.region.ops, Op(op.name.removesuffix("_like"), sizes, op.results, attrs, [], op.loc)]
