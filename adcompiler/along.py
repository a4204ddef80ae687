"""jvp, vjp and hvp on lowered programs: tangents and adjoints are further arguments, structured as the caller likes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adcompiler.derive import finish, place, pullback, scalar_result, spans
from adcompiler.driver import Observer, Options, fresh_copy, protect
from adcompiler.errors import Loc, TypeMismatch
from adcompiler.frontend import Lowered
from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple, leaves
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import substitute
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse


@dataclass(frozen=True)
class Given:
    """A tangent or adjoint as it is given: its spec, and the parameters that hold its leaves."""

    spec: Spec
    param: Value | None = None
    items: tuple[Given, ...] = ()


def given(spec: Spec, name: str, params: list[Value]) -> Given:
    """A parameter for each leaf of the spec, also appended to `params`."""
    if isinstance(spec, Leaf):
        params.append(Value(name, spec.type))
        return Given(spec, params[-1])
    items = () if isinstance(spec, Static) else tuple([given(item, name, params) for item in spec.items])
    return Given(spec, None, items)


def matched(name: str, spec: Spec, other: Given, loc: Loc | None) -> Iterator[Value | None]:
    """For each leaf of `spec`, the leaf of `other` that belongs to it; None for one that is held (given as None)."""
    if isinstance(other.spec, Static):
        if other.spec.value is None or isinstance(spec, Static):
            yield from (None for _ in leaves(spec))
            return
    elif isinstance(spec, Leaf) and isinstance(other.spec, Leaf):
        if _rank(spec) != _rank(other.spec):
            raise TypeMismatch(f"{name}: a tangent or adjoint of type {other.spec.type} for {spec.type}", loc)
        yield other.param
        return
    elif isinstance(spec, Tuple | Dict | Record) and _alike(spec, other.spec):
        keys = [*spec.keys] if isinstance(spec, Dict) else [*range(len(spec.items))]
        found: Any = other.items
        if isinstance(other.spec, Dict):
            found = dict(zip(other.spec.keys, other.items, strict=True))
        for key, item in zip(keys, spec.items, strict=True):
            yield from matched(f"{name}[{key!r}]", item, found[key], loc)
        return
    raise TypeMismatch(
        f"{name}: the tangent or adjoint has another structure", loc, "the structure of what it belongs to"
    )


def _rank(leaf: Leaf) -> int:
    return leaf.type.rank if isinstance(leaf.type, Array) else 0


def _alike(a: Spec, b: Spec) -> bool:
    if isinstance(a, Dict) and isinstance(b, Dict):
        return set(a.keys) == set(b.keys)
    if isinstance(a, Tuple) and isinstance(b, Tuple):
        return a.cls is b.cls and len(a.items) == len(b.items)
    return isinstance(a, Record) and isinstance(b, Record) and a.cls is b.cls


# Forward mode.
def jvp(low: Lowered, tangents: Sequence[Spec], options: Options, observer: Observer | None = None) -> Lowered:
    """(primals, tangents) -> (out, out_dot)."""
    dots: list[Value] = []
    found, _ = _tangents(low, tangents, dots)
    fn = _forward(low, _moving(low, found), options, observer)
    fn.doc = f"Value and directional derivative of {low.function.name}."
    result = Tuple((low.result, low.result))
    return _along(low, fn, found, dots, tangents, result, options, observer)


def _moving(low: Lowered, found: Sequence[Value | None]) -> list[int]:
    """The leaves that have a tangent."""
    return [k for k, dot in enumerate(found) if dot is not None and is_float(low.function.params[k].type)]


def _along(
    low: Lowered,
    fn: Function,
    found: Sequence[Value | None],
    dots: list[Value],
    tangents: Sequence[Spec],
    result: Spec,
    options: Options,
    observer: Observer | None,
) -> Lowered:
    """A forward-mode function as a program of (primals, tangents)."""
    n = len(found)  # leaves of the arguments; then come captured arrays, then tangents
    total = len(low.function.params)
    b = Builder(Region(), place(low.function))
    env: dict[Value, Operand] = {}
    for inner, k in zip(fn.params[total:], _moving(low, found), strict=True):
        dot = found[k]
        assert dot is not None
        _same_shape(b, f"the tangent of {fn.params[k].name}", dot, fn.params[k])
        env[inner] = _fitted(b, dot, fn.params[k])
    _install(fn, [*fn.params[:n], *dots, *fn.params[n:total]], b, env)
    args = Tuple(tuple(s for _, s in low.signature)), Tuple(tuple(tangents))
    return replace(
        low,
        function=finish(fn, options, observer),
        signature=(("primals", args[0]), ("tangents", args[1])),
        result=result,
        written=_shifted(low.written, n, len(dots)),
        seeds=(*_shifted(low.seeds, n, len(dots)), *range(n, n + len(dots))),
    )


def hvp(low: Lowered, tangents: Sequence[Spec], options: Options, observer: Observer | None = None) -> Lowered:
    """(primals, tangents) -> the derivative of the gradient along the tangents, None where a tangent is None."""
    scalar_result(low, place(low.function))
    dots: list[Value] = []
    found, specs = _tangents(low, tangents, dots)
    moving = _moving(low, found)
    first = reverse(protect(fresh_copy(low)), Pullback(tuple(moving), ("one",)), low.function.name)
    if observer is not None:
        observer("reverse", first)
    fn = forward(finish(first, options, observer), moving, values=False, name=f"{low.function.name}_hvp")
    if observer is not None:
        observer("forward", fn)
    fn.doc = f"Hessian of {low.function.name} times a direction."
    end = fn.body.ops.pop()
    products = dict(zip(moving, end.args, strict=True))
    b = Builder(fn.body, end.loc)
    given_ = [k for k, dot in enumerate(found) if dot is not None]
    b.return_(*(products[k] if k in products else _zero(b, fn.params[k]) for k in given_))
    return _along(low, fn, found, dots, tangents, Tuple(specs), options, observer)


def _tangents(low: Lowered, tangents: Sequence[Spec], dots: list[Value]) -> tuple[list[Value | None], tuple[Spec, ...]]:
    """For each leaf of the arguments its tangent, and the arguments' specs with None where there is none."""
    loc = place(low.function)
    if len(tangents) != len(low.signature):
        text = f"{len(low.signature)} primals, but {len(tangents)} tangents"
        raise TypeMismatch(text, loc, "one per primal, or None")
    found: list[Value | None] = []
    specs: list[Spec] = []
    for (name, spec), tangent in zip(low.signature, tangents, strict=True):
        mine = list(matched(name, spec, given(tangent, f"{name}_dot", dots), loc))
        inactive = not any(is_float(leaf.type) for leaf in leaves(spec))
        found += [None] * len(mine) if inactive else mine
        specs.append(Static(None) if inactive else _held(spec, tangent))
    return found, tuple(specs)


