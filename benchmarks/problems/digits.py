"""Training a network on digits, by mini-batches: 64 inputs, 64 hidden units with tanh, 10 classes, cross entropy.

Batches of 32 of 1,088 rows in their order, momentum 0.9, rate 0.05; the mean loss of the last epoch, and the
parameters at the end. The pixels are random numbers in 16 steps, as scikit-learn's digits have them, and the classes
those of a random linear map."""

from __future__ import annotations

import math

import numpy as np

from adcompiler.kernels import losses, optim, train
from benchmarks import peers
from benchmarks.problem import Ours, Problem, fast, plain
from benchmarks.vector import exp, tanh

BATCH, RATE, MOMENTUM, ROWS = 32, 0.05, 0.9, 1088


def loss(params, x, y):
    hidden = np.tanh(x @ params["w"] + params["b"])
    return losses.cross_entropy(hidden @ params["v"] + params["c"], y)


FIT = train.trainer(loss, optim.momentum, rate=RATE, batch=BATCH, order=train.in_order)


def trained(params, x, y, epochs):
    run = FIT(params, (x, y), epochs)
    return run.losses[-1, 0], run.params


@plain
def by_hand(w, b, v, c, x, y, epochs):
    """Products by NumPy, a new array for each."""
    w, b, v, c = w.copy(), b.copy(), v.copy(), c.copy()
    dw, db, dv, dc = np.zeros_like(w), np.zeros_like(b), np.zeros_like(v), np.zeros_like(c)
    total = 0.0
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), BATCH):
            part = x[start : start + BATCH]
            n = len(part)
            hidden = np.tanh(part @ w + b)
            p = hidden @ v + c
            for i in range(n):
                top = np.max(p[i])
                summed = 0.0
                for j in range(p.shape[1]):
                    p[i, j] -= top
                    summed += math.exp(p[i, j])
                k = y[start + i]
                total += math.log(summed) - p[i, k]
                for j in range(p.shape[1]):
                    p[i, j] = math.exp(p[i, j]) / (summed * n)
                p[i, k] -= 1.0 / n
            g = p @ v.T * (1.0 - hidden * hidden)
            dw = MOMENTUM * dw + part.T @ g
            db = MOMENTUM * db + np.sum(g, axis=0)
            dv = MOMENTUM * dv + hidden.T @ p
            dc = MOMENTUM * dc + np.sum(p, axis=0)
            w = w - RATE * dw
            b = b - RATE * db
            v = v - RATE * dv
            c = c - RATE * dc
    return total / len(x), b, c, v, w


@fast
def moved(p, d, g):
    """A step of momentum, in place."""
    p, d, g = p.reshape(-1), d.reshape(-1), g.reshape(-1)
    for k in range(len(p)):
        d[k] = MOMENTUM * d[k] + g[k]
        p[k] -= RATE * d[k]


@fast
def activated(h, b):
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            h[i, j] = tanh(h[i, j] + b[j])


@fast
def scored(p, c, y):
    """Probabilities less what is wanted, over the number of rows, in the place of scores; the loss."""
    n, m = p.shape
    total, one = 0.0, 1.0 / n
    for i in range(n):
        top = -np.inf
        for j in range(m):
            p[i, j] += c[j]
            top = max(top, p[i, j])
        for j in range(m):
            p[i, j] -= top
        k = y[i]
        total -= p[i, k]
        summed = 0.0
        for j in range(m):
            p[i, j] = exp(p[i, j])
            summed += p[i, j]
        total += math.log(summed)
        scale = one / summed
        for j in range(m):
            p[i, j] *= scale
        p[i, k] -= one
    return total


@fast
def pulled(g, h, gb):
    """Through tanh, and the sums of columns."""
    gb[:] = 0.0
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            g[i, j] *= 1.0 - h[i, j] * h[i, j]
            gb[j] += g[i, j]


@fast
def best(w, b, v, c, x, y, epochs):
    """Products into buffers made once, everything else in place, tanh and exp as vectors."""
    w, b, v, c = w.copy(), b.copy(), v.copy(), c.copy()
    dw, db, dv, dc = np.zeros_like(w), np.zeros_like(b), np.zeros_like(v), np.zeros_like(c)
    gw, gb, gv, gc = np.empty_like(w), np.empty_like(b), np.empty_like(v), np.empty_like(c)
    hs, ps, gs = np.empty((BATCH, len(b))), np.empty((BATCH, len(c))), np.empty((BATCH, len(b)))
    total = 0.0
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), BATCH):
            part = x[start : start + BATCH]
            n = len(part)
            h, p, g = hs[:n], ps[:n], gs[:n]
            np.dot(part, w, h)
            activated(h, b)
            np.dot(h, v, p)
            total += scored(p, c, y[start : start + BATCH])
            np.dot(p, v.T, g)
            np.dot(h.T, p, gv)
            for j in range(len(c)):
                gc[j] = 0.0
            for i in range(n):
                for j in range(len(c)):
                    gc[j] += p[i, j]
            pulled(g, h, gb)
            np.dot(part.T, g, gw)
            moved(w, dw, gw)
            moved(b, db, gb)
            moved(v, dv, gv)
            moved(c, dc, gc)
    return total / len(x), b, c, v, w


