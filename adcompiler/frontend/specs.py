"""Specs of example arguments, of type texts (`--args`), of annotations, and of values inside a program."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
from collections.abc import Callable
from typing import Any, ForwardRef

import numpy as np

from adcompiler.errors import TypeMismatch
from adcompiler.frontend import spec as s
from adcompiler.frontend.source import unwrap
from adcompiler.frontend.spec import Spec
from adcompiler.ir.types import DTYPES, NAMES, Array, Scalar, b1, f64, i64

INSTEAD: dict[type, str] = {
    list: "a tuple, or np.array of it",
    set: "a tuple or an array",
    complex: "real and imaginary parts as two arguments",
    bytes: "an array",
}


def spec_of(value: Any, name: str = "argument") -> Spec:
    """The spec of an example argument; TypeMismatch where it can't be one."""
    if isinstance(value, np.ndarray):
        return s.Leaf(array_type(value, name))
    if isinstance(value, np.generic):
        return s.Leaf(Scalar(_dtype(value.dtype, name)))
    if isinstance(value, bool | int | float):
        return s.Leaf(b1 if isinstance(value, bool) else i64 if isinstance(value, int) else f64, weak=True)
    if value is None or isinstance(value, str | type | types.ModuleType | np.dtype | enum.Enum):
        return s.Static(value)
    if isinstance(value, tuple):
        keys = getattr(value, "_fields", None) or range(len(value))
        items = tuple(spec_of(v, f"{name}[{k!r}]") for k, v in zip(keys, value, strict=True))
        return s.Tuple(items, type(value) if hasattr(value, "_fields") else None)
    if isinstance(value, dict):
        return _dict(value, name)
    if dataclasses.is_dataclass(value):
        fields = [f.name for f in dataclasses.fields(value)]
        return s.Record(type(value), tuple(spec_of(getattr(value, f), f"{name}.{f}") for f in fields))
    if callable(value) or hasattr(value, "__ad_lower__"):
        return s.Static(value)
    if hasattr(value, "__array_interface__"):
        return spec_of(np.asarray(value), name)
    raise TypeMismatch(f"{name}: values of type {type(value).__name__} are not supported", hint=_instead(value))


def _instead(value: Any) -> str:
    for kind, hint in INSTEAD.items():
        if isinstance(value, kind):
            return hint
    return "numbers, arrays, tuples, named tuples, dicts with string keys, dataclasses"


def _dict(value: dict[Any, Any], name: str) -> Spec:
    if not all(isinstance(k, str) for k in value):
        raise TypeMismatch(f"{name}: a dict needs string keys", hint="string keys, or a tuple")
    return s.Dict(tuple(value), tuple(spec_of(v, f"{name}[{k!r}]") for k, v in value.items()))


def _dtype(dtype: np.dtype, name: str) -> str:
    if dtype not in NAMES:
        hint = "real and imaginary parts" if dtype.kind == "c" else f"one of {', '.join(map(str, DTYPES.values()))}"
        raise TypeMismatch(f"{name}: arrays of dtype {dtype} are not supported", hint=hint)
    return NAMES[dtype]


def array_type(value: np.ndarray, name: str) -> Array:
    return Array(_dtype(value.dtype, name), (None,) * value.ndim, not value.flags.c_contiguous)


# Type texts: f64  f64[:,:]  (f64, f64[:])  {W: f64[:,:], b: f64[:]}
TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[()\[\]{},:]|'[^']*'|\"[^\"]*\")")
WEAK = {"f64": f64, "i64": i64, "b1": b1, "float": f64, "int": i64, "bool": b1}


