"""grad and value_and_grad on lowered programs: which leaves are differentiated, and how results are arranged."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from adcompiler.analysis.effects import is_ordered
from adcompiler.driver import AFTER, BEFORE, DERIVED, Observer, Options, fresh_copy, optimize, protect, separate
from adcompiler.errors import Loc, NotDifferentiable, TypeMismatch
from adcompiler.frontend import Capture, Lowered, spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple, leaves
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Operand, Value
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import substitute
from adcompiler.transforms.custom import expand
from adcompiler.transforms.reverse import Pullback, reverse


def wanted(argnums: int | Sequence[int], count: int, loc: Loc | None, option: str = "argnums") -> tuple[int, ...]:
    """argnums as positions: negative ones count from the end, repeated ones are refused."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    positions = []
    for n in numbers:
        if not -count <= n < count:
            hint = f"0 to {count - 1}" if count else None
            raise TypeMismatch(f"{option}={n}, but {count} is the number of arguments", loc, hint)
        positions.append(n % count)
    if len(set(positions)) != len(positions):
        raise TypeMismatch(f"{option}={numbers} names an argument twice", loc, "each argument once")
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


def finish(fn: Function, options: Options, observer: Observer | None) -> Function:
    """What every derived function goes through last."""
    return optimize(separate(fn), AFTER, options, observer)


def expanded(low: Lowered, options: Options, observer: Observer | None) -> Lowered:
    """Once nothing more is differentiated: the bodies of functions with a rule of their own in place of their calls."""
    fn = expand(low.function)
    if fn is low.function:
        return low
    return replace(low, function=optimize(fn, (*BEFORE, *AFTER), options, observer))


def buffers(low: Lowered, argnums: int | Sequence[int], first: bool, loc: Loc | None) -> tuple[tuple[int, int], ...]:
    """(return, param) for each gradient that is an array, which has the shape of that parameter.

    Gradients are the first results or the last. None where a call may not run twice.
    """
    fn = low.function
    rows = [k for p in wanted(argnums, len(low.signature), loc) for k in spans(low)[p]]
    start = 0 if first else len(fn.returns) - len(rows)
    pairs = [(start + j, k) for j, k in enumerate(rows) if isinstance(fn.params[k].type, Array)]
    plain = all(fn.params[k].type.rank > 0 for _, k in pairs)  # type: ignore[union-attr]
    return tuple(pairs) if plain and not any(map(is_ordered, fn.body.ops)) else ()


def compiled(low: Lowered, options: Options) -> Lowered:
    """jit: the function itself, its results in memory of their own."""
    return replace(low, function=separate(fresh_copy(low)))


def _default_spec(default: Callable[[str], Any], name: str) -> Spec:
    return spec_of(default(name), name)


def hold(low: Lowered, count: int, default: Callable[[str], Any]) -> Lowered:
    """The arguments from `count` on take their defaults, which become captured values."""
    if len(low.signature) == count:
        return low
    fn, loc = fresh_copy(low), place(low.function)
    held = [k for span in spans(low)[count:] for k in span]
    rest = [p for k, p in enumerate(fn.params) if k not in held]
    captures, hidden = [*low.captures], []
    constants: dict[Value, Operand] = {}
    for (name, spec), span in zip(low.signature[count:], spans(low)[count:], strict=True):
        if default(name) is inspect.Parameter.empty or not isinstance(spec, Leaf | Tuple | Dict | Record | Static):
            raise TypeMismatch(f"{low.function.name}: primals lack the argument {name!r}", loc)
        captures.append(Capture(name, functools.partial(_default_spec, default, name), Static(spec)))
        for at, (k, leaf) in enumerate(zip(span, leaves(spec), strict=True)):
            read = functools.partial(_default_leaf, default, name, at)
            if isinstance(leaf.type, Array):
                captures.append(Capture(name, read, leaf))
                hidden.append(fn.params[k])
            else:
                captures.append(Capture(name, read, Static(read())))
                constants[fn.params[k]] = const(read(), leaf.type)
    substitute(fn.body, constants)
    written, seeds = ([fn.params[k] for k in places] for places in (low.written, low.seeds))
    fn.body.params = [*rest, *hidden]
    return replace(
        low,
        function=fn,
        signature=low.signature[:count],
        captures=tuple(captures),
        written=tuple(map(fn.params.index, written)),
        seeds=tuple(fn.params.index(p) for p in seeds if p in fn.params),
    )


def _default_leaf(default: Callable[[str], Any], name: str, at: int) -> Any:
    return flatten(default(name))[at]


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
    adapt: Callable[[Function], None] = lambda fn: None,
) -> Function:
    """Reverse mode with respect to whole arguments; integer leaves get zeros.

    Returns (kept returns, adjoint leaves), the adjoints first unless `values_first`; `adapt` changes what reverse
    mode made before it is optimized.
    """
    fn = fresh_copy(low)
    rows = [k for p in positions for k in spans(low)[p]]
    positions_donated = wanted(options.donate, len(low.signature), place(low.function), "donate")
    protect(fn, [fn.params[k] for p in positions_donated for k in spans(low)[p]])
    floats = [k for k in rows if is_float(fn.params[k].type)]
    fn = optimize(fn, DERIVED, options, observer)
    result = reverse(fn, Pullback(tuple(floats), tuple(seeds), tuple(values)), name, "along" not in options.disabled)
    if observer is not None:
        observer("reverse", result)
    end = result.body.ops.pop()
    kept, adjoints = list(end.args[: len(values)]), dict(zip(floats, end.args[len(values) :], strict=True))
    b = Builder(result.body, end.loc)
    grads = [adjoints[k] if k in adjoints else _zero(b, result.params[k]) for k in rows]
    b.return_(*([*kept, *grads] if values_first else [*grads, *kept]))
    adapt(result)
    return finish(result, options, observer)


def _zero(b: Builder, param: Value) -> Operand:
    if isinstance(param.type, Scalar):
        return const(0, param.type)
    return b.op("zeros_like", param, hint=f"{param.name}_bar")


def gradient(
    low: Lowered,
    positions: Sequence[int],
    options: Options,
    *,
    bare: bool,
    has_aux: bool,
    with_value: bool,
    observer: Observer | None = None,
) -> Lowered:
    """grad and value_and_grad of a function with a scalar result (and, with `has_aux`, anything beside it).

    With `bare` there is one position, and its gradient is not wrapped in a tuple.
    """
    loc = place(low.function)
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
    what = "Value and gradient" if with_value else "Gradient"
    fn.doc = f"{what} of {low.function.name} with respect to {_and(names)}."
    grads = [low.signature[p][1] for p in positions]
    grad: Spec = grads[0] if bare else Tuple(tuple(grads))
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
    scalar_result(replace(low, result=value), loc)
    return value, aux


def scalar_result(low: Lowered, loc: Loc | None) -> None:
    """Refuse a function whose result is no float scalar."""
    value = low.result
    if not (isinstance(value, Leaf) and (isinstance(value.type, Scalar) or value.type.rank == 0)):
        what = "an array" if isinstance(value, Leaf) else "a structure"
        hint = "return a scalar (np.sum(...)), return (loss, aux) with has_aux=True, or use ad.vjp / ad.jacobian"
        raise TypeMismatch(f"the gradient of {low.function.name} needs a scalar result, not {what}", loc, hint)
    if not is_float(value.type):
        what = f"{low.function.name} returns {value.type}: integers have no derivative"
        raise NotDifferentiable(what, loc, "return a float")


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
