"""The library of kernels: optimizers, schedules and clipping are what they are elsewhere, alone and compiled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.errors import TypeMismatch
from adcompiler.kernels import clip, flat, optim, schedules

DATA = Path(__file__).parent / "data"
OPTIM, SCHEDULES, LAYERS = (json.loads((DATA / f"{n}.json").read_text()) for n in ("optim", "schedules", "layers"))

MATRIX = np.array([[4, 1, 0, 0], [1, 3, 1, 0], [0, 1, 2, 0.5], [0, 0, 0.5, 1]])
RIGHT = np.array([1, -2, 0.5, 3])
# Toxicity of four points with three features, as the notebook has it.
POINTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
CLASSES = np.array([1.0, 1.0, 0.0, 1.0])
GRADIENTS = {
    "quadratic4": lambda x: MATRIX @ x - RIGHT,
    "logistic_full": lambda x: POINTS.T @ (1.0 / (1.0 + np.exp(-(POINTS @ x))) - CLASSES),
}

# What each case of the data is here: the optimizer, and its hyper-parameters but for those of the data.
CASES: dict[str, tuple[optim.Optimizer, dict[str, Any]]] = {
    "sgd": (optim.sgd, {}),
    "sgd_l2_weight_decay": (optim.sgd, {}),
    "momentum": (optim.momentum, {}),
    "momentum_dampened": (optim.momentum, {}),
    "nesterov_torch": (optim.nesterov, {}),
    "nesterov_sutskever": (optim.lookahead, {}),
    "adam": (optim.adam, {}),
    "adam_lr0.1": (optim.adam, {}),
    "adam_l2": (optim.adam, {}),
    "adamw": (optim.adamw, {}),
    "adam_amsgrad": (optim.amsgrad, {}),
    "adamax": (optim.adamax, {}),
    "nadam": (optim.nadam, {}),
    "rmsprop_torch": (optim.rmsprop, {"eps_inside": False}),
    "rmsprop_seed001": (optim.rmsprop, {}),
    "rmsprop_centered": (optim.rmsprop, {"eps_inside": False, "centered": True}),
    "rmsprop_momentum": (optim.rmsprop, {"eps_inside": False}),
    "adagrad_torch": (optim.adagrad, {}),
    "adagrad_seed002": (optim.adagrad, {"eps_inside": True}),
    "adadelta": (optim.adadelta, {}),
    "asgd_torch_t0_1e6": (optim.asgd, {}),
    "asgd_torch_t0_10": (optim.asgd, {}),
    "polyak_averaging": (optim.polyak, {}),
}
NAMES = {
    "lr": "lr", "wd": "weight_decay", "mu": "momentum", "damp": "dampening", "b1": "b1", "b2": "b2", "eps": "eps",
    "a": "alpha", "rho": "rho", "t0": "t0",
}  # fmt: skip
SAID = {"nest", "decoupled", "ams", "inside", "cent"}  # what the choice of the optimizer says


@pytest.mark.parametrize("problem", GRADIENTS)
@pytest.mark.parametrize("name", CASES)
def test_trajectories(name: str, problem: str) -> None:
    run = OPTIM["optimizers"][name]["runs"][problem]
    optimizer, hyper = CASES[name]
    assert {*run["hyper"]} <= {*NAMES, *SAID}
    hyper = hyper | {NAMES[k]: v for k, v in run["hyper"].items() if k in NAMES}
    x = np.array(run["x"][0])
    state = optimizer.init(x)
    for expected in run["x"][1:]:
        at = optim.ahead(x, state, hyper["momentum"]) if optimizer is optim.lookahead else x
        x, state = optimizer.update(x, GRADIENTS[problem](at), state, **hyper)
        np.testing.assert_allclose(x, expected, rtol=0, atol=1e-11)
    extra = run["extra"]
    if extra:
        average = extra["avg"] if "avg" in extra else extra["averaged_ax"]
        np.testing.assert_allclose(state.average, average, rtol=0, atol=1e-11)


def test_every_optimizer_is_held_to_a_trajectory() -> None:
    known = [o for o in vars(optim).values() if isinstance(o, optim.Optimizer)]
    assert {id(o) for o in known} == {id(o) for o, _ in CASES.values()}


# Compiled.
@dataclass
class Layer:
    weights: np.ndarray
    bias: float


def loss(params, x, y):
    hidden = np.tanh(x @ params["first"].weights + params["first"].bias)
    return np.mean((hidden @ params["last"][0] + params["last"][1] - y) ** 2)


def start(dtype: Any = np.float64) -> Any:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(2, 3)).astype(dtype)
    return {"first": Layer(weights, 0.1), "last": (rng.normal(size=3).astype(dtype), 0.2)}


X = np.random.default_rng(2).normal(size=(6, 2))
Y = np.sin(X[:, 0])


def training(optimizer: optim.Optimizer) -> Any:
    def train(params, x, y, lr, count):
        state = optimizer.init(params)
        for _ in range(count):
            grads = ad.grad(loss)(params, x, y)
            params, state = optimizer.update(params, grads, state, lr=lr)
        return params

    return train


ALL = {k: o for k, o in vars(optim).items() if isinstance(o, optim.Optimizer) and k not in ("subgradient", "lookahead")}


@pytest.mark.parametrize("name", ALL)
def test_compiled_training_is_what_python_does(name: str) -> None:
    train = training(ALL[name])
    mine, theirs = ad.jit(train)(start(), X, Y, 0.01, 5), train(start(), X, Y, 0.01, 5)
    assert type(mine["first"]) is Layer
    for a, b in zip(ad.tree_leaves(mine), ad.tree_leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["momentum", "adam", "nadam", "asgd"])
def test_float32_stays(name: str) -> None:
    mine = ad.jit(training(ALL[name]))(start(np.float32), X.astype(np.float32), Y.astype(np.float32), 0.01, 3)
    assert mine["first"].weights.dtype == mine["last"][0].dtype == np.float32


@pytest.mark.parametrize("name", ["nesterov", pytest.param("amsgrad", marks=pytest.mark.long)])
def test_gradients_with_respect_to_the_rate(name: str) -> None:
    """Of the loss after training, wrt the rate and what training starts from (all optimizers: test_hypergrad.py)."""
    optimizer = ALL[name]

    def after(lr, w):
        params = {"first": Layer(w, 0.1), "last": (np.array([0.5, -0.2, 0.3]), 0.2)}
        state = optimizer.init(params)
        for _ in range(4):
            grads = ad.grad(loss)(params, X, Y)
            params, state = optimizer.update(params, grads, state, lr=lr)
        return loss(params, X, Y)

    ad.check_grads(after, (0.05, start()["first"].weights), modes=("rev",))


def test_the_gradient_with_respect_to_weight_decay_at_none() -> None:
    def after(decay):
        x, state = np.array([1.0, -2.0]), optim.adam.init(np.zeros(2))
        for _ in range(3):
            x, state = optim.adam.update(x, x * x, state, lr=0.1, weight_decay=decay)
        return np.sum(x * np.array([1.0, 3.0]))

    ad.check_grads(after, (0.0,))


# Structures.
class Two(NamedTuple):
    a: Any
    b: Any


def test_maps_of_structures() -> None:
    tree = {"x": (1.0, np.arange(3.0)), "y": Two(2.0, None), "z": Layer(np.ones((2, 2)), 3.0)}

    def scaled(t, u):
        return ad.tree_map(lambda a, b: a * 2.0 + b, t, u)

    for f in (scaled, ad.jit(scaled)):
        found = f(tree, tree)
        assert found["x"][0] == 3.0 and type(found["y"]) is Two and found["y"] == (6.0, None)
        assert type(found["z"]) is Layer and found["z"].bias == 9.0
        np.testing.assert_array_equal(found["x"][1], 3.0 * np.arange(3.0))

    def difference(t, u):
        return ad.tree_map(lambda a, b: a - b, t, u)["x"]

    assert ad.jit(difference)({"x": 3.0, "y": 1.0}, {"y": 5.0, "x": 1.0}) == 2.0

    def squares(t):
        total = 0.0
        for leaf in ad.tree_leaves(t):
            total += np.sum(leaf * leaf)
        return total

    assert ad.jit(squares)(tree) == squares(tree) == 1.0 + 5.0 + 4.0 + 4.0 + 9.0
    np.testing.assert_array_equal(ad.grad(squares)(tree)["z"].weights, 2.0 * np.ones((2, 2)))


def test_structures_of_other_forms_are_refused() -> None:
    def added(t, u):
        return ad.tree_map(lambda a, b: a + b, t, u)

    a = np.ones(2)
    for t, u in (({"x": a}, {"y": a}), ((a, a), (a,)), ({"x": a}, (a,))):
        with pytest.raises(TypeMismatch, match="the structures differ"):
            added(t, u)
        with pytest.raises(TypeMismatch, match="the structures differ") as error:
            ad.jit(added)(t, u)
        assert error.value.loc is not None and error.value.loc.col == 16


def test_structures_from_leaves() -> None:
    tree = {"x": (1.0, np.arange(3.0)), "y": Two(2.0, None), "z": Layer(np.ones((2, 2)), 3.0)}

    def doubled(t):
        leaves = ()
        for leaf in ad.tree_leaves(t):
            leaves = (*leaves, 2.0 * leaf)
        return ad.tree_unflatten(t, leaves)

    for f in (doubled, ad.jit(doubled)):
        found = f(tree)
        assert type(found["y"]) is Two and found["y"] == (4.0, None) and type(found["z"]) is Layer
        for mine, theirs in zip(ad.tree_leaves(found), ad.tree_leaves(tree), strict=True):
            np.testing.assert_array_equal(mine, 2.0 * theirs)

    def short(t):
        return ad.tree_unflatten(t, (1.0, 2.0))

    for g in (short, ad.jit(short)):
        with pytest.raises(TypeMismatch, match="2 leaves for a structure of 5"):
            g(tree)


def test_structures_as_vectors() -> None:
    tree = {"x": (1.0, np.arange(3.0)), "z": Layer(np.ones((2, 2), np.float32), 3.0)}

    def turned(t):
        return flat.unravel(flat.ravel(t)[::-1] * 2.0, t)

    for f in (turned, ad.jit(turned)):
        found = f(tree)
        assert found["x"][0] == 6.0 and found["z"].bias == 2.0 and found["z"].weights.dtype == np.float32
        np.testing.assert_array_equal(found["x"][1], [2.0, 2.0, 2.0])
        np.testing.assert_array_equal(found["z"].weights, [[2.0, 4.0], [2.0, 0.0]])
    v = np.array([1.0, 2.0, 0.5])
    ad.check_grads(lambda v: np.sum(flat.unravel(v * v, (1.0, v[:2]))[1] ** 2 * np.arange(2.0)), (v,), order=2)


# Schedules.
def test_schedules() -> None:
    restarts = SCHEDULES["cosine_warm_restarts"]
    rows = [
        (restarts["seed_code"], lambda t: schedules.cosine_restarts(t, 0.1, 10, 2, 0.01), 0),
        (SCHEDULES["inverse_t_tau"]["t=1..60"], lambda t: schedules.inverse(t, 0.1, 20), 1),
        (SCHEDULES["inverse_sqrt_t (seed 002)"]["t=1..20"], lambda t: schedules.inverse_root(t, 0.1), 1),
        (SCHEDULES["StepLR_10_0.5"]["epoch 0..49"], lambda t: schedules.step(t, 0.1, 10, 0.5), 0),
        (SCHEDULES["ExponentialLR_0.95"]["epoch 0..49"], lambda t: schedules.exponential(t, 0.1, 0.95), 0),
        (SCHEDULES["CosineAnnealingLR_50"]["epoch 0..49"], lambda t: schedules.cosine(t, 0.1, 50), 0),
        (SCHEDULES["MultiStepLR_[10,30]_0.1"]["epoch 0..49"], lambda t: schedules.steps(t, 0.1, (10, 30), 0.1), 0),
        (SCHEDULES["LinearLR_0.1->1_10"]["epoch 0..49"], lambda t: schedules.warm_up(t, 0.1, 10, 0.1), 0),
    ]
    for expected, rate, first in rows:
        np.testing.assert_allclose([rate(t) for t in range(first, first + len(expected))], expected, rtol=1e-13)
    peaks = [t for t in range(80) if restarts["seed_code"][t] == 0.1]
    assert peaks == restarts["restarts_at_epochs"] == [0, 10, 30, 70]
    assert schedules.constant(7, 0.3) == 0.3


def test_compiled_schedules() -> None:
    def rates(count, rate):
        total = np.zeros((5, count))
        for t in range(count):
            total[0, t] = schedules.cosine_restarts(t, rate, 3, 2, 0.01)
            total[1, t] = schedules.inverse(t + 1, rate, 4)
            total[2, t] = schedules.steps(t, rate, (2, 5), 0.1)
            total[3, t] = schedules.warm_up(t, rate, 4)
            total[4, t] = schedules.exponential(t, rate, 0.9) * schedules.step(t, 1.0, 2, 0.5)
        return total

    np.testing.assert_allclose(ad.jit(rates)(12, 0.1), rates(12, 0.1), rtol=1e-13)
    ad.check_grads(lambda rate: np.sum(rates(6, rate) ** 2), (0.1,))


# Clipping.
def by_the_rule(shape: tuple[int, ...], k: int) -> np.ndarray:
    return 8.0 * (0.5 * np.sin(1.0 + k + np.arange(float(np.prod(shape))))).reshape(shape)


def test_clipping() -> None:
    data, grads = LAYERS["clipping"], (by_the_rule((3, 2), 0), by_the_rule((4,), 1))
    assert clip.global_norm(grads) == pytest.approx(data["global_norm"], rel=1e-14)
    rows = [
        (data["clip_grad_norm_(1.0)"]["out"], lambda g: clip.by_norm(g, 1.0)),
        (data["clip_grad_norm_(100) (no-op)"], lambda g: clip.by_norm(g, 100.0)),
        (data["clip_grad_value_(2.0)"], lambda g: clip.by_value(g, 2.0)),
        (data["seed001_by_norm_a=1"]["out"], lambda g: clip.by_norm(g, 1.0, always=True)),
        (data["seed001_by_value(a=2,b=-1)"]["out"], lambda g: clip.by_value(g, 2.0, -1.0)),
    ]
    for expected, f in rows:
        for made in (f(grads), ad.jit(f)(grads)):
            for mine, theirs in zip(made, expected, strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=1e-13)
