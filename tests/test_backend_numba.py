"""Compiling, the on-disk cache across processes, and what happens when something is wrong with it."""

from __future__ import annotations

import linecache
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.backends import cache, numba_cpu
from adcompiler.backends.python import Options, module
from adcompiler.errors import InternalError
from adcompiler.ir.text import parse
from adcompiler.ir.walk import clone
from adcompiler.lowering import lower

SQUARE = "from numba import njit\n\n\n@njit(cache=True, nogil=True)\ndef square(x):\n    return x * x\n"
SECOND = """
import sys
from adcompiler.backends import numba_cpu
import numba
compiled = numba_cpu.compile(sys.argv[1], "square", signature=(numba.float64,))
print(sum(compiled.function.stats.cache_hits.values()), compiled.function(3.0))
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def in_another_process(text: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SECOND, text], stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> str:
    return process.communicate()[0].strip()


def test_a_second_process_finds_the_machine_code(directory: Path) -> None:
    compiled = numba_cpu.compile(SQUARE, "square", signature=(numba.float64,))
    assert compiled.function(3.0) == 9.0
    assert compiled.path is not None and compiled.path.parent == directory
    assert linecache.getline(str(compiled.path), 6).strip() == "return x * x"
    assert answer(in_another_process(SQUARE)) == "1 9.0"


def test_two_processes_start_at_once(directory: Path) -> None:
    first, second = in_another_process(SQUARE), in_another_process(SQUARE)
    assert {answer(first)[-3:], answer(second)[-3:]} == {"9.0"}
    assert not list(directory.glob("*.tmp"))


@pytest.mark.parametrize("pattern", ("__pycache__/*.nbi", "__pycache__/*.nbc", "*.py"))
@pytest.mark.parametrize("size", (0, 40))
def test_a_damaged_cache_is_made_anew(directory: Path, pattern: str, size: int) -> None:
    assert answer(in_another_process(SQUARE)) == "0 9.0"
    for path in directory.glob(pattern):
        os.truncate(path, size)
    assert answer(in_another_process(SQUARE))[-3:] == "9.0"
    assert answer(in_another_process(SQUARE)) == "1 9.0"


def test_the_name_depends_on_text_key_and_versions(monkeypatch: Any) -> None:
    names = {cache.digest(SQUARE), cache.digest(SQUARE + "\n"), cache.digest(SQUARE, ("strict",))}
    monkeypatch.setattr(cache, "environment", lambda: ("another numba",))
    assert len(names | {cache.digest(SQUARE)}) == 4


def test_without_a_writable_directory_it_compiles_in_memory_and_says_so_once(monkeypatch: Any, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(blocker / "cache"))
    text = SQUARE.replace("square", "squared")
    with pytest.warns(UserWarning, match="ADCOMPILER_CACHE_DIR"):
        compiled = numba_cpu.compile(text, "squared", signature=(numba.float64,))
    assert compiled.path is None and compiled.function(3.0) == 9.0
    assert linecache.getline(compiled.function.py_func.__code__.co_filename, 6).strip() == "return x * x"


def test_code_that_numba_refuses_is_our_bug() -> None:
    text = SQUARE.replace("x * x", "x.nonsense")
    with pytest.raises(InternalError, match="bug in adcompiler") as caught:
        numba_cpu.compile(text, "square", signature=(numba.float64,), ir="func @square")
    report = Path(str(caught.value).split("report it with ")[1].split(" (")[0])
    assert "x.nonsense" in report.read_text() and "func @square" in report.read_text()
    report.unlink()


ARRAYS = """func @arrays(%a: mut f64[n], %m: mut f64[n, k], %v: f64[n]) -> (f64, f64[n], f64[:, :], f64[n, k], f64[n]) {
  %t1: strided f64[:] = view %a[1:]
  %t2: strided f64[:] = view %a[:-1]
  accumulate %t1, %t2
  %row: f64[:] = view %m[1, :]
  %col: strided f64[:] = view %m[:, 0]
  assign %col, %row
  %flip: strided f64[:] = view %a[::-1]
  assign %a, %flip
  accumulate %a, %a
  %mt: strided f64[k, n] = transpose %m
  accumulate %m, %mt
  %s: f64 = sum %m
  %rows: f64[n] = sum %m, axis=(1,)
  %kept: f64[:, :] = sum %m, axis=(0,), keepdims=True
  %wide: f64[n, k] = broadcast_like %rows, %m, axis=(1,)
  %back: f64[n] = sum_to %m, %v
  return %s, %rows, %kept, %wide, %back
}"""


def test_overlapping_views_and_reductions_mean_what_numpy_means() -> None:
    from adcompiler.ir.interpret import interpret

    fn = parse(ARRAYS)
    text = module([lower(clone(fn))], kernel=True, options=Options(fastmath=False))
    run = numba_cpu.compile(text, "arrays", signature=numba_cpu.signature_of(fn), ir=str(fn)).function
    ours, theirs = ([np.arange(4.0) + 1, np.arange(16.0).reshape(4, 4) % 7, np.zeros(4)] for _ in range(2))
    for got, expected in zip([*run(*ours), *ours], [*interpret(fn, theirs), *theirs], strict=True):
        np.testing.assert_array_equal(got, expected, err_msg=text)
