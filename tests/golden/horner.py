import numpy as np


def horner_grad(x, c):
    """Gradient of horner with respect to x."""

    # forward sweep
    p_tape = np.empty((len(x), len(c)))
    for i in range(len(x)):
        x_i = x[i]
        p = 0.0
        for k in range(len(c)):
            p_tape[i, k] = p
            p = p * x_i + c[k]

    # reverse sweep
    x_bar = np.zeros_like(x)
    for i in range(len(x) - 1, -1, -1):  # for i in range(len(x)):
        x_i = x[i]
        p_bar = 1.0
        x_i_bar = 0.0
        for k in range(len(c) - 1, -1, -1):  # for k in range(len(c)):
            p = p_tape[i, k]
            x_i_bar += p_bar * p  # p = p * x[i] + c[k]
            p_bar *= x_i
        x_bar[i] += x_i_bar
    return x_bar
