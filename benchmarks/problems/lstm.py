"""ADBench's lstm: the loss of a character model with diagonal weights. Srajer et al. 2018, section 4.4."""

from __future__ import annotations

import math

import numpy as np

from benchmarks import peers
from benchmarks.adbench import lstm_file, reference
from benchmarks.problem import Problem, differentiated, plain, plain_part
from benchmarks.problems.lstm_lanes import best


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def lstm(main, extra, state, sequence):
    characters, bits = sequence.shape
    layers = main.shape[0] // 2
    z = np.zeros(bits)
    total = 0.0
    for t in range(characters - 1):
        for i in range(bits):
            z[i] = sequence[t, i] * extra[0, i]
        for layer in range(layers):
            weight, bias = main[2 * layer], main[2 * layer + 1]
            hidden, cell = state[2 * layer], state[2 * layer + 1]
            for i in range(bits):
                forget = sigmoid(z[i] * weight[i] + bias[i])
                ingate = sigmoid(hidden[i] * weight[bits + i] + bias[bits + i])
                outgate = sigmoid(z[i] * weight[2 * bits + i] + bias[2 * bits + i])
                change = math.tanh(hidden[i] * weight[3 * bits + i] + bias[3 * bits + i])
                cell[i] = cell[i] * forget + ingate * change
                hidden[i] = outgate * math.tanh(cell[i])
                z[i] = hidden[i]
        summed = 2.0
        for i in range(bits):
            summed += math.exp(z[i] * extra[1, i] + extra[2, i])
        normalizer = math.log(summed)
        for i in range(bits):
            total += sequence[t + 1, i] * (z[i] * extra[1, i] + extra[2, i] - normalizer)
    return -total / (bits * (characters - 1))


@plain_part
def layer(z, w, b, hidden, cell, new_hidden, new_cell, gates):
    """One layer in one step; its gates and the tanh of its cells are kept."""
    bits = len(z)
    for i in range(bits):
        h = hidden[i]
        f = 1.0 / (1.0 + math.exp(-(z[i] * w[i] + b[i])))
        g = 1.0 / (1.0 + math.exp(-(h * w[bits + i] + b[bits + i])))
        o = 1.0 / (1.0 + math.exp(-(z[i] * w[2 * bits + i] + b[2 * bits + i])))
        c = math.tanh(h * w[3 * bits + i] + b[3 * bits + i])
        new_cell[i] = cell[i] * f + g * c
        u = math.tanh(new_cell[i])
        new_hidden[i] = o * u
        gates[0, i], gates[1, i], gates[2, i], gates[3, i], gates[4, i] = f, g, o, c, u


@plain_part
def output(hidden, following, extra, exponentials):
    """What a step adds to the total; the exponentials' shares are kept."""
    summed = 2.0
    for i in range(len(hidden)):
        exponentials[i] = math.exp(hidden[i] * extra[1, i] + extra[2, i])
        summed += exponentials[i]
    normalizer = math.log(summed)
    total = 0.0
    for i in range(len(hidden)):
        total += following[i] * (hidden[i] * extra[1, i] + extra[2, i] - normalizer)
        exponentials[i] /= summed
    return total


@plain
def objective(main, extra, state, sequence):
    characters, bits = sequence.shape
    state = state.copy()
    z, gates, exponentials = np.empty(bits), np.empty((5, bits)), np.empty(bits)
    total = 0.0
    for t in range(characters - 1):
        for i in range(bits):
            z[i] = sequence[t, i] * extra[0, i]
        inner = z
        for k in range(0, len(main), 2):
            layer(inner, main[k], main[k + 1], state[k], state[k + 1], state[k], state[k + 1], gates)
            inner = state[k]
        total += output(inner, sequence[t + 1], extra, exponentials)
    return -total / (bits * (characters - 1))


@plain_part
def output_adjoint(hidden, following, extra, shares, scale, extra_bar, z_bar):
    weight = 0.0
    for i in range(len(hidden)):
        weight += following[i]
    for i in range(len(hidden)):
        y_bar = scale * (following[i] - weight * shares[i])
        extra_bar[1, i] += y_bar * hidden[i]
        extra_bar[2, i] += y_bar
        z_bar[i] = y_bar * extra[1, i]


@plain_part
def layer_adjoint(z, w, w_bar, b_bar, hidden, cell, gates, hidden_bar, cell_bar, z_bar):
    """Back through one layer in one step: derivatives are products of what was kept."""
    bits = len(z)
    for i in range(bits):
        f, g, o, c, u = gates[0, i], gates[1, i], gates[2, i], gates[3, i], gates[4, i]
        h = hidden[i]
        h_bar = hidden_bar[i] + z_bar[i]
        o_bar = h_bar * u * o * (1.0 - o)
        new_bar = cell_bar[i] + h_bar * o * (1.0 - u * u)
        f_bar = new_bar * cell[i] * f * (1.0 - f)
        g_bar = new_bar * c * g * (1.0 - g)
        c_bar = new_bar * g * (1.0 - c * c)
        cell_bar[i] = new_bar * f
        hidden_bar[i] = g_bar * w[bits + i] + c_bar * w[3 * bits + i]
        z_bar[i] = f_bar * w[i] + o_bar * w[2 * bits + i]
        w_bar[i] += f_bar * z[i]
        b_bar[i] += f_bar
        w_bar[bits + i] += g_bar * h
        b_bar[bits + i] += g_bar
        w_bar[2 * bits + i] += o_bar * z[i]
        b_bar[2 * bits + i] += o_bar
        w_bar[3 * bits + i] += c_bar * h
        b_bar[3 * bits + i] += c_bar


