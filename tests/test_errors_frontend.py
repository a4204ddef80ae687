"""Errors of the frontend: class, message, and the user's line and column."""

from __future__ import annotations

import dataclasses
import math
from collections import namedtuple

import numpy as np
import pytest

from adcompiler.errors import AdcompilerError, ShapeMismatch, TypeMismatch, UnsupportedFunction, UnsupportedSyntax
from adcompiler.frontend import lower, parse_specs, spec_of, specs_from_annotations
from adcompiler.frontend.spec import Dict, Leaf, Record, Static, Tuple
from adcompiler.ir.types import Array, Scalar, f32, f64, i64

X = np.ones(3)
LIST = [1.0]


def fails(kind, message, fn, *args):
    """Lowering `fn` fails with this class and message, at the line marked `# !` under the caret."""
    with pytest.raises(kind, match=message) as info:
        lower(fn, tuple(spec_of(a) for a in args))
    error = info.value
    assert type(error) is kind and error.loc is not None and error.loc.file == __file__
    assert "# !" in error.loc.text, error.loc
    assert error.loc.col > 0 and "^" in str(error)
    return error


def test_growing_list():
    def f(x):
        out = []
        out.append(x)  # !
        return x

    assert "np.zeros" in fails(UnsupportedSyntax, "growing lists", f, 1.0).hint


def test_statements():
    def with_try(x):
        try:  # !
            return x
        except ValueError:
            return 0.0

    def with_with(x):
        with open("f"):  # !
            return x

    def with_del(x):
        del x  # !

    def with_import(x):
        import os  # !

        return x, os

    def with_global(x):
        global LIST  # !
        LIST = x
        return x

    def with_class(x):
        class A:  # !
            pass

        return x, A

    def with_set(x):
        return {x}  # !

    def with_yield(x):
        yield x  # !

    def with_fstring(x):
        return f"{x}"  # !

    for fn in (with_try, with_with, with_del, with_import, with_global, with_class, with_set, with_yield, with_fstring):
        fails(UnsupportedSyntax, "not supported|no meaning|supported only", fn, 1.0)


def test_column():
    def f(x):
        return x + 2j * x  # !

    error = fails(UnsupportedSyntax, "complex", f, 1.0)
    assert error.loc.col == 20


def test_functions():
    def unknown(x):
        return np.fft.fft(x)  # !

    def module(x):
        return np.nothing(x)  # !

    def method(x):
        return x.tobytes()  # !

    def custom(x):
        if x.sum() > 0:
            raise AdcompilerError("x")  # !
        return x

    fails(UnsupportedFunction, "not built yet", unknown, X)
    fails(TypeMismatch, "no attribute 'nothing'", module, X)
    fails(UnsupportedFunction, "not built yet", method, X)
    fails(UnsupportedFunction, "Python's own exceptions", custom, X)


def test_types():
    def name(x):
        return x + y  # !  # noqa: F821

    def array_to_math(x):
        return math.sin(x)  # !

    def truth(x):
        if x > 0:  # !
            return 1.0
        return 2.0

    def integer_in_place(n, x):
        n += x  # !
        return n

    def rank(x):
        s = 0.0
        for _ in range(3):  # !
            s = s + x
        return s

    def branches(x):
        if x > 0:  # !
            y = (x, x)
        else:
            y = x
        return y

    def store(x):
        x[0] = x  # !
        return x

    def many(x):
        return x[0, 1]  # !

    def mutable(x):
        return x + LIST[0]  # !

    def early(x):
        z = q + x  # !  # noqa: F821
        q = x
        return z + q

    fails(TypeMismatch, "name 'y' is not defined", name, 1.0)
    assert "np function" in fails(TypeMismatch, "math.sin needs a number", array_to_math, X).hint
    fails(TypeMismatch, "truth value of an array", truth, X)
    fails(TypeMismatch, "in place", integer_in_place, np.arange(3), X)
    fails(TypeMismatch, "'s' is", rank, X)
    fails(TypeMismatch, "'y' is", branches, 1.0)
    fails(TypeMismatch, "an array can't be stored", store, X)
    fails(TypeMismatch, "too many indices", many, X)
    fails(TypeMismatch, "is a list outside", mutable, 1.0)
    fails(TypeMismatch, "read before", early, 1.0)