def inputs(rows, epochs):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 17, size=(rows, 64)) / 16.0
    y = np.argmax((x - 0.5) @ rng.normal(size=(64, 10)), axis=1)
    params = {
        "w": rng.normal(size=(64, 64)) / 8.0,
        "b": np.zeros(64),
        "v": rng.normal(size=(64, 10)) / 8.0,
        "c": np.zeros(10),
    }
    return params, x, y, epochs


def in_jax(np, jax):
    """One step, and the loss before it."""

    def objective(params, x, y):
        scores = np.tanh(x @ params["w"] + params["b"]) @ params["v"] + params["c"]
        return np.mean(jax.nn.logsumexp(scores, axis=1) - scores[np.arange(len(y)), y])

    def step(params, velocity, x, y):
        value, grads = jax.value_and_grad(objective)(params, x, y)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, grads)
        return jax.tree.map(lambda p, v: p - RATE * v, params, velocity), velocity, value

    return step


def jax_loop(np):
    """All steps in one compiled program."""
    import jax

    step = in_jax(np, jax)

    def run(params, x, y, epochs):
        count = len(x) // BATCH

        def body(t, carried):
            params, velocity, total = carried
            start = t % count * BATCH
            part = jax.lax.dynamic_slice_in_dim(x, start, BATCH), jax.lax.dynamic_slice_in_dim(y, start, BATCH)
            params, velocity, value = step(params, velocity, *part)
            return params, velocity, np.where(start == 0, 0.0, total) + value / count

        zeros = jax.tree.map(np.zeros_like, params)
        params, _, total = jax.lax.fori_loop(0, count * epochs, body, (params, zeros, 0.0))
        return total, params

    return run


def jax_steps(args):
    """A jitted step, called from Python."""
    jax = peers.the_jax()
    params, x, y, epochs = args
    step = jax.jit(in_jax(jax.numpy, jax))
    params = {k: jax.numpy.asarray(p) for k, p in params.items()}
    parts = [
        (jax.numpy.asarray(x[k : k + BATCH]), jax.numpy.asarray(y[k : k + BATCH])) for k in range(0, len(x), BATCH)
    ]

    def call():
        now, velocity = params, jax.tree.map(jax.numpy.zeros_like, params)
        total = 0.0
        for _ in range(epochs):
            total = 0.0
            for part in parts:
                now, velocity, value = step(now, velocity, *part)
                total += value / len(parts)
        return jax.block_until_ready((total, now))

    return call


def in_torch(args):
    torch = peers.the_torch()
    params, x, y, epochs = args
    x, y = torch.tensor(x), torch.tensor(y)

    def call():
        w, b, v, c = live = [torch.tensor(p).requires_grad_() for p in params.values()]
        optimizer = torch.optim.SGD(live, lr=RATE, momentum=MOMENTUM)
        total = 0.0
        for _ in range(epochs):
            total = 0.0
            for k in range(0, len(x), BATCH):
                optimizer.zero_grad()
                scores = torch.tanh(x[k : k + BATCH] @ w + b) @ v + c
                value = torch.nn.functional.cross_entropy(scores, y[k : k + BATCH])
                value.backward()
                optimizer.step()
                total += float(value.detach()) * BATCH / len(x)
        return total, [p.detach() for p in (b, c, v, w)]

    return call


def in_autograd(args):
    autograd, anp = peers.installed("autograd"), peers.installed("autograd.numpy")

    def objective(params, x, y):
        scores = anp.dot(anp.tanh(anp.dot(x, params["w"]) + params["b"]), params["v"]) + params["c"]
        top = anp.max(scores, axis=1, keepdims=True)
        total = anp.log(anp.sum(anp.exp(scores - top), axis=1)) + top[:, 0]
        return anp.mean(total - scores[np.arange(len(y)), y])

    gradient = autograd.value_and_grad(objective)

    def call():
        params, x, y, epochs = args
        velocity = {k: np.zeros_like(p) for k, p in params.items()}
        total = 0.0
        for _ in range(epochs):
            total = 0.0
            for k in range(0, len(x), BATCH):
                value, grads = gradient(params, x[k : k + BATCH], y[k : k + BATCH])
                velocity = {k: MOMENTUM * velocity[k] + grads[k] for k in params}
                params = {k: params[k] - RATE * velocity[k] for k in params}
                total += value * BATCH / len(x)
        return total, params

    return call


PROBLEM = Problem(
    name="digits",
    text=__doc__,
    ours={"trainer": Ours(trained)},
    sizes={"20 epochs": lambda: inputs(ROWS, 20)},
    small=lambda: inputs(3 * BATCH, 2),
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax_function(jax_loop, static=(3,)), "jax step": jax_steps, "torch": in_torch,
        "autograd": in_autograd,
    },
    flat=lambda args: (*args[0].values(), *args[1:]),
    steps=lambda args: len(args[1]) // BATCH * args[3],
)  # fmt: skip
