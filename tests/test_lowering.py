"""Lowering: loops over elements compute what the whole-array ops say, fused and not, on every program of the zoo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from harness import Case, optimizer
from test_frontend import copied
from test_zoo import lowered, seeds
from zoo import PROGRAMS, Program

from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
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


def same_as_lowered(fn: Function, args: Sequence[Any], single: bool = False) -> None:
    """Same results and same contents of written arguments, fused and not."""
    expected_args = copied(tuple(args))
    expected = [*interpret(fn, expected_args), *expected_args]
    for fuse in (True, False):
        mine_args = copied(tuple(args))
        mine = [*interpret(loops(fn, fuse), mine_args), *mine_args]
        for a, b in zip(mine, expected, strict=True):
            a, b = np.asarray(a), np.asarray(b)
            assert a.dtype == b.dtype and a.shape == b.shape
            tol = 2e-5 if single or a.dtype == np.float32 else 1e-12
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
