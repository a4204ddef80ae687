"""Python function -> IR: the entry to the frontend."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from adcompiler.errors import AdcompilerError, TypeMismatch, UnsupportedFunction
from adcompiler.frontend import spec as s
from adcompiler.frontend.attributes import attribute
from adcompiler.frontend.calls import bind, call, frame_of, run
from adcompiler.frontend.context import Context, Frame, Unreachable
from adcompiler.frontend.convert import Capture, from_spec, leaf_names, to_spec
from adcompiler.frontend.expressions import expr, short_circuit
from adcompiler.frontend.liveness import assigned, liveness
from adcompiler.frontend.places import Place
from adcompiler.frontend.source import parameters, source_of, unwrap
from adcompiler.frontend.spec import Spec
from adcompiler.frontend.specs import spec_of
from adcompiler.frontend.statements import assign_target, block
from adcompiler.frontend.values import (
    NONE,
    Arr,
    Closure,
    Map,
    Num,
    Obj,
    Partial,
    Rec,
    Ref,
    Seq,
    Val,
    expose,
    operands,
)
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Dim, f64
from adcompiler.ir.walk import walk

RECURSION_LIMIT = 20_000


@dataclass
class Lowered:
    """A lowered function: `function`'s params are the leaves of the arguments, then the captured arrays."""

    function: Function
    signature: tuple[tuple[str, Spec], ...]
    result: Spec
    captures: tuple[Capture, ...]
    # Where values outside of the program were read, and what was found.
    reads: tuple[tuple[Place, Any], ...] = ()
    # Positions of params: those that the program writes to (or to a copy), which may overlap no others, except
    # the tangents and adjoints of a transform: they are only read.
    written: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    # What a compiled function assigns to fields and keys of its arguments: further returns, and where they go.
    changes: tuple[tuple[str, Spec], ...] = ()
    # What is open about the extents of arguments, and what this specialization takes them to be: (leaf, axis) -> dim.
    meetings: tuple[Any, ...] = ()
    extents: dict[tuple[int, int], Dim] = field(default_factory=dict)
    # What Context collects about the memory of NumPy's arrays.
    orders: dict[Value, tuple[Operand, ...] | None] = field(default_factory=dict)
    copies_of_views: set[Op] = field(default_factory=set)


def lower(
    fn: Callable[..., Any] | Closure | Partial,
    args: tuple[Spec, ...],
    kwargs: dict[str, Spec] | None = None,
    allow_none: bool = False,
) -> Lowered:
    """Lower `fn` for arguments with these specs. A function that returns nothing is an error, unless `allow_none`."""
    fn = unwrap(fn)
    region = Region()
    cx = Context(Builder(region))
    cx.expr, cx.block, cx.assign = expr, block, assign_target
    cx.attribute, cx.short_circuit, cx.call = attribute, short_circuit, call
    with deep_recursion(), _placed(cx):
        frame, node, doc = _entry(cx, fn)
        cx.frame = frame
        cx.b.loc = cx.loc(node)
        signature = _signature(cx, fn, node, args, kwargs or {})
        with cx.at(node):
            frame.env = _parameters(cx, signature, node)
            arguments, given = _arguments(frame.env, signature, node), dict(cx.heap)
            value = _run(cx, frame, node, allow_none)
            cx.frame = frame
            result, returns = to_spec(cx, value), list(operands(expose(value, cx.heap)))
            _check_result(cx, result, value)
            changed = list(_changes(cx, arguments, given)) if allow_none else []
            returns += [op for _, part in changed for op in operands(expose(part, cx.heap))]
            changes = tuple((place, to_spec(cx, part)) for place, part in changed)
            cx.b.return_(*returns)
    region.params += cx.hidden
    function = Function(frame.name.replace("<lambda>", "lambda"), region, doc=doc)
    behind = memory(function)
    function.mut = written_params(function, behind)
    exclusive = function.mut | separated(cx, behind)
    written = tuple(k for k, p in enumerate(function.params) if p in exclusive)
    captures = tuple(c for entry, _ in cx.captures.values() for c in entry)
    entries = tuple(_spread(signature, node))
    lowered = Lowered(function, entries, result, captures, tuple(cx.reads.values()), written, changes=changes)
    lowered.orders, lowered.copies_of_views = cx.orders, cx.copies_of_views
    return lowered


