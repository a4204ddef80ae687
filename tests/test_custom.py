"""custom_vjp and custom_jvp: the author's rules are used, in every mode that they allow, and are differentiated."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from test_jacobians import interpreted

import adcompiler as ad
from adcompiler.errors import MissingRule, NotDifferentiable, ShapeMismatch, TypeMismatch

X = np.array([0.3, -1.2, 2.0, 0.7])
W = np.array([1.0, 2.0, 3.0, 4.0])


# Rules that are wrong on purpose, so that one sees them used: the derivative of x**2 is said to be 10 x.
@ad.custom_jvp
def square(x):
    return x * x


@square.defjvp
def square_jvp(primals, tangents):
    (x,), (x_dot,) = primals, tangents
    return square(x), 10.0 * x * x_dot


@ad.custom_vjp
def cube(x):
    return x**3


def cube_fwd(x):
    return x**3, (x, x * x)


def cube_bwd(residuals, g):
    return (7.0 * residuals[1] * g,)


cube.defvjp(cube_fwd, cube_bwd)


def scaled(x, k):
    return 2.0 * square(k * x) + k


def cubes(x):
    total = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            total += cube(x[i]) * x[0]
    return total


def test_plain_python_and_jit_know_nothing_of_rules():
    assert square(3.0) == 9.0 and cube(2.0) == 8.0
    assert ad.jit(scaled)(3.0, 2.0) == scaled(3.0, 2.0) == 74.0
    assert ad.jit(cubes)(X) == pytest.approx(cubes(X), rel=1e-15)
    assert ad.jit(square)(3.0) == 9.0 and ad.jit(cube)(X).shape == (4,)
    assert repr(square) == "<adcompiler custom_jvp of square>"


def test_custom_jvp_in_both_modes():
    same = 2.0 * 10.0 * 6.0 * 2.0
    assert interpreted(ad.jvp(scaled), (3.0, 2.0), (1.0, None))[1] == same
    assert interpreted(ad.grad(scaled), 3.0, 2.0) == same
    assert ad.jvp(scaled)((3.0, 2.0), (1.0, None)) == (74.0, same)
    assert ad.grad(scaled)(3.0, 2.0) == same
    assert ad.grad(square)(3.0) == 30.0  # of the function itself
    np.testing.assert_allclose(interpreted(ad.jacfwd(square), X), np.diag(10.0 * X))
    np.testing.assert_allclose(interpreted(ad.jacrev(square), X), np.diag(10.0 * X))


def test_second_order_goes_through_the_rules():
    # d/dx of 10 x is 10; of a rule that calls the function, the function's rule again.
    assert interpreted(ad.grad(ad.grad(square)), 3.0) == 10.0
    assert interpreted(ad.hessian(square), 3.0) == 10.0
    assert interpreted(ad.jvp(ad.grad(square)), (3.0,), (1.0,))[1] == 10.0
    # The pullback 7 x**2 g, where x**2 is a residual of the author's forward sweep.
    assert interpreted(ad.grad(cube), 2.0) == 28.0
    assert interpreted(ad.grad(ad.grad(cube)), 2.0) == 28.0
    assert ad.grad(ad.grad(cube))(2.0) == 28.0
    assert interpreted(ad.jacrev(ad.grad(lambda x: cube(x) * x)), 2.0) == 7.0 * 3 * 4.0 + 3.0 * 4.0


def test_loops_and_branches():
    expected = np.where(X > 0, 7.0 * X**2 * X[0], 0.0)
    expected[0] += sum(x**3 for x in X if x > 0)
    np.testing.assert_allclose(interpreted(ad.grad(cubes), X), expected, rtol=1e-14)
    np.testing.assert_allclose(ad.grad(cubes)(X), expected, rtol=1e-14)
    H = interpreted(ad.jacrev(ad.grad(cubes)), X)
    assert H[2, 2] == pytest.approx(14.0 * X[2] * X[0]) and H[1].any() == np.False_


def overwritten(x):
    """What the pullback needs is overwritten before it runs."""
    y = x * 2.0
    z = cube(y)
    y[:] = 0.0
    s = np.sum(z)
    z *= z
    return s + np.sum(z) + np.sum(y)


def test_residuals_are_kept_as_they_were():
    expected = 7.0 * (2 * X) ** 2 * (1.0 + 2.0 * (2 * X) ** 3) * 2.0
    np.testing.assert_allclose(interpreted(ad.grad(overwritten), X), expected, rtol=1e-14)
    np.testing.assert_allclose(ad.grad(overwritten)(X), expected, rtol=1e-14)


# Structures, arguments without derivative, residual structures.
@dataclasses.dataclass
class Layer:
    W: np.ndarray
    b: float


@ad.custom_vjp
def apply(layer, x, power, mode):
    if mode == "shift":
        return {"y": layer.W * x**power + layer.b, "n": power}
    return {"y": layer.W * x, "n": power}


def apply_fwd(layer, x, power, mode):
    return apply(layer, x, power, mode), {"x": x, "W": layer.W, "p": (power, 2)}


def apply_bwd(kept, out_bar):
    g = out_bar["y"]
    p = kept["p"][0]
    return Layer(g * kept["x"] ** p, np.sum(g)), g * kept["W"] * p * kept["x"] ** (p - 1), None, None


apply.defvjp(apply_fwd, apply_bwd)


def layered(layer, x):
    return np.sum(apply(layer, x, 3, "shift")["y"] * W)


def test_structures():
    layer = Layer(X, 0.5)
    g = interpreted(ad.grad(layered, argnums=(0, 1)), layer, W)
    np.testing.assert_allclose(g[0].W, W * W**3)
    assert type(g[0]) is Layer and g[0].b == 10.0
    np.testing.assert_allclose(g[1], W * X * 3 * W**2)
    compiled = ad.grad(layered, argnums=(0, 1))(layer, W)
    np.testing.assert_allclose(compiled[0].W, g[0].W)
    np.testing.assert_allclose(compiled[1], g[1])
    H = interpreted(ad.jacrev(ad.grad(layered, argnums=1), argnums=0), layer, W)
    np.testing.assert_allclose(H.W, np.diag(W * 3 * W**2))


@ad.custom_jvp
def mixed(p, n, f):
    return p["a"] * f(n), p["b"] + n


@mixed.defjvp
def mixed_jvp(primals, tangents):
    p, n, f = primals
    p_dot, n_dot, f_dot = tangents
    assert n_dot is None and f_dot is None
    return (p["a"] * f(n), p["b"] + n), (p_dot["a"] * f(n), None)


def test_arguments_without_tangents_and_results_without():
    p = {"a": X, "b": 1.5, "i": np.arange(3)}
    run = lambda p: mixed(p, 2, math.sqrt)  # noqa: E731
    out, dot = interpreted(ad.jvp(run), (p,), ({"a": W, "b": 1.0, "i": np.zeros(3, int)},))
    np.testing.assert_allclose(dot[0], W * math.sqrt(2))
    assert dot[1] == 0.0 and out[1] == 3.5
    (g,) = interpreted(ad.vjp(run), (p,), (W, 1.0))[1]
    np.testing.assert_allclose(g["a"], W * math.sqrt(2))
    assert g["b"] == 0.0 and not g["i"].any()


def test_float32_zero_size_and_strides():
    x = X.astype(np.float32)
    g = ad.grad(lambda x: np.sum(cube(x)))(x)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, 7.0 * x**2, rtol=1e-6)
    assert ad.grad(lambda x: np.sum(cube(x)))(np.zeros(0)).shape == (0,)
    wide = np.arange(12.0).reshape(4, 3)[::-2, 1]
    np.testing.assert_allclose(interpreted(ad.grad(lambda x: np.sum(square(x))), wide), 10.0 * wide)


# Captured values.
def test_captured_arrays_are_read_at_the_call():
    table = np.array([2.0, 3.0])

    @ad.custom_vjp
    def weighted(x):
        return x * table[0]

    weighted.defvjp(lambda x: (x * table[0], None), lambda kept, g: (100.0 * table[1] * g,))
    f = ad.grad(lambda x: weighted(x) ** 2)
    assert f(1.0) == 2 * 2.0 * 300.0
    table[1] = 5.0
    assert f(1.0) == 2 * 2.0 * 500.0


def test_a_captured_value_that_is_differentiated_is_refused():
    def loss(x, k):
        inner = ad.custom_jvp(lambda x: x * k).defjvp(lambda p, t: (p[0] * k, 3.0 * k * t[0]))
        return inner(x)

    assert loss(5.0, 2.0) == 10.0 and ad.jit(loss)(5.0, 2.0) == 10.0
    assert ad.grad(loss)(5.0, 2.0) == 6.0
    for transform in (ad.grad(loss, argnums=1), ad.jacfwd(loss, argnums=(0, 1))):
        with pytest.raises(NotDifferentiable, match="has a rule of its own and captures k"):
            transform(1.0, 2.0)


def test_new_rules_are_seen():
    @ad.custom_jvp
    def f(x):
        return x

    f.defjvp(lambda p, t: (p[0], 2.0 * t[0]))
    g = ad.grad(lambda x: f(x))
    assert g(1.0) == 2.0
    f.defjvp(lambda p, t: (p[0], 3.0 * t[0]))
    assert g(1.0) == 3.0


def noisy_fwd(x):
    print("forward")
    return x, x


def test_effects_happen_once(capsys):
    @ad.custom_vjp
    def noisy(x):
        print("runs")
        return x

    noisy.defvjp(noisy_fwd, lambda x, g: (2.0 * g * x,))
    assert interpreted(ad.grad(lambda x: noisy(x) * 3.0), 4.0) == 24.0
    assert capsys.readouterr().out == "forward\n"
    assert interpreted(ad.jit(lambda x: noisy(x) * 3.0), 4.0) == 12.0
    assert capsys.readouterr().out == "runs\n"


def test_the_program_as_text():
    built = ad.grad(cubes).lower(X)
    assert 'custom %x_i, rule="cube"' in built.primal_ir
    assert "rule=" not in built.ir
    from adcompiler.ir.text import parse

    assert str(parse(built.primal_ir)) == built.primal_ir


# What goes wrong.
def test_forward_mode_through_a_function_with_a_vjp():
    def f(x):
        return 2.0 * cube(x)  # here

    for transform in (ad.jvp(f), ad.jacfwd(f)):
        args = ((1.0,), (1.0,)) if "jvp" in repr(transform) else (1.0,)
        with pytest.raises(MissingRule, match=r"test_custom\.py:\d+:22: cube has a rule for reverse mode only"):
            transform(*args)


def test_no_rule_yet():
    f = ad.custom_vjp(lambda x: x * x)
    assert f(3.0) == 9.0 and ad.jit(lambda x: f(x))(3.0) == 9.0
    with pytest.raises(MissingRule, match=r"has been given no rule[\s\S]*defvjp"):
        ad.grad(lambda x: f(x))(3.0)


def bad(fwd, bwd, f=lambda x, y: x * y):
    return ad.custom_vjp(f).defvjp(fwd, bwd)


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: bad(lambda x, y: x * y, lambda r, g: (g, g)), TypeMismatch, "does not return .out, residuals."),
        (lambda: bad(lambda x, y: ((x, y), None), lambda r, g: (g, g)), TypeMismatch, "is not what .* returns"),
        (lambda: bad(lambda x, y: (np.sum(x), x), lambda r, g: (g, g)), TypeMismatch, "is not what .* returns"),
        (lambda: bad(lambda x, y: (x * y, None), lambda r, g: g), TypeMismatch, "a tuple with an adjoint for each of"),
        (lambda: bad(lambda x, y: (x * y, None), lambda r, g: (g,)), TypeMismatch, "each of the 2 arguments"),
        (lambda: bad(lambda x, y: (x * y, None), lambda r, g: (np.sum(g), g)), TypeMismatch, "or adjoint of type"),
        (lambda: bad(lambda x, y: (x * y, None), lambda r, g: (g, {"a": g})), TypeMismatch, "another structure"),
        (lambda: bad(lambda x, y: (x * y, None), lambda r, g: (g[1:], g)), ShapeMismatch, "the adjoint that the rule"),
    ],
)  # fmt: skip
def test_rules_that_return_something_else(make, error, text):
    f = make()
    with pytest.raises(error, match=text) as caught:
        ad.grad(lambda x, y: np.sum(f(x, y)))(X, W)
    assert "test_custom.py" in str(caught.value)


def test_jvp_rules_that_return_something_else():
    for rule, text in (
        (lambda p, t: p[0], "does not return .out, out_dot."),
        (lambda p, t: (p[0], (t[0], t[0])), "another structure"),
        (lambda p, t: ((p[0], 1.0), t[0]), "is not what"),
    ):
        f = ad.custom_jvp(lambda x: x).defjvp(rule)
        with pytest.raises(TypeMismatch, match=text):
            ad.grad(lambda x, f=f: f(x))(1.0)
    with pytest.raises(ShapeMismatch, match="the tangent that"):
        g = ad.custom_jvp(lambda x: x * 1.0).defjvp(lambda p, t: (p[0] * 1.0, t[0][1:]))
        ad.jvp(lambda x: g(x))((X,), (X,))


def test_misuse():
    with pytest.raises(TypeMismatch, match="defjvp belongs to ad.custom_jvp"):
        ad.custom_vjp(lambda x: x).defjvp(lambda p, t: (p, t))
    with pytest.raises(TypeMismatch, match="takes functions"):
        ad.custom_jvp(lambda x: x).defjvp(3)
    with pytest.raises(TypeMismatch, match="custom_vjp takes a Python function"):
        ad.custom_vjp(np.sin)

    def writes(x):
        x[0] = 1.0
        return x

    with pytest.raises(TypeMismatch, match="writes to its arguments"):
        ad.jit(lambda x: ad.custom_jvp(writes)(x))(X.copy())
    with pytest.raises(TypeMismatch, match="missing a required argument"):
        ad.jit(lambda x: square())(1.0)


@ad.custom_jvp
def with_defaults(x, *, k=2.0):
    return x * k


with_defaults.defjvp(lambda p, t: (p[0] * p[1], 5.0 * t[0] * p[1] + t[1] * p[0]))


def test_keywords_and_defaults():
    assert ad.grad(lambda x: with_defaults(x))(3.0) == 10.0
    assert ad.grad(lambda x: with_defaults(x, k=4.0))(3.0) == 20.0
    assert ad.grad(lambda x, k: with_defaults(k=k, x=x), argnums=(0, 1))(3.0, 4.0) == (20.0, 3.0)
