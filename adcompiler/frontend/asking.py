"""Questions about values that are answered when compiling: `callable`, `isinstance`."""

from __future__ import annotations

import ast
import functools
import types
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.context import Context
from adcompiler.frontend.values import (
    Arr,
    Bound,
    Closure,
    Map,
    Num,
    Obj,
    Partial,
    Range,
    Rec,
    Seq,
    Val,
    describe,
    number,
)
from adcompiler.ir.types import DTYPES

PYTHON = {"f64": float, "i64": int, "b1": bool}


def is_callable(cx: Context, args: list[Val], kwargs: dict[str, Val], node: ast.Call | None) -> Val:
    value = args[0]
    return number(callable(value.value) if isinstance(value, Obj) else isinstance(value, Closure | Partial | Bound))


def is_instance(cx: Context, args: list[Val], kwargs: dict[str, Val], node: ast.Call | None) -> Val:
    """isinstance of what has one class whenever the program runs. (A 0-d array is a number inside: no array.)"""
    if len(args) != 2 or kwargs:
        raise cx.error("isinstance takes a value and a class, or a tuple of classes")
    if isinstance(args[0], Obj):
        return number(any(isinstance(args[0].value, c) for c in _classes(cx, args[1])))
    cls = _class(cx, args[0])
    return number(any(issubclass(cls, c) for c in _classes(cx, args[1])))


def _classes(cx: Context, value: Val) -> list[type]:
    if isinstance(value, Seq):
        return [c for item in value.items for c in _classes(cx, item)]
    if not isinstance(value, Obj) or not isinstance(value.value, type):
        raise cx.error("isinstance needs a class, or a tuple of classes", "float, tuple, np.ndarray, ...")
    return [value.value]


def _class(cx: Context, value: Val) -> type:
    """The class that Python would see."""
    content = cx.content(value)
    if isinstance(content, Num):
        return PYTHON[content.dtype] if content.weak and content.dtype in PYTHON else DTYPES[content.dtype].type
    known: tuple[tuple[type, Any], ...] = (
        (Arr, np.ndarray), (Map, dict), (Range, range), (Partial, functools.partial), (Closure, types.FunctionType),
        (Bound, types.MethodType),
    )  # fmt: skip
    for kind, cls in known:
        if isinstance(content, kind):
            return cls  # type: ignore[no-any-return]
    if isinstance(content, Seq):
        return content.cls or (list if content.listed else tuple)
    if isinstance(content, Rec):
        return content.cls
    raise cx.error(f"isinstance of {describe(content)} is not built yet", kind=UnsupportedFunction)
