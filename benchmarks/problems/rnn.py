"""A recurrent network, an LSTM cell of 32 hidden units over 100 steps: the squared distance of its last hidden state
to a target, by its weights. Hochreiter and Schmidhuber 1997, with forget gates."""

from __future__ import annotations

import math

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain
from benchmarks.vector import exp, tanh


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def rnn(w, u, b, x, target):
    n = len(target)
    h, c = np.zeros(n), np.zeros(n)
    for t in range(len(x)):
        gates = w @ x[t] + u @ h + b
        forget, ingate, outgate = sigmoid(gates[:n]), sigmoid(gates[n : 2 * n]), sigmoid(gates[2 * n : 3 * n])
        c = forget * c + ingate * np.tanh(gates[3 * n :])
        h = outgate * np.tanh(c)
    return np.sum((h - target) ** 2)


@plain
def objective(w, u, b, x, target):
    n = len(target)
    h, c, gates = np.zeros(n), np.zeros(n), np.empty(4 * n)
    for t in range(len(x)):
        for i in range(4 * n):
            s = b[i]
            for j in range(x.shape[1]):
                s += w[i, j] * x[t, j]
            for j in range(n):
                s += u[i, j] * h[j]
            gates[i] = s
        for i in range(n):
            f = 1.0 / (1.0 + math.exp(-gates[i]))
            g = 1.0 / (1.0 + math.exp(-gates[n + i]))
            o = 1.0 / (1.0 + math.exp(-gates[2 * n + i]))
            c[i] = f * c[i] + g * math.tanh(gates[3 * n + i])
            h[i] = o * math.tanh(c[i])
    total = 0.0
    for i in range(n):
        total += (h[i] - target[i]) ** 2
    return total


@plain
def cell_by_hand(z, given, b, gates, before, after, squashed, hidden):
    """Gates, the new cells, their tanh and the new hidden state of one step."""
    n = len(hidden)
    for i in range(3 * n):
        gates[i] = 1.0 / (1.0 + math.exp(-(z[i] + given[i] + b[i])))
    for i in range(3 * n, 4 * n):
        gates[i] = math.tanh(z[i] + given[i] + b[i])
    for i in range(n):
        after[i] = gates[i] * before[i] + gates[n + i] * gates[3 * n + i]
        squashed[i] = math.tanh(after[i])
        hidden[i] = gates[2 * n + i] * squashed[i]


@fast
def best_cell(z, given, b, gates, before, after, squashed, hidden):
    """The same with exp and tanh as vectors."""
    n = len(hidden)
    for i in range(3 * n):
        gates[i] = 1.0 / (1.0 + exp(-(z[i] + given[i] + b[i])))
    for i in range(3 * n, 4 * n):
        gates[i] = tanh(z[i] + given[i] + b[i])
    for i in range(n):
        after[i] = gates[i] * before[i] + gates[n + i] * gates[3 * n + i]
        squashed[i] = tanh(after[i])
        hidden[i] = gates[2 * n + i] * squashed[i]


@plain
def cell_adjoint(gates, before, squashed, h_bar, c_bar, z_bar):
    """One step back, from derivatives that are products of what was kept."""
    n = len(h_bar)
    for i in range(n):
        f, g, o, a = gates[i], gates[n + i], gates[2 * n + i], gates[3 * n + i]
        s = squashed[i]
        whole = c_bar[i] + h_bar[i] * o * (1.0 - s * s)
        z_bar[i] = whole * before[i] * f * (1.0 - f)
        z_bar[n + i] = whole * a * g * (1.0 - g)
        z_bar[2 * n + i] = h_bar[i] * s * o * (1.0 - o)
        z_bar[3 * n + i] = whole * g * (1.0 - a * a)
        c_bar[i] = whole * f


