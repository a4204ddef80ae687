"""The public face: what argnums, has_aux, structures and nesting mean, and what results are."""

from __future__ import annotations

import dataclasses
import inspect
import math
import pickle
import threading
from collections import namedtuple

import numba
import numpy as np
import pytest

import adcompiler as ad
from adcompiler.errors import AdcompilerError, NotDifferentiable, TypeMismatch, UnsupportedFunction

X = np.array([1.0, 2.0, 3.0])
F32 = np.float32


def product(x, y, z=3.0):
    return x * y + x * z * z


def squares(x):
    return np.sum(x * x)


def power(x, n):
    return x**n


@ad.grad
def cube_grad(x):
    """Cubes."""
    return x**3


@ad.value_and_grad(argnums=(0, 1))
def both(x, y):
    return x * y * y


def same(a, b):
    """Equal in type, dtype, shape and value, structures included."""
    assert type(a) is type(b), (a, b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for k in a:
            same(a[k], b[k])
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-12)
    elif dataclasses.is_dataclass(a):
        for f in dataclasses.fields(a):
            same(getattr(a, f.name), getattr(b, f.name))
    else:
        assert a == b or a == pytest.approx(b, rel=1e-12), (a, b)


@pytest.mark.parametrize(
    "argnums, expected",
    [
        (0, 19.0), (-3, 19.0), (2, 16.0), (-1, 16.0), ((0, 1), (19.0, 2.0)), ([1, 0], (2.0, 19.0)), ((-1,), (16.0,)),
        (np.int64(1), 2.0),
    ],
)  # fmt: skip
def test_argnums(argnums, expected):
    same(ad.grad(product, argnums=argnums)(2.0, 3.0, 4.0), expected)
    same(ad.value_and_grad(product, argnums=argnums)(2.0, 3.0, 4.0), (38.0, expected))


@pytest.mark.parametrize("argnums", [(), [], 1.0, "x", True, None, (0, 1.0), (True,), {0}])
def test_argnums_that_are_no_numbers(argnums):
    with pytest.raises(TypeMismatch, match="argnums is an int or a tuple of ints"):
        ad.grad(product, argnums=argnums)


@pytest.mark.parametrize("argnums", [3, -4, (0, 3), (0, 0), (0, -3), (1, 2, 1)])
def test_argnums_outside_or_repeated(argnums):
    with pytest.raises(TypeMismatch, match=r"test_api\.py:\d+:\d+: argnums="):
        ad.grad(product, argnums=argnums)(2.0, 3.0, 4.0)


def test_decorators():
    assert cube_grad(2.0) == 12.0 and both(2.0, 3.0) == (18.0, (9.0, 12.0))
    assert ad.grad(argnums=1)(product)(2.0, 3.0, 4.0) == 2.0
    assert cube_grad.__name__ == "cube_grad" and cube_grad.__doc__ == "Cubes."
    assert list(inspect.signature(cube_grad).parameters) == ["x"]
    assert list(inspect.signature(ad.jvp(power)).parameters) == ["primals", "tangents"]
    assert repr(both) == "<adcompiler value_and_grad, argnums=(0, 1) of both>"


