"""Loops that run backwards and are left early: no program lowers to one, so they are given as IR."""

from __future__ import annotations

import numpy as np
import pytest
from harness import check

from adcompiler.ir.text import parse

TEXT = """func @f(%x: f64[n], %bound: f64) -> f64 {{
  %r: f64 = for %i in {lo}..{hi} step {step} reversed with (%s: f64 = 0.5) {{
    %v: f64 = load %x[%i]
    %sin: f64 = sin %s
    %p: f64 = mul %sin, %v
    %t: f64 = add %p, %v
    %stop: b1 = gt %t, %bound
    yield %t until %stop
  }}
  %q: f64 = mul %r, %r
  return %q
}}"""


@pytest.mark.parametrize(("lo", "hi", "step"), [(0, 6, 1), (1, 6, 2), (0, 6, 2), (5, -1, -1), (5, 0, -2), (3, 3, 1)])
@pytest.mark.parametrize("bound", [-9.0, 0.9, 9.0])
def test_left_early(lo: int, hi: int, step: int, bound: float) -> None:
    x = np.array([0.3, 0.7, 0.2, 0.9, 0.4, 0.6])
    check(parse(TEXT.format(lo=lo, hi=hi, step=step)), [x, bound], passes=False)
