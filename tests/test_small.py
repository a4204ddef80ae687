"""Small arrays in loops: fields of records, products and rows of a few numbers, buffers that are made once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Region
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.verify import verify
from adcompiler.ir.walk import clone, walk
from adcompiler.ops.memory import sliced
from adcompiler.passes import run_passes

OFF = ((), ("small",), ("buffers",), ("small", "buffers"))


def fields(x):
    """Slices of rows, a row made of numbers, a product."""
    total = 0.0
    for i in range(len(x)):
        a, b = x[i, :3], x[i, 3:6]
        c = np.cross(a, b) + a * x[i, 6]
        total += np.dot(c, b) * math.sin(np.dot(a, a))
    return total


def written(x):
    """A local array is written through overlapping views, and at places counted from its end."""
    total = 0.0
    for i in range(len(x)):
        v = np.zeros(4)
        v[:3] = x[i, :3]
        low, high = v[:3], v[1:]
        high += low * x[i, 3]
        v[-1] *= v[0]
        low[-1] += v[-1]
        total += np.dot(v, v) * x[i, 4]
    return total


def branches(x):
    """An array of one branch or the other, some elements of which are written again."""
    total = 0.0
    for i in range(len(x)):
        if x[i, 0] > 0.0:
            v = x[i, :3] * x[i, 1]
        else:
            v = np.zeros(3)
            v[1] = x[i, 2] ** 2
        if x[i, 1] < 0.3:
            v[2] += v[1] * x[i, 0]
        total += np.sum(v * v)
    return total


def carried(x):
    """What one iteration made, the next one reads."""
    p, q = np.ones(3), np.zeros(2)
    for i in range(len(x)):
        new = np.array([p[1] + x[i, 0], p[2] * x[i, 1], p[0]])
        q = q * 0.5 + new[:2]
        p = new
    return np.dot(p, p) + np.dot(q, q)


def kept(x):
    """Two arrays take turns: neither may be the other."""
    old = np.zeros(2)
    total = 0.0
    for i in range(len(x)):
        new = np.full(2, x[i, 0])
        new[1] = old[0] * x[i, 1] + 1.0
        total += np.dot(new, old)
        old = new
    return total


def nested(x):
    """Filled anew in each round of an inner loop, with what does not change in it."""
    total = 0.0
    for i in range(len(x)):
        w = np.full(3, x[i, 0])
        for j in range(3):
            u = np.full(2, x[i, 1])
            u[j % 2] += w[j] * x[i, j]
            w[2 - j] = u[0] * u[1]
        total += np.sum(w)
    return total


def one_and_none(x):
    """Rows of one element and of none."""
    total = 0.0
    for i in range(len(x)):
        none, one = x[i, 2:2], x[i, 2:3]
        row = np.concatenate((none, one, x[i, :2]))
        total += np.dot(row, row) + np.dot(none, none) * x[i, 0]
    return total


def counted(x):
    """A small array of integers chooses."""
    total = 0.0
    for i in range(len(x)):
        n = np.zeros(2, dtype=np.int64)
        n[1] = i % 3
        n[0] += n[1] + 1
        v = x[i, :3]
        total += v[n[1]] * x[i, n[0]] * np.dot(n, n)
    return total


PROGRAMS = (fields, written, branches, carried, kept, nested, one_and_none, counted)


def rows(n: int = 4, width: int = 7, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, width)).astype(dtype)


def slope(f: Callable[..., Any], x: np.ndarray, v: np.ndarray) -> float:
    """The derivative along v by differences of Python's results, of sixth order."""
    h = 1e-3
    return float(sum(w * (f(x + k * h * v) - f(x - k * h * v)) for k, w in ((1, 0.75), (2, -0.15), (3, 1 / 60))) / h)


