"""Loops, branches, exits, calls, closures and captured names: as Python does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_frontend import M, X, check, compiled

from adcompiler.frontend import lower, spec_of
from adcompiler.frontend.spec import Leaf, Static

SCALE = 3.0
TABLE = np.array([1.0, 2.0, 4.0])
PAIR = (2.0, TABLE)


class TestLoops:
    def test_ranges(self):
        def f(x, lo, hi, step):
            s = 0.0
            for i in range(lo, hi, step):
                s += x * i
            for i in range(hi):
                s += i
            for i in range(lo, hi):
                s -= i * x
            for i in reversed(range(hi)):
                s = s * 0.5 + i
            for i in range(5, -1, -2):
                s = s * 0.5 + i
            return s

        check(f, (1.5, 0, 5, 2), (1.5, 5, 0, -1), (2.0, 3, 3, 1), (2.0, 0, 5, 0))

    def test_over_arrays(self):
        def f(m, x):
            s = 0.0
            for row in m:
                for v in row:
                    s += v
            for i, v in enumerate(x):
                s += i * v
            for i, (a, b) in enumerate(zip(x, m), 1):
                s += i * a * b[0]
            for a, k in zip(x, range(1, 9, 2)):
                s += a * k
            return s

        check(f, (M, X), (M, X[:2].copy()))

    def test_while(self):
        def f(x, tol):
            n = 0
            while x > tol and n < 50:
                x = 0.5 * (x + 1.0 / x) - 0.3
                n += 1
            return x, n

        check(f, (5.0, 0.9), (0.1, 0.5))

    def test_while_break(self):
        def f(x):
            k = 0
            while True:
                x = x * 0.5
                k += 1
                if x < 0.1:
                    break
                if k > 20:
                    continue
                x = x + 0.001
            else:
                k = -1
            return x, k

        check(f, (5.0,), (0.01,))

    def test_while_else(self):
        def f(x, n):
            while n > 0:
                n -= 1
                if x[n] < 0:
                    r = 1.0
                    break
            else:
                r = 2.0
            return r

        check(f, (X, 4), (X, 1))

    def test_break_and_continue(self):
        def f(x, tol):
            s = 0.0
            for i in range(len(x)):
                if x[i] < 0:
                    continue
                s += x[i]
                if s > tol:
                    break
                s *= 1.5
            return s

        check(f, (X, 1.0), (X, 100.0), (X, 0.1))

    def test_nested_exits(self):
        def f(m, a, b):
            count = 0
            for i in range(m.shape[0]):
                for j in range(m.shape[1]):
                    if m[i, j] > a:
                        if m[i, j] > b:
                            return m[i, j], count
                        break
                    count += 1
                else:
                    count += 100
                if i == 1:
                    continue
                count += 10
            return -1.0, count

        check(f, (M, 1.0, 2.0), (M, 100.0, 3.0), (M, 0.2, 9.0), dtypes=False)

    def test_for_else(self):
        def f(x, v):
            for i in range(len(x)):
                if x[i] > v:
                    k = i
                    break
            else:
                k = -1
            return k

        check(f, (X, 1.0), (X, 100.0))

    def test_index_after_loop(self):
        def f(n):
            for i in range(n):
                y = i * 2.0
            return i + y

        check(f, (3,), (1,), (0,))

    def test_unbound(self):
        def f(x, n):
            s = 0.0
            for i in range(n):
                if i > 0:
                    s += prev  # noqa: F821
                prev = x * i  # noqa: F841
            if n > 3:
                w = 1.0
            if n > 4:
                s += w
            return s

        check(f, (2.0, 3), (2.0, 4), (2.0, 6))

    def test_really_unbound(self):
        def f(c):
            if c:
                y = 1.0
            return y

        check(f, (True,), (False,))

    def test_widening(self):
        def f(x):
            a = 0
            b = 1
            for v in x:
                a += v
                b = b * 2 if v > 0 else b / 2
            return a, b

        check(f, (X,), (-X,), dtypes=False)

    def test_swaps(self):
        def f(x, n):
            u, v = x.copy(), np.zeros_like(x)
            for _ in range(n):
                for i in range(len(x)):
                    v[i] = u[i] * 0.5 + u[i - 1]
                u, v = v, u
            return u

        check(f, (X, 3), (X, 0))

    def test_arrays_of_loops(self):
        def f(x, n):
            for _ in range(n):
                x = np.tanh(x) + 0.1
            return x

        check(f, (X, 3), (X, 0))

    def test_in_place_in_loop(self):
        def f(x, n):
            a = np.zeros(3)
            for i in range(n):
                a += x[:3]
                a[i] = i
            return a

        lowered = check(f, (X, 3))
        (loop,) = [op for op in lowered.function.body.ops if op.name == "for"]
        assert loop.carried == []


class TestBranches:
    def test_early_returns(self):
        def f(x):
            if x < 0:
                return 0.0
            if x < 1:
                y = x * x
            elif x < 2:
                return 7.0
            else:
                y = x
            return y + 1

        check(f, (-1.0,), (0.5,), (1.5,), (3.0,))

    def test_return_from_loop(self):
        def f(x, v):
            for i in range(len(x)):
                for j in range(i):
                    if x[i] * x[j] > v:
                        return x[i] + j
                if x[i] < -1:
                    return x[i]
            return v * 2

        check(f, (X, 100.0), (X, 0.1), (np.abs(X), 2.0), dtypes=False)

    def test_handles(self):
        def f(x, y, c):
            z = x if c else y
            w = x
            if c:
                w = y
            z[0] = 5.0
            return w.sum()

        check(f, (X, -X, True), (X, -X, False))

    def test_assert_and_raise(self):
        def f(x):
            assert x != 3, "three"
            if x < 0:
                raise ValueError(f"negative {x}")
            if x > 10:
                y = x * 2
                raise IndexError("big")
            else:
                y = x
            return y

        check(f, (1.0,), (-1.0,), (3.0,), (11.0,))

    def test_static_conditions(self):
        def f(x, flag=None, mode="a"):
            if flag is not None:
                return flag.nothing
            if x.ndim == 1 and mode == "a":
                return x[0]
            return x[0, 0, 0]

        check(f, (X,))

    def test_many_levels(self):
        def f(x, n):
            s = 0.0
            for i in range(n):
                if i % 2 == 0:
                    if x > 1:
                        s += 1
                        if s > 3:
                            break
                        s += x
                    else:
                        s -= 1
                    s *= 2
                elif i > 7:
                    return s
                s += 0.5
            return s + 1

        check(f, (2.0, 9), (0.5, 20), (1.1, 3), (2.0, 0))


class TestCalls:
    def test_helpers(self):
        def f(x, n):
            def inner(y, k=2, *, scale=SCALE):
                if y < 0:
                    return -y
                return y * k * scale * n

            g = lambda a, *rest: a + sum(rest)  # noqa: E731
            return inner(x), inner(-x, 3), inner(x, scale=1.0), g(x, 1, 2), apply(math.sin, x), power(x, 5)

        check(f, (1.5, 2))

    def test_closures_see_current_values(self):
        def f(x):
            y = x
            g = lambda: y * 2  # noqa: E731
            y = 3 * x
            for i in range(3):
                y = y + g() * i
            return g()

        check(f, (1.5,))

    def test_captures(self):
        offset = 0.5

        def f(x):
            return x * SCALE + TABLE[1] + offset + PAIR[1][0] * PAIR[0]

        lowered = check(f, (1.5,))
        by_name = {c.name: c for c in lowered.captures}
        assert by_name["SCALE"].spec == Static(3.0)
        assert isinstance(by_name["TABLE"].spec, Leaf) and by_name["TABLE"].read() is TABLE
        assert by_name["offset"].read() == 0.5
        assert [p.name for p in lowered.function.params][:2] == ["x", "TABLE"]

    def test_recursion_too_deep(self):
        def f(x):
            return endless(x)

        with pytest.raises(TypeError, match="deeper than"):
            lower(f, (spec_of(1.0),))

    def test_transform_inside(self):
        class Doubled:
            def __init__(self, fn):
                self.fn = fn

            def __ad_lower__(self, args, kwargs):
                return lower(self.fn, args, kwargs)

        def make(fn):
            return Doubled(fn)

        make.__ad_static__ = True

        def g(y):
            return y * y * TABLE[0], y

        outer = make(g)

        def f(x, a):
            z = outer(x)[0]
            w, _ = make(lambda t: (t * a[0] * z, t))(x)
            return z + w

        _, run = compiled(f, 2.0, X)
        assert run(2.0, X) == 4.0 + 2.0 * 0.5 * 4.0

    def test_reads(self):
        def f(x):
            return power(x, 3)

        lowered = lower(f, (spec_of(1.0),))
        assert any(value is power for _, value in lowered.reads)

    def test_allow_none(self):
        def f(x):
            x[0] = 1.0

        lowered, _ = compiled(f, X, allow_none=True)
        assert lowered.result == Static(None)


def apply(g, *args):
    return g(*args)


def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


def endless(x):
    return endless(x + 1)
