"""Looking up names: locals, enclosing functions, closure cells, globals, builtins."""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.frontend import spec as s
from adcompiler.frontend.context import Context, Frame, Unreachable, unbound_message
from adcompiler.frontend.convert import Capture, Outer, from_spec, from_static, leaf_names
from adcompiler.frontend.places import Cell, Global, Part, Place, Structure, flatten
from adcompiler.frontend.specs import spec_of
from adcompiler.frontend.values import (
    NONE,
    Map,
    Maybe,
    Num,
    Rec,
    Val,
    children,
    expose,
    label,
    operands,
    rebuild,
    with_children,
)
from adcompiler.ir.build import boolean
from adcompiler.ir.core import Const, Operand, Value
from adcompiler.ir.types import Array, Scalar

__all__ = ["boxed", "captured", "flatten", "hidden_array", "hidden_operand", "lookup", "trusted"]
TRUSTED = ("numpy", "math", "scipy", "builtins", "adcompiler", "numba", "functools", "operator", "dataclasses")


def lookup(cx: Context, name: str) -> Val:
    """The value of a name where it is read."""
    frame = cx.frame
    assert frame is not None
    if name in frame.env:
        return cx.sure(name, frame.env[name])
    if name in frame.locals:
        raise _unbound(cx, name)
    outer = frame.outer
    while outer is not None:
        if name in outer.env:
            return _from_frame(cx, outer, name)
        if name in outer.locals:
            raise _unbound(cx, name)
        frame, outer = outer, outer.outer
    assert frame.function is not None
    if name in frame.cells:
        return captured(cx, name, Cell(frame.function, name), (id(frame.cells[name]), name))
    if name in frame.globals:
        return captured(cx, name, Global(frame.function, name), (id(frame.globals), name))
    if hasattr(builtins, name):
        return from_static(getattr(builtins, name))
    raise cx.error(f"name '{name}' is not defined", "define it, or pass it as an argument")


def _unbound(cx: Context, name: str) -> Unreachable:
    """Reading a name that is certainly unbound raises when the program gets here."""
    cx.unbound = cx.unbound or cx.error(f"name '{name}' is read before it has a value")
    cx.raise_if(boolean(True), "UnboundLocalError", unbound_message(name))
    return Unreachable()


def _from_frame(cx: Context, frame: Frame, name: str) -> Val:
    """A variable of an enclosing function, as it is now."""
    value = frame.env[name]
    if frame.context is cx:
        if isinstance(value, Maybe):
            unbound = cx.op("not", value.flag, hint=f"{name}_unbound")
            cx.raise_if(unbound, "NameError", f"cannot access free variable '{name}' where it is not associated "
                        "with a value in enclosing scope")  # fmt: skip
            return value.value
        return value
    return _from_program(cx, frame, name, value.value if isinstance(value, Maybe) else value)


def _from_program(cx: Context, frame: Frame, name: str, value: Val) -> Val:
    """A value of the program around a transform: its leaves become hidden arguments."""
    value = expose(value, frame.context.heap)
    fresh = [
        hidden_operand(cx, frame.context, op, text)
        for op, text in zip(operands(value), label(value, name), strict=True)
    ]
    return boxed(cx, rebuild(value, iter(fresh)), "it belongs to the enclosing function")


def hidden_operand(cx: Context, program: Context, op: Operand, name: str) -> Operand:
    """A value of a program around this one: a hidden argument, the same wherever it is read."""
    if isinstance(op, Const):
        return op
    if op not in cx.captures:
        param = Value(name, op.type)
        assert isinstance(op.type, Scalar | Array)
        cx.captures[op] = ([Capture(name, Outer(op, program), s.Leaf(op.type))], param)
        cx.hidden.append(param)
    return cx.captures[op][1]


def hidden_array(cx: Context, capture: Capture) -> Operand:
    """The hidden argument that stands for a captured array, the same wherever the array is read."""
    if capture.key not in cx.arrays:
        assert isinstance(capture.spec, s.Leaf)
        cx.arrays[capture.key] = Value(capture.name, capture.spec.type)
        cx.hidden.append(cx.arrays[capture.key])
    return cx.arrays[capture.key]


def boxed(cx: Context, value: Val, frozen: str = "") -> Val:
    """`value` with its dicts and dataclasses given identities of their own."""
    parts = children(value)
    if parts:
        value = with_children(value, tuple([boxed(cx, p, frozen) for p in parts]))
    return cx.box(value, frozen) if isinstance(value, Map | Rec) else value


def captured(cx: Context, name: str, place: Place, key: Any) -> Val:
    """A global or closure value: part of the specialization key, or, if an array, a hidden argument."""
    read = place.reader()
    try:
        value = read()
    except ValueError:
        raise cx.error(f"name '{name}' has no value yet") from None
    cx.reads.setdefault(key, (place, value))
    if isinstance(value, list | dict | set | bytearray):
        kind = type(value).__name__
        raise cx.error(f"'{name}' is a {kind} outside of the function: it may change at any time",
                       "a tuple, a dataclass or an array, or pass it as an argument")  # fmt: skip
    if isinstance(value, types.ModuleType | type) or value is None or trusted(value):
        return NONE if value is None else from_static(value)
    if key not in cx.captures:
        cx.captures[key] = _capture(cx, name, place, value, key)
    return cx.captures[key][1]()


def trusted(value: Any) -> bool:
    """Functions of libraries: nobody rebinds them."""
    if not callable(value) or hasattr(value, "__ad_lower__"):
        return False
    module = getattr(value, "__module__", None) or ""
    return isinstance(value, np.ufunc | types.BuiltinFunctionType) or module.split(".")[0] in TRUSTED


def _capture(cx: Context, name: str, place: Place, value: Any, key: Any) -> tuple[Any, Callable[[], Val]]:
    """The captures of one name, and how its value is made."""
    spec = spec_of(value, name)
    leaves = list(s.leaves(spec))
    if isinstance(spec, s.Static) or not leaves or isinstance(value, str):
        return [Capture.at(name, place, s.Static(value), key)], lambda: from_static(value)
    captures: list[Capture] = []
    if not isinstance(spec, s.Leaf):
        captures.append(Capture.at(name, Structure(place, name), s.Static(spec), (key, "form")))
    ops: list[Operand] = []
    for k, (leaf, text) in enumerate(zip(leaves, leaf_names(spec, name), strict=True)):
        pick = place if isinstance(spec, s.Leaf) else Part(place, k)
        now = flatten(value)[k]
        if isinstance(now, np.ndarray):
            capture = Capture.at(text, pick, leaf, (key, k))
            if capture.key not in cx.arrays:
                captures.append(capture)
            ops.append(hidden_array(cx, capture))
        else:
            captures.append(Capture.at(text, pick, s.Static(now), (key, k)))
            literal = from_static(now)
            assert isinstance(literal, Num)
            ops.append(literal.op)
    return captures, lambda: from_spec(cx, spec, iter(ops), "it is outside of the function")
