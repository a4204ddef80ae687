"""Calls: what happens to arguments and results in memory, odd arguments, captured values, `out=`, `donate=`."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import inspect
import pickle
import sys
import timeit
import types
from collections import namedtuple

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.errors import ShapeMismatch, TypeMismatch
from adcompiler.transform import Transform

F32 = np.float32
X = np.array([1.0, 2.0, 3.0])
READ_ONLY = X.copy()
READ_ONLY.flags.writeable = False


def squares(x):
    return np.sum(x * x)


def writes(a, b):
    a[0] = a[0] * b[1]
    return a[0] * a[1]


def inner(a, b):
    return np.sum(a * b)


GRAD = ad.grad(squares)


def unaligned():
    a = np.zeros(25, np.uint8)[1:].view(np.float64)
    a[:] = X
    return a


class Array(np.ndarray):
    pass


class Exposing:
    __array_interface__ = X.__array_interface__


class TestArrays:
    @pytest.mark.parametrize(
        "x",
        [
            np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6.0)[::-1], np.arange(6.0)[::2], np.zeros(0),
            np.arange(6.0).reshape(2, 3).T, np.zeros((0, 3)), READ_ONLY, READ_ONLY[::-1], np.broadcast_to(2.0, (3,)),
            X.view(Array), np.arange(3, dtype=F32), np.arange(24.0).reshape(2, 3, 4)[:, ::2, 1],
        ],
    )  # fmt: skip
    def test_layouts(self, x):
        for _ in range(2):
            g = GRAD(x)
            assert type(g) is np.ndarray and g.dtype == x.dtype and g.shape == x.shape
            np.testing.assert_allclose(g, 2 * np.asarray(x))

    def test_unaligned_and_exposed(self):
        for x in (unaligned(), Exposing()):
            np.testing.assert_array_equal(GRAD(x), 2 * X)

    def test_refused(self):
        for bad in (X.view(np.matrix), np.ma.array([1.0]), X.astype(">f8"), X.astype(complex), X.astype(np.float16),
                    [1.0], 1j, object()):  # fmt: skip
            with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: x: "):
                GRAD(bad)

    def test_sizes_do_not_recompile(self):
        g = ad.grad(squares)
        for n in (0, 1, 2, 1000):
            g(np.ones(n))
        assert len(g._built) == 1
        g(np.ones(6)[::2])
        g(np.ones(8)[::-2])
        g(READ_ONLY)
        g(unaligned())
        assert len(g._built) == 2  # contiguous, strided
        g(np.ones((2, 2)))
        g(np.ones(2, F32))
        assert len(g._built) == 4

    def test_odd_scalars(self):
        class Two(enum.IntEnum):
            TWO = 2

        class Float(float):
            pass

        g = ad.grad(lambda x, n: x**n)
        for x, n in ((3.0, Two.TWO), (Float(3.0), 2), (3.0, np.int32(2)), (3.0, np.uint8(2)), (np.float64(3), 2)):
            assert g(x, n) == 6.0
        with pytest.raises(TypeMismatch, match="64 bits"):
            ad.jit(lambda n: n + 1)(2**63)
        assert ad.jit(lambda n: n + 1)(2**63 - 1) == -(2**63)

    def test_odd_structures(self):
        class Pair(tuple):
            pass

        g = ad.grad(lambda p, q: p["a b"] * q[0], argnums=(0, 1))
        assert g(collections.OrderedDict({"a b": 2.0}), Pair((3.0, 1.0))) == ({"a b": 3.0}, (2.0, 0.0))
        g = ad.grad(lambda x, mode, t, d: x * x if mode == "square" else x)
        for mode in ("square", "".join(["squ", "are"])):
            assert g(3.0, mode, (), {}) == 6.0
        assert g(3.0, "no", (), {}) == 1.0 and len(g._built) == 2


class TestMemory:
    def test_callers_arrays_stay_as_they_are(self):
        def f(a, b):
            for i in range(len(a)):
                a[i] = a[i] * b[i]
                b[i] = 0.0
            return a

        def total(a, b):
            return np.sum(f(a, b))

        a, b, bar = X.copy(), X + 1, np.ones(3)
        da = np.ones(3)
        for call in (
            lambda: ad.grad(total, argnums=(0, 1))(a, b), lambda: ad.value_and_grad(total)(a, b),
            lambda: ad.jvp(f)((a, b), (da, bar)), lambda: ad.vjp(f)((a, b), bar),
            lambda: ad.jvp(f)((a, b), (a, b)), lambda: ad.vjp(f)((a, b), a),
        ):  # fmt: skip
            call()
            np.testing.assert_array_equal(np.stack([a, b, bar, da]), np.stack([X, X + 1, np.ones(3), np.ones(3)]))
        ad.jit(total)(a, b)
        np.testing.assert_array_equal(np.stack([a, b]), np.stack([X * (X + 1), np.zeros(3)]))

    def test_results_are_fresh(self):
        held = np.ones(3)
        x = X.copy()
        (_, (aux, view, captured)), g = ad.value_and_grad(lambda x: (np.sum(x * held), (x, x[1:], held)), has_aux=True)(
            x
        )
        out, dot = ad.jvp(lambda x: x)((x,), (x,))
        outs, bars = ad.vjp(lambda x: (x, x))((x,), (x, x))
        twice = ad.grad(lambda a, b: np.sum(a) + np.sum(b), argnums=(0, 1))(x, x)
        again = ad.jit(lambda x: (x, x.T))(x)
        results = [aux, view, captured, g, out, dot, *outs, *bars, *twice, *again]
        for k, r in enumerate(results):
            for other in (x, held, *results[:k]):
                assert not np.shares_memory(r, other), k

    def test_same_array_twice(self):
        x = X.copy()
        g = ad.grad(lambda a, b: np.sum(a * b * b), argnums=(0, 1))(x, x)
        np.testing.assert_array_equal(np.stack(g), np.stack([X * X, 2 * X * X]))
        np.testing.assert_array_equal(ad.grad(lambda p: np.sum(p[0] * p[1]))((x, x))[1], X)

    @pytest.mark.parametrize("kind", [ad.grad, ad.jit, ad.value_and_grad])
    def test_overlap(self, kind):
        g, x, y = kind(writes), X.copy(), np.arange(6.0)
        for a, b in ((x, x), (y[:3], y[2:5]), (y[:4][::-1], y[:4]), (y[::2], y[1:5])):
            for _ in range(2):
                with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: writes: two arrays share memory"):
                    g(a, b)
        for a, b in ((y[:3], y[3:]), (y[::2], y[1::2]), (y[:3], y[3:][::-1])):
            g(a, b)

    def test_overlap_in_structures_and_along(self):
        x = X.copy()
        for call in (
            lambda: ad.grad(lambda p: writes(p["a"], p["b"]))({"a": x, "b": x}),
            lambda: ad.jvp(writes)((x, x), (x, x)), lambda: ad.vjp(writes)((x, x), 1.0),
            lambda: ad.jvp(ad.grad(writes))((x, x), (x, x)), lambda: ad.vjp(ad.grad(writes))((x, x), x),
            lambda: ad.grad(lambda a, b: ad.grad(writes)(a, b)[0])(x, x),
            lambda: ad.grad(lambda a: ad.grad(writes)(a, a)[0])(x),
            lambda: ad.grad(lambda a: ad.grad(writes)(a[1:], a)[0])(x),
        ):  # fmt: skip
            with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: .* share memory"):
                call()
        apart = ad.grad(lambda a: ad.grad(writes)(a[1:].copy(), a)[0])
        np.testing.assert_array_equal(apart(x), [0.0, 3.0, 2.0])

    def test_overlap_with_captured_arrays(self):
        held = np.ones(3)

        def f(a):
            a[0] = held[1] * a[1]
            return a[0] + held[0]

        for kind in (ad.grad, ad.jit):
            with pytest.raises(TypeMismatch, match="share memory"):
                kind(f)(held)
        np.testing.assert_array_equal(ad.grad(f)(X), [0.0, 1.0, 0.0])

    def test_donate(self):
        a, b = X.copy(), X + 1
        g = ad.grad(writes, donate=0)
        np.testing.assert_array_equal(g(a, b), [6.0, 3.0, 0.0])
        assert a[0] == 3.0
        a[0] = 1.0
        ad.grad(writes, donate=(-2,))(a, b)
        assert a[0] == 3.0
        for donate in (2, -3, (0, 0)):
            with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: donate="):
                ad.grad(writes, donate=donate)(a, b)

    def test_read_only_and_written(self):
        np.testing.assert_array_equal(ad.grad(writes)(READ_ONLY, X), [4.0, 2.0, 0.0])
        for kind in (ad.jit(writes), ad.grad(writes, donate=0)):
            for bad in (READ_ONLY, unaligned()):
                with pytest.raises(TypeMismatch, match="writes writes to a, which is read-only or not aligned"):
                    kind(bad, X)

    def test_structures_of_the_caller(self):
        @dataclasses.dataclass
        class P:
            a: float
            w: np.ndarray

        def f(p, d, *more):
            p.a = p.a * 2
            p.w[0] = p.a
            d["new"] = p.w * 3.0
            more[1]["x"] = 5.0
            return np.sum(p.w) * d["a"]

        def args():
            return P(1.0, np.ones(3)), {"a": 2.0}, 1.0, {"x": 0.0}

        plain, compiled, copied = args(), args(), args()
        assert ad.jit(f)(*compiled) == f(*plain) == 8.0
        for mine, expected in ((compiled, plain), (copied, args())):
            if mine is copied:
                ad.grad(f)(*copied)
            assert mine[0].a == expected[0].a and mine[1].keys() == expected[1].keys() and mine[3] == expected[3]
            np.testing.assert_array_equal(mine[0].w, expected[0].w)
        np.testing.assert_array_equal(compiled[1]["new"], plain[1]["new"])
        with pytest.raises(TypeMismatch, match="assigns to a dict or dataclass"):
            ad.grad(ad.jit(f))(*args())

    def test_written_captured_arrays(self):
        held = np.zeros(3)

        def f(x):
            held[0] = x
            return held[0] * x

        assert ad.grad(f)(3.0) == 6.0 and held[0] == 0.0
        assert ad.jit(f)(3.0) == 9.0 and held[0] == 3.0
        held.flags.writeable = False
        assert ad.grad(f)(4.0) == 8.0 and held[0] == 3.0
        with pytest.raises(TypeMismatch, match="held is written to, but it is read-only"):
            ad.jit(f)(4.0)


class TestOut:
    def test_buffers(self):
        x, o, p = X.copy(), np.zeros(3), np.zeros(6)[::2]
        assert GRAD(x, out=o) is o and GRAD(x, out=p) is p and np.all(o == 2 * X) and np.all(p == o)
        assert GRAD(x, out=x) is x and np.all(x == 2 * X)
        assert ad.value_and_grad(squares)(X, out=o)[1] is o
        assert ad.vjp(squares)((X,), 1.0, out=(o,))[1][0] is o
        assert ad.grad(lambda x: (squares(x), 1.0), has_aux=True)(X, out=o)[0] is o
        scalar = np.zeros(())
        assert ad.grad(lambda x: x * x)(3.0, out=scalar) is scalar and scalar == 6.0

    def test_structures(self):
        pair = namedtuple("pair", "a b")

        @dataclasses.dataclass
        class P:
            a: float
            b: np.ndarray

        o, p = np.zeros(3), np.zeros(3)
        both = ad.grad(inner, argnums=(0, 1))
        for buffers in ((o, p), [o, p]):
            a, b = both(X, X + 1, out=buffers)
            assert a is o and b is p and np.all(a == X + 1) and np.all(b == X)
        a, b = both(X, X + 1, out=(None, p))
        assert a is not o and b is p
        assert ad.grad(lambda p: inner(p.a, p.b))(pair(X, X), out=pair(o, p)).b is p
        assert ad.grad(lambda p: inner(p["a"], p["b"]))({"a": X, "b": X}, out={"b": p, "a": o})["a"] is o
        g = ad.grad(lambda p: p.a * np.sum(p.b))(P(2.0, X), out=P(0.0, o))
        assert g.b is o and g.a == 6.0

    def test_a_parameter_of_that_name(self):
        def f(x, out):
            out[0] = x
            return x * x

        buffer = np.zeros(1)
        assert ad.jit(f)(2.0, out=buffer) == 4.0 and buffer[0] == 2.0
        assert ad.grad(f)(3.0, out=buffer) == 6.0 and buffer[0] == 2.0

    def test_three_arrays_and_a_parameter_of_that_name(self):
        def f(x, y, out):
            out[0] = 0.0
            return np.sum(x * y) + np.sum(out * x)

        g, args = ad.grad(f, argnums=(0, 1, 2)), (X, X + 1, X + 2)
        for found in (g(*args), g(*args), g(X, X + 1, out=X + 2)):
            np.testing.assert_array_equal(found[2], [0.0, 2.0, 3.0])
        with pytest.raises(TypeMismatch):
            ad.grad(lambda x, out=1.0: x * out)(1.0, out=None)

    def test_misuse(self):
        o = np.zeros(3)
        for bad in (np.zeros(4), np.zeros((1, 3)), np.zeros((2, 3)), np.zeros(1)):
            with pytest.raises(ShapeMismatch, match=r"out has shape"):
                GRAD(X, out=bad)
        for bad in (o.astype(F32), [0.0] * 3, 1.0, (o,), {"x": o}, READ_ONLY):
            with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: out "):
                GRAD(X, out=bad)
        both = ad.grad(inner, argnums=(0, 1))
        for bad in ((o,), (o, o), o, (o, np.zeros(3, F32)), {"a": o, "b": o}):
            with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: out"):
                both(X, X, out=bad)
        assert np.all(o == 0)  # nothing is written before all is checked
        with pytest.raises(TypeMismatch, match="structure"):
            ad.grad(lambda p: inner(p["a"], p["b"]))({"a": X, "b": X}, out={"a": o, "c": o})
        for kind, args in ((ad.jit, (X,)), (ad.jvp, ((X,), (X,)))):
            with pytest.raises(TypeMismatch, match="out= takes gradients"):
                kind(squares)(*args, out=o)


SCALE = 2.0
TABLE = np.array([1.0, 2.0, 3.0])
NESTED = (1.0, (2.0, np.ones(3)))


def helper(x):
    return SCALE * x * x


def uses_helper(x):
    return helper(x)


class Settings:
    rate = 2.0


class Mode(enum.Enum):
    LINEAR = 1
    SQUARE = 2


def uses_table(x):
    return np.sum(TABLE * x * x)


class TestCaptured:
    def test_scalars(self, monkeypatch):
        g = ad.grad(uses_helper)
        for value in (2.0, 3.0, 2.0, 3, F32(3), np.nan, np.nan):
            monkeypatch.setitem(globals(), "SCALE", value)
            np.testing.assert_equal(g(1.0), 2.0 * value)
        assert len(g._built) == 5
        monkeypatch.setitem(globals(), "SCALE", [2.0])
        with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: 'SCALE' is a list"):
            g(1.0)
        monkeypatch.delitem(globals(), "SCALE")
        with pytest.raises(TypeMismatch, match="'SCALE' is not defined"):
            g(1.0)

    def test_helpers(self, monkeypatch):
        g = ad.grad(uses_helper)
        assert g(3.0) == 12.0
        for function, expected in ((lambda x: x**3, 27.0), (ad.jit(lambda x: 5 * x), 5.0), (helper, 12.0)):
            monkeypatch.setitem(globals(), "helper", function)
            assert g(3.0) == expected

    def test_arrays(self, monkeypatch):
        g = ad.grad(uses_table)
        g(X)
        TABLE[0] = 10.0
        np.testing.assert_array_equal(g(X), 2 * TABLE * X)
        TABLE[0] = 1.0
        for other in (np.ones(3) * 7, np.ones((2, 3)), np.ones(6)[::2], READ_ONLY, READ_ONLY[::-1], X.astype(F32)):
            monkeypatch.setitem(globals(), "TABLE", other)
            for _ in range(2):
                expected = 2 * (other if other.ndim == 1 else other.sum(axis=0)) * X
                np.testing.assert_allclose(g(X), expected)
        monkeypatch.setitem(globals(), "TABLE", np.ones(4))
        with pytest.raises(ShapeMismatch, match=r"test_calls\.py:\d+:\d+: "):
            g(X)

    def test_structures(self, monkeypatch):
        g = ad.grad(lambda x: NESTED[0] * x * NESTED[1][0] + np.sum(NESTED[1][1]) * x)
        for value in ((1.0, (2.0, np.ones(3))), (3.0, (2.0, np.ones(3) * 2)), (3.0, (2.0, np.ones(4)))):
            monkeypatch.setitem(globals(), "NESTED", value)
            assert g(1.0) == value[0] * value[1][0] + np.sum(value[1][1])

    def test_attributes(self, monkeypatch):
        g = ad.grad(lambda x: Settings.rate * x)
        assert g(1.0) == 2.0
        monkeypatch.setattr(Settings, "rate", 5.0)
        assert g(1.0) == 5.0

    def test_enumerations(self):
        g = ad.grad(lambda x, mode: x * x if mode is Mode.SQUARE else x)
        assert (g(3.0, Mode.SQUARE), g(3.0, Mode.LINEAR)) == (6.0, 1.0)

    def test_closures(self):
        def make(c):
            def f(x):
                return c * x

            def change(value):
                nonlocal c
                c = value

            return f, change

        f, change = make(2.0)
        g = ad.grad(f)
        assert g(1.0) == 2.0
        change(9.0)
        assert g(1.0) == 9.0

    def test_what_is_outside_stays(self):
        @dataclasses.dataclass
        class Layer:
            b: float

        layer = Layer(1.0)

        def attribute(x):
            layer.b += x
            return x

        with pytest.raises(TypeMismatch, match=r":\d+:13: this object can't be changed here: it is outside"):
            ad.jit(attribute)(1.0)

    def test_mutable_containers(self):
        for box, fn in (([1.0], lambda b: lambda x: b[0] * x), ({"a": 1.0}, lambda b: lambda x: b["a"] * x)):
            with pytest.raises(TypeMismatch, match="may change at any time"):
                ad.grad(fn(box))(1.0)


def kinds(x, y, pair, table, layer, name, f):
    """Which of these are what: bits of a number."""
    answers = (
        isinstance(x, float), isinstance(x, int), isinstance(y, np.ndarray), isinstance(y, float),
        isinstance(pair, tuple), isinstance(pair, (list, dict)), isinstance(table, dict), isinstance(layer, Settings),
        isinstance(name, str), callable(f), callable(x), isinstance(y[0], float), isinstance(3, (int, float)),
        isinstance(None, int), isinstance(x > 0.0, bool), isinstance(y[0], (np.floating, int)),
    )  # fmt: skip
    total = 0
    for answer in answers:
        total = 2 * total + (1 if answer else 0)
    return total


def test_questions_about_classes():
    @dataclasses.dataclass
    class Layer(Settings):
        b: float

    for args in (
        (1.0, X, (1.0, 2.0), {"a": 1.0}, Layer(2.0), "name", np.sin),
        (2, X.astype(F32), (1, 2), {"a": X}, Layer(2.0), "other", len),
    ):
        assert ad.jit(kinds)(*args) == kinds(*args)
    with pytest.raises(TypeMismatch, match="isinstance needs a class"):
        ad.jit(lambda x: isinstance(x, 3))(1.0)


def nanoseconds(call):
    return min(timeit.repeat(call, number=20_000, repeat=7)) / 20_000 * 1e9


def test_overhead():
    """The wrapper's share of a tiny call: 0.5 µs in all where nothing else runs; here, against the kernel alone."""
    g = ad.grad(lambda x: x * x)
    g(2.0)
    kernel = g.latest.compiled().function
    assert nanoseconds(lambda: g(2.0)) < nanoseconds(lambda: kernel(2.0)) + 10_000
    h, out = ad.grad(squares), np.zeros(3)
    h(X)
    kernel = h.latest.compiled().function
    assert nanoseconds(lambda: h(X, out=out)) < nanoseconds(lambda: kernel(X)) + 20_000


