"""Kinks and masks: the values that the table of docs/design.md gives them, in every mode and order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from harness import plain
from test_frontend import compiled

import adcompiler as ad
from adcompiler.ir.interpret import interpret
from adcompiler.ir.types import is_float
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse


def derivatives(f: Callable[..., Any], *args: Any) -> tuple[list[Any], list[Any]]:
    """(partials in forward mode, gradient in reverse mode) on the interpreter."""
    lowered, _ = compiled(f, *args)
    fn = lowered.function
    wrt = tuple(k for k, p in enumerate(fn.params) if is_float(p.type))

    def copies() -> list[Any]:
        return [np.array(a) if isinstance(a, np.ndarray) else a for a in args]

    back = list(interpret(reverse(plain(fn), Pullback(wrt, ("one",))), copies()))
    d = forward(plain(fn), wrt)
    ahead = []
    for k in wrt:
        gradient = np.zeros(np.shape(args[k]))
        for i in np.ndindex(gradient.shape):
            unit = [np.zeros(np.shape(args[j])) for j in wrt]
            unit[wrt.index(k)][i] = 1.0
            gradient[i] = interpret(d, [*copies(), *(u if u.ndim else u[()] for u in unit)])[-1]
        ahead.append(gradient)
    return ahead, back


def second(f: Callable[..., Any], x: float) -> list[float]:
    """The second derivative: forward over reverse, reverse over reverse, forward over forward."""
    fn = compiled(f, x)[0].function
    g = reverse(plain(fn), Pullback((0,), ("one",)))
    twice = forward(forward(plain(fn), (0,)), (0,))
    found = [interpret(forward(plain(g), (0,)), [x, 1.0])[-1]]
    found.append(interpret(reverse(plain(g), Pullback((0,), ("one",))), [x])[0])
    found.append(interpret(twice, [x, 1.0, 1.0])[-1])
    return [float(v) for v in found]


def same(f: Callable[..., Any], args: tuple[Any, ...], *expected: Any) -> None:
    for found in derivatives(f, *args):
        for mine, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(np.asarray(mine, float), right)


KINKS: list[tuple[str, Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]] = [
    ("relu", lambda x: np.maximum(x, 0.0), (0.0,), (0.0,)),
    ("relu other order", lambda x: np.maximum(0.0, x), (0.0,), (0.0,)),
    ("relu of int literal", lambda x: np.maximum(x, 0), (0.0,), (0.0,)),
    ("relu of negative literal", lambda x: np.maximum(-1.0, x), (-1.0,), (0.0,)),
    ("minimum", lambda x: np.minimum(x, 1.0), (1.0,), (0.0,)),
    ("minimum other order", lambda x: np.minimum(1, x), (1.0,), (0.0,)),
    ("fmax", lambda x: np.fmax(x, 0.0), (0.0,), (0.0,)),
    ("maximum tie", lambda x, y: np.maximum(x, y), (1.5, 1.5), (0.5, 0.5)),
    ("minimum tie", lambda x, y: np.minimum(x, y), (1.5, 1.5), (0.5, 0.5)),
    ("fmin tie", lambda x, y: np.fmin(x, y), (1.5, 1.5), (0.5, 0.5)),
    ("maximum of itself", lambda x: np.maximum(x, x), (1.5,), (1.0,)),
    ("max takes the first", lambda x, y: max(x, y), (1.5, 1.5), (1.0, 0.0)),
    ("min takes the first", lambda x, y: min(x, y), (1.5, 1.5), (1.0, 0.0)),
    ("max with a number first", lambda x: max(0.0, x), (0.0,), (0.0,)),
    ("max with a number last", lambda x: max(x, 0.0), (0.0,), (1.0,)),
    ("branch taken", lambda x: x if x >= 0 else -x, (0.0,), (1.0,)),
    ("clip at lo", lambda x: np.clip(x, -1.0, 1.0), (-1.0,), (0.0,)),
    ("clip at hi", lambda x: np.clip(x, -1.0, 1.0), (1.0,), (0.0,)),
    ("clip beyond", lambda x: np.clip(x, -1.0, 1.0), (2.0,), (0.0,)),
    ("clip inside", lambda x: np.clip(x, -1.0, 1.0), (0.5,), (1.0,)),
    ("clip one side", lambda x: np.clip(x, 0.0, None), (0.0,), (0.0,)),
    ("abs", lambda x: abs(x), (0.0,), (0.0,)),
    ("np.abs", lambda x: np.abs(x), (0.0,), (0.0,)),
    ("fabs", lambda x: math.fabs(x), (0.0,), (0.0,)),
    ("sign", lambda x: np.sign(x) * x, (0.0,), (0.0,)),
    ("floor", lambda x: np.floor(x) * x, (2.0,), (2.0,)),
    ("math.floor", lambda x: math.floor(x) * x, (2.0,), (2.0,)),
    ("round", lambda x: round(x) * x, (2.5,), (2.0,)),
    ("floor division", lambda x, y: x // y * x, (6.0, 2.0), (3.0, 0.0)),
    ("remainder", lambda x, y: x % y, (7.0, 2.0), (1.0, -3.0)),
    ("remainder at a multiple", lambda x, y: x % y, (6.0, 2.0), (1.0, -3.0)),
    ("remainder where the quotient rounds up", lambda x, y: x % y, (1.0, 0.1), (1.0, -9.0)),
    ("fmod where the quotient rounds up", lambda x, y: math.fmod(x, y), (1.0, 0.1), (1.0, -9.0)),
    ("sign of a negative zero", lambda x, y: math.copysign(x, y), (2.0, -0.0), (-1.0, 0.0)),
    ("sign of a zero", lambda x, y: np.copysign(x, y), (-2.0, 0.0), (-1.0, 0.0)),
    ("negative remainder", lambda x, y: x % y, (-7.0, 2.0), (1.0, 4.0)),
    ("norm by hypot", lambda x, y: np.hypot(x, y), (0.0, 0.0), (0.0, 0.0)),
    ("square at 0", lambda x: x**2, (0.0,), (0.0,)),
    ("first power at 0", lambda x: x**1, (0.0,), (1.0,)),
    ("zeroth power at 0", lambda x: x**0, (0.0,), (0.0,)),
    ("cube of a negative", lambda x: x**3, (-2.0,), (12.0,)),
    ("integer variable exponent", lambda x, n: x**n, (-2.0, 3), (12.0,)),
    ("integer variable exponent at 0", lambda x, n: x**n, (0.0, 1), (1.0,)),
    ("zero to a power", lambda x, y: x**y, (0.0, 2.5), (0.0, 0.0)),
    ("int", lambda x: int(x) * x, (3.0,), (3.0,)),
    ("stop_gradient", lambda x: ad.stop_gradient(x) * x, (3.0,), (3.0,)),
]


@pytest.mark.parametrize(("f", "args", "expected"), [k[1:] for k in KINKS], ids=[k[0] for k in KINKS])
def test_kinks(f: Callable[..., Any], args: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    same(f, args, *expected)


def test_kinks_of_arrays() -> None:
    x = np.array([0.0, -1.0, 2.0, 0.0])

    def relu(x):
        return np.sum(np.maximum(x, 0) * np.array([1.0, 2.0, 3.0, 4.0]))

    def tie(x, y):
        return np.sum(np.maximum(x, y))

    def size(x):
        return np.sum(np.abs(x))

    same(relu, (x,), [0.0, 0.0, 3.0, 0.0])
    same(tie, (x, np.zeros(4)), [0.5, 0.0, 1.0, 0.5], [0.5, 1.0, 0.0, 0.5])
    same(size, (x,), [0.0, -1.0, 1.0, 0.0])


SECOND: list[tuple[str, Callable[..., Any], float, float]] = [
    ("relu squared", lambda x: np.maximum(x, 0.0) ** 2, 0.0, 0.0),
    ("relu", lambda x: np.maximum(x, 0.0), 0.0, 0.0),
    ("abs", lambda x: abs(x), 0.0, 0.0),
    ("square", lambda x: x**2, 0.0, 2.0),
    ("first power", lambda x: x**1, 0.0, 0.0),
    ("cube", lambda x: x**3, 0.0, 0.0),
    ("clip", lambda x: np.clip(x, -1.0, 1.0) * x, 0.5, 2.0),
    ("clip beyond", lambda x: np.clip(x, -1.0, 1.0) * x, 1.0, 0.0),
    ("guarded square root", lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 0.0),
    ("guarded logarithm", lambda x: np.where(x > 0, np.log(x), x * x), 0.0, 2.0),
    ("branch", lambda x: x**3 if x > 0 else x**2, 0.0, 2.0),
]


@pytest.mark.parametrize(("f", "x", "expected"), [k[1:] for k in SECOND], ids=[k[0] for k in SECOND])
def test_second_order(f: Callable[..., Any], x: float, expected: float) -> None:
    assert second(f, x) == [expected] * 3


# What is not chosen has no say: inf and nan on the other side of a mask stay there.
MASKS: list[tuple[str, Callable[..., Any], float, float]] = [
    ("sqrt at 0", lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 0.0),
    ("sqrt of a negative", lambda x: np.where(x > 0, np.sqrt(x), x), -1.0, 1.0),
    ("log", lambda x: np.where(x > 0, np.log(x), 2 * x), 0.0, 2.0),
    ("log of a negative", lambda x: np.where(x > 0, np.log(x), 2 * x), -3.0, 2.0),
    ("division", lambda x: np.where(x != 0, np.sin(x) / x, 1.0), 0.0, 0.0),
    ("reciprocal", lambda x: np.where(x == 0, 0.0, np.reciprocal(x)), 0.0, 0.0),
    ("power", lambda x: np.where(x > 0, x**0.5, 0.0), 0.0, 0.0),
    ("negative power", lambda x: np.where(x > 0, x**-1.5, 3 * x), 0.0, 3.0),
    ("arcsin", lambda x: np.where(x < 1, np.arcsin(x), 1.0), 1.0, 0.0),
    ("arccos", lambda x: np.where(x < 1, np.arccos(x), x), 1.0, 1.0),
    ("arccosh", lambda x: np.where(x > 1, np.arccosh(x), x), 1.0, 1.0),
    ("arctanh", lambda x: np.where(abs(x) < 1, np.arctanh(x), x), 1.0, 1.0),
    ("arctan2", lambda x: np.where(x > 0, np.arctan2(x, x), x), 0.0, 1.0),
    ("cbrt", lambda x: np.where(x > 0, np.cbrt(x), x), 0.0, 1.0),
    ("log1p", lambda x: np.where(x > -1, np.log1p(x), x), -1.0, 1.0),
    ("hypot", lambda x: np.where(x > 0, np.hypot(x, x), x), 0.0, 1.0),
    ("square root of a sum", lambda x: np.where(x > 0, np.sqrt(x * x + x), x), 0.0, 1.0),
    ("x log x", lambda x: np.where(x > 0, x * np.log(x), 0.0), 0.0, 0.0),
    ("softplus", lambda x: np.where(x > 30, x, np.log1p(np.exp(x))), 1000.0, 1.0),
    ("overflow", lambda x: np.where(x < 700, np.exp(x), x), 1000.0, 1.0),
    ("overflow of a square", lambda x: np.where(x < 1e200, (x * x) ** 2, x), 1e300, 1.0),
    ("sinh", lambda x: np.where(x < 700, np.sinh(x) * np.cosh(x), x), 1000.0, 1.0),
    ("maximum", lambda x: np.maximum(np.sqrt(x), 1.0) + x, 0.0, 1.0),
    ("clip", lambda x: np.clip(np.log(x), -10.0, 10.0) + x, 0.0, 1.0),
    ("max", lambda x: max(1.0, math.sqrt(x)), 0.0, 0.0),
    ("ternary", lambda x: math.sqrt(x) if x > 0 else 0.0, 0.0, 0.0),
    ("chained", lambda x: np.where(x > 0, np.log(np.sqrt(x)), 0.0), 0.0, 0.0),
    ("root of what was masked", lambda x: np.sqrt(np.maximum(x, 0.0)), -1.0, 0.0),
    ("power of what was chosen", lambda x: np.where(x > 0, x, 0.0) ** 0.5, -1.0, 0.0),
    ("two masks", lambda x: np.where(x > 1, 0.0, np.where(x > 0, 1 / x, x)), 0.0, 1.0),
]


@pytest.mark.parametrize(("f", "x", "expected"), [k[1:] for k in MASKS], ids=[k[0] for k in MASKS])
def test_masks(f: Callable[..., Any], x: float, expected: float) -> None:
    same(f, (x,), expected)

    def of_array(v):
        s = 0.0
        for i in range(len(v)):
            s += f(v[i])
        return s

    same(of_array, (np.array([x, x]),), [expected, expected])


def test_masks_of_arrays() -> None:
    x = np.array([4.0, 0.0, -1.0])

    def roots(x):
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0))

    def logs(x):
        return np.sum(np.where(x > 0, x * np.log(x), x))

    def norm(x):
        s = np.sum(x * x)
        return np.where(s > 0, np.sqrt(s), 0.0)

    same(roots, (x,), [0.25, 0.0, 0.0])
    same(logs, (x,), [math.log(4.0) + 1, 1.0, 1.0])
    same(norm, (np.zeros(3),), [0.0, 0.0, 0.0])


def test_compiled() -> None:
    """The backend agrees, both modes, two orders."""

    def f(x, y):
        r = np.where(x > 0, np.sqrt(x), 0.0) + np.maximum(x, 0.0) + np.maximum(x, y) * 2
        return r + abs(x) + np.clip(x, 0.0, 1.0) + max(y, x) + x**2 + np.hypot(x, y)

    assert ad.grad(f, argnums=(0, 1))(0.0, 0.0) == (1.0, 2.0)
    assert ad.jvp(f)((0.0, 0.0), (1.0, 0.0)) == (0.0, 1.0)
    assert ad.jvp(f)((0.0, 0.0), (0.0, 1.0)) == (0.0, 2.0)
    assert ad.grad(lambda x: ad.grad(f)(x, 0.0))(0.0) == 2.0


# dtypes of gradients.
def test_dtypes() -> None:
    def f(x):
        return np.sum(x * x)

    def g(x):
        return x * x

    for dtype in (np.float32, np.float64):
        x = np.array([1.0, 2.0], dtype)
        d = ad.grad(f)(x)
        assert d.dtype == dtype and d.tolist() == [2.0, 4.0]
    d = ad.grad(g)(np.float32(1.5))
    assert type(d) is np.float32 and d == 3.0
    assert type(ad.grad(g)(1.5)) is float and ad.grad(g)(1.5) == 3.0
    assert type(ad.grad(g)(3)) is float and ad.grad(g)(3) == 6.0
    assert type(ad.grad(g)(True)) is float and ad.grad(g)(True) == 2.0
    zero = ad.grad(g)(np.array(1.5))
    assert isinstance(zero, np.ndarray) and zero.shape == () and zero == 3.0
    with pytest.raises(ad.NotDifferentiable, match="astype"):
        ad.grad(f)(np.array([1, 2]))


def _log_first(x):
    s = np.log(x)
    return s if x > 0.0 else 0.0


def _guarded_quotient(x):
    r = math.sqrt(x * x)
    if r > 1e-9:
        return x / r + r
    return 0.0


def _used_in_one_branch(x):
    r = math.sqrt(x)
    y = 0.0
    if r > 0.5:
        for _ in range(2):
            y += 2.0 * r
    return y


@pytest.mark.parametrize("f", [_log_first, _guarded_quotient, _used_in_one_branch])
def test_a_branch_not_taken_passes_nothing(f) -> None:
    """What is made before a branch, and used in one arm only, has an adjoint of exactly zero in the other."""
    assert ad.grad(f)(0.0) == 0.0
    assert ad.jvp(f)((0.0,), (1.0,)) == (0.0, 0.0)
    assert ad.grad(f)(2.0) == pytest.approx((f(2.0 + 1e-6) - f(2.0 - 1e-6)) / 2e-6, rel=1e-6)
