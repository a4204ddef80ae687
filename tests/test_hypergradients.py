"""Derivatives of derivatives on known answers: hypergradients of optimizers, the Hessian of a network, the gradient of
its training with respect to learning rate, regularization and initial weights (tests/data)."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from test_jacobians import interpreted

import adcompiler as ad

DATA = Path(__file__).parent / "data"
HYPER = json.loads((DATA / "hypergrad.json").read_text(encoding="utf-8"))
MISC = json.loads((DATA / "misc.json").read_text(encoding="utf-8"))["moons_net"]
MOONS = json.loads((DATA / "moons.json").read_text(encoding="utf-8"))
CLOSE = {"rtol": 1e-11, "atol": 1e-11}

# f(x) = x'Ax / 2 - b'x
A = np.array([[4.0, 1.0, 0.0, 0.0], [1.0, 3.0, 1.0, 0.0], [0.0, 1.0, 2.0, 0.5], [0.0, 0.0, 0.5, 1.0]])
B = np.array([1.0, -2.0, 0.5, 3.0])
X0 = np.array([1.0, 1.0, -1.0, 2.0])
T = HYPER["T"]


def quadratic(x):
    return 0.5 * np.sum(x * (A @ x)) - np.sum(B * x)


def sgd(x, h):
    for _ in range(T):
        x = x - h["lr"] * ad.grad(quadratic)(x)
    return quadratic(x), x


def momentum(x, h):
    v = np.zeros(4)
    for _ in range(T):
        v = h["mu"] * v + ad.grad(quadratic)(x)
        x = x - h["lr"] * v
    return quadratic(x), x


def nesterov_torch(x, h):
    v = np.zeros(4)
    for _ in range(T):
        g = ad.grad(quadratic)(x)
        v = h["mu"] * v + g
        x = x - h["lr"] * (g + h["mu"] * v)
    return quadratic(x), x


def momentum_maclaurin(x, h):
    v = np.zeros(4)
    for _ in range(T):
        v = h["mu"] * v - (1.0 - h["mu"]) * ad.grad(quadratic)(x)
        x = x + h["lr"] * v
    return quadratic(x), x


def adam(x, h):
    m, v = np.zeros(4), np.zeros(4)
    for t in range(1, T + 1):
        g = ad.grad(quadratic)(x)
        m = h["b1"] * m + (1.0 - h["b1"]) * g
        v = h["b2"] * v + (1.0 - h["b2"]) * g * g
        x = x - h["lr"] * (m / (1.0 - h["b1"] ** t)) / (np.sqrt(v / (1.0 - h["b2"] ** t)) + h["eps"])
    return quadratic(x), x


def rmsprop_seed001(x, h):
    v = np.zeros(4)
    for _ in range(T):
        g = ad.grad(quadratic)(x)
        v = h["a"] * v + (1.0 - h["a"]) * g * g
        x = x - h["lr"] * g / np.sqrt(v + h["eps"])
    return quadratic(x), x


def adagrad_seed002(x, h):
    s = np.zeros(4)
    for _ in range(T):
        g = ad.grad(quadratic)(x)
        s += g * g
        x = x - h["lr"] * g / np.sqrt(s + h["eps"])
    return quadratic(x), x


def adadelta(x, h):
    v, d2 = np.zeros(4), np.zeros(4)
    for _ in range(T):
        g = ad.grad(quadratic)(x)
        v = h["rho"] * v + (1.0 - h["rho"]) * g * g
        d = np.sqrt(d2 + h["eps"]) / np.sqrt(v + h["eps"]) * g
        d2 = h["rho"] * d2 + (1.0 - h["rho"]) * d * d
        x = x - h["lr"] * d
    return quadratic(x), x


OPTIMIZERS = {f.__name__: f for f in (sgd, momentum, nesterov_torch, momentum_maclaurin, adam, rmsprop_seed001,
                                      adagrad_seed002, adadelta)}  # fmt: skip


def test_every_optimizer_of_the_data_is_here():
    assert {name.split("@")[0] for name in HYPER["results"]} == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_hypergradients(name):
    expected = HYPER["results"][f"{name}@quadratic4"]
    g = ad.value_and_grad(OPTIMIZERS[name], argnums=(0, 1), has_aux=True)
    (value, x_T), (x_bar, h_bar) = g(X0, expected["hyper"])
    np.testing.assert_allclose(value, expected["f_T"], **CLOSE)
    np.testing.assert_allclose(x_T, expected["x_T"], **CLOSE)
    np.testing.assert_allclose(x_bar, expected["d_x0"], **CLOSE)
    assert set(h_bar) == set(expected["d_hyper"])
    for key, value in expected["d_hyper"].items():
        np.testing.assert_allclose(h_bar[key], value, **CLOSE)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_hypergradients_in_forward_mode(name):
    expected = HYPER["results"][f"{name}@quadratic4"]
    f = OPTIMIZERS[name]
    J = ad.jacfwd(lambda h: f(X0, h)[0])(expected["hyper"])
    for key, value in expected["d_hyper"].items():
        np.testing.assert_allclose(J[key], value, **CLOSE)


# The moons network: two inputs, three hidden units, two classes.
X = np.array(MOONS["X"])
Y = np.eye(2)[MOONS["y"]]
N = len(X)


def unflattened(theta):
    theta = np.asarray(theta)
    return {"W1": theta[:6].reshape(2, 3).copy(), "b1": theta[6:9].copy(),
            "W2": theta[9:15].reshape(3, 2).copy(), "b2": theta[15:].copy()}  # fmt: skip


def flattened(p):
    return np.concatenate([np.ravel(p[k]) for k in ("W1", "b1", "W2", "b2")])


def data_loss(p):
    h = np.tanh(X @ p["W1"] + p["b1"])
    s = h @ p["W2"] + p["b2"]
    return -np.sum(Y * (s - np.log(np.sum(np.exp(s), axis=1, keepdims=True)))) / N


def loss(p, reg=0.01):
    return data_loss(p) + 0.5 * reg / N * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))


P0 = unflattened(MISC["theta0"])


def test_loss_and_gradient():
    value, g = ad.value_and_grad(loss)(P0)
    assert value == pytest.approx(MISC["loss"], abs=1e-14)
    np.testing.assert_allclose(flattened(g), MISC["grad"], **CLOSE)


def test_hessian_vector_product():
    v = unflattened(0.5 * np.sin(1.0 + np.arange(17)))
    (found,) = ad.hvp(lambda p: loss(p))((P0,), (v,))
    np.testing.assert_allclose(flattened(found), MISC["hvp"], **CLOSE)


@pytest.mark.parametrize("make", [ad.hessian, lambda f: ad.jacrev(ad.grad(f))], ids=["hessian", "reverse over reverse"])
def test_hessian(make):
    blocks = make(loss)(P0)
    keys = ("W1", "b1", "W2", "b2")
    H = np.block([[blocks[a][b].reshape(P0[a].size, P0[b].size) for b in keys] for a in keys])
    np.testing.assert_allclose(H, H.T, **CLOSE)
    np.testing.assert_allclose(np.trace(H), MISC["trace_H"], **CLOSE)
    np.testing.assert_allclose(np.diag(H), MISC["diag_H"], **CLOSE)
    spectrum = np.linalg.eigvalsh(H)
    np.testing.assert_allclose([spectrum[0], spectrum[-1]], MISC["eig_min_max"], **CLOSE)


def trace(p):
    """The Laplacian of the loss, by Hessian-vector products inside of a compiled function."""
    total = 0.0
    for i in range(2):
        for j in range(3):
            v = {"W1": np.zeros((2, 3)), "b1": np.zeros(3), "W2": np.zeros((3, 2)), "b2": np.zeros(2)}
            v["W1"][i, j] = 1.0
            total += ad.hvp(loss)((p, 0.01), (v, None))[0]["W1"][i, j]
    return total


def test_trace_by_products_in_a_program():
    assert ad.jit(trace)(P0) == pytest.approx(math.fsum(MISC["diag_H"][:6]), rel=1e-12)


def trained(p, lr, reg, steps):
    """Gradient descent on the regularized loss; then the loss of the data alone."""
    for _ in range(steps):
        g = ad.grad(loss)(p, reg)
        p = {
            "W1": p["W1"] - lr * g["W1"],
            "b1": p["b1"] - lr * g["b1"],
            "W2": p["W2"] - lr * g["W2"],
            "b2": p["b2"] - lr * g["b2"],
        }
    return data_loss(p)


@pytest.mark.parametrize(
    "run",
    [interpreted, pytest.param(lambda g, *args: g(*args), marks=pytest.mark.long)],
    ids=["interpreted", "compiled"],
)
def test_gradient_of_training(run):
    g = ad.value_and_grad(trained, argnums=(0, 1, 2))
    for steps, expected in MISC["train_gradient"].items():
        outer, (p_bar, lr_bar, reg_bar) = run(g, P0, 0.05, 0.01, int(steps))
        np.testing.assert_allclose(outer, expected["outer"], **CLOSE)
        np.testing.assert_allclose(flattened(p_bar), expected["d_theta0"], **CLOSE)
        np.testing.assert_allclose(lr_bar, expected["d_lr"], **CLOSE)
        np.testing.assert_allclose(reg_bar, expected["d_lambda"], **CLOSE)


def test_gradient_of_training_in_forward_mode():
    J = interpreted(ad.jacfwd(trained, argnums=(1, 2)), P0, 0.05, 0.01, 100)
    expected = MISC["train_gradient"]["100"]
    np.testing.assert_allclose(J, (expected["d_lr_forward_mode"], expected["d_lambda"]), **CLOSE)
