"""Structures of parameters as one vector, for methods that work on vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import adcompiler as ad

Tree = Any  # a structure of arrays and floats
Vector = Any


def ravel(tree: Tree) -> Vector:
    """All elements, in the order of the leaves."""
    return np.concatenate([np.ravel(leaf) for leaf in ad.tree_leaves(tree)])


def unravel(vector: Vector, like: Tree) -> Tree:
    """The elements of the vector in the structure, the shapes and the dtypes of `like`."""
    leaves: tuple[Any, ...] = ()
    at = 0
    for leaf in ad.tree_leaves(like):
        if np.ndim(leaf) == 0:
            leaves = (*leaves, float(vector[at]))
        else:
            leaves = (*leaves, np.reshape(vector[at : at + np.size(leaf)], np.shape(leaf)).astype(leaf.dtype))
        at += np.size(leaf)
    return ad.tree_unflatten(like, leaves)


def evaluated(loss: Callable[[Tree], Any], params: Tree) -> Any:
    """(the loss, its gradient as a vector)"""
    return ad.value_and_grad(of_vectors(loss, params))(ravel(params))


def of_vectors(loss: Callable[..., Any], params: Tree) -> Callable[..., Any]:
    """The loss as a function of vectors that stand for structures like `params`; what else it takes stays as it is."""
    # Only the form counts, so its numbers may be the same at every step. In a tuple, for no dict by itself is captured.
    form = (ad.tree_map(lambda p: 0.0 * p, params),)
    return lambda vector, *rest: loss(unravel(vector, form[0]), *rest)
