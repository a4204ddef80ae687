"""Jacobians, Hessians and their products: what they are, for arrays, structures, loops and memory, and nested."""

from __future__ import annotations

import dataclasses
import math
from collections import namedtuple

import numpy as np
import pytest
from programs import program
from programs.choices import Choices
from test_api import same

import adcompiler as ad
from adcompiler.driver import Options, primal
from adcompiler.errors import NotDifferentiable, ShapeMismatch, TypeMismatch
from adcompiler.frontend import spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Leaf, leaves
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.types import is_float
from adcompiler.ir.verify import verify
from adcompiler.jacobians import jacobian
from adcompiler.trees import rebuilt

RNG = np.random.default_rng(5)
X = RNG.standard_normal(6)
A = RNG.standard_normal((3, 6))
JACOBIANS = (ad.jacfwd, ad.jacrev, ad.jacobian)
Pair = namedtuple("Pair", "scale shift")


@dataclasses.dataclass
class Layer:
    W: np.ndarray
    b: np.ndarray


def interpreted(transform, *args):
    """The result of the derived program, run by the IR interpreter; its text form reads back."""
    built = transform.lower(*args)
    verify(built.function)
    assert str(parse(built.ir)) == built.ir
    hidden = [c.read() for c in built.lowered.captures if hasattr(c.spec, "type")]
    fresh = [np.array(x) if isinstance(x, np.ndarray) else x for x in [*flatten(args), *hidden]]
    results = interpret(built.function, [float(x) if isinstance(x, bool) else x for x in fresh])
    plain = (r if hasattr(t.type, "dims") else r.item() for r, t in zip(results, built.function.returns, strict=True))
    return rebuilt(built.lowered.result, plain)


def differences(f, args, position, h=1e-5):
    """The Jacobian of an array function by one of its array arguments, by central differences."""
    x = np.asarray(args[position], dtype=float)
    columns = []
    for k in range(x.size):
        e = np.zeros(x.size)
        e[k] = h
        moved = [[*args[:position], x + s * e.reshape(x.shape), *args[position + 1 :]] for s in (1, -1)]
        up, down = (np.asarray(f(*(np.copy(a) if isinstance(a, np.ndarray) else a for a in m))) for m in moved)
        columns.append((up - down) / (2 * h))
    out = np.shape(np.asarray(f(*args)))
    return np.stack(columns, axis=-1).reshape(*out, *x.shape) if columns else np.zeros((*out, *x.shape))


# Programs: array formulas, loops, memory, while, early exits.
def affine(A, x):
    return np.tanh(A @ x) * x[0]


def stencil(x):
    y = np.zeros_like(x)
    for i in range(1, len(x)):
        y[i] = y[i - 1] * x[i] + np.sin(x[i - 1])
    return y


def in_place(x):
    x[1:] = x[:-1] * x[1:]
    x += 1.0
    return x * x


def newton(x):
    z = np.empty(len(x))
    for i in range(len(x)):
        r = 1.0
        while abs(r * r - (2.0 + x[i] * x[i])) > 1e-12:
            r = 0.5 * (r + (2.0 + x[i] * x[i]) / r)
        z[i] = r
    return z


def leaves_early(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i] ** 3
        if total > 0.2:
            break
    return np.array([total, total * x[0]])


def swapped(x):
    u, v = x.copy(), np.zeros(len(x))
    for _ in range(3):
        for i in range(len(x)):
            v[i] = np.sin(u[i]) + u[(i + 1) % len(x)]
        u, v = v, u
    return u


def matrix(x):
    return np.outer(x, np.exp(x)) * x[2]


PROGRAMS = {f.__name__: f for f in (stencil, in_place, newton, leaves_early, swapped, matrix)}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("make", JACOBIANS)
def test_against_differences(name, make):
    f = PROGRAMS[name]
    found = interpreted(make(f), X)
    expected = differences(f, (X,), 0)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", PROGRAMS)
