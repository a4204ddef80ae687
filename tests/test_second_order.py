"""Optimizers that use curvature: their iterates as published, alone in Python and compiled; line searches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_jacobians import interpreted

import adcompiler as ad
from adcompiler.kernels import newton, search, second_order
from adcompiler.kernels.second_order import Method, bfgs, conjugate, lbfgs, minimize

DATA = Path(__file__).parent / "data"
SECOND = json.loads((DATA / "second_order.json").read_text())
TORCH = json.loads((DATA / "optim.json").read_text())["optimizers"]["lbfgs_torch_lr1_nolinesearch"]["runs"]

MATRIX = np.array([[4, 1, 0, 0], [1, 3, 1, 0], [0, 1, 2, 0.5], [0, 0, 0.5, 1]])
RIGHT = np.array([1, -2, 0.5, 3])
# Toxicity of four points with three features, as the notebook has it; the classes as signs.
POINTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
SIGNS = np.array([1.0, 1.0, -1.0, 1.0])


def quadratic(x, matrix, right):
    return 0.5 * x @ (matrix @ x) - right @ x


def rosenbrock(x):
    return (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2


def negative_log_likelihood(z, signs):
    return np.sum(np.log(1.0 + np.exp(-signs * z)))


def logistic(w, points, signs):
    return negative_log_likelihood(points @ w, signs) + 0.05 * w @ w


def logistic_bare(w, points, signs):
    return negative_log_likelihood(points @ w, signs)


PROBLEMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "quadratic4": (quadratic, (MATRIX, RIGHT)),
    "rosenbrock2": (rosenbrock, ()),
    "logistic_l2_0.1": (logistic, (POINTS, SIGNS)),
    "logistic_full": (logistic_bare, (POINTS, SIGNS)),
}


def iterates(method: Method, problem: str) -> Any:
    """A function of (start, steps, *data): every iterate."""
    loss, _ = PROBLEMS[problem]

    def run(x, steps, *data):
        found = np.zeros((steps + 1, len(x)))
        found[0] = x
        state = method.init(lambda p: loss(p, *data), x)
        for t in range(steps):
            x, state = method.update(lambda p: loss(p, *data), x, state)
            found[t + 1] = x
        return found

    return run


def metric(params, v):
    return newton.gauss_newton(lambda w: POINTS @ w, lambda z: negative_log_likelihood(z, SIGNS), params, v)


BFGS_ARMIJO = Method(bfgs.init, lambda f, p, s: bfgs.update(f, p, s, search.armijo))
LBFGS_ARMIJO = Method(lambda f, p: lbfgs.init(f, p, 5), lambda f, p, s: lbfgs.update(f, p, s, search.armijo))
LBFGS_TORCH = Method(lbfgs.init, lambda f, p, s: lbfgs.update(f, p, s, search.full, careful=True))
NEWTON = Method(newton.newton.init, lambda f, p, s: newton.newton.update(f, p, s, search.full))
NATURAL = Method(
    newton.natural_gradient.init, lambda f, p, s: newton.natural_gradient.update(f, p, s, metric, damping=0.1)
)
KRYLOV = Method(newton.krylov.init, lambda f, p, s: newton.krylov.update(f, p, s, size=2))

EXACT = (
    NEWTON,
    NATURAL,
    KRYLOV,
    newton.coordinate_descent,
    LBFGS_TORCH,
)  # whatever the loss is, their step is the same

# (method, problem, iterates, is it run compiled too?)
TRAJECTORIES = {
    "bfgs quadratic": (BFGS_ARMIJO, "quadratic4", SECOND["bfgs_armijo@quadratic4"]["x"], False),
    "bfgs logistic": (BFGS_ARMIJO, "logistic_l2_0.1", SECOND["bfgs_armijo@logistic_l2_0.1"]["x"], True),
    "lbfgs quadratic": (LBFGS_ARMIJO, "quadratic4", SECOND["lbfgs_m5_armijo@quadratic4"]["x"], False),
    "lbfgs rosenbrock": (LBFGS_ARMIJO, "rosenbrock2", SECOND["lbfgs_m5_armijo@rosenbrock2"]["x"], False),
    "lbfgs logistic": (LBFGS_ARMIJO, "logistic_l2_0.1", SECOND["lbfgs_m5_armijo@logistic_l2_0.1"]["x"], False),
    "lbfgs as torch, quadratic": (LBFGS_TORCH, "quadratic4", TORCH["quadratic4"]["x"][:10], False),
    "lbfgs as torch, logistic": (LBFGS_TORCH, "logistic_full", TORCH["logistic_full"]["x"][:10], False),
    "newton rosenbrock": (NEWTON, "rosenbrock2", SECOND["newton_rosenbrock_pure"]["x"], True),
    "newton logistic": (NEWTON, "logistic_l2_0.1", SECOND["newton_logistic_l2_0.1"]["w"], False),
    "natural gradient": (NATURAL, "logistic_l2_0.1", SECOND["newton_logistic_l2_0.1"]["w"], True),
    "coordinates": (
        newton.coordinate_descent, "quadratic4", SECOND["coordinate_descent_quadratic4"]["x_after_sweep"], True,
    ),
    "krylov": (KRYLOV, "quadratic4", SECOND["ksd_quadratic4_K2_plus_prev"]["x"], True),
}  # fmt: skip


DEAR = {"coordinates", "newton rosenbrock", "krylov"}  # to compile
RUNS = [(n, False) for n in TRAJECTORIES]
RUNS += [
    pytest.param(n, True, marks=pytest.mark.long if n in DEAR else ()) for n, row in TRAJECTORIES.items() if row[3]
]


@pytest.mark.parametrize(("name", "compiled"), RUNS)
def test_trajectories(name: str, compiled: bool) -> None:
    """A search decides by rounding where the loss falls by no more than that: the last step may be another."""
    method, problem, expected, _ = TRAJECTORIES[name]
    loss, data = PROBLEMS[problem]
    run, args = iterates(method, problem), (np.array(expected[0]), len(expected) - 1, *data)
    values = np.array([loss(np.array(x), *data) for x in expected])
    clear = np.append(True, np.abs(np.diff(values)) > 4e-15 * np.abs(values[1:]))
    sure = len(expected) if method in EXACT else int(np.argmin([*clear, False]))
    assert sure >= len(expected) - 1
    found = (ad.jit(run) if compiled else run)(*args)
    np.testing.assert_allclose(found[:sure], expected[:sure], rtol=0, atol=1e-11)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


def test_bfgs_on_rosenbrock_as_far_as_rounding_allows() -> None:
    """The path amplifies a change of its start up to 10^9 times, so its own rounding shows in the data as well."""
    expected = np.array(SECOND["bfgs_armijo@rosenbrock2"]["x"])
    run, steps = iterates(BFGS_ARMIJO, "rosenbrock2"), len(expected) - 1
    found = run(expected[0], steps)
    change = 1e-12
    amplified = np.abs(run(expected[0] + change, steps) - found).max(axis=1) / change
    away = np.abs(found - expected).max(axis=1)
    assert np.all(away <= np.maximum(1e-11, 5e-15 * np.maximum.accumulate(amplified))), away
    np.testing.assert_allclose(found[:6], expected[:6], rtol=0, atol=1e-11)
    np.testing.assert_allclose(found[-1], [1.0, 1.0], rtol=0, atol=1e-9)


# What they come to.
LONG = pytest.mark.long


@pytest.mark.parametrize("method", [bfgs, lbfgs, conjugate, newton.newton, pytest.param(newton.krylov, marks=LONG)])
def test_strong_wolfe_is_the_default(method: Method) -> None:
    x, state = minimize(method, rosenbrock, np.array([-1.2, 1.0]), 100)
    np.testing.assert_allclose(x, [1.0, 1.0], rtol=0, atol=1e-7)
    assert np.max(np.abs(state.grad)) <= 1e-8 and state.steps < 80


@LONG
def test_with_armijo_alone_it_stalls() -> None:
    _, stalled = minimize(lbfgs, rosenbrock, np.array([-1.2, 1.0]), 60, search=search.armijo)
    _, found = minimize(lbfgs, rosenbrock, np.array([-1.2, 1.0]), 60)
    _, fletcher_reeves = minimize(conjugate, rosenbrock, np.array([-1.2, 1.0]), 100, fletcher_reeves=True)
    assert stalled.value > 1.0 and stalled.steps == 60 and fletcher_reeves.value < 1e-12
    assert found.value < 1e-15 and found.steps < 40


@pytest.mark.parametrize("fletcher_reeves", [False, True])
def test_nonlinear_conjugate_gradients_on_a_quadratic_are_linear_ones(fletcher_reeves: bool) -> None:
    def exact(loss, x, value, grad, direction, start):
        size = -(grad @ direction) / (direction @ (MATRIX @ direction))
        return search.full(loss, x, value, grad, direction, size)

    method = Method(conjugate.init, lambda f, p, s: conjugate.update(f, p, s, exact, fletcher_reeves))
    expected = SECOND["cg_quadratic4"]["x"]
    found = iterates(method, "quadratic4")(np.array(expected[0]), 4, MATRIX, RIGHT)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_linear_conjugate_gradients() -> None:
    data = SECOND["cg_quadratic4"]

    def solved(matrix, right, start, steps):
        return newton.cg(lambda v: matrix @ v, right, start, steps)

    compiled = ad.jit(solved)
    for k, (x, square) in enumerate(zip(data["x"], data["rr"], strict=True)):
        for f in (solved, compiled):
            found = f(MATRIX, RIGHT, np.array(data["x"][0]), k)
            np.testing.assert_allclose(found.x, x, rtol=0, atol=1e-13)
            np.testing.assert_allclose(found.residual @ found.residual, square, rtol=1e-9, atol=1e-28)
            assert found.steps == k
    np.testing.assert_allclose(found.x, np.linalg.solve(MATRIX, RIGHT), rtol=0, atol=1e-14)

    assert newton.cg(lambda v: MATRIX @ v, RIGHT).steps == 4
    assert newton.cg(lambda v: MATRIX @ v, RIGHT, tolerance=1.0).steps == 2
    assert newton.cg(lambda v: -v, RIGHT).steps == 0
    ad.check_grads(lambda b: np.sum(newton.cg(lambda v: MATRIX @ v, b, steps=3).x * np.arange(4.0)), (RIGHT,))


# Compiled, on structures, differentiated.
def fit(params, x, y):
    return np.mean((np.tanh(x @ params["w"]) * params["v"][0] + params["v"][1] - y) ** 2)


X = np.random.default_rng(2).normal(size=(12, 2))
Y = 0.7 * np.tanh(X @ np.array([0.5, -1.0])) + 0.2
START = {"w": np.array([0.1, 0.2]), "v": (1.0, 0.0)}


@pytest.mark.parametrize("method", [lbfgs, pytest.param(newton.newton_cg, marks=LONG)])
def test_structures(method: Method) -> None:
    def run(params, x, y):
        return minimize(method, lambda p: fit(p, x, y), params, 60, 1e-9)

    (mine, state), (theirs, other) = ad.jit(run)(START, X, Y), run(START, X, Y)
    assert type(mine["v"][0]) is float and state.steps == other.steps
    assert max(abs(state.grad)) <= 1e-9
    flip = np.sign(mine["v"][0])
    np.testing.assert_allclose(flip * mine["w"], [0.5, -1.0], atol=1e-6)
    np.testing.assert_allclose([flip * mine["v"][0], mine["v"][1]], [0.7, 0.2], atol=1e-6)
    for a, b in zip(ad.tree_leaves(mine), ad.tree_leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_float32_stays() -> None:
    def run(x, matrix, right):
        state = bfgs.init(lambda p: quadratic(p, matrix, right), x)
        return bfgs.update(lambda p: quadratic(p, matrix, right), x, state)

    x, state = ad.jit(run)(*(a.astype(np.float32) for a in (np.ones(4), MATRIX, RIGHT)))
    assert x.dtype == state.inverse.dtype == np.float32


@pytest.mark.parametrize("method", [BFGS_ARMIJO, lbfgs, conjugate], ids=["bfgs", "lbfgs", "conjugate"])
def test_gradients_of_what_training_comes_to(method: Method) -> None:
    """Of a validation loss after two steps, wrt where training starts and the strength of its regularization."""

    def after(w, decay):
        def loss(p):
            return negative_log_likelihood(POINTS @ p, SIGNS) + decay * p @ p

        state = method.init(loss, w)
        for _ in range(2):
            w, state = method.update(loss, w, state)
        return np.sum(np.sin(w))

    w, direction = np.array([0.1, -0.2, 0.3]), np.array([0.3, 1.0, -0.5])
    w_bar, decay_bar = interpreted(ad.grad(after, argnums=(0, 1)), w, 0.2)
    f, h = ad.jit(after), 1e-5
    along = (f(w + h * direction, 0.2) - f(w - h * direction, 0.2)) / (2.0 * h)
    assert w_bar @ direction == pytest.approx(along, rel=1e-6)
    assert decay_bar == pytest.approx((f(w, 0.2 + h) - f(w, 0.2 - h)) / (2.0 * h), rel=1e-6)


def test_the_gradient_through_training_to_the_end_is_that_of_the_minimum() -> None:
    """By the implicit function theorem: the minimizer moves by -H^-1 d(gradient)/d(decay), wherever it started."""

    def loss(p, decay):
        return negative_log_likelihood(POINTS @ p, SIGNS) + decay * p @ p

    def after(w, decay):
        return np.sum(np.sin(minimize(lbfgs, lambda p: loss(p, decay), w, 40)[0]))

    start, decay = np.array([0.1, -0.2, 0.3]), 0.2
    w, _ = minimize(newton.newton, lambda p: loss(p, decay), start, tolerance=1e-12)
    w_bar, decay_bar = interpreted(ad.grad(after, argnums=(0, 1)), start, decay)
    moved = np.linalg.solve(ad.hessian(loss)(w, decay), -2.0 * w)
    assert decay_bar == pytest.approx(np.cos(w) @ moved, rel=1e-6)
    assert np.max(np.abs(w_bar)) < 1e-6


# Line searches.
SLOPES = {
    "too short at first": (lambda x: np.sum((x - 40.0) ** 2), 0.0, 1.0),
    "too long at first": (lambda x: np.sum((x - 0.01) ** 2), 0.0, 1.0),
    "beyond the minimum": (lambda x: np.sum(np.abs(x - 1.0) ** 1.5), 0.0, 1.6),
    "a hill behind": (lambda x: np.sum(x**4 - 3.0 * x**3 + 2.0 * x), 1.0, 0.1),
    "narrow": (lambda x: np.sum(np.exp(8.0 * x) - 20.0 * x), 0.0, 1.0),
}


@pytest.mark.parametrize("name", SLOPES)
def test_what_line_searches_promise(name: str) -> None:
    loss, at, start = SLOPES[name]
    x = np.array([at])
    value, grad = ad.value_and_grad(loss)(x)
    direction = -np.sign(grad)
    slope = grad @ direction
    for find, c2 in ((search.armijo, None), (search.strong_wolfe, 0.9), (search.tight_wolfe, 0.1)):
        point = find(loss, x, value, grad, direction, start)
        np.testing.assert_array_equal(point.x, x + point.size * direction)
        assert point.value == pytest.approx(loss(point.x), rel=1e-12)
        assert point.value <= value + 1e-4 * point.size * slope and point.size > 0.0
        np.testing.assert_allclose(point.grad, ad.grad(loss)(point.x), rtol=1e-12)
        if c2 is not None:
            assert abs(point.grad @ direction) <= -c2 * slope


def test_searches_stay_where_nothing_is_found() -> None:
    loss, x = PROBLEMS["rosenbrock2"][0], np.array([0.3, 0.4])
    value, grad = ad.value_and_grad(loss)(x)
    for find in (search.armijo, search.strong_wolfe):
        point = find(loss, x, value, grad, grad)  # uphill
        assert point.size == 0.0 and point.value == value
        np.testing.assert_array_equal(point.x, x)
    x, state = minimize(bfgs, loss, np.array([1.0, 1.0]))
    assert state.steps == 0


def test_searches_turn_back_where_the_loss_is_no_number() -> None:
    def run(x):
        return minimize(bfgs, lambda p: np.sum(p - np.log(p)), x)

    x, state = ad.jit(run)(np.array([0.05, 3.0]))  # the first step leaves the domain of the logarithm
    np.testing.assert_allclose(x, [1.0, 1.0], atol=1e-7)
    assert state.steps < 30


def test_every_method_is_tried() -> None:
    known = [m for module in (second_order, newton) for m in vars(module).values() if isinstance(m, Method)]
    assert len({m.update for m in known}) == 8