def functions_run(call):
    """The Python functions that a call runs."""
    found = []
    sys.setprofile(lambda frame, event, _: found.append(frame.f_code.co_name) if event == "call" else None)
    try:
        call()
    finally:
        sys.setprofile(None)
    return [name for name in found[1:] if not name.endswith("_into")]  # Numba shows what it compiled; `call` itself


def test_one_python_function_runs():
    """Nothing stands between a call and the function that compares its arguments."""
    scalars = ad.value_and_grad(lambda x, y: x * y, argnums=(0, 1))
    arrays, both, out = ad.grad(squares), ad.grad(inner, argnums=(0, 1)), np.zeros(3)
    buffers = (np.zeros(3), np.zeros(3))
    for call in (
        lambda: scalars(2.0, 3.0), lambda: ad_jit(X), lambda: arrays(X, out=out), lambda: both(X, X, out=buffers)
    ):  # fmt: skip
        call()
        call()
        assert functions_run(call) == ["call"]
    scalars(2, 3.0)
    assert functions_run(lambda: scalars(2, 3.0)) == ["call"]
    assert functions_run(lambda: scalars(2.0, 3.0)) != ["call"]  # not the latest


ad_jit = ad.jit(squares)


class TestKinds:
    """A transform stays what it is when it gets a method of its own."""

    def test_identity(self):
        g = ad.grad(squares)
        before = type(g), repr(g), inspect.signature(g)
        g(X)
        assert isinstance(g, Transform) and before[1:] == (repr(g), inspect.signature(g))
        assert (type(g).__name__, type(g).__module__) == (before[0].__name__, before[0].__module__)
        again = copy.copy(g)
        assert again is not g and again.fn is squares and np.all(again(X) == g(X))
        assert np.all(pickle.loads(pickle.dumps(g))(X) == g(X))
        other = ad.grad(lambda x: x * x * x)
        assert other(2.0) == 12.0 and np.all(g(X) == 2 * X)  # no transform has another's method

    def test_method(self):
        class Model:
            scale = 3.0

            @ad.grad
            def loss(x, mine):
                return x * mine

        assert Model.loss(2.0, 5.0) == 5.0
        for _ in range(2):
            assert types.MethodType(ad.grad(lambda x, y: x * y), 2.0)(7.0) == 7.0

    def test_arguments_that_do_not_fit(self):
        def f(x, y=2.0, *, scale=1.0):
            return x * y * scale

        def g(x, y=2.0):
            return x * y

        for fn, wrong in ((f, [(1.0, 2.0, 3.0)]), (g, [(1.0, 2.0, 3.0)]), (lambda x, *more: x * len(more), [])):
            d = ad.grad(fn)
            assert d(3.0, 4.0) in (4.0, 1.0)
            for args in ((), *wrong):
                with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: "):
                    d(*args)
            for kwargs in ({"x": 1.0}, {"nothing": 1.0}, {"self": 1.0}):
                with pytest.raises(TypeMismatch, match=r"test_calls\.py:\d+:\d+: "):
                    d(1.0, **kwargs)
        assert (ad.grad(g)(3.0), ad.grad(g)(y=5.0, x=3.0)) == (2.0, 5.0)
        d = ad.grad(f)
        assert [d(3.0, scale=2.0), d(3.0), d(3.0, 5.0), d(x=1.0)] == [4.0, 2.0, 5.0, 2.0]
        d = ad.grad(lambda x, *more: x * len(more))
        assert [d(1.0, 1.0), d(1.0, 1.0, 1.0), d(1.0), d(1.0, 1.0)] == [1.0, 2.0, 0.0, 1.0]


