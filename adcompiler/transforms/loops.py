"""Reverse mode through branches and loops: the mirror image of each region, with adjoints carried between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adcompiler.errors import NotDifferentiable
from adcompiler.ir.build import integer
from adcompiler.ir.core import Op, Operand, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Stack, i64
from adcompiler.ir.walk import free, walk
from adcompiler.transforms.residuals import Sweep

if TYPE_CHECKING:
    from adcompiler.transforms.reverse import Reverse


class Control:
    def __init__(self, owner: Reverse):
        self.r = owner
        self._counts: dict[Op, Value] = {}

    def reverse(self, op: Op, sweep: Sweep) -> None:
        """Emit the adjoint of an `if`, `for` or `while` into the sweep."""
        if not any(self.r.activity.touches(region) for region in op.regions) and not self._passes(op):
            return
        if op.name == "if":
            self._branch(op, sweep)
            return
        if op.name == "while" and any(self._writes(inner) for inner in walk(op.regions[0])):
            raise NotDifferentiable("the condition of this loop writes to memory", op.loc, "write in the loop's body")
        self._loop(op, sweep)

    def _writes(self, op: Op) -> bool:
        return op.name in OPS and any(self.r.activity.active(op.args[k]) for k in OPS[op.name].writes)

    def _passes(self, op: Op) -> bool:
        return any(map(self._by_value, op.results))

    def _by_value(self, v: Operand) -> bool:
        """Has v an adjoint that is a value (not memory)?"""
        return not isinstance(v.type, Stack) and self.r.activity.active(v) and not self.r.shadows.has(v)

    # if
    def _branch(self, op: Op, sweep: Sweep) -> None:
        r = self.r
        incoming = {res: sweep.adjoint.get(res) for res in op.results if self._by_value(res)}
        sides = []
        for region in op.regions:
            side = Sweep(region, sweep)
            side.b.loc = side.head.loc = op.loc
            side.adjoint = dict(sweep.adjoint)
            for result, value in zip(op.results, region.terminator.args, strict=True):
                g = incoming.get(result)
                if g is not None and self._by_value(value):
                    r.add(value, g, side)
            r.region(region, side)
            sides.append(side)
        outer = self._outer_values(op)
        changed = [v for v in outer if any(s.adjoint.get(v) is not sweep.adjoint.get(v) for s in sides)]
        regions = []
        for side in sides:
            outs = [r.adjoint(v, side, force=True) for v in changed]
            side.b.yield_(*outs)
            regions.append(side.finish())
        if not changed and all(len(region.ops) == 1 for region in regions):
            return
        cond = r.residuals.fetch(op.args[0], sweep)
        results = [Value(f"{v.name}_bar", v.type) for v in changed]
        sweep.b.if_(cond, results, *regions)
        sweep.adjoint.update(zip(changed, results, strict=True))

    def _outer_values(self, op: Op) -> list[Value]:
        """Values from outside whose adjoints (as values) the op's regions may add to."""
        return [v for v in free(*op.regions) if self._by_value(v)]

    # for, while
    def _loop(self, op: Op, sweep: Sweep) -> None:
        r = self.r
        carried = [k for k, p in enumerate(op.carried) if self._by_value(p)]
        captured = self._outer_values(op)
        inner = Sweep(op.body, sweep, op)
        inner.b.loc = inner.head.loc = op.loc
        carry = [Value(f"{op.carried[k].name}_bar", op.carried[k].type) for k in carried]
        gather = [Value(f"{v.name}_bar", v.type) for v in captured]
        inits = [r.adjoint(op.results[k], sweep, force=True) for k in carried]
        inits += [r.adjoint(v, sweep, force=True) for v in captured]
        index, bounds, backwards = self._range(op, inner, sweep)
        inner.adjoint.update(zip(captured, gather, strict=True))
        for k, g in zip(carried, carry, strict=True):
            if self._by_value(op.yields[k]):
                r.add(op.yields[k], g, inner)
        swaps = self._permuted(op, inner, sweep)
        r.region(op.body, inner)
        outs = [r.adjoint(op.carried[k], inner, force=True) for k in carried]
        outs += [r.adjoint(v, inner, force=True) for v in captured]
        inner.b.yield_(*outs, *swaps.yields)
        body = inner.finish([index, *carry, *gather, *swaps.params])
        results = [Value(v.name, v.type) for v in [*carry, *gather, *swaps.params]]
        sweep.b.for_(*bounds, [*inits, *swaps.inits], results, body, reversed=backwards)
        sweep.adjoint.update(zip(captured, results[len(carried) :], strict=False))
        for j, k in enumerate(carried):  # after the captured ones: an init may be captured too
            if self._by_value(op.inits[k]):
                r.add(op.inits[k], results[j], sweep)

    def _range(self, op: Op, inner: Sweep, sweep: Sweep) -> tuple[Value, tuple[Operand, Operand, Operand], bool]:
        """The index, bounds and direction of the reverse loop."""
        fetch = self.r.residuals.fetch
        if op.name == "while":
            return Value("k", i64), (integer(0), self._count(op, sweep), integer(1)), True
        param = op.regions[0].params[0]
        index = Value(param.name, i64)
        inner.values[self.r.forward.value(param)] = index
        lo, hi, step = (fetch(a, sweep) for a in op.args[:3])
        backwards = not op.attrs.get("reversed")
        if op.until is None:
            return index, (lo, hi, step), backwards
        b = sweep.b
        done = b.op("mul", self._count(op, sweep), step, hint="t")
        if backwards:
            return index, (lo, b.op("add", lo, done, hint="stop"), step), True
        return index, (*self._from_the_end(op, done, lo, hi, step, sweep), step), False

    def _from_the_end(
        self, op: Op, done: Operand, lo: Operand, hi: Operand, step: Operand, sweep: Sweep
    ) -> tuple[Operand, Operand]:
        """A reversed loop that was left early has run the last indices only."""
        b = sweep.b
        span = b.op("sub", hi, lo)
        up = b.op("gt", step, integer(0))
        one = b.op("select", up, integer(1), integer(-1))
        n = b.op("floordiv", b.op("sub", b.op("add", span, step), one), step)
        end = b.op("add", lo, b.op("mul", n, step), hint="stop")
        return b.op("sub", end, done, hint="start"), end

    def _count(self, op: Op, sweep: Sweep) -> Operand:
        """How often the forward loop ran: counted there."""
        r = self.r
        if op not in self._counts:
            site = r.forward.site[op]
            param, total = Value("trips", i64), Value("trips", i64)
            site.regions[0].params.append(param)
            site.args.append(integer(0))
            site.results.append(total)
            end = site.body.terminator
            after = r.forward.before(end).op("add", param, integer(1), hint="trips")
            at = len(end.args) - (1 if end.attrs.get("until") else 0)
            end.args[at:at] = [after]
            self._counts[op] = total
        return r.residuals.born(self._counts[op], r.structure.place[op].region, r.forward.site[op], sweep)

    def _permuted(self, op: Op, inner: Sweep, sweep: Sweep) -> Swaps:
        """Carried handles that only change places flow back through the reverse loop, by the inverse permutation."""
        swaps = Swaps([], [], [])
        params = op.carried
        rows = [k for k, p in enumerate(params) if isinstance(p.type, Array)]
        while any(op.yields[k] not in [params[j] for j in rows] for k in rows):
            rows = [k for k in rows if op.yields[k] in [params[j] for j in rows]]
        cycle = {k: next(j for j in rows if op.yields[k] is params[j]) for k in rows}
        if not rows or sorted(cycle.values()) != rows:
            return swaps
        for shadow in (False, True):
            self._flow_back(op, rows, cycle, shadow, inner, sweep, swaps)
        return swaps

    def _flow_back(
        self, op: Op, rows: list[int], cycle: dict[int, int], shadow: bool, inner: Sweep, sweep: Sweep, swaps: Swaps
    ) -> None:
        r = self.r
        if shadow and not all(r.shadows.has(op.carried[k]) for k in rows):
            return
        carry = {}
        for k in rows:
            result = op.results[k]
            init = r.shadows.of(result, sweep) if shadow else r.residuals.fetch(result, sweep)
            name = f"{op.carried[k].name}_bar" if shadow else op.carried[k].name
            carry[k] = Value(name, init.type)
            swaps.inits.append(init)
            swaps.params.append(carry[k])
        # At the mirror of an iteration, carry[k] is what it yielded for k: its own param cycle[k].
        own = {cycle[k]: carry[k] for k in rows}
        for j, handle in own.items():
            param = op.carried[j]
            if shadow:
                inner.shadows[param] = handle
            else:
                inner.values[r.forward.value(param)] = handle
        swaps.yields += [own[k] for k in rows]


class Swaps:
    """Handles that travel backwards with the reverse loop."""

    def __init__(self, inits: list[Operand], params: list[Value], yields: list[Operand]):
        self.inits, self.params, self.yields = inits, params, yields
