"""The registry of NumPy cases: `cases(name, function, args, more_args)` enters programs for a NumPy name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One program for a name."""

    name: str
    number: int
    fn: Callable[..., Any]
    args: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name}-{self.number}"


CASES: dict[str, list[Case]] = {}


def case(names: str, fn: Callable[..., Any], *args: Any) -> None:
    """Enter a program for one or several names; arrays are tuples' items or single arguments."""
    for name in names.split():
        rows = CASES.setdefault(name, [])
        rows.append(Case(name, len(rows), fn, args))


# Arguments: drawn once from seeds, far enough from kinks for differences.
def draw(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(low, high, shape), 3)


V, W = draw(3), draw(4, seed=1)
A, B, S = draw(2, 3, seed=2), draw(3, 4, seed=3), draw(3, 3, seed=4)
T, U = draw(2, 3, 4, seed=5), draw(2, 4, 2, seed=6)
P, Q = draw(2, 3, seed=7, low=0.3), draw(3, seed=8, low=0.3)
UNIT = draw(2, 3, seed=9, low=-0.9, high=0.9)
NONE = np.zeros((0, 3))
ROW, COLUMN = draw(1, 3, seed=10), draw(2, 1, seed=11)
X5 = np.array([0.1, 0.4, 1.1, 1.9, 2.5])
MASK = A > 0
PLACES = np.array([2, 0, 2, 1])
FORTRAN = np.asfortranarray(draw(3, 4, seed=12))
BACK = draw(6, seed=13)[::-2]
SINGLE = draw(2, 3, seed=14).astype(np.float32)
