import numpy as np


def gated_grad(x, w):
    """Gradient of gated with respect to w."""

    # forward sweep
    h = np.zeros(w.shape[0])
    m = x.shape[0]
    n = x.shape[1]
    h_tape = np.empty((m, n))
    t_tape = np.empty((m, n))
    for t in range(m):
        h_tape[t] = h
        t_1 = np.exp(-(w @ x[t]))
        t_tape[t] = t_1
        gate = 1.0 / (1.0 + t_1)
        h = gate * h + (1.0 - gate) * x[t]

    # reverse sweep
    h_bar = 2.0 * h  # return np.sum(h * h)
    w_bar = np.zeros_like(w)
    for t in range(m - 1, -1, -1):  # for t in range(len(x)):
        h_1 = h_tape[t]
        t_2 = 1.0 + t_tape[t]
        gate_1 = 1.0 / t_2
        gate_bar = h_bar * h_1 - h_bar * x[t]  # h = gate * h + (1.0 - gate) * x[t]
        h_bar = h_bar * gate_1
        # gate = 1.0 / (1.0 + np.exp(-(w @ x[t])))
        w_bar += np.outer(gate_bar * gate_1 / t_2 * t_tape[t], x[t])
    return w_bar
