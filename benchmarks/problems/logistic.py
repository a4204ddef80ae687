"""Logistic regression: the sum of log(1 + exp(-y x·w)) over samples x with labels y of -1 and 1."""

from __future__ import annotations

import math

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain
from benchmarks.vector import exp, log


def loops(w, x, y):
    total = 0.0
    for i in range(x.shape[0]):
        score = 0.0
        for j in range(x.shape[1]):
            score += x[i, j] * w[j]
        total += math.log(1.0 + math.exp(-y[i] * score))
    return total


def arrays(w, x, y):
    return np.sum(np.log(1.0 + np.exp(-y * (x @ w))))


@plain
def by_hand(w, x, y):
    total = 0.0
    g = np.dot(x, w)
    for i in range(len(y)):
        e = math.exp(-y[i] * g[i])
        total += math.log(1.0 + e)
        g[i] = -y[i] * e / (1.0 + e)
    return total, np.dot(x.T, g)


@fast
def scores(w, x, start, strip):
    """Scores of a strip of samples, one after the other as they lie in memory."""
    for i in range(len(strip)):
        score = 0.0
        for j in range(len(w)):
            score += x[start + i, j] * w[j]
        strip[i] = score


@fast
def add_rows(w_bar, x, start, strip):
    """The samples of a strip, weighted and added up, four at a time."""
    for i in range(0, len(strip), 4):
        row = start + i
        a, b, c, e = strip[i], strip[i + 1], strip[i + 2], strip[i + 3]
        for j in range(len(w_bar)):
            w_bar[j] += (a * x[row, j] + b * x[row + 1, j]) + (c * x[row + 2, j] + e * x[row + 3, j])


@fast
def best(w, x, y):
    """Strips of samples that stay in the cache: scores, then exp and log as vectors, then the gradient."""
    n = len(y)
    w_bar, strip = np.zeros_like(w), np.empty(32)
    whole = n - n % len(strip)
    total = 0.0
    for start in range(0, whole, len(strip)):
        scores(w, x, start, strip)
        for i in range(len(strip)):
            label = y[start + i]
            e = exp(-label * strip[i])
            total += log(1.0 + e)
            strip[i] = -label * e / (1.0 + e)
        add_rows(w_bar, x, start, strip)
    rest, rest_bar = by_hand(w, x[whole:], y[whole:])
    return total + rest, w_bar + rest_bar


def like_numpy(np):
    return lambda w, x, y: np.sum(np.log(1.0 + np.exp(-y * (x @ w))))


def in_torch(torch):
    return lambda w, x, y: torch.sum(torch.log(1.0 + torch.exp(-y * (x @ w))))


def inputs(n, d):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d))
    w = rng.standard_normal(d) / np.sqrt(d)
    return w, x, np.where(rng.random(n) < 0.5, -1.0, 1.0)


PROBLEM = Problem(
    name="logistic",
    text=__doc__,
    ours={"loops": differentiated(loops), "numpy": differentiated(arrays)},
    sizes={"1e4x100": lambda: inputs(10_000, 100), "1e5x100": lambda: inputs(100_000, 100)},
    large={"2e5x20": lambda: inputs(200_000, 20), "2e6x20": lambda: inputs(2_000_000, 20)},
    small=lambda: inputs(137, 5),
    objective=plain(loops),
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax(like_numpy), "torch": peers.torch(in_torch), "autograd": peers.autograd(like_numpy)},
)