@pytest.mark.parametrize("off", OFF, ids=str)
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_every_order(f: Callable[..., Any], off: tuple[str, ...]) -> None:
    x, v = rows(), rows(4)[::-1].copy()
    np.testing.assert_allclose(ad.jit(f, disable=off)(x), f(x), rtol=1e-13)
    gradient = ad.grad(f, disable=off)
    g = gradient(x)
    np.testing.assert_allclose(np.sum(g * v), slope(f, x, v), rtol=1e-8, atol=1e-8)
    _, tangent = ad.jvp(f, disable=off)((x,), (v,))
    np.testing.assert_allclose(tangent, np.sum(g * v), rtol=1e-11)
    second = ad.hvp(f, disable=off)((x,), (v,))
    second = second[0] if isinstance(second, tuple) else second
    by_differences = slope(lambda y: np.sum(gradient(y) * v), x, v)
    np.testing.assert_allclose(np.sum(second * v), by_differences, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("f", (fields, nested, one_and_none), ids=lambda f: f.__name__)
def test_single_precision(f: Callable[..., Any]) -> None:
    x = rows(dtype=np.float32)
    g = ad.grad(f)(x)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, ad.grad(f)(x.astype(np.float64)), rtol=2e-3, atol=2e-4)


def clipped(x, y):
    """The slices are as long as the rows let them be; one element is spread."""
    return np.sum(np.exp(x[1:4] * y) * x[:2].sum())


@pytest.mark.parametrize(("n", "m"), [(1, 3), (2, 1), (2, 3), (3, 2), (4, 3), (5, 3), (20, 3), (4, 1), (40, 1)])
def test_fields_are_clipped(n: int, m: int) -> None:
    g = ad.grad(clipped, argnums=(0, 1))
    for size in (n, 6, 17, n):  # what is known of one call isn't of the next
        x, y = np.linspace(0.1, 1.0, size), np.linspace(0.2, 0.7, m)
        try:
            clipped(x, y)
        except ValueError:
            with pytest.raises(ValueError, match="shapes"):
                g(x, y)
            continue
        dx, dy = g(x, y)
        ones = np.ones(size)
        np.testing.assert_allclose(np.sum(dx), slope(lambda a, y=y: clipped(a, y), x, ones), rtol=1e-8)
        np.testing.assert_allclose(np.sum(dy), slope(lambda b, x=x: clipped(x, b), y, np.ones(m)), rtol=1e-8)


def test_only_short_records_are_known() -> None:
    def first(x):
        return np.sum(x[:3] ** 2) * x[1]

    g = ad.grad(first)
    g(np.ones(5))
    assert "f64[5]" in g.lower(np.ones(5)).ir
    for n in range(17, 30):
        np.testing.assert_allclose(g(np.ones(n))[:3], [2.0, 5.0, 2.0])
    assert len(g._built) == 2


def descent(w, v, x, target, steps):
    """Two tiny matrices between long arrays, which a loop multiplies, and steps against their gradients."""
    for _ in range(steps):
        hidden = np.tanh(x @ w)
        off = hidden @ v - target
        v = v - 0.01 * hidden.T @ off
        w = w - 0.01 * x.T @ ((off @ v.T) * (1.0 - hidden * hidden))
    return np.sum(w * w) + np.sum(np.sin(v))


def tiny(rows: int, inner: int, units: int, out: int, dtype: type = np.float64) -> tuple[Any, ...]:
    rng = np.random.default_rng(5)
    shapes = (inner, units), (units, out), (rows, inner), (rows, out)
    return tuple(rng.normal(size=s).astype(dtype) for s in shapes)


@pytest.mark.parametrize("disable", [(), ("small",), ("lanes",)], ids=str)
def test_tiny_matrices_in_loops(disable: tuple[str, ...]) -> None:
    """Whatever size comes next, and transposed: as NumPy computes it, and the gradient as differences."""
    f, g = ad.jit(descent, disable=disable), ad.grad(descent, argnums=(0, 1, 2), disable=disable)
    shapes = (70, 2, 3, 2), (2, 5, 3, 2), (7, 3, 9, 4), (0, 2, 3, 2), (1, 1, 1, 1)
    for shape in shapes[: 1 if disable else None]:
        args = tiny(*shape)
        across = (np.asfortranarray(args[0]), args[1], args[2][::-1], args[3])
        for given in (args, across)[: 1 if shape != shapes[0] else None]:
            np.testing.assert_allclose(f(*given, 3), descent(*given, 3), rtol=1e-12)
            ones = np.ones(args[1].shape)
            expected = slope(lambda v, given=given: descent(given[0], v, *given[2:], 3), args[1], ones)
            np.testing.assert_allclose(np.sum(g(*given, 3)[1]), expected, rtol=1e-7, atol=1e-9)
    with pytest.raises(ValueError):
        f(*tiny(5, 2, 3, 2)[:2], np.ones((5, 3)), np.ones((5, 2)), 3)