def _arguments(env: dict[Any, Val], signature: dict[str, Spec], node: Any) -> list[Val]:
    """The values of the arguments, each of *args by itself."""
    found: list[Val] = []
    for name in signature:
        value = env[name]
        several = node.args.vararg is not None and name == node.args.vararg.arg
        found += value.items if several and isinstance(value, Seq) else [value]
    return found


def _changes(cx: Context, params: list[Val], given: dict[Any, Val]) -> Iterator[tuple[str, Val]]:
    """What was assigned to fields and keys of dicts and dataclasses among the arguments: the place, the new value."""

    def inside(value: Val, path: str) -> Iterator[tuple[str, Val]]:
        if isinstance(value, Seq):
            for k, item in enumerate(value.items):
                yield from inside(item, f"{path}[{k}]")
        if not isinstance(value, Ref):
            return
        old, new = given[value.box], cx.heap[value.box]
        assert isinstance(old, Map | Rec) and isinstance(new, Map | Rec)
        before: dict[Any, Val] = dict(zip(old.keys, old.items, strict=True))
        for key, item in zip(new.keys, new.items, strict=True):
            place = f"{path}.{key}" if isinstance(new, Rec) else f"{path}[{key!r}]"
            if key in before and before[key] == item:
                yield from inside(item, place)
            else:
                yield place, item

    for k, param in enumerate(params):
        yield from inside(param, f"a{k}")


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Inlined calls nest deeply in the lowering too."""
    saved = sys.getrecursionlimit()
    sys.setrecursionlimit(max(saved, RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(saved)


@contextmanager
def _placed(cx: Context) -> Iterator[None]:
    """Errors that don't know their place happened where lowering has got to."""
    try:
        yield
    except AdcompilerError as error:
        if error.loc is not None or cx.b.loc is None:
            raise
        raise type(error)(error.message, cx.b.loc, error.hint) from None


def _entry(cx: Context, fn: Any) -> tuple[Frame, Any, str]:
    if isinstance(fn, Closure):
        body = fn.node.body if isinstance(fn.node.body, list) else [fn.node.body]
        names = frozenset([*parameters(fn.node), *assigned(body)])
        outer = fn.frame
        frame = Frame(
            fn.__name__, outer.file, {}, names, liveness(fn.node), cx, outer.globals, outer.cells, outer,
            function=outer.function,
        )  # fmt: skip
        return frame, fn.node, ""
    if not callable(fn):
        raise UnsupportedFunction(f"{fn!r} is not a function")
    source = source_of(fn)
    return frame_of(cx, source), source.node, inspect.getdoc(fn) or ""


def _signature(cx: Context, fn: Any, node: Any, args: tuple[Spec, ...], kwargs: dict[str, Spec]) -> dict[str, Spec]:
    """Parameter names and specs; an omitted argument has the spec of its default."""
    a = node.args
    if a.kwarg is not None:
        raise cx.error("** parameters are not supported in the differentiated function", "named parameters")

    def default(name: str) -> Any:
        if isinstance(fn, Closure):
            return to_spec(cx, fn.defaults[name]) if name in fn.defaults else None
        value = inspect.signature(fn).parameters[name].default
        return None if value is inspect.Parameter.empty else spec_of(value, name)

    # `bind` only moves what it is given: here specs, in a program values.
    bound: dict[str, Any] = bind(
        cx, a, getattr(fn, "__name__", "function"), list[Any](args), dict[str, Any](kwargs), default
    )
    if a.vararg is not None:
        bound[a.vararg.arg] = s.Tuple(tuple(bound[a.vararg.arg].items))
    return {name: bound[name] for name in _ordered(node)}


