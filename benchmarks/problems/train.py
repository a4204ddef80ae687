"""Training a network on two moons, 20,000 full-batch steps in one compiled function: loss and parameters at the end.

Two inputs, three hidden units with tanh, two classes; the summed cross entropy plus half of 0.01 times the squares of
the matrices; each step goes 0.002 against the gradient."""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad
from benchmarks import peers
from benchmarks.problem import Ours, Problem, fast, plain
from benchmarks.vector import exp, tanh

DECAY, RATE = 0.01, 0.002


def loss(params, points, classes):
    hidden = np.tanh(points @ params["W1"] + params["b1"])
    scores = hidden @ params["W2"] + params["b2"]
    exponentials = np.exp(scores)
    probabilities = exponentials / np.sum(exponentials, axis=1, keepdims=True)
    data = -np.sum(np.log(probabilities[np.arange(len(classes)), classes]))
    return data + DECAY / 2.0 * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))


@ad.jit
def train(params, points, classes, steps):
    for _ in range(steps):
        gradient = ad.grad(loss)(params, points, classes)
        params = {
            "W1": params["W1"] - RATE * gradient["W1"],
            "b1": params["b1"] - RATE * gradient["b1"],
            "W2": params["W2"] - RATE * gradient["W2"],
            "b2": params["b2"] - RATE * gradient["b2"],
        }
    return loss(params, points, classes), params


@plain
def loss_by_hand(w1, b1, w2, b2, points, classes):
    n, k, m = len(points), len(b1), len(b2)
    h, s = np.empty(k), np.empty(m)
    total = 0.0
    for i in range(n):
        for j in range(k):
            h[j] = math.tanh(points[i, 0] * w1[0, j] + points[i, 1] * w1[1, j] + b1[j])
        summed = 0.0
        for c in range(m):
            s[c] = b2[c]
            for j in range(k):
                s[c] += h[j] * w2[j, c]
            summed += math.exp(s[c])
        total += math.log(summed) - s[classes[i]]
    return total + DECAY / 2.0 * (np.sum(w1 * w1) + np.sum(w2 * w2))


@plain
def by_hand(w1, b1, w2, b2, points, classes, steps):
    """Forward and back point by point: nothing is kept."""
    n, k, m = len(points), len(b1), len(b2)
    w1, b1, w2, b2 = w1.copy(), b1.copy(), w2.copy(), b2.copy()
    w1_bar, b1_bar = np.empty_like(w1), np.empty_like(b1)
    w2_bar, b2_bar = np.empty_like(w2), np.empty_like(b2)
    h, s = np.empty(k), np.empty(m)
    for _ in range(steps):
        for j in range(k):
            w1_bar[0, j], w1_bar[1, j] = DECAY * w1[0, j], DECAY * w1[1, j]
            b1_bar[j] = 0.0
            for c in range(m):
                w2_bar[j, c] = DECAY * w2[j, c]
        b2_bar[:] = 0.0
        for i in range(n):
            x, y = points[i, 0], points[i, 1]
            for j in range(k):
                h[j] = math.tanh(x * w1[0, j] + y * w1[1, j] + b1[j])
            summed = 0.0
            for c in range(m):
                score = b2[c]
                for j in range(k):
                    score += h[j] * w2[j, c]
                s[c] = math.exp(score)
                summed += s[c]
            for c in range(m):
                s[c] /= summed
            s[classes[i]] -= 1.0
            for c in range(m):
                b2_bar[c] += s[c]
            for j in range(k):
                g = 0.0
                for c in range(m):
                    w2_bar[j, c] += h[j] * s[c]
                    g += s[c] * w2[j, c]
                g *= 1.0 - h[j] * h[j]
                b1_bar[j] += g
                w1_bar[0, j] += g * x
                w1_bar[1, j] += g * y
        for j in range(k):
            w1[0, j] -= RATE * w1_bar[0, j]
            w1[1, j] -= RATE * w1_bar[1, j]
            b1[j] -= RATE * b1_bar[j]
            for c in range(m):
                w2[j, c] -= RATE * w2_bar[j, c]
        for c in range(m):
            b2[c] -= RATE * b2_bar[c]
    return loss_by_hand(w1, b1, w2, b2, points, classes), w1, w2, b1, b2


@fast
def forward(w1, b1, w2, b2, x, y, h, s):
    """Hidden units, and what each class gets of each point (its probability), points side by side."""
    n = len(x)
    for j in range(len(b1)):
        u, v, b = w1[0, j], w1[1, j], b1[j]
        for i in range(n):
            h[j, i] = tanh(x[i] * u + y[i] * v + b)
    summed = s[len(b2)]
    for i in range(n):
        summed[i] = 0.0
    for c in range(len(b2)):
        for i in range(n):
            s[c, i] = b2[c]
        for j in range(len(b1)):
            v = w2[j, c]
            for i in range(n):
                s[c, i] += h[j, i] * v
        for i in range(n):
            e = exp(s[c, i])
            s[c, i] = e
            summed[i] += e
    for i in range(n):
        summed[i] = 1.0 / summed[i]
    for c in range(len(b2)):
        for i in range(n):
            s[c, i] *= summed[i]