def test_training_of_structures_is_what_python_does() -> None:
    """Parameters and state as dicts, updated by comprehensions, in place and key by key."""

    def loss(p, x, y):
        return np.mean((x @ p["W"] + p["b"] - y) ** 2)

    @ad.jit
    def train(params, x, y, steps):
        velocity = {k: np.zeros_like(v) for k, v in params.items()}
        value = 0.0
        for _ in range(steps):
            value, g = ad.value_and_grad(loss)(params, x, y)
            for k, m in velocity.items():
                m *= 0.9
                m += g[k]
            params = {k: params[k] - 0.1 * velocity[k] for k in params}
            velocity["b"] = velocity["b"] * 0.99
        return value, params, velocity

    rng = np.random.default_rng(3)
    start = {"W": rng.normal(size=(2, 1)), "b": np.zeros(1)}
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 1))
    mine, theirs = train(start, x, y, 4), train.fn(start, x, y, 4)
    assert mine[0] == pytest.approx(theirs[0], rel=1e-13)
    for a, b in zip(mine[1:], theirs[1:], strict=True):
        assert a.keys() == b.keys()
        for k in a:
            np.testing.assert_allclose(a[k], b[k], rtol=1e-13)


WEIGHTS = np.array([2.0, 3.0])
PAIR = (np.array([1.0, -1.0]), np.array([0.5, 4.0]))


