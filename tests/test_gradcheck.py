"""check_grads: silent about what is right, and names the worst entry of what is wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.errors import GradientMismatch, NotDifferentiable, TypeMismatch
from adcompiler.ir.table import OPS

X = np.array([0.3, 0.5, 0.7])


def wavy(x, n):
    s = 0.0
    for i in range(len(x)):
        s += np.sin(x[i]) ** n
    return s


def planted(monkeypatch, name, *partials):
    monkeypatch.setitem(OPS, name, dataclasses.replace(OPS[name], partials=partials))


@pytest.mark.parametrize("order", [1, 2])
def test_right(order):
    @dataclasses.dataclass
    class P:
        w: np.ndarray
        n: int

    ad.check_grads(wavy, (X, 2), order=order)
    ad.check_grads(wavy, (X.astype(np.float32), 2), order=order)
    ad.check_grads(lambda p, i: np.sum(p["a"].w * i) ** 2, ({"a": P(X, 2)}, np.arange(3)), order=order)
    ad.check_grads(lambda x, y: (x * y, np.exp(x), 3), (0.5, np.array(2.0)), order=order)


def test_third_order():
    ad.check_grads(lambda x: np.sin(x) * x, (0.5,), order=3)


def test_written_arguments():
    def f(x):
        x[0] = x[0] * x[1]
        return x

    x = X.copy()
    ad.check_grads(f, (x,), order=2)
    np.testing.assert_array_equal(x, X)


def test_a_wrong_partial(monkeypatch):
    planted(monkeypatch, "sin", lambda g, y, x: g * 1.1 * y)
    for modes in (("fwd", "rev"), ("fwd",), "fwd"):
        with pytest.raises(GradientMismatch, match=r"forward mode against differences.* along x\[\d\]: "):
            ad.check_grads(wavy, (X, 2), modes=modes)
    ad.check_grads(wavy, (X, 2), modes=("rev",))  # both modes follow from the partial
    with pytest.raises(GradientMismatch):
        ad.check_grads(wavy, (X.astype(np.float32), 2))


def test_the_worst_entry(monkeypatch):
    planted(monkeypatch, "sin", lambda g, y, x: g * (1.0 - 0.6 * x))
    worst = int(np.argmax(np.abs(1 - 0.6 * X - np.cos(X))))
    with pytest.raises(GradientMismatch, match=rf"along x\[{worst}\]"):
        ad.check_grads(wavy, (X, 1))


def test_modes_that_disagree(monkeypatch):
    from adcompiler.transforms import reverse

    real = reverse.Reverse._load
    calls = []

    def forgetful(self, op, sweep):
        calls.append(op)
        if len(calls) % 2:
            real(self, op, sweep)

    monkeypatch.setattr(reverse.Reverse, "_load", forgetful)
    with pytest.raises(GradientMismatch, match="reverse mode against forward mode"):
        ad.check_grads(lambda x: x[0] * x[1] * x[2], (X,))


def test_misuse():
    for kwargs in ({"modes": ("forward",)}, {"modes": ()}, {"order": 0}, {"order": 1.5}):
        with pytest.raises(TypeMismatch, match="check_grads"):
            ad.check_grads(wavy, (X, 2), **kwargs)
    with pytest.raises(TypeMismatch, match="one entry per argument"):
        ad.check_grads(lambda x: x, X)
    with pytest.raises(NotDifferentiable):
        ad.check_grads(lambda n: n, (3,))
    with pytest.raises(NotDifferentiable, match="result"):
        ad.check_grads(lambda x: int(x), (3.0,))
    assert issubclass(GradientMismatch, ad.AdcompilerError)
