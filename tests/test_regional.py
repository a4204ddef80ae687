"""Loops of unknown length that little goes into: differentiated along with what they compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adcompiler as ad


def root(a):
    y = 0.5 * (1.0 + a)
    while abs(y * y - a) > 1e-12 * a:
        y = 0.5 * (y + a / y)
    return y


def roots(x):
    total = 0.0
    for i in range(len(x)):
        total += math.sin(root(x[i] * x[i] + 0.5))
    return total


def two(x):
    a, b = x[0], x[1]
    while abs(a - b) > 1e-9:
        a, b = 0.5 * (a + b), math.sqrt(a * b)
    return a * b + b


def three(x):
    a, b, c = x[0], x[1], x[2]
    while a < 10.0:
        a = a * (1.0 + b * b) + c
    return a


def never(x):
    s = x[0]
    while s > 100.0:
        s = s * 0.5
    return s * x[1]


def nested(x):
    s = x[0] + 2.0
    k = 0
    while k < 3:
        t = s
        while t > 1.5:
            t = t / 1.25
        s = s + t * s
        k += 1
    return s


def chosen(x):
    """What the loop gives is used on one side of a branch only, and its derivative is infinite on the other."""
    s = x[0]
    n = 0
    while n < 2:
        s = math.sqrt(abs(s))
        n += 1
    return s if x[0] > 0.0 else x[1] * 2.0


def several(x):
    a = x[0]
    length = 0.0
    while length < 2.0:
        length += 0.3 + a * a
        a *= 0.9
    return a * length + length


def from_array(x):
    """What is read in the loop moves with it: kept, as ever."""
    s = 0.1
    k = 0
    while s < 2.0:
        s += x[k % len(x)] ** 2 + 0.2
        k += 1
    return s * x[0]


ALONG = [roots, two, never, nested, chosen, several]
X = np.array([0.7, 1.9, 0.4])


@pytest.mark.parametrize("fn", [*ALONG, three, from_array], ids=lambda f: f.__name__)
def test_derivatives(fn: Callable[..., Any]) -> None:
    ad.check_grads(fn, (X,), order=2)
    with_tapes = ad.value_and_grad(fn, disable=("along",))(X)
    value, gradient = ad.value_and_grad(fn)(X)
    assert value == pytest.approx(with_tapes[0], rel=1e-13)
    np.testing.assert_allclose(gradient, with_tapes[1], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(ad.jacrev(ad.grad(fn))(X), ad.hessian(fn)(X), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("fn", ALONG, ids=lambda f: f.__name__)
def test_nothing_is_kept(fn: Callable[..., Any]) -> None:
    assert "stack" not in ad.grad(fn).lower(X).source


def test_more_inputs_are_kept() -> None:
    assert "stack" in ad.grad(three).lower(X).source


def test_single_precision() -> None:
    x = X.astype(np.float32)
    gradient = ad.grad(two)(x)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, ad.grad(two)(X), rtol=1e-5)


def test_zero_adjoint_of_an_infinite_partial() -> None:
    np.testing.assert_array_equal(ad.grad(chosen)(np.array([0.0, 3.0, 1.0])), [0.0, 2.0, 0.0])


def test_higher_orders() -> None:
    d1, d2, d3 = ad.grad(root), ad.grad(ad.grad(root)), ad.grad(ad.grad(ad.grad(root)))
    assert d1(2.0) == pytest.approx(0.5 * 2.0**-0.5, rel=1e-11)
    assert d2(2.0) == pytest.approx(-0.25 * 2.0**-1.5, rel=1e-10)
    assert d3(2.0) == pytest.approx(0.375 * 2.0**-2.5, rel=1e-8)
