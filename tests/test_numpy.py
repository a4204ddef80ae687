"""NumPy names: each in programs, against NumPy itself, in both modes and orders, as source text, and compiled."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import Case as Harness
from harness import check, optimizer, pullback, run
from numpy_cases import CASES, Case
from test_frontend import build, copied
from test_golden import executed
from test_roundtrip import numbers, read_again
from test_roundtrip import same as close

import adcompiler as ad
from adcompiler.backends import python
from adcompiler.backends.naming import entry_of
from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend import Lowered, lower, spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Leaf
from adcompiler.ir.interpret import interpret
from adcompiler.ir.types import Scalar, is_float

NAMES = json.loads((Path(__file__).parent / "data" / "numpy_names.json").read_text(encoding="utf-8"))
LISTED = [n for part in ("also_in_numba", "not_in_numba", "zero_gradient") for n in NAMES[part]]
# Not built yet: a program for each, which has to fail.
MISSING = {"linalg.eig": lambda x: np.linalg.eig(x)[0]}
ALL = [c for rows in CASES.values() for c in rows]
every = pytest.mark.parametrize("c", ALL, ids=str)


def lowered(c: Case) -> tuple[Lowered, list[Any]]:
    """The IR of a case and its arguments, captured arrays last."""
    low = lower(c.fn, tuple(spec_of(a) for a in c.args))
    return low, [*copied(c.args), *(q.read() for q in low.captures if isinstance(q.spec, Leaf))]


def in_numpy(c: Case) -> Any:
    with np.errstate(all="ignore"):
        return c.fn(*copied(c.args))


def is_single(c: Case) -> bool:
    return any(getattr(a, "dtype", None) == np.float32 for a in c.args)


# Coverage.
def test_every_listed_name_has_a_case() -> None:
    wanted = [n for n in LISTED if not n.startswith("fft.") and n not in MISSING]
    assert [n for n in wanted if n not in CASES] == []


def test_names_beyond_the_list() -> None:
    assert len(set(CASES) - set(LISTED)) >= 30


@pytest.mark.parametrize("name", MISSING)
def test_missing_names_are_missing(name: str) -> None:
    assert name in LISTED
    with pytest.raises(UnsupportedFunction):
        ad.jit(MISSING[name])(np.eye(2))


# Meaning and derivatives, on the interpreter.
@every
def test_interpreted(c: Case) -> None:
    low, flat = lowered(c)
    expected = in_numpy(c)
    result = build(low.result, iter(interpret(low.function, copy.deepcopy(flat))))
    assert np.asarray(result).dtype == np.asarray(expected).dtype
    assert np.shape(result) == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-5 if is_single(c) else 1e-12, atol=1e-12)
    check(low.function, flat, passes=c.number == 0, single=is_single(c))


def adjoint(c: Case) -> tuple[Any, list[Any]]:
    """The pullback of a case after all passes, and arguments for it: ones for the adjoints of the results."""
    low, flat = lowered(c)
    case = Harness(low.function, flat, single=is_single(c))
    outs = run(low.function, flat)
    bars = [np.ones_like(o) for o, r in zip(outs, low.function.returns, strict=True) if is_float(r.type)]
    scalars = [isinstance(r.type, Scalar) for r in low.function.returns if is_float(r.type)]
    bars = [b[()] if s else b for b, s in zip(bars, scalars, strict=True)]
    return pullback(case, case.fn, optimizer()), [*flat, *bars]


@every
def test_source(c: Case) -> None:
    """The text runs under plain Python, and is a program with the same numbers again."""
    fn, args = adjoint(c)
    expected = run(fn, args)
    source = python.module([fn])
    close(run(read_again(source, fn), args), expected)
    with np.errstate(all="ignore"):
        found = numbers(executed(source, entry_of(fn.name))(*copy.deepcopy(args)))
    close(found, expected)


# Compiled: the first case of each name, several names in one program.
GROUP = 8
FIRST = list({c.fn: c for rows in CASES.values() for c in rows[:1]}.values())
GROUPS = [FIRST[k : k + GROUP] for k in range(0, len(FIRST), GROUP)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: "-".join(dict.fromkeys(c.name for c in g)))
def test_compiled(group: list[Case]) -> None:
    functions = tuple(c.fn for c in group)

    def together(arguments):
        total = 0.0
        for f, args in zip(functions, arguments, strict=True):
            total += np.sum(f(*args))
        return total

    arguments = tuple(copied(c.args) for c in group)
    value, gradients = ad.value_and_grad(together)(arguments)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(value, together(arguments), rtol=1e-10 if not any(map(is_single, group)) else 1e-4)
    for c, mine in zip(group, gradients, strict=True):
        fn, args = adjoint(c)
        floats = [g for g, a in zip(flatten(mine), flatten(c.args), strict=True) if np.asarray(a).dtype.kind == "f"]
        close(floats, run(fn, args)[: len(floats)])
