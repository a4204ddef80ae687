"""Products that kernels make themselves are NumPy's: shapes, dtypes, layouts, errors."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from adcompiler.runtime import contraction, native

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


SPECS = {
    "krj,nkj->nkr": (9, 3, 9, 11), "nkr,nkj->krj": (9, 3, 9, 11), "nkr,krj->nkj": (9, 3, 9, 11),
    "bti,io->bto": (2, 9, 10, 11), "bti,bto->io": (2, 9, 10, 11), "bhqd,bhkd->bhqk": (2, 2, 9, 8, 10),
    "ab,cb->ca": (9, 10, 11), "ab,bc->ca": (9, 10, 11), "ba,bc->ac": (9, 10, 11), "abc,bcd->ad": (9, 3, 10, 11),
    "ab,ab->ab": (20, 30), "ab,b->a": (30, 40), "abc,dbc->da": (9, 2, 10, 11), "kij,kjl->kil": (2, 9, 10, 11),
}  # fmt: skip


def contractions(spec, sizes, dtype):
    """Operands of a spec whose letters, in their order, have these sizes."""
    names = spec.partition("->")[0].split(",")
    size = dict(zip(dict.fromkeys("".join(names)), sizes, strict=True))
    return [RNG.standard_normal([size[c] for c in n]).astype(dtype) for n in names]


def turned(a):
    """The same elements, the axes in memory the other way round."""
    return np.ascontiguousarray(a.T).T


def spaced(a):
    return np.repeat(a, 2, -1)[..., ::2]


def rows_apart(a):
    """The last axis is in order, the one before it has gaps."""
    return np.repeat(a, 2, -2)[..., ::2, :] if a.ndim > 1 else a


RUNS = [
    pytest.param(s, dtype, marks=pytest.mark.long if k >= few else ())
    for dtype, few in ((np.float64, 3), (np.float32, 1))
    for k, s in enumerate(SPECS)
]


@pytest.mark.parametrize(("spec", "dtype"), RUNS)
def test_contractions(spec, dtype):
    contract = njit(eval(f"lambda a, b: einsum({spec!r}, a, b)", {"einsum": contraction.einsum}))
    sizes = SPECS[spec]
    few = [tuple(0 if j == k else n for j, n in enumerate(sizes)) for k in range(len(sizes))]
    small = tuple(min(n, 2) for n in sizes)
    long = [tuple(600 if j == k else 1 for j in range(len(sizes))) for k in range(len(sizes))]
    for shape in (sizes, small, *few, *long):
        a, b = contractions(spec, shape, dtype)
        for x, y in ((a, b), (turned(a), b), (a, rows_apart(b)), (spaced(a), spaced(b)), (a[::-1], b)):
            found, expected = contract(x, y), np.einsum(spec, x, y)
            assert found.dtype == dtype and found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-4 if dtype == np.float32 else 1e-11, atol=1e-4)


def test_a_stretched_axis_of_a_contraction():
    contract = njit(lambda a, b: contraction.einsum("kij,kjl->kil", a, b))
    a, b = contractions("kij,kjl->kil", (4, 9, 10, 11), np.float64)
    for x, y in ((a[:1], b), (a, b[2:3])):
        np.testing.assert_allclose(contract(x, y), np.matmul(x, y), rtol=1e-12)


def test_contractions_of_other_dtypes():
    contract = njit(lambda a, b: contraction.einsum("ij,jk->ki", a, b))
    a = np.arange(300).reshape(15, 20)
    np.testing.assert_array_equal(contract(a, a.T.copy()), np.einsum("ij,jk->ki", a, a.T))
