"""What goes wrong through the public face: refused constructs, misuse, errors at run time, with class and place."""

from __future__ import annotations

import math
import traceback
from pathlib import Path

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.errors import (
    AdcompilerError,
    InternalError,
    ShapeMismatch,
    TypeMismatch,
    UnsupportedFunction,
    UnsupportedSyntax,
)

X = np.array([1.0, 2.0, 3.0])
OBJECT = object()
HERE = Path(__file__).name


def refused(kind, fn, *args, transform=ad.grad):
    """A refusal names file, line (marked `# !`), column under a caret, and what to write instead."""
    with pytest.raises(kind) as info:
        transform(fn)(*(args or (2.0,)))
    error, text = info.value, str(info.value)
    assert type(error) is kind and isinstance(error, AdcompilerError)
    assert error.loc is not None and error.loc.file == __file__ and "# !" in error.loc.text, text
    first, line, caret, *rest = text.splitlines()
    assert first.startswith(f"{__file__}:{error.loc.line}:{error.loc.col}: ")
    assert line.strip() == error.loc.text and caret.strip() == "^" and len(caret) <= len(line)
    assert error.hint and rest[-1].strip() == f"instead: {error.hint}"


class TestRefused:
    """The refused list of the language, one by one."""

    def test_growing_lists(self):
        def f(x):
            out = []
            for i in range(3):
                out.append(x * i)  # !
            return out[0]

        def g(x):
            a = [0.0, x]
            a[1] = x  # !
            return a[1]

        refused(UnsupportedSyntax, f)
        refused(TypeMismatch, g)

    def test_strings(self):
        def f(x):
            s = "a" + "b"  # !
            return x if s else 2 * x

        def g(x):
            s = f"{x}"  # !
            return x if s else 2 * x

        refused(UnsupportedSyntax, f)
        refused(UnsupportedSyntax, g)

    def test_statements(self):
        def tries(x):
            try:  # !
                return x
            finally:
                pass

        def withs(x):
            with np.errstate(all="ignore"):  # !
                return x

        def deletes(x):
            y = x
            del y  # !
            return x

        def imports(x):
            import math  # !

            return math.sin(x)

        def imports_from(x):
            from math import sin  # !

            return sin(x)

        def global_(x):
            global OBJECT  # !
            OBJECT = x
            return x

        def nonlocal_(x):
            y = x

            def g():
                nonlocal y  # !
                y = 2 * y

            g()
            return y

        def class_(x):
            class A:  # !
                pass

            return x if A else 2 * x

        for fn in (tries, withs, deletes, imports, imports_from, global_, nonlocal_, class_):
            refused(UnsupportedSyntax, fn)

    def test_match(self):
        def f(x, n):
            match n:  # !
                case 1:
                    return x
            return 2 * x

        refused(UnsupportedSyntax, f, 1.0, 1)

    def test_expressions(self):
        def contains(x):
            return x if x in (1.0, 2.0) else 2 * x  # !

        def contains_not(x):
            return x if x not in (1.0, 2.0) else 2 * x  # !

        def sets(x):
            return sum({x, 2 * x})  # !

        def set_comprehension(x):
            return sum({i * x for i in range(3)})  # !

        def generator(x):
            g = (i * x for i in range(3))  # !
            return x if g else 2 * x

        def yields(x):
            yield x  # !

        def imaginary(x):
            return (1j * x).real  # !

        def complex_(x):
            return complex(x, 0.0).real  # !

        def starred(x):
            a, *b = (x, x, x)  # !
            return a + b[0]

        for fn in (contains, contains_not, sets, set_comprehension, generator, yields, imaginary, complex_, starred):
            refused(UnsupportedSyntax, fn)

    def test_async(self):
        async def f(x):  # !
            return x

        refused(UnsupportedSyntax, f)

    def test_objects(self):
        class A:
            def m(self, x):
                return x

        a = A()

        def built(x):
            return A().m(x)  # !

        def captured(x):
            return a.m(x)  # !

        def unknown(x):
            return float(input()) * x  # !

        def case(x):
            return x if hasattr(x, "shape") else 2 * x  # !

        def numpys(x):
            return np.fft.fft(x).real.sum()  # !

        def random(x):
            return x * np.random.beta(2.0, 3.0)  # !

        refused(UnsupportedFunction, built)
        refused(TypeMismatch, captured)
        for fn in (unknown, case, random):
            refused(UnsupportedFunction, fn)
        refused(UnsupportedFunction, numpys, X)

    def test_types(self):
        def kinds(x, c):
            if c:  # !
                y = x
            else:
                y = np.zeros(3)
            return np.sum(y)

        def grows(x):
            for _ in range(3):  # !
                x = (x, x)
            return x

        def results(x):
            if x > 0:  # !
                return x
            return (x, x)

        def sometimes(x):  # !
            if x > 0:
                return x

        def undefined(x):
            return nowhere(x)  # !  # noqa: F821

        def calls(x):
            return x(2)  # !

        def fraction(x):
            return x[1.0]  # !

        def many(x):
            return x[0, 0]  # !

        def recursion(x):
            return recursion(x - 1.0) if x > 0 else x  # !

        refused(TypeMismatch, kinds, 1.0, True)
        for fn in (grows, results, sometimes, undefined, calls, recursion):
            refused(TypeMismatch, fn)
        refused(TypeMismatch, fraction, X)
        refused(TypeMismatch, many, X)

    def test_inside_of_helpers(self):
        def helper(x):
            del x  # !

        def f(x):
            return helper(x)

        refused(UnsupportedSyntax, f)
        refused(UnsupportedSyntax, lambda x: ad.grad(helper)(x))

    def test_no_source(self):
        scope = {}
        exec("def f(x): return x", scope)
        with pytest.raises(UnsupportedFunction, match="source of f is not available"):
            ad.grad(scope["f"])(1.0)


