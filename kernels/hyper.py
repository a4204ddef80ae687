"""Random search for hyper-parameters (Bergstra and Bengio 2012), each run of the training inside one compiled program.

    found = random_search(train, low, high, count=60, key=0)

`train` takes hyper-parameters, a structure of floats, and returns the score of what it trained, the smaller the better;
`low` and `high` are structures of that form. Of 60 runs the best is among the best 5 % with probability 0.95.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import adcompiler as ad

Tree = Any  # a structure of floats


class Found(NamedTuple):
    """The best hyper-parameters and their score; all that were tried, as the same structure of arrays; all scores."""

    best: Tree
    score: Any
    tried: Tree
    scores: Any


def log_uniform(key: Any, i: Any, low: Any, high: Any) -> Any:
    """Number i of a stream of numbers between low and high whose logarithm is uniform."""
    return low * (high / low) ** ad.random(key, i)


def sample(key: Any, run: Any, low: Tree, high: Tree) -> Tree:
    """The hyper-parameters of one run: the same whatever other runs there are."""
    leaves: tuple[Any, ...] = ()
    for least, most in zip(ad.tree_leaves(low), ad.tree_leaves(high), strict=True):
        leaves = (*leaves, log_uniform(key, run * len(ad.tree_leaves(low)) + len(leaves), least, most))
    return ad.tree_unflatten(low, leaves)


def random_search(train: Callable[[Tree], Any], low: Tree, high: Tree, count: int, key: Any) -> Found:
    """`count` runs. A score that is nan loses to every other; of equal ones the first is taken."""
    scores = np.zeros(count)
    tried = ad.tree_map(lambda _: np.zeros(count), low)
    best = 0
    for run in range(count):
        hyper = sample(key, run, low, high)
        for column, value in zip(ad.tree_leaves(tried), ad.tree_leaves(hyper), strict=True):
            column[run] = value
        scores[run] = train(hyper)
        if scores[run] < scores[best] or (np.isnan(scores[best]) and not np.isnan(scores[run])):
            best = run
    return Found(sample(key, best, low, high), scores[best], tried, scores)
