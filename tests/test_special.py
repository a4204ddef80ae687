"""scipy.special: what compiled code gives against SciPy, edge cases included; masks, orders, sums of exponentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as sp
from harness import check
from test_ops import array, function

import adcompiler as ad
from adcompiler.frontend.special import ONE, TWO
from adcompiler.ir.types import f64

EDGES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.0, 1e-300, 1e300]
XS = np.array([*EDGES, *np.random.default_rng(0).uniform(-3, 3, 30), *np.random.default_rng(1).uniform(0, 40, 20)])
A, B = (g.ravel() for g in np.meshgrid([*EDGES[:8], 0.3, 1.7, 12.5], [*EDGES[:8], 0.6, 2.5, 30.0]))


# fmt: off
def first(x: Any) -> Any:
    return (sp.erfinv(x), sp.erfcinv(x), sp.erfcx(x), sp.loggamma(x), sp.logit(x), sp.log_expit(x), sp.entr(x),
            sp.ndtr(x), sp.log_ndtr(x), sp.ndtri(x))


def second(x: Any) -> Any:
    return (sp.i0(x), sp.i1(x), sp.i0e(x), sp.i1e(x), sp.j0(x), sp.j1(x), sp.jv(3, x), sp.jn(2, x), sp.iv(2, x),
            sp.ive(3, x), sp.expit(x), sp.jv(0.5, x))


def third(a: Any, b: Any) -> Any:
    return (sp.beta(a, b), sp.betaln(a, b), sp.xlogy(a, b), sp.xlog1py(a, b), sp.rel_entr(a, b), sp.kl_div(a, b),
            sp.gammainc(a, b), sp.gammaincc(a, b))
# fmt: on


@pytest.mark.parametrize(("fn", "args"), [(first, (XS,)), (second, (XS,)), (third, (A, B))], ids=lambda v: "")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values(fn: Callable[..., Any], args: tuple[np.ndarray, ...], dtype: Any) -> None:
    with np.errstate(all="ignore"):
        args = tuple(a.astype(dtype) for a in args)
        found, expected = ad.jit(fn, fastmath=False)(*args), fn(*args)
    few = 4 * np.finfo(dtype).eps
    for k, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        assert mine.dtype == dtype
        np.testing.assert_allclose(mine, theirs, rtol=few, atol=np.finfo(dtype).tiny, err_msg=f"result {k}")


def test_every_function_is_compared() -> None:
    texts = [n for fn in (first, second, third) for n in fn.__code__.co_names]
    tested_elsewhere = {"gamma", "gammaln", "digamma", "erf", "erfc"}  # test_runtime.py
    assert {*ONE.split(), *TWO.split()} - tested_elsewhere <= set(texts)


def gradients(fn: Callable[..., Any], *args: float) -> Any:
    return ad.grad(fn, argnums=tuple(range(len(args))))(*args)


def test_masks() -> None:
    assert gradients(lambda x, y: sp.xlogy(x, y), 0.0, 0.0) == (0.0, 0.0)
    assert gradients(lambda x, y: sp.xlogy(x, y), 0.0, 2.0) == (np.log(2.0), 0.0)
    assert gradients(lambda x, y: sp.xlogy(x, y), 3.0, 2.0) == (np.log(2.0), 1.5)
    assert gradients(lambda x, y: sp.xlog1py(x, y), 0.0, -1.0) == (0.0, 0.0)
    assert gradients(lambda x, y: sp.rel_entr(x, y), 0.0, 0.0)[1] == 0.0
    assert gradients(lambda x, y: sp.kl_div(x, y), 0.0, 2.0)[1] == 1.0
    assert ad.grad(lambda x: np.where(x > 0, sp.entr(x), 0.0))(0.0) == 0.0
    assert ad.grad(lambda x: np.where(x < 1, sp.erfinv(x), 0.0))(1.0) == 0.0
    second_order = ad.grad(lambda x: ad.grad(lambda y: sp.xlogy(0.0, y))(x))
    assert second_order(0.0) == 0.0


@pytest.mark.parametrize("x", [-1e5, -40.0, -1.0, 0.0, 3.0, 40.0])
def test_log_ndtr_far_out(x: float) -> None:
    """The derivative is the inverse of Mills' ratio: -x (1 + 1/x^2 - ...) far below 0."""
    expected = np.sqrt(2 / np.pi) / sp.erfcx(-x / np.sqrt(2.0))
    assert ad.grad(lambda x: sp.log_ndtr(x))(x) == pytest.approx(expected, rel=1e-13)