def test_misuse_names_the_call():
    """Errors made before a function is compiled name the line of the call."""
    for call in (
        lambda: ad.grad(math.sin),
        lambda: ad.grad(3.0),
        lambda: ad.grad(lambda x: x, argnums="x"),
        lambda: ad.grad(argnums=0)(3.0),
        lambda: ad.jit(lambda x: x, target="tpu"),
        lambda: ad.jit(lambda x: x, 3),
        lambda: ad.value_and_grad(lambda x: x, unknown=3),
        lambda: ad.checkpoint(lambda x: x),
    ):
        with pytest.raises(AdcompilerError, match=rf"{HERE}:\d+:\d+: ") as info:
            call()
        assert info.value.loc.line == call.__code__.co_firstlineno


def raised(kind, fn, *args, says=""):
    """All transforms raise this class; the text names the file and the line marked `# !`."""
    line = next(
        k
        for k, text in enumerate(Path(__file__).read_text().splitlines(), 1)
        if k >= fn.__code__.co_firstlineno and "# !" in text
    )
    along = tuple(args)
    tangents = tuple(np.ones_like(a) if isinstance(a, np.ndarray) else None for a in args)
    for call in (
        lambda: ad.jit(fn)(*args), lambda: ad.grad(fn)(*args), lambda: ad.value_and_grad(fn)(*args),
        lambda: ad.jvp(fn)(along, tangents), lambda: ad.vjp(fn)(along, 1.0),
    ):  # fmt: skip
        with pytest.raises(kind) as info:
            call()
        assert info.type is kind, info.value
        assert says in str(info.value) and f"{HERE}:{line}" in str(info.value), info.value


