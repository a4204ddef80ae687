"""Recurrent layers: cells, and loops of them over time with whole or truncated backpropagation through time.

Weights are PyTorch's: for each gate a block of `hidden` rows of weight_ih (gates * hidden, inputs) and weight_hh
(gates * hidden, hidden), with a bias each. States are (n, hidden).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

import adcompiler as ad


class Weights(NamedTuple):
    weight_ih: Any
    weight_hh: Any
    bias_ih: Any
    bias_hh: Any


def rnn(x: Any, h: Any, w: Weights) -> Any:
    """h' = tanh(W x + U h + b) (Elman 1990)"""
    return np.tanh(x @ w.weight_ih.T + w.bias_ih + h @ w.weight_hh.T + w.bias_hh)


def lstm(x: Any, state: Any, w: Weights) -> Any:
    """(h', c') of (h, c): c' = f c + i g, h' = o tanh(c'); gates in the order i, f, g, o (Hochreiter and Schmidhuber
    1997, with forget gates)."""
    h, c = state
    n = h.shape[1]
    gates = x @ w.weight_ih.T + w.bias_ih + h @ w.weight_hh.T + w.bias_hh
    i, f = expit(gates[:, :n]), expit(gates[:, n : 2 * n])
    g, o = np.tanh(gates[:, 2 * n : 3 * n]), expit(gates[:, 3 * n :])
    c = f * c + i * g
    return o * np.tanh(c), c


def gru(x: Any, h: Any, w: Weights) -> Any:
    """h' = (1 - z) n + z h, n = tanh(W x + b + r (U h + b')); gates in the order r, z, n (Cho et al. 2014, as PyTorch
    and cuDNN have it: r inside)."""
    k = h.shape[1]
    a, b = x @ w.weight_ih.T + w.bias_ih, h @ w.weight_hh.T + w.bias_hh
    r, z = expit(a[:, :k] + b[:, :k]), expit(a[:, k : 2 * k] + b[:, k : 2 * k])
    n = np.tanh(a[:, 2 * k :] + r * b[:, 2 * k :])
    return (1.0 - z) * n + z * h


def unrolled(cell: Any, xs: Any, state: Any, w: Weights, every: int = 0) -> Any:
    """(states h of all times (T, n, hidden), the last state), of a cell over xs (T, n, inputs).

    every   0: gradients flow through all of time; k: the state is cut off (`stop_gradient`) before each k-th step that
            is counted from the end, so that none flows over more than k steps (truncated backpropagation through time,
            Williams and Peng 1990)
    """
    steps = len(xs)
    hs = np.empty((steps, xs.shape[1], w.weight_hh.shape[1]), dtype=xs.dtype)
    for t in range(steps):
        if every > 0 and t > 0 and (steps - t) % every == 0:
            state = ad.tree_map(ad.stop_gradient, state)
        state = cell(xs[t], state, w)
        hs[t] = state[0] if isinstance(state, tuple) else state
    return hs, state
