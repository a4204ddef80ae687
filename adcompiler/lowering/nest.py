"""One loop nest for ops that run over the same index space: elements, whole-array writes, reductions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Op, Operand, Region, Value
from adcompiler.ir.naming import is_adjoint, is_temporary
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, i64
from adcompiler.lowering.elements import At, Elements, Levels
from adcompiler.lowering.kinds import is_reduction, is_write, iterated
from adcompiler.lowering.plan import Plan
from adcompiler.lowering.sizes import rank


@dataclass
class Sum:
    """A reduction on its way: in a scalar over the loops from `start` on, whose result goes `into` an array."""

    op: Op
    start: int
    into: list[Operand]  # indices of the result
    outer: bool  # loops outside of `start` meet the same element again
    current: Operand | None = None
    params: dict[int, Value] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        reduce = OPS[self.op.name].reduce
        assert reduce is not None
        return reduce[1]

    @property
    def type(self) -> Scalar:
        assert isinstance(self.op.result.type, Array | Scalar)
        return Scalar(self.op.result.type.dtype)

    @property
    def initial(self) -> Operand:
        reduce = OPS[self.op.name].reduce
        assert reduce is not None
        value = reduce[0](self.type.dtype) if callable(reduce[0]) else reduce[0]
        return const(value, self.type)

    @property
    def name(self) -> str:
        name = self.op.result.name
        return name if isinstance(self.op.result.type, Scalar) else element_name(name, "i" * len(self.into))


class Nest:
    """`members`: ops in program order; `stored`: array results that become memory."""

    def __init__(self, plan: Plan, members: Sequence[Op], stored: Iterable[Value], read: Iterable[Value] = ()):
        self.plan, self.members = plan, members
        self.stored, self.read = set(stored), set(read)
        over = iterated(members[0])
        self.depth, self.space = rank(over), plan.shapes.shape(over)
        self.at = [Value(name, i64) for name in plan.letters(self.depth)]
        self.regions = [Region(), *(Region([i]) for i in self.at)]
        self.b = Levels(self.regions, self.at, members[0].loc)
        self.outside = Builder(self.regions[0], members[0].loc)
        self.sizes = plan.sizes.sizes(self.outside, over)
        self.elements = Elements(self.b, plan.shapes, plan.sizes, plan.inlined_op)
        self.elements.runs = dict(zip(self.at, self.space, strict=True))
        self.sums: list[Sum] = []

    def build(self) -> list[Op]:
        """The ops that take the place of the members."""
        for op in self.members:
            with self.b.at(op.loc):
                self.member(op)
        for level in reversed(range(self.depth)):
            self.close(level)
        return self.regions[0].ops

    def member(self, op: Op) -> None:
        if is_write(op):
            self.write(op)
        elif is_reduction(op):
            self.reduce(op)
        else:
            self.map(op)

    def map(self, op: Op) -> None:
        result, stored = op.result, op.result in self.stored
        short = "t" if result not in self.read else element_name(result.name, [i.name for i in self.at])
        value = self.elements.compute(op, self.at, short if stored else result.name)
        if stored:
            self.allocate("empty", result, self.sizes)
            self.b.do("store", result, *self.at, value, safe=True)
        self.elements.wrote(result, self.at, value, self.plan.aliases)

    def write(self, op: Op) -> None:
        target, source = op.args
        value = self.operand(source)
        self.b.do("store" if op.name == "assign" else "update", target, *self.at, value, safe=True)
        self.elements.wrote(target, self.at, value if op.name == "assign" else None, self.plan.aliases)

    def operand(self, source: Operand) -> Operand:
        """An element of what is brought to the index space."""
        at = self.at[self.depth - rank(source) :]
        return self.elements.value(source, self.elements.stretched(source, at, self.at, self.space))

    def allocate(self, how: str, result: Value, extents: Sequence[Operand], *fill: Operand) -> None:
        assert isinstance(result.type, Array)
        attrs = {"dims": result.type.dims, "checked": True}
        attrs |= {} if fill else {"dtype": result.type.dtype}
        self.regions[0].ops.append(Op(how, [*fill, *extents], [result], attrs, [], self.b.loc))

    # Reductions.
    def reduce(self, op: Op) -> None:
        total = self.plan_sum(op)
        value = self.elements.value(op.args[0], self.at)
        if value.type != total.type:
            value = self.b.op("cast", value, dtype=total.type.dtype)
        if total.start == self.depth:
            self.deliver(total, value, self.b)
            return
        for level in range(total.start, self.depth):
            param = Value(total.name, total.type)
            total.params[level] = param
            self.regions[level + 1].params.append(param)
            self.b.level[param] = level + 1
        self.sums.append(total)
        total.current = self.b.op(total.rule, total.params[self.depth - 1], value)

    def plan_sum(self, op: Op) -> Sum:
        """Which axes are summed in a scalar, where the result goes, and its memory."""
        result, like = op.result, self.plan.follows(op)
        keep = op.attrs.get("keepdims", False)
        axes = op.attrs.get("axis")
        gone = set(range(self.depth)) if axes is None and not like else {a % self.depth for a in axes or ()}
        places: list[Operand] = []
        meets = [c not in gone for c in range(self.depth)]  # does the axis tell elements of the result apart?
        if like:
            places, meets = self.aligned(op)
        elif rank(result):
            places = [integer(0) if c in gone else i for c, i in enumerate(self.at) if keep or c not in gone]
        start = self.depth
        while start and not meets[start - 1]:
            start -= 1
        outer = not all(i in places for i in self.at[:start])
        total = Sum(op, start, places, outer)
        if rank(result):
            self.allocate_sum(total, like)
        return total

    def aligned(self, op: Op) -> tuple[list[Operand], list[bool]]:
        """Places in a result that has the shape of operand 1, to which operand 0 was broadcast."""
        like = op.args[1]
        skipped, shape = self.depth - rank(like), self.plan.shapes.shape(like)
        inner = self.at[skipped:]
        places = [self.elements.along(like, axis, i, self.at, self.space, shape) for axis, i in enumerate(inner)]
        return places, [c >= skipped and places[c - skipped] != integer(0) for c in range(self.depth)]

    def allocate_sum(self, total: Sum, like: bool) -> None:
        result = total.op.result
        if like:
            extents = self.plan.sizes.sizes(self.outside, total.op.args[1])
        else:
            extents = [integer(1) if p == integer(0) else self.sizes[self.at.index(p)] for p in total.into]  # type: ignore[arg-type]
        if not total.outer:
            self.allocate("empty", result, extents)
        elif getattr(total.initial, "value", None) == 0:
            self.allocate("zeros", result, extents)
        else:
            self.allocate("full", result, extents, total.initial)

    def deliver(self, total: Sum, value: Operand, b: Builder) -> None:
        """Bring a sum to its element of the result."""
        place = [total.op.result, *total.into]
        if not total.outer:
            b.do("store", *place, value, safe=True)
        elif total.rule == "add":
            b.do("update", *place, value, safe=True)
        else:
            b.do("store", *place, b.op(total.rule, b.op("load", *place, safe=True), value), safe=True)

    def close(self, level: int) -> None:
        """End the loop at this level, with its sums."""
        sums = [s for s in self.sums if s.start <= level]
        outer = Builder(self.regions[level], self.members[0].loc)
        body = self.regions[level + 1]
        Builder(body, outer.loc).yield_(*(s.current for s in sums))  # type: ignore[arg-type]
        inits = [s.initial if s.start == level else s.params[level - 1] for s in sums]
        results = [self.result_of(s, level) for s in sums]
        outer.for_(integer(0), self.sizes[level], integer(1), inits, results, body)
        for total, result in zip(sums, results, strict=True):
            total.current = result
            if total.start == level and rank(total.op.result):
                with outer.at(total.op.loc):
                    self.deliver(total, result, outer)

    def result_of(self, total: Sum, level: int) -> Value:
        whole = level == 0 and not rank(total.op.result)
        return total.op.result if whole else Value(total.name, total.type)


def element_name(name: str, at: At | Sequence[str]) -> str:
    """y_ij for an element of y, y_i_bar for one of y_bar."""
    letters = "".join(map(str, at))
    if is_temporary(name):
        return name
    for suffix in ("_bar", "_dot") if is_adjoint(name) else ():
        if name.endswith(suffix):
            return f"{name.removesuffix(suffix)}_{letters}{suffix}"
    return f"{name}_{letters}"
