"""Time of entries, back to back in rounds: for each the least CPU time of a call over all rounds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Clock = Callable[[], float]
BLOCK = 0.002  # seconds that one block of calls should take


@dataclass
class Entry:
    """Something to call, with the clock that sees all its work."""

    call: Callable[[], object]
    clock: Clock = time.thread_time
    calls: int = 1
    least: float = float("inf")
    spent: float = 0.0

    def block(self) -> None:
        call, clock = self.call, self.clock
        start = clock()
        for _ in range(self.calls):
            call()
        taken = clock() - start
        self.spent += taken
        self.least = min(self.least, taken / self.calls)

    def calibrate(self) -> None:
        """As many calls to a block as fill it."""
        self.block()
        while self.least * self.calls < BLOCK / 2:
            self.calls = max(2 * self.calls, int(0.8 * BLOCK / max(self.least, 1e-8)))
            self.block()


def least_times(entries: Mapping[str, Entry], rounds: int, budget: float) -> dict[str, float]:
    """Seconds per call of each entry. One that has used up `budget` seconds leaves the rounds."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        for entry in entries.values():
            entry.calibrate()
        for _ in range(rounds):
            for entry in entries.values():
                if entry.spent < budget:
                    entry.block()
            gc.collect(0)
    finally:
        if collecting:
            gc.enable()
    return {name: entry.least for name, entry in entries.items()}
