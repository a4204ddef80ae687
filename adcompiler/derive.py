"""The transforms as functions on lowered programs: which leaves are differentiated, and how results are arranged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adcompiler.driver import AFTER, Observer, Options, fresh_copy, optimize, protect, separate
from adcompiler.errors import Loc, NotDifferentiable, TypeMismatch
from adcompiler.frontend import Lowered
from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple, leaves
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Operand, Region, Value
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import substitute
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse


def wanted(argnums: int | Sequence[int], count: int, loc: Loc | None) -> tuple[int, ...]:
    """argnums as positions: negative ones count from the end, repeated ones are refused."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    positions = []
    for n in numbers:
        if not -count <= n < count:
            raise TypeMismatch(f"argnums={n}, but there are {count} arguments", loc)
        positions.append(n % count)
    if len(set(positions)) != len(positions):
        raise TypeMismatch(f"argnums {numbers} names an argument twice", loc, "name each argument once")
    return tuple(positions)


def as_float(spec: Spec, name: str, loc: Loc | None) -> Spec:
    """The spec under which an argument is differentiated: a Python int or bool is read as float64."""
    if isinstance(spec, Leaf) and not is_float(spec.type):
        if isinstance(spec.type, Scalar) and spec.weak:
            return Leaf(Scalar("f64"), weak=True)
        hint = f"{name}.astype(np.float64), or leave it out of argnums"
        raise NotDifferentiable(f"{name} holds {spec.type.dtype}: integers have no derivative", loc, hint)
    if not any(is_float(leaf.type) for leaf in leaves(spec)):
        raise NotDifferentiable(f"{name} holds no floating-point number", loc, "leave it out of argnums")
    return spec


def spans(lowered: Lowered) -> list[range]:
    """For each argument, the positions of its leaves among the function's params."""
    at, found = 0, []
    for _, spec in lowered.signature:
        n = sum(1 for _ in leaves(spec))
        found.append(range(at, at + n))
        at += n
    return found


def place(fn: Function) -> Loc | None:
    return next((op.loc for op in fn.body.ops if op.loc is not None), None)


def _finish(fn: Function, options: Options, observer: Observer | None) -> Function:
    return optimize(separate(fn), AFTER, options, observer)


def pullback(
    low: Lowered,
    positions: Sequence[int],
    options: Options,
    *,
    seeds: Sequence[str | None],
    values: Sequence[int],
    values_first: bool,
    name: str,
    observer: Observer | None = None,
) -> Function:
    """Reverse mode with respect to whole arguments; integer leaves get zeros.

    Returns (kept returns, adjoint leaves), the adjoints first unless `values_first`.
    """
    fn = fresh_copy(low)
    rows = [k for p in positions for k in spans(low)[p]]
    donated = [fn.params[k] for p in options.donate for k in spans(low)[p]]
    protect(fn, donated)
    floats = [k for k in rows if is_float(fn.params[k].type)]
    result = reverse(fn, Pullback(tuple(floats), tuple(seeds), tuple(values)), name)
    if observer is not None:
        observer("reverse", result)
    end = result.body.ops.pop()
    kept, adjoints = list(end.args[: len(values)]), dict(zip(floats, end.args[len(values) :], strict=True))
    b = Builder(result.body, end.loc)
    grads = [adjoints[k] if k in adjoints else _zero(b, result.params[k]) for k in rows]
    b.return_(*([*kept, *grads] if values_first else [*grads, *kept]))
    return _finish(result, options, observer)


def _zero(b: Builder, param: Value) -> Operand:
    if isinstance(param.type, Scalar):
        return const(0, param.type)
    return b.op("zeros_like", param, hint=f"{param.name}_bar")


