"""Elementwise functions of NumPy, math and SciPy, with the dtype rules of each."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.context import Context
from adcompiler.frontend.promote import binary, cast, elementwise, need_number, negated, truth, unify, wrap
from adcompiler.frontend.values import NONE, Arr, Num, Val, describe, is_none, number
from adcompiler.ir.build import const
from adcompiler.ir.types import Scalar

Kwargs = dict[str, Val]
Handler = Callable[[Context, list[Val], Kwargs, "ast.Call | None"], Val]


def plain(cx: Context, kwargs: Kwargs, name: str) -> None:
    if kwargs:
        raise cx.error(f"{name}: the argument '{next(iter(kwargs))}' is not supported", kind=UnsupportedFunction)


def arity(cx: Context, args: list[Val], count: int, name: str) -> None:
    if len(args) != count:
        raise cx.error(f"{name} takes {count} arguments, not {len(args)}")


def strong(v: Num | Arr) -> Num | Arr:
    """The value as NumPy returns it."""
    return Num(v.op, weak=False) if isinstance(v, Num) else v


def fresh(cx: Context, v: Num | Arr) -> Num | Arr:
    """The same value in memory of its own."""
    return Arr(cx.op("copy", v.op)) if isinstance(v, Arr) else strong(v)


def ufunc(op: str, function: np.ufunc) -> Handler:
    """An elementwise NumPy function that is the op `op`."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, f"np.{function.__name__}")
        arity(cx, args, function.nin, f"np.{function.__name__}")
        numbers = [need_number(cx, a) for a in args]
        rounds = op in ("floor", "ceil", "trunc", "rint")
        if rounds and numbers[0].dtype[0] != "f":
            return strong(numbers[0]) if isinstance(numbers[0], Num) else Arr(cx.op("copy", numbers[0].op))
        return elementwise(cx, op, function, numbers)

    return handler


def pair(kind: str) -> Handler:
    """A NumPy function that is one of Python's operators."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, "this function")
        arity(cx, args, 2, "this function")
        a, b = (need_number(cx, x) for x in args)
        if isinstance(a, Num) and isinstance(b, Num) and a.weak and b.weak:
            a = Num(a.op, weak=False)
        return strong(binary(cx, kind, a, b))

    return handler


def extremum(op: str, function: np.ufunc) -> Handler:
    """maximum and friends: a tie with a number written in the call gives the varying side nothing."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, f"np.{function.__name__}")
        arity(cx, args, 2, f"np.{function.__name__}")
        tie = "zero" if node is not None and any(map(_is_literal, node.args)) else "half"
        return strong(elementwise(cx, op, function, [need_number(cx, a) for a in args], tie=tie))

    return handler


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_literal(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def of_math(op: str, function: Callable[..., Any]) -> Handler:
    """A function of `math`: scalars in, a Python float out."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        name = f"math.{function.__name__}"
        plain(cx, kwargs, name)
        if function is math.log and len(args) == 2:
            value, base = (need_number(cx, handler(cx, [a], {}, node)) for a in args)
            return binary(cx, "Div", value, base)
        numbers = [scalar(cx, a, name) for a in args]
        arity(cx, args, 2 if op in ("arctan2", "hypot", "copysign", "fmod", "pow") else 1, name)
        if all(n.known for n in numbers):
            try:
                return number(float(function(*(n.value for n in numbers))))
            except (ValueError, OverflowError):
                pass
        return Num(cx.op(op, *unify(cx, numbers, "f64")))

    return handler


def scalar(cx: Context, v: Val, name: str) -> Num:
    if isinstance(v, Num):
        return v
    hint = "the np function of the same name" if isinstance(v, Arr) else None
    raise cx.error(f"{name} needs a number, not {describe(cx.content(v))}", hint)


def of_scipy(op: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, op)
        arity(cx, args, 1, op)
        return strong(elementwise(cx, op, np.sin, [need_number(cx, args[0])]))

    return handler


def polygamma(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    n, x = args
    if not (isinstance(n, Num) and n.known):
        raise cx.error("the order of polygamma must be a literal")
    return strong(elementwise(cx, "polygamma", np.sin, [need_number(cx, x)], n=int(n.value)))


def predicate(op: str, weak: bool) -> Handler:
    """isnan and friends: of NumPy, or of `math`, which takes and gives Python numbers."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        arity(cx, args, 1, op)
        x = scalar(cx, args[0], f"math.{op}") if weak else need_number(cx, args[0])
        return wrap(cx, cx.op(op, cast(cx, x.op, "f64" if x.dtype[0] != "f" else x.dtype)), weak)

    return handler


def converter(dtype: str, weak: bool) -> Handler:
    """float, int, bool, np.float32 ...: a cast."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        x = need_number(cx, args[0]) if args else number(0)
        if weak and isinstance(x, Arr):
            raise cx.error("a number is made of a number, not of an array", "an element of it, or .astype")
        if dtype == "b1" and isinstance(x, Num):
            return Num(truth(cx, x), weak)
        return Num(cast(cx, x.op, dtype), weak) if isinstance(x, Num) else wrap(cx, cast(cx, x.op, dtype))

    return handler


def absolute(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    plain(cx, kwargs, "abs")
    arity(cx, args, 1, "abs")
    x = need_number(cx, args[0])
    if isinstance(x, Num) and x.known and x.weak:
        return number(builtins.abs(x.value))
    return wrap(cx, cx.op("abs", cast(cx, x.op, "i64" if x.dtype == "b1" else x.dtype)), getattr(x, "weak", False))


def clip(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    names = ["a", "a_min", "a_max"]
    given = dict(zip(names, args, strict=False))
    for new, old in {"min": "a_min", "max": "a_max"}.items():
        if new in kwargs:
            kwargs = {**kwargs, old: kwargs[new]}
    x, lo, hi = (given.get(n, kwargs.get(n, NONE)) for n in names)
    x = need_number(cx, x)
    if is_none(lo) or is_none(hi):
        bound, op = (hi, "minimum") if is_none(lo) else (lo, "maximum")
        if is_none(bound):
            return x
        return strong(elementwise(cx, op, getattr(np, op), [x, need_number(cx, bound)], tie="zero"))
    parts = [x, need_number(cx, lo), need_number(cx, hi)]
    return strong(wrap(cx, cx.op("clip", *unify(cx, parts))))


def where(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) != 3:
        raise cx.error("np.where needs three arguments here", "a loop", UnsupportedFunction)
    mask, a, b = (need_number(cx, x) for x in args)
    cond = mask.op if mask.dtype == "b1" else cx.op("ne", mask.op, const(0, Scalar(mask.dtype)))
    return strong(wrap(cx, cx.op("select", cond, *unify(cx, (a, b)))))


def logical(op: str) -> Handler:
    """np.logical_and and friends."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, f"np.logical_{op}")
        numbers = [need_number(cx, a) for a in args]
        arrays = any(isinstance(x, Arr) for x in numbers)
        masks = [x.op if x.dtype == "b1" else cx.op("ne", x.op, const(0, Scalar(x.dtype))) for x in numbers]
        if op == "not":
            return strong(wrap(cx, cx.op("invert", masks[0]) if arrays else negated(cx, masks[0])))
        name = {"and": "bitand", "or": "bitor", "xor": "bitxor"}[op] if arrays or op == "xor" else op
        return strong(wrap(cx, cx.op(name, *masks)))

    return handler


def negative(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x = need_number(cx, args[0])
    return strong(wrap(cx, cx.op("neg", x.op)))
