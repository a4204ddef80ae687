"""scipy.special: its functions as ops, or as compositions of ops."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np

from adcompiler.frontend.arguments import Handler, Kwargs, arguments
from adcompiler.frontend.context import Context
from adcompiler.frontend.elementwise import arity, of_scipy, plain, polygamma, strong
from adcompiler.frontend.indexing import array_of, static_int
from adcompiler.frontend.norms import extreme, sum_of
from adcompiler.frontend.promote import binary, elementwise, need_number, unify, wrap
from adcompiler.frontend.values import Arr, Num, Seq, Val, describe, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.types import Scalar

ONE = "erf erfc gamma gammaln digamma expit erfinv erfcinv erfcx loggamma logit log_expit entr ndtr log_ndtr ndtri " \
    "i0 i1 i0e i1e j0 j1"  # fmt: skip
TWO = "beta betaln xlogy xlog1py rel_entr kl_div gammainc gammaincc"


def of_pair(op: str) -> Handler:
    """A function of two numbers or arrays."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, op)
        arity(cx, args, 2, op)
        return strong(elementwise(cx, op, np.arctan2, [need_number(cx, a) for a in args]))

    return handler


def of_order(op: str) -> Handler:
    """A function of a literal order and a number or array."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, op)
        arity(cx, args, 2, op)
        n, x = args
        if not (isinstance(n, Num) and n.known):
            raise cx.error(f"the order of {op} must be a literal")
        order = int(n.value) if float(n.value).is_integer() else float(n.value)
        return strong(elementwise(cx, op, np.sin, [need_number(cx, x)], n=order))

    return handler


def multigammaln(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """d (d - 1) / 4 log(pi) and the sum of gammaln(a - j / 2) for j < d."""
    a, d = arguments(cx, "multigammaln", "a d", args, kwargs, 2)
    count, x = static_int(cx, d), need_number(cx, a)
    if count < 1:
        raise cx.error("d should be a positive integer (dimension)")
    total: Any = number(0.25 * count * (count - 1) * math.log(math.pi))
    for j in range(count):
        shifted = binary(cx, "Sub", x, number(0.5 * j))
        total = binary(cx, "Add", total, elementwise(cx, "gammaln", np.sin, [shifted]))
    return strong(total)


# Sums of exponentials: the largest exponent is taken out first, and takes no part in the derivative.
def _prepared(cx: Context, name: str, x: Val, axis: Val | None) -> tuple[Arr, tuple[int, ...], Arr]:
    """A float array, the axes, and its shift along them (with axes of size 1)."""
    a = array_of(cx, x) if isinstance(x, Seq) else need_number(cx, x)
    if not isinstance(a, Arr):
        raise cx.error(f"{name} needs an array, not {describe(a)}")
    if a.dtype[0] != "f":
        a = Arr(cx.op("cast", a.op, dtype="f64"))
    axes = _axes(cx, axis, a.type.rank)
    largest = extreme(cx, "max", a, axes, True)
    assert isinstance(largest, Arr)
    finite = cx.op("isfinite", largest.op)
    shift = cx.op("select", finite, largest.op, const(0.0, Scalar(a.dtype)))
    return a, axes, Arr(cx.op("stop_gradient", shift))


def _axes(cx: Context, axis: Val | None, rank: int) -> tuple[int, ...]:
    if axis is None or is_none(axis):
        return tuple(range(rank))
    given = [static_int(cx, v) for v in (axis.items if isinstance(axis, Seq) else (axis,))]
    for k in given:
        if not -rank <= k < rank:
            raise cx.error(f"axis {k} is out of bounds for an array with {rank} axes")
    return tuple(sorted(k % rank for k in given))


def logsumexp(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """log(sum(b * exp(a)))"""
    x, axis, b, keepdims = arguments(cx, "logsumexp", "a axis b keepdims", args, kwargs)
    if isinstance(x, Num) and b is None:
        return strong(binary(cx, "Add", x, number(0.0)))
    weights = None
    if b is not None and not is_none(b):  # what has no weight takes no part, whatever it is
        weights = array_of(cx, b) if isinstance(b, Seq) else need_number(cx, b)
        none = binary(cx, "Eq", weights, number(0))
        x = wrap(cx, cx.op("select", none.op, *unify(cx, (number(-math.inf), need_number(cx, x)))))
    a, axes, shift = _prepared(cx, "logsumexp", x, axis)
    terms: Num | Arr = Arr(cx.op("exp", cx.op("sub", a.op, shift.op)))
    if weights is not None:
        terms = binary(cx, "Mult", weights, terms)
    keep = keepdims is not None and bool(static_int(cx, keepdims))
    total = sum_of(cx, terms, axes, keep)
    return binary(
        cx, "Add", need_number(cx, wrap(cx, cx.op("log", total.op))), shift if keep else first(cx, shift, axes)
    )


def first(cx: Context, a: Arr, axes: tuple[int, ...]) -> Num | Arr:
    """The array without these axes, which have size 1."""
    if len(axes) == a.type.rank:
        return Num(cx.op("load", a.op, *[integer(0)] * len(axes)), weak=False)
    items = tuple("i" if k in axes else "000" for k in range(a.type.rank))
    return Arr(cx.op("view", a.op, *[integer(0)] * len(axes), index=items))


def softmax(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axis = arguments(cx, "softmax", "x axis", args, kwargs)
    a, axes, shift = _prepared(cx, "softmax", x, axis)
    terms = Arr(cx.op("exp", cx.op("sub", a.op, shift.op)))
    return binary(cx, "Div", terms, sum_of(cx, terms, axes, True))


def log_softmax(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, axis = arguments(cx, "log_softmax", "x axis", args, kwargs)
    a, axes, shift = _prepared(cx, "log_softmax", x, axis)
    rest = Arr(cx.op("sub", a.op, shift.op))
    total = sum_of(cx, Arr(cx.op("exp", rest.op)), axes, True)
    return binary(cx, "Sub", rest, need_number(cx, wrap(cx, cx.op("log", total.op))))


# By their names in scipy.special, and those of the helpers of adcompiler.runtime that mean the same.
ELEMENTWISE: dict[str, Handler] = {
    **{name: of_scipy(name) for name in ONE.split()},
    **{name: of_pair(name) for name in TWO.split()},
    **{name: of_order(name) for name in ("jv", "iv", "ive")},
    "polygamma": polygamma,
}
SPECIAL_FUNCTIONS: dict[str, Handler] = {
    **ELEMENTWISE,
    "psi": of_scipy("digamma"),
    "jn": of_order("jv"),
    "multigammaln": multigammaln,
    "logsumexp": logsumexp,
    "softmax": softmax,
    "log_softmax": log_softmax,
}
