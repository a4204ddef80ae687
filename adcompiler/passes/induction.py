"""Writes counters that a loop carries as formulas of its index, so that nothing has to keep them.

    %at: i64 = for %j in 0..%n with (%p: i64 = %k) {       for %j in 0..%n {
      %v: f64 = load %x[%p]                                  %q: i64 = add %k, %j
      ...                                            ->      %v: f64 = load %x[%q]
      %q: i64 = add %p, 1                                    ...
      yield %q                                               yield
    }                                                      }

Counters that grow by an amount that is itself linear in the index, as those of a packed triangle do, become
quadratic. Integers wrap in the same way in both forms.
"""

from __future__ import annotations

from dataclasses import dataclass

from adcompiler.analysis.ranges import Ranges
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.types import i64
from adcompiler.ir.walk import Env, is_const, resolve_all, substitute, values

Linear = dict[Operand | None, int]  # value -> coefficient; None: the number that is added


@dataclass(frozen=True, slots=True)
class Counter:
    """What a loop carries that grows by `growth` + `slope` * index in each iteration."""

    param: Value
    result: Value
    init: Operand
    growth: Linear
    slope: int


def run(fn: Function) -> Function:
    """Replace counters, innermost loops first."""
    pass_ = _Inductions(fn)
    pass_.region(fn.body)
    substitute(fn.body, pass_.env)
    return fn


class _Inductions:
    def __init__(self, fn: Function):
        self.shapes = Shapes(fn)
        self.ranges = Ranges(self.shapes)
        self.env: Env = {}

    def region(self, region: Region) -> None:
        ops: list[Op] = []
        for op in region.ops:
            op.args = [resolve_all(self.env, a) for a in op.args]
            if op.name == "raise_if":
                self.ranges.assume(op.args[0], False)
            counters: list[Counter] = []
            for inner in self.ranges.regions(op) if op.name in CONTROL else ():
                self.region(inner)
                counters += self.counters(op) if _is_counted(op) else []
            ops += [op, *self.replace(op, counters)]
        region.ops = ops

    def counters(self, loop: Op) -> list[Counter]:
        """What the loop carries that grows by the same amount each time, or by one that is linear in the index."""
        bound, found = set(values(loop.body)), []
        for k, param in enumerate(loop.carried):
            growth = self.linear(loop.yields[k], stop=param) if param.type == i64 else {}
            slope = growth.pop(loop.body.params[0], 0)
            if growth.pop(param, 0) == 1 and not any(v in bound for v in growth):
                found.append(Counter(param, loop.results[k], loop.inits[k], growth, slope))
        return found

    def replace(self, loop: Op, counters: list[Counter]) -> list[Op]:
        """Give the counters their formulas; the ops that make their last values are to stand after the loop."""
        if not counters:
            return []
        head, after = Region(), Region()
        for c in counters:
            inside, behind = Builder(head, loop.body.ops[0].loc), Builder(after, loop.loc)
            self.env[c.param] = self.formula(inside, c, loop, self.trips(inside, loop))
            self.env[c.result] = self.formula(behind, c, loop, self.total(behind, loop))
        loop.body.ops[:0] = head.ops
        for op in loop.body.ops:
            op.args = [resolve_all(self.env, a) for a in op.args]
        self.shapes.structure.definer.update({r: op for op in (*head.ops, *after.ops) for r in op.results})
        return after.ops

    def linear(self, operand: Operand, stop: Value | None = None, depth: int = 12) -> Linear:
        """An integer as a sum of multiples of others."""
        if isinstance(operand, Const):
            return {None: int(operand.value)}
        op = self.shapes.structure.definer.get(operand) if operand is not stop and depth else None
        if op is None or op.name not in ("add", "sub", "mul", "maximum") or operand.type != i64:
            return {operand: 1}
        left, right = (resolve_all(self.env, a) for a in op.args)
        if op.name == "maximum":
            if is_const(right, 0) and self.ranges.not_negative(left):
                return self.linear(left, stop, depth - 1)
            return {operand: 1}
        if op.name == "mul":
            if isinstance(left, Const):
                left, right = right, left
            if not isinstance(right, Const):
                return {operand: 1}
            return {v: c * int(right.value) for v, c in self.linear(left, stop, depth - 1).items()}
        total = self.linear(left, stop, depth - 1)
        for v, c in self.linear(right, stop, depth - 1).items():
            total[v] = total.get(v, 0) + (c if op.name == "add" else -c)
        return {v: c for v, c in total.items() if c}

    def formula(self, b: Builder, counter: Counter, loop: Op, trips: Operand) -> Operand:
        """The counter after so many trips: init + growth * trips + slope * (the sum of their indices)."""
        lo, step = loop.args[0], int(loop.args[2].value)  # type: ignore[union-attr]
        growth, name = dict(counter.growth), counter.param.name
        if not counter.slope:
            return self.sum(b, counter.init, self.times(b, growth, trips), name)
        for v, c in self.linear(lo).items():
            growth[v] = growth.get(v, 0) + counter.slope * c
        total = self.sum(b, counter.init, self.times(b, growth, trips), name)
        pairs = b.op("floordiv", b.op("mul", trips, self.plus(b, trips, -1)), integer(2))
        return self.sum(b, total, self.scaled(b, pairs, counter.slope * step), name)

    def trips(self, b: Builder, loop: Op) -> Operand:
        """How many iterations there were before this one."""
        lo, _, step = loop.args[:3]
        index = loop.body.params[0]
        span = index if is_const(lo, 0) else b.op("sub", index, lo)
        return span if is_const(step, 1) else b.op("floordiv", span, step)

    def total(self, b: Builder, loop: Op) -> Operand:
        """How many iterations there are."""
        lo, hi, step = loop.args[:3]
        stride = int(step.value)  # type: ignore[union-attr]
        span = hi if is_const(lo, 0) else b.op("sub", hi, lo)
        if stride != 1:
            span = b.op("floordiv", self.plus(b, span, stride - (1 if stride > 0 else -1)), step)
        first, end = self.ranges.of(lo), self.ranges.of(hi)
        if stride == 1 and any(s == t and c <= d for s, c in first.highs for t, d in end.lows):
            return span  # the bounds are in order
        return b.op("maximum", span, integer(0), tie="half")

    def times(self, b: Builder, factor: Linear, by: Operand) -> Operand:
        total: Operand = integer(0)
        for v, c in factor.items():
            total = self.sum(b, total, self.scaled(b, v, c) if v is not None else integer(c), "t")
        if is_const(total, 1) or is_const(total, 0):
            return by if is_const(total, 1) else total
        return b.op("mul", total, by)

    def scaled(self, b: Builder, v: Operand, by: int) -> Operand:
        return v if by == 1 else b.op("neg", v) if by == -1 else b.op("mul", integer(by), v)

    def plus(self, b: Builder, v: Operand, by: int) -> Operand:
        return b.op("add", v, integer(by)) if by > 0 else b.op("sub", v, integer(-by))

    def sum(self, b: Builder, left: Operand, right: Operand, name: str) -> Operand:
        if is_const(left, 0) or is_const(right, 0):
            return right if is_const(left, 0) else left
        return b.op("add", left, right, hint=name)


def _is_counted(op: Op) -> bool:
    """A `for` over a range with a literal step, without early exit."""
    return (
        op.name == "for"
        and op.until is None
        and not op.attrs.get("reversed")
        and isinstance(op.args[2], Const)
        and op.args[2].value != 0
    )
