"""Every pass keeps the verifier's rules and the interpreter's results on random programs."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from adcompiler.analysis.effects import Effects
from adcompiler.driver import AFTER
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.verify import verify
from adcompiler.ir.walk import clone, values, walk
from adcompiler.passes import PASSES, run_passes
from tests.random_ir import arguments, programs

SETTINGS = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def outcome(fn: Function, args: list[object]) -> tuple[object, ...]:
    """What a run gives: results and the memory it leaves, or the error."""
    args = copy.deepcopy(args)
    try:
        return "value", [*interpret(fn, args), *args[:2]]
    except (IndexError, ValueError, ZeroDivisionError) as error:
        return "error", type(error).__name__


def assert_same(before: Function, after: Function) -> None:
    verify(after)
    for seed, n in ((0, 4), (1, 1), (2, 0), (3, 2)):
        expected, actual = (outcome(fn, arguments(seed, n)) for fn in (before, after))
        text = f"{before}\n{after}"
        assert expected[0] == actual[0], f"{expected} {actual}\n{text}"
        if expected[0] == "error":
            continue
        for a, b in zip(expected[1], actual[1], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12, err_msg=text)


@pytest.mark.parametrize("name", list(PASSES))
@given(fn=programs())
@SETTINGS
def test_each_pass(name: str, fn: Function) -> None:
    verify(fn)
    assert_same(fn, PASSES[name](clone(fn)))


def as_adjoint(fn: Function) -> Function:
    """A copy in which every value has the name of an adjoint: some passes touch nothing else."""
    fn = clone(fn)
    for value in values(fn.body):
        value.name += "_bar"
    return fn


@pytest.mark.parametrize("name", ["arrange", "elements", "fresh", "schedule", "tapes"])
@given(fn=programs())
@SETTINGS
def test_each_pass_on_adjoints(name: str, fn: Function) -> None:
    assert_same(fn, run_passes(as_adjoint(fn), ["cse", name], verify=True))


@pytest.mark.parametrize("strict", (False, True))
@given(fn=programs())
@SETTINGS
def test_all_passes(strict: bool, fn: Function) -> None:
    names = ["fold", "cse", "dce", "hoist", "bounds", *AFTER, "checks"]
    assert_same(fn, run_passes(clone(fn), names, verify=True, strict=strict))
    assert_same(fn, run_passes(as_adjoint(fn), names, verify=True, strict=strict))


@given(fn=programs())
@SETTINGS
def test_after_checks_only_checks_raise(fn: Function) -> None:
    checked = run_passes(clone(fn), ["checks"])
    effects = Effects(checked)
    assert not [op for op in walk(checked.body) if effects.may_raise(op) and op.name != "raise_if" and not op.regions]


@given(fn=programs())
@SETTINGS
def test_text_round_trip(fn: Function) -> None:
    text = str(fn)
    parsed = parse(text)
    assert str(parsed) == text
    verify(parsed)
    assert_same(fn, parsed)
