"""The Python side of a call: generated code that checks arguments, takes structures apart and puts results together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import numpy as np

from adcompiler.analysis.extents import Axis
from adcompiler.backends.into import extents_as
from adcompiler.driver import same_static
from adcompiler.errors import Loc, ShapeMismatch, TypeMismatch
from adcompiler.frontend import Lowered
from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple
from adcompiler.ir.types import DTYPES, Array, Dim, Scalar
from adcompiler.ir.walk import walk
from adcompiler.trees import overlap, plain, rebuilt, record

__all__ = ["DECLINES", "MISS", "NONE", "buffered", "paths", "rebuilt", "translated", "wrapper"]

Call = Callable[..., Any]
PLACE = "<adcompiler wrapper>"  # what tracebacks call generated functions
PREFIX = "ShapeMismatch: "
MISS = object()  # the answer to arguments of another specialization
NONE = object()  # in the place of an argument that is not given
WEAK: dict[str, type] = {"f64": float, "i64": int, "b1": bool}


class _Declines:
    """In the place of a transform: answers MISS to arguments of another specialization."""

    def missed(self, given: tuple[Any, ...], rest: tuple[Any, ...], kwargs: dict[str, Any], out: Any = None) -> Any:
        return MISS


DECLINES = _Declines()


@dataclass
class _Text:
    """A function being written: the objects it names and the guards on its arguments."""

    names: dict[str, Any] = field(default_factory=dict)
    guards: list[str] = field(default_factory=list)

    def name(self, prefix: str, value: Any) -> str:
        for name, known in self.names.items():
            if known is value and name.startswith(prefix):
                return name
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name

    @property
    def refusal(self) -> list[str]:
        """The line that gives up where a guard does not hold."""
        return [f"if not ({' and '.join(self.guards)}): break"] if self.guards else []


def _guard_leaf(text: _Text, leaf: Leaf, at: str) -> None:
    if isinstance(leaf.type, Scalar):
        kind = WEAK[leaf.type.dtype] if leaf.weak else DTYPES[leaf.type.dtype].type
        text.guards.append(f"type({at}) is {text.name('t', kind)}")
        return
    # carray: C-contiguous and behaved; behaved: aligned and writeable.
    flags = f"{at}.flags.carray"
    if leaf.type.strided:
        flags = f"(flags := {at}.flags).behaved and not flags.c_contiguous"
    _guard_dtype(text, leaf.type, at)
    text.guards.append(f"{at}.ndim == {leaf.type.rank} and {flags}")


def _guard_dtype(text: _Text, t: Array, at: str) -> None:
    """Guards that `at` is an array of this dtype, in the machine's byte order."""
    dtype, array = text.name("d", DTYPES[t.dtype]), text.name("t", np.ndarray)
    same = f"({at}.dtype is {dtype} or {at}.dtype == {dtype})"
    text.guards.append(f"type({at}) is {array} and {same}")


def _guard_structure(text: _Text, spec: Tuple | Dict | Record | Static, at: str) -> None:
    """Guards that `at` has this outermost structure."""
    if isinstance(spec, Static):
        plain_value = isinstance(spec.value, str | np.dtype)
        value = text.name("s", spec.value)
        text.guards.append(f"type({at}) is type({value}) and {at} == {value}" if plain_value else f"{at} is {value}")
    elif isinstance(spec, Dict):
        text.guards.append(f"type({at}) is dict and tuple({at}) == {spec.keys!r}")
    elif isinstance(spec, Record):
        text.guards.append(f"type({at}) is {text.name('t', spec.cls)}")
    else:
        cls = text.name("t", spec.cls or tuple)
        text.guards.append(f"type({at}) is {cls} and len({at}) == {len(spec.items)}")


def _children(spec: Spec, at: str) -> Iterator[tuple[str, Spec]]:
    """The expression and spec of every part of `at`."""
    if isinstance(spec, Dict):
        yield from ((f"{at}[{key!r}]", item) for key, item in zip(spec.keys, spec.items, strict=True))
    elif isinstance(spec, Record):
        yield from ((f"{at}.{f.name}", item) for f, item in zip(fields(spec.cls), spec.items, strict=True))
    elif isinstance(spec, Tuple):
        yield from ((f"{at}[{k}]", item) for k, item in enumerate(spec.items))


