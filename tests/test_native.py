"""Products that kernels make themselves are NumPy's: shapes, dtypes, layouts, errors."""

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
