"""The registry of the zoo: `@program(args, more_args)` enters a function with the argument sets it is tested at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Program:
    """A function and the arguments it is tested at. `single`: float32 on the way."""

    name: str
    fn: Callable[..., Any]
    args: tuple[tuple[Any, ...], ...]
    order: int = 2
    single: bool = False
    tol: float = 1e-7

    def __str__(self) -> str:
        return self.name


PROGRAMS: list[Program] = []


def program(*args: tuple[Any, ...], **how: Any) -> Callable[[Any], Any]:
    """Enter the decorated function; each of `args` is one tuple of arguments."""

    def enter(fn: Any) -> Any:
        python = getattr(fn, "py_func", fn)
        name = f"{python.__module__.removeprefix('zoo.')}.{python.__name__}"
        assert all(p.name != name for p in PROGRAMS), f"two programs are called {name}"
        PROGRAMS.append(Program(name, fn, args, **how))
        return fn

    return enter


# Arguments: drawn once from a seed, far enough from kinks for differences.
def vec(n: int, seed: int = 0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(-2.0, 2.0, n), 3)


def pos(n: int, seed: int = 0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(0.3, 1.8, n), 3)


def mat(n: int, m: int, seed: int = 0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(-1.5, 1.5, (n, m)), 3)


def spd(n: int, seed: int = 0) -> np.ndarray:
    """A symmetric positive definite matrix."""
    a = mat(n, n, seed)
    return a @ a.T + n * np.eye(n)
