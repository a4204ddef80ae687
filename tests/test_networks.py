"""Layers, activations, losses, weights to begin with: PyTorch's figures, and NumPy's where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.kernels import activations, init, layers, losses, recurrent

LAYERS = json.loads((Path(__file__).parent / "data" / "layers.json").read_text())
RNG = np.random.default_rng(3)


def rule(k: int, *shape: int) -> np.ndarray:
    return 0.5 * np.sin(1 + k + np.arange(int(np.prod(shape)))).reshape(shape)


def close(a: Any, b: Any, atol: float = 1e-12) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=atol)


def slopes(f: Any, args: tuple[Any, ...], k: int, v: np.ndarray, h: float = 1e-5) -> float:
    """The derivative along v by central differences, of fourth order."""

    def at(t: float) -> float:
        return float(f(*args[:k], args[k] + t * v, *args[k + 1 :]))

    return (8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12.0 * h)


# Activations.
POINTS = np.array(LAYERS["activations"]["points"])
NAMES = ("relu", "elu", "leaky_relu", "selu", "softplus", "sigmoid", "tanh", "gelu")


def totals(x):
    """Every activation, weighted so that each can be told from the others: rows of a matrix."""
    out = np.empty((8, len(x)))
    out[0] = activations.relu(x)
    out[1] = activations.elu(x)
    out[2] = activations.leaky_relu(x)
    out[3] = activations.selu(x)
    out[4] = activations.softplus(x)
    out[5] = activations.sigmoid(x)
    out[6] = activations.tanh(x)
    out[7] = activations.gelu(x)
    return out


def test_activations() -> None:
    known = LAYERS["activations"]
    ones = np.ones_like(POINTS)

    def slope(x):
        return ad.jvp(totals)((x,), (ones,))[1]

    values, first, second = (
        f(POINTS) for f in (ad.jit(totals), ad.jit(slope), lambda x: ad.jvp(slope)((x,), (ones,))[1])
    )
    smooth = POINTS != 0.0  # at kinks PyTorch takes a side, as does it in second derivatives
    for k, name in enumerate(NAMES):
        close(values[k], known[name]["value"])
        kinks = smooth if name in ("selu", "leaky_relu", "relu") else smooth | True
        close(first[k][kinks], np.array(known[name]["grad"])[kinks])
        close(second[k][smooth], np.array(known[name]["second"])[smooth])
        close(getattr(activations, name)(POINTS), values[k])
    np.testing.assert_array_equal(first[:3, POINTS == 0.0].ravel(), [0.0, 1.0, 0.01])


def test_activations_far_out() -> None:
    far = np.array([-np.inf, -1e4, 1e4, np.inf])
    with np.errstate(invalid="ignore"):
        assert list(activations.relu(far)) == [0.0, 0.0, 1e4, np.inf]
        close(activations.elu(far)[1:3], [-1.0, 1e4])
        close(activations.softplus(far), [0.0, 0.0, 1e4, np.inf])
    single = np.linspace(-2.0, 2.0, 5, dtype=np.float32)
    assert all(getattr(activations, name)(single).dtype == np.float32 for name in NAMES)


def test_softmax() -> None:
    def f(x):
        return np.sum(activations.softmax(x) * rule(3, 2, 3)) + activations.log_softmax(x[0])[1]

    x = np.array([[1.0, 2.0, 800.0], [-900.0, 0.5, 0.6]])
    close(np.sum(activations.softmax(x), axis=1), [1.0, 1.0])
    x = rule(1, 2, 3)
    g, v = ad.grad(f)(x), rule(7, 2, 3)
    close(np.sum(g * v), slopes(f, (x,), 0, v), 1e-9)


# Losses.
def test_losses_against_pytorch() -> None:
    for name, f, args, scale in (
        ("cross_entropy_mean", losses.cross_entropy, (6 * rule(0, 5, 4), np.array([0, 3, 1, 2, 3])), 1),
        ("bce_logits_sum", losses.binary_cross_entropy, tuple(np.array(LAYERS["bce_logits_sum"][k]) for k in "zt"), 5),
        ("huber_delta1", losses.huber, (np.array(LAYERS["huber_delta1"]["x"]), np.zeros(7)), 7),
        ("mse_mean", losses.squared, (np.array(LAYERS["mse_mean"]["x"]), np.zeros(7)), 1),
    ):
        value, grad = ad.value_and_grad(f)(*args)
        close(scale * value, LAYERS[name]["loss"])
        close(scale * grad, LAYERS[name]["grad"])
        close(f(*args), value)


def test_hinges_and_penalties() -> None:
    scores, signs = np.array([2.0, 0.3, -0.5, 1.0]), np.array([1.0, 1.0, -1.0, 1.0])
    value, grad = ad.value_and_grad(losses.hinge)(scores, signs)
    assert value == (0.0 + 0.7 + 0.5 + 0.0) / 4
    np.testing.assert_array_equal(grad, [0.0, -0.25, 0.25, 0.0])
    value, (right, wrong) = ad.value_and_grad(losses.contrastive_hinge, argnums=(0, 1))(scores, scores[::-1].copy())
    close(value, np.mean(np.maximum(0.0, 1.0 - scores + scores[::-1])))
    np.testing.assert_array_equal(right, -wrong)

    def penalty(params, a, b):
        return a * losses.l2(params) + b * losses.l1(params) + losses.absolute(params["w"], 1.0)

    params = {"w": np.array([[1.5, -2.0]]), "b": -0.5}
    value, grad = ad.value_and_grad(penalty)(params, 2.0, 3.0)
    close(value, 1.5**2 + 2.0**2 + 0.5**2 + 3.0 * 4.0 + (0.5 + 3.0) / 2)
    close(grad["w"], [[3.0 + 3.0 + 0.5, -4.0 - 3.0 - 0.5]])
    close(grad["b"], -1.0 - 3.0)


def test_hierarchical_softmax() -> None:
    """Four classes at the leaves of a tree of three nodes: their probabilities sum to one."""
    hidden, nodes = rule(0, 4, 5), 2 * rule(9, 3, 5)
    paths = np.array([[0, 1], [0, 1], [0, 2], [0, 2]])
    codes = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    lengths = np.array([2, 2, 2, 2])
    f = losses.hierarchical
    same = np.tile(hidden[0], (4, 1))
    each = [f(same[:1], nodes, codes[k : k + 1], paths[k : k + 1], lengths[:1]) for k in range(4)]
    close(np.sum(np.exp(-np.array(each))), 1.0)
    value, grads = ad.value_and_grad(f, argnums=(0, 1))(hidden, nodes, codes, paths, lengths)
    close(value, f(hidden, nodes, codes, paths, lengths))
    for k, g in enumerate(grads):
        v = rule(4, *g.shape)
        close(np.sum(g * v), slopes(f, (hidden, nodes, codes, paths, lengths), k, v), 1e-9)


# Layers.
def test_batch_norm() -> None:
    known = LAYERS["BatchNorm1d_train"]
    x, gamma, beta, seed = 4 * rule(0, 6, 3), 1 + rule(1, 3), rule(2, 3), rule(3, 6, 3)
    running = layers.Running(np.zeros(3), np.ones(3))

    def f(x, gamma, beta):
        return np.sum(layers.batch_norm(x, gamma, beta, running)[0] * seed)

    for name, g in zip(("x", "gamma", "beta"), ad.grad(f, argnums=(0, 1, 2))(x, gamma, beta), strict=True):
        close(g, known["grads"][name])
    y, kept = layers.batch_norm(x, gamma, beta, running)
    close(y, known["y"])
    close(kept.mean, known["running_mean"])
    close(kept.variance, known["running_var"])
    close(layers.batch_norm_fixed(x, gamma, beta, kept), known["y_eval_after_one_train_step"])

    def g(x, gamma, beta):
        return np.sum(layers.layer_norm(x, gamma, beta) * seed)

    grads = ad.grad(g, argnums=(0, 1, 2))(x, gamma, beta)
    for k, grad in enumerate(grads):
        v = rule(5, *grad.shape)
        close(np.sum(grad * v), slopes(g, (x, gamma, beta), k, v), 1e-8)


def normalized(x, gamma, beta, targets):
    """All normalizations, one on top of the other, and losses of each."""
    running = layers.Running(np.zeros_like(gamma), np.ones_like(gamma))
    y, _ = layers.batch_norm(x, gamma, beta, running)  # gradients do not flow into what it keeps
    z = layers.layer_norm(activations.elu(y), gamma, beta)
    fixed = layers.batch_norm_fixed(z, gamma, beta, running)
    return (
        losses.binary_cross_entropy(y, targets)
        + losses.huber(activations.selu(z), targets)
        + losses.squared(activations.leaky_relu(fixed), targets)
        + losses.contrastive_hinge(np.sum(z * z * targets, axis=1), np.sum(y, axis=1))
        + 0.1 * losses.l2((gamma, beta))
    )


def test_normalizations_on_top_of_each_other() -> None:
    args = rule(1, 5, 3), 1 + rule(2, 3), rule(3, 3), 0.5 + rule(4, 5, 3)
    value, grads = ad.value_and_grad(normalized, argnums=(0, 1, 2, 3))(*args)
    close(value, normalized(*args))
    for k, g in enumerate(grads):
        v = rule(5, *g.shape)
        close(np.sum(g * v), slopes(normalized, args, k, v), 1e-8)


def direct(x: np.ndarray, k: np.ndarray, b: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """A convolution patch by patch."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows, columns = ((x.shape[2 + a] - k.shape[2 + a]) // stride + 1 for a in range(2))
    out = np.empty((len(x), len(k), rows, columns))
    for i in range(rows):
        for j in range(columns):
            patch = x[:, :, i * stride : i * stride + k.shape[2], j * stride : j * stride + k.shape[3]]
            out[:, :, i, j] = np.einsum("ncab,ocab->no", patch, k) + b
    return out


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_convolution_in_python(stride: int, padding: int) -> None:
    x, k, b = RNG.normal(size=(2, 3, 7, 6)), RNG.normal(size=(4, 3, 3, 2)), RNG.normal(size=4)
    close(layers.convolve2d(x, k, b, stride, padding), direct(x, k, b, stride, padding))
    flat = direct(x[:, :, :1], k[:, :, :1], b, stride, 0)[:, :, 0]
    close(layers.convolve1d(x[:, :, 0], k[:, :, 0], b, stride), flat)


