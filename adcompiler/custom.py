"""custom_vjp and custom_jvp: functions whose derivative their author gives, as programs in the same language."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from adcompiler.along import given, matched
from adcompiler.binding import Binding, signature_of
from adcompiler.driver import BEFORE, Options, optimize, protect, separate
from adcompiler.entries import mapped
from adcompiler.errors import Loc, TypeMismatch
from adcompiler.frontend import Capture, Lowered
from adcompiler.frontend import lower as lower_python
from adcompiler.frontend.places import Attribute
from adcompiler.frontend.spec import Leaf, Spec, Static, Tuple, leaves
from adcompiler.frontend.values import Closure
from adcompiler.ir.build import Builder
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.rule import Rule
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import walk
from adcompiler.transforms.custom import inline, same_shape, zero_like

PLAIN = Options()


class Custom:
    """A function with a rule of its own. Called from Python it is the function itself."""

    __ad_parts__ = ("kind", "fn", "rules")  # what it is: for fingerprints

    def __init__(self, kind: str, fn: Callable[..., Any]):
        functools.update_wrapper(self, getattr(fn, "py_func", fn), updated=())
        self.__name__: str = getattr(self, "__name__", "function")
        self.kind, self.fn = kind, fn
        self.rules: tuple[Callable[..., Any], ...] = ()
        self._under_way: dict[tuple[Spec, ...], tuple[Rule, Lowered]] = {}

    def __repr__(self) -> str:
        return f"<adcompiler {self.kind} of {self.__name__}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fn(*args, **kwargs)

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> Custom:
        """fwd(*args) -> (out, residuals); bwd(residuals, out_bar) -> a tuple, per argument its adjoint or None."""
        return self._define("custom_vjp", "defvjp", fwd, bwd)

    def defjvp(self, rule: Callable[..., Any]) -> Custom:
        """rule(primals, tangents) -> (out, out_dot), linear in the tangents; both tuples have an entry per argument."""
        return self._define("custom_jvp", "defjvp", rule)

    for _method in (defvjp, defjvp):
        vars(_method)["__ad_static__"] = True  # programs may call them

    def _define(self, kind: str, method: str, *rules: Callable[..., Any]) -> Custom:
        if kind != self.kind:
            raise TypeMismatch(f"{self.__name__} is a {self.kind}: {method} belongs to ad.{kind}", self.loc)
        for rule in rules:
            if not (callable(rule) or isinstance(rule, Closure)):
                raise TypeMismatch(f"{method} takes functions, not {rule!r}", self.loc)
        self.rules = rules
        return self

    # How the compiler sees it.
    @functools.cached_property
    def binding(self) -> Binding:
        return Binding(signature_of(self.fn), self.__name__, self.loc)

    @property
    def __signature__(self) -> inspect.Signature:
        return self.binding.signature

    @property
    def innermost(self) -> Any:
        """The function itself."""
        return self.fn

    @functools.cached_property
    def loc(self) -> Loc | None:
        """Where the function begins."""
        return _begin(self.fn)

    def __ad_lower__(self, args: tuple[Spec, ...], kwargs: dict[str, Spec]) -> Lowered:
        """A program of one op, which stands for the function until everything is differentiated."""
        args, kwargs = self.binding.split(self.binding.specs(args, kwargs, self.fn))
        key = (*args, *kwargs.values())
        if key in self._under_way:  # a rule that calls the function that it belongs to
            rule, low = self._under_way[key]
            rule.notes["again"] = "yes"
            return _call(rule, low, low.function.params[rule.count :], low.captures)
        low = _prepared(lower_python(self.fn, args, kwargs))
        self._check(low)
        count = sum(1 for _, spec in low.signature for _ in leaves(spec))
        rule = Rule(self.__name__, self.loc, count, notes={"define": f"def{self.kind[-3:]}"})
        rule.primal = low.function
        self._under_way[key] = rule, low
        try:
            parts = _Parts(self, rule, low)
            if self.rules:
                (parts.jvp if self.kind == "custom_jvp" else parts.vjp)(*self.rules)
        finally:
            del self._under_way[key]
        mine = Capture.at(self.__name__, Attribute(self, "rules"), Static(self.rules))
        found = _call(rule, low, parts.hidden, (*parts.captures, mine))
        reads = {(place, id(value)): (place, value) for place, value in [*low.reads, *parts.reads]}
        return replace(found, reads=tuple(reads.values()))

    def _check(self, low: Lowered) -> None:
        if low.function.mut or low.written:
            text = f"{self.__name__} writes to its arguments, and has a rule of its own"
            raise TypeMismatch(text, self.loc, "write to a copy, and return it")


def _begin(fn: Any) -> Loc | None:
    if isinstance(fn, Closure):
        return Loc(fn.frame.file, fn.node.lineno, fn.node.col_offset + 1)
    code = getattr(getattr(fn, "py_func", fn), "__code__", None)
    return Loc(code.co_filename, code.co_firstlineno, 1) if code is not None else None


def _prepared(low: Lowered) -> Lowered:
    """Cleaned up; written arguments are copied, results share no memory."""
    return replace(low, function=separate(optimize(low.function, BEFORE, PLAIN)))


def _call(rule: Rule, low: Lowered, hidden: Sequence[Value], captures: tuple[Capture, ...]) -> Lowered:
    """The program that is one call."""
    assert rule.primal is not None
    params = [Value(p.name, p.type) for p in [*rule.primal.params[: rule.count], *hidden]]
    results = []
    for r in rule.primal.returns:
        type_ = Array(r.type.dtype, (None,) * r.type.rank) if isinstance(r.type, Array) else r.type
        results.append(Value(r.name if isinstance(r, Value) else "out", type_))
    ordered = any(op.name in OPS and OPS[op.name].ordered for op in walk(rule.primal.body))
    attrs = {"rule": rule, "results": tuple(r.type for r in results)}
    op = Op("custom_effect" if ordered else "custom", list(params), results, attrs)
    fn = Function(rule.name, Region(params, [op, Op("return", list(results))]), doc=low.function.doc)
    return replace(low, function=fn, captures=captures)


class _Parts:
    """The programs of a rule, brought into the form that transforms take."""

    def __init__(self, owner: Custom, rule: Rule, low: Lowered):
        self.owner, self.rule, self.low = owner, rule, low
        self.args = list(low.function.params[: rule.count])
        self.hidden = list(low.function.params[rule.count :])
        self.captures, self.reads = tuple(low.captures), list(low.reads)

    def lowered(self, fn: Callable[..., Any], specs: tuple[Spec, ...]) -> Lowered:
        low = lower_python(fn, specs, {})
        low = replace(low, function=separate(protect(optimize(low.function, BEFORE, PLAIN))))
        n = sum(1 for _, spec in low.signature for _ in leaves(spec))
        mine = low.function.params[n:]
        self._widen([Value(p.name, p.type) for p in mine])
        self.captures += tuple(low.captures)
        self.reads += low.reads
        return low

    def _widen(self, new: list[Value]) -> None:
        """One more captured array is an operand of the call: the primal takes it too."""
        self.hidden += new
        if new and "again" in self.rule.notes:
            text = f"the rule of {self.owner.__name__} calls it, and the array {new[0].name} is captured"
            raise TypeMismatch(text, self.owner.loc, f"{new[0].name} as an argument")
        if new:
            assert self.rule.primal is not None
            self.rule.primal.body.params += [Value(p.name, p.type) for p in new]

    def inlined(self, b: Builder, low: Lowered, args: Sequence[Operand], hidden: Sequence[Value]) -> list[Operand]:
        """A lowered rule on these arguments; its captured arrays are the last of `hidden`."""
        own = len(low.function.params) - len(args)
        return inline(b, low.function, [*args, *hidden[len(hidden) - own :]])

    # custom_vjp
    def vjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        ahead = self.lowered(fwd, tuple(spec for _, spec in self.low.signature))
        hidden_ahead = list(self.hidden)
        if not (isinstance(ahead.result, Tuple) and ahead.result.cls is None and len(ahead.result.items) == 2):
            raise TypeMismatch(f"{_name(fwd)} does not return (out, residuals)", _begin(fwd), "return out, (x, y)")
        out, kept = ahead.result.items
        self.agree(out, fwd, "out")
        back = self.lowered(bwd, (kept, mapped(self.low.result, _shape)))
        self.sweep(ahead, hidden_ahead, len(list(leaves(out))))
        self.pullback(back, bwd, kept)

    def agree(self, out: Spec, fn: Any, what: str) -> None:
        """The result of a rule is that of the function."""
        if mapped(out, _shape) != mapped(self.low.result, _shape):
            text = f"{what}, which {_name(fn)} returns, is not what {self.owner.__name__} returns"
            raise TypeMismatch(text, _begin(fn), "the same structure, dtypes and ranks")

    def sweep(self, ahead: Lowered, hidden: Sequence[Value], n: int) -> None:
        args, captured = ([Value(v.name, v.type) for v in row] for row in (self.args, self.hidden))
        b = Builder(Region([*args, *captured]), self.owner.loc)
        own = len(ahead.function.params) - len(args)
        at = len(hidden) - own
        found = inline(b, ahead.function, [*args, *captured[at : at + own]])
        copied = {op.result: op.args[0] for op in b.region.ops if op.name == "copy"}  # a residual needs none
        new: list[Operand] = []
        refs: list[tuple[str, int]] = []
        for value in found[n:]:
            source = copied.get(value, value) if isinstance(value, Value) else value
            if source in args:
                refs.append(("operand", args.index(source)))  # type: ignore[arg-type]
            elif source in found[:n] and isinstance(source, Value):
                refs.append(("result", found.index(source)))
            else:
                refs.append(("new", len(new)))
                new.append(value)
        b.return_(*found[:n], *new)
        self.rule.sweep = optimize(Function(f"{self.rule.name}_sweep", b.region), BEFORE, PLAIN)
        self.rule.residuals = tuple(refs)

    def pullback(self, back: Lowered, bwd: Any, kept: Spec) -> None:
        specs, n = self.low.signature, sum(1 for _ in leaves(kept))
        outs = zip(self.low.function.returns, leaves(self.low.result), strict=True)
        bars = [Value(f"{_label(r)}_bar", leaf.type) for r, leaf in outs]
        residuals = [Value(p.name, p.type) for p in back.function.params[:n]]
        captured = [Value(v.name, v.type) for v in self.hidden]
        b = Builder(Region([*residuals, *bars, *captured]), _begin(bwd))
        found = self.inlined(b, back, [*residuals, *bars], captured)
        if not (isinstance(back.result, Tuple) and len(back.result.items) == len(specs)):
            text = f"{_name(bwd)} does not return a tuple with an adjoint for each of the {len(specs)} arguments"
            raise TypeMismatch(text, _begin(bwd), "return (x_bar,) for one argument, None for one without derivative")
        pulled = self.per_argument(back.result, found, bwd)
        b.return_(*(_fitted(b, g, self.args[k]) for k, g in pulled))
        self.rule.pulled = tuple(k for k, _ in pulled)
        self.rule.pullback = optimize(separate(Function(f"{self.rule.name}_pullback", b.region)), BEFORE, PLAIN)

    def per_argument(self, result: Tuple, found: Sequence[Operand], fn: Any) -> list[tuple[int, Operand]]:
        """The adjoints of the float leaves of the arguments, less those that the rule gives as None."""
        stand_ins: list[Value] = []
        matches: list[Value | None] = []
        for (name, spec), item in zip(self.low.signature, result.items, strict=True):
            matches += matched(f"{_name(fn)}: {name}", spec, given(item, name, stand_ins), _begin(fn))
        actual = dict(zip(stand_ins, found, strict=True))
        rows = enumerate(zip(self.args, matches, strict=True))
        return [(k, actual[m]) for k, (arg, m) in rows if m is not None and is_float(arg.type)]

    # custom_jvp
    def jvp(self, rule: Callable[..., Any]) -> None:
        specs = tuple(spec for _, spec in self.low.signature)
        moves = tuple(spec if any(is_float(x.type) for x in leaves(spec)) else Static(None) for spec in specs)
        low = self.lowered(rule, (Tuple(specs), Tuple(moves)))
        if not (isinstance(low.result, Tuple) and low.result.cls is None and len(low.result.items) == 2):
            raise TypeMismatch(f"{_name(rule)} does not return (out, out_dot)", _begin(rule), "return y, y_dot")
        out, dot = low.result.items
        self.agree(out, rule, "out")
        args, captured = ([Value(v.name, v.type) for v in row] for row in (self.args, self.hidden))
        dots = {k: Value(f"{a.name}_dot", a.type) for k, a in enumerate(args) if is_float(a.type)}
        b = Builder(Region([*args, *captured, *dots.values()]), _begin(rule))
        tangents = [dots.get(k) or zero_like(b, args[k], "zero") for k in self.moved(specs, moves)]
        found = self.inlined(b, low, [*args, *tangents], captured)
        n = len(self.low.function.returns)
        b.return_(*found[:n], *self.out_dots(b, found[:n], dot, found[n:], rule))
        self.rule.jvp = optimize(separate(Function(f"{self.rule.name}_jvp", b.region)), BEFORE, PLAIN)

    def out_dots(
        self, b: Builder, outs: Sequence[Operand], dot: Spec, found: Sequence[Operand], fn: Any
    ) -> Iterator[Operand]:
        """The tangent of each float result: zero where the rule gives None."""
        stand_ins: list[Value] = []
        matches = list(matched(f"{_name(fn)}: out_dot", self.low.result, given(dot, "dot", stand_ins), _begin(fn)))
        actual = dict(zip(stand_ins, found, strict=True))
        for value, match in zip(outs, matches, strict=True):
            if not is_float(value.type):
                continue
            if match is None:
                yield zero_like(b, value, "out_dot")
                continue
            made = _fitted(b, actual[match], value)
            same_shape(b, made, value, f"the tangent that {_name(fn)} returns")
            yield made

    def moved(self, specs: Sequence[Spec], moves: Sequence[Spec]) -> list[int]:
        """The leaves of the arguments that have an entry among the tangents."""
        found, at = list[int](), 0
        for spec, move in zip(specs, moves, strict=True):
            n = sum(1 for _ in leaves(spec))
            found += range(at, at + n) if not isinstance(move, Static) else ()
            at += n
        return found


def _shape(leaf: Leaf) -> Leaf:
    """What two results must have in common, and the type of an adjoint of one."""
    return Leaf(_contiguous(leaf.type))


def _contiguous(t: Scalar | Array) -> Scalar | Array:
    return Array(t.dtype, (None,) * t.rank) if isinstance(t, Array) else t


def _fitted(b: Builder, value: Operand, like: Operand) -> Operand:
    """In the dtype of what it belongs to; a 0-d array where that is one."""
    assert isinstance(value.type, Scalar | Array) and isinstance(like.type, Scalar | Array)
    if value.type.dtype != like.type.dtype:
        value = b.op("cast", value, dtype=like.type.dtype)
    if isinstance(like.type, Array) and isinstance(value.type, Scalar):
        value = b.op("full", value)
    return value


def _name(fn: Any) -> str:
    return getattr(fn, "__name__", "the rule")


def _label(operand: Operand) -> str:
    return operand.name if isinstance(operand, Value) else "out"