@fast
def step(w1, b1, w2, b2, x, y, h, s, g, wanted):
    """The adjoints, sum by sum, and a step against them."""
    n, k, m = len(x), len(b1), len(b2)
    for c in range(m):
        total = 0.0
        for i in range(n):
            s[c, i] -= wanted[c, i]
            total += s[c, i]
        b2[c] -= RATE * total
    for j in range(k):
        for i in range(n):
            g[i] = 0.0
        for c in range(m):
            v = w2[j, c]
            total = 0.0
            for i in range(n):
                g[i] += s[c, i] * v
                total += s[c, i] * h[j, i]
            w2[j, c] -= RATE * (total + DECAY * v)
        by_x = by_y = by_one = 0.0
        for i in range(n):
            d = g[i] * (1.0 - h[j, i] * h[j, i])
            by_one += d
            by_x += d * x[i]
            by_y += d * y[i]
        w1[0, j] -= RATE * (by_x + DECAY * w1[0, j])
        w1[1, j] -= RATE * (by_y + DECAY * w1[1, j])
        b1[j] -= RATE * by_one


@fast
def best(w1, b1, w2, b2, points, classes, steps):
    """All points side by side in each loop; tanh and exp as vectors."""
    n, k, m = len(points), len(b1), len(b2)
    w1, b1, w2, b2 = w1.copy(), b1.copy(), w2.copy(), b2.copy()
    x, y, g = np.empty(n), np.empty(n), np.empty(n)
    h, s, wanted = np.empty((k, n)), np.empty((m + 1, n)), np.zeros((m, n))
    for i in range(n):
        x[i], y[i] = points[i, 0], points[i, 1]
        wanted[classes[i], i] = 1.0
    for _ in range(steps):
        forward(w1, b1, w2, b2, x, y, h, s)
        step(w1, b1, w2, b2, x, y, h, s, g, wanted)
    return loss_by_hand(w1, b1, w2, b2, points, classes), w1, w2, b1, b2


def moons():
    """Two interleaved half circles of 100 points each, with noise, in scikit-learn's order: points and classes."""
    random = np.random.RandomState(0)
    t = np.linspace(0.0, np.pi, 100)
    outer, inner = np.c_[np.cos(t), np.sin(t)], np.c_[1.0 - np.cos(t), 0.5 - np.sin(t)]
    points, classes = np.concatenate([outer, inner]), np.repeat([0, 1], 100)
    order = np.arange(200)
    random.shuffle(order)
    return points[order] + random.normal(scale=0.2, size=(200, 2)), classes[order]


def inputs(steps):
    random = np.random.RandomState(0)
    first, second = random.randn(2, 3) / np.sqrt(2), random.randn(3, 2) / np.sqrt(3)
    params = {"W1": first, "b1": np.zeros(3), "W2": second, "b2": np.zeros(2)}
    return (params, *moons(), steps)


def written(np):
    def objective(params, points, classes):
        hidden = np.tanh(points @ params["W1"] + params["b1"])
        scores = hidden @ params["W2"] + params["b2"]
        exponentials = np.exp(scores)
        probabilities = exponentials / np.sum(exponentials, axis=1)[:, None]
        data = -np.sum(np.log(probabilities[np.arange(len(classes)), classes]))
        return data + DECAY / 2.0 * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))

    return objective


def in_jax(np):
    import jax

    objective = written(np)

    def trained(params, points, classes, steps):
        def step(_, params):
            gradient = jax.grad(objective)(params, points, classes)
            return jax.tree.map(lambda p, g: p - RATE * g, params, gradient)

        params = jax.lax.fori_loop(0, steps, step, params)
        return objective(params, points, classes), params

    return trained


def jax_steps(args):
    """A jitted step, called from Python."""
    jax = peers.the_jax()
    objective = written(jax.numpy)
    params, points, classes, steps = (*jax.tree.map(jax.numpy.asarray, args[:3]), args[3])

    @jax.jit
    def step(params):
        return jax.tree.map(lambda p, g: p - RATE * g, params, jax.grad(objective)(params, points, classes))

    def call():
        now = params
        for _ in range(steps):
            now = step(now)
        return jax.block_until_ready((objective(now, points, classes), now))

    return call


def in_torch(args):
    torch = peers.the_torch()

    def objective(params, points, classes):
        scores = torch.tanh(points @ params[0] + params[1]) @ params[2] + params[3]
        data = torch.nn.functional.cross_entropy(scores, classes, reduction="sum")
        return data + DECAY / 2.0 * (torch.sum(params[0] ** 2) + torch.sum(params[2] ** 2))

    start = [torch.tensor(p) for p in args[0].values()]
    points, classes = torch.tensor(args[1]), torch.tensor(args[2])

    def call():
        params = [p.clone().requires_grad_() for p in start]
        for _ in range(args[3]):
            gradients = torch.autograd.grad(objective(params, points, classes), params)
            with torch.no_grad():
                for p, g in zip(params, gradients, strict=True):
                    p -= RATE * g
        return objective(params, points, classes).detach(), [params[k].detach() for k in (0, 2, 1, 3)]

    return call


def in_autograd(args):
    autograd = peers.installed("autograd")
    objective = written(peers.installed("autograd.numpy"))
    gradient = autograd.grad(objective)

    def call():
        params, points, classes, steps = args
        for _ in range(steps):
            bars = gradient(params, points, classes)
            params = {name: p - RATE * bars[name] for name, p in params.items()}
        return objective(params, points, classes), params

    return call


PROBLEM = Problem(
    name="train",
    text=__doc__,
    ours={"numpy": Ours(train)},
    sizes={"20000 steps": lambda: inputs(20_000)},
    small=lambda: inputs(5),
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax_function(in_jax), "jax step": jax_steps, "torch": in_torch, "autograd": in_autograd},
    flat=lambda args: (*args[0].values(), *args[1:]),
    steps=lambda args: args[3],
)
