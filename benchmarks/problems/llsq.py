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
    x_bar, powers = np.zeros_like(x), np.empty_like(x)
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1)
        residual = np.sign(t)
        power = 1.0
        for j in range(len(x)):
            powers[j] = power
            residual -= x[j] * power
            power *= t
        total += residual * residual
        for j in range(len(x)):
            x_bar[j] -= residual * powers[j]
    return 0.5 * total, x_bar


@fast
def residuals(x, t, out):
    """out = the polynomial at t, by Horner's rule, four coefficients at a time."""
    j = len(x)
    for k in range(len(t)):
        out[k] = 0.0
    while j >= 4:
        a, b, c, d = x[j - 1], x[j - 2], x[j - 3], x[j - 4]
        for k in range(len(t)):
            out[k] = (((out[k] * t[k] + a) * t[k] + b) * t[k] + c) * t[k] + d
        j -= 4
    while j > 0:
        for k in range(len(t)):
            out[k] = out[k] * t[k] + x[j - 1]
        j -= 1


@fast
def add_moments(t, power, x_bar):
    """x_bar_j -= the sum of power t^j, four exponents at a time; power is overwritten."""
    j = 0
    while j + 4 <= len(x_bar):
        a = b = c = d = 0.0
        for k in range(len(t)):
            p = power[k]
            square = t[k] * t[k]
            a += p
            b += p * t[k]
            p *= square
            c += p
            d += p * t[k]
            power[k] = p * square
        x_bar[j] -= a
        x_bar[j + 1] -= b
        x_bar[j + 2] -= c
        x_bar[j + 3] -= d
        j += 4
    while j < len(x_bar):
        a = 0.0
        for k in range(len(t)):
            a += power[k]
            power[k] *= t[k]
        x_bar[j] -= a
        j += 1


@fast
def best(x, n):
    """Strips of points side by side: Horner's rule for the residuals, sums of powers for the gradient."""
    total = 0.0
    x_bar = np.zeros_like(x)
    t, residual = np.empty(256), np.empty(256)
    for start in range(0, n, len(t)):
        size = min(len(t), n - start)
        for k in range(len(t)):
            t[k] = -1.0 + 2.0 * (start + k) / (n - 1)
        residuals(x, t, residual)
        for k in range(len(t)):
            sign = 1.0 if t[k] > 0.0 else -1.0 if t[k] < 0.0 else 0.0
            residual[k] = sign - residual[k] if k < size else 0.0
            total += residual[k] * residual[k]
        for k in range(size, len(t)):
            t[k] = 0.0
        add_moments(t, residual, x_bar)
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
