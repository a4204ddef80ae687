"""The Python side of a call: generated code that checks arguments, takes structures apart and puts results together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from adcompiler.driver import same_static
from adcompiler.errors import ShapeMismatch, TypeMismatch
from adcompiler.frontend import Capture
from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple
from adcompiler.ir.types import DTYPES, Array, Scalar

PREFIX = "ShapeMismatch: "
MISS = object()  # a wrapper's answer to arguments of another specialization


@dataclass
class _Text:
    """A function being written: statements, guards and the objects they name."""

    names: dict[str, Any] = field(default_factory=dict)
    guards: list[str] = field(default_factory=list)

    def name(self, prefix: str, value: Any) -> str:
        for name, known in self.names.items():
            if known is value and name.startswith(prefix):
                return name
        name = f"{prefix}{len(self.names)}"
        self.names[name] = value
        return name


WEAK: dict[str, type] = {"f64": float, "i64": int, "b1": bool}


def _guard_leaf(text: _Text, leaf: Leaf, at: str) -> None:
    if isinstance(leaf.type, Scalar):
        kind = WEAK[leaf.type.dtype] if leaf.weak else DTYPES[leaf.type.dtype].type
        text.guards.append(f"type({at}) is {text.name('t', kind)}")
        return
    dtype = text.name("d", DTYPES[leaf.type.dtype])
    flags = "" if leaf.type.strided else " and flags.c_contiguous"
    if leaf.type.strided:
        flags = " and not flags.c_contiguous"
    array = text.name("t", np.ndarray)
    text.guards.append(
        f"type({at}) is {array} and {at}.dtype == {dtype} and {at}.ndim == {leaf.type.rank}"
        f" and (flags := {at}.flags).writeable{flags}"
    )


def _guard(text: _Text, spec: Spec, at: str) -> None:
    """Guards that `at` has this spec."""
    if isinstance(spec, Leaf):
        _guard_leaf(text, spec, at)
    elif isinstance(spec, Static):
        text.guards.append(f"{at} is {text.name('s', spec.value)}")
    elif isinstance(spec, Dict):
        text.guards.append(f"type({at}) is dict and tuple({at}) == {spec.keys!r}")
        for key, item in zip(spec.keys, spec.items, strict=True):
            _guard(text, item, f"{at}[{key!r}]")
    elif isinstance(spec, Record):
        text.guards.append(f"type({at}) is {text.name('t', spec.cls)}")
        for f, item in zip(fields(spec.cls), spec.items, strict=True):
            _guard(text, item, f"{at}.{f.name}")
    else:
        cls = text.name("t", spec.cls or tuple)
        text.guards.append(f"type({at}) is {cls} and len({at}) == {len(spec.items)}")
        for k, item in enumerate(spec.items):
            _guard(text, item, f"{at}[{k}]")


def _leaves(spec: Spec, at: str) -> Iterator[tuple[str, Leaf]]:
    """The expression and type of every leaf below `at`."""
    if isinstance(spec, Leaf):
        yield at, spec
    elif isinstance(spec, Dict):
        for key, item in zip(spec.keys, spec.items, strict=True):
            yield from _leaves(item, f"{at}[{key!r}]")
    elif isinstance(spec, Record):
        for f, item in zip(fields(spec.cls), spec.items, strict=True):
            yield from _leaves(item, f"{at}.{f.name}")
    elif not isinstance(spec, Static):
        for k, item in enumerate(spec.items):
            yield from _leaves(item, f"{at}[{k}]")


def _result(text: _Text, spec: Spec, parts: Iterator[str]) -> str:
    """The expression that puts a result together from the kernel's flat returns."""
    if isinstance(spec, Leaf):
        part = next(parts)
        if isinstance(spec.type, Array):
            return part if spec.type.rank else f"{text.name('f', np.asarray)}({part})"
        if spec.type.dtype == "f64" or (spec.weak and spec.type.dtype in WEAK):
            return part
        if spec.type.dtype == "b1":
            return f"bool({part})"
        return f"{text.name('t', DTYPES[spec.type.dtype].type)}({part})"
    if isinstance(spec, Static):
        return text.name("s", spec.value)
    if isinstance(spec, Dict):
        rows = (f"{k!r}: {_result(text, item, parts)}" for k, item in zip(spec.keys, spec.items, strict=True))
        return "{" + ", ".join(rows) + "}"
    items = [_result(text, item, parts) for item in spec.items]
    if isinstance(spec, Record):
        names = [f.name for f in fields(spec.cls)]
        pairs = ", ".join(f"{n}={item}" for n, item in zip(names, items, strict=True))
        return f"{text.name('t', spec.cls)}({pairs})"
    if spec.cls is not None:
        return f"{text.name('t', spec.cls)}({', '.join(items)})"
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _argument(text: _Text, at: str, leaf: Leaf, target: Leaf) -> str:
    """A leaf as the kernel takes it: ints that are differentiated become floats."""
    if leaf.type != target.type and isinstance(target.type, Scalar) and target.type.dtype == "f64":
        return f"float({at})"
    return at