def network(x, k, b, w):
    """Convolution, relu, both poolings, dropout."""
    y = layers.convolve2d(x, k, b, 2, 1)
    y = layers.max_pool2d(activations.elu(y), 2) + layers.mean_pool2d(np.sin(y), 2)
    z = layers.convolve1d(y.reshape(2, 4, 4), w, b, 1, 1)
    return np.sum(layers.dropout(z, 3, 0.3) ** 2)


def test_convolution_compiled() -> None:
    args = (
        RNG.normal(size=(2, 3, 7, 8)),
        RNG.normal(size=(4, 3, 3, 2)),
        RNG.normal(size=4),
        RNG.normal(size=(4, 4, 2)),
    )
    value, grads = ad.value_and_grad(network, argnums=(0, 1, 2, 3))(*args)
    close(value, network(*args))
    for k, g in enumerate(grads):
        v = RNG.normal(size=g.shape)
        close(np.sum(g * v), slopes(network, args, k, v), 1e-7)


def test_pooling_of_rows() -> None:
    x = RNG.normal(size=(2, 3, 7))

    def f(x):
        return np.sum(layers.max_pool1d(x, 3) ** 2 * layers.mean_pool1d(x, 3))

    cut = x[:, :, :6].reshape(2, 3, 2, 3)
    close(layers.max_pool1d(x, 3), cut.max(axis=3))
    close(layers.mean_pool1d(x, 3), cut.mean(axis=3))
    (value, g), v = ad.value_and_grad(f)(x), RNG.normal(size=x.shape)
    close(value, f(x))
    close(np.sum(g * v), slopes(f, (x,), 0, v), 1e-8)


