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
    n, d = x.shape
    total = 0.0
    w_bar = np.zeros(d)
    for i in range(n):
        score = 0.0
        for j in range(d):
            score += x[i, j] * w[j]
        e = math.exp(-y[i] * score)
        total += math.log(1.0 + e)
        g = -y[i] * e / (1.0 + e)
        for j in range(d):
            w_bar[j] += g * x[i, j]
    return total, w_bar


@fast
def best(w, x, y):
    """Strips of samples that stay in the cache: scores, then exp and log as vectors, then the gradient."""
    n, d = x.shape
    total = 0.0
    w_bar = np.zeros(d)
    strip = np.empty(32)
    for start in range(0, n, len(strip)):
        size = min(len(strip), n - start)
        for i in range(size):
            score = 0.0
            for j in range(d):
                score += x[start + i, j] * w[j]
            strip[i] = score
        for i in range(size):
            label = y[start + i]
            e = exp(-label * strip[i])
            total += log(1.0 + e)
            strip[i] = -label * e / (1.0 + e)
        i = 0
        while i + 4 <= size:
            a, b, c, e = strip[i], strip[i + 1], strip[i + 2], strip[i + 3]
            row = start + i
            for j in range(d):
                w_bar[j] += (a * x[row, j] + b * x[row + 1, j]) + (c * x[row + 2, j] + e * x[row + 3, j])
            i += 4
        while i < size:
            for j in range(d):
                w_bar[j] += strip[i] * x[start + i, j]
            i += 1
    return total, w_bar


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
    small=lambda: inputs(37, 5),
    objective=plain(loops),
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax(like_numpy), "torch": peers.torch(in_torch), "autograd": peers.autograd(like_numpy)},
)
