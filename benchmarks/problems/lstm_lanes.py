"""lstm's gradient as an expert tunes it: rows padded to whole vectors, exp and tanh as vectors, the output layer of all
steps at once."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.problem import fast, fast_part
from benchmarks.vector import exp, tanh

LANES = 8
NOTHING = -800.0  # its exponential is 0


@fast_part
def padded(rows, gates, width, fill):
    """The rows, each taken apart into gates that are padded."""
    n, bits = rows.shape[0], rows.shape[1] // gates
    out = np.full((n, gates, width), fill)
    for k in range(n):
        for g in range(gates):
            for i in range(bits):
                out[k, g, i] = rows[k, g * bits + i]
    return out


@fast_part
def layer(z, w, b, hidden, before, gates, after, out):
    """One layer in one step: forget, ingate, outgate, change and the tanh of the cell are kept."""
    for i in range(len(z)):
        gates[0, i] = 1.0 / (1.0 + exp(-(z[i] * w[0, i] + b[0, i])))
        gates[1, i] = 1.0 / (1.0 + exp(-(hidden[i] * w[1, i] + b[1, i])))
    for i in range(len(z)):
        gates[2, i] = 1.0 / (1.0 + exp(-(z[i] * w[2, i] + b[2, i])))
        gates[3, i] = tanh(hidden[i] * w[3, i] + b[3, i])
    for i in range(len(z)):
        c = before[i] * gates[0, i] + gates[1, i] * gates[3, i]
        u = tanh(c)
        after[i] = c
        gates[4, i] = u
        out[i] = gates[2, i] * u


@fast_part
def layer_adjoint(z, w, w_bar, b_bar, hidden, before, gates, hidden_bar, cell_bar, z_bar):
    """Back through one layer in one step; z_bar holds the adjoint of its output, then that of its input."""
    for i in range(len(z)):
        f, g, o, c, u = gates[0, i], gates[1, i], gates[2, i], gates[3, i], gates[4, i]
        h_bar = hidden_bar[i] + z_bar[i]
        o_bar = h_bar * u * o * (1.0 - o)
        new_bar = cell_bar[i] + h_bar * o * (1.0 - u * u)
        f_bar = new_bar * before[i] * f * (1.0 - f)
        g_bar = new_bar * c * g * (1.0 - g)
        c_bar = new_bar * g * (1.0 - c * c)
        cell_bar[i] = new_bar * f
        hidden_bar[i] = g_bar * w[1, i] + c_bar * w[3, i]
        z_bar[i] = f_bar * w[0, i] + o_bar * w[2, i]
        w_bar[0, i] += f_bar * z[i]
        w_bar[1, i] += g_bar * hidden[i]
        w_bar[2, i] += o_bar * z[i]
        w_bar[3, i] += c_bar * hidden[i]
        b_bar[0, i] += f_bar
        b_bar[1, i] += g_bar
        b_bar[2, i] += o_bar
        b_bar[3, i] += c_bar


@fast_part
def outputs(last, sequence, extra, extra_bar, scale, bits, y_bar):
    """The total over all steps, and the adjoints of the last layer's outputs."""
    steps, width = last.shape
    total = 0.0
    for t in range(steps):
        for i in range(width):
            y_bar[t, i] = exp(last[t, i] * extra[1, i] + extra[2, i])
    for t in range(steps):
        summed, weight, picked = 2.0, 0.0, 0.0
        for i in range(width):
            summed += y_bar[t, i]
            weight += sequence[t + 1, i]
            picked += sequence[t + 1, i] * (last[t, i] * extra[1, i] + extra[2, i])
        total += picked - weight * math.log(summed)
        share = weight / summed
        for i in range(width):
            g = scale * (sequence[t + 1, i] - share * y_bar[t, i])
            extra_bar[1, i] += g * last[t, i]
            extra_bar[2, i] += g
            y_bar[t, i] = g * extra[1, i]
    return total


@fast
def best(main, extra, state, sequence):
    characters, bits = sequence.shape
    layers, steps = main.shape[0] // 2, characters - 1
    width = (bits + LANES - 1) // LANES * LANES
    weights = padded(main, 4, width, 0.0)
    outer = padded(extra, 1, width, 0.0)[:, 0]
    outer[2, bits:] = NOTHING
    start = padded(state, 1, width, 0.0)[:, 0]
    given = padded(sequence, 1, width, 0.0)[:, 0]
    # Of each step: what goes into each layer and comes out of the last; states, the first before any step.
    z = np.empty((layers + 1, steps, width))
    hidden, cell = np.empty((layers, steps + 1, width)), np.empty((layers, steps + 1, width))
    gates = np.empty((layers, steps, 5, width))
    for t in range(steps):
        for i in range(width):
            z[0, t, i] = given[t, i] * outer[0, i]
    for a in range(layers):
        hidden[a, 0], cell[a, 0] = start[2 * a], start[2 * a + 1]
    for t in range(steps):
        for a in range(layers):
            inner = z[0, t] if a == 0 else hidden[a - 1, t + 1]
            w, b = weights[2 * a], weights[2 * a + 1]
            layer(inner, w, b, hidden[a, t], cell[a, t], gates[a, t], cell[a, t + 1], hidden[a, t + 1])
    weights_bar, outer_bar = np.zeros_like(weights), np.zeros((3, width))
    scale = -1.0 / (bits * steps)
    y_bar = np.empty((steps, width))
    total = outputs(hidden[layers - 1, 1:], given, outer, outer_bar, scale, bits, y_bar)
    hidden_bar, cell_bar = np.zeros((layers, width)), np.zeros((layers, width))
    for t in range(steps - 1, -1, -1):
        for a in range(layers - 1, -1, -1):
            inner = z[0, t] if a == 0 else hidden[a - 1, t + 1]
            w, w_bar, b_bar = weights[2 * a], weights_bar[2 * a], weights_bar[2 * a + 1]
            before = cell[a, t]
            layer_adjoint(
                inner, w, w_bar, b_bar, hidden[a, t], before, gates[a, t], hidden_bar[a], cell_bar[a], y_bar[t]
            )
        for i in range(width):
            outer_bar[0, i] += y_bar[t, i] * given[t, i]
    main_bar, extra_bar = np.empty_like(main), np.empty_like(extra)
    for k in range(2 * layers):
        for g in range(4):
            for i in range(bits):
                main_bar[k, g * bits + i] = weights_bar[k, g, i]
    for k in range(3):
        for i in range(bits):
            extra_bar[k, i] = outer_bar[k, i]
    return scale * total, main_bar, extra_bar
