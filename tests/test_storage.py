"""The storage report: what a gradient keeps of its forward sweep, and why."""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad
from adcompiler.ir.types import Array


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


def recurrent(w, h, n):
    for _ in range(n):
        gate = 1.0 / (1.0 + np.exp(-(w @ h)))
        h = gate * h
    return np.sum(h)


def lengthening(x):
    s = 0.0
    for i in range(1, len(x)):
        y = np.exp(x[:i])
        s += np.sum(y * y)
    return s


def test_arrays_have_slots() -> None:
    """What the gate is made of is kept, the gate computed again."""
    report = ad.grad(recurrent).lower(np.eye(3), X, 4).residuals
    assert [(r.name, r.slots, r.why.split()[0]) for r in report] == [("h", True, "carried"), ("t", True, "exp")]
    assert all(str(r.type) == "f64[n]" and r.bytes is None for r in report)


def test_arrays_of_varying_extent_are_on_a_tape() -> None:
    (kept,) = ad.grad(lengthening).lower(X).residuals
    assert not kept.slots and "exp costs more" in kept.why


def test_bytes_of_arrays_of_known_extents() -> None:
    def turned(x, n):
        y = np.zeros(3)
        for _ in range(n):
            y = np.sin(x + y)
        return np.sum(y)

    (kept,) = ad.grad(turned).lower(X, 4).residuals
    assert kept.slots and kept.bytes == 24 and "24 bytes an iteration" in str(kept)


def test_arrays_that_are_handed_on_are_not_copied() -> None:
    """Most iterations hand on the array as it is: on a tape, as a handle."""

    def rarely(x, n):
        for i in range(n):
            if i % 100 == 0:
                x = np.sin(x) * x
        return np.sum(x)

    assert not any(r.slots for r in ad.grad(rarely).lower(X, 4).residuals if isinstance(r.type, Array))
