"""The arrays of a call say how a program broadcasts: no sum where none is needed, a new specialization where it is."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.analysis.extents import Meeting, dims, hold
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.text import parse
from adcompiler.ir.types import Array
from adcompiler.ir.walk import values
from adcompiler.transform import VARIANTS


def met(*axes: tuple[int, int], numbers: tuple[int, ...] = (), unit: tuple[int, int] | None = None) -> Meeting:
    return Meeting(frozenset(axes), frozenset(numbers), unit=unit)


@pytest.mark.parametrize(
    ("open_", "sizes", "known"),
    [
        ([met((0, 0), (1, 0))], [(3,), (3,)], {(0, 0): "n", (1, 0): "n"}),
        ([met((0, 0), (1, 0))], [(1,), (1,)], {(0, 0): "n", (1, 0): "n"}),
        ([met((0, 0), (1, 0))], [(3,), (1,)], {(1, 0): 1}),
        ([met((0, 0), (1, 0))], [(3,), (4,)], {}),
        ([met((0, 0), (1, 0))], [(0,), (1,)], {(0, 0): 0}),
        ([met((0, 0), numbers=(3,))], [(3,)], {(0, 0): 3}),
        ([met((0, 0), numbers=(3,))], [(1,)], {(0, 0): 1}),
        ([met((0, 0), numbers=(3,))], [(2,)], {}),
        ([met((0, 0), (1, 0)), met((1, 0), (2, 1))], [(3,), (3,), (2, 3)], 
         dict.fromkeys([(0, 0), (1, 0), (2, 1)], "n")),
        ([met((0, 0), (1, 0)), met((1, 0), (2, 0))], [(1,), (1,), (4,)], {(0, 0): 1, (1, 0): 1}),
        ([met((0, 0), (1, 0)), met((0, 1), (2, 0))], [(3, 2), (3,), (2,)],
         {(0, 0): "n", (1, 0): "n", (0, 1): "m", (2, 0): "m"}),
        ([met((0, 0), unit=(1, 0))], [(12,), (4,)], {(0, 0): "3*n", (1, 0): "n"}),
        ([met((0, 0), unit=(1, 0))], [(4,), (4,)], {(0, 0): "n", (1, 0): "n"}),
        ([met((0, 0), unit=(1, 0))], [(10,), (4,)], {}),
        ([met((0, 0), unit=(1, 0))], [(2,), (4,)], {}),
        ([met((0, 0), unit=(1, 0))], [(68,), (4,)], {}),  # that many pieces are no record
        ([met((0, 0), (2, 0), unit=(1, 0))], [(8,), (4,), (12,)], {}),
        ([met((0, 0), (2, 1)), met((0, 0), unit=(1, 0))], [(8,), (4,), (3, 8)],
         {(0, 0): "2*n", (2, 1): "2*n", (1, 0): "n"}),
        ([met((0, 0), unit=(1, 0)), met((1, 0), unit=(2, 0))], [(24,), (12,), (4,)],
         {(0, 0): "6*n", (1, 0): "3*n", (2, 0): "n"}),
        ([met((0, 0), unit=(1, 0)), met((1, 0), numbers=(3,))], [(12,), (3,)], {(0, 0): 12, (1, 0): 3}),
    ],
)  # fmt: skip
def test_dims(open_: Any, sizes: Any, known: Any) -> None:
    found = dims(open_, sizes)
    if (0,) in sizes:  # nothing times one is nothing: no name is needed, none is wrong
        assert hold(found, sizes)
    else:
        assert found == known
    assert hold(found, sizes)


def test_hold() -> None:
    known = {(0, 0): "n", (1, 0): "n", (2, 0): 1}
    assert hold(known, [(5,), (5,), (1,)])
    assert not hold(known, [(5,), (4,), (1,)])
    assert not hold(known, [(5,), (5,), (2,)])
    known = {(0, 0): "4*n", (1, 0): "n"}
    assert hold(known, [(8,), (2,)])
    assert not any(hold(known, sizes) for sizes in ([(9,), (2,)], [(8,), (3,)], [(11,), (2,)]))


def spread(x, y):
    s = x * y
    return np.sum(np.exp(s) * y)


def reference(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    shape = np.broadcast_shapes(x.shape, y.shape)
    a, b = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    full = [b * b * np.exp(a * b), np.exp(a * b) * (1.0 + a * b)]
    found = []
    for g, v in zip(full, (x, y), strict=True):
        g = g.sum(axis=tuple(range(g.ndim - v.ndim)))
        found.append(g.sum(axis=tuple(k for k, n in enumerate(v.shape) if n == 1), keepdims=True))
    return found


def test_every_way_to_broadcast() -> None:
    rng = np.random.default_rng(0)
    g = ad.grad(spread, argnums=(0, 1))
    shapes = [(3, 4), (1, 4), (3, 1), (1, 1)]
    for left, right in itertools.product(shapes, [*shapes, (4,), (1,)]):
        x, y = rng.standard_normal(left), rng.standard_normal(right)
        for mine, theirs in zip(g(x, y), reference(x, y), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_sizes_are_no_part_of_it() -> None:
    g = ad.grad(spread, argnums=(0, 1))
    for n in (3, 5, 1, 0, 7):
        x, y = np.linspace(0.1, 1.0, n), np.linspace(0.2, 0.4, n)
        for mine, theirs in zip(g(x, y), reference(x, y), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    assert len(g._built) == 1
    assert "sum_to" not in g.source


def test_a_few_ways_then_one_for_all() -> None:
    def f(a, b, c, d):
        return np.sum(a * b * c * d)

    g = ad.grad(f, argnums=(0, 1, 2, 3))
    for sizes in itertools.product((1, 3), repeat=4):
        args = [np.full(n, 0.5) for n in sizes]
        for n, mine in zip(sizes, g(*args), strict=True):
            np.testing.assert_allclose(mine, np.full(n, 0.125 * max(sizes) / n))
    assert len(g._built) == VARIANTS + 1
    assert "sum_to" in g._built[-1][2].source


def test_sizes_that_clash_are_refused_at_the_line() -> None:
    g = ad.grad(spread)
    g(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="shapes do not match") as caught:
        g(np.ones(3), np.ones(4))
    assert "test_extents.py" in str(caught.value)


def test_literal_extents() -> None:
    def f(x):
        y = np.zeros(3)
        y += x
        return np.sum(y * y * x)

    g = ad.grad(f)
    np.testing.assert_allclose(g(np.array([0.1, 0.2, 0.3])), 3.0 * np.array([0.1, 0.2, 0.3]) ** 2)
    np.testing.assert_allclose(g(np.array([0.2])), [3 * 3 * 0.04])


def test_lower_knows_the_sizes_too() -> None:
    built = ad.grad(spread, argnums=(0, 1)).lower(np.ones((2, 3)), np.ones(3))
    assert "%x: f64[:, n], %y: f64[n]" in built.primal_ir
    assert "np.sum(" in built.source and "sum_to" not in built.source
    assert (
        "sum_to"
        in ad.grad(spread, argnums=(0, 1))
        .lower_specs([ad.transform.spec_of(np.ones((2, 3))), ad.transform.spec_of(np.ones(3))])
        .source
    )


def test_jvp_and_vjp() -> None:
    x, y = np.ones((2, 3)), np.full((2, 1), 2.0)
    _, dot = ad.jvp(spread)((x, y), (np.ones_like(x), None))
    assert dot == pytest.approx(6 * 4 * np.exp(2.0))
    _, bars = ad.vjp(spread)((x, y), 1.0)
    for mine, theirs in zip(bars, reference(x, y), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_what_goes_round_a_loop_keeps_its_extents() -> None:
    """Parameters that are updated in a loop: the arrays of the call say how each step broadcasts."""

    @ad.jit
    def train(w, b, x):
        for _ in range(3):
            gw, gb = ad.grad(lambda w, b: np.sum(np.tanh(x @ w + b) ** 2), argnums=(0, 1))(w, b)
            w, b = w - 0.1 * gw, b - 0.1 * gb
        return w, b

    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(2, 3)), rng.normal(size=(5, 2))
    text = train.lower(w, rng.normal(size=3), x).source
    assert "sum_to" not in text and "ShapeMismatch" not in text
    for b in (rng.normal(size=3), rng.normal(size=1)):
        found, wanted = train(w, b, x), (w, b)
        for _ in range(3):
            h = np.tanh(x @ wanted[0] + wanted[1])
            g = 2.0 * h * (1.0 - h * h)
            gb = g.sum(0) if len(b) == 3 else g.sum(keepdims=True)[0]
            wanted = wanted[0] - 0.1 * x.T @ g, wanted[1] - 0.1 * gb
        for mine, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_what_a_loop_begins_with_is_as_long_as_what_it_makes() -> None:
    """Whether h keeps its extent is asked, though nothing broadcasts: by its first extent and that of w @ h."""

    def recurrent(w, h, n):
        for _ in range(n):
            h = np.tanh(w @ h)
        return np.sum(h)

    gradient = ad.grad(recurrent, argnums=(0, 1))
    w, h = np.array([[0.3, -0.2], [0.5, 0.1]]), np.array([0.3, -0.4])
    lowered = gradient.lower(w, h, 3)
    assert "f64[n, n], %h: f64[n]" in lowered.ir and "ShapeMismatch" not in lowered.kernel
    ad.check_grads(recurrent, (w, h, 3), order=2)
    ad.check_grads(recurrent, (w[:1], h, 1), order=2)


def test_what_loops_carry_keeps_its_extents_together() -> None:
    """Each array of a loop keeps its extent because the others do, wherever the question begins."""
    fn = parse("""\
