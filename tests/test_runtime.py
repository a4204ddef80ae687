"""The helpers that generated code calls: the same numbers in plain Python and in Numba."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special as sp
from numba import njit

from adcompiler import runtime

POINTS = np.array([1e-8, 0.1, 0.5, 1.0, 1.46163, 1.4616321449683623, 1.5, 2.5, 7.3, 25.0, 1e5, -0.3, -1.7, -7.25])


def compiled(name: str) -> Any:
    """The helper, called from a compiled function."""
    helper = getattr(runtime, name)
    call = njit((lambda n, x: helper(n, x)) if name == "polygamma" else (lambda x: helper(x)))
    return call


FUNCTIONS = {name: compiled(name) for name in ("erf", "erfc", "gamma", "gammaln", "digamma", "expit")}
polygamma = compiled("polygamma")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_functions_agree_with_scipy(name: str) -> None:
    function, reference = FUNCTIONS[name], getattr(sp, name)
    expected = reference(POINTS)
    np.testing.assert_allclose(function(POINTS), expected, rtol=3e-14, atol=1e-300)
    assert [function(float(x)) for x in POINTS] == list(function(POINTS))
    singles = POINTS[:12].astype(np.float32)
    assert function(singles).dtype == np.float32
    np.testing.assert_allclose(function(singles), reference(singles), rtol=3e-6)


@pytest.mark.parametrize("n", range(6))
def test_polygamma_agrees_with_scipy(n: int) -> None:
    positive = POINTS[POINTS > 0]
    np.testing.assert_allclose(polygamma(n, positive), sp.polygamma(n, positive), rtol=3e-14)
    assert polygamma(n, 2.5) == polygamma(n, np.array([2.5]))[0]


@pytest.mark.parametrize("n", range(1, 5))
def test_polygamma_of_negative_numbers(n: int) -> None:
    # scipy's zeta refuses them: the recurrence (DLMF 5.15.5) leads back to positive ones.
    for x in (-0.3, -1.7, -3.25):
        shift, value = x, 0.0
        while shift < 0:
            value -= (-1) ** n * math.factorial(n) / shift ** (n + 1)
            shift += 1
        np.testing.assert_allclose(polygamma(n, x), value + sp.polygamma(n, shift), rtol=1e-12)


def test_edges() -> None:
    for name, function in FUNCTIONS.items():
        for x in (0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -2.0, 1000.0, -1000.0):
            got, expected = function(x), float(getattr(sp, name)(x))
            np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=f"{name}({x})")


def same(function: Any, *args: Any) -> None:
    expected, got = function(*args), njit(function)(*args)
    np.testing.assert_array_equal(got, expected)
    assert np.shape(got) == np.shape(expected)
    assert np.result_type(got) == np.result_type(expected)


A, B, M = np.arange(6.0).reshape(2, 3), -np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3) % 2 == 0


def test_where() -> None:
    def where(c: Any, a: Any, b: Any) -> Any:
        return runtime.where(c, a, b)

    same(where, M, A, B)
    same(where, M, A, 1.5)
    same(where, M, 0.0, B)
    same(where, M[0], A[0], B[0])
    same(where, M[0], A, 2.0)
    same(where, M[:, :1], A, B[0])
    assert njit(where)(True, 1.0, 2.0) == 1.0 and where(False, 1.0, 2.0) == 2.0


@pytest.mark.parametrize("x", (np.zeros(3), np.zeros(1), np.zeros((2, 1)), np.zeros((1, 3)), np.zeros((2, 3)), 0.0))
def test_sum_to_and_broadcast_like_are_transposes(x: Any) -> None:
    def sum_to(g: Any, x: Any) -> Any:
        return runtime.sum_to(g, x)

    def broadcast_like(g: Any, x: Any) -> Any:
        return runtime.broadcast_like(g, x)

    same(sum_to, A, x)
    same(sum_to, np.arange(24.0).reshape(4, 2, 3), x)
    same(broadcast_like, x, A)
    same(broadcast_like, x, np.zeros((4, 2, 3)))


def test_sum_to_of_rank_three() -> None:
    def sum_to(g: Any, x: Any) -> Any:
        return runtime.sum_to(g, x)

    same(sum_to, np.arange(24.0).reshape(4, 2, 3), np.zeros((4, 1, 3)))
    same(sum_to, np.arange(24.0).reshape(4, 2, 3), np.zeros((1, 2, 1)))


def test_integer_helpers_raise_where_python_does() -> None:
    def floordiv(a: Any, b: Any) -> Any:
        return runtime.floordiv(a, b)

    def mod(a: Any, b: Any) -> Any:
        return runtime.mod(a, b)

    def power(a: Any, b: Any) -> Any:
        return runtime.int_power(a, b)

    arrays = np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])
    for function in (floordiv, mod):
        same(function, *arrays)
        for run in (function, njit(function)):
            assert [run(int(a), int(b)) for a, b in zip(*arrays, strict=True)] == list(function(*arrays))
            for b in (0, np.array([1, 0, 1, 1])):
                with pytest.raises(ZeroDivisionError):
                    run(arrays[0] if np.ndim(b) else 7, b)
    same(power, np.array([2, -3]), np.array([10, 3]))
    for run in (power, njit(power)):
        with pytest.raises(ValueError, match="negative integer powers"):
            run(2, -1)


def test_integer_products() -> None:
    def matmul(a: Any, b: Any) -> Any:
        return runtime.matmul(a, b)

    a, b = np.arange(6).reshape(2, 3), np.arange(12).reshape(3, 4)
    same(matmul, a, b)
    same(matmul, a, b[:, 0])
    same(matmul, a[0], b)
    same(matmul, a[0], b[:, 0].copy())
    with pytest.raises(ValueError, match="a @ b"):
        njit(matmul)(a, a)


@pytest.mark.parametrize("prototype", (0.0, np.float32(0), 0, True, np.empty(0), np.empty((0, 0)), np.empty(0)[::1]))
def test_tapes_hold_values_of_the_prototypes_type(prototype: Any) -> None:
    def record(prototype: Any) -> Any:
        tape = runtime.stack(prototype)
        for _ in range(3):
            tape.append(prototype)
        tape.pop()
        return len(tape)

    assert record(prototype) == njit(record)(prototype) == 2
