"""Few bits: what rounding to the nearest loses and rounding by chance keeps; float16 against NumPy's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.kernels import precision

KNOWN = json.loads((Path(__file__).parent / "data" / "misc.json").read_text())["low_precision"]["rows"]
# Toxicity of four points with three features, as the notebook has it.
POINTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
CLASSES = np.array([1.0, 1.0, 0.0, 1.0])


def loss(w):
    scores = POINTS @ w
    return np.sum(np.logaddexp(0.0, scores) - CLASSES * scores)


@ad.jit
def trained(steps, rate, bits, key, chance):
    """The loss after steps of gradient descent on weights in fixed point."""
    w = np.zeros(3)
    for t in range(steps):
        w = w - rate * ad.grad(loss)(w)
        w = precision.by_chance(w, bits, key * 1_000_003 + t) if chance else precision.nearest(w, bits)
    return loss(w)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_training_in_fixed_point(bits: int) -> None:
    nearest, chance = KNOWN[f"FL={bits} nearest"], KNOWN[f"FL={bits} stochastic"]
    np.testing.assert_allclose(trained(100, 0.01, bits, 0, False), nearest["loss_100steps_lr.01_mean"], rtol=1e-10)
    np.testing.assert_allclose(trained(10_000, 1e-4, bits, 0, False), nearest["loss_10000steps_lr1e-4"], rtol=1e-10)
    short = [trained(100, 0.01, bits, k, True) for k in range(200)]
    assert abs(np.mean(short) - chance["loss_100steps_lr.01_mean"]) < 0.5 * chance["std"]
    assert 0.7 < np.std(short) / chance["std"] < 1.4


def test_by_chance_small_steps_are_not_lost() -> None:
    """Rounding to the nearest never leaves 4 log 2. By chance, runs come to 1.0645 in the mean, with a spread that is
    the noise of 10,000 roundings."""
    long = [trained(10_000, 1e-4, 8, k, True) for k in range(60)]
    assert abs(np.mean(long) - 1.0645) < 0.02 and np.max(long) < 1.25


def test_by_chance_is_right_in_the_mean() -> None:
    x = np.full(20_000, 0.3)
    found = precision.by_chance(x, 2, 5)
    assert set(found) == {0.25, 0.5} and abs(np.mean(found) - 0.3) < 0.003
    np.testing.assert_array_equal(found, ad.jit(lambda x: precision.by_chance(x, 2, 5))(x))
    np.testing.assert_array_equal(precision.by_chance(np.array([-0.75, 0.5, 9.0]), 2, 1, 2.0), [-0.75, 0.5, 2.0])


def test_derivatives_go_straight_through() -> None:
    x = np.array([0.3, -0.2, 3.0, -5.0])
    for f in (lambda x: precision.nearest(x, 3, 2.0), lambda x: precision.by_chance(x, 3, 1, 2.0)):
        np.testing.assert_array_equal(
            ad.grad(lambda x, f=f: np.sum(f(x) * x[::-1]))(x)[:2], x[::-1][:2] + f(x)[::-1][:2]
        )


def test_half() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000) * 10.0 ** rng.integers(-9, 6, 1000)
    edges = [0.0, 65504.0, 65519.0, 65520.0, -1e9, 2.0**-24, 2.0**-25, 1.5 * 2.0**-25, np.inf, -np.inf]
    x = np.concatenate([x, edges])
    with np.errstate(over="ignore", invalid="ignore"):
        expected = x.astype(np.float16).astype(np.float64)
        np.testing.assert_array_equal(precision.half(x), expected)
    np.testing.assert_array_equal(ad.jit(precision.half)(x), expected)