func @f(%x: f64[n], %k: i64) -> f64[:] {
  %m: i64 = dim %x, 0
  %h: f64[:] = zeros %m
  %a: f64[:], %b: f64[:] = for %i in 0..%k with (%c: f64[:] = %h, %d: f64[:] = %x) {
    %e: f64[:] = add %c, %d
    %g: f64[:] = for %j in 0..%i with (%l: f64[:] = %e) {
      %o: f64[:] = mul %l, %c
      yield %o
    }
    yield %d, %g
  }
  %y: f64[:] = mul %a, %b
  return %y
}""")
    for value in values(fn.body):
        if isinstance(value.type, Array):
            assert Shapes(fn).shape(value) == ("n",), value.name


def test_a_guess_that_is_wrong_costs_nothing() -> None:
    """An array that grows in the loop: what was asked for its first extent is of no use, and does no harm."""

    def grown(x, y):
        total = 0.0
        for _ in range(2):
            total += np.sum(np.sin(x) * y[: len(x)])
            x = np.concatenate((x, x))
        return total + np.sum(x)

    x, y = np.array([0.3, -0.4]), np.linspace(0.0, 1.0, 8)
    ad.check_grads(grown, (x, y), order=2)
    ad.check_grads(grown, (x[:1], y), order=2)


def cell(w, u, b, x, target):
    n = len(target)
    h, c = np.zeros(n), np.zeros(n)
    for t in range(len(x)):
        gates = w @ x[t] + u @ h + b
        keep, new = np.tanh(gates[:n]), np.tanh(gates[n : 2 * n])
        c = keep * c + new * np.tanh(gates[n + n :])
        h = np.sin(c)
    return np.sum((h - target) ** 2)


def test_axes_cut_at_multiples_of_an_extent() -> None:
    """That 3n rows are three times n is asked, so all that is made of the pieces has n elements; the call compares."""
    rng = np.random.default_rng(0)

    def given(rows: int, n: int, steps: int = 3) -> tuple[np.ndarray, ...]:
        w, u, b = rng.normal(size=(rows, 2)), rng.normal(size=(rows, n)), rng.normal(size=rows)
        return w, u, b, rng.normal(size=(steps, 2)), rng.normal(size=n)

    gradient = ad.value_and_grad(cell, argnums=(0, 1, 2, 3))
    lowered = gradient.lower(*given(9, 3))
    assert "%w: f64[3*m, n], %u: f64[3*m, m], %b: f64[3*m], %x: f64[:, n], %target: f64[m]" in lowered.ir
    assert "ShapeMismatch" not in lowered.kernel and "stack(" not in lowered.kernel
    for args in (given(9, 3), given(6, 2), given(3, 1), given(9, 3, 0)):
        value, found = gradient(*args)
        np.testing.assert_allclose(value, cell(*args), rtol=1e-12)
        out = tuple(map(np.zeros_like, args[:4]))
        gradient(*args, out=out)
        for mine, theirs in zip(out, found, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    for args in (given(9, 3), given(3, 1)):
        ad.check_grads(cell, args, order=2)
    for rows in (8, 12):  # the code for three times n is not for these, nor are its buffers' lines
        args = given(rows, 3)
        with pytest.raises(ValueError, match="shapes do not match"):
            gradient(*args, out=tuple(map(np.zeros_like, args[:4])))


@pytest.mark.parametrize(("rows", "n"), [(10, 3), (8, 3), (12, 3), (7, 2), (5, 3)])
def test_axes_that_are_no_such_multiple(rows: int, n: int) -> None:
    """Slices are clipped and sizes checked as NumPy does."""
    rng = np.random.default_rng(1)
    args = (
        rng.normal(size=(rows, 2)),
        rng.normal(size=(rows, n)),
        rng.normal(size=rows),
        rng.normal(size=(2, 2)),
        np.ones(n),
    )
    gradient = ad.value_and_grad(cell)
    for ways in (gradient, ad.jit(cell)):
        with pytest.raises(ValueError, match="shapes do not match"):
            ways(*args)
    with pytest.raises(ValueError):
        cell(*args)


@pytest.mark.parametrize(("rows", "n", "steps"), [(4, 1, 1), (5, 2, 3)])
def test_pieces_that_spread(rows: int, n: int, steps: int) -> None:
    """The last piece has two elements where the others have one, or one where they have two."""
    rng = np.random.default_rng(2)
    args = rng.normal(size=(rows, 2)), rng.normal(size=(rows, n)), rng.normal(size=rows)
    args += rng.normal(size=(steps, 2)), np.ones(n)
    np.testing.assert_allclose(ad.value_and_grad(cell)(*args)[0], cell(*args), rtol=1e-12)
    ad.check_grads(cell, args, order=2)


def test_pieces_in_the_ir() -> None:
    text = """\
