"""Hypergradients: the gradient of a loss after training, through every first-order optimizer of the library, with
respect to its rate, its other hyper-parameters, weight decay and initial weights."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.kernels import optim

HYPER = json.loads((Path(__file__).parent / "data" / "hypergrad.json").read_text())

# f(x) = x'Ax / 2 - b'x
MATRIX = np.array([[4, 1, 0, 0], [1, 3, 1, 0], [0, 1, 2, 0.5], [0, 0, 0.5, 1]])
RIGHT = np.array([1, -2, 0.5, 3])
START = np.array([1.0, 1.0, -1.0, 2.0])
STEPS = 20
DECAY = {"weight_decay": 0.05}

# The hyper-parameters that are differentiated, and what else is chosen.
HYPERS: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "sgd": ({"lr": 0.01, **DECAY}, {}),
    "momentum": ({"lr": 0.01, "momentum": 0.9, "dampening": 0.1, **DECAY}, {}),
    "nesterov": ({"lr": 0.01, "momentum": 0.9, **DECAY}, {}),
    "lookahead": ({"lr": 0.01, "momentum": 0.9}, {}),
    "adam": ({"lr": 0.1, "b1": 0.9, "b2": 0.999, "eps": 1e-8, **DECAY}, {}),
    "adamw": ({"lr": 0.1, "b1": 0.9, "b2": 0.999, "eps": 1e-8, **DECAY}, {}),
    "amsgrad": ({"lr": 0.1, "b1": 0.9, "b2": 0.99, "eps": 1e-8, **DECAY}, {}),
    "adamax": ({"lr": 0.05, "b1": 0.9, "b2": 0.99, "eps": 1e-3, **DECAY}, {}),
    "nadam": ({"lr": 0.02, "b1": 0.9, "b2": 0.999, "eps": 1e-8, "momentum_decay": 0.004, **DECAY}, {}),
    "adagrad": ({"lr": 0.1, "eps": 1e-8, **DECAY}, {"eps_inside": True}),
    "rmsprop": ({"lr": 0.01, "alpha": 0.9, "eps": 1e-8, "momentum": 0.5, **DECAY}, {}),
    "adadelta": ({"lr": 1.0, "rho": 0.9, "eps": 1e-6, **DECAY}, {}),
    "polyak": ({"lr": 0.01, **DECAY}, {}),
    "asgd": ({"lr": 0.05, "lambd": 1e-2, "alpha": 0.75, **DECAY}, {"t0": 10}),
}
# The figures of the data: the optimizer, and the names of its hyper-parameters there.
FIGURES = {
    "sgd": ("sgd", {}),
    "momentum": ("momentum", {"mu": "momentum"}),
    "nesterov": ("nesterov_torch", {"mu": "momentum"}),
    "adam": ("adam", {}),
    "adagrad": ("adagrad_seed002", {}),
    "rmsprop": ("rmsprop_seed001", {"a": "alpha"}),
    "adadelta": ("adadelta", {}),
}


def after(name: str) -> Any:
    """A function of (initial weights, hyper-parameters, data): the loss after training."""
    init, update = getattr(optim, name)
    update = functools.partial(update, **HYPERS[name][1])
    looks_ahead, averages = name == "lookahead", name in ("polyak", "asgd")

    def trained(x, hyper, matrix, right):
        state = init(x)
        for _ in range(STEPS):
            at = optim.ahead(x, state, hyper["momentum"]) if looks_ahead else x
            x, state = update(x, matrix @ at - right, state, **hyper)
        end = state.average if averages else x
        return 0.5 * end @ (matrix @ end) - right @ end

    return trained


def by_complex_step(g: Any) -> float:
    return g(1e-30j).imag / 1e-30


def by_differences(g: Any, h: float = 1e-4) -> float:
    """Of fourth order."""
    return (8.0 * (g(h) - g(-h)) - (g(2.0 * h) - g(-2.0 * h))) / (12.0 * h)


GRADIENTS = {name: ad.value_and_grad(after(name), argnums=(0, 1)) for name in HYPERS}


@pytest.mark.parametrize("name", HYPERS)
def test_hypergradients(name: str) -> None:
    """Against complex steps through the optimizer run by Python; adamax takes absolute values, so by differences."""
    f, hyper = after(name), HYPERS[name][0]
    slope, rtol = (by_differences, 1e-8) if name == "adamax" else (by_complex_step, 1e-11)
    value, (x_bar, hyper_bar) = GRADIENTS[name](START, hyper, MATRIX, RIGHT)
    assert value == pytest.approx(f(START, hyper, MATRIX, RIGHT), rel=1e-12)
    of_x = [slope(lambda h, e=e: f(START + h * e, hyper, MATRIX, RIGHT)) for e in np.eye(4)]
    np.testing.assert_allclose(x_bar, of_x, rtol=rtol, atol=rtol)
    assert hyper_bar.keys() == hyper.keys()
    for key, found in hyper_bar.items():
        expected = slope(lambda h, key=key: f(START, {**hyper, key: hyper[key] + h}, MATRIX, RIGHT))
        assert found == pytest.approx(expected, rel=rtol, abs=rtol), key


@pytest.mark.parametrize("name", FIGURES)
def test_figures(name: str) -> None:
    theirs, names = FIGURES[name]
    data = HYPER["results"][f"{theirs}@quadratic4"]
    given = {names.get(k, k): v for k, v in data["hyper"].items()}
    hyper = {key: given.get(key, 0.0) for key in HYPERS[name][0]}
    value, (x_bar, hyper_bar) = GRADIENTS[name](START, hyper, MATRIX, RIGHT)
    assert value == pytest.approx(data["f_T"], rel=1e-12)
    np.testing.assert_allclose(x_bar, data["d_x0"], rtol=1e-12)
    for key, expected in data["d_hyper"].items():
        assert hyper_bar[names.get(key, key)] == pytest.approx(expected, rel=1e-12), key


def test_every_optimizer_is_here() -> None:
    known = {id(o) for o in vars(optim).values() if isinstance(o, optim.Optimizer)}
    assert {id(getattr(optim, name)) for name in HYPERS} == known
    assert HYPER["T"] == STEPS


def test_a_rate_learned_through_training() -> None:
    """Gradient descent on the logarithm of the rate, in one compiled program around 30 trainings."""
    trained = after("sgd")

    def learned(x, lr, matrix, right):
        for _ in range(30):
            lr_bar = ad.grad(trained, argnums=1)(x, {"lr": lr}, matrix, right)["lr"]
            lr = lr * np.exp(-0.05 * lr * lr_bar)
        return lr

    lr = ad.jit(learned)(START, 0.01, MATRIX, RIGHT)
    least = 0.5 * RIGHT @ np.linalg.solve(MATRIX, -RIGHT)
    assert trained(START, {"lr": 0.01}, MATRIX, RIGHT) > least + 2.0
    assert trained(START, {"lr": lr}, MATRIX, RIGHT) < least + 0.2