def gradient(
    low: Lowered,
    argnums: int | Sequence[int],
    options: Options,
    *,
    has_aux: bool,
    with_value: bool,
    observer: Observer | None = None,
) -> Lowered:
    """grad and value_and_grad of a function with a scalar result (and, with `has_aux`, anything beside it)."""
    loc = place(low.function)
    positions = wanted(argnums, len(low.signature), loc)
    value, aux = _split_aux(low, has_aux, loc)
    n = len(low.function.returns)
    first = 0 if with_value else 1
    suffix = "value_and_grad" if with_value else "grad"
    fn = pullback(
        low,
        positions,
        options,
        seeds=["one", *([None] * (n - 1))],
        values=range(first, n),
        values_first=with_value,
        name=f"{low.function.name}_{suffix}",
        observer=observer,
    )
    names = [low.signature[p][0] for p in positions]
    fn.doc = f"{'Value and gradient' if with_value else 'Gradient'} of {low.function.name} with respect to {_and(names)}."
    grads = [strong(low.signature[p][1]) for p in positions]
    grad: Spec = grads[0] if isinstance(argnums, int) else Tuple(tuple(grads))
    if with_value:
        head: Spec = Tuple((value, aux)) if aux is not None else value
        return replace(low, function=fn, result=Tuple((head, grad)))
    return replace(low, function=fn, result=Tuple((grad, aux)) if aux is not None else grad)


def _split_aux(low: Lowered, has_aux: bool, loc: Loc | None) -> tuple[Spec, Spec | None]:
    value: Spec = low.result
    aux: Spec | None = None
    if has_aux:
        if not (isinstance(value, Tuple) and len(value.items) == 2):
            raise TypeMismatch(f"has_aux=True, but {low.function.name} does not return a pair", loc, "return loss, aux")
        value, aux = value.items
    if not (isinstance(value, Leaf) and (isinstance(value.type, Scalar) or value.type.rank == 0)):
        what = "an array" if isinstance(value, Leaf) else "a structure"
        hint = "return a scalar (np.sum(...)), return (loss, aux) with has_aux=True, or use ad.vjp / ad.jacobian"
        raise TypeMismatch(f"the gradient of {low.function.name} needs a scalar result, not {what}", loc, hint)
    if not is_float(value.type):
        raise NotDifferentiable(f"{low.function.name} returns {value.type}: integers have no derivative", loc)
    return value, aux


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def strong(spec: Spec) -> Spec:
    """The spec of a gradient: that of its argument."""
    return spec


def tangents(low: Lowered, held: Sequence[bool], options: Options, observer: Observer | None = None) -> Function:
    """Forward mode: (params..., tangents of the float leaves of arguments not held...) -> (returns..., tangents...)."""
    fn = protect(fresh_copy(low))
    rows = [k for span, hold in zip(spans(low), held, strict=True) if not hold for k in span]
    floats = [k for k in rows if is_float(fn.params[k].type)]
    result = forward(fn, floats, name=f"{low.function.name}_jvp")
    if observer is not None:
        observer("forward", result)
    end = result.body.ops.pop()
    n = len(fn.returns)
    outs, dots = list(end.args[:n]), iter(end.args[n:])
    b = Builder(result.body, end.loc)
    tangent = [next(dots) if is_float(o.type) else _zero_of(b, o) for o in outs]
    b.return_(*outs, *tangent)
    return _finish(result, options, observer)


def _zero_of(b: Builder, out: Operand) -> Operand:
    if isinstance(out.type, Scalar):
        return const(0, out.type)
    return b.op("zeros_like", out, hint="dot")


def jvp(low: Lowered, tangent: Sequence[Spec], options: Options, observer: Observer | None = None) -> Lowered:
    """(primals, tangents) -> (out, out_dot)."""
    loc = place(low.function)
    if len(tangent) != len(low.signature):
        raise TypeMismatch(f"{len(low.signature)} primals, but {len(tangent)} tangents", loc)
    held = [isinstance(t, Static) and t.value is None for t in tangent]
    for (name, spec), t, hold in zip(low.signature, tangent, held, strict=True):
        if not hold:
            _same_structure(name, spec, t, loc)
    fn = tangents(low, held, options, observer)
    fn.doc = f"Value and directional derivative of {low.function.name}."
    n = sum(1 for _, s in low.signature for _ in leaves(s))
    captured = len(low.function.params) - n
    fn = _adapt(fn, n, captured, low, tangent, held)
    args = (Tuple(tuple(s for _, s in low.signature)), Tuple(tuple(tangent)))
    return replace(
        low,
        function=fn,
        signature=(("primals", args[0]), ("tangents", args[1])),
        result=Tuple((low.result, low.result)),
    )


