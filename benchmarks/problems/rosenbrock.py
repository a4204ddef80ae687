"""Rosenbrock's function of many variables, a scalar loop: sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""

from __future__ import annotations

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain


def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@plain
def by_hand(x):
    total = 0.0
    x_bar = np.zeros_like(x)
    for i in range(len(x) - 1):
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        total += 100.0 * a * a + b * b
        x_bar[i] -= 400.0 * a * x[i] + 2.0 * b
        x_bar[i + 1] += 200.0 * a
    return total, x_bar


@fast
def best(x):
    """Each adjoint is gathered from both of its terms, so that nothing is carried and the loop vectorizes."""
    n = len(x)
    x_bar = np.empty_like(x)
    if n < 2:
        x_bar[:] = 0.0
        return 0.0, x_bar
    a = x[1] - x[0] * x[0]
    b = 1.0 - x[0]
    total = 100.0 * a * a + b * b
    x_bar[0] = -400.0 * a * x[0] - 2.0 * b
    for i in range(1, n - 1):
        a = x[i + 1] - x[i] * x[i]
        b = 1.0 - x[i]
        total += 100.0 * a * a + b * b
        x_bar[i] = 200.0 * (x[i] - x[i - 1] * x[i - 1]) - 400.0 * a * x[i] - 2.0 * b
    x_bar[n - 1] = 200.0 * (x[n - 1] - x[n - 2] * x[n - 2])
    return total, x_bar


def arrays(_):
    """As array code, for the tools that need it."""
    return lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def inputs(n):
    return (np.random.default_rng(0).uniform(-1.5, 1.5, n),)


PROBLEM = Problem(
    name="rosenbrock",
    text=__doc__,
    ours={"loops": differentiated(rosenbrock)},
    sizes={"1e3": lambda: inputs(1_000), "1e6": lambda: inputs(1_000_000)},
    small=lambda: inputs(7),
    objective=plain(rosenbrock),
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax(arrays), "torch": peers.torch(arrays), "autograd": peers.autograd(arrays)},
)
