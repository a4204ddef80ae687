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

from programs.records import built

HEAD = """import math
from dataclasses import replace

import numpy as np

from programs.records import Point, State

SCALE = 0.8
COUNT = 3
PAIR = (0.4, -1.2)
TABLE = np.array([0.3, -0.9, 1.4])
"""


@dataclass(frozen=True)
class Held:
    """An argument that is an array of indices into an axis of this size; of bools, if there is none."""

    shape: tuple[int, ...]
    size: int = 0


@dataclass(frozen=True)
class Record:
    """An argument that is a structure: a number and an array."""

    form: str
    shape: tuple[int, ...]


Argument = float | int | tuple[int, ...] | Held | Record


@dataclass(frozen=True)
class Program:
    """The text of a module with a function `f`, and its arguments: numbers, or what is drawn from `seed`."""

    text: str
    shapes: tuple[Argument, ...]
    seed: int = 0

    def args(self, seed: int | None = None) -> list[Any]:
        rng = np.random.default_rng(self.seed if seed is None else seed)
        return [drawn(s, rng) for s in self.shapes]

    def function(self) -> Callable[..., Any]:
        """The function, in a module of its own whose source can be read."""
        name = f"<program {hashlib.sha1(self.text.encode()).hexdigest()[:12]}>"
        linecache.cache[name] = (len(self.text), None, self.text.splitlines(True), name)
        module = ModuleType("program")
        exec(compile(self.text, name, "exec", dont_inherit=True), module.__dict__)
        return module.f

    def __repr__(self) -> str:
        return f"\n{self.text}\n# shapes {self.shapes}, seed {self.seed}\n"


def drawn(argument: Any, rng: np.random.Generator) -> Any:
    if isinstance(argument, tuple):
        return rng.uniform(-1.5, 1.5, argument)
    if isinstance(argument, Record):
        return built(argument.form, 0.37, rng.uniform(-1.5, 1.5, argument.shape))
    if isinstance(argument, Held):
        lo, hi = (-argument.size, argument.size) if argument.size else (0, 2)
        values = rng.integers(lo, hi, argument.shape)
        return values if argument.size else values.astype(bool)
    return argument


def finite(values: list[np.ndarray], bound: float = 1e6) -> bool:
    return all(np.all(np.abs(v) < bound) for v in values) and not any(math.isnan(np.sum(v)) for v in values)