def _spread(signature: dict[str, Spec], node: Any) -> Iterator[tuple[str, Spec]]:
    """The signature with an entry for each of *args."""
    for name, spec in signature.items():
        if node.args.vararg is not None and name == node.args.vararg.arg:
            assert isinstance(spec, s.Tuple)
            yield from ((f"{name}[{k}]", item) for k, item in enumerate(spec.items))
        else:
            yield name, spec


def _ordered(node: Any) -> list[str]:
    """Parameters as the signature has them: *args before keyword-only ones."""
    a = node.args
    names = [p.arg for p in (*a.posonlyargs, *a.args)]
    return names + ([a.vararg.arg] if a.vararg else []) + [p.arg for p in a.kwonlyargs]


def _parameters(cx: Context, signature: dict[str, Spec], node: Any) -> dict[str, Val]:
    env: dict[str, Val] = {}
    for name, spec in signature.items():
        fresh = [Value(text, leaf.type) for leaf, text in zip(s.leaves(spec), leaf_names(spec, name), strict=True)]
        cx.b.region.params += fresh
        env[name] = from_spec(cx, spec, iter(fresh))
    return env


def _run(cx: Context, frame: Frame, node: Any, allow_none: bool) -> Val:
    try:
        value = run(cx, frame, node)
    except Unreachable:
        if cx.unbound is not None:
            raise cx.unbound from None
        return Num(const(math.nan, f64))  # it always raises: when it is called, with the class the user gave
    if value == NONE and not allow_none:
        raise TypeMismatch("this function returns nothing", cx.loc(node), "return the value to be differentiated")
    return value


def _check_result(cx: Context, result: Spec, value: Val) -> None:
    if isinstance(value, Num | Arr):
        return
    if isinstance(value, Obj | Closure | Partial) and value != NONE:
        raise cx.error("the result must be made of numbers and arrays")


def memory(fn: Function) -> dict[Any, set[Value]]:
    """The params and allocations whose memory each handle may be."""
    ops = list(walk(fn.body))
    behind: dict[Any, set[Value]] = {p: {p} for p in fn.params if isinstance(p.type, Array)}
    fresh = [op.result for op in ops if op.name in OPS and OPS[op.name].allocates and len(op.results) == 1]
    behind |= {v: {v} for v in fresh if isinstance(v.type, Array)}
    flows = [pair for op in ops for pair in _flows(op)]
    changed = True
    while changed:
        changed = False
        for source, target in flows:
            new = behind.get(source, set()) - behind.get(target, set())
            if new:
                behind.setdefault(target, set()).update(new)
                changed = True
    return behind


def written_params(fn: Function, behind: dict[Any, set[Value]]) -> set[Value]:
    """The array parameters that the body may write to."""
    targets = [op.args[k] for op in walk(fn.body) if op.name in OPS for k in OPS[op.name].writes]
    written = set().union(*(behind.get(t, set()) for t in targets))
    return {p for p in fn.params if p in written}


def separated(cx: Context, behind: dict[Any, set[Value]]) -> set[Value]:
    """The memory that a transform called by the program writes to, checked to be shared with no other argument."""
    found: set[Value] = set()
    for name, written, every, loc in cx.exclusive:
        for target in written:
            mine = behind.get(target, set())
            found |= mine
            twice = sum(1 for a in every if a is target) > 1
            if twice or any(a is not target and mine & behind.get(a, set()) for a in every):
                message = f"{name}: two arrays may share memory and one of them is written to"
                raise TypeMismatch(message, loc, "pass a copy of one of them")
    return found


def _flows(op: Op) -> list[tuple[Any, Value]]:
    """(a, b): handle b may be the memory of handle a."""
    if op.name == "if":
        return [pair for region in op.regions for pair in zip(yielded(region), op.results, strict=True)]
    if op.name in ("for", "while"):
        ends = [*zip(op.inits, op.carried, strict=True), *zip(op.yields, op.carried, strict=True)]
        return ends + [*zip(op.carried, op.results, strict=True)]
    if op.name in OPS and not OPS[op.name].allocates and op.args and op.results:
        return [(op.args[0], op.results[0])]
    return []
