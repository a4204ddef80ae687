"""Run the benchmarks: time of value and gradient on one core, what compiling costs, and memory."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from benchmarks import costs, problems, report
from benchmarks.run import Row, run

TOOLS = ("numba", "llvmlite", "numpy", "scipy", "jax", "torch", "autograd")


def options(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="adcompiler bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(problems.NAMES)}; all without it")
    parser.add_argument("--json", metavar="FILE", help="keep what was measured in a file")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and neither compile time nor memory")
    parser.add_argument("--without", metavar="NAMES", default="", help="leave out, of: jax, torch, autograd, costs")
    given = parser.parse_args(argv)
    unknown = set(given.names) - set(problems.NAMES)
    if unknown:
        parser.error(f"no problem is called {', '.join(sorted(unknown))}")
    return given


def machine() -> dict[str, str]:
    """What the figures depend on."""
    found = {"cpu": _cpu(), "python": platform.python_version(), "system": platform.platform()}
    for tool in TOOLS:
        try:
            found[tool] = metadata.version(tool)
        except metadata.PackageNotFoundError:
            found[tool] = "not installed"
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    lines = info.read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def main() -> int:
    given = options()
    without = set(filter(None, given.without.split(",")))
    rounds, budget = (8, 0.4) if given.quick else (40, 3.0)
    with_costs = not given.quick and "costs" not in without
    rows: list[Row] = []
    for name in given.names or problems.NAMES:
        problem = problems.load(name)
        of_style: dict[str, Row] = {}
        for size in problem.sizes:
            for style, row in run(problem, size, rounds, budget, without).items():
                if with_costs:
                    costs.measured(row, style, of_style.get(style))
                    of_style[style] = row
                print(_brief(row), file=sys.stderr, flush=True)
                rows.append(row)
        for size in problem.large if with_costs else ():
            for style in problem.ours:
                row = Row.of(problem, style, size)
                row.memory = costs.memory(row, style)
                rows.append(row)
    print(report.speed([row for row in rows if row.times]))
    training = report.steps([row for row in rows if row.times])
    print("\n" + training if training else "", end="\n" if training else "")
    if any(row.memory for row in rows):
        print("\n" + report.costs(rows))
    print("\n" + report.summary(rows) + "\n" + report.notes(rows))
    if given.json:
        kept = {"machine": machine(), "command": " ".join(sys.argv[1:]), "rows": [asdict(row) for row in rows]}
        Path(given.json).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    right = all(e <= 1e-10 for row in rows for e in row.errors.values())
    return 0 if right and not any("ours" in row.missing for row in rows) else 1


def _brief(row: Row) -> str:
    """One row while the others are still to come."""
    return f"{row.name}: " + ", ".join(f"{entry} {1e3 * t:.3g}" for entry, t in row.times.items()) + " ms"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