def test_dropout() -> None:
    mask = layers.dropout_mask(5, (200, 50), 0.3)
    kept = float(np.max(mask))
    assert set(np.unique(mask)) == {0.0, kept} and abs(kept - 1 / 0.7) < 1e-15 and abs(np.mean(mask) - 1.0) < 0.02
    np.testing.assert_array_equal(mask, ad.jit(lambda key: layers.dropout_mask(key, (200, 50), 0.3))(5))
    g = ad.grad(lambda x: np.sum(layers.dropout(x, 5, 0.3) * x))(np.ones((200, 50)))
    np.testing.assert_array_equal(g, 2 * mask)
    single = np.ones((4, 3), np.float32)
    f = ad.jit(lambda x: layers.dropout(x, 5, 0.3))
    assert f(single).dtype == layers.dropout(single, 5, 0.3).dtype == np.float32


# Weights to begin with.
@pytest.mark.parametrize("size", ["100x50", "3x500"])
def test_init(size: str) -> None:
    known = LAYERS["init"][size]
    shape = tuple(map(int, size.split("x")))
    n = shape[0] * shape[1]

    def within(w: np.ndarray, limit: float) -> None:
        assert limit * (1 - 20 / n) < np.max(np.abs(w)) <= limit
        assert abs(np.mean(w)) < 4 * limit / np.sqrt(3 * n)

    within(init.glorot_uniform(1, shape), known["glorot_uniform_bound sqrt(6/(fi+fo))"])
    within(init.glorot_uniform(2, shape, 4.0), known["sigmoid 4x bound (seed 003)"])
    within(init.he_uniform(3, shape), known["he_uniform_bound sqrt(6/fi)"])
    within(init.lecun_uniform(4, shape), np.sqrt(3 * known["lecun_var 1/fi"]))
    for f, variance in (
        (init.glorot_normal, "glorot_normal_var 2/(fi+fo)"),
        (init.he_normal, "he_normal_var 2/fan_in"),
        (init.lecun_normal, "lecun_var 1/fi"),
    ):
        assert abs(np.var(f(5, shape)) / known[variance] - 1.0) < 6 * np.sqrt(2 / n)