class TestArguments:
    def test_keywords_and_defaults(self):
        g = ad.grad(product, argnums=(0, 2))
        same(g(2.0, 3.0), (12.0, 12.0))
        same(g(2.0, z=5.0, y=1.0), (26.0, 20.0))
        same(g(x=2.0, y=3.0, z=3.0), (12.0, 12.0))
        assert len(g._built) == 1

    def test_defaults_of_every_kind(self):
        def f(x, w=np.array([1.0, 2.0, 3.0]), t=(1.0, 2), s="a", n=None):  # noqa: B008
            return np.sum(x * w) * t[0] * t[1]

        same(ad.grad(f)(X), np.array([2.0, 4.0, 6.0]))
        same(ad.grad(f, argnums=(1, 2))(X), (2 * X, (28.0, 0)))
        same(ad.grad(f)(X, t=(2.0, 3)), 6 * X)
        same(ad.jvp(f)((X,), (X,)), (28.0, 28.0))
        same(ad.vjp(f)((X, X), 1.0), (28.0, (2 * X, 2 * X)))

    def test_keyword_only(self):
        def f(x, *, k, m=2.0):
            return x * k * m

        assert ad.grad(f)(3.0, k=2.0) == 4.0 and ad.grad(f)(3.0, k=2.0, m=1.0) == 2.0
        g = ad.jit(f)
        g(3.0, k=2.0)
        for wrong in ((3.0, 2.0, 2.0), (3.0, 2.0)):
            with pytest.raises(TypeMismatch, match="too many positional"):
                g(*wrong)

    def test_positional_only(self):
        def f(x, /, y):
            return x * y

        assert ad.grad(f)(2.0, y=3.0) == 3.0
        with pytest.raises(TypeMismatch, match="positional"):
            ad.grad(f)(x=2.0, y=3.0)

    def test_any_number(self):
        def f(x, *more):
            return x * more[0] * more[1]

        same(ad.grad(f, argnums=(0, 2))(2.0, 3.0, 4.0), (12.0, 6.0))
        assert ad.grad(f, argnums=-1)(2.0, 3.0, 4.0) == 6.0

    def test_misuse(self):
        for wrong in ((), (1.0,), (1.0, 2.0, 3.0, 4.0)):
            with pytest.raises(TypeMismatch, match="argument"):
                ad.grad(product)(*wrong)
        for wrong in ({"w": 1.0}, {"x": 1.0}):
            with pytest.raises(TypeMismatch, match=r"test_api\.py:\d+:\d+: product: "):
                ad.grad(product)(1.0, 2.0, **wrong)
        with pytest.raises(TypeMismatch, match=r"\*\* parameters"):
            ad.grad(lambda x, **k: x)(1.0, a=2.0)
        assert issubclass(TypeMismatch, TypeError)

    def test_functions_that_are_compiled_already(self):
        assert ad.grad(numba.njit(lambda x: x * x))(3.0) == 6.0
        assert ad.grad(ad.jit(lambda x: x * x))(3.0) == 6.0

    def test_what_is_no_function(self):
        with pytest.raises(TypeMismatch, match="takes a function"):
            ad.grad(3.0)
        for callable_ in (np.sin, max, print, dict, type("C", (), {"__call__": lambda self, x: x})()):
            with pytest.raises(UnsupportedFunction, match="not a Python function"):
                ad.grad(callable_)


