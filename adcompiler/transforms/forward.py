"""Forward mode: a function computes its value and, beside each active value, the tangent of it.

    func @f(%x: f64) -> f64 {            func @f_jvp(%x: f64, %x_dot: f64) -> (f64, f64) {
      %y: f64 = sin %x                     %y: f64 = sin %x
      return %y                 becomes    %c: f64 = cos %x
    }                                      %y_dot: f64 = mul %x_dot, %c
                                           return %y, %y_dot
                                         }

Memory has a shadow that holds its tangents and mirrors its views and writes. With a width above 1 several directions
go through in one sweep: every active value has that many tangents, and the primal's work is done once for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adcompiler.analysis.activity import Activity, missing, pushed
from adcompiler.analysis.alias import Aliases
from adcompiler.errors import MissingRule
from adcompiler.ir.build import Builder, Handle, const
from adcompiler.ir.core import CONTROL, TERMINATORS, Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.table import OPS, OpDef
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import Env, Structure
from adcompiler.ops.memory import INDEXED
from adcompiler.transforms.custom import forward_call
from adcompiler.transforms.defined import defined
from adcompiler.transforms.transposed import at_place


def forward(fn: Function, wrt: Sequence[int], values: bool = True, name: str | None = None, width: int = 1) -> Function:
    """The function (params..., tangents of the wrt params...) -> (returns..., tangents of the float returns...).

    With `values=False` only the tangents are returned. Each value has `width` tangents, which stand side by side.
    """
    return Forward(defined(fn), wrt, width).run(values, name or f"{fn.name}_jvp")


class Forward:
    def __init__(self, fn: Function, wrt: Sequence[int], width: int = 1):
        self.fn, self.wrt, self.lanes = fn, wrt, range(width)
        structure = Structure(fn)
        self.aliases = Aliases(fn, structure)
        outputs = [r for r in fn.returns if is_float(r.type)]
        self.activity = Activity(fn, [fn.params[k] for k in wrt], outputs, self.aliases)
        self.env: Env = {}
        self.dot: dict[Operand, list[Operand]] = {}
        self.b = Builder(Region())
        self._known: set[Operand] = set()

    def run(self, values: bool, name: str) -> Function:
        params = [Value(p.name, p.type) for p in self.fn.params]
        self.env.update(zip(self.fn.params, params, strict=True))
        tangents = self._fresh(self.fn.params[k] for k in self.wrt)
        # The tangents of a written parameter are written too.
        mut = {v for p in self.fn.mut for v in (self.env[p], *self.dot.get(p, ())) if isinstance(v, Value)}
        for p in self.fn.params:
            if p not in self.dot and self.activity.active(p):
                self.dot[p] = [self._zero(p) for _ in self.lanes]
        self._ops(self.fn.body)
        end = self.fn.body.terminator
        floats = [r for r in end.args if is_float(r.type)]
        outs = [self._now(a) for a in end.args] if values else []
        with self.b.at(end.loc):
            self.b.return_(*outs, *(self._tangent(a, k) for a in floats for k in self.lanes))
        return Function(name, Region([*params, *tangents], self.b.region.ops), mut)

    # Values and their tangents.
    def _now(self, operand: Operand) -> Operand:
        return self.env[operand] if isinstance(operand, Value) else operand

    def _active(self, operand: Operand) -> bool:
        return self.activity.active(operand)

    def _fresh(self, primals: Iterable[Value]) -> list[Value]:
        """New values for the tangents of params or results."""
        found: list[Value] = []
        for p in primals:
            made = [Value(f"{p.name}_dot", p.type) for _ in self.lanes]
            self.dot[p] = [*made]
            found += made
        self._known.update(found)
        return found

    def _tangent(self, operand: Operand, lane: int) -> Operand:
        """The tangent of a primal operand, zero where it is inactive."""
        if isinstance(operand, Value) and operand in self.dot:
            return self.dot[operand][lane]
        return self._zero(operand)

    def _zero(self, operand: Operand) -> Operand:
        if isinstance(operand.type, Scalar):
            return const(0.0, operand.type)
        return self.b.op("zeros_like", self._now(operand), hint=f"{operand.name}_dot")  # type: ignore[union-attr]

    # Regions.
    def _ops(self, region: Region) -> None:
        for op in region.ops:
            if op.name in TERMINATORS:
                continue
            with self.b.at(op.loc):
                if op.name in CONTROL:
                    self._control(op)
                else:
                    self._op(op)

    def _control(self, op: Op) -> None:
        carried = [] if op.name == "if" else op.carried
        extra = [k for k, r in enumerate(op.results) if self._active(r) or (carried and self._active(carried[k]))]
        inits = [*(self._now(a) for a in op.args)]
        if carried:
            inits += [self._tangent(op.inits[k], lane) for k in extra for lane in self.lanes]
        regions = []
        for position, region in enumerate(op.regions):
            params = [Value(p.name, p.type) for p in region.params]
            self.env.update(zip(region.params, params, strict=True))
            if position == 0 and carried:
                params += self._fresh(carried[k] for k in extra)
            with self.b.inside(Region(params)) as b:
                self._ops(region)
                self._end(region, extra)
                regions.append(b.region)
        results = [Value(r.name, r.type) for r in op.results]
        tangents = self._fresh(op.results[k] for k in extra)
        self.env.update(zip(op.results, results, strict=True))
        self.b.add(Op(op.name, inits, [*results, *tangents], dict(op.attrs), regions, op.loc))

    def _end(self, region: Region, extra: list[int]) -> None:
        end = region.terminator
        with self.b.at(end.loc):
            if end.name == "test":
                self.b.test(self._now(end.args[0]))
                return
            vals = yielded(region)
            stop = end.args[-1] if end.attrs.get("until") else None
            outs = [*map(self._now, vals), *(self._tangent(vals[k], lane) for k in extra for lane in self.lanes)]
            self.b.yield_(*outs, until=self._now(stop) if stop is not None else None)

    # Ops.
    def _op(self, op: Op) -> None:
        entry = OPS[op.name]
        if entry.kind == "call" and any(map(self._active, op.results)):
            forward_call(self, op)
            return
        args = [self._now(a) for a in op.args]
        results = [Value(r.name, r.type) for r in op.results]
        self.env.update(zip(op.results, results, strict=True))
        self.b.add(Op(op.name, args, results, dict(op.attrs), [], op.loc))
        if entry.kind in ("memory", "view", "tape", "alloc"):
            if self._active(op.args[0] if entry.writes or not op.results else op.result):
                made = [self._memory(op, entry, args, lane) for lane in self.lanes]
                if op.results:
                    self._learn(op.result, made)
        elif any(map(self._active, op.results)):
            found = [] if entry.zero else [self._rule(op, entry, args, lane) for lane in self.lanes]
            for k, result in enumerate(op.results):
                tangents = [t for t in (row[k] for row in found) if t is not None]
                if not tangents and isinstance(result.type, Array) and self._active(result):
                    tangents = [self._zero(result) for _ in self.lanes]  # it is active once it is written to
                self._learn(result, tangents)

    def _memory(self, op: Op, entry: OpDef, args: list[Operand], lane: int) -> Operand | None:
        """The same on the shadow: memory and its views, writes and tapes are linear."""
        b = self.b
        if entry.kind == "alloc":
            fill = self._tangent(op.args[0], lane) if op.name == "full" else None
            if fill is None:
                return b.op("zeros_like", self.env[op.result])
            return b.emit("full", [fill, *args[1:]], op.attrs).result
        if op.name == "stack":
            return b.op("stack", **op.attrs)
        if op.results and entry.allocates and not self._active(op.args[0]):
            return self._zero(op.result)  # it is active once it is written to
        indices = args[1:] if op.results else args[1:-1]
        attrs = dict(op.attrs)
        if op.name in INDEXED:
            attrs["safe"] = True  # the primal has just been there
        operands = [self.dot[op.args[0]][lane], *indices]
        if not op.results:
            operands.append(self._tangent(op.args[-1], lane))
        made = b.emit(op.name, operands, attrs)
        return made.result if made.results else None

    def _learn(self, value: Value, found: Sequence[Operand | None]) -> None:
        """The tangents of a result, by name and to be found again."""
        tangents = [t for t in found if t is not None]
        for tangent in tangents:
            if isinstance(tangent, Value) and tangent not in self._known:
                tangent.name = f"{value.name}_dot"
                self._known.add(tangent)
        if tangents:
            self.dot[value] = tangents

    def _rule(self, op: Op, entry: OpDef, args: list[Operand], lane: int) -> list[Operand | None]:
        """The tangents of the results, None for those that are zero."""
        if entry.additive:
            whole = self.b.op(op.name, *(self._tangent(a, lane) for a in op.args), **op.attrs)
            return [self._shaped(op, op.result, self.b.handle(whole))]
        totals: list[Handle | None] = [None] * len(op.results)
        handles = [self.b.handle(a) for a in args]
        for k in [k for k, a in enumerate(op.args) if self._active(a)]:
            direction = self.b.handle(self._tangent(op.args[k], lane))
            with at_place(op):
                parts = self._pushed(op, entry, k, direction, handles)
            for i, part in enumerate(parts):
                old = totals[i]
                totals[i] = part if old is None else old if part is None else old + part
        pairs = zip(op.results, totals, strict=True)
        return [self._shaped(op, r, t) if t is not None and self._active(r) else None for r, t in pairs]

    def _pushed(self, op: Op, entry: OpDef, k: int, d: Handle, handles: list[Handle]) -> Sequence[Handle | None]:
        """The direction d of operand k pushed through the op: one for each result."""
        outs = [self.b.handle(self.env[r]) for r in op.results]
        if entry.partials is not None:
            rule = entry.partials[k]
            part = None if rule is None else rule(d, *outs, *handles, **op.attrs)
            if part is not None and self.activity.chosen(op.args[k]) and self.activity.unbounded(op):
                part = part.call("select", d.call("eq", d, 0.0), 0.0, part)
            return [part]
        if k in entry.linear:
            swapped = [a.operand for a in [*handles[:k], d, *handles[k + 1 :]]]
            return [self.b.handle(self.b.op(op.name, *swapped, **op.attrs))]
        if k in pushed(entry):
            rule, out = entry.pushforward[k], outs[0] if len(outs) == 1 else tuple(outs)
            made = rule(d, out, *handles, **op.attrs)  # type: ignore[misc]
            return made if isinstance(made, tuple) else [made]
        if missing(entry):
            raise MissingRule(f"{op.name} has no derivative rule", op.loc)
        return [None] * len(op.results)

    def _shaped(self, op: Op, result: Value, total: Handle) -> Operand:
        """The tangent of a broadcast result: full size, also where only a small operand varies; never an alias."""
        shape = self.env[result]
        operand = total.operand
        if not isinstance(shape.type, Array):
            return operand
        fixed = [a for a in op.args if isinstance(a.type, Array) and not self._active(a)]
        smaller = not isinstance(operand.type, Array) or operand.type.rank < shape.type.rank
        if smaller or (fixed and OPS[op.name].partials is not None):
            return self.b.op("broadcast_like", operand, shape)
        return self.b.op("copy", operand) if operand in self._known else operand