def test_init_compiled() -> None:
    def f(key):
        return init.glorot_uniform(key, (4, 3)), init.he_normal(key + 1, (2, 3, 5, 5), np.float32)

    for mine, theirs in zip(ad.jit(f)(7), f(7), strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
    assert f(7)[1].dtype == np.float32
    assert init.fans((4, 3)) == (4, 3) and init.fans((2, 3, 5, 5)) == (75, 50)


# Recurrent.
CELLS = {"RNNCell_tanh": (recurrent.rnn, 1), "LSTMCell": (recurrent.lstm, 4), "GRUCell": (recurrent.gru, 3)}


@pytest.mark.parametrize("name", CELLS)
def test_recurrent(name: str) -> None:
    """States, and gradients by all weights, inputs and states, through all of time and through two steps."""
    (cell, gates), known = CELLS[name], LAYERS[name]
    w = recurrent.Weights(rule(0, 4 * gates, 3), rule(1, 4 * gates, 4), rule(2, 4 * gates), rule(3, 4 * gates))
    xs, h, c, seed = rule(4, 5, 2, 3), rule(5, 2, 4), rule(6, 2, 4), rule(7, 2, 4)
    state = (h, c) if gates == 4 else h

    def loss(w, xs, state, every):
        return np.sum(recurrent.unrolled(cell, xs, state, w, every)[0][len(xs) - 1] * seed)

    hs, last = recurrent.unrolled(cell, xs, state, w)
    close(hs, known["h_t"])
    if gates == 4:
        close(last[1], known["c_t"][-1])
    gradient = ad.value_and_grad(loss, argnums=(0, 1, 2))
    value, (gw, gx, gs) = gradient(w, xs, state, 0)
    close(value, known["loss"])
    grads = gw._asdict() | {"x": gx, "h0": gs[0] if gates == 4 else gs} | ({"c0": gs[1]} if gates == 4 else {})
    assert grads.keys() == known["grads"].keys()
    for key, g in grads.items():
        close(g, known["grads"][key])
    value, (gw, _, _) = gradient(w, xs, state, 2)
    close(value, known["loss"])
    for key, g in known["truncated_bptt_k2_grads"].items():
        close(getattr(gw, key), g)