def _held(spec: Spec, tangent: Spec) -> Spec:
    """The spec, with None where the tangent is None."""
    if isinstance(tangent, Static):
        return Static(None) if tangent.value is None else spec
    if isinstance(spec, Leaf | Static) or isinstance(tangent, Leaf):
        return spec
    inner = tangent.items
    if isinstance(spec, Dict) and isinstance(tangent, Dict):
        inner = tuple(dict(zip(tangent.keys, tangent.items, strict=True))[key] for key in spec.keys)
    return replace(spec, items=tuple(map(_held, spec.items, inner)))


def _forward(low: Lowered, moving: Sequence[int], options: Options, observer: Observer | None) -> Function:
    """(params..., tangents of the moving ones...) -> (returns..., tangent of each)."""
    fn = protect(fresh_copy(low))
    result = forward(fn, list(moving), name=f"{low.function.name}_jvp")
    if observer is not None:
        observer("forward", result)
    end = result.body.ops.pop()
    outs, dots = list(end.args[: len(fn.returns)]), iter(end.args[len(fn.returns) :])
    b = Builder(result.body, end.loc)
    tangent = [next(dots) if is_float(o.type) else _zero(b, o) for o in outs]
    b.return_(*outs, *tangent)
    return result


def _zero(b: Builder, out: Operand) -> Operand:
    """The tangent of an integer result."""
    if isinstance(out.type, Scalar):
        return const(0, out.type)
    return b.op("zeros_like", out, hint="dot")


