"""A gradient of three numbers, where only the call counts."""

from __future__ import annotations

import math

import adcompiler as ad
from benchmarks import peers
from benchmarks.problem import Ours, Problem, plain


def scalars(x, y, z):
    return x * y + math.sin(z)


@plain
def by_hand(x, y, z):
    return x * y + math.sin(z), y, x, math.cos(z)


def like_numpy(np):
    return lambda x, y, z: x * y + np.sin(z)


ALL = (0, 1, 2)
PROBLEM = Problem(
    name="tiny",
    text=__doc__,
    ours={"scalars": Ours(ad.value_and_grad(scalars, argnums=ALL), ad.jit(scalars))},
    sizes={"3": lambda: (0.5, 1.5, 0.25)},
    small=lambda: (0.5, 1.5, 0.25),
    objective=plain(scalars),
    plain=by_hand,
    best=by_hand,
    peers={
        "jax": peers.jax(like_numpy, argnums=ALL),
        "torch": peers.torch(like_numpy, argnums=ALL),
        "autograd": peers.autograd(like_numpy, argnums=ALL),
    },
)
