"""Arrays and products that kernels make themselves are NumPy's: shapes, dtypes, layouts, errors."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from adcompiler.runtime import native

RNG = np.random.default_rng(7)
multiply = njit(lambda a, b: native.matmul(a, b))
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda a: np.repeat(np.repeat(a, 2, 0), 2, -1)[::2, ::2] if a.ndim == 2 else np.repeat(a, 2)[::2],
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_products(left, right, dtype):
    shapes = [((3, 4), (4, 5)),
              ((1, 4), (4, 5)), ((3, 4), (4, 1)), ((1, 4), (4, 1)), ((3, 1), (1, 5)), ((3, 0), (0, 5)),
              ((0, 4), (4, 5)), ((3, 4), (4, 0)), ((3, 4), (4,)), ((4,), (4, 5)), ((4,), (4,)), ((0,), (0,)),
              ((3, 0), (0,)),
              ((0,), (0, 5)), ((0, 4), (4,)), ((4,), (4, 0)), ((1, 1), (1, 1))]  # fmt: skip
    for m, n in shapes:
        a, b = (LAYOUTS[k](RNG.standard_normal(s).astype(dtype)) for k, s in ((left, m), (right, n)))
        found, expected = multiply(a, b), a @ b
        assert np.shape(found) == expected.shape
        assert np.ndim(found) == 0 or found.dtype == dtype  # Numba returns a float of Python's
        np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == np.float32 else 1e-13, atol=1e-6)


@pytest.mark.parametrize(("m", "n"), [((3, 4), (5, 2)), ((3, 4), (3,)), ((3,), (4, 2)), ((3,), (4,))])
def test_products_of_sizes_that_differ_are_refused(m, n):
    with pytest.raises(ValueError, match="incompatible array sizes"):
        multiply(np.ones(m), np.ones(n))


def test_arrays():
    @njit
    def made(n, x):
        return (native.zeros(n), native.zeros((n, 2)), native.empty((n, n, 1), dtype=np.float32),
                native.zeros_like(x),
                native.empty_like(x), native.zeros((0, n), dtype=np.bool_), 
                native.zeros(x.shape, dtype=np.int64))  # fmt: skip

    for x in (np.ones((2, 3)), np.ones((2, 3), np.float32, order="F"), np.ones((4, 6))[::2, ::2]):
        for found, expected in zip(made(3, x), made.py_func(3, x), strict=True):
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
            assert found.flags.c_contiguous == expected.flags.c_contiguous
        zeros = made(3, x)
        assert not any(zeros[k].any() for k in (0, 1, 3, 5, 6))


def test_sizes_that_no_array_has_are_refused():
    make = njit(lambda n, m: native.empty((n, m)))
    with pytest.raises(ValueError, match="negative dimensions"):
        make(2, -1)
    with pytest.raises(ValueError, match="too big"):
        make(2**40, 2**40)
