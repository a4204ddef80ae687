"""Lowering: loops over elements compute what the whole-array ops say, fused and not, on every program of the zoo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from harness import Case, optimizer
from test_frontend import copied
from test_zoo import lowered, seeds
from zoo import PROGRAMS, Program

from adcompiler.backends.naming import entry_of
from adcompiler.backends.python import emit, imports_of
from adcompiler.frontend import lower as lower_python
from adcompiler.frontend import spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.table import OPS
from adcompiler.ir.types import is_float
from adcompiler.ir.verify import verify
from adcompiler.ir.walk import clone, walk
from adcompiler.lowering import lower
from adcompiler.lowering.kinds import is_looped
from adcompiler.passes import run_passes
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse

zoo = pytest.mark.parametrize("p", PROGRAMS, ids=str)


def loops(fn: Function, fuse: bool = True) -> Function:
    """The loop IR of a function, as the driver makes it."""
    checked = run_passes(clone(fn), ("checks",), verify=True)
    low = lower(checked, fuse=fuse)
    verify(low)
    assert not any(is_looped(op) for op in walk(low.body))
    return run_passes(low, ("cse", "hoist", "cse", "dce"), verify=True)


def as_python(fn: Function) -> Any:
    """The text of the kernel, run by Python."""
    text = emit(fn, kernel=True)
    space: dict[str, Any] = {}
    exec(imports_of(text) + text, space)
    run = space[entry_of(fn.name)]

    def function(_: Function, args: Sequence[Any]) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            found = run(*args)
        return found if isinstance(found, tuple) else (found,)

    return function


def same_as_lowered(fn: Function, args: Sequence[Any], single: bool = False) -> None:
    """Same results and same contents of written arguments, fused and not."""
    expected_args = copied(tuple(args))
    expected = [*interpret(fn, expected_args), *expected_args]
    fused, plain = loops(fn), loops(fn, fuse=False)
    for run, low in ((interpret, fused), (interpret, plain), (as_python(fused), fused)):
        mine_args = copied(tuple(args))
        mine = [*run(low, mine_args), *mine_args]
        for a, b in zip(mine, expected, strict=True):
            a, b = np.asarray(a), np.asarray(b)
            assert (a.dtype == b.dtype or not a.ndim) and a.shape == b.shape  # Python's floats are not float32
            tol = 2e-5 if single or np.float32 in (a.dtype, b.dtype) else 1e-12
            np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


@zoo
def test_zoo(p: Program) -> None:
    improve = optimizer()
    for args in p.args:
        low, flat = lowered(p, args)
        same_as_lowered(low.function, flat, p.single)
        fn = improve(low.function)
        same_as_lowered(fn, flat, p.single)
        case = Case(fn, flat, single=p.single)
        same_as_lowered(improve(forward(fn, case.wrt)), [*flat, *case.direction()], p.single)
        bars = [b for b, r in zip(seeds(low, flat), fn.returns, strict=True) if is_float(r.type)]
        ask = Pullback(tuple(case.wrt), tuple("param" if is_float(r.type) else None for r in fn.returns))
        raw = reverse(fn, ask)
        same_as_lowered(raw, [*flat, *bars], p.single)
        same_as_lowered(improve(raw), [*flat, *bars], p.single)


def halved(d, p):
    d[::2] = d[1::2]
    return ((1.2 + math.sin(d[0])) ** 1.5) * (p + np.sum(d))


def shadowing(a, x, n):
    a -= x[0] + math.sin(0.5 * n)
    for _ in x:
        x[:-1] = x[0] * x[:-1]
        x[3 - n] = math.sin(x[0] + x[0] + halved(x, a))
        x[0] = math.sin(a + a)
    return np.sum(x)


def test_parameters_keep_their_variables() -> None:
    """An expression printed at each of its uses keeps what it reads through the loop around it."""
    args = (0.7, np.array([0.3, -0.9, 1.4, 0.2]), 4)
    fn = optimizer()(lower_python(shadowing, tuple(map(spec_of, args))).function)
    same_as_lowered(optimizer()(reverse(fn, Pullback((0, 1), ("one",)))), args)


def transposed_onto_itself(a):
    a[:] = 2.0 * a.T - a
    return a


def transposed_beside(a):
    b = a.T + 1.0
    c = b * b
    a += b
    a *= c
    return a, np.sum(c)


def shifted_rows(a):
    a[1:] += a[:-1] * a[0]
    a[:, 0] = a[0] * a[1]
    a[::-1] = a + 1.0
    return a


def emptied(a):
    return np.sum(a * a, axis=0), np.sum(a[:0]), np.sum(a[:, :0], axis=1, keepdims=True), a[:0] * 2.0


@pytest.mark.parametrize("f", (transposed_onto_itself, transposed_beside, shifted_rows, emptied))
@pytest.mark.parametrize("dtype", (np.float64, np.float32))
def test_what_is_read_and_written(f: Any, dtype: Any) -> None:
    """Right sides are read in full before anything is written, and nothing is summed to zero."""
    a = np.random.default_rng(3).uniform(-1.0, 1.0, (4, 4)).astype(dtype)
    low = lower_python(f, (spec_of(a),))
    expected = copied((a,))
    results = flatten(f(*expected))
    for fuse in (True, False):
        given = copied((a,))
        found = interpret(loops(optimizer()(low.function), fuse), given)
        for mine, theirs in zip([*found, *given], [*results, *expected], strict=True):
            assert np.asarray(mine).dtype == dtype
            np.testing.assert_allclose(mine, theirs, rtol=1e-5 if dtype is np.float32 else 1e-12)


def counted(fn: Function) -> tuple[int, int]:
    """Loops and allocations."""
    ops = list(walk(fn.body))
    return sum(op.name == "for" for op in ops), sum(OPS[op.name].kind == "alloc" for op in ops if op.name in OPS)


def chain(x):
    y = np.tanh(x) * 2.0
    z = y * y + x
    return np.sum(z * y) + np.sum(z)


def test_what_shares_loops() -> None:
    """The gradient of a chain is one loop, and nothing but the result is memory."""
    fn = optimizer()(lower_python(chain, (spec_of(np.ones(5)),)).function)
    g = optimizer()(reverse(fn, Pullback((0,), ("one",))))
    assert counted(loops(g)) == (1, 1)
    assert min(counted(loops(g, fuse=False))) > 5
