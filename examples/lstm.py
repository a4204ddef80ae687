"""ADBench's lstm: the loss of a character model with diagonal weights, as loops. Srajer et al. 2018, section 4.4."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def lstm(main, extra, state, sequence):
    """The loss. main: per layer weights and biases of the four gates; extra: in weight, out weight, out bias;
    state: per layer hidden and cell, updated in place; sequence: one character a row."""
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


def read(path):
    """The arguments of lstm from one of ADBench's files."""
    words = Path(path).read_text().split()
    layers, characters, bits = map(int, words[:3])
    numbers = np.array(words[3:], dtype=np.float64)
    sizes = np.cumsum([2 * layers * 4 * bits, 3 * bits, 2 * layers * bits])
    main, extra, state, sequence = np.split(numbers, sizes)
    return (
        main.reshape(2 * layers, 4 * bits), extra.reshape(3, bits),
        state.reshape(2 * layers, bits), sequence.reshape(characters, bits),
    )  # fmt: skip
