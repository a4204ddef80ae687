"""ad.store and ad.recompute: what is kept changes, and no number does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.errors import UnsupportedFunction

X = np.linspace(0.3, 1.2, 5)


def same(x):
    return x


def program(hint: Callable[[Any], Any]) -> Callable[..., Any]:
    """A product that would be computed again and an exponential that would be kept, both factors of a carried value."""

    def f(x):
        s = 1.0
        for i in range(len(x)):
            a = hint(x[i] * x[i] + 0.5)
            e = hint(math.exp(0.3 * x[i]))
            s = s * math.sin(a) + e * a
        return s

    return f


def kept(f: Callable[..., Any]) -> dict[str, str]:
    return {r.name: r.why for r in ad.grad(f).lower(X).residuals.residuals}


def test_what_is_kept() -> None:
    plain, stored, again = (kept(program(h)) for h in (same, ad.store, ad.recompute))
    assert "a" not in plain and "e" in plain
    assert stored["a"] == "ad.store asks for it" and "e" in stored
    assert "a" not in again and "e" not in again


@pytest.mark.parametrize("hint", [ad.store, ad.recompute])
@pytest.mark.parametrize("strict", [False, True])
def test_no_number_changes(hint: Callable[[Any], Any], strict: bool) -> None:
    f, g, v = program(same), program(hint), np.cos(X)
    how: dict[str, Any] = {"fastmath": False} if strict else {}
    assert f(X) == g(X)
    np.testing.assert_allclose(ad.jit(g, **how)(X), f(X), rtol=1e-15)
    np.testing.assert_allclose(ad.grad(g, **how)(X), ad.grad(f, **how)(X), rtol=1e-14)
    np.testing.assert_allclose(ad.jvp(g, **how)((X,), (v,))[1], ad.jvp(f, **how)((X,), (v,))[1], rtol=1e-14)
    np.testing.assert_allclose(ad.hvp(g, **how)((X,), (v,)), ad.hvp(f, **how)((X,), (v,)), rtol=1e-13)


def test_hints_leave_no_trace_in_kernels() -> None:
    f = program(ad.store)
    assert ad.jit(f).lower(X).kernel.split("def ")[1] == ad.jit(program(same)).lower(X).kernel.split("def ")[1]


def test_numbers_only() -> None:
    with pytest.raises(UnsupportedFunction, match=r"test_hints\.py:\d+:\d+: ad\.store takes a number, not f64"):
        ad.grad(lambda x: np.sum(ad.store(x)))(X)
    assert ad.jit(lambda n: ad.recompute(3) * n)(2) == 6