def test_shapes():
    def f(x):
        return np.zeros(3) + np.ones(4)  # !

    fails(ShapeMismatch, "sizes 3 and 4", f, 1.0)


def test_calls():
    def helper(a, b=1):
        return a + b

    def too_many(x):
        return helper(x, 1, 2)  # !

    def missing(x):
        return helper(b=x)  # !

    def unknown(x):
        return helper(x, c=2)  # !

    def nothing(x):  # !
        x[0] = 1.0

    def sometimes(x):  # !
        if x > 0:
            return x

    fails(TypeMismatch, "takes 2 positional", too_many, 1.0)
    fails(TypeMismatch, "missing the argument 'a'", missing, 1.0)
    fails(TypeMismatch, "unexpected keyword argument 'c'", unknown, 1.0)
    fails(TypeMismatch, "returns nothing", nothing, X)
    fails(TypeMismatch, "returns nothing on some paths", sometimes, 1.0)
    with pytest.raises(TypeMismatch, match="missing the argument 'x'"):
        lower(nothing, ())
    with pytest.raises(UnsupportedFunction, match="not a Python function"):
        lower(math.sin, (spec_of(1.0),))


def test_shared_objects_are_not_changed_behind_a_choice():
    @dataclasses.dataclass
    class P:
        x: float

    def f(p, q, c):
        r = p if c else q
        r.x = 2.0  # !
        return p.x

    fails(TypeMismatch, "can't be changed here", f, P(1.0), P(2.0), True)


class TestSpecs:
    def test_spec_of(self):
        pair = namedtuple("pair", "a b")

        @dataclasses.dataclass
        class P:
            a: float
            b: np.ndarray

        assert spec_of(1.0) == Leaf(f64, weak=True)
        assert spec_of(np.float64(1.0)) == Leaf(f64) != spec_of(1.0)
        assert spec_of(np.zeros((2, 3), np.float32)) == Leaf(Array("f32", (None, None)))
        assert spec_of(np.zeros((4, 4))[:, ::2]) == Leaf(Array("f64", (None, None), strided=True))
        assert spec_of(np.array(1.0)) == Leaf(Array("f64", ()))
        assert spec_of((1, True)) == Tuple((Leaf(i64, weak=True), Leaf(Scalar("b1"), weak=True)))
        assert spec_of(pair(1.0, X)).cls is pair
        assert spec_of({"a": 1.0}) == Dict(("a",), (Leaf(f64, weak=True),))
        assert spec_of(P(1.0, X)) == Record(P, (Leaf(f64, weak=True), Leaf(Array("f64", (None,)))))
        assert spec_of(None) == Static(None) and spec_of(math.sin) == Static(math.sin)
        hash(spec_of(P(1.0, X)))

    def test_refused(self):
        for bad in (1j, [1.0], np.array([None]), np.zeros(2, complex), {1: 2.0}, {1.0}, object()):
            with pytest.raises(TypeMismatch) as info:
                spec_of(bad, "w")
            assert str(info.value).startswith("w") and info.value.hint

    def test_parse(self):
        text = "f64[:,:], (f64, f64[:]), {W: f64[:,:], b: f64[:]}, i64, f32, b1"
        m, v = Leaf(Array("f64", (None, None))), Leaf(Array("f64", (None,)))
        assert parse_specs(text) == [
            m, Tuple((Leaf(f64, weak=True), v)), Dict(("W", "b"), (m, v)), Leaf(i64, weak=True), Leaf(f32),
            Leaf(Scalar("b1"), weak=True),
        ]  # fmt: skip
        assert parse_specs("") == []
        for bad in ("f65", "f64[", "(f64", "f64[2]", "f64;", "{W}"):
            with pytest.raises(TypeMismatch):
                parse_specs(bad)

    def test_annotations(self):
        def f(x: "f64[:]", y: float, n: int):  # noqa: UP037
            return x

        def g(x: float, y):
            return x

        assert specs_from_annotations(f) == (Leaf(Array("f64", (None,))), Leaf(f64, weak=True), Leaf(i64, weak=True))
        assert specs_from_annotations(g) is None