def wrapper(
    given: Sequence[Spec],
    taken: Sequence[Spec],
    result: Spec,
    count: int,
    captures: Sequence[Capture],
    kernel: Callable[..., Any],
) -> Callable[[tuple[Any, ...]], Any]:
    """A function of the argument tuple: the result, or MISS where an argument is not of the given specs.

    `taken` are the specs that the kernel was built for, `count` the number of its returns.
    """
    text = _Text()
    text.names.update(kernel=kernel, MISS=MISS, translated=translated)
    text.guards.append(f"len(args) == {len(given)}")
    body = []
    flat: list[str] = []
    inner = _Text(text.names)
    for k, (spec, target) in enumerate(zip(given, taken, strict=True)):
        body.append(f"a{k}")
        _guard(inner, spec, f"a{k}")
        pairs = zip(_leaves(spec, f"a{k}"), _leaves(target, f"a{k}"), strict=True)
        flat += [_argument(text, at, leaf, want) for (at, leaf), (_, want) in pairs]
    lines = ["def call(args):", f"    if len(args) != {len(given)}: return MISS"]
    if body:
        lines.append(f"    {', '.join(body)}, = args")
    for k, capture in enumerate(captures):
        reader = text.name("c", capture.read)
        lines.append(f"    h{k} = {reader}()")
        if isinstance(capture.spec, Leaf):
            _guard_leaf(inner, capture.spec, f"h{k}")
            flat.append(f"h{k}")
        else:
            assert isinstance(capture.spec, Static)
            check = text.name("v", _same(capture.spec))
            inner.guards.append(f"{check}(h{k})")
    lines += [f"    if not ({guard}): return MISS" for guard in inner.guards]
    call = f"kernel({', '.join(flat)})"
    parts = iter(["r"] if count == 1 else [f"r[{k}]" for k in range(count)])
    expression = _result(text, result, parts)
    lines += [f"    try: r = {call}", "    except ValueError as error: raise translated(error) from None"]
    lines.append(f"    return {expression}")
    scope = dict(text.names)
    exec(compile("\n".join(lines), "<adcompiler wrapper>", "exec"), scope)
    return scope["call"]


def _same(spec: Static) -> Callable[[Any], bool]:
    """Has a captured value still the value that was compiled in?"""
    return lambda value: same_static(value, spec.value)


def translated(error: ValueError) -> Exception:
    """The public class of an error that compiled code raised."""
    text = str(error)
    return ShapeMismatch(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else error


def prepared(value: Any, spec: Spec) -> Any:
    """The argument as kernels want it: read-only arrays are copied, everything else is passed on."""
    if all(getattr(leaf, "flags", None) is None or leaf.flags.writeable for leaf in arrays(value, spec)):
        return value
    parts = (np.array(x, order="C") if isinstance(x, np.ndarray) and not x.flags.writeable else x
             for x in arrays(value, spec))  # fmt: skip
    return rebuilt(spec, parts)


def arrays(value: Any, spec: Spec) -> Iterator[Any]:
    """The leaves of a value, in the order of the kernel's parameters."""
    if isinstance(spec, Leaf):
        yield value
    elif isinstance(spec, Dict):
        for k, item in zip(spec.keys, spec.items, strict=True):
            yield from arrays(value[k], item)
    elif isinstance(spec, Record):
        for f, item in zip(fields(spec.cls), spec.items, strict=True):
            yield from arrays(getattr(value, f.name), item)
    elif isinstance(spec, Tuple):
        for v, item in zip(value, spec.items, strict=True):
            yield from arrays(v, item)


def rebuilt(spec: Spec, parts: Iterator[Any]) -> Any:
    """A value of the given structure from its leaves."""
    if isinstance(spec, Leaf):
        return next(parts)
    if isinstance(spec, Static):
        return spec.value
    items = [rebuilt(item, parts) for item in spec.items]
    if isinstance(spec, Dict):
        return dict(zip(spec.keys, items, strict=True))
    if isinstance(spec, Record):
        return spec.cls(**{f.name: v for f, v in zip(fields(spec.cls), items, strict=True)})
    return spec.cls(*items) if spec.cls is not None else tuple(items)


def overlap(a: Any, b: Any) -> bool:
    """Do two arrays share an element?"""
    return np.may_share_memory(a, b) and np.shares_memory(a, b)


def write_out(out: Any, result: Any, name: str = "out") -> Any:
    """Copy a gradient into the buffers given as `out=`; what is not an array is passed through."""
    if out is None:
        return result
    if isinstance(out, np.ndarray):
        if np.shape(result) != out.shape:
            raise ShapeMismatch(f"{name} has shape {out.shape}, the gradient {np.shape(result)}")
        if out.dtype != np.asarray(result).dtype:
            raise TypeMismatch(f"{name} has dtype {out.dtype}, the gradient {np.asarray(result).dtype}")
        np.copyto(out, result)
        return out
    if isinstance(out, dict) and isinstance(result, dict):
        return {k: write_out(out.get(k), v, f"{name}[{k!r}]") for k, v in result.items()}
    if isinstance(out, tuple | list) and isinstance(result, tuple) and len(out) == len(result):
        items = [write_out(o, v, f"{name}[{k}]") for k, (o, v) in enumerate(zip(out, result, strict=True))]
        return type(result)(*items) if hasattr(result, "_fields") else tuple(items)
    raise TypeMismatch(f"{name} does not have the structure of the gradient")