def test_tiny_matrices_of_other_dtypes() -> None:
    args = tiny(9, 2, 3, 2, np.float32)
    found = ad.jit(descent)(*args, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, descent(*args, 2), rtol=1e-5)


def test_tiny_matrices_need_no_calls() -> None:
    """Their products are parts of loops, where functions go side by side along the long axis; a larger size, and a
    product that no loop repeats, ask nothing."""
    f = ad.jit(descent)
    kernel = f.lower(*tiny(70, 2, 3, 2), 3).kernel
    assert "matmul" not in kernel and "for lane in range(count):" in kernel
    assert kernel.count("simd.tanh") == 1
    ir = f.lower(*tiny(70, 2, 3, 2), 3).ir
    assert "f64[2, 3]" in ir and "f64[70" not in ir
    for larger in (tiny(70, 2, 5, 2), tiny(70, 5, 3, 2)):
        assert "native.matmul" in f.lower(*larger, 3).kernel
    once = ad.jit(lambda x, w: np.sum(np.tanh(x @ w)))
    assert "f64[2, 3]" not in once.lower(np.ones((70, 2)), np.ones((2, 3))).ir


PRODUCTS = """\
func @f(%a: f64[:, 2], %w: f64[2, 3], %b: f64[2, n], %c: f64[n, 3]) -> (f64[:, 3], f64[2, 3]) {
  %p: f64[:, 3] = matmul %a, %w
  %q: f64[2, 3] = matmul %b, %c
  return %p, %q
}"""


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_products_are_written_out(rows: int) -> None:
    fn = parse(PRODUCTS)
    after = run_passes(clone(fn), ("small",))
    verify(after)
    assert not any(op.name == "matmul" for op in walk(after.body))
    rng = np.random.default_rng(2)
    args = [rng.normal(size=s) for s in ((rows, 2), (2, 3), (2, rows), (rows, 3))]
    for found, expected in zip(interpret(after, args), interpret(fn, args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_products_that_may_not_fit_are_left() -> None:
    """Whether a has two columns, and b two rows, is not known before the product asks."""
    open_ = PRODUCTS.replace("%a: f64[:, 2]", "%a: f64[:, :]").replace("%c: f64[n, 3]", "%c: f64[:, 3]")
    fn = run_passes(parse(open_), ("small",))
    assert [op.name for op in walk(fn.body)].count("matmul") == 2
    rng = np.random.default_rng(2)
    with pytest.raises(ValueError):
        interpret(fn, [rng.normal(size=s) for s in ((4, 3), (2, 3), (2, 4), (4, 3))])


def test_results_are_fresh() -> None:
    @ad.jit
    def both(x):
        v = np.zeros(2)
        for i in range(len(x)):
            v = np.zeros(2)
            v[i % 2] = x[i]
        return v

    a, b = both(np.array([1.0, 2.0])), both(np.array([3.0]))
    np.testing.assert_array_equal(a, [0.0, 2.0])
    np.testing.assert_array_equal(b, [3.0, 0.0])


LOOP = """func @f(%x: mut f64[:], %n: i64, %s: f64) -> (f64) {{
  for %i in 0..%n {{
    {made}
    %a: f64 = load %t[1]
    %b: f64 = add %a, %s
    store %t[1] = %b
    %c: f64 = load %t[1]
    update %x[%i] += %c
    yield
  }}
  return %s
}}
"""


@pytest.mark.parametrize(
    ("made", "moves"),
    [
        ("%t: f64[3] = zeros 3", True),
        ("%t: f64[2] = full %s, 2", True),
        ("%z: f64[3] = zeros 3\n    %t: f64[3] = zeros_like %z", True),
        ("%t: f64[1000] = zeros 1000", False),
        ("%t: f64[:] = zeros %n", False),
    ],
)
def test_buffers(made: str, moves: bool) -> None:
    fn = parse(LOOP.format(made=made))
    after = run_passes(clone(fn), ("buffers",), verify=True)
    (loop,) = [op for op in after.body.ops if op.name == "for" and len(op.body.ops) > 2]
    assert moves != any(op.name in ("zeros", "full", "zeros_like", "empty") for op in loop.body.ops)
    x, y = np.zeros(4), np.zeros(4)
    interpret(fn, [x, 4, 2.5]), interpret(after, [y, 4, 2.5])
    np.testing.assert_array_equal(x, y)


HANDED_ON = """func @f(%n: i64) -> (f64) {
  %first: f64[2] = zeros 2
  %last: f64[2] = for %i in 0..%n with (%old: f64[2] = %first) {
    %new: f64[2] = zeros 2
    %a: f64 = load %old[0]
    %b: f64 = add %a, 1.0
    store %new[0] = %b
    %c: f64 = load %old[0]
    store %new[1] = %c
    yield %new
  }
  %r: f64 = load %last[1]
  return %r
}
"""


def test_what_is_handed_on_stays() -> None:
    fn = parse(HANDED_ON)
    after = run_passes(clone(fn), ("buffers",), verify=True)
    assert str(after) == str(fn)
    assert interpret(after, [3]) == interpret(fn, [3])


ROWS = """func @f(%u: f64[{n}], %v: f64[{m}], %s: f64) -> (f64, f64[:]) {{
  %d: f64 = matmul %u, %v
  %a: f64[1] = full %s, 1
  %b: f64[2] = full %d, 2
  %r: f64[:] = concatenate %a, %u, %b, axis=0
  return %d, %r
}}
"""


@pytest.mark.parametrize("n", [0, 1, 3, 12, 13, 16, 17])
def test_small(n: int) -> None:
    fn = parse(ROWS.format(n=n, m=n))
    after = run_passes(clone(fn), ("small",), verify=True)
    verify(after)
    names = {op.name for op in after.body.ops}
    assert ("matmul" in names) == (n > 16)
    assert ("concatenate" in names) == (n > 13)
    u, v = np.linspace(0.0, 1.0, n), np.linspace(1.0, 2.0, n)
    for mine, theirs in zip(interpret(after, [u, v, 0.5]), interpret(fn, [u, v, 0.5]), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)


def test_small_only_of_what_fits() -> None:
    after = run_passes(parse(ROWS.format(n=3, m=":")), ("small",), verify=True)
    assert "matmul" in {op.name for op in after.body.ops}


WRITTEN = """func @f(%s: f64) -> (f64[3]) {
  %a: f64[1] = full %s, 1
  %b: f64[2] = full %s, 2
  store %a[0] = 7.0
  %r: f64[3] = concatenate %a, %b, axis=0
  store %b[0] = 9.0
  return %r
}
"""


def test_parts_that_were_written_to() -> None:
    fn = parse(WRITTEN)
    after = run_passes(clone(fn), ("small",), verify=True)
    np.testing.assert_array_equal(interpret(after, [1.0])[0], [7.0, 1.0, 1.0])


def test_slices_of_known_axes() -> None:
    v = np.zeros(4)
    b = Builder(Region())
    base = b.op("zeros", integer(4), dtype="f64", dims=(4,))
    for bounds in itertools.product((None, -5, -2, 0, 1, 9), (None, -9, -1, 0, 3, 9), (None, 1, 2, -1)):
        length = len(v[slice(*bounds)])
        assert sliced(4, bounds) == length
        code = "".join("0" if a is None else "1" for a in bounds)
        given = [integer(a) for a in bounds if a is not None]
        view = b.op("view", base, *given, index=("n", code))
        assert view.type.dims == (1, length)
