"""Programs that other tools refuse or get wrong, with the gradients they have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adcompiler as ad


def array(*values: float) -> np.ndarray:
    return np.array(values, float)


def exact(f: Callable[..., Any], args: tuple[Any, ...], *expected: Any, argnums: int | tuple[int, ...] = 0) -> None:
    """The gradient, equal to the last bit or nearly; the arguments are not changed."""
    before = [np.copy(a) for a in args]
    found = ad.grad(f, argnums=argnums)(*args)
    found = (found,) if isinstance(argnums, int) else found
    assert len(found) == len(expected)
    for mine, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, right, rtol=4e-16 * 8, atol=0)
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)
    ad.check_grads(f, args)


def test_square_until() -> None:
    def f(x):
        while x < 100:
            x = x * x
        return x

    exact(f, (2.0,), 1024.0)


def test_product_in_a_loop() -> None:
    def f(x, n):
        p = 1.0
        for i in range(n):
            p *= x[i]
        return p

    exact(f, (array(2, 2, 2), 3), array(4, 4, 4))
    exact(f, (array(2, 3, 4), 2), array(3, 2, 0))


def test_norm_of_a_loop_sum() -> None:
    def f(x):
        s = 0.0
        for i in range(len(x)):
            s += x[i] * x[i]
        return math.sqrt(s)

    exact(f, (array(3, 4),), array(0.6, 0.8))


def test_sum_of_squares() -> None:
    def f(x):
        s = 0.0
        for i in range(len(x)):
            s += x[i] * x[i]
        return s

    exact(f, (array(1, 2, 3),), array(2, 4, 6))


def test_neighbours() -> None:
    def f(x):
        return np.sum(x[1:] * x[:-1])

    exact(f, (array(1, 2, 3),), array(2, 4, 2))


def test_break() -> None:
    def f(x, bound):
        s = 0.0
        for i in range(len(x)):
            s += x[i] * x[i]
            if s > bound:
                break
        return s

    exact(f, (array(1, 2, 3, 4), 4.5), array(2, 4, 0, 0))
    exact(f, (array(1, 2, 3, 4), 1e9), array(2, 4, 6, 8))


def test_continue() -> None:
    def f(x):
        s = 0.0
        for i in range(len(x)):
            if x[i] < 0:
                continue
            s += x[i] ** 3
        return s

    exact(f, (array(1, -2, 3),), array(3, 0, 27))


def test_early_returns() -> None:
    def f(x):
        if x > 10:
            return x * 3
        y = x * x
        if y > 4:
            return y * 2
        return y + x

    exact(f, (11.0,), 3.0)
    exact(f, (3.0,), 12.0)
    exact(f, (1.0,), 3.0)


def test_ternary() -> None:
    def f(x):
        return x * x if x > 0 else -5 * x

    exact(f, (3.0,), 6.0)
    exact(f, (-3.0,), -5.0)


def test_matmul_operator() -> None:
    def f(a, x):
        return x @ (a @ x)

    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    exact(f, (a, array(1, 2)), np.array([[1.0, 2.0], [2.0, 4.0]]), array(12, 21), argnums=(0, 1))


def test_alias() -> None:
    def f(x):
        y = x
        y[0] = y[0] * y[1]
        return y[0] * 3 + y[1] + x[0]

    exact(f, (array(2, 3),), array(12, 9))


def test_write_through_a_view() -> None:
    def f(x):
        v = x[1:]
        v[0] = v[0] * x[0]
        return x[1] * x[2]

    exact(f, (array(2, 3, 5),), array(15, 10, 6))


def test_parity_sums() -> None:
    def f(x):
        y = np.zeros(2)
        for i in range(len(x)):
            y[i % 2] += x[i] * x[i]
        return y[0] * y[1]

    exact(f, (array(1, 2, 3, 4),), array(40, 40, 120, 80))


def test_overwritten_twice() -> None:
    def f(x):
        x[0] = x[0] * x[1]
        x[0] = x[0] * x[1]
        return x[0]

    exact(f, (array(2, 3),), array(9, 12))


def test_read_then_overwrite() -> None:
    def f(x):
        a = x[0]
        x[0] = 7.0
        return a * a * x[1] + x[0] * x[1]

    exact(f, (array(2, 3),), array(12, 11))


def test_inner_trips_from_data() -> None:
    def f(x, counts):
        s = 1.0
        for i in range(len(x)):
            for _ in range(counts[i]):
                s = s * x[i]
        return s

    exact(f, (array(2, 3, 5), np.array([2, 0, 1])), array(20, 0, 4))


def test_masked_root() -> None:
    def f(x):
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0))

    assert ad.grad(f)(array(0, 4)).tolist() == [0.0, 0.25]
    assert ad.jvp(f)((array(0, 4),), (array(1, 1),)) == (2.0, 0.25)

    def g(x):
        return np.where(x > 0, np.sqrt(x), 0.0)

    assert ad.grad(g)(0.0) == 0.0


def test_same_array_twice() -> None:
    def f(x, y):
        s = 0.0
        for i in range(len(x)):
            s += x[i] * x[i] * y[i]
        return s

    x = array(1, 2, 3)
    exact(f, (x, x), 2 * x * x, x * x, argnums=(0, 1))


def test_buffers_with_something_in_them() -> None:
    def f(x, y):
        return np.sum(x * y)

    x, y = array(1, 2, 3), array(4, 5, 6)
    g = ad.grad(f, argnums=(0, 1))
    for _ in range(2):
        into = (np.full(3, 7.0), np.full(3, np.nan))
        g(x, y, out=into)
        assert into[0].tolist() == [4, 5, 6] and into[1].tolist() == [1, 2, 3]
    first = g(x, y)
    second = g(2 * x, y)
    assert first[0].tolist() == [4, 5, 6] and first[1].tolist() == [1, 2, 3]
    assert second[1].tolist() == [2, 4, 6]


def test_overlap_with_a_written_argument() -> None:
    def f(x, y):
        x[0] = x[0] * y[1]
        return x[0] * y[0]

    x = array(2, 3, 5)
    with pytest.raises(ad.TypeMismatch, match="share memory"):
        ad.grad(f)(x, x)
    with pytest.raises(ad.TypeMismatch, match="share memory"):
        ad.grad(f)(x[:2], x[1:])


def test_first_example() -> None:
    def f(x0, x1):
        return math.log(x0) + x0 * x1 - math.sin(x1)

    found = ad.grad(f, argnums=(0, 1))(2.0, 5.0)
    assert found == pytest.approx((5.5, 1.7163378145), abs=1e-10)
