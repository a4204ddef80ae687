"""Decisions are stored, never recomputed from recomputed floats: gradients follow the branches that were taken, in
an interpreter whose arithmetic gives other last bits each time it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harness import optimizer, plain

from adcompiler.frontend import lower, spec_of
from adcompiler.ir.interpret import interpret
from adcompiler.ir.table import OPS
from adcompiler.transforms.reverse import Pullback, reverse


@pytest.fixture
def noisy(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mul` of floats is off by a last bit, now up, now down, as contraction would have it."""
    rng, exact = np.random.default_rng(0), OPS["mul"].evaluate
    assert exact is not None

    def mul(a: Any, b: Any) -> Any:
        result = exact(a, b)
        if np.issubdtype(np.asarray(result).dtype, np.floating):
            return np.nextafter(result, rng.choice([-np.inf, np.inf]))
        return result

    monkeypatch.setitem(OPS, "mul", replace(OPS["mul"], evaluate=mul))


def largest(x, y):
    """Squares of those that reach the largest product: a tie of what is computed twice."""
    most = -1e9
    for i in range(len(x)):
        most = max(most, x[i] * y[i])
    s = 0.0
    for i in range(len(x)):
        if x[i] * y[i] >= most:
            s += x[i] * x[i] + y[i] * y[i]
    return s


def rounded(x, y):
    """Products rounded down, on the edge of the next integer."""
    s = 0.0
    for i in range(len(x)):
        s += float(int(x[i] * y[i] * 3.0)) * (x[i] * x[i])
    return s


def stepped(x, y):
    """A remainder on the edge."""
    s = 0.0
    for i in range(len(x)):
        s += (x[i] * y[i] * 3.0 // 1.0) * (y[i] * y[i])
    return s


def trips(x, y):
    """A loop that ends on the edge."""
    s = 0.0
    for i in range(len(x)):
        t = 0.0
        while t * y[i] * 3.0 < 3.0 * (x[i] * y[i]):
            t += x[i] / 3.0
            s += x[i] * x[i]
    return s


def picked(x, y):
    """An element whose index is on the edge."""
    s = 0.0
    for i in range(len(x)):
        s += x[int(x[i] * y[i] * 3.0) % 2] * y[i]
    return s


@pytest.mark.usefixtures("noisy")
@pytest.mark.parametrize("f", [largest, rounded, stepped, trips, picked])
@pytest.mark.parametrize("optimize", [plain, optimizer()])
def test_the_branches_that_were_taken(f: Any, optimize: Any) -> None:
    """Between its decisions each function is homogeneous of degree two: grad . (x, y) = 2 f, whatever was decided."""
    x = np.full(8, 1.0 / 3.0) * 3.0
    args = [x, np.ones(8)]
    fn = optimize(lower(f, tuple(spec_of(a) for a in args)).function)
    g = optimize(reverse(fn, Pullback((0, 1), ("one",), (0,))))
    values = []
    for _ in range(6):
        value, x_bar, y_bar = interpret(g, [a.copy() for a in args])
        np.testing.assert_allclose(x_bar @ args[0] + y_bar @ args[1], 2 * value, rtol=1e-9)
        values.append(float(value))
    assert len(set(np.round(values, 6))) > 1 or f is picked, "nothing was on the edge"
