"""The benchmark suite: at small sizes every program and every rival gives the same numbers. No times are tested."""

from __future__ import annotations

import ast
import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import adcompiler as ad
from adcompiler import cli, suite
from benchmarks import measure, problems, report
from benchmarks import run as runs
from benchmarks.adbench import ba_reference
from benchmarks.problem import error

# Their programs take many seconds to compile.
SLOW = {
    "gmm numpy",
    "ba loops",
    "mlp numpy",
    "rnn numpy",
    "train numpy",
    "blackscholes numpy",
    "digits trainer",
    "lstm loops",
    "heat loops",
}


@functools.cache
def entries(name):
    problem = problems.load(name)
    calls, missing = runs.calls(problem, problem.small())
    return problem, calls, missing, calls["plain"]()


def rivals():
    for name in problems.NAMES:
        for entry in ["best", *problems.load(name).peers]:
            yield name, entry


def programs():
    for name in problems.NAMES:
        for style in problems.load(name).ours:
            yield pytest.param(name, style, marks=pytest.mark.long if f"{name} {style}" in SLOW else ())


@pytest.mark.parametrize(("name", "style"), list(programs()))
def test_our_gradient_is_that_by_hand(name, style):
    problem, calls, _, expected = entries(name)
    assert error(calls[f"ours {style}"](), expected) <= 1e-10
    objectives = runs.objectives(problem, problem.small())
    if f"objective {style}" in objectives:
        value = objectives[f"objective {style}"]()
        assert error(value, runs.objectives(problem, problem.small())["objective by hand"]()) <= 1e-10


@pytest.mark.filterwarnings("ignore")  # of the other tools
@pytest.mark.parametrize(("name", "rival"), list(rivals()))
def test_rivals_agree(name, rival):
    _, calls, missing, expected = entries(name)
    if rival in missing:
        pytest.skip(missing[rival])
    assert error(calls[rival](), expected) <= 1e-10


@pytest.mark.parametrize("name", ["gmm", "lstm"])
def test_gradients_by_hand_are_the_published_ones(name):
    problem = problems.load(name)
    for size in problem.sizes:
        if problem.reference(size) is None:
            continue
        for gradient in (problem.plain, problem.best):
            assert error(gradient(*problem.sizes[size]()), problem.reference(size)) <= 1e-10


def test_blocks_by_hand_are_the_published_ones():
    problem = problems.load("ba")
    given = problem.sizes["31843"]()
    for blocks in (problem.plain, problem.best):
        first = [part[0] for part in blocks(*given)]
        assert error(first, ba_reference()) <= 1e-10
        assert all((part == part[0]).all() for part in blocks(*given))  # one observation, repeated


def test_a_run_from_the_command_line(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["adcompiler"])
    file = tmp_path / "times.json"
    assert cli.main(["bench", "tiny", "--quick", "--without", "jax,torch,autograd", "--json", str(file)]) == 0
    out = capfd.readouterr().out
    assert "tiny 3" in out and "geometric mean" in out
    (row,) = json.loads(file.read_text())["rows"]
    assert row["problem"] == "tiny" and row["times"]["ours"] > 0 and row["errors"]["best"] <= 1e-10
    assert cli.main(["bench", "nothing"]) == 2
    assert "no problem is called nothing" in capfd.readouterr().err


def test_without_a_source_tree_bench_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(suite, "__file__", str(tmp_path / "adcompiler" / "suite.py"))
    assert cli.main(["bench"]) == 2
    assert "benchmark suite is not installed" in capsys.readouterr().err


def test_programs_use_the_public_face_only():
    for path in Path(problems.__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                name = node.module or ""
                assert not name.startswith("adcompiler") or name == "adcompiler.kernels", path
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ad":
                assert node.attr in ad.__all__, (path, node.attr)


def test_an_error_is_never_overlooked():
    assert error((1.0, np.ones(3)), (1.0, np.ones(2))) == np.inf
    assert error((1.0, np.array([np.nan])), (1.0, np.ones(1))) == np.inf
    assert error({"b": 2.0, "a": 1.0}, [1.0, 2.0]) == 0.0
    assert error(3.0, 1.0) == 0.5


def test_the_least_time_of_blocks():
    ticks = iter(np.cumsum([0.0, 5.0, 0.0, 3.0, 0.0, 4.0]))
    slow = measure.Entry(lambda: None, clock=lambda: next(ticks))
    assert measure.least_times({"slow": slow}, rounds=2, budget=100.0) == {"slow": 3.0}
    assert slow.spent == 12.0


def test_the_mean_is_geometric_and_skips_what_is_missing():
    assert report.mean([4.0, None, 1.0]) == pytest.approx(2.0)
    assert report.mean([None]) is None
