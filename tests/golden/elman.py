import numpy as np


def elman_grad(w, b, h, x):
    """Gradient of elman with respect to w and b."""

    # forward sweep
    n = w.shape[0]
    h_tape = np.empty((len(x), n))
    h_tape_1 = np.empty((len(x), n))
    h_1 = h
    for t in range(len(x)):
        h_tape_1[t] = h_1
        h_1 = np.tanh(w @ h_1 + b * x[t])
        h_tape[t] = h_1

    # reverse sweep
    h_bar = 2.0 * h_1  # return np.sum(h * h)
    w_bar = np.zeros_like(w)
    b_bar = np.zeros_like(b)
    for t in range(len(x) - 1, -1, -1):  # for t in range(len(x)):
        h_2 = h_tape[t]
        h_3 = h_tape_1[t]
        t_bar = h_bar * (1.0 - h_2 * h_2)  # h = np.tanh(w @ h + b * x[t])
        b_bar += t_bar * x[t]
        w_bar += np.outer(t_bar, h_3)
        h_bar = t_bar @ w
    return w_bar, b_bar