def test_modes_agree_and_second_order(name):
    f = PROGRAMS[name]
    first = interpreted(ad.jacfwd(f), X)
    np.testing.assert_allclose(interpreted(ad.jacrev(f), X), first, rtol=1e-12, atol=1e-13)
    second = [interpreted(outer(inner(f)), X) for outer in (ad.jacfwd, ad.jacrev) for inner in (ad.jacfwd, ad.jacrev)]
    for found in (*second, interpreted(ad.hessian(f), X)):
        np.testing.assert_allclose(found, second[0], rtol=1e-10, atol=1e-11)
    expected = differences(ad.jacrev(f, cache=False), (X,), 0)
    np.testing.assert_allclose(second[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", JACOBIANS)
def test_compiled_runs_any_size_without_compiling_anew(make):
    J = make(stencil)
    for n in (6, 1, 3, 17):
        x = RNG.standard_normal(n)
        np.testing.assert_allclose(J(x), interpreted(make(stencil), x), rtol=1e-12, atol=1e-13)
    assert len(J._built) == 1
    assert J(np.zeros(0)).shape == (0, 0)
    before = X.copy()
    make(in_place)(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("make", JACOBIANS)
def test_argnums(make):
    both = interpreted(make(affine, argnums=(0, 1)), A, X)
    assert isinstance(both, tuple) and [j.shape for j in both] == [(3, 3, 6), (3, 6)]
    np.testing.assert_allclose(both[0], differences(affine, (A, X), 0), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(both[1], differences(affine, (A, X), 1), rtol=1e-6, atol=1e-8)
    same(interpreted(make(affine, argnums=-1), A, X), both[1])
    same(interpreted(make(affine, argnums=[1]), A, X), (both[1],))
    same(interpreted(make(affine), A, X), both[0])
    with pytest.raises(TypeMismatch, match="argnums=2"):
        make(affine, argnums=2)(A, X)


def shapes(tree):
    if isinstance(tree, dict):
        return {k: shapes(v) for k, v in tree.items()}
    if isinstance(tree, tuple):
        return tuple.__new__(type(tree), map(shapes, tree))
    if dataclasses.is_dataclass(tree):
        return {f.name: shapes(getattr(tree, f.name)) for f in dataclasses.fields(tree)}
    return np.shape(tree)


def tree(p, q, n):
    h = np.tanh(p.W @ q["x"] + p.b)
    return {"h": h * q["s"], "pair": Pair(np.sum(h) * q["s"], (q["x"] * n, None))}


@pytest.mark.parametrize("make", JACOBIANS)
def test_structures_of_the_result_over_those_of_the_arguments(make):
    args = Layer(A, X[:3]), {"x": X, "s": 0.7}, 3
    J = interpreted(make(tree, argnums=(0, 1)), *args)
    assert list(J) == ["h", "pair"] and type(J["pair"]) is Pair and J["pair"].shift[1] is None
    assert shapes(J["h"]) == ({"W": (3, 3, 6), "b": (3, 3)}, {"x": (3, 6), "s": (3,)})
    assert shapes(J["pair"].scale) == ({"W": (3, 6), "b": (3,)}, {"x": (6,), "s": ()})
    assert type(J["pair"].scale[0]) is Layer and type(J["pair"].scale[1]["s"]) is float
    np.testing.assert_array_equal(J["pair"].shift[0][1]["x"], 3 * np.eye(6))
    np.testing.assert_array_equal(J["pair"].shift[0][0].W, np.zeros((6, 3, 6)))
    moved = lambda s: tree(args[0], {"x": X, "s": s}, 3)["h"]  # noqa: E731
    np.testing.assert_allclose(J["h"][1]["s"], (moved(0.7 + 1e-6) - moved(0.7 - 1e-6)) / 2e-6, rtol=1e-8)


def test_structures_compiled():
    args = Layer(A, X[:3]), {"x": X, "s": 0.7}, 3
    for make in JACOBIANS:
        J = make(tree, argnums=(0, 1))
        for a, b in zip(flatten(J(*args)), flatten(interpreted(J, *args)), strict=True):
            assert type(a) is type(b)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def two(x, y):
    return x * y * y, math.sin(x)


def test_scalars():
    same(ad.jacfwd(lambda x: x**3)(2.0), 12.0)
    same(ad.jacrev(lambda x: x**3)(2), 12.0)
    same(ad.hessian(lambda x: x**3)(2.0), 12.0)
    J = ad.jacobian(two, argnums=(0, 1))(2.0, 3.0)
    same(J, ((9.0, 12.0), (math.cos(2.0), 0.0)))
    same(ad.jacrev(two, argnums=(0, 1))(2.0, 3.0), J)
    same(ad.hessian(two, argnums=(0, 1))(2.0, 3.0)[0], ((0.0, 6.0), (6.0, 4.0)))
    same(ad.jacfwd(lambda x: x * x)(np.array(3.0)), np.array(6.0))
    same(ad.jacrev(lambda x: x * x)(np.array(3.0)), np.array(6.0))
    same(ad.hessian(lambda x: x**3)(np.array(3.0)), np.array(18.0))
    same(ad.jacfwd(lambda s, x: s * x)(2.0, X), X.copy())
    same(ad.jacrev(lambda s, x: s * x)(2.0, X), X.copy())


def test_zero_dimensional_arrays_beside_vectors():
    f = lambda s, x: np.sum(s * s * x**3)  # noqa: E731
    s = np.array(0.5)
    for run in (interpreted, lambda t, *args: t(*args)):
        for make in (ad.hessian, lambda f, argnums: ad.jacrev(ad.grad(f, argnums), argnums)):
            H = run(make(f, argnums=(0, 1)), s, X)
            same(H[0][0], np.array(2 * np.sum(X**3)))
            np.testing.assert_allclose(H[0][1], 3 * X**2)
            np.testing.assert_allclose(H[1][0], 3 * X**2)
            np.testing.assert_allclose(H[1][1], np.diag(6 * 0.25 * X))


def wider(x, y):
    return x * y[0]


def test_dtypes():
    x, y = X.astype(np.float32), X[:2]
    assert interpreted(ad.jacfwd(stencil), x).dtype == np.float32
    assert interpreted(ad.jacrev(stencil), x).dtype == np.float32
    assert interpreted(ad.hessian(stencil), x).dtype == np.float32
    mixed = interpreted(ad.jacfwd(wider, argnums=(0, 1)), x, y)
    assert [j.dtype for j in mixed] == [np.float64, np.float64]  # of the result
    mixed = interpreted(ad.jacrev(wider, argnums=(0, 1)), x, y)
    assert [j.dtype for j in mixed] == [np.float32, np.float64]  # of the arguments
    np.testing.assert_allclose(mixed[0], np.eye(6) * y[0], rtol=1e-6)
    same(type(ad.jacfwd(lambda x: x * x)(np.float32(3.0))), np.float32)


def test_strided_arguments():
    wide = RNG.standard_normal((12, 3))
    for x in (wide[::2, 1], wide[5::-1, 0]):
        for make in (*JACOBIANS, ad.hessian):
            np.testing.assert_allclose(interpreted(make(stencil), x), interpreted(make(stencil), x.copy()), rtol=1e-13)
    F = np.asfortranarray(A)
    np.testing.assert_allclose(ad.jacfwd(affine)(F, X), differences(affine, (A, X), 0), rtol=1e-6, atol=1e-8)


def with_integers(p):
    return p["n"] * p["x"] ** 2


def test_integers():
    p = {"x": X[:2], "n": np.array([1, 2])}
    for make in JACOBIANS:
        J = interpreted(make(with_integers), p)
        assert J["n"].dtype == np.int64 and not J["n"].any() and J["n"].shape == (2, 2)
        np.testing.assert_allclose(J["x"], np.diag(2 * p["n"] * p["x"]))
    H = interpreted(ad.hessian(lambda p: np.sum(with_integers(p))), p)
    np.testing.assert_allclose(H["x"]["x"], np.diag(2.0 * p["n"]))
    assert not H["n"]["x"].any() and not H["x"]["n"].any() and not H["n"]["n"].any()
    with pytest.raises(NotDifferentiable, match=r"test_jacobians\.py:\d+:\d+: .* returns i64"):
        ad.jacfwd(lambda x: len(x))(X)
    with pytest.raises(NotDifferentiable, match="integers have no derivative"):
        ad.jacrev(lambda x: x)(np.arange(3))


# Hessians and their products.
def energy(x, k):
    total = 0.0
    for i in range(len(x) - 1):
        stretch = x[i + 1] - x[i] * x[i]
        if stretch > 0.0:
            total += 0.5 * k * stretch**2
    return total


def test_hessian():
    H = interpreted(ad.hessian(energy), X, 3.0)
    np.testing.assert_allclose(H, H.T, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(H, differences(ad.grad(energy), (X, 3.0), 0), rtol=1e-6, atol=1e-7)
    both = interpreted(ad.hessian(energy, argnums=(0, 1)), X, 3.0)
    same(both[0][0], H)
    assert both[0][1].shape == both[1][0].shape == (6,) and type(both[1][1]) is float
    np.testing.assert_allclose(both[0][1], ad.grad(energy)(X, 1.0), rtol=1e-12)
    same(ad.hessian(energy)(X, 3.0), H)


def test_hvp():
    v = RNG.standard_normal(6)
    H = interpreted(ad.hessian(energy, argnums=(0, 1)), X, 3.0)
    full = interpreted(ad.hvp(energy), (X, 3.0), (v, 0.5))
    np.testing.assert_allclose(full[0], H[0][0] @ v + 0.5 * H[0][1], rtol=1e-12)
    assert full[1] == pytest.approx(H[1][0] @ v, rel=1e-12) and type(full[1]) is float
    held = ad.hvp(energy)((X, 3.0), (v, None))
    assert held[1] is None
    np.testing.assert_allclose(held[0], H[0][0] @ v, rtol=1e-12)
    # An integer argument is inactive, whatever its tangent.
    assert ad.hvp(energy)((X, 3), (v, None))[1] is None and ad.hvp(energy)((X, 3), (v, 0))[1] is None


def quartic(p):
    return np.sum(p["a"] ** 4) * p["s"] + p["s"] ** 3


def test_hvp_of_structures():
    p, t = {"a": X, "s": 2.0}, {"a": np.ones(6), "s": 1.0}
    (found,) = interpreted(ad.hvp(quartic), (p,), (t,))
    np.testing.assert_allclose(found["a"], 12 * X**2 * 2.0 + 4 * X**3)
    assert found["s"] == pytest.approx(np.sum(4 * X**3) + 12.0)
    (found,) = interpreted(ad.hvp(quartic), (p,), ({"a": np.ones(6), "s": None},))
    assert found["s"] is None
    np.testing.assert_allclose(found["a"], 24 * X**2)


def test_hvp_refuses():
    with pytest.raises(TypeMismatch, match="needs a scalar result"):
        ad.hvp(stencil)((X,), (X,))
    with pytest.raises(TypeMismatch, match="2 primals, but 1 tangents"):
        ad.hvp(energy)((X, 3.0), (X,))
    with pytest.raises(ShapeMismatch, match="the tangent of x"):
        ad.hvp(energy)((X, 3.0), (X[:3], None))


# Under other transforms.
def log_det_metric(x, w):
    J = ad.jacfwd(matrix_free)(x, w)
    return np.sum(J * J) + J[0, 1]


def matrix_free(x, w):
    y = np.empty(3)
    for i in range(3):
        y[i] = np.sin(w[i] * x[i]) * x[(i + 1) % 3] * w[0]
    return y


def test_gradient_of_a_function_of_a_jacobian():
    x, w = X[:3], X[3:]
    g = interpreted(ad.grad(log_det_metric, argnums=(0, 1)), x, w)
    for k in (0, 1):
        np.testing.assert_allclose(g[k], differences(log_det_metric_plain, (x, w), k), rtol=1e-6, atol=1e-7)
    ad.check_grads(log_det_metric, (x, w), order=1)


def log_det_metric_plain(x, w):
    J = ad.jacfwd(matrix_free)(x, w)
    return np.sum(J * J) + J[0, 1]


@ad.jit
def newton_steps(x, k, steps):
    for _ in range(steps):
        H = ad.hessian(smooth)(x, k)
        g = ad.grad(smooth)(x, k)
        det = H[0, 0] * H[1, 1] - H[0, 1] * H[1, 0]
        x = x - np.array([H[1, 1] * g[0] - H[0, 1] * g[1], H[0, 0] * g[1] - H[1, 0] * g[0]]) / det
    return x


def smooth(x, k):
    return (x[0] - 1.0) ** 2 + k * (x[1] - x[0] ** 2) ** 2


def test_newtons_method_compiled():
    np.testing.assert_allclose(newton_steps(np.array([0.8, 0.6]), 3.0, 8), [1.0, 1.0], rtol=1e-12)


def inner_products(x, v):
    return np.sum(ad.hvp(energy)((x, 2.0), (v, None))[0] * v)


def test_hvp_inside_a_program_and_its_gradient():
    v = RNG.standard_normal(6)
    H = ad.hessian(energy)(X, 2.0)
    assert ad.jit(inner_products)(X, v) == pytest.approx(v @ H @ v, rel=1e-12)
    np.testing.assert_allclose(ad.grad(inner_products, argnums=1)(X, v), 2 * H @ v, rtol=1e-11)


def test_jacobian_of_a_gradient_and_of_a_jvp():
    np.testing.assert_allclose(ad.jacrev(ad.grad(energy))(X, 3.0), ad.hessian(energy)(X, 3.0), rtol=1e-12, atol=1e-12)
    J = ad.jacfwd(lambda v: ad.jvp(stencil)((X,), (v,))[1])(np.ones(6))
    np.testing.assert_allclose(J, ad.jacobian(stencil)(X), rtol=1e-12, atol=1e-13)


def test_options_and_buffers():
    J = ad.jacfwd(stencil, fastmath=False, disable=("cse", "fold"))
    buffer = np.empty((6, 6))
    assert J(X, out=buffer) is buffer
    np.testing.assert_allclose(buffer, ad.jacrev(stencil)(X), rtol=1e-12, atol=1e-13)
    assert "def stencil_jacfwd(x):" in J.source and '"""Jacobian of stencil with respect to x."""' in J.source
    assert repr(ad.hessian(energy, argnums=(0, 1))) == "<adcompiler hessian, argnums=(0, 1) of energy>"


def noisy(x):
    print("runs")
    return x * x


def test_effects_happen_once(capsys):
    for make in JACOBIANS:
        np.testing.assert_allclose(interpreted(make(noisy), X), np.diag(2 * X))
        assert capsys.readouterr().out == "runs\n"


def test_modes_agree_on_random_programs():
    """Whole programs with loops, branches, mutation and views: columns and rows are the same matrix."""
    options, checked = Options(), 0
    for number in range(7000, 7040):
        p = program(Choices.seeded(number))
        args = tuple(p.args())
        low = primal(p.function(), tuple(spec_of(a) for a in args), {}, options)
        flat = [*flatten(args), *(c.read() for c in low.captures if isinstance(c.spec, Leaf))]
        out = _run(low.function, flat)
        wrt = [k for k, (_, spec) in enumerate(low.signature) if any(is_float(x.type) for x in leaves(spec))]
        if not wrt or not all(np.all(np.abs(x) < 1e6) for x in out):
            continue
        found = [
            _run(jacobian(low, wrt, options, mode=mode, bare=False, integers=True).function, flat)
            for mode in ("jacfwd", "jacrev", "jacobian")
        ]
        for rows in zip(*found, strict=True):
            size = 1.0 + max(np.max(np.abs(r), initial=0.0) for r in rows)
            for r in rows[1:]:
                np.testing.assert_allclose(r, rows[0], rtol=1e-7, atol=1e-9 * size, err_msg=p.text)
        checked += 1
    assert checked >= 30


def _run(fn, flat):
    verify(fn)
    return [np.asarray(r) for r in interpret(fn, [np.array(x) if isinstance(x, np.ndarray) else x for x in flat])]