class TestRunTime:
    def test_index(self):
        def f(x, i):
            y = x[0]
            return y + x[i] * 2  # !

        raised(IndexError, f, X, 3, says="x")
        raised(IndexError, f, X, -4, says="x")

    def test_index_in_a_loop(self):
        def f(x, n):
            s = 0.0
            for i in range(n):
                s += x[i] * x[i]  # !
            return s

        raised(IndexError, f, X, 4)
        np.testing.assert_array_equal(ad.grad(f)(X, 2), [2.0, 4.0, 0.0])

    def test_a_failed_call_leaves_nothing_behind(self):
        g = ad.grad(lambda x, i: x[i] * x[0])
        for _ in range(2):
            with pytest.raises(IndexError):
                g(X, 9)
            np.testing.assert_array_equal(g(X, 1), [2.0, 1.0, 0.0])

    def test_integer_division(self):
        def quotient(x, n):
            return x * (7 // n)  # !

        def remainder(x, n):
            return x * (7 % n)  # !

        def negative_power(x, n, m):
            return x * n**m  # !

        raised(ZeroDivisionError, quotient, 2.0, 0)
        raised(ZeroDivisionError, remainder, 2.0, 0)
        raised(ValueError, negative_power, 2.0, 3, -1, says="negative integer powers")

    def test_raise_and_assert(self):
        def value(x):
            if x < 0:
                raise ValueError("negative input")  # !
            return x * x

        def nothing(x):
            if x < 0:
                raise RuntimeError  # !
            return x * x

        def asserts(x):
            assert x > 0, "must be positive"  # !
            return x * x

        def bare(x):
            assert x > 0  # !
            return x * x

        def always(x):
            raise NotImplementedError("later")  # !

        def in_helper(x):
            return value(x) + 1.0

        raised(ValueError, value, -1.0, says="negative input")
        raised(RuntimeError, nothing, -1.0)
        raised(AssertionError, asserts, -1.0, says="must be positive")
        raised(AssertionError, bare, -1.0)
        raised(NotImplementedError, always, 1.0, says="later")
        with pytest.raises(ValueError, match=rf"negative input \({HERE}:\d+\)"):
            ad.grad(in_helper)(-1.0)
        assert ad.grad(value)(3.0) == 6.0 and ad.grad(in_helper)(3.0) == 6.0

    def test_unbound(self):
        def f(x, n):
            for i in range(n):
                y = x * i
            return y  # !

        raised(UnboundLocalError, f, 1.0, 0, says="'y'")
        assert ad.grad(f)(1.0, 3) == 2.0

    def test_nothing_to_compare(self):
        def f(x):
            return max([x[i] for i in range(0)])  # !

        raised(ValueError, f, X)

    def test_shapes(self):
        def added(x, y):
            return np.sum(x + y)  # !

        def multiplied(x, y):
            return x @ y  # !

        def assigned(x, y):
            x[1:] = y  # !
            return np.sum(x)

        for fn in (added, multiplied, assigned):
            raised(ShapeMismatch, fn, X, np.ones(4), says="axis 0")
            with pytest.raises(ValueError, match=r"\^"):  # with the line and a caret
                ad.grad(fn)(X, np.ones(4))

    def test_floating_point_never_raises(self):
        assert ad.value_and_grad(lambda x: 1.0 / x)(0.0) == (np.inf, -np.inf)
        assert ad.value_and_grad(lambda x: math.log(x))(0.0) == (-np.inf, np.inf)
        assert np.isnan(ad.grad(lambda x: math.sqrt(x))(-1.0))
        assert ad.jit(lambda n, m: n / m)(1, 0) == np.inf

    def test_integers_wrap(self):
        assert ad.jit(lambda n: n * 9223372036854775807)(2) == -2
        with pytest.raises(TypeMismatch, match="64 bits"):
            ad.jit(lambda n: n + 18446744073709551616)(1)

    def test_prints_once(self, capsys):
        def f(x):
            s = 0.0
            for i in range(len(x)):
                print("at", i, x[i])
                s += x[i] ** 3
            return s

        for call in (
            lambda: ad.jit(f)(X), lambda: ad.grad(f)(X), lambda: ad.value_and_grad(f)(X), lambda: ad.vjp(f)((X,), 1.0),
            lambda: ad.jvp(f)((X,), (X,)), lambda: ad.jvp(ad.grad(f))((X,), (X,)),
        ):  # fmt: skip
            call()
            assert capsys.readouterr().out == "at 0 1.0\nat 1 2.0\nat 2 3.0\n"

    def test_traceback_shows_the_generated_line(self):
        g = ad.grad(lambda x, i: x[i])
        with pytest.raises(IndexError) as info:
            g(X, 5)
        frame = traceback.extract_tb(info.value.__traceback__)[-1]
        assert frame.line.startswith("raise IndexError(") and frame.filename == g.latest.path


def test_numba_refusing_generated_code(monkeypatch):
    """A bug of ours says so, and saves what a report needs."""
    from adcompiler.backends import python

    real = python.module
    broken = lambda *args, **kw: real(*args, **kw).replace("return ", "return [] + ")  # noqa: E731
    monkeypatch.setattr(python, "module", broken)
    with pytest.raises(InternalError, match="this is a bug in adcompiler") as info:
        ad.grad(lambda x: x * x)(2.0)
    saved = Path(str(info.value).split("report it with ")[1].split(" ")[0])
    text = saved.read_text()
    saved.unlink()
    assert "func @" in text and "return [] + " in text


def test_tracebacks_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's call, ours that was called, and the message that names the line: not the way through the compiler."""

    def f(x):
        return np.sum(np.fft.fft(x))

    def depth() -> int:
        with pytest.raises(ad.UnsupportedFunction) as caught:
            ad.grad(f)(np.ones(2))
        return len(caught.traceback)

    assert depth() <= 8
    monkeypatch.setenv("ADCOMPILER_TRACEBACK", "1")
    assert depth() > 12