def paths(spec: Spec, at: str) -> Iterator[tuple[str, Leaf]]:
    """The expression and type of every leaf below `at`."""
    if isinstance(spec, Leaf):
        yield at, spec
    for inner, item in _children(spec, at):
        yield from paths(item, inner)


def _result(text: _Text, spec: Spec, parts: Iterator[str]) -> str:
    """The expression that puts a result together from the kernel's flat returns."""
    if isinstance(spec, Leaf):
        return _result_leaf(text, spec, next(parts))
    if isinstance(spec, Static):
        return text.name("s", spec.value)
    items = [_result(text, item, parts) for item in spec.items]
    if isinstance(spec, Dict):
        return "{" + ", ".join(f"{k!r}: {item}" for k, item in zip(spec.keys, items, strict=True)) + "}"
    if isinstance(spec, Record):
        return f"{text.name('f', record)}({', '.join([text.name('t', spec.cls), *items])})"
    inside = f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    return inside if spec.cls is None else f"{text.name('f', tuple.__new__)}({text.name('t', spec.cls)}, {inside})"


def _result_leaf(text: _Text, leaf: Leaf, part: str) -> str:
    """Numba returns arrays, and scalars as Python numbers."""
    if isinstance(leaf.type, Array):
        dtype = DTYPES[leaf.type.dtype]
        return part if leaf.type.rank else f"{text.name('f', np.asarray)}({part}, {text.name('d', dtype)})"
    if leaf.type.dtype == "f64" or (leaf.weak and leaf.type.dtype in WEAK):
        return part
    if leaf.type.dtype == "b1":
        return f"bool({part})"
    return f"{text.name('t', DTYPES[leaf.type.dtype].type)}({part})"


def _argument(at: str, leaf: Leaf, target: Leaf) -> str:
    """A leaf as the kernel takes it: ints that are differentiated become floats."""
    if leaf.type != target.type and isinstance(target.type, Scalar) and target.type.dtype == "f64":
        return f"float({at})"
    return at


def _captured(text: _Text, inner: _Text, low: Lowered, flat: list[str], loc: Loc | None) -> list[str]:
    """Lines that read the captured values; arrays among them become arguments, the others are guarded."""
    lines = []
    for k, capture in enumerate(low.captures):
        lines.append(f"    h{k} = {text.name('c', capture.read)}()")
        if isinstance(capture.spec, Leaf):
            odd = f"type(h{k}) is {text.name('t', np.ndarray)} and not h{k}.flags.behaved"
            fitted = f"h{k} = {text.name('f', plain)}(h{k})"
            if low.function.params[len(flat)] in low.function.mut:
                message = f"{capture.name} is written to, but it is read-only or not aligned"
                error = partial(TypeMismatch, message, loc, "an array that can be written to")
                fitted = f"raise {text.name('e', error)}()"
            lines.append(f"    if {odd}: {fitted}")
            _guard_leaf(inner, capture.spec, f"h{k}")
            flat.append(f"h{k}")
        else:
            assert isinstance(capture.spec, Static)
            inner.guards.append(f"{text.name('v', _same(capture.spec))}(h{k})")
    return ["try:", *lines, "except (KeyError, ValueError, AttributeError): break"] if lines else []


def _function(text: _Text, count: int, lines: Sequence[str], out: bool = False) -> Call:
    """The function of `count` arguments that runs these lines, which return a result or break.

    It is a method, so that a transform that has it is called without a detour: what it does not take as it stands
    goes to `missed` of its first argument.
    """
    names = [f"a{k}" for k in range(count)]
    given = "".join(f"{name}=NONE, " for name in names)
    head = f"def call(self, {given}/, *rest, {'out=None, ' if out else ''}**kwargs):"
    missed = f"    return self.missed(({''.join(f'{name}, ' for name in names)}), rest, kwargs{', out' if out else ''})"
    inside = [f"        {line}" for line in lines]
    scope = dict(text.names)
    exec(compile("\n".join([head, "    while not kwargs and not rest:", *inside, missed]), PLACE, "exec"), scope)
    call: Call = scope["call"]
    return call


