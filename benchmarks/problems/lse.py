"""The logarithm of a sum of exponentials, shifted by the greatest of them. GradBench's lse."""

from __future__ import annotations

import math

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain
from benchmarks.vector import exp


def lse(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


@plain
def objective(x):
    top = x[0]
    for i in range(1, len(x)):
        top = max(top, x[i])
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i] - top)
    return top + math.log(total)


@plain
def by_hand(x):
    top = x[0]
    for i in range(1, len(x)):
        top = max(top, x[i])
    x_bar = np.empty_like(x)
    total = 0.0
    for i in range(len(x)):
        x_bar[i] = math.exp(x[i] - top)
        total += x_bar[i]
    for i in range(len(x)):
        x_bar[i] /= total
    return top + math.log(total), x_bar


@fast
def best(x):
    top = x[0]
    for i in range(len(x)):
        top = x[i] if x[i] > top else top
    x_bar = np.empty_like(x)
    total = 0.0
    for i in range(len(x)):
        e = exp(x[i] - top)
        x_bar[i] = e
        total += e
    scale = 1.0 / total
    for i in range(len(x)):
        x_bar[i] *= scale
    return top + math.log(total), x_bar


def like_numpy(np):
    def objective(x):
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    return objective


def in_torch(torch):
    def objective(x):
        top = torch.max(x)
        return top + torch.log(torch.sum(torch.exp(x - top)))

    return objective


def inputs(n):
    return (np.random.default_rng(0).standard_normal(n),)


PROBLEM = Problem(
    name="lse",
    text=__doc__,
    ours={"numpy": differentiated(lse)},
    sizes={"160000": lambda: inputs(160_000)},
    small=lambda: inputs(9),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax(like_numpy), "torch": peers.torch(in_torch), "autograd": peers.autograd(like_numpy)},
)