class TestResults:
    def test_scalars(self):
        for x, expected in (
            (2.0, 4.0), (2, 4.0), (True, 2.0), (np.float64(2), 4.0), (F32(2), F32(4)), (np.array(2.0), np.array(4.0)),
            (np.array(2.0, F32), np.array(4.0, F32)),
        ):  # fmt: skip
            same(ad.grad(power)(x, 2), expected)
        same(ad.value_and_grad(power)(F32(2), 2), (F32(4), F32(4)))
        same(ad.value_and_grad(squares)(X.astype(F32)), (F32(14), (2 * X).astype(F32)))

    def test_weak_and_strong(self):
        multiply = ad.value_and_grad(lambda x, y: x * y, argnums=(0, 1))
        same(multiply(2.0, F32(3)), (F32(6), (3.0, F32(2))))
        same(multiply(np.float64(2), F32(3)), (6.0, (3.0, F32(2))))
        same(ad.jit(lambda x, y: x * y)(np.ones(2, F32), 3.0), np.full(2, 3, F32))
        same(ad.jit(lambda x, y: x * y)(np.ones(2, F32), np.float64(3)), np.full(2, 3.0))

    def test_integers(self):
        for bad in (np.arange(3), np.array(2), np.int64(2), np.ones(2, bool)):
            with pytest.raises(NotDifferentiable, match=r"astype\(np\.float64\)"):
                ad.grad(lambda x: np.sum(x * 1.0))(bad)
        with pytest.raises(NotDifferentiable):
            ad.grad(lambda x, s: x, argnums=1)(1.0, "a")
        with pytest.raises(NotDifferentiable, match="returns i64"):
            ad.grad(lambda x: int(x))(2.0)

    def test_python_integers_are_differentiated_as_floats(self):
        half = ad.value_and_grad(lambda x: x * x * 0.5)
        same(half(3), (4.5, 3.0))
        same(half(True), (0.5, 1.0))
        assert [type(v) for v in half(3)] == [float, float]
        same(half(2**40), (2.0**79, 2.0**40))  # as a product of integers it would wrap

    def test_structures(self):
        pair = namedtuple("pair", "a b")

        @dataclasses.dataclass
        class P:
            w: np.ndarray
            n: int = 2

        def f(p):
            return p[0].a * np.sum(p[1]["w"].w) * p[1]["w"].n + p[0].b

        args = (pair(2.0, 3), {"w": P(X.astype(F32), 3), "i": np.arange(2), "s": "text", "none": None})
        expected = (pair(18.0, 0), {"w": P(np.full(3, 6, F32), 0), "i": np.zeros(2, int), "s": "text", "none": None})
        same(ad.grad(f)(args), expected)

    def test_dataclass_with_a_constructor_of_its_own(self):
        @dataclasses.dataclass(frozen=True)
        class P:
            a: float
            total: float = dataclasses.field(init=False, default=0.5)

            def __post_init__(self):
                assert self.a > 0

        g = ad.grad(lambda p: -p.a * p.total)(P(1.0))
        assert (g.a, g.total) == (-0.5, -1.0)

    def test_has_aux(self):
        def f(x):
            return x * x, {"y": x + 1, "n": 3, "a": np.array([x, 2.0])}

        aux = {"y": 3.0, "n": 3, "a": np.array([2.0, 2.0])}
        same(ad.grad(f, has_aux=True)(2.0), (4.0, aux))
        same(ad.value_and_grad(f, argnums=(0,), has_aux=True)(2.0), ((4.0, aux), (4.0,)))
        for bad in (lambda x: x, lambda x: (x, x, x)):
            with pytest.raises(TypeMismatch, match="does not return a pair"):
                ad.grad(bad, has_aux=True)(2.0)

    def test_what_has_no_gradient(self):
        for bad in (lambda x: x, lambda x: (np.sum(x), 1.0), lambda x: None, lambda x: "a"):
            with pytest.raises(TypeMismatch, match=r"test_api\.py:\d+:\d+: "):
                ad.grad(bad)(X)

    def test_jit(self):
        same(ad.jit(lambda x: (x, 3, True, np.int32(2)))(2.0), (2.0, 3, True, np.int32(2)))
        assert ad.jit(lambda: 3.0)() == 3.0
        with pytest.raises(TypeMismatch):
            ad.grad(lambda: 3.0)()


