"""Where a generator's decisions come from: Hypothesis, which shrinks them, or a seeded random number generator."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices:
    """Decisions; the first option of each is the simplest, so that shrinking leads to simple programs."""

    def __init__(self, integer: Callable[[int, int], int]):
        self.integer = integer

    @staticmethod
    def of(draw: Callable[[st.SearchStrategy], Any]) -> Choices:
        return Choices(lambda lo, hi: draw(st.integers(lo, hi)))

    @staticmethod
    def seeded(seed: int) -> Choices:
        return Choices(random.Random(seed).randint)

    def chance(self, percent: int) -> bool:
        return self.integer(0, 99) >= 100 - percent

    def pick(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def weighted(self, table: Mapping[T, int]) -> T:
        at = self.integer(0, sum(table.values()) - 1)
        for option, weight in table.items():
            at -= weight
            if at < 0:
                return option
        raise AssertionError("no weights")
