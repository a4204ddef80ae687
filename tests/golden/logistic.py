import numpy as np


def logistic_value_and_grad(x, w, y):
    """Value and gradient of logistic with respect to w."""

    # forward sweep
    n = x.shape[0]
    m = x.shape[1]
    if n > 0 and m > len(w):
        raise IndexError("index out of bounds for axis 0 of w (golden_programs.py:251)")
    if n > len(y):
        raise IndexError("index out of bounds for axis 0 of y (golden_programs.py:252)")
    t_tape = np.empty(n)
    loss = 0.0
    for i in range(n):
        z = 0.0
        for j in range(m):
            z += x[i, j] * w[j]
        t = np.exp(z)
        t_tape[i] = t
        loss += np.log(1.0 + t) - y[i] * z
    t = float(n)
    t_1 = loss / t

    # reverse sweep
    w_bar = np.zeros_like(w)
    loss_bar = 1.0 / t  # return loss / x.shape[0]
    for i in range(n - 1, -1, -1):  # for i in range(x.shape[0]):
        # loss += math.log(1.0 + math.exp(z)) - y[i] * z
        z_bar = loss_bar / (1.0 + t_tape[i]) * t_tape[i] - loss_bar * y[i]
        for j in range(m - 1, -1, -1):  # for j in range(x.shape[1]):
            w_bar[j] += z_bar * x[i, j]  # z += x[i, j] * w[j]
    return t_1, w_bar