class TestAlong:
    """jvp and vjp."""

    def test_jvp(self):
        same(ad.jvp(product)((2.0, 3.0), (1.0, 0.0)), (24.0, 12.0))
        same(ad.jvp(product)((2.0, 3.0, 1.0), (None, 1.0, None)), (8.0, 2.0))
        same(ad.jvp(product)((2.0, 3.0), (None, None)), (24.0, 0.0))
        same(ad.jvp(product)(primals=(2.0, 3.0), tangents=(1, None)), (24.0, 12.0))
        same(ad.jvp(power)((2.0, 3), (1.0, None)), (8.0, 12.0))
        same(ad.jvp(power)((F32(2), 3), (1.0, None)), (F32(8), F32(12)))
        same(ad.jvp(squares)((X,), (X.astype(F32),)), (14.0, 28.0))
        same(ad.jvp(lambda x: (x * x, 3))((2.0,), (1.0,)), ((4.0, 3), (4.0, 0)))

    def test_tangents_in_structures(self):
        f = ad.jvp(lambda p: p["a"] * p["b"] ** 2)
        p = {"a": 2.0, "b": 3.0}
        same(f((p,), ({"a": 1.0, "b": 0.0},)), (18.0, 9.0))
        same(f((p,), ({"b": 0.0, "a": 1.0},)), (18.0, 9.0))
        same(f((p,), ({"a": None, "b": 1.0},)), (18.0, 12.0))
        for wrong in ({"a": 1.0}, {"a": 1.0, "c": 0.0}, (1.0, 0.0), 1.0):
            with pytest.raises(TypeMismatch, match="structure"):
                f((p,), (wrong,))

    def test_held_and_written(self):
        def f(a, b):
            a[0] = a[0] * b[1]
            return a[0] * a[1]

        same(ad.jvp(f)((X, X + 1), (None, np.ones(3))), (6.0, 2.0))

    def test_vjp(self):
        same(ad.vjp(power)((2.0, 3), 1), (8.0, (12.0, None)))
        same(ad.vjp(lambda x: x * x)((X,), X), (X * X, (2 * X * X,)))
        same(ad.vjp(lambda x: x * x)((X.astype(F32),), X), ((X * X).astype(F32), ((2 * X * X).astype(F32),)))
        f = ad.vjp(lambda x: (x * x, np.sum(x), 3))
        for three in (0, None):
            same(f((X,), (X, 1.0, three)), ((X * X, 6.0, 3), (2 * X * X + 1,)))
        same(f((X,), (None, 1.0, None)), ((X * X, 6.0, 3), (np.ones(3),)))
        same(ad.vjp(lambda p: p["x"] * p["n"])(({"x": X, "n": 3},), X), (3 * X, ({"x": 3 * X, "n": 0},)))

    def test_adjoints_by_key(self):
        f = ad.vjp(lambda x: {"a": x * x, "b": 2 * x})
        for bar in ({"a": 1.0, "b": 0.0}, {"b": 0.0, "a": 1.0}):
            same(f((3.0,), bar), ({"a": 9.0, "b": 6.0}, (6.0,)))

    def test_misuse(self):
        for wrong in (((X,), X), (X, (X,)), ([X], [X]), ((X,), (X, X)), ((X,), (np.ones((3, 1)),)), ((X,), (1.0,))):
            with pytest.raises(TypeMismatch):
                ad.jvp(squares)(*wrong)
        with pytest.raises(TypeMismatch, match="'tangents'"):
            ad.jvp(squares)((X,))
        with pytest.raises(TypeMismatch, match="'y'"):
            ad.jvp(product)((1.0,), (1.0,))
        for bar in (1.0, np.ones((3, 1)), (X, X), {"a": X}):
            with pytest.raises(TypeMismatch):
                ad.vjp(lambda x: x * x)((X,), bar)

    def test_shapes_at_run_time(self):
        f, g = ad.jvp(squares), ad.vjp(lambda x: x * x)
        for n in (1, 2, 4):  # 1 too: nothing broadcasts
            with pytest.raises(ad.ShapeMismatch, match=r"test_api\.py:\d+"):
                f((X,), (np.ones(n),))
            with pytest.raises(ad.ShapeMismatch, match=r"test_api\.py:\d+"):
                g((X,), np.ones(n))


