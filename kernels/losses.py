"""Losses and penalties: numbers to be made small. Means are over all elements or examples."""

from __future__ import annotations

from typing import Any

import numpy as np

import adcompiler as ad
from adcompiler.kernels.activations import log_softmax, softplus

Tree = Any  # a structure of arrays and floats


# Regression.
def squared(y: Any, target: Any) -> Any:
    """mean (y - target)^2"""
    return np.mean((y - target) ** 2)


def absolute(y: Any, target: Any) -> Any:
    """mean |y - target|"""
    return np.mean(np.abs(y - target))


def huber(y: Any, target: Any, delta: Any = 1.0) -> Any:
    """mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) (Huber 1964)"""
    error = np.abs(y - target)
    inside = np.minimum(error, delta)
    return np.mean(inside * (error - 0.5 * inside))


# Classification.
def cross_entropy(scores: Any, classes: Any) -> Any:
    """mean of -log softmax(scores)[class]; scores (n, k), classes int (n,)."""
    return -np.mean(log_softmax(scores)[np.arange(len(classes)), classes])


def binary_cross_entropy(scores: Any, targets: Any) -> Any:
    """mean of log(1 + exp(s)) - t s, for targets in 0..1: the cross entropy of sigmoid(s), whatever its size."""
    return np.mean(softplus(scores) - targets * scores)


def hinge(scores: Any, signs: Any) -> Any:
    """mean max(0, 1 - sign s), signs -1 or 1 (Cortes and Vapnik 1995)"""
    return np.mean(np.maximum(0.0, 1.0 - signs * scores))


def contrastive_hinge(right: Any, wrong: Any, margin: Any = 1.0) -> Any:
    """mean max(0, margin - right + wrong): scores of what was seen are to exceed those of what was made up (Collobert
    and Weston 2008)"""
    return np.mean(np.maximum(0.0, margin - right + wrong))


def hierarchical(hidden: Any, nodes: Any, codes: Any, paths: Any, lengths: Any) -> Any:
    """mean of -log p(class), p a product of decisions along the class' path in a binary tree (Morin and Bengio 2005):
    at node v the code's bit is 1 with probability sigmoid(hidden . nodes[v]).

    hidden (n, d); nodes (tree nodes, d); of each example, the first `lengths[i]` of paths[i] are its nodes, root first,
    and those of codes[i] the bits.
    """
    total = 0.0
    for i in range(len(lengths)):
        for j in range(lengths[i]):
            score = np.dot(hidden[i], nodes[paths[i, j]])
            total += softplus(score) - codes[i, j] * score
    return total / len(lengths)


# Penalties.
def l2(params: Tree) -> Any:
    """Half the sum of squares of all elements."""
    total = 0.0
    for p in ad.tree_leaves(params):
        total += np.sum(p * p)
    return 0.5 * total


def l1(params: Tree) -> Any:
    """The sum of magnitudes of all elements."""
    total = 0.0
    for p in ad.tree_leaves(params):
        total += np.sum(np.abs(p))
    return total