def test_bessel_functions_at_zero() -> None:
    """Recurrences in the order, and no division by x: right at 0 to every order."""

    def nested(fn: Any, times: int) -> Any:
        for _ in range(times):
            fn = ad.grad(fn)
        return fn(0.0)

    assert [nested(lambda x: sp.j1(x), k) for k in (1, 2, 3)] == [0.5, 0.0, -0.375]
    assert [nested(lambda x: sp.i1(x), k) for k in (1, 2, 3)] == [0.5, 0.0, 0.375]


@pytest.mark.parametrize("op", ["gammainc", "gammaincc"])
def test_incomplete_gamma(op: str) -> None:
    fn = function([f64], lambda b, x: b.op(op, _constant(0.7), x[0]))
    for x in (0.3, 2.0, 9.0):
        check(fn, [x], passes=False)
    check(function([array(1)], lambda b, x: b.op(op, _constant(2.5), x[0])), [np.array([0.4, 3.0])], passes=False)


def _constant(value: float) -> Any:
    from adcompiler.ir.build import const

    return const(value, f64)


def test_no_rule_for_the_order() -> None:
    with pytest.raises(ad.MissingRule, match="gammainc with respect to its order") as caught:
        ad.grad(lambda a: sp.gammainc(a, 2.0))(1.5)
    assert caught.value.loc is not None
    with pytest.raises(ad.AdcompilerError, match="must be a literal"):
        ad.jit(lambda n, x: sp.jv(n, x))(2.0, 1.5)


def test_multigammaln() -> None:
    assert ad.jit(lambda a: sp.multigammaln(a, 3))(4.5) == pytest.approx(sp.multigammaln(4.5, 3), rel=1e-14)
    slope = sum(sp.digamma(4.5 - j / 2) for j in range(3))
    assert ad.grad(lambda a: sp.multigammaln(a, 3))(4.5) == pytest.approx(slope, rel=1e-14)


# Sums of exponentials.
ROWS = np.array([[0.3, -1.2, 2.0], [800.0, 801.0, 799.5], [-900.0, -901.0, -1e4]])
SUMS: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (lambda x: sp.logsumexp(x, axis=1), lambda x: sp.softmax(x, axis=1)),
    (lambda x: sp.logsumexp(x, axis=1, keepdims=True), lambda x: sp.softmax(x, axis=1)),
    (lambda x: sp.logsumexp(x), lambda x: sp.softmax(x)),
]


@pytest.mark.parametrize("k", range(len(SUMS)))
def test_logsumexp(k: int) -> None:
    fn, slope = SUMS[k]
    value, pull = ad.jit(fn)(ROWS), ad.grad(lambda x: np.sum(fn(x)))(ROWS)
    np.testing.assert_allclose(value, fn(ROWS), rtol=1e-15)
    np.testing.assert_allclose(pull, slope(ROWS), rtol=1e-12, atol=1e-300)
    ad.check_grads(fn, (ROWS[:1],), order=2)


def test_weighted_logsumexp() -> None:
    b = np.array([0.5, 0.0, 2.0])
    for fn in (lambda x, b: sp.logsumexp(x, b=b), lambda x, b: sp.logsumexp(x, axis=1, b=b)):
        np.testing.assert_allclose(ad.jit(fn)(ROWS, b), fn(ROWS, b), rtol=1e-14)
        ad.check_grads(fn, (ROWS[:1], b + 0.3))


def test_softmax() -> None:
    for fn in (lambda x: sp.softmax(x, axis=0), lambda x: sp.log_softmax(x, axis=-1), lambda x: sp.softmax(x)):
        np.testing.assert_allclose(ad.jit(fn)(ROWS), fn(ROWS), rtol=1e-13, atol=1e-300)
        ad.check_grads(fn, (ROWS[:1],), order=1)
    ad.check_grads(fn, (ROWS[:1],), order=2)
    single = ROWS[:1].astype(np.float32)
    assert ad.jit(lambda x: sp.log_softmax(x))(single).dtype == np.float32


def test_sums_of_nothing_and_of_infinities() -> None:
    low = np.full(3, -np.inf)
    assert ad.jit(lambda x: sp.logsumexp(x))(low) == -np.inf
    assert ad.jit(lambda x: sp.logsumexp(x))(np.array([np.inf, 1.0])) == np.inf
