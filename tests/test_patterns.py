"""The gradient of a sum over patterns: the sum of the patterns' gradients, in memory that does not grow with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.driver import to_loops
from adcompiler.ir.core import Op
from adcompiler.ir.interpret import interpret


def one(w, x, y):
    """A hidden layer of a few units, by loops."""
    score = 0.0
    for j in range(w.shape[0]):
        s = 0.0
        for k in range(len(x)):
            s += w[j, k] * x[k]
        score += math.tanh(s) * w[j, 0]
    return math.log1p(math.exp(-y * score))


def total(w, x, y):
    summed = 0.0
    for i in range(len(y)):
        summed += one(w, x[i], y[i])
    return summed


def mean_square(w, x, y):
    """A nonlinear end of two sums."""
    first, second = 0.0, 0.0
    for i in range(len(y)):
        e = one(w, x[i], y[i])
        first += e
        second += e * e
    return math.sqrt(second / len(y)) + 0.1 * first


def problem(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(3, 5)), rng.normal(size=(n, 5)), np.sign(rng.normal(size=n))


def test_the_gradient_of_a_sum_is_the_sum_of_gradients() -> None:
    w, x, y = problem(40)
    each = ad.grad(one)
    expected = sum(each(w, x[i], y[i]) for i in range(40))
    np.testing.assert_allclose(ad.grad(total)(w, x, y), expected, rtol=1e-13, atol=1e-15 * np.abs(expected).max())


@pytest.mark.parametrize("f", [total, mean_square], ids=lambda f: f.__name__)
def test_memory_does_not_grow(f: Any) -> None:
    """Of all arrays that the kernel makes, none is as long as there are patterns."""
    largest = []
    for n in (100, 1000):
        args = problem(n)
        built = ad.grad(f).lower(*args)
        sizes: list[int] = []

        def note(op: Op, results: Any, sizes: list[int] = sizes) -> None:
            sizes.extend(np.size(r) for r in results if isinstance(r, np.ndarray) and op.name != "view")

        (gradient,) = interpret(to_loops(built.function, built.options), args, trace=note)
        largest.append(max(sizes))
        np.testing.assert_allclose(gradient, ad.grad(f)(*args), rtol=1e-12)
    assert largest[0] == largest[1]
