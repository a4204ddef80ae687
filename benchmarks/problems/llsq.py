"""Least squares of a polynomial: half the sum over i of (s_i - sum over j of x_j t_i^j)^2, t from -1 to 1, s = sign t.

GradBench's llsq, https://github.com/gradbench/gradbench."""

from __future__ import annotations

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain


def llsq(x, n):
    total = 0.0
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1)
        residual = np.sign(t)
        power = 1.0
        for j in range(len(x)):
            residual -= x[j] * power
            power *= t
        total += residual * residual
    return 0.5 * total


@plain
def by_hand(x, n):
    total = 0.0
    x_bar = np.zeros_like(x)
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1)
        residual = np.sign(t)
        power = 1.0
        for j in range(len(x)):
            residual -= x[j] * power
            power *= t
        total += residual * residual
        power = 1.0
        for j in range(len(x)):
            x_bar[j] -= residual * power
            power *= t
    return 0.5 * total, x_bar


@fast
def best(x, n):
    """Strips of points side by side; Horner's rule for the residuals, powers again for the gradient."""
    m = len(x)
    total = 0.0
    x_bar = np.zeros_like(x)
    t, residual, power = np.empty(64), np.empty(64), np.empty(64)
    for start in range(0, n, len(t)):
        size = min(len(t), n - start)
        for k in range(size):
            t[k] = -1.0 + 2.0 * (start + k) / (n - 1)
            residual[k] = 0.0
        for k in range(size, len(t)):
            t[k] = 0.0
            residual[k] = 0.0
        for j in range(m - 1, -1, -1):
            for k in range(len(t)):
                residual[k] = residual[k] * t[k] + x[j]
        for k in range(size):
            residual[k] = np.sign(t[k]) - residual[k]
            total += residual[k] * residual[k]
            power[k] = residual[k]
        for k in range(size, len(t)):
            power[k] = 0.0
        for j in range(m):
            s = 0.0
            for k in range(len(t)):
                s += power[k]
                power[k] *= t[k]
            x_bar[j] -= s
    return 0.5 * total, x_bar


def like_numpy(np):
    def objective(x, n):
        t = np.linspace(-1.0, 1.0, n)
        powers = t[:, None] ** np.arange(len(x))
        return 0.5 * np.sum((np.sign(t) - np.sum(x * powers, axis=1)) ** 2)

    return objective


def in_torch(torch):
    def objective(x, n):
        t = torch.linspace(-1.0, 1.0, n, dtype=x.dtype)
        powers = t[:, None] ** torch.arange(len(x))
        return 0.5 * torch.sum((torch.sign(t) - torch.sum(x * powers, dim=1)) ** 2)

    return objective


def inputs(m, n):
    return np.random.default_rng(0).standard_normal(m) / np.arange(1.0, m + 1.0), n


PROBLEM = Problem(
    name="llsq",
    text=__doc__,
    ours={"loops": differentiated(llsq)},
    sizes={"m128 n4096": lambda: inputs(128, 4096)},
    small=lambda: inputs(5, 70),
    objective=plain(llsq),
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax(like_numpy, static=(1,)),
        "torch": peers.torch(in_torch),
        "autograd": peers.autograd(like_numpy),
    },
)
