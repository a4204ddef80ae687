"""A gradient of three numbers in an array, written into a buffer that is used again."""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad
from benchmarks.problem import Ours, Problem, plain


def objective(x):
    return x[0] * x[1] + math.sin(x[2])


@plain
def into(x, x_bar):
    x_bar[0], x_bar[1], x_bar[2] = x[1], x[0], math.cos(x[2])
    return x[0] * x[1] + math.sin(x[2])


gradient = ad.value_and_grad(objective)
OURS, BY_HAND = np.empty(3), np.empty(3)


def by_hand(x):
    return into(x, BY_HAND), BY_HAND


def inputs():
    return (np.array([0.5, 1.5, 0.25]),)


PROBLEM = Problem(
    name="tiny_buffer",
    text=__doc__,
    ours={"loops": Ours(lambda x: gradient(x, out=OURS), ad.jit(objective))},
    sizes={"3": inputs},
    small=inputs,
    objective=plain(objective),
    plain=by_hand,
    best=by_hand,
)
