"""Between specs, Python values and the values of a program being lowered."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adcompiler.errors import TypeMismatch
from adcompiler.frontend import spec as s
from adcompiler.frontend.context import Context
from adcompiler.frontend.places import Place
from adcompiler.frontend.spec import Spec
from adcompiler.frontend.values import Arr, Closure, Map, Num, Obj, Partial, Rec, Seq, Val, array_at, describe, number
from adcompiler.ir.build import const
from adcompiler.ir.core import Operand
from adcompiler.ir.types import NAMES, Scalar


@dataclass(frozen=True)
class Capture:
    """A captured (global or closure) value that a specialization depends on."""

    name: str
    read: Callable[[], Any]
    spec: Spec
    place: Place | None = None  # None: only this process can find it
    key: Any = field(default_factory=object, compare=False)  # equal where the same variable is read

    @classmethod
    def at(cls, name: str, place: Place, spec: Spec, key: Any = None) -> Capture:
        return cls(name, place.reader(), spec, place, object() if key is None else key)


@dataclass(frozen=True)
class Outer:
    """Stands for `read` of a capture that is a value of the enclosing program."""

    operand: Operand
    program: Any = field(compare=False)  # the context of the program whose value it is

    def __call__(self) -> Any:
        raise TypeMismatch("a value of the enclosing program is known only inside of it")


def field_names(cls: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(cls))


def from_spec(cx: Context, spec: Spec, leaf: Iterator[Operand], frozen: str = "") -> Val:
    """The value with this spec whose run-time leaves are the next operands of `leaf`.

    `frozen`: why its dicts and dataclasses may not be changed.
    """
    if isinstance(spec, s.Leaf):
        op = next(leaf)
        if isinstance(spec.type, Scalar):
            return Num(op, spec.weak)
        # 0-d arrays are scalars inside, read once.
        return array_at(op) if spec.type.rank else Num(cx.op("load", op, hint="x"), weak=False)
    if isinstance(spec, s.Static):
        return from_static(spec.value)
    items = tuple([from_spec(cx, item, leaf, frozen) for item in spec.items])
    if isinstance(spec, s.Tuple):
        return Seq(items, spec.cls)
    if isinstance(spec, s.Dict):
        return cx.box(Map(spec.keys, items), frozen)
    return cx.box(Rec(spec.cls, field_names(spec.cls), items), frozen)


def from_static(value: Any) -> Val:
    """A value known when compiling; numbers become literals."""
    if isinstance(value, Closure | Partial):
        return value
    if isinstance(value, np.generic) and value.dtype in NAMES:
        return Num(const(value.item(), Scalar(NAMES[value.dtype])), weak=False)
    if isinstance(value, bool | int | float):
        return number(value)
    if isinstance(value, tuple):
        return Seq(tuple(map(from_static, value)), type(value) if hasattr(value, "_fields") else None)
    return Obj(value)


def to_spec(cx: Context, v: Val, what: str = "a result") -> Spec:
    """The structure and leaf types of a value."""
    v = cx.content(v)
    if isinstance(v, Num):
        return s.Leaf(Scalar(v.dtype), v.weak)
    if isinstance(v, Arr):
        return s.Leaf(v.type)
    if isinstance(v, Obj):
        return s.Static(v.value)
    if isinstance(v, Closure | Partial):
        return s.Static(v)
    if not isinstance(v, Seq | Map | Rec):
        raise cx.error(f"{what} can't be {describe(v)}")
    items = tuple([to_spec(cx, item, what) for item in v.items])
    if isinstance(v, Seq):
        return s.Tuple(items, v.cls)
    if isinstance(v, Map):
        return s.Dict(v.keys, items)
    return s.Record(v.cls, items)


def leaf_names(spec: Spec, name: str) -> Iterator[str]:
    """A name per run-time leaf of a spec: `p`, `p_W`, `p_0`."""
    if isinstance(spec, s.Leaf):
        yield name
    elif not isinstance(spec, s.Static):
        keys: Any = range(len(spec.items))
        if isinstance(spec, s.Dict):
            keys = spec.keys
        elif isinstance(spec, s.Record):
            keys = field_names(spec.cls)
        elif spec.cls is not None:
            keys = spec.cls._fields
        for key, item in zip(keys, spec.items, strict=True):
            yield from leaf_names(item, f"{name}_{key}")


def to_python(cx: Context, v: Val) -> Any:
    """The Python value of something known when compiling; TypeError where it is not."""
    v = cx.content(v)
    if isinstance(v, Obj):
        return v.value
    if isinstance(v, Closure | Partial):
        return v
    if isinstance(v, Num) and v.known:
        return v.value
    if isinstance(v, Seq):
        return (
            tuple([to_python(cx, i) for i in v.items]) if v.cls is None else v.cls(*(to_python(cx, i) for i in v.items))
        )
    raise TypeError(f"{describe(v)} is not known when compiling")