def test_captured_arrays_are_hidden_arguments_once() -> None:
    def f(x):
        return np.sum(WEIGHTS * x * x * PAIR[0] + PAIR[1] * x)

    def g(x):
        for _ in range(2):
            x = x - 0.1 * ad.grad(f)(x) - 0.1 * ad.hvp(f)((x,), (WEIGHTS,))[0]
        return f(x)

    j = ad.jit(g)
    assert j(X[:2]) == pytest.approx(g(X[:2]), rel=1e-12)
    head = j.lower(X[:2]).ir.splitlines()[0]
    assert head.count("%") == 4, head  # x, WEIGHTS, both of PAIR


def test_a_transform_inside_of_a_transform_sees_the_values_of_the_program_around_both() -> None:
    def curvature(x, axis):
        shift = 2.0 * x

        def f(p):
            return np.sum(WEIGHTS * np.sin(p + shift))

        return ad.jvp(lambda p: ad.jvp(f)((p,), (axis,))[1])((x,), (axis,))

    x, axis = np.array([0.1, 0.2]), np.array([1.0, 0.5])
    expected = np.sum(WEIGHTS * np.cos(3 * x) * axis), -np.sum(WEIGHTS * np.sin(3 * x) * axis * axis)
    np.testing.assert_allclose(ad.jit(curvature)(x, axis), expected, rtol=1e-14)
    ad.check_grads(lambda x: curvature(x, axis)[1], (x,))
