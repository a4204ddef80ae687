"""What a problem is: programs in our language, rivals by hand and in other tools, and inputs of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

import adcompiler as ad

Args = tuple[Any, ...]
Call = Callable[..., Any]

# How rivals are compiled: `plain` as a good Numba user does it, `fast` with the floating-point flags that are our
# default, so that sums may be reordered and products contracted. Parts of one are put in place by LLVM, not called.
FLAGS = {"contract", "nsz", "reassoc"}
plain = njit(cache=True, error_model="numpy")
fast = njit(cache=True, error_model="numpy", fastmath=FLAGS)
plain_part = njit(cache=True, error_model="numpy", forceinline=True)
fast_part = njit(cache=True, error_model="numpy", fastmath=FLAGS, forceinline=True)


@dataclass(frozen=True, slots=True)
class Ours:
    """A program of a user: its value and gradient, and, where there is such, the objective alone; compiled by us."""

    gradient: Call
    objective: Call | None = None


def differentiated(objective: Call, argnums: int | tuple[int, ...] = 0) -> Ours:
    """Value and gradient of an objective."""
    return Ours(ad.value_and_grad(objective, argnums=argnums), ad.jit(objective))


@dataclass(frozen=True, slots=True)
class Problem:
    """One benchmark.

    Every entry computes value and gradient: `ours` (by style), `plain` and `best` of the arguments; a peer is made
    for given arguments and called without any. All results, flattened, are the same numbers.
    """

    name: str
    text: str
    ours: Mapping[str, Ours]
    sizes: Mapping[str, Callable[[], Args]]
    small: Callable[[], Args]  # for the tests
    plain: Call
    best: Call
    objective: Call | None = None  # by hand
    peers: Mapping[str, Callable[[Args], Call]] = field(default_factory=dict)
    flat: Callable[[Args], Args] = lambda args: args  # the arguments as those by hand take them
    large: Mapping[str, Callable[[], Args]] = field(default_factory=dict)  # sizes of which only the memory counts
    reference: Callable[[str], np.ndarray | None] = lambda size: None  # value and gradient published elsewhere
    steps: Callable[[Args], int] | None = None  # of a training run: how many it takes
    tolerance: float = 1e-10


def numbers(result: Any) -> np.ndarray:
    """A result as one vector, whatever its structure."""
    return np.concatenate([np.ravel(leaf) for leaf in _leaves(result)])


def _leaves(tree: Any) -> Iterator[np.ndarray]:
    if isinstance(tree, dict):
        tree = tuple(tree[key] for key in sorted(tree))  # JAX returns them so
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from _leaves(part)
    else:
        yield np.asarray(tree, dtype=np.float64)


def error(result: Any, expected: Any) -> float:
    """|x - y| / max(1, |x| + |y|), the greatest of all entries; inf where the shapes differ or there are nans."""
    x, y = numbers(result), numbers(expected)
    if x.shape != y.shape:
        return float("inf")
    worst = float(np.max(np.abs(x - y) / np.maximum(1.0, np.abs(x) + np.abs(y))))
    return worst if np.isfinite(worst) else float("inf")
