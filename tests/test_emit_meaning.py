"""Programs on which emission that goes one step too far shows: their texts, run by Python, do what the IR says.

Errors come where they should: what was written before is written, what comes after is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_passes_meaning import ARGUMENTS, PARAMS
from test_passes_meaning import PROGRAMS as OTHERS

import adcompiler as ad
from adcompiler.backends.python import module
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.verify import verify
from adcompiler.ir.walk import clone
from adcompiler.passes import run_passes

PROGRAMS: dict[str, tuple[str, str]] = {
    "error before a write": ("f64", """
        %t: f64 = load %x[%n]
        store %y[0] = 7.0
        %t_1: f64 = mul %t, 2.0
        return %t_1"""),
    "write before an error": ("f64", """
        store %y[0] = 7.0
        %t: f64 = load %x[%n]
        store %y[1] = 8.0
        %t_1: f64 = mul %t, 2.0
        return %t_1"""),
    "element before it is written": ("f64", """
        %t: f64 = load %x[0]
        store %x[0] = 7.0
        %t_1: f64 = mul %t, 2.0
        return %t_1"""),
    "both sides of `and` may raise": ("f64", """
        %t: f64 = load %x[%n]
        %t_1: b1 = gt %t, 0.0
        %t_2: b1 = and %c, %t_1
        %t_3: f64 = select %t_2, 1.0, 2.0
        return %t_3"""),
    "element used twice, written between": ("f64", """
        %x_0: f64 = load %x[0]
        %t: f64 = mul %x_0, 2.0
        store %y[0] = %t
        store %x[0] = 9.0
        %t_1: f64 = add %x_0, 1.0
        return %t_1"""),
    "neighbours that trade places": ("f64", """
        for %i in 0..2 {
          %t: f64 = load %x[%i]
          %t_1: i64 = add %i, 1
          %t_2: f64 = load %x[%t_1]
          %t_3: f64 = mul 0.5, %t
          %t_4: f64 = add %t_2, %t_3
          %t_5: f64 = mul %t, %t_2
          %t_6: f64 = add %t_5, %t
          store %x[%i] = %t_4
          store %x[%t_1] = %t_6
          yield
        }
        %t_7: f64 = sum %x
        return %t_7"""),
    "exit decided by this trip": ("(f64, f64)", """
        %r: f64, %q: f64 = for %i in 0..9 with (%s: f64 = %a, %p: f64 = %b) {
          %u: f64 = add %s, 1.0
          %t: b1 = gt %s, 4.0
          yield %u, %s until %t
        }
        return %r, %q"""),
    "exit decided by two values that trade places": ("(f64, f64)", """
        %r: f64, %q: f64 = for %i in 0..9 with (%s: f64 = %a, %p: f64 = %b) {
          %u: f64 = add %p, 1.5
          %t: b1 = gt %s, %p
          %t_1: b1 = and %c, %t
          yield %u, %s until %t_1
        }
        return %r, %q"""),
    "else without then": ("f64", """
        if %c {
          yield
        } else {
          store %x[0] = 5.0
          yield
        }
        return %a"""),
    "else of a comparison with nan": ("f64", """
        %u: f64 = sqrt -1.0
        %t: b1 = lt %u, %b
        if %t {
          yield
        } else {
          store %x[0] = 5.0
          yield
        }
        return %a"""),
    "negative literal to a power": ("f64", """
        %t: f64 = pow -2.5, 2.0
        %t_1: f64 = add %t, %a
        return %t_1"""),
    "rotation of three": ("(f64, f64, f64)", """
        %u: f64, %v: f64, %w: f64 = for %i in 0..%k with (%p: f64 = %a, %q: f64 = %b, %r: f64 = 0.5) {
          yield %q, %r, %p
        }
        return %u, %v, %w"""),
    "values that live together": ("f64", """
        %u: f64 = for %i in 0..3 with (%p: f64 = %a) {
          %s: f64 = mul %p, 2.0
          yield %s
        }
        %v: f64 = mul %a, %u
        %w: f64 = sub %v, %a
        return %w"""),
    "backwards": ("f64", """
        %u: f64 = for %i in 0..3 reversed with (%p: f64 = %a) {
          %t: f64 = load %x[%i]
          %t_1: f64 = mul %p, 2.0
          %s: f64 = add %t_1, %t
          yield %s
        }
        return %u"""),
    "backwards in steps": ("f64", """
        %u: f64 = for %i in %k..%n step 2 reversed with (%p: f64 = %a) {
          %t: f64 = cast %i
          %t_1: f64 = mul %p, 2.0
          %s: f64 = add %t_1, %t
          yield %s
        }
        return %u"""),
    "between bounds": ("(f64, f64, f64[:])", """
        %low: f64 = clip %b, -1.0, %a
        %high: f64 = clip %a, -1.0, 1.0
        %t: f64[:] = clip %x, -0.2, 0.3
        return %low, %high, %t"""),
    "sums along axes": ("(f64[:], f64[:, :, :], f64)", """
        %u: f64[:, 1] = view %x[:, None]
        %v: f64[:, :] = mul %u, %y
        %w: f64[:, :, 1] = view %v[:, :, None]
        %t: f64[:] = sum %w, axis=(0, 2)
        %t_1: f64[:, :, :] = sum %w, axis=(0, 1), keepdims=True
        %t_2: f64 = sum %w, axis=(0, 1, 2)
        return %t, %t_1, %t_2"""),
    "shifted onto itself": ("f64", """
        %u: f64[:] = view %x[1:]
        %v: f64[:] = view %x[:-1]
        assign %u, %v
        accumulate %v, %u
        %s: f64 = sum %x
        return %s"""),
}  # fmt: skip
PROGRAMS |= {name: (result, body) for name, (_, result, body) in OTHERS.items()}


def outcome(run: Any, sizes: tuple[int, int, int, int, bool]) -> tuple[str, list[Any]]:
    """Results, or the error's class; and what memory holds afterwards."""
    rows, columns, k, n, c = sizes
    rng = np.random.default_rng(rows + k)
    args = [rng.normal(size=rows), rng.normal(size=rows), rng.normal(size=columns), 1.7, -2.3, k, n, c]
    try:
        with np.errstate(all="ignore"):
            results = run(*args)
    except (IndexError, ValueError, ZeroDivisionError) as error:
        return next(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins"), args[:2]
    return "value", [*(results if isinstance(results, tuple) else (results,)), *args[:2]]


def texts(fn: Function) -> list[str]:
    """As source, and as a kernel that is not compiled."""
    kernel = module([run_passes(clone(fn), ["checks"])], kernel=True)
    return [module([fn]), kernel.replace("from numba import njit", "njit = lambda **_: lambda f: f")]


@pytest.mark.parametrize("name", PROGRAMS)
def test_meaning_is_kept(name: str) -> None:
    result, body = PROGRAMS[name]
    text = f"func @f({PARAMS}) -> {result} {{{body}\n}}"
    verify(parse(text))
    for emitted in texts(parse(text)):
        space: dict[str, Any] = {}
        exec(emitted, space)
        for sizes in ARGUMENTS:
            kind, expected = outcome(lambda *args: interpret(parse(text), args), sizes)
            found, values = outcome(space["f"], sizes)
            assert found == kind, f"{found} for {kind}\n{emitted}"
            for a, b in zip(values, expected, strict=True):
                np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-12, err_msg=emitted)


def test_elements_that_change_are_read_before() -> None:
    """The adjoint of neighbours that trade places: each is written while the other is still needed."""

    def f(x):
        for i in range(len(x) - 1):
            x[i], x[i + 1] = x[i + 1] + 0.5 * x[i], x[i] * x[i + 1] + x[i]
        return np.sum(x)

    x, step = np.array([1.5, -0.5, 2.0]), 1e-6
    slopes = [(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(ad.grad(f)(x), slopes, rtol=1e-8)