def _adapt(
    fn: Function, n: int, captured: int, low: Lowered, given: Sequence[Spec], held: Sequence[bool]
) -> Function:
    """Params in the order (primal leaves, tangent leaves as given, captures), tangents cast to their dtype."""
    primals, hidden, dots = fn.params[:n], fn.params[n : n + captured], iter(fn.params[n + captured :])
    b = Builder(Region())
    env: dict[Value, Operand] = {}
    outer: list[Value] = []
    for span, (_, spec), t, hold in zip(spans(low), low.signature, given, held, strict=True):
        pairs = zip(span, leaves(spec), [*leaves(t)] if not hold else [], strict=False)
        for k, leaf, direction in pairs:
            param = Value(f"{primals[k].name}_dot", direction.type)
            outer.append(param)
            if is_float(leaf.type):
                env[next(dots)] = _cast(b, param, primals[k])
    _install(fn, [*primals, *outer, *hidden], b, env)
    return fn


def _same_structure(name: str, spec: Spec, given: Spec, loc: Loc | None) -> None:
    """A tangent or adjoint has the structure and ranks of what it belongs to."""
    if isinstance(spec, Static):
        return
    if isinstance(spec, Leaf) and isinstance(given, Leaf):
        rank = spec.type.rank if isinstance(spec.type, Array) else 0
        other = given.type.rank if isinstance(given.type, Array) else 0
        if rank == other and isinstance(spec.type, Array) == isinstance(given.type, Array):
            return
        raise TypeMismatch(f"{name}: a tangent or adjoint of type {given.type} for a value of type {spec.type}", loc)
    if isinstance(spec, Tuple | Dict | Record) and type(spec) is type(given) and len(spec.items) == len(given.items):
        for a, b in zip(spec.items, given.items, strict=True):
            _same_structure(name, a, b, loc)
        return
    raise TypeMismatch(f"{name}: the tangent or adjoint has another structure", loc)


def vjp(low: Lowered, out_bar: Spec, options: Options, observer: Observer | None = None) -> Lowered:
    """(primals, out_bar) -> (out, adjoint of each argument or None)."""
    loc = place(low.function)
    _same_structure("out_bar", low.result, out_bar, loc)
    outs = list(low.function.returns)
    live = [p for p, (_, s) in enumerate(low.signature) if any(is_float(leaf.type) for leaf in leaves(s))]
    seeds = ["param" if is_float(o.type) else None for o in outs]
    fn = pullback(
        low,
        live,
        options,
        seeds=seeds,
        values=range(len(outs)),
        values_first=True,
        name=f"{low.function.name}_vjp",
        observer=observer,
    )
    fn.doc = f"Value of {low.function.name} and adjoints of its arguments for a given adjoint of its result."
    _reseed(fn, low, out_bar)
    grads = tuple(strong(s) if p in live else Static(None) for p, (_, s) in enumerate(low.signature))
    args = Tuple(tuple(s for _, s in low.signature))
    return replace(
        low,
        function=fn,
        signature=(("primals", args), ("out_bar", out_bar)),
        result=Tuple((low.result, Tuple(grads))),
    )


def _reseed(fn: Function, low: Lowered, out_bar: Spec) -> None:
    """Params in the order (argument leaves, leaves of out_bar, captures), adjoints cast to the result's dtype."""
    outs = low.function.returns
    n = sum(1 for _, s in low.signature for _ in leaves(s))
    own, hidden = fn.params[:n], fn.params[n : len(low.function.params)]
    seeds = iter(fn.params[len(low.function.params) :])
    b = Builder(Region())
    env: dict[Value, Operand] = {}
    outer: list[Value] = []
    for out, leaf in zip(outs, leaves(out_bar), strict=True):
        param = Value("out_bar", leaf.type)
        outer.append(param)
        if is_float(out.type):
            env[next(seeds)] = _cast(b, param, out)
    _install(fn, [*own, *outer, *hidden], b, env)


def _cast(b: Builder, param: Value, like: Operand) -> Operand:
    assert isinstance(like.type, Scalar | Array) and isinstance(param.type, Scalar | Array)
    return param if param.type.dtype == like.type.dtype else b.op("cast", param, dtype=like.type.dtype)


def _install(fn: Function, params: list[Value], b: Builder, env: dict[Value, Operand]) -> None:
    substitute(fn.body, env)
    fn.body.params = params
    fn.body.ops[:0] = b.region.ops
    fn.mut &= set(params)
