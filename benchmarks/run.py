"""One problem at one size: all entries checked against each other, then timed back to back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from benchmarks import peers
from benchmarks.measure import Entry, least_times
from benchmarks.problem import Problem, error

Calls = dict[str, Callable[[], object]]


@dataclass
class Row:
    """What was measured of one program at one size; times in seconds, by entry (`ours`, `plain`, `best`, peers;
    `objective` and `objective by hand`)."""

    problem: str
    style: str
    size: str
    times: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)  # against the gradient by hand
    missing: dict[str, str] = field(default_factory=dict)  # entries that did not run, and why
    reference: float | None = None  # our error against published numbers
    compile: dict[str, float] = field(default_factory=dict)  # seconds of CPU of the first call, by entry
    warm: dict[str, float] = field(default_factory=dict)  # and in a second process
    memory: dict[str, int] = field(default_factory=dict)  # bytes beyond the inputs, by entry
    steps: int = 0  # of a training run

    @classmethod
    def of(cls, problem: Problem, style: str, size: str) -> Row:
        """An empty one; the style is named where there are several."""
        return cls(problem.name, style if len(problem.ours) > 1 else "", size)

    @property
    def name(self) -> str:
        return f"{self.problem} {self.size} {self.style}".strip()

    def ratio(self, entry: str, to: str) -> float | None:
        """How many times as long as `to` an entry takes."""
        if entry not in self.times or to not in self.times:
            return None
        return self.times[entry] / self.times[to]


def calls(problem: Problem, args: tuple, without: Collection[str] = ()) -> tuple[Calls, dict[str, str]]:
    """What computes value and gradient, by name, and why some of it can't run here."""
    flat = problem.flat(args)
    found: Calls = {f"ours {style}": lambda f=ours.gradient: f(*args) for style, ours in problem.ours.items()}
    found["plain"] = lambda: problem.plain(*flat)
    found["best"] = lambda: problem.best(*flat)
    missing: dict[str, str] = {}
    for name, maker in problem.peers.items():
        try:
            if name.split()[0] not in without:
                found[name] = maker(args)
        except peers.Missing as reason:
            missing[name] = str(reason)
    return found, missing


def objectives(problem: Problem, args: tuple) -> Calls:
    """The objectives alone, ours and by hand."""
    flat = problem.flat(args)
    programs = {f"objective {style}": ours.objective for style, ours in problem.ours.items()}
    found: Calls = {name: lambda f=f: f(*args) for name, f in programs.items() if f is not None}
    by_hand = problem.objective
    if by_hand is not None:
        found["objective by hand"] = lambda: by_hand(*flat)
    return found


def run(problem: Problem, size: str, rounds: int, budget: float, without: Collection[str] = ()) -> dict[str, Row]:
    """A row for each style of the program."""
    args = problem.sizes[size]()
    entries, missing = calls(problem, args, without)
    expected = entries["plain"]()
    errors = {}
    for name, call in list(entries.items()):
        try:
            errors[name] = error(call(), expected)
            if name not in problem.peers:
                call()  # what a second call still compiles, as the one that writes into buffers, is not timed
        except Exception as failure:  # one entry that fails must not take the table with it
            missing[name] = f"{type(failure).__name__}: {failure}"
            del entries[name]
    for name, call in objectives(problem, problem.sizes[size]()).items():  # which may write to its inputs
        try:
            call()
            entries[name] = call
        except Exception as failure:
            missing[name] = f"{type(failure).__name__}: {failure}"
    # A peer may hand its work to a thread of its own.
    timed = {
        name: Entry(call, time.process_time if name in problem.peers else time.thread_time)
        for name, call in entries.items()
    }
    least = least_times(timed, rounds, budget)
    reference = problem.reference(size)
    rows = {style: Row.of(problem, style, size) for style in problem.ours}
    for style, row in rows.items():
        row.times, row.errors, row.missing = (_of_style(d, style) for d in (least, errors, missing))
        row.steps = problem.steps(args) if problem.steps is not None else 0
        if reference is not None and "ours" in row.times:
            row.reference = error(problem.ours[style].gradient(*args), reference)
    return rows


def _of_style(found: dict, style: str) -> dict:
    """The entries of this style, under plain names, and those that all styles share."""
    own = {f"ours {style}": "ours", f"objective {style}": "objective"}
    shared = {n: v for n, v in found.items() if not n.startswith(("ours ", "objective ")) or n == "objective by hand"}
    return {**{own[n]: v for n, v in found.items() if n in own}, **shared}