def _taken(
    text: _Text, given: Sequence[Spec], low: Lowered, loc: Loc | None, extents: Mapping[Axis, Dim], exact: bool
) -> tuple[list[str], list[str]]:
    """(lines that take arguments apart and compare what they are, the kernel's arguments)."""
    inner, flat, lines = _Text(text.names), list[str](), list[str]()
    for k, (spec, (_, target)) in enumerate(zip(given, low.signature, strict=True)):
        rows = zip(_unpacked(text, lines, spec, f"a{k}"), paths(target, ""), strict=True)
        for (at, leaf), (_, want) in rows:
            if exact or not isinstance(leaf.type, Array):
                _guard_leaf(inner, leaf, at)
            flat.append(_argument(at, leaf, want))
    lines += _captured(text, inner, low, flat, loc)
    inner.guards += extents_as(extents, flat) if exact else []
    return lines + inner.refusal, flat


def _run(flat: Sequence[str], outcome: str) -> list[str]:
    """Lines that call the kernel; its errors become ours."""
    return [
        f"try: {outcome} = kernel({', '.join(flat)})",
        "except (ValueError, OverflowError) as error: raise translated(error, low) from None",
    ]


def _scope(low: Lowered, kernel: Callable[..., Any]) -> dict[str, Any]:
    return {"kernel": kernel, "translated": translated, "low": low, "NONE": NONE}


def wrapper(
    given: Sequence[Spec],
    low: Lowered,
    kernel: Callable[..., Any],
    name: str,
    loc: Loc | None,
    extents: Mapping[Axis, Dim],
) -> Call:
    """A method of the arguments: the result, or what `missed` gives where one is not of the given specs and extents.

    `kernel` is machine code that takes what it is given: all that it relies on is compared here, for Numba knows
    types of arrays as fast but not that one is unaligned. `low` is the program that it was compiled from; `name` and
    `loc` are for errors.
    """
    text = _Text(_scope(low, kernel))
    lines, flat = _taken(text, given, low, loc, extents, exact=True)
    lines += _overlaps(text, flat, low, name, loc)
    count = len(low.function.returns)
    names = ["r"] if count == 1 else [f"r{k}" for k in range(count)]
    parts = iter(names)
    expression = _result(text, low.result, parts)
    changes = [f"{place} = {_result(text, spec, parts)}" for place, spec in low.changes]
    lines += [*_run(flat, ", ".join(names) or "r"), *changes, f"return {expression}"]
    return _function(text, len(given), lines)


# Gradients into buffers.
def buffered(
    given: Sequence[Spec],
    low: Lowered,
    kernel: Callable[..., Any],
    place: int | None,
    pairs: Sequence[tuple[int, int]],
    name: str,
    loc: Loc | None,
    extents: Mapping[Axis, Dim],
    exact: bool,
) -> Call:
    """As `wrapper`, a method that also takes `out`: buffers of the gradient's structure, or None for new ones.

    The gradient is item `place` of the result, or, where that is None, all of it. `kernel` takes a buffer for each of
    `pairs`, (its return, the param that has its shape), and returns the others; what it refuses is a miss too. It
    compares arrays itself, faster than Python does, but extents only after that, slowly where they differ; `exact`
    is for those that are one specialization of several.
    """
    text = _Text(_scope(low, kernel))
    lines, flat = _taken(text, given, low, loc, extents, exact and bool(extents))
    lines += _overlaps(text, flat, low, name, loc)
    buffers = {k: f"b{k}" for k, _ in pairs}
    lines += ["if out is None:", *_fresh(text, low, pairs, flat), "else:"]
    gradient = low.result if place is None else low.result.items[place]  # type: ignore[union-attr]
    lines += _given(text, gradient, iter(buffers.values()))
    rest = [f"r{k}" for k in range(len(low.function.returns)) if k not in buffers]
    parts = iter(buffers.get(k, f"r{k}") for k in range(len(low.function.returns)))
    lines += _run([*flat, *buffers.values()], ", ".join(rest) or "r")
    lines += ["except BufferError: break"]
    lines += _returned(text, low.result, place, parts)
    return _function(text, len(given), lines, out=True)