# Reverse mode.
def vjp(low: Lowered, out_bar: Spec, options: Options, observer: Observer | None = None) -> Lowered:
    """(primals, out_bar) -> (out, adjoint of each argument or None)."""
    loc, outs = place(low.function), list(low.function.returns)
    bars: list[Value] = []
    found = list(matched("out_bar", low.result, given(out_bar, "out_bar", bars), loc))
    live = [p for p, (_, s) in enumerate(low.signature) if any(is_float(leaf.type) for leaf in leaves(s))]
    seeds = ["param" if bar is not None and is_float(out.type) else None for bar, out in zip(found, outs, strict=True)]
    fn = pullback(
        low,
        live,
        options,
        seeds=seeds,
        values=range(len(outs)),
        values_first=True,
        name=f"{low.function.name}_vjp",
        observer=observer,
        adapt=lambda fn: _reseed(fn, low, bars, found, loc),
    )
    fn.doc = f"Value of {low.function.name} and adjoints of its arguments for a given adjoint of its result."
    grads = tuple(s if p in live else Static(None) for p, (_, s) in enumerate(low.signature))
    args = Tuple(tuple(s for _, s in low.signature))
    n = sum(1 for span in spans(low) for _ in span)
    return replace(
        low,
        function=fn,
        signature=(("primals", args), ("out_bar", out_bar)),
        result=Tuple((low.result, Tuple(grads))),
        written=_shifted(low.written, n, len(bars)),
        seeds=(*_shifted(low.seeds, n, len(bars)), *range(n, n + len(bars))),
    )


def _reseed(fn: Function, low: Lowered, bars: Sequence[Value], found: Sequence[Value | None], loc: Loc | None) -> None:
    """Params in the order (argument leaves, leaves of out_bar, captures), adjoints in the dtype of the result."""
    n, total = sum(1 for span in spans(low) for _ in span), len(low.function.params)
    seeds = iter(fn.params[total:])
    b = Builder(Region(), loc)
    env: dict[Value, Operand] = {}
    for bar, out in zip(found, fn.returns, strict=False):
        if bar is not None and is_float(out.type):
            _same_shape(b, "out_bar", bar, out)
            env[next(seeds)] = _fitted(b, bar, out)
    at = max(k for k, op in enumerate(fn.body.ops) if _starts_reverse(op))
    fn.body.ops[at:at] = b.region.ops
    _install(fn, [*fn.params[:n], *bars, *fn.params[n:total]], Builder(Region()), env)


def _starts_reverse(op: Op) -> bool:
    return op.name == "section" and op.attrs["text"].startswith("reverse")


# Both.
def _same_shape(b: Builder, what: str, given: Value, like: Operand) -> None:
    """A check that a tangent or adjoint has the shape of what it belongs to."""
    assert isinstance(like.type, Scalar | Array)
    for axis in range(like.type.rank if isinstance(like.type, Array) else 0):
        size, other = (b.op("dim", array, axis=axis, hint="n") for array in (like, given))
        differ = b.op("ne", other, size, hint="differ")
        name = getattr(like, "name", "the result") if what == "out_bar" else ""
        message = f"axis {axis} of {what} has another size than {f'the result {name}' if name else 'the argument'}"
        where = f" ({b.loc.short})" if b.loc else ""
        b.do("raise_if", differ, error="ShapeMismatch", message=message + where)


def _fitted(b: Builder, param: Value, like: Operand) -> Operand:
    """A given leaf in the dtype of what it belongs to; 0-d arrays and scalars may stand for each other."""
    assert isinstance(like.type, Scalar | Array) and isinstance(param.type, Scalar | Array)
    value = param
    if isinstance(param.type, Array) and isinstance(like.type, Scalar):
        value = b.op("load", param, hint=param.name)
    if param.type.dtype != like.type.dtype:
        value = b.op("cast", value, dtype=like.type.dtype, hint=param.name)
    if isinstance(param.type, Scalar) and isinstance(like.type, Array):
        value = b.op("broadcast_like", value, like, hint=param.name)
    return value


def _install(fn: Function, params: list[Value], b: Builder, env: dict[Value, Operand]) -> None:
    substitute(fn.body, env)
    fn.body.params = params
    fn.body.ops[:0] = b.region.ops
    fn.mut &= set(params)


def _shifted(written: Sequence[int], n: int, count: int) -> tuple[int, ...]:
    """Positions of leaves once `count` more stand before the captured arrays."""
    return tuple(k if k < n else k + count for k in written)