class _Types:
    """A reader of type texts."""

    def __init__(self, text: str):
        self.text, self.tokens, position = text, [], 0
        text = text.rstrip()
        while position < len(text):
            match = TOKEN.match(text, position)
            if match is None:
                raise TypeMismatch(f"can't read the types {self.text!r} at {text[position:]!r}", hint="f64[:,:], i64")
            self.tokens.append(match[1])
            position = match.end()

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        if not token or (expected and token not in expected):
            wanted = " or ".join(expected) or "a type"
            raise TypeMismatch(f"can't read the types {self.text!r}: {wanted} expected, not {token or 'the end'}")
        return self.tokens.pop(0)

    def items(self, end: str) -> list[Spec]:
        found = []
        while self.peek() != end:
            found.append(self.one())
            if self.peek() != end:
                self.take(",")
        return found

    def one(self) -> Spec:
        token = self.take()
        if token == "(":
            items = self.items(")")
            self.take(")")
            return s.Tuple(tuple(items))
        if token == "{":
            return self.dict()
        if token == "None":
            return s.Static(None)
        dtype = {"float": "f64", "int": "i64", "bool": "b1"}.get(token, token)
        if dtype not in DTYPES:
            raise TypeMismatch(f"unknown type {token!r} in {self.text!r}", hint=f"one of {', '.join(DTYPES)}")
        if self.peek() == "[":
            return s.Leaf(Array(dtype, self.dims()))
        return s.Leaf(Scalar(dtype), weak=token in WEAK)

    def dims(self) -> tuple[None, ...]:
        self.take("[")
        count = 0
        while self.peek() != "]":
            self.take(":")
            count += 1
            if self.peek() != "]":
                self.take(",")
        self.take("]")
        return (None,) * count

    def dict(self) -> Spec:
        keys, items = [], []
        while self.peek() != "}":
            keys.append(self.take().strip("'\""))
            self.take(":")
            items.append(self.one())
            if self.peek() != "}":
                self.take(",")
        self.take("}")
        return s.Dict(tuple(keys), tuple(items))


def parse_specs(text: str) -> list[Spec]:
    """The specs of `--args`: f64, i64 and b1 scalars count as Python numbers."""
    return _Types(text).items("")


def specs_from_annotations(fn: Callable[..., Any]) -> tuple[Spec, ...] | None:
    """The specs that the annotations of `fn` give, None where some lack."""
    function = unwrap(fn)
    found = []
    for p in inspect.signature(function).parameters.values():
        spec = _annotated(p.annotation, getattr(function, "__globals__", {}))
        if spec is None and p.annotation is p.empty and p.default is not p.empty:
            spec = spec_of(p.default, p.name)
        if spec is None:
            return None
        found.append(spec)
    return tuple(found)


def _annotated(annotation: Any, names: dict[str, Any]) -> Spec | None:
    if annotation is inspect.Parameter.empty:
        return None
    if isinstance(annotation, ForwardRef):  # as typing.NamedTuple keeps a string
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        # `from __future__ import annotations` quotes what was quoted already.
        text = annotation.strip("'\"")
        if isinstance(names.get(text), type):
            return _annotated(names[text], names)
        try:
            (spec,) = parse_specs(text)
        except (TypeMismatch, ValueError):
            return None
        return spec
    if annotation in (float, int, bool):
        return s.Leaf(WEAK[annotation.__name__], weak=True)
    if isinstance(annotation, type) and issubclass(annotation, np.generic):
        return s.Leaf(Scalar(NAMES[np.dtype(annotation)])) if np.dtype(annotation) in NAMES else None
    return _annotated_structure(annotation, names)


def _annotated_structure(cls: Any, names: dict[str, Any]) -> Spec | None:
    """A named tuple or dataclass whose fields are annotated."""
    if not isinstance(cls, type):
        return None
    hints = inspect.get_annotations(cls)
    fields = getattr(cls, "_fields", None) or [f.name for f in getattr(cls, "__dataclass_fields__", {}).values()]
    found = [_annotated(hints.get(f, inspect.Parameter.empty), names) for f in fields]
    items = [i for i in found if i is not None]
    if not items or len(items) < len(found):
        return None
    return s.Tuple(tuple(items), cls) if issubclass(cls, tuple) else s.Record(cls, tuple(items))