class TestNesting:
    def test_outside(self):
        f = lambda x, y=3.0: x**3 * y  # noqa: E731
        assert ad.grad(ad.grad(f))(2.0) == 36.0
        assert ad.grad(ad.grad(f))(2.0, y=1.0) == 12.0
        assert ad.grad(ad.grad(f, argnums=1), argnums=0)(2.0) == 12.0
        assert ad.grad(ad.grad(ad.grad(f)))(2, 1.0) == 6.0
        assert ad.jit(ad.grad(f))(2.0) == 36.0 and ad.grad(ad.jit(f))(2.0) == 36.0
        same(ad.jvp(ad.grad(f))((2.0,), (1.0,)), (36.0, 36.0))
        same(ad.jvp(ad.value_and_grad(squares))((X,), (X,)), ((14.0, 2 * X), (28.0, 2 * X)))
        same(ad.vjp(ad.grad(squares))((X,), X), (2 * X, (2 * X,)))
        with pytest.raises(TypeMismatch, match="scalar result"):
            ad.grad(ad.value_and_grad(f))(2.0)

    def test_inside(self):
        def first(x):
            return ad.grad(lambda z: z**3)(x) * 2

        def second(x, y):
            v, (a, b) = ad.value_and_grad(lambda p, q: p * q * q, argnums=(0, 1))(x, y)
            return v + a * b

        def third(x):
            return ad.jvp(lambda y: x * y**3)((x,), (1.0,))[1]

        def fourth(x):
            return ad.vjp(lambda y: y**3)((x,), 1.0)[1][0]

        assert ad.jit(first)(2.0) == 24.0 and ad.grad(first)(2.0) == 24.0
        assert ad.jit(second)(2.0, 3.0) == 126.0
        same(ad.grad(second, argnums=(0, 1))(2.0, 3.0), (63.0, 120.0))
        assert ad.jit(third)(2.0) == 24.0 and ad.grad(third)(2.0) == 36.0
        assert ad.jit(fourth)(2.0) == 12.0 and ad.grad(fourth)(2.0) == 12.0

    def test_defaults_and_integers_inside(self):
        def h(x, n=2, w=np.array([1.0, 2.0])):  # noqa: B008
            return x**n * w[1]

        same(ad.jit(lambda x: ad.grad(h)(x))(2.0), 8.0)
        same(ad.jit(lambda x: ad.grad(h, argnums=(0, 1))(x))(2.0), (8.0, 8.0 * math.log(2)))
        same(ad.jit(lambda x, n: ad.grad(h, argnums=1)(x, n=n))(2.0, 2), 8.0 * math.log(2))
        same(ad.jit(lambda x: ad.jvp(h)((x,), (1.0,)))(2.0), (8.0, 8.0))

    def test_the_same_under_python(self):
        def train(w, x):
            for _ in range(3):
                loss, g = ad.value_and_grad(lambda w: np.sum((x * w - 1.0) ** 2))(w)
                w = w - 0.01 * g
            return loss

        assert ad.jit(train)(0.5, X) == pytest.approx(train(0.5, X), rel=1e-14)

    def test_not_built_yet(self):
        for name in ("checkpoint",):
            with pytest.raises(UnsupportedFunction, match=f"{name} is not built yet"):
                getattr(ad, name)(squares)
        with pytest.raises(UnsupportedFunction, match=r"test_api\.py:\d+:\d+: ad.checkpoint is not built yet"):
            ad.grad(lambda x: ad.checkpoint(squares)(x))(2.0)


