"""Reverse mode: a function becomes its forward sweep followed by its reverse sweep, again ordinary IR.

    func @f(%x: f64) -> f64 {            func @f_grad(%x: f64) -> f64 {
      %y: f64 = sin %x                     %d: f64 = cos %x
      return %y                 becomes    return %d
    }                                    }

Rules for straight lines stand in the op table; control flow is reversed in transforms/loops.py; what is kept
is decided in transforms/residuals.py, adjoint memory in transforms/shadows.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adcompiler.analysis.activity import Activity, differentiable, missing, pushed
from adcompiler.analysis.alias import Aliases
from adcompiler.errors import MissingRule
from adcompiler.ir.build import Builder, Handle, const
from adcompiler.ir.core import CONTROL, Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS, OpDef
from adcompiler.ir.types import Array, Scalar
from adcompiler.ir.walk import Structure, substitute
from adcompiler.transforms.custom import reverse_call
from adcompiler.transforms.defined import defined
from adcompiler.transforms.loops import Control
from adcompiler.transforms.recalled import Known, Recalling
from adcompiler.transforms.regional import regional
from adcompiler.transforms.residuals import Forward, Lazy, Residuals, Sweep
from adcompiler.transforms.shadows import Shadows
from adcompiler.transforms.transposed import at_place, pullback


@dataclass(frozen=True, slots=True)
class Pullback:
    """What is asked for. `wrt`: positions of params. `seeds`, one per return: 'one' for the adjoint 1.0,
    'param' for an adjoint that becomes a further parameter, None for none. `values`: which returns to keep."""

    wrt: tuple[int, ...]
    seeds: tuple[str | None, ...]
    values: tuple[int, ...] = ()


def reverse(fn: Function, ask: Pullback, name: str | None = None, along: bool = True) -> Function:
    """The function (params..., seeds...) -> (kept returns..., adjoint of each wrt param...).

    `along`: loops that few active values enter are differentiated forward (transforms/regional.py).
    """
    name, fn = name or f"{fn.name}_grad", defined(fn)
    if along:
        seeded = [r for r, s in zip(fn.returns, ask.seeds, strict=True) if s is not None]
        fn = regional(fn, [fn.params[k] for k in ask.wrt], seeded)
    first = Reverse(fn, ask)
    result = first.run(name)
    planned = first.residuals.plan()
    # What had to be kept is known now: with it in hand, more can be recomputed.
    return result if planned >= first.residuals.kept else Reverse(fn, ask, planned).run(name)


class Reverse:
    def __init__(self, fn: Function, ask: Pullback, planned: frozenset[Value] = frozenset()):
        self.fn, self.ask = fn, ask
        self.structure = Structure(fn)
        self.aliases = Aliases(fn, self.structure)
        seeded = [r for r, s in zip(fn.returns, ask.seeds, strict=True) if s is not None]
        self.activity = Activity(fn, [fn.params[k] for k in ask.wrt], seeded, self.aliases)
        self.forward = Forward(fn)
        self.residuals = Residuals(fn, self.structure, self.aliases, self.forward, planned)
        self.known = Known(self.structure, self.residuals)
        self.shadows = Shadows(fn, self.structure, self.aliases, self.activity, self.forward, self.residuals)
        self.control = Control(self)
        self.root = Sweep(fn.body, None)
        self.tapes: dict[Value, Value] = {}

    def run(self, name: str) -> Function:
        seeds = self._seed()
        self.region(self.fn.body, self.root)
        grads = [self._gradient(self.fn.params[k]) for k in self.ask.wrt]
        body = self.forward.finish()
        end = body.ops.pop()
        returns = [end.args[k] for k in self.ask.values]
        sweep = self.root.finish()
        ops = [_section("forward sweep"), *body.ops, _section("reverse sweep"), *sweep.ops]
        ops.append(Op("return", [*returns, *grads], loc=end.loc))
        mut = {self.forward.value(p) for p in self.fn.mut}
        whole = Region([*body.params, *seeds], ops)
        substitute(whole, self.forward.replaced)
        return Function(name, whole, mut)

    # Both ends.
    def _seed(self) -> list[Value]:
        params = []
        for value, seed in zip(self.fn.returns, self.ask.seeds, strict=True):
            if seed is None:
                continue
            if seed == "one":
                assert isinstance(value.type, Scalar)
                self.add(value, const(1.0, value.type), self.root)
                continue
            label = value.name if isinstance(value, Value) else "out"
            params.append(Value(f"{label}_bar", value.type))
            self.add(value, params[-1], self.root)
        return params

    def _gradient(self, param: Value) -> Operand:
        return self.adjoint(param, self.root, force=True)

    # Adjoints of values.
    def adjoint(self, v: Operand, sweep: Sweep, force: bool = False) -> Any:
        """The adjoint of v as it stands: None while it is zero, unless `force` asks for a zero."""
        if self.shadows.has(v):
            return self.shadows.of(v, sweep)
        assert isinstance(v, Value)
        if v in sweep.adjoint:
            return sweep.adjoint[v]
        return self.zero(v, sweep) if force else None

    def zero(self, v: Value, sweep: Sweep) -> Operand:
        if isinstance(v.type, Scalar):
            return const(0.0, v.type)
        handle = self.residuals.like(v, sweep)
        return sweep.b.op("zeros_like", handle, hint=f"{v.name}_bar")

    def add(self, v: Operand, g: Operand, sweep: Sweep) -> None:
        """Add a contribution, of the shape of v or broadcast from it, to the adjoint of v."""
        if not self.activity.active(v):
            return
        assert isinstance(v, Value)
        b = sweep.b
        g = self._fit(g, v, sweep)
        if self.shadows.has(v):
            b.do("accumulate", self.shadows.of(v, sweep), g)
            return
        old = sweep.adjoint.get(v)
        total = g if old is None else b.op("add", old, g, hint=f"{v.name}_bar")
        if isinstance(total, Value) and total.name in ("t", f"{v.name}_bar"):
            total.name = f"{v.name}_bar"
        sweep.adjoint[v] = total

    def _fit(self, g: Operand, v: Value, sweep: Sweep) -> Operand:
        """g in the shape of v: summed where v was broadcast, spread where g is a scalar."""
        b = sweep.b
        if isinstance(v.type, Scalar):
            return b.op("sum", g) if isinstance(g.type, Array) else g
        if not isinstance(g.type, Array):
            if self.shadows.has(v):
                return g
            return b.op("broadcast_like", g, self.residuals.like(v, sweep))
        assert isinstance(v.type, Array)
        if g.type.dims == v.type.dims and None not in v.type.dims:
            return g
        return b.op("sum_to", g, self.residuals.like(v, sweep))

    # Regions and ops.
    def region(self, primal: Region, sweep: Sweep) -> None:
        """Reverse the ops of one region, last first."""
        sweep.b = Recalling(sweep, self.known)
        for op in reversed(primal.ops[:-1]):
            with sweep.b.at(op.loc):
                self.op(op, sweep)

    def op(self, op: Op, sweep: Sweep) -> None:
        if op.name in CONTROL:
            self.control.reverse(op, sweep)
            return
        if OPS[op.name].kind == "call":
            if any(map(self.activity.active, op.results)):
                reverse_call(self, op, sweep)
            return
        special = getattr(self, f"_{op.name}", None) if OPS[op.name].kind in ("memory", "tape") else None
        if special is not None:
            if self.activity.active(op.args[0]):  # the memory; what is written elsewhere has no adjoint to give
                special(op, sweep)
            return
        self._rule(op, OPS[op.name], sweep)

    def _rule(self, op: Op, entry: OpDef, sweep: Sweep) -> None:
        """Push the adjoint of the result through the op's rules."""
        if not any(map(self.activity.active, op.results)) or entry.zero:
            return
        if op.name == "full":
            fill = op.args[0]
            assert isinstance(fill.type, Scalar)
            g = sweep.adjoint.get(op.result, const(0.0, fill.type))
            self.add(fill, self.shadows.of(op.result, sweep) if self.shadows.has(op.result) else g, sweep)
            return
        if entry.kind == "alloc" or (entry.kind == "view" and self.shadows.has(op.result)):
            return
        if missing(entry):
            raise MissingRule(f"{op.name} has no derivative rule", op.loc)
        if not differentiable(op):
            return
        bars = [self.adjoint(r, sweep) if self.activity.active(r) else None for r in op.results]
        if all(g is None for g in bars):
            return
        outs = [Lazy(self.residuals, sweep, op, r, True) for r in op.results]
        args = [
            Lazy(self.residuals, sweep, op, a, False) if isinstance(a, Value) else Handle(sweep.b, a) for a in op.args
        ]
        for k in differentiable(op):
            if self.activity.active(op.args[k]):
                with at_place(op):
                    pulled = self._pulled(op, entry, k, bars, outs, args)
                if pulled is not None:
                    self._contribute(op, op.args[k], pulled.operand, sweep)

    def _pulled(
        self, op: Op, entry: OpDef, k: int, bars: list[Any], outs: list[Lazy], args: list[Handle]
    ) -> Handle | None:
        """What the adjoints of the results become, through the op, as the adjoint of operand k."""
        if k in pushed(entry):
            out = outs[0] if len(outs) == 1 else tuple(outs)
            found = pullback(entry.pushforward[k], args[k], out, args, bars, op.attrs)  # type: ignore[arg-type]
            seeds = [g for g in bars if g is not None]
            if found is None or len(seeds) > 1 or isinstance(seeds[0].type, Array) or not self._hazard(op):
                return found
            return _unless_zero(args[k].builder, seeds[0], found)
        rules = entry.partials if entry.partials is not None else entry.transpose
        (g,), b = bars, args[k].builder
        pulled: Handle = rules[k](Handle(b, g), *outs, *args, **op.attrs)  # type: ignore[misc]
        return _unless_zero(b, g, pulled) if entry.partials is not None and self._hazard(op) else pulled

    def _hazard(self, op: Op) -> bool:
        """May a mask have set the adjoint of the op to zero where what it is multiplied by is infinite?"""
        return any(map(self.activity.masked, op.results)) and self.activity.unbounded(op)

    def _contribute(self, op: Op, arg: Operand, pulled: Operand, sweep: Sweep) -> None:
        arrays = [a for a in op.args if isinstance(a.type, Array)]
        exact = OPS[op.name].partials is None or (len(arrays) == 1 and isinstance(arg.type, Array))
        if exact and type(pulled.type) is type(arg.type) and not self.shadows.has(arg):
            self._add_exact(arg, pulled, sweep)
        elif exact and self.shadows.has(arg) and self.activity.active(arg):
            sweep.b.do("accumulate", self.shadows.of(arg, sweep), pulled)
        else:
            self.add(arg, pulled, sweep)

    def _add_exact(self, arg: Operand, pulled: Operand, sweep: Sweep) -> None:
        assert isinstance(arg, Value)
        old = sweep.adjoint.get(arg)
        total = pulled if old is None else sweep.b.op("add", old, pulled)
        if isinstance(total, Value) and total.name == "t":
            total.name = f"{arg.name}_bar"
        sweep.adjoint[arg] = total

    # Memory.
    def _place(self, op: Op, sweep: Sweep, values: int) -> list[Operand]:
        """The shadow of an element op's array, and the indices as the forward sweep had them."""
        last = len(op.args) - values
        return [self.shadows.of(op.args[0], sweep), *(self.residuals.fetch(i, sweep) for i in op.args[1:last])]

    def _load(self, op: Op, sweep: Sweep) -> None:
        g = sweep.adjoint.get(op.result)
        if g is not None and self.shadows.has(op.args[0]):
            sweep.b.do("update", *self._place(op, sweep, 0), g, safe=True)

    def _store(self, op: Op, sweep: Sweep) -> None:
        place = self._place(op, sweep, 1)
        value = op.args[-1]
        if self.activity.active(value):
            self.add(value, sweep.b.op("load", *place, hint=_bar(value), safe=True), sweep)
        element = op.args[0].type
        assert isinstance(element, Array)
        sweep.b.do("store", *place, const(0.0, Scalar(element.dtype)), safe=True)

    def _update(self, op: Op, sweep: Sweep) -> None:
        value = op.args[-1]
        if self.activity.active(value):
            g = sweep.b.op("load", *self._place(op, sweep, 1), hint=_bar(value), safe=True)
            self.add(value, g, sweep)

    def _assign(self, op: Op, sweep: Sweep) -> None:
        target, value = op.args
        shadow = self.shadows.of(target, sweep)
        assert isinstance(target.type, Array)
        if self.activity.active(value):
            g: Operand = shadow
            if self.aliases.may_alias(target, value) or not self.shadows.has(value):
                g = sweep.b.op("copy", shadow, hint=_bar(value)) if isinstance(value.type, Array) else shadow
            if self.aliases.may_alias(target, value):
                sweep.b.do("assign", shadow, const(0.0, Scalar(target.type.dtype)))
                self.add(value, g, sweep)
                return
            self.add(value, g, sweep)
        sweep.b.do("assign", shadow, const(0.0, Scalar(target.type.dtype)))

    def _accumulate(self, op: Op, sweep: Sweep) -> None:
        target, value = op.args
        if not self.activity.active(value):
            return
        g: Operand = self.shadows.of(target, sweep)
        if isinstance(value.type, Array) and not self.shadows.has(value):
            g = sweep.b.op("copy", g, hint=_bar(value))
        self.add(value, g, sweep)

    # Index arrays.
    def _places(self, op: Op, sweep: Sweep, values: int) -> list[Operand]:
        """The shadow of the array, and the indices as they were."""
        last = len(op.args) - values
        return [self.shadows.of(op.args[0], sweep), *(self.residuals.content(i, op, sweep) for i in op.args[1:last])]

    def _gather(self, op: Op, sweep: Sweep) -> None:
        g = self.adjoint(op.result, sweep)
        if g is not None:
            sweep.b.do("scatter_add", *self._places(op, sweep, 0), g, **_inside(op))

    def _scatter(self, op: Op, sweep: Sweep) -> None:
        place, value = self._places(op, sweep, 1), op.args[-1]
        once = bool(op.attrs.get("once"))
        if self.activity.active(value):
            take = "gather" if once else "withdraw"
            self.add(value, sweep.b.op(take, *place, hint=_bar(value), **_inside(op)), sweep)
        if once or not self.activity.active(value):
            element = op.args[0].type
            assert isinstance(element, Array)
            sweep.b.do("scatter", *place, const(0.0, Scalar(element.dtype)), **_inside(op))

    def _scatter_add(self, op: Op, sweep: Sweep) -> None:
        value = op.args[-1]
        if self.activity.active(value):
            self.add(value, sweep.b.op("gather", *self._places(op, sweep, 1), hint=_bar(value), **_inside(op)), sweep)

    def _withdraw(self, op: Op, sweep: Sweep) -> None:
        element = op.args[0].type
        assert isinstance(element, Array)
        g = self.adjoint(op.result, sweep)
        g = const(0.0, Scalar(element.dtype)) if g is None else g
        sweep.b.do("scatter", *self._places(op, sweep, 0), g, **_inside(op))

    # Tapes of scalars: the adjoint of push is pop, and of pop, push.
    def _tape(self, tape: Value) -> Value:
        if tape not in self.tapes:
            assert isinstance(self.fn.body, Region)
            self.tapes[tape] = self.root.head.op("stack", hint=f"{tape.name}_bar", elem=tape.type.elem)  # type: ignore[union-attr]
        return self.tapes[tape]

    def _push(self, op: Op, sweep: Sweep) -> None:
        tape, value = op.args
        assert isinstance(tape, Value)
        if isinstance(value.type, Scalar) and self.activity.active(tape):
            g = sweep.b.op("pop", self._tape(tape), hint=_bar(value))
            self.add(value, g, sweep)

    def _pop(self, op: Op, sweep: Sweep) -> None:
        tape = op.args[0]
        assert isinstance(tape, Value)
        if isinstance(op.result.type, Scalar) and self.activity.active(tape):
            g = sweep.adjoint.get(op.result, const(0.0, op.result.type))
            sweep.b.do("push", self._tape(tape), g)


def _bar(value: Operand) -> str:
    return f"{value.name}_bar" if isinstance(value, Value) else "t"


def _inside(op: Op) -> dict[str, Any]:
    """The attributes of an op with a place, for the same place once more."""
    return {**op.attrs, "safe": True}


def _section(text: str) -> Op:
    return Op("section", [], [], {"text": text})


def _unless_zero(b: Builder, g: Operand, pushed: Handle) -> Handle:
    """pushed, but zero where g is exactly zero: what was not chosen must not turn 0 * inf into nan."""
    off = Handle(b, g).call("eq", Handle(b, g), 0.0)
    return pushed.call("select", off, 0.0, pushed)
