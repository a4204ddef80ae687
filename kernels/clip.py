"""Bounds on gradients, on structures of arrays and floats."""

from __future__ import annotations

from typing import Any

import numpy as np

import adcompiler as ad

Tree = Any  # a structure of arrays and floats


def by_value(grads: Tree, upper: Any, lower: Any = None) -> Tree:
    """Each element between `lower`, which is -upper where it is not given, and `upper`."""
    least = -upper if lower is None else lower
    return ad.tree_map(lambda g: np.minimum(np.maximum(g, least), upper), grads)


def global_norm(grads: Tree) -> Any:
    """The Euclidean norm of all elements together."""
    total = 0.0
    for g in ad.tree_leaves(grads):
        total += np.sum(g * g)
    return np.sqrt(total)


def by_norm(grads: Tree, bound: Any, always: bool = False) -> Tree:
    """All times min(1, bound / (norm + 1e-6)), as PyTorch: shorter where the global norm exceeds the bound (Pascanu et
    al. 2013). `always`: times bound / norm, so that the norm is the bound whatever it was.

    A norm that is not finite makes every element so.
    """
    norm = global_norm(grads)
    scale = bound / norm if always else np.minimum(bound / (norm + 1e-6), 1.0)
    return ad.tree_map(lambda g: g * scale, grads)
