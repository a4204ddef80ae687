"""Plants faults and runs the suite: `python -m faults.run [--jobs N] [NAMES]` prints which test noticed which fault.

Each fault is planted in a copy of the project. The tests that a fault names run first; if they all pass, so does the
rest of the fast suite (texts apart: that a golden text changed proves nothing) before the fault is said to survive.
A test counts only if it passes without the fault.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("adcompiler", "benchmarks", "tests", "examples", "docs", "pyproject.toml", "README.md", "Makefile")
# Of the rest of the suite, what is quick and looks at most comes first; texts, and this, are left out.
ORDER = ("test_regressions", "test_ops", "test_kinks", "test_passes", "test_frontend", "test_zoo", "test_random")
APART = ("test_golden.py", "test_readme.py", "test_layers.py", "test_faults.py")
TEXTS = "tests/test_emit.py::test_source_reads_as_if_written_by_hand"
ENDLESS = "(it did not end)"
FIRST, REST = 600, 3600  # seconds: a suite that does not end has noticed


@dataclass(frozen=True)
class Verdict:
    fault: Fault
    test: str | None  # that noticed
    seconds: float

    def __str__(self) -> str:
        what = f"killed    by {self.test}" if self.test else "SURVIVED "
        return f"{what}  {self.fault.name}: {self.fault.breaks} ({self.seconds:.0f} s)"


def copied(folder: Path) -> Path:
    """A copy of the project, times of its files kept, so that what Python has compiled is found again."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns(".hypothesis"))
        elif source.exists():
            shutil.copy2(source, folder / part)
    return folder


def pytest(folder: Path, arguments: Sequence[str], seconds: float) -> str | None:
    """Run tests in a copy of the project; the first that fails, None if none does."""
    env = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'tests'}"}
    env["ADCOMPILER_CACHE_DIR"] = str(folder / "cache")
    memory = Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-o", f"cache_dir={memory}", "--deselect", TEXTS]
    try:
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder / "tests",
            env=env,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ENDLESS
    if done.returncode == 0:
        return None
    failed = memory / "v" / "cache" / "lastfailed"
    if done.returncode not in (1, 2) or not failed.exists():
        raise RuntimeError(f"pytest {' '.join(arguments)} gave no verdict:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return next(iter(json.loads(failed.read_text(encoding="utf-8")))).removeprefix("tests/")


def rest(folder: Path) -> list[str]:
    """The files of the fast suite, quick ones first."""
    files = [f.name for f in (folder / "tests").glob("test_*.py") if f.name not in APART]
    place = {f: next((k for k, start in enumerate(ORDER) if f.startswith(start)), len(ORDER)) for f in files}
    return sorted(files, key=lambda f: (place[f], f))


def noticed(fault: Fault, brief: bool = False) -> str | None:
    """The first test that fails with the fault and passes without it."""
    with tempfile.TemporaryDirectory(prefix="adcompiler-fault-") as name:
        folder = copied(Path(name))
        path = folder / "adcompiler" / fault.file
        text = path.read_text(encoding="utf-8")
        path.write_text(fault.applied(text), encoding="utf-8")
        test = pytest(folder, shlex.split(fault.tests), FIRST)
        if test is None and not brief:
            test = pytest(folder, rest(folder), REST)
        if test is None or test == ENDLESS:
            return test
        path.write_text(text, encoding="utf-8")
        shutil.rmtree(folder / "cache", ignore_errors=True)
        if pytest(folder, [test], FIRST):
            print(f"{fault.name}: {test} fails without the fault too, and says nothing", flush=True)
            return None
        return test


def judged(fault: Fault, brief: bool = False) -> Verdict:
    start = time.monotonic()
    verdict = Verdict(fault, noticed(fault, brief), time.monotonic() - start)
    print(verdict, flush=True)
    return verdict


def main() -> int:
    parser = argparse.ArgumentParser(description="plant faults, and see which the suite notices")
    parser.add_argument("names", nargs="*", help="names of faults, of their files, or parts of them; all by default")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once")
    parser.add_argument("--brief", action="store_true", help="only the tests that each fault names")
    given = parser.parse_args()
    chosen = [f for f in FAULTS if not given.names or any(n in f.name or n in f.file for n in given.names)]
    with ThreadPoolExecutor(given.jobs) as pool:
        verdicts = list(pool.map(lambda fault: judged(fault, given.brief), chosen))
    survivors = [v.fault.name for v in verdicts if v.test is None]
    print(f"{len(verdicts)} faults, {len(verdicts) - len(survivors)} killed, {len(survivors)} survived", *survivors)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