@plain
def by_hand(main, extra, state, sequence):
    """Gates, the tanh of the cells, and states before each step are kept."""
    characters, bits = sequence.shape
    layers, steps = main.shape[0] // 2, characters - 1
    hidden, cell = np.empty((steps + 1, layers, bits)), np.empty((steps + 1, layers, bits))
    z, gates, shares = np.empty((steps, bits)), np.empty((steps, layers, 5, bits)), np.empty((steps, bits))
    for a in range(layers):
        hidden[0, a], cell[0, a] = state[2 * a], state[2 * a + 1]
    total = 0.0
    for t in range(steps):
        for i in range(bits):
            z[t, i] = sequence[t, i] * extra[0, i]
        for a in range(layers):
            inner = hidden[t + 1, a - 1] if a > 0 else z[t]
            w, b = main[2 * a], main[2 * a + 1]
            layer(inner, w, b, hidden[t, a], cell[t, a], hidden[t + 1, a], cell[t + 1, a], gates[t, a])
        total += output(hidden[t + 1, layers - 1], sequence[t + 1], extra, shares[t])
    main_bar, extra_bar = np.zeros_like(main), np.zeros_like(extra)
    hidden_bar, cell_bar, z_bar = np.zeros((layers, bits)), np.zeros((layers, bits)), np.empty(bits)
    scale = -1.0 / (bits * steps)
    for t in range(steps - 1, -1, -1):
        output_adjoint(hidden[t + 1, layers - 1], sequence[t + 1], extra, shares[t], scale, extra_bar, z_bar)
        for a in range(layers - 1, -1, -1):
            inner = hidden[t + 1, a - 1] if a > 0 else z[t]
            w, w_bar, b_bar, kept = main[2 * a], main_bar[2 * a], main_bar[2 * a + 1], gates[t, a]
            layer_adjoint(inner, w, w_bar, b_bar, hidden[t, a], cell[t, a], kept, hidden_bar[a], cell_bar[a], z_bar)
        for i in range(bits):
            extra_bar[0, i] += z_bar[i] * sequence[t, i]
    return scale * total, main_bar, extra_bar


def in_jax(np):
    import jax

    def objective(main, extra, state, sequence):
        bits, layers = sequence.shape[1], main.shape[0] // 2
        sigmoid = jax.nn.sigmoid

        def step(state, pair):
            now, following = pair
            z, new = now * extra[0], []
            for a in range(layers):
                (wf, wi, wo, wc), (bf, bi, bo, bc) = main[2 * a].reshape(4, bits), main[2 * a + 1].reshape(4, bits)
                hidden, cell = state[2 * a], state[2 * a + 1]
                change = sigmoid(hidden * wi + bi) * np.tanh(hidden * wc + bc)
                cell = cell * sigmoid(z * wf + bf) + change
                z = sigmoid(z * wo + bo) * np.tanh(cell)
                new += [z, cell]
            y = z * extra[1] + extra[2]
            return np.stack(new), np.sum(following * (y - np.log(2.0 + np.sum(np.exp(y)))))

        totals = jax.lax.scan(step, state, (sequence[:-1], sequence[1:]))[1]
        return -np.sum(totals) / (bits * (len(sequence) - 1))

    return objective


def recorded(np, sigmoid):
    def objective(main, extra, state, sequence):
        bits, layers = sequence.shape[1], main.shape[0] // 2
        states = [(state[2 * a], state[2 * a + 1]) for a in range(layers)]
        total = 0.0
        for t in range(len(sequence) - 1):
            z = sequence[t] * extra[0]
            for a in range(layers):
                w, b = main[2 * a].reshape((4, bits)), main[2 * a + 1].reshape((4, bits))
                hidden, cell = states[a]
                change = sigmoid(hidden * w[1] + b[1]) * np.tanh(hidden * w[3] + b[3])
                cell = cell * sigmoid(z * w[0] + b[0]) + change
                z = sigmoid(z * w[2] + b[2]) * np.tanh(cell)
                states[a] = z, cell
            y = z * extra[1] + extra[2]
            total = total + np.sum(sequence[t + 1] * (y - np.log(2.0 + np.sum(np.exp(y)))))
        return -total / (bits * (len(sequence) - 1))

    return objective


def in_autograd(np):
    return recorded(np, lambda x: 1.0 / (1.0 + np.exp(-x)))


def in_torch(torch):
    return recorded(torch, torch.sigmoid)


def inputs(layers, characters, bits):
    rng = np.random.default_rng(0)
    main, extra = rng.standard_normal((2 * layers, 4 * bits)), rng.standard_normal((3, bits))
    return main, extra, rng.standard_normal((2 * layers, bits)), (rng.random((characters, bits)) < 0.5) * 1.0


PROBLEM = Problem(
    name="lstm",
    text=__doc__,
    ours={"loops": differentiated(lstm, argnums=(0, 1))},
    sizes={"l2 c1024": lambda: lstm_file("l2 c1024")},
    small=lambda: inputs(2, 6, 3),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax(in_jax, argnums=(0, 1)),
        "torch": peers.torch(in_torch, argnums=(0, 1)),
        "autograd": peers.autograd(in_autograd, argnums=(0, 1)),
    },
    reference=lambda size: reference("lstm", size),
)