def _returned(text: _Text, result: Spec, place: int | None, parts: Iterator[str]) -> list[str]:
    """Lines that return the result; given buffers that are all arrays are returned as they came."""
    items = (result,) if place is None else result.items  # type: ignore[union-attr]
    texts = [_result(text, item, parts) for item in items]
    at = place or 0

    def line(gradient: str) -> str:
        row = [*texts[:at], gradient, *texts[at + 1 :]]
        return f"return {row[0]}" if place is None else f"return ({', '.join(row)})"

    whole = all(isinstance(leaf.type, Array) for _, leaf in paths(items[at], ""))
    return [*([f"if out is not None: {line('out')}"] if whole else []), line(texts[at])]


def _unpacked(text: _Text, lines: list[str], spec: Spec, at: str) -> list[tuple[str, Leaf]]:
    """Lines that take a structure apart, whose parts get names; its leaves."""
    if isinstance(spec, Leaf):
        return [(at, spec)]
    own = _Text(text.names)
    _guard_structure(own, spec, at)
    lines += own.refusal
    if isinstance(spec, Static):
        return []
    parts = [f"{at}_{k}" for k in range(len(spec.items))]
    if isinstance(spec, Record):
        lines += [f"{part} = {inner}" for part, (inner, _) in zip(parts, _children(spec, at), strict=True)]
    elif parts:
        lines.append(f"{', '.join(parts)}, = {at}{'.values()' if isinstance(spec, Dict) else ''}")
    rows = zip(parts, spec.items, strict=True)
    return [leaf for part, item in rows for leaf in _unpacked(text, lines, item, part)]


def _fresh(text: _Text, low: Lowered, pairs: Sequence[tuple[int, int]], flat: Sequence[str]) -> list[str]:
    """Lines that make new buffers of the shapes that arguments have; what is no array has none."""
    array, like = text.name("t", np.ndarray), dict.fromkeys(flat[p] for _, p in pairs)
    lines = [f"    if not ({' and '.join(f'type({at}) is {array}' for at in like)}): break"]
    for k, p in pairs:
        t = low.function.returns[k].type
        assert isinstance(t, Array)
        dtype = "" if t.dtype == "f64" else f", {text.name('d', DTYPES[t.dtype])}"
        lines.append(f"    b{k} = {text.name('f', np.empty)}({flat[p]}.shape{dtype})")
    return lines


def _given(text: _Text, gradient: Spec, names: Iterator[str]) -> list[str]:
    """Lines that take given buffers apart. A number has none: there None or a number stands for it."""
    lines: list[str] = []
    own = _Text(text.names)
    for at, leaf in _unpacked(text, lines, gradient, "out"):
        if isinstance(leaf.type, Array):
            lines.append(f"{next(names)} = {at}")
        else:
            own.guards.append(f"({at} is None or type({at}) is float)")
    return [f"    {line}" for line in lines + own.refusal]


def _overlaps(text: _Text, flat: Sequence[str], low: Lowered, name: str, loc: Loc | None) -> list[str]:
    """Lines that refuse arrays that share memory with one that is written to."""
    params = low.function.params
    others = [k for k, p in enumerate(params) if isinstance(p.type, Array) and k not in low.seeds]
    pairs = sorted({(min(k, j), max(k, j)) for k in low.written for j in others if j != k})

    def refuse() -> Exception:
        return TypeMismatch(
            f"{name}: two arrays share memory and one of them is written to", loc, "pass a copy of one of them"
        )

    check, error = text.name("f", overlap), text.name("e", refuse)
    return [f"if {check}({flat[k]}, {flat[j]}): raise {error}()" for k, j in pairs]


def _same(spec: Static) -> Callable[[Any], bool]:
    """Has a captured value still the value that was compiled in?"""
    return lambda value: same_static(value, spec.value)


def translated(error: Exception, low: Lowered) -> Exception:
    """The public class of an error that compiled code, or the call of it, raised."""
    text = str(error)
    if text.startswith(PREFIX):
        message, _, place = text.removeprefix(PREFIX).rpartition(" (")
        known = (op.loc for op in walk(low.function.body) if op.loc is not None)
        loc = next((loc for loc in known if loc.short == place.rstrip(")")), None)
        return ShapeMismatch(message, loc) if loc is not None else ShapeMismatch(text.removeprefix(PREFIX))
    if isinstance(error, OverflowError) and "int too" in text:
        return TypeMismatch("an integer does not fit 64 bits", hint="a float")
    return error