func @f(%x: f64[4*n], %y: f64[n], %k: i64) -> f64 {
  %n: i64 = dim %y, 0
  %m: i64 = mul 2, %n
  %l: i64 = add %m, %n
  %a: f64[:] = view %x[:%n]
  %b: f64[:] = view %x[%m:%l]
  %c: f64[:] = view %x[%n:]
  %d: f64[:] = view %x[%k:%l]
  %e: f64[:] = view %x[%l:%n]
  %g: f64[:] = view %c[%m:]
  %h: f64[:] = view %c[%l:]
  %o: i64 = mul 5, %n
  %p: f64[:] = view %x[%m:%o]
  %z: f64 = sum %x
  return %z
}
"""
    fn = parse(text)
    assert str(parse(str(fn))) == str(fn) and "%x: f64[4*n]" in str(fn)
    shapes, named = Shapes(fn), {v.name: v for v in values(fn.body)}
    found = {name: shapes.shape(named[name])[0] for name in "abceghpx"}
    assert found == {"a": "n", "b": "n", "c": ("times", 3, "n"), "e": 0, "g": "n", "h": 0} | {
        "p": ("times", 2, "n"),
        "x": ("times", 4, "n"),
    }
    apart = {(p, q) for p in "abcde" for q in "abcde" if shapes.apart(named[p], named[q])}
    empty = {("e", name) for name in "abce"} | {(name, "e") for name in "abce"}
    assert apart == {("a", "b"), ("b", "a"), ("a", "c"), ("c", "a"), *empty}
