"""Stochastic Newton: the Neumann series, its estimates from examples drawn at random, the steps; random search."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.kernels import hyper, lissa, optim

DATA = Path(__file__).parent / "data"
SECOND = json.loads((DATA / "second_order.json").read_text())["lissa"]
RANDOM = json.loads((DATA / "misc.json").read_text())["random_search"]

POINTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
SIGNS = np.array([1.0, 1.0, -1.0, 1.0])
ROWS = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
MATRIX, V, SOLUTION = (np.array(SECOND[k]) for k in ("H_matrix", "v", "Hinv_v"))
LOGITS = POINTS @ np.array([0.1, -0.2, 0.3])
WEIGHTS = 1.0 / (2.0 + np.exp(LOGITS) + np.exp(-LOGITS))  # p (1 - p)


def loss(w, i):
    return np.log(1.0 + np.exp(-SIGNS[i] * (ROWS[i] @ w))) + 0.05 * w @ w


def curved(x, i):
    """Half a quadratic, with the Hessian of example i."""
    return 0.5 * (WEIGHTS[i] * (ROWS[i] @ x) ** 2 + 0.1 * x @ x)


def series(matrix, v, depth):
    return lissa.neumann(lambda u: matrix @ u, v, depth)


def test_neumann_series() -> None:
    errors = {1: 5.38, 10: 1.08, 50: 2.68e-3, 100: 1.7e-6, 200: 7e-13}
    compiled = ad.jit(series)
    for depth, expected, error in SECOND["neumann_deterministic"]:
        for f in (series, compiled):
            found = f(MATRIX, V, depth)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
            assert np.linalg.norm(found - SOLUTION) == pytest.approx(error, rel=1e-3)
        assert error == pytest.approx(errors.get(depth, error), rel=0.02)


def test_a_scale_makes_it_converge() -> None:
    found = lissa.neumann(lambda u: 30.0 * (MATRIX @ u), V, 400, scale=0.1)
    np.testing.assert_allclose(found, SOLUTION / 30.0, rtol=1e-10)
    ad.check_grads(lambda m, v: np.sum(series(m, v, 8) ** 2), (MATRIX, V))


def test_estimates_have_the_series_as_mean() -> None:
    """One chain spreads as the data says, and many chains come to the series that ends where they do."""

    def chains(v, number, key):
        found = np.zeros((number, 3))
        for k in range(number):
            found[k] = lissa.chain(curved, np.zeros(3), v, 4, key, 40 * k, 40)
        return found

    found, data = ad.jit(chains)(V, 4000, 1), SECOND["stochastic_chains"]["40"]
    np.testing.assert_allclose(found.std(axis=0), data["std_single_chain"], rtol=0.1)
    away = (found.mean(axis=0) - data["truncated_series_exact"]) / (found.std(axis=0) / np.sqrt(4000))
    assert np.all(np.abs(away) < 4.0), away
    np.testing.assert_allclose(found[:2], chains(V, 2, 1), rtol=1e-12)


def test_draws_are_even() -> None:
    drawn = np.array([lissa.draw(3, i, 4) for i in range(4000)])
    assert {*drawn} == {0, 1, 2, 3}
    assert np.all(np.abs(np.bincount(drawn) - 1000) < 120)


def minimized(w, key, steps):
    return lissa.lissa(loss, w, 4, key, steps)


def test_steps() -> None:
    data, start = SECOND["outer_loop"], np.zeros(3)

    def gap(w):
        return np.mean([loss(w, i) for i in range(4)]) - data["f_opt"]

    compiled = ad.jit(minimized)
    for key in range(4):
        gaps = [gap(compiled(start, key, steps)) for steps in range(6)]
        assert gaps[0] == pytest.approx(0.23315063796224805, rel=1e-12)
        assert gaps[1] < 5e-3 and gaps[4] <= 1e-10, gaps
    np.testing.assert_allclose(compiled(start, 0, 6), data["w_opt"], rtol=0, atol=1e-7)
    np.testing.assert_array_equal(compiled(start, 0, 2), compiled(start, 0, 2))
    np.testing.assert_allclose(minimized_little(start), ad.jit(minimized_little)(start), rtol=1e-11)


def minimized_little(w):
    return lissa.lissa(loss, w, 4, 0, 1, 2, 10)


def test_structures() -> None:
    def of_parts(p, i):
        return loss(np.concatenate((p["w"], np.array([p["b"]]))), i)

    def run(p):
        return lissa.lissa(of_parts, p, 4, 0, 2)

    found = ad.jit(run)({"w": np.zeros(2), "b": 0.0})
    np.testing.assert_allclose([*found["w"], found["b"]], ad.jit(minimized)(np.zeros(3), 0, 2), rtol=1e-10)


# Random search.
LOW, HIGH = {"lr": 1e-4, "b": (0.1,)}, {"lr": 1e-1, "b": (0.99,)}


def trained(h):
    x, state = np.array([1.0, -2.0]), optim.adam.init(np.zeros(2))
    for _ in range(10):
        x, state = optim.adam.update(x, 2.0 * x, state, lr=h["lr"], b1=h["b"][0])
    return np.sum(x * x) if h["b"][0] < 0.9 else np.nan


def search(low, high, count, key):
    return hyper.random_search(trained, low, high, count, key)


def test_random_search() -> None:
    mine, theirs = ad.jit(search)(LOW, HIGH, 40, 7), search(LOW, HIGH, 40, 7)
    np.testing.assert_allclose(mine.scores, theirs.scores, rtol=1e-12)
    assert np.isnan(mine.scores).any() and mine.score == np.nanmin(mine.scores)
    best = int(np.nanargmin(mine.scores))
    assert mine.best["lr"] == mine.tried["lr"][best] and mine.best["b"][0] == mine.tried["b"][0][best]
    assert mine.score == pytest.approx(trained(mine.best), rel=1e-12)
    fewer = ad.jit(search)(LOW, HIGH, 10, 7)
    np.testing.assert_array_equal(fewer.tried["lr"], mine.tried["lr"][:10])
    assert np.isnan(hyper.random_search(lambda h: np.nan + h, 0.1, 1.0, 3, 0).score)


def test_log_uniform() -> None:
    rates = np.array([hyper.log_uniform(5, i, 1e-4, 1e-1) for i in range(2000)])
    assert rates.min() >= 1e-4 and rates.max() <= 1e-1
    assert np.median(rates) == pytest.approx(RANDOM["median_lr"], rel=0.15)
    np.testing.assert_allclose(np.histogram(np.log10(rates), 3, (-4.0, -1.0))[0], 2000 / 3, rtol=0.1)
    for count, chance in RANDOM["prob_hit_top5pct_n"].items():
        assert chance == pytest.approx(1.0 - 0.95 ** int(count), rel=1e-12)
