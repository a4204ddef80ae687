"""Every construct of the language: the lowered program, interpreted, does what Python does."""

from __future__ import annotations

import dataclasses
import math
from collections import namedtuple

import numpy as np
import pytest

from adcompiler.frontend import lower, spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Dict, Leaf, Static, Tuple, leaves
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.verify import verify


def build(spec, values):
    """The Python value of a result."""
    if isinstance(spec, Leaf):
        return next(values)
    if isinstance(spec, Static):
        return spec.value
    items = [build(i, values) for i in spec.items]
    if isinstance(spec, Tuple):
        return spec.cls(*items) if spec.cls else tuple(items)
    return dict(zip(spec.keys, items, strict=True)) if isinstance(spec, Dict) else spec.cls(*items)


def copied(value):
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple):
        items = [copied(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, dict):
        return {k: copied(v) for k, v in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{f.name: copied(getattr(value, f.name)) for f in dataclasses.fields(value)})
    return value


def compiled(fn, *args, allow_none=False):
    lowered = lower(fn, tuple(spec_of(a) for a in args), allow_none=allow_none)
    verify(lowered.function)
    text = str(lowered.function)
    assert str(parse(text)) == text
    hidden = [c.read() for c in lowered.captures if isinstance(c.spec, Leaf)]

    def run(*args):
        results = interpret(lowered.function, [*[x for a in args for x in flatten(a)], *hidden])
        return build(lowered.result, iter(results))

    return lowered, run


def same(a, b):
    if isinstance(b, tuple | list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(b, dict):
        assert list(a) == list(b)
        for k in b:
            same(a[k], b[k])
    elif dataclasses.is_dataclass(b):
        same(flatten(a), flatten(b))
    elif b is None:
        assert a is None
    else:
        np.testing.assert_allclose(a, b, rtol=1e-12 if np.asarray(b).dtype != np.float32 else 1e-6)


def dtypes_agree(spec, value):
    """Result leaves have NumPy's dtypes; Python numbers are weak."""
    for leaf, v in zip(leaves(spec), flatten(value), strict=True):
        if isinstance(v, np.ndarray | np.generic):
            assert np.dtype(v.dtype) == {"f64": "f8", "f32": "f4", "i64": "i8", "i32": "i4", "b1": "?"}[leaf.type.dtype]
            assert not leaf.weak
        else:
            assert leaf.type.dtype == {float: "f64", int: "i64", bool: "b1"}[type(v)] and leaf.weak


def check(fn, *cases, dtypes=True, written=True):
    """`fn` and its lowering agree on all cases (of equal types), in results and in what they write."""
    lowered, run = compiled(fn, *cases[0])
    for args in cases:
        ours, theirs = copied(args), copied(args)
        try:
            want = fn(*theirs)
        except (ValueError, IndexError, ZeroDivisionError, UnboundLocalError, AssertionError, NameError) as error:
            with pytest.raises(type(error)):
                run(*ours)
            continue
        got = run(*ours)
        same(got, want)
        if written:
            same(ours, theirs)
    if dtypes:
        dtypes_agree(lowered.result, want)
    return lowered


X = np.array([0.5, -1.5, 2.0, 3.25])
M = np.arange(12.0).reshape(3, 4) / 3


class TestScalars:
    def test_arithmetic(self):
        def f(x, y, n):
            return (
                x + y,
                x - y,
                x * y,
                x / y,
                x // y,
                x % y,
                x**y,
                -x,
                +x,
                x**2,
                x**n,
                n / 2,
                n // 2,
                n % 3,
                2**n,
                n**-1,
            )

        check(f, (1.5, 2.5, 3), (0.3, -0.7 + 2, 5))

    def test_float32(self):
        def f(x, n, y):
            return x * 2, x * 2.0, x + n, x * y, 1 / x, x**2, x**0.5, -x, np.sin(x), abs(x), x > 1.0

        check(f, (np.float32(1.25), 3, 2.5))

    def test_bools(self):
        def f(a, b, x):
            return a + b, a & b, a | b, a ^ b, not a, a and b, a or b, x + a, True + True

        check(f, (True, False, 1.5), (True, True, 2.5), (False, False, 0.0))

    def test_numpy_bools(self):
        def f(x, y):
            p, q = x > 0, y > 0
            return p + q, p * q, p & q, p | q, ~p, p + 1, p * 2.0

        check(f, (np.float64(1.0), np.float64(-1.0)), (X, -X))

    def test_math(self):
        def f(x):
            return (math.sin(x), math.exp(x), math.log(x, 2), math.pow(x, 2), math.floor(x), math.ceil(x),
                    math.trunc(x), math.sqrt(x),
                    math.atan2(x, 2), math.hypot(x, 3.0), math.pi * x, math.fabs(-x), math.isnan(x),
                    math.gamma(x), math.lgamma(x), math.erf(x))  # fmt: skip

        check(f, (1.7,), (2.3,))

    def test_conversions(self):
        def f(x, n):
            return int(x), float(n), bool(x), np.float32(x), np.int32(n), round(x), abs(x), abs(-n), int(3.9)

        check(f, (2.7, 3), (-1.2, 0))

    def test_max_min(self):
        def f(x, y, n):
            return (
                max(x, y),
                min(x, y),
                max(x, y, 0.5),
                max(n, 2),
                min((x, y, 1.0)),
                sum((x, y)),
                sum(t * t for t in (x, y)),
            )

        check(f, (1.0, 2.0, 3), (0.1, -0.2, 1))

    def test_comparisons(self):
        def f(x, n):
            return x < n, 0 < x < 2, x == 1.5, n != 2, 0.0 <= x <= n <= 5, x is not None, x is None

        check(f, (1.5, 3), (-1.0, 2), (1.0, 7))

    def test_short_circuit(self):
        def f(x, i):
            if i < len(x) and x[i] > 0:
                return 1.0
            return 2.0 if i >= len(x) or x[i] < -1 else 3.0

        check(f, (X, 0), (X, 1), (X, 9))

    def test_ternary_and_values(self):
        def f(x, y):
            z = x if x > y else 2 * y
            return z, (x or y), (x and y), 1 if x > 0 else 0.5

        check(f, (1.0, 2.0), (3.0, 2.0), (0.0, 1.0), dtypes=False)

    def test_walrus(self):
        def f(x):
            if (y := x * 2) > 1:
                return y
            return y + 1

        check(f, (1.0,), (0.2,))


class TestElementwise:
    @pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32])
    def test_promotion(self, dtype):
        def f(a, b, s):
            return (a + b, a * 2, a * 2.0, a / b, a * s, np.sqrt(np.abs(a)), np.exp(a), a > b, np.maximum(a, 1),
                    np.where(a > b, a, 0), np.clip(a, 1, 3), a**2, -a, np.abs(a), np.sign(a))  # fmt: skip

        a = np.array([1, 2, 3], dtype)
        check(f, (a, a[::-1].copy(), 2), (a, a + dtype(1), 3))
        check(f, (a, a.astype(np.float32), np.float64(2)))

    def test_broadcast(self):
        def f(m, x):
            return m + x, m * x[None, :], m[:, :1] - x, np.exp(m) @ x, m.T + 1.0

        check(f, (M, X))

    def test_numpy_functions(self):
        def f(x):
            y = np.abs(x) + 1.5
            return (np.log(y), np.tanh(x), np.arctan2(x, y), np.hypot(x, y), np.floor(x), np.isnan(x), np.minimum(x, y),
                    np.logaddexp(x, y), np.square(x), np.rint(x), np.logical_and(x > 0, y > 0), np.power(y, 2),
                    np.clip(x, 0, None), np.copysign(y, x), np.fmax(x, 0.5), np.log1p(y), np.negative(x))  # fmt: skip

        check(f, (X,), (-X,))

    def test_scalar_results_are_numpy(self):
        def f(x):
            return np.sin(x), np.maximum(x, 2), np.add(x, 1), np.floor(x), np.where(x > 0, x, 1)

        check(f, (0.5,), (3.0,), dtypes=True)


