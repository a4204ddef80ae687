"""The planted faults: each still fits the compiler it is planted into, and the runner tells dead from alive."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from faults import FAULTS, Fault
from faults.run import ROOT, judged

AREAS = ("ops", "transforms", "analysis", "passes", "frontend", "backends", "runtime")


def test_every_fault_fits() -> None:
    """Its text occurs once, and what takes its place is Python and something else."""
    for fault in FAULTS:
        text = (ROOT / "adcompiler" / fault.file).read_text(encoding="utf-8")
        planted = fault.applied(text)
        assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(text)), fault.name


def test_faults_are_many_and_everywhere() -> None:
    assert len({f.name for f in FAULTS}) == len(FAULTS) >= 150
    areas = Counter(f.file.split("/")[0] for f in FAULTS)
    assert all(areas[area] >= 2 for area in AREAS), areas


def test_a_text_that_has_changed_is_refused() -> None:
    fault = Fault("gone", "ops/scalar.py", "no such text", "", "nothing", "")
    with pytest.raises(ValueError, match="occurs 0 times"):
        fault.applied("text")


@pytest.mark.parametrize("name", ["cos-sign", "cse-across-write"])
def test_killed(name: str) -> None:
    verdict = judged(next(f for f in FAULTS if f.name == name))
    assert verdict.test is not None and "::" in verdict.test


def test_what_changes_nothing_survives() -> None:
    old, new = "lambda y, x: o.cosh(x)", "lambda y, x:  o.cosh(x)"
    harmless = Fault("harmless", "ops/scalar.py", old, new, "nothing", "test_layers.py")
    assert judged(harmless, brief=True).test is None