class TestLooking:
    def test_before_any_call(self):
        g = ad.grad(squares)
        for name in ("source", "kernel", "ir"):
            with pytest.raises(AdcompilerError, match=r"lower\(\*example_args\)"):
                getattr(g, name)
        assert "&lt;adcompiler grad of squares&gt;" in g._repr_html_()

    def test_annotations(self):
        def f(x: "f64[:]", n: int = 3) -> float:  # noqa: F821, UP037
            return np.sum(x) * n

        g = ad.grad(f)
        assert "def f_grad(x, n):" in g.source and "njit" in g.kernel and "func @f_grad" in g.ir
        assert "f_grad" in g._repr_html_()

    def test_lower(self):
        g = ad.grad(squares)
        low = g.lower(X)
        assert low.primal_ir.startswith("func @squares(%x: f64[:]) -> f64") or "func @squares" in low.primal_ir
        assert "func @squares_grad" in low.ir and low.ir == g.ir
        assert low.source == g.source and low.kernel == g.kernel
        assert low.signature == "(f64[:]) -> (f64[:])"
        assert low.path is not None and low.path.endswith(".py")
        scope = {}
        exec(low.source, scope)  # runs under plain Python
        same(scope["squares_grad"](X), 2 * X)
        with pytest.raises(TypeMismatch):
            g.lower()

    def test_latest(self):
        g = ad.grad(power)
        g(2.0, 2)
        first = g.ir
        g(F32(2), 2)
        assert "f32" in g.ir and "f32" not in first

    def test_pickle(self):
        assert pickle.loads(pickle.dumps(cube_grad)) is cube_grad
        again = pickle.loads(pickle.dumps(ad.grad(product, argnums=(0,), fastmath={"contract"})))
        assert again(2.0, 3.0) == (12.0,) and again.options.fastmath == {"contract"}

    def test_threads(self):
        g = ad.grad(lambda x: np.sum(x * x * x))
        found = []
        threads = [threading.Thread(target=lambda: found.append(g(X))) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(found) == 4 and len(g._built) == 1
        for r in found:
            same(r, 3 * X * X)


class TestOptions:
    def test_refused(self):
        for name, value in (
            ("foo", 1), ("fastmath", {"contrakt"}), ("fastmath", "contract"), ("fastmath", 3), ("cache", "no"),
            ("boundscheck", None), ("has_aux", 3), ("donate", "a"), ("donate", 1.5),
        ):  # fmt: skip
            with pytest.raises(TypeMismatch, match=name):
                ad.grad(squares, **{name: value})
        for name, value in (
            ("target", "cuda"), ("target", "tpu"), ("parallel", True), ("precision", 32), ("disable", ("nopass",)),
            ("disable", "checks"),
        ):  # fmt: skip
            with pytest.raises(UnsupportedFunction):
                ad.grad(squares, **{name: value})

    @pytest.mark.parametrize("fastmath", [None, True, False, {"contract", "reassoc"}, []])
    def test_fastmath(self, fastmath):
        g = ad.grad(squares, fastmath=fastmath)
        same(g(X), 2 * X)
        if fastmath is None:
            assert 'fastmath={"contract", "nsz", "reassoc"}' in g.kernel
        assert ("fastmath" in g.kernel) is (fastmath not in (False, []))

    def test_disable(self, monkeypatch):
        def f(x):
            return np.sin(x) * np.sin(x)

        plain, off = ad.grad(f), ad.grad(f, disable=("cse", "fold"))
        assert plain(0.5) == pytest.approx(off(0.5)) and plain.ir != off.ir
        monkeypatch.setenv("ADCOMPILER_DISABLE", "cse,fold")
        assert ad.grad(f).lower(0.5).ir == off.ir
        monkeypatch.setenv("ADCOMPILER_DISABLE", "nopass")
        with pytest.raises(UnsupportedFunction, match="nopass"):
            ad.grad(f)(0.5)

    def test_no_cache(self):
        g = ad.grad(squares, cache=False)
        same(g(X), 2 * X)
        assert g.lower(X).path is None

    def test_boundscheck(self):
        def f(x, i, n):
            return x[i] * (6 // n)

        g = ad.grad(f, boundscheck=False)
        same(g(X, 1, 2), np.array([0.0, 3.0, 0.0]))
        assert "IndexError" not in g.kernel
        with pytest.raises(ZeroDivisionError):
            g(X, 1, 0)


def test_functions_with_the_names_of_helpers() -> None:
    """A generated function is not called what it calls."""

    def where(x):
        return np.sum(np.where(x > 0.0, x * x, 0.0))

    def scatter(x):
        out = np.zeros(3)
        out[np.array([0, 1, 1])] += x
        return np.sum(out * out)

    x = np.array([1.0, -2.0, 3.0])
    assert ad.jit(where)(x) == 10.0 and ad.grad(where)(x).tolist() == [2.0, 0.0, 6.0]
    assert ad.jit(scatter)(x) == 10.0 and ad.grad(scatter)(x).tolist() == [2.0, 0.0, 6.0]
    assert "def where_(x):" in ad.jit(where).lower(x).source
