"""Small arrays that end with the call are on the stack: which, that nothing else is, and what it does to results."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose, assert_array_equal

import adcompiler as ad
from adcompiler.errors import InternalError
from adcompiler.ir.interpret import interpret
from adcompiler.ir.parse import parse
from adcompiler.ir.walk import walk
from adcompiler.passes import stack
from adcompiler.runtime import memory


def placed(text: str) -> list[str]:
    """The names of the arrays that the pass puts on the stack."""
    fn = stack.run(parse(text))
    assert str(parse(str(fn))) == str(fn)
    return [op.result.name for op in walk(fn.body) if op.attrs.get("local")]


LOCAL = {
    "used": ("""func @f(%x: f64) -> f64 {
  %t: f64[3] = empty 3
  store %t[0] = %x
  %y: f64 = load %t[0]
  return %y
}""", ["t"]),
    "in a branch": ("""func @f(%c: b1, %x: f64) -> f64 {
  %y: f64 = if %c {
    %t: f64[2, 2] = empty 2, 2
    store %t[0, 1] = %x
    %u: f64 = load %t[0, 1]
    yield %u
  } else {
    yield %x
  }
  return %y
}""", ["t"]),
    "returned": ("""func @f(%x: f64) -> f64[3] {
  %t: f64[3] = empty 3
  store %t[0] = %x
  return %t
}""", []),
    "returned as a view": ("""func @f(%x: f64) -> strided f64[:] {
  %t: f64[3] = empty 3
  store %t[0] = %x
  %v: strided f64[:] = view %t[:-1]
  return %v
}""", []),
    "returned by one of two branches": ("""func @f(%c: b1, %x: f64[3]) -> f64[3] {
  %t: f64[3] = empty 3
  store %t[0] = 1.0
  %y: f64[3] = if %c {
    yield %t
  } else {
    yield %x
  }
  return %y
}""", []),
    "carried by a loop": ("""func @f(%n: i64, %x: f64) -> f64 {
  %t: f64[3] = empty 3
  store %t[0] = %x
  %s: f64[3] = for %i in 0..%n with (%p: f64[3] = %t) {
    %q: f64[3] = empty 3
    store %q[0] = %x
    yield %q
  }
  %y: f64 = load %s[0]
  return %y
}""", []),
    "made in a loop": ("""func @f(%n: i64, %x: f64) -> f64 {
  %s: f64 = for %i in 0..%n with (%p: f64 = %x) {
    %q: f64[3] = empty 3
    store %q[0] = %p
    %y: f64 = load %q[0]
    yield %y
  }
  return %s
}""", []),
    "of unknown extent": ("""func @f(%n: i64, %x: f64) -> f64 {
  %t: f64[:] = empty %n
  store %t[0] = %x
  %y: f64 = load %t[0]
  return %y
}""", []),
    "large": ("""func @f(%x: f64) -> f64 {
  %t: f64[257] = empty 257
  store %t[0] = %x
  %y: f64 = load %t[0]
  return %y
}""", []),
    "on a tape": ("""func @f(%x: f64) -> f64 {
  %t: f64[3] = empty 3
  store %t[0] = %x
  %k: stack(f64[3]) = stack
  push %k, %t
  %u: f64[3] = pop %k
  %y: f64 = load %u[0]
  return %y
}""", []),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCAL)
def test_which(name):
    text, wanted = LOCAL[name]
    assert placed(text) == wanted


def test_no_more_than_room_for():
    makes = "\n".join(
        f"  %t{k}: f64[200] = empty 200\n  store %t{k}[0] = %x\n  %y{k}: f64 = load %t{k}[0]" for k in range(40)
    )
    assert len(placed(f"func @f(%x: f64) -> f64 {{\n{makes}\n  return %y39\n}}")) == stack.IN_ALL // 200


def test_the_interpreter_notices():
    escapes = parse(LOCAL["returned"][0])
    twice = parse(LOCAL["made in a loop"][0])
    for fn in (escapes, twice):
        for op in walk(fn.body):
            if op.name == "empty":
                op.attrs["local"] = True
    assert np.isnan(interpret(escapes, [1.0])[0][0])
    with pytest.raises(InternalError, match="made twice"):
        interpret(twice, [2, 1.0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_arrays(dtype):
    def made():
        a, b, c = memory.local(3, dtype), memory.local((2, 0), dtype), memory.local((2, 3), dtype)
        a[:] = 1
        c[:] = 0
        c[1] = a
        b[:] = a[0]
        return a.copy(), b.copy(), c.copy(), c.T.copy(), c[:, 1:].copy()

    for one, two in zip(njit(made)(), made(), strict=True):
        assert_array_equal(one, two, strict=True)


def test_an_array_for_each_place():
    def two():
        a = memory.local(4)
        b = memory.local(4)
        a[:] = 1.0
        b[:] = 2.0
        return a.sum(), b.sum()

    assert njit(two)() == (4.0, 8.0)


def turned(r, x):
    angle = np.sqrt(np.dot(r, r))
    if angle == 0.0:
        return x + np.cross(r, x)
    v = r / angle
    return x * np.cos(angle) + np.cross(v, x) * np.sin(angle) + v * (np.dot(v, x) * (1.0 - np.cos(angle)))


def far(rs, xs):
    total = 0.0
    for i in range(len(rs)):
        y = turned(rs[i, :3], xs[i, :3] - np.array([1.0, 2.0, 3.0]))
        total += np.exp(-(y[0] ** 2) - y[1] * y[2])
    return total


def test_gradients():
    rng = np.random.default_rng(1)
    rs, xs = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    rs[4] = 0.0
    on, off = ad.grad(far, argnums=(0, 1)), ad.grad(far, argnums=(0, 1), disable=("stack",))
    assert "memory.local(3)" in on.lower(rs, xs).kernel
    assert "memory.local" not in off.lower(rs, xs).kernel
    for a, b in zip(on(rs, xs), off(rs, xs), strict=True):
        assert_allclose(a, b, rtol=1e-13, atol=1e-14)
    hessian = ad.hessian(far)(rs[:2], xs[:2])
    assert_allclose(hessian, ad.hessian(far, disable=("stack",))(rs[:2], xs[:2]), rtol=1e-12, atol=1e-13)