@plain
def back(u, x, target, hidden, cells, gates, squashed):
    """The value, and the way back; products are calls of BLAS."""
    n, steps = len(target), len(x)
    h_bar, c_bar = 2.0 * (hidden[steps] - target), np.zeros(n)
    total = 0.25 * np.sum(h_bar * h_bar)
    z_bar = np.empty((steps, 4 * n))
    transposed = np.ascontiguousarray(u.T)
    for t in range(steps - 1, -1, -1):
        cell_adjoint(gates[t], cells[t], squashed[t], h_bar, c_bar, z_bar[t])
        np.dot(transposed, z_bar[t], h_bar)
    return total, np.dot(z_bar.T, x), np.dot(z_bar.T, hidden[:steps]), np.sum(z_bar, axis=0)


@plain
def by_hand(w, u, b, x, target):
    """Gates and states of each step are kept."""
    n, steps = len(target), len(x)
    hidden, cells = np.zeros((steps + 1, n)), np.zeros((steps + 1, n))
    gates, squashed = np.empty((steps, 4 * n)), np.empty((steps, n))
    given, z = np.dot(x, w.T), np.empty(4 * n)
    for t in range(steps):
        np.dot(u, hidden[t], z)
        cell_by_hand(z, given[t], b, gates[t], cells[t], cells[t + 1], squashed[t], hidden[t + 1])
    return back(u, x, target, hidden, cells, gates, squashed)


@fast
def best(w, u, b, x, target):
    """The same with the faster cell."""
    n, steps = len(target), len(x)
    hidden, cells = np.zeros((steps + 1, n)), np.zeros((steps + 1, n))
    gates, squashed = np.empty((steps, 4 * n)), np.empty((steps, n))
    given, z = np.dot(x, w.T), np.empty(4 * n)
    for t in range(steps):
        np.dot(u, hidden[t], z)
        best_cell(z, given[t], b, gates[t], cells[t], cells[t + 1], squashed[t], hidden[t + 1])
    return back(u, x, target, hidden, cells, gates, squashed)


def cell(np, sigmoid, w, u, b, x, h, c):
    n = h.shape[0]
    gates = w @ x + u @ h + b
    forget, ingate, outgate = sigmoid(gates[:n]), sigmoid(gates[n : 2 * n]), sigmoid(gates[2 * n : 3 * n])
    c = forget * c + ingate * np.tanh(gates[3 * n :])
    return outgate * np.tanh(c), c


def in_jax(np):
    import jax

    def objective(w, u, b, x, target):
        def step(state, now):
            return cell(np, jax.nn.sigmoid, w, u, b, now, *state), None

        start = np.zeros(len(target)), np.zeros(len(target))
        return np.sum((jax.lax.scan(step, start, x)[0][0] - target) ** 2)

    return objective


def recorded(np, sigmoid):
    def objective(w, u, b, x, target):
        h = c = 0.0 * target
        for t in range(len(x)):
            h, c = cell(np, sigmoid, w, u, b, x[t], h, c)
        return np.sum((h - target) ** 2)

    return objective


def in_autograd(np):
    return recorded(np, lambda x: 1.0 / (1.0 + np.exp(-x)))


def in_torch(torch):
    return recorded(torch, torch.sigmoid)


def inputs(steps, width, hidden):
    rng = np.random.default_rng(0)
    w = rng.standard_normal((4 * hidden, width)) / np.sqrt(width)
    u = rng.standard_normal((4 * hidden, hidden)) / np.sqrt(hidden)
    b, x = 0.1 * rng.standard_normal(4 * hidden), rng.standard_normal((steps, width))
    return w, u, b, x, rng.standard_normal(hidden)


ALL = (0, 1, 2)
PROBLEM = Problem(
    name="rnn",
    text=__doc__,
    ours={"numpy": differentiated(rnn, argnums=ALL)},
    sizes={"H32 T100": lambda: inputs(100, 8, 32)},
    small=lambda: inputs(4, 3, 2),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax(in_jax, argnums=ALL),
        "torch": peers.torch(in_torch, argnums=ALL),
        "autograd": peers.autograd(in_autograd, argnums=ALL),
    },
)
