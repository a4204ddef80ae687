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

from adcompiler.analysis.linear import Linear, added, build, linear, multiple, plus, scaled
from adcompiler.analysis.ranges import Ranges
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.types import i64
from adcompiler.ir.walk import Env, is_const, resolve_all, substitute, values


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

    def linear(self, operand: Operand, stop: Value | None = None) -> Linear:
        return linear(
            self.shapes.structure.definer,
            resolve_all(self.env, operand),
            lambda a: resolve_all(self.env, a),
            stop,
            self.ranges.not_negative,
        )

    def formula(self, b: Builder, counter: Counter, loop: Op, trips: Operand) -> Operand:
        """The counter after so many trips: init + growth * trips + slope * (the sum of their indices)."""
        lo, step = loop.args[0], int(loop.args[2].value)  # type: ignore[union-attr]
        growth, name = counter.growth, counter.param.name
        if not counter.slope:
            return added(b, counter.init, self.times(b, growth, trips), name)
        growth = plus(growth, scaled(self.linear(lo), counter.slope))
        total = added(b, counter.init, self.times(b, growth, trips), name)
        pairs = b.op("floordiv", b.op("mul", trips, added(b, trips, integer(-1))), integer(2))
        return added(b, total, multiple(b, pairs, counter.slope * step), name)

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
            span = b.op("floordiv", added(b, span, integer(stride - (1 if stride > 0 else -1))), step)
        first, end = self.ranges.of(lo), self.ranges.of(hi)
        if stride == 1 and any(s == t and c <= d for s, c in first.highs for t, d in end.lows):
            return span  # the bounds are in order
        return b.op("maximum", span, integer(0), tie="half")

    def times(self, b: Builder, factor: Linear, by: Operand) -> Operand:
        total = build(b, factor)
        if is_const(total, 1) or is_const(total, 0):
            return by if is_const(total, 1) else total
        return b.op("mul", total, by)


def _is_counted(op: Op) -> bool:
    """A `for` over a range with a literal step, without early exit."""
    return (
        op.name == "for"
        and op.until is None
        and not op.attrs.get("reversed")
        and isinstance(op.args[2], Const)
        and op.args[2].value != 0
    )
