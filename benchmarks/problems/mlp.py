"""A network 784-256-128-10 with tanh and cross entropy, a batch of 128: by its weights and biases."""

from __future__ import annotations

import itertools
import math

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain
from benchmarks.vector import tanh


def mlp(params, x, labels):
    h = np.tanh(x @ params["W1"] + params["b1"])
    h = np.tanh(h @ params["W2"] + params["b2"])
    scores = h @ params["W3"] + params["b3"]
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=1))
    return np.mean(log_sum - shifted[np.arange(len(labels)), labels])


@plain
def layer(x, w, b):
    out = np.dot(x, w)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = math.tanh(out[i, j] + b[j])
    return out


@plain
def cross_entropy(scores, labels):
    """The mean, and the scores overwritten by its gradient."""
    n = len(labels)
    total = 0.0
    for i in range(n):
        top = np.max(scores[i])
        summed = 0.0
        picked = scores[i, labels[i]] - top
        for j in range(scores.shape[1]):
            scores[i, j] = math.exp(scores[i, j] - top)
            summed += scores[i, j]
        total += math.log(summed) - picked
        for j in range(scores.shape[1]):
            scores[i, j] /= summed * n
        scores[i, labels[i]] -= 1.0 / n
    return total / n


@plain
def objective(w1, b1, w2, b2, w3, b3, x, labels):
    return cross_entropy(np.dot(layer(layer(x, w1, b1), w2, b2), w3) + b3, labels)


@plain
def through_tanh(h, h_bar):
    """The adjoint before tanh in place, and that of the bias."""
    b_bar = np.zeros(h.shape[1])
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            h_bar[i, j] *= 1.0 - h[i, j] * h[i, j]
            b_bar[j] += h_bar[i, j]
    return b_bar


@plain
def by_hand(w1, b1, w2, b2, w3, b3, x, labels):
    h1 = layer(x, w1, b1)
    h2 = layer(h1, w2, b2)
    scores = np.dot(h2, w3) + b3
    loss = cross_entropy(scores, labels)
    b3_bar = np.sum(scores, axis=0)
    w3_bar = np.dot(h2.T, scores)
    h2_bar = np.dot(scores, w3.T)
    b2_bar = through_tanh(h2, h2_bar)
    w2_bar = np.dot(h1.T, h2_bar)
    h1_bar = np.dot(h2_bar, w2.T)
    b1_bar = through_tanh(h1, h1_bar)
    return loss, np.dot(x.T, h1_bar), w2_bar, w3_bar, b1_bar, b2_bar, b3_bar


@fast
def fast_layer(x, w, b):
    out = np.dot(x, w)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = tanh(out[i, j] + b[j])
    return out


@fast
def best(w1, b1, w2, b2, w3, b3, x, labels):
    """As above, tanh as a vector."""
    h1 = fast_layer(x, w1, b1)
    h2 = fast_layer(h1, w2, b2)
    scores = np.dot(h2, w3) + b3
    loss = cross_entropy(scores, labels)
    b3_bar = np.sum(scores, axis=0)
    w3_bar = np.dot(h2.T, scores)
    h2_bar = np.dot(scores, w3.T)
    b2_bar = through_tanh(h2, h2_bar)
    w2_bar = np.dot(h1.T, h2_bar)
    h1_bar = np.dot(h2_bar, w2.T)
    b1_bar = through_tanh(h1, h1_bar)
    return loss, np.dot(x.T, h1_bar), w2_bar, w3_bar, b1_bar, b2_bar, b3_bar


def like_numpy(np):
    def objective(params, x, labels):
        h = np.tanh(x @ params["W1"] + params["b1"])
        h = np.tanh(h @ params["W2"] + params["b2"])
        scores = h @ params["W3"] + params["b3"]
        shifted = scores - np.max(scores, axis=1, keepdims=True)
        log_sum = np.log(np.sum(np.exp(shifted), axis=1))
        return np.mean(log_sum - shifted[np.arange(len(labels)), labels])

    return objective


def in_torch(torch):
    def objective(params, x, labels):
        h = torch.tanh(x @ params["W1"] + params["b1"])
        h = torch.tanh(h @ params["W2"] + params["b2"])
        return torch.nn.functional.cross_entropy(h @ params["W3"] + params["b3"], labels)

    return objective


def inputs(batch, *widths):
    rng = np.random.default_rng(0)
    params = {}
    for k, (n, m) in enumerate(itertools.pairwise(widths), 1):
        params[f"W{k}"] = rng.standard_normal((n, m)) / np.sqrt(n)
        params[f"b{k}"] = 0.1 * rng.standard_normal(m)
    return params, rng.random((batch, widths[0])), rng.integers(0, widths[-1], batch)


PROBLEM = Problem(
    name="mlp",
    text=__doc__,
    ours={"numpy": differentiated(mlp)},
    sizes={"784-256-128-10": lambda: inputs(128, 784, 256, 128, 10)},
    small=lambda: inputs(5, 7, 6, 4, 3),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax(like_numpy), "torch": peers.torch(in_torch), "autograd": peers.autograd(like_numpy)},
    flat=lambda args: (*args[0].values(), *args[1:]),
)
