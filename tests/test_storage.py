"""The storage report: what a gradient keeps of its forward sweep, and why."""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad


def chain(x, y):
    s = 0.5
    for i in range(len(x)):
        if x[i] > s:
            s = math.tanh(s * x[i])
        for j in range(i, len(y)):
            s = s * y[j] + 0.1
    return s


def greatest(x):
    top = math.exp(x[0])
    for i in range(1, len(x)):
        top = max(top, math.exp(x[i] * x[0]))
    return top


def search(x):
    s = x[0]
    while s < 2.0:
        s = s * s + x[1] * x[2]
        x[1] = s
    return s


def straight(x):
    return np.sum(np.exp(x) * x)


X = np.array([0.3, 0.9, 1.4])


def test_slots_by_loop() -> None:
    report = ad.grad(chain, argnums=(0, 1)).lower(X, X).residuals
    inner = [r for r in report if len(r.loops) == 2]
    outer = [r for r in report if len(r.loops) == 1]
    assert [(r.name, r.bytes, r.slots) for r in inner] == [("s", 8, True)]
    assert "carried" in inner[0].why
    assert sorted(r.why.split(" ", 1)[0] for r in outer) == ["carried", "tanh"]
    assert all(place.startswith("test_storage.py:") for r in report for place in (*r.loops, r.place))
    text = str(report)
    assert text.startswith(f"loop at {inner[0].loops[0]}\n")
    assert f"\n    loop at {inner[0].loops[1]}\n        s: f64  8 bytes an iteration" in text


def test_decisions_are_kept() -> None:
    report = ad.grad(greatest).lower(X).residuals
    assert ["decision" in r.why for r in report if r.bytes == 1] == [True]


def test_tapes_of_loops_of_unknown_length() -> None:
    report = ad.grad(search).lower(X).residuals
    assert len(report) > 0 and not any(r.slots for r in report)
    assert "on a tape" in str(report)


def test_nothing_kept() -> None:
    report = ad.grad(straight).lower(X).residuals
    assert len(report) == 0 and str(report) == "nothing is kept of any iteration"
