"""Score matching and denoising auto-encoders: nested derivatives, held to closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np

import adcompiler as ad
from adcompiler.kernels import scores
from adcompiler.kernels.activations import sigmoid, softplus

SIGMA = 0.7
RNG = np.random.default_rng(11)
W, B, C = 0.5 * RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=3)
XS = RNG.normal(size=(5, 3))


def gaussian(precision, x):
    return -0.5 * np.dot(x, precision @ x)


def machine(params, x):
    """A restricted Boltzmann machine with Gaussian visible units."""
    w, b, c = params
    return (np.dot(c, x) - 0.5 * np.dot(x, x) + np.sum(softplus(w @ x + b))) / SIGMA**2


def reconstruct(params, x):
    """An auto-encoder with tied weights, whose residual is the score of that machine (Vincent 2011)."""
    w, b, c = params
    return w.T @ sigmoid(w @ x + b) + c


def close(a: Any, b: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_score_matching_of_a_gaussian() -> None:
    """Examples whose covariance is the inverse of P: J = -tr(P) / 2, the least value there is."""
    precision = np.array([[2.0, 0.3, 0.0], [0.3, 1.5, -0.4], [0.0, -0.4, 1.2]])
    root = np.sqrt(3.0) * np.linalg.cholesky(np.linalg.inv(precision)).T
    xs = np.concatenate((root, -root))

    def loss(precision, xs):
        return scores.matching(gaussian, precision, xs)

    value, slope = ad.value_and_grad(loss)(precision, xs)
    close(value, -np.trace(precision) / 2)
    close(slope, np.zeros((3, 3)))
    close(loss(precision, xs), value)
    ad.check_grads(loss, (precision + np.eye(3), xs[:2]), modes=("rev",))


def test_score_matching_of_a_machine() -> None:
    """By the formula, whose gradient is one derivative only."""

    def loss(params, xs):
        return scores.matching(machine, params, xs)

    def formula(params, xs):
        w, b, c = params
        total = 0.0
        for x in xs:
            on = sigmoid(w @ x + b)
            total += 0.5 * np.sum((c - x + w.T @ on) ** 2) / SIGMA**4
            total += (np.sum(np.sum(w * w, axis=1) * on * (1.0 - on)) - len(x)) / SIGMA**2
        return total / len(xs)

    mine, theirs = (ad.value_and_grad(f)((W, B, C), XS) for f in (loss, formula))
    close(mine[0], theirs[0])
    for a, b in zip(mine[1], theirs[1], strict=True):
        close(a, b, 1e-11)


def test_the_residual_of_an_autoencoder_is_a_score() -> None:
    params = (W, B, C)
    for x in XS:
        close(scores.score(machine, params, x), (reconstruct(params, x) - x) / SIGMA**2, 1e-14)

    def by_score(params):
        return scores.denoising(machine, params, XS, 3, SIGMA) * SIGMA**4

    def by_error(params):
        return scores.autoencoder(reconstruct, params, XS, 3, SIGMA)

    mine, theirs = (ad.value_and_grad(f)(params) for f in (by_score, by_error))
    close(mine[0], theirs[0])
    close(by_error(params), mine[0])
    for a, b in zip(mine[1], theirs[1], strict=True):
        close(a, b)


def test_sliced_score_matching() -> None:
    """Over many draws the product with a normal vector is the trace; draw by draw it is a quadratic form."""
    precision = np.diag([2.0, 1.0, 0.5]).astype(np.float32)
    xs = XS.astype(np.float32)

    def loss(precision, xs, key):
        return scores.sliced(gaussian, precision, xs, key)

    value, slope = ad.value_and_grad(loss)(precision, xs, 5)
    vs = np.array([scores.noise(5, 3 * i, x) for i, x in enumerate(xs)])
    expected = np.mean([0.5 * np.sum((precision @ x) ** 2) - v @ precision @ v for x, v in zip(xs, vs, strict=True)])
    close(value, expected, 1e-5)
    assert slope.dtype == vs.dtype == np.float32
    many = np.array([scores.noise(1, 3 * i, xs[0]) for i in range(4000)])
    assert abs(np.mean(np.einsum("ij,jk,ik->i", many, precision, many)) - 3.5) < 0.25
