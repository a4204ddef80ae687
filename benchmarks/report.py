"""The tables of what was measured, and their summary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from benchmarks.run import Row

PEERS = ("jax", "torch", "autograd")
TIMES = ("ours", "plain", "best", *PEERS)


def speed(rows: Sequence[Row]) -> str:
    """Milliseconds of each entry, and how many times a rival's time ours is."""
    head = ["value and gradient, ms", *TIMES, "/plain", "/best", "/JAX", "objective", "by hand", "grad/obj"]
    lines = [
        [
            row.name,
            *(_milliseconds(row.times.get(name)) for name in TIMES),
            *(_number(row.ratio("ours", to)) for to in ("plain", "best", "jax")),
            *(_milliseconds(row.times.get(name)) for name in ("objective", "objective by hand")),
            _number(row.ratio("ours", "objective")),
        ]
        for row in rows
    ]
    means = [_number(mean(row.ratio("ours", to) for row in rows)) for to in ("plain", "best", "jax")]
    return table(head, [*lines, ["geometric mean", *[""] * len(TIMES), *means, "", "", ""]])


def steps(rows: Sequence[Row]) -> str:
    """Steps per second of training runs; empty where there are none. `JAX step` calls a jitted step from Python."""
    names = ("ours", "plain", "best", "jax", "jax step", "torch", "autograd")
    lines = [
        [row.name, *(f"{row.steps / row.times[n]:,.0f}" if n in row.times else "" for n in names)]
        for row in rows
        if row.steps
    ]
    head = ["steps per second", "ours", "plain", "best", "JAX loop", "JAX step", "PyTorch", "autograd"]
    return table(head, lines) if lines else ""


def costs(rows: Sequence[Row]) -> str:
    """Seconds of a first call, cold and warm, and the memory beyond the inputs."""
    head = ["first call, s", "ours", "by hand", "JAX", "ratio", "warm", "by hand", "memory, MB", "by hand"]
    lines = []
    for row in rows:
        ratio = row.compile["ours"] / row.compile["plain"] if row.compile.keys() >= {"ours", "plain"} else None
        cold = [_number(row.compile.get(name)) for name in ("ours", "plain", "jax")]
        warm = [_number(row.warm.get(name), 3) for name in ("ours", "plain")]
        memory = [_number(row.memory[n] / 1e6 if n in row.memory else None, 1) for n in ("ours", "plain")]
        lines.append([row.name, *cold, _number(ratio), *warm, *memory])
    return table(head, lines)


def notes(rows: Iterable[Row]) -> str:
    """Errors, and what did not run."""
    lines = []
    worst = [(e, row.name, entry) for row in rows for entry, e in row.errors.items()]
    if worst:
        e, name, entry = max(worst)
        lines.append(f"worst error against the gradients by hand: {e:.1e} ({name}, {entry})")
    published = [(row.reference, row.name) for row in rows if row.reference is not None]
    if published:
        lines.append(f"worst error against published gradients: {max(published)[0]:.1e} ({max(published)[1]})")
    reasons = {f"{entry}: {reason}" for row in rows for entry, reason in row.missing.items()}
    return "\n".join([*lines, *sorted(reasons)])


def summary(rows: Sequence[Row]) -> str:
    """Where we are not first: rows that a rival by hand or JAX wins, and gradients that cost much."""
    lines = []
    for text, to, bound in (("above 1.1 x plain", "plain", 1.1), ("slower than JAX", "jax", 1.0)):
        found = [(r, row.name) for row in rows if (r := row.ratio("ours", to)) is not None and r > bound]
        lines.append(f"{text}: {_named(found)}")
    slow = [(r, row.name) for row in rows if (r := row.ratio("objective", "objective by hand")) and r > 1.0]
    lines.append(f"objective slower than by hand: {_named(slow)}")
    long = [(c["ours"] / c["plain"], row.name) for row in rows if (c := row.compile).keys() >= {"ours", "plain"}]
    if long:
        lines.append(f"first call above 1.5 x by hand: {_named([pair for pair in long if pair[0] > 1.5])}")
    return "\n".join(lines)


def _named(found: Sequence[tuple[float, str]]) -> str:
    return ", ".join(f"{name} ({ratio:.2f})" for ratio, name in sorted(found, reverse=True)) or "none"


def mean(ratios: Iterable[float | None]) -> float | None:
    """The geometric mean of those that are there."""
    logs = [math.log(r) for r in ratios if r is not None]
    return math.exp(sum(logs) / len(logs)) if logs else None


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns side by side, the first to the left, as a table of Markdown."""
    widths = [max(len(line[k]) for line in [head, *lines]) for k in range(len(head))]

    def shown(line: Sequence[str]) -> str:
        cells = [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
        return f"| {' | '.join(cells)} |"

    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:]), ""])
    return "\n".join([shown(head), rule, *map(shown, lines)])


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1e3 * seconds:.3g}" if seconds < 1.0 else f"{1e3 * seconds:.0f}"


def _number(x: float | None, digits: int = 2) -> str:
    return "" if x is None else f"{x:.{digits}f}"
