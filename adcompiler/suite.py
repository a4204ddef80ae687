"""Runs the benchmark suite, which lies beside the package in its source tree, in a process with a clean environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from adcompiler.errors import UnsupportedFunction

# Settings of a shell that spoil products and warm starts.
SPOILS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE", "ADCOMPILER_DISABLE")
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def run(arguments: Sequence[str]) -> int:
    """Run `python -m benchmarks` on one core and return its status; UnsupportedFunction where there is no suite."""
    root = Path(__file__).resolve().parent.parent
    if not (root / "benchmarks" / "__main__.py").is_file():
        message = f"the benchmark suite is not installed with the package, and {root} holds none"
        raise UnsupportedFunction(message, hint="a checkout of the project, installed with pip install -e .[bench]")
    clean = {name: value for name, value in os.environ.items() if name not in SPOILS}
    paths = [str(root), *filter(None, [clean.get("PYTHONPATH")])]
    clean.update(ONE_CORE, PYTHONPATH=os.pathsep.join(paths))
    return subprocess.run([sys.executable, "-m", "benchmarks", *arguments], env=clean, check=False).returncode
