"""Attributes: of modules, arrays, structures and classes."""

from __future__ import annotations

import ast
import types
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.capture import captured
from adcompiler.frontend.context import Context
from adcompiler.frontend.convert import from_static
from adcompiler.frontend.functions import METHODS, size_of
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.places import Attribute
from adcompiler.frontend.values import Arr, Bound, Map, Num, Obj, Rec, Seq, Tape, Val, describe, number
from adcompiler.ir.types import DTYPES

LIBRARIES = ("numpy", "math", "scipy", "numba", "adcompiler", "builtins", "dataclasses", "functools")


def attribute(cx: Context, value: Val, name: str, node: ast.Attribute) -> Val:
    """value.name"""
    content = cx.content(value)
    if isinstance(content, Arr):
        return _of_array(cx, content, name)
    if isinstance(content, Num):
        return _of_number(cx, content, name)
    if isinstance(content, Rec):
        if name in content.keys:
            return content.items[content.keys.index(name)]
        raise cx.error(f"{content.cls.__name__} has no field {name!r}; methods are not supported", "a function")
    if isinstance(content, Seq) and content.cls is not None and name in content.cls._fields:
        return content.items[content.cls._fields.index(name)]
    if isinstance(content, Seq | Map | Tape):
        return Bound(value, name)
    if isinstance(content, Obj):
        return _of_object(cx, content.value, name)
    raise cx.error(f"{describe(content)} has no attribute {name!r}")


def _of_array(cx: Context, a: Arr, name: str) -> Val:
    if name == "shape":
        return Seq(tuple([Num(extent(cx, a, k)) for k in range(a.type.rank)]))
    if name == "size":
        return Num(size_of(cx, a))
    if name == "ndim":
        return number(a.type.rank)
    if name == "T":
        return a if a.type.rank < 2 else Arr(cx.op("transpose", a.op, hint=f"{a.op.name}_T"))
    if name == "dtype":
        return Obj(DTYPES[a.dtype])
    if name == "mT" and a.type.rank > 1:
        return cx.call(cx, Obj(np.swapaxes), [a, number(-2), number(-1)], {})
    if name == "real":
        return a
    if name in METHODS:
        return Bound(a, name)
    if hasattr(np.ndarray, name):
        raise cx.error(f"the array attribute .{name} is not built yet", kind=UnsupportedFunction)
    raise cx.error(f"an array has no attribute {name!r}")


def _of_number(cx: Context, x: Num, name: str) -> Val:
    static: dict[str, Any] = {"shape": (), "ndim": 0, "size": 1, "dtype": DTYPES[x.dtype]}
    if name in static:
        return from_static(static[name])
    if name in METHODS:
        return Bound(x, name)
    raise cx.error(f"a number has no attribute {name!r}", kind=UnsupportedFunction)


def _of_object(cx: Context, value: Any, name: str) -> Val:
    if not hasattr(value, name):
        kind = "module" if isinstance(value, types.ModuleType) else type(value).__name__
        raise cx.error(f"{kind} {getattr(value, '__name__', value)!r} has no attribute {name!r}")
    found = getattr(value, name)
    module = getattr(value, "__name__", "") if isinstance(value, types.ModuleType) else None
    if module is not None and module.split(".")[0] in LIBRARIES:
        return from_static(found)
    if module is not None:
        return captured(cx, name, Attribute(value, name), (id(value), name))
    data = callable(found) or isinstance(found, bool | int | float | np.generic | np.ndarray | tuple)
    if data and isinstance(value, type) and value.__module__.split(".")[0] not in LIBRARIES:
        return captured(cx, name, Attribute(value, name), (id(value), name))
    if isinstance(value, np.finfo | np.iinfo | np.dtype | np.ufunc | type) or getattr(found, "__ad_static__", False):
        return from_static(found)
    raise cx.error(f"attributes of a {type(value).__name__} are not supported", "a dataclass or named tuple")
