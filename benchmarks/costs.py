"""What a first call costs in a new process, with empty caches and with full ones, and the memory of a call.

`measured` starts processes; each runs this file as a program, which does one entry and prints what it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from numba import njit

from benchmarks import problems
from benchmarks.problem import Problem
from benchmarks.run import Row, calls

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measured(row: Row, style: str, same: Row | None) -> None:
    """Fill in what a row's entries cost: ours, the plain gradient by hand, and JAX.

    `same` is a row of the same program at another size, which costs as much to compile."""
    if same is not None:
        row.compile, row.warm = same.compile, same.warm
        row.memory = memory(row, style)
        return
    for name, entry in (("ours", f"ours {style}"), ("plain", "plain"), ("jax", "jax")):
        if name not in row.times:
            continue
        with tempfile.TemporaryDirectory() as caches:
            first = _child(row, entry, caches)
            row.compile[name] = first["first"]
            if name != "jax":  # which keeps nothing between processes unless told to
                again = _child(row, entry, caches)
                row.warm[name] = again["first"]
                if again["memory"] is not None:
                    row.memory[name] = again["memory"]


def memory(row: Row, style: str) -> dict[str, int]:
    """The memory of a call, ours and by hand, with the caches as they are."""
    found = {name: _child(row, entry)["memory"] for name, entry in (("ours", f"ours {style}"), ("plain", "plain"))}
    return {name: size for name, size in found.items() if size is not None}


def _child(row: Row, entry: str, caches: str | None = None) -> dict:
    """One new process, with caches of its own in that directory."""
    places = {"ADCOMPILER_CACHE_DIR": f"{caches}/ours", "NUMBA_CACHE_DIR": f"{caches}/numba"} if caches else {}
    command = [sys.executable, "-m", "benchmarks.costs", row.problem, row.size, entry]
    done = subprocess.run(command, env={**os.environ, **places}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[2:])} failed:\n{done.stderr}")
    found: dict = json.loads(done.stdout)
    return found


def first_call(problem: Problem, entry: str) -> float:
    """CPU seconds of the first calls on small inputs that compile something (the second may, where results go into
    buffers), less those of later ones; Numba itself is running already."""
    njit(lambda x: x + 1.0)(1.0)
    call = calls(problem, problem.small(), without=set(problem.peers) - {entry})[0][entry]
    clock = time.process_time
    start = clock()
    call()
    call()
    compiled = clock()
    call()
    call()
    return max(0.0, (compiled - start) - (clock() - compiled))


def peak(problem: Problem, size: str, entry: str) -> int | None:
    """Bytes that a call needs at its peak beyond what is there before it, its inputs among that; None where the
    system doesn't tell."""
    if not CLEAR.exists():
        return None
    args = {**problem.sizes, **problem.large}[size]()
    call = calls(problem, args, without=set(problem.peers) - {entry})[0][entry]
    CLEAR.write_text("5")  # the peak so far is forgotten
    before = _status("VmRSS")
    call()
    return max(0, _status("VmHWM") - before)


def _status(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    name, size, entry = sys.argv[1:]
    problem = problems.load(name)
    print(json.dumps({"first": first_call(problem, entry), "memory": peak(problem, size, entry)}))
