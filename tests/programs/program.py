"""A program as text, with its arguments: made into functions that `inspect` can read."""

from __future__ import annotations

import hashlib
import linecache
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

HEAD = """import math
from dataclasses import dataclass

import numpy as np


@dataclass
class State:
    p: float
    v: np.ndarray



SCALE = 0.8
COUNT = 3
PAIR = (0.4, -1.2)
TABLE = np.array([0.3, -0.9, 1.4])
"""


@dataclass(frozen=True)
class Program:
    """The text of a module with a function `f`, and arguments: numbers, or shapes of arrays drawn from `seed`."""

    text: str
    shapes: tuple[float | int | tuple[int, ...], ...]
    seed: int = 0

    def args(self, seed: int | None = None) -> list[Any]:
        rng = np.random.default_rng(self.seed if seed is None else seed)
        return [rng.uniform(-1.5, 1.5, s) if isinstance(s, tuple) else s for s in self.shapes]

    def function(self) -> Callable[..., Any]:
        """The function, in a module of its own whose source can be read."""
        name = f"<program {hashlib.sha1(self.text.encode()).hexdigest()[:12]}>"
        linecache.cache[name] = (len(self.text), None, self.text.splitlines(True), name)
        module = ModuleType("program")
        exec(compile(self.text, name, "exec", dont_inherit=True), module.__dict__)
        return module.f

    def __repr__(self) -> str:
        return f"\n{self.text}\n# shapes {self.shapes}, seed {self.seed}\n"


def finite(values: list[np.ndarray], bound: float = 1e6) -> bool:
    return all(np.all(np.abs(v) < bound) for v in values) and not any(math.isnan(np.sum(v)) for v in values)