class TestArrays:
    def test_elements(self):
        def f(x, i):
            y = x.copy()
            y[0] = 1
            y[-1] = x[i] * 2
            y[i] += 3.0
            y[i] -= x[0]
            y[i] *= 2
            y[i] /= 4.0
            return y, y[i], y.shape, y.size, len(y), y.ndim

        check(f, (X, 1), (X, -2), (X, 7))

    def test_argument_is_written(self):
        def f(x):
            x[1] = 5.0
            x += 1.0
            y = x
            y *= 2
            return x.sum()

        lowered = check(f, (X,))
        assert {p.name for p in lowered.function.mut} == {"x"}

    def test_slices(self):
        def f(m, k):
            a = m.copy()
            a[1:] += a[:-1]
            a[:, 1] = a[:, 2]
            a[0] = 1.5
            a[::2, -1] *= 3
            a[k] -= 1
            a[..., 0] = (1, 2, 3)
            a[:, 1:3] /= 2
            r = a[1]
            r[0] = -7.0
            return a, a[k:], a[::-1], a[:, None, 0], a[1, ::2], a[..., k]

        check(f, (M, 1), (M, 2))

    def test_integer_arrays(self):
        def f(n):
            n[0] = 2.7
            n[1] += 1
            n[2] += 0.6
            return n + 1, n * 0.5, n // 2, n[0] // 2, n[1] / 2

        check(f, (np.array([5, 6, 7]),))

    def test_bool_sum_and_mean(self):
        def f(m):
            return ((m > 1).sum(), m.sum(axis=0), np.sum(m, axis=1, keepdims=True), m.mean(), np.mean(m, axis=0),
                    np.sum(m), m.sum(axis=(0, 1)), m.sum(-1))  # fmt: skip

        check(f, (M,), (-M,))

    def test_allocation(self):
        def f(x, n):
            a = np.zeros(n)
            b = np.ones((n, 2), dtype=np.float32)
            c = np.full((2, n), x[0])
            d = np.zeros_like(x)
            e = np.ones_like(x)
            g = np.array([[x[0], 1.0], [2, x[1]]])
            h = np.empty_like(x)
            h[:] = 2
            k = np.array([x, x + 1])
            return (
                a,
                b,
                c,
                d,
                e,
                g,
                h,
                k,
                np.zeros((2, 3), dtype=int),
                np.array([1, 2, 3]),
                np.full(2, 1),
                x.astype(int),
            )

        check(f, (X, 3))

    def test_products(self):
        def f(m, x, y):
            return m @ x, np.dot(x, x), y @ m, np.outer(y, x), m.T @ m, x @ x, np.dot(m, x), x.dot(x)

        check(f, (M, X, np.array([1.0, 2, 3])))

    def test_order_of_element_updates(self):
        def f(a):
            def poke(b):
                b[0] = 100.0
                return 1.0

            a[0] += poke(a)
            return a

        check(f, (X,))

    def test_whole_assignment_aliases(self):
        def f(a):
            a[1:] = a[:-1]
            b = a[:]
            b[0] = 9.0
            return a

        check(f, (X,))

    def test_float32_array(self):
        def f(a):
            s = 0.0
            for v in a:
                s += v * 2
            a += 1.0
            a[0] += np.float64(0.1)
            return s, a, a * 2.0, a.sum(), a * np.float64(2.0)

        check(f, (np.array([1, 2, 3], np.float32),))

    def test_unpack_rows(self):
        def f(m):
            a, b, c = m
            x, y, z, w = a
            return b + c, x + y + z + w

        check(f, (M,))

    def test_zero_dimensional(self):
        def f(a):
            return a * 2.0

        check(f, (np.array(1.5),))


