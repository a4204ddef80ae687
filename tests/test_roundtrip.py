"""Generated source is a program again: the frontend reads it, and writes the same text with the same numbers."""

from __future__ import annotations

import copy
import linecache
import re
from typing import Any

import numpy as np
import pytest
from golden_programs import PROGRAMS as GOLDENS
from harness import run
from test_golden import executed
from test_zoo import lowered, seeds
from zoo import PROGRAMS, Program

from adcompiler.backends import python
from adcompiler.backends.naming import entry_of
from adcompiler.driver import AFTER, BEFORE, Options, optimize
from adcompiler.frontend import lower
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Leaf
from adcompiler.ir.core import Function
from adcompiler.ir.types import is_float
from adcompiler.ir.verify import verify
from adcompiler.ir.walk import clone, walk
from adcompiler.transforms.reverse import Pullback, reverse

CLEANUP = ("fold", "cse", "dce")
ROUNDS = 4  # of reading and writing, after which the text of any program is a fixpoint


def read_again(text: str, fn: Function) -> Function:
    """The IR of the source text."""
    file = f"<source of {fn.name} {id(text)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space: dict[str, Any] = {"__name__": "generated"}
    exec(compile(text, file, "exec"), space)
    result = lower(space[entry_of(fn.name)], tuple(Leaf(p.type) for p in fn.params)).function
    verify(result)
    return result


def normal(fn: Function) -> list[str]:
    """The text without comments; neighbouring `name = literal` lines sorted; no index checked (both know why)."""
    fn = clone(fn)
    for op in walk(fn.body):
        if op.name in ("load", "store", "update", "view"):
            op.attrs["safe"] = True
    text = python.module([fn], options=python.Options(comments=False))
    rows = [row for row in text.splitlines() if row.strip() and not row.strip().startswith("#")]
    for k in range(len(rows) - 1, 0, -1):
        for j in range(k, len(rows)):
            if not all(re.fullmatch(r" *\w+ = [-\d.]+", row) for row in rows[j - 1 : j + 1]) or rows[j - 1] <= rows[j]:
                break
            rows[j - 1 : j + 1] = rows[j], rows[j - 1]
    return rows


def same(mine: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(mine, theirs, strict=True):
        single = np.asarray(b).dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-5 if single else 1e-11, atol=1e-6 if single else 1e-12)


def numbers(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


# How much of a wide expression is printed in one line depends on the order of its parts, which reading changes.
WIDE = {"moons", "attention"}


@pytest.mark.parametrize("name", GOLDENS)
def test_goldens(name: str) -> None:
    built = GOLDENS[name].make().lower(*GOLDENS[name].args())
    again = read_again(built.source, built.function)
    args = flatten(GOLDENS[name].args())
    same(run(again, args), run(built.function, args))
    assert name in WIDE or normal(optimize(again, ("fold", "dce"), Options())) == normal(built.function)


def adjoint(p: Program) -> tuple[Function, list[Any]]:
    """The pullback of a program, and arguments for it."""
    low, flat = lowered(p, p.args[0])
    bars = seeds(low, flat)
    fn = optimize(low.function, BEFORE, Options())
    wrt = tuple(k for k, q in enumerate(fn.params) if is_float(q.type))
    ask = Pullback(wrt, tuple("param" if is_float(r.type) else None for r in fn.returns))
    given = [b for b, r in zip(bars, fn.returns, strict=True) if is_float(r.type)]
    return optimize(reverse(fn, ask), AFTER, Options()), [*flat, *given]


def readable(p: Program) -> bool:
    """A 0-d array is a scalar inside of a program: a text that makes one, as the adjoint of one, is not read."""
    return not any(isinstance(a, np.ndarray) and a.ndim == 0 for a in p.args[0])


UNSTEADY = {"structures.list_of_layers"}  # which of many results get a variable changes with their order
every = pytest.mark.parametrize("p", PROGRAMS, ids=str)
steady = pytest.mark.parametrize("p", [p for p in PROGRAMS if readable(p) and p.name not in UNSTEADY], ids=str)


@every
def test_zoo(p: Program) -> None:
    """Source, kernel and source read again give the numbers of the IR, under plain Python and on the interpreter."""
    fn, args = adjoint(p)
    with np.errstate(all="ignore"):
        expected = run(fn, args)
        source = python.module([fn])
        if readable(p):
            same(run(read_again(source, fn), args), expected)
        for text in (source, python.module([optimize(clone(fn), ("checks",), Options())], kernel=True)):
            same(numbers(executed(text, entry_of(fn.name))(*copy.deepcopy(args))), expected)


@steady
def test_zoo_text(p: Program) -> None:
    """Read and written again and again, the text soon stays as it is."""
    fn, _ = adjoint(p)
    before = normal(fn)
    for _ in range(ROUNDS):
        fn = optimize(read_again(python.module([fn]), fn), CLEANUP, Options())
        before, now = normal(fn), before
        if before == now:
            return
    assert before == now