class TestStructures:
    Point = namedtuple("Point", "x y")

    @dataclasses.dataclass
    class State:
        u: float
        v: np.ndarray
        n: int = 3

    def test_tuples(self):
        def f(t, x):
            a, (b, c) = t
            s = (a, b) + (c, x)
            u = s[1:]
            a, b = b, a
            return s, u[-1], len(s), a - b, [x, 1], tuple(2 * q for q in s), s == s

        check(f, ((1.0, (2.0, 3)), 4.0), dtypes=False)

    def test_runtime_index(self):
        def f(t, i):
            return t[i] * 2

        check(f, ((1.0, 2.0, 3.0), 1), ((1.0, 2.0, 3.0), -1), ((1.0, 2.0, 3.0), 5))

    def test_named_tuples(self):
        def f(p):
            q = p._replace(x=p.y)
            return q, f.__class__ is None if False else p.x, TestStructures.Point(1.0, p.x)

        check(f, (self.Point(1.0, 2.0),))

    def test_dicts(self):
        def f(p):
            p["w"] = p["w"] * 2
            q = {"a": p["b"], **p}
            total = 0.0
            for _k, v in p.items():
                total += np.sum(v)
            return q, total, len(q)

        check(f, ({"w": X, "b": 1.5},), written=False)

    def test_dataclasses(self):
        def f(s, c):
            t = s
            t.u = t.u + 1.0
            for i in range(s.n):
                s.u += s.v[i]
                s.v[i] = 0.0
            if c:
                t.u = t.u * 2
            r = dataclasses.replace(s, u=s.u - 1)
            return r, s.u, TestStructures.State(1.0, s.v)

        check(f, (self.State(1.0, X), True), (self.State(2.0, X), False), written=False)

    def test_loop_over_tuple_of_functions(self):
        def f(x):
            for g in (math.sin, math.cos, lambda t: t * t):
                x = g(x)
                if x < -10:
                    break
            return x

        check(f, (1.0,), (2.0,))

    def test_layers(self):
        def f(layers, x):
            for i in range(len(layers)):
                w, b = layers[i]
                x = w @ x + b
                if i < len(layers) - 1:
                    x = np.maximum(x, 0)
            return x.sum()

        check(f, (((M.T @ M, X), (M, X[:3])), X))

    def test_enumerate_zip_static(self):
        def f(t, u):
            s = 0.0
            for i, (a, b) in enumerate(zip(t, u)):
                if a < 0:
                    continue
                s += i * a * b
            else:
                s += 1
            return s

        check(f, ((1.0, -2.0, 3.0), (4.0, 5.0, 6)))
