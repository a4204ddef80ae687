import numpy as np


def matvec_grad(a, x):
    """Gradient of matvec with respect to a."""

    # forward sweep
    n = a.shape[0]
    m = a.shape[1]
    if n > 0 and m > len(x):
        raise IndexError("index out of bounds for axis 0 of x (golden_programs.py:239)")
    t_tape = np.empty(n)
    for i in range(n):
        t = 0.0
        for j in range(m):
            t += a[i, j] * x[j]
        t_tape[i] = t

    # reverse sweep
    a_bar = np.zeros_like(a)
    for i in range(n - 1, -1, -1):  # for i in range(a.shape[0]):
        t_bar = 2.0 * t_tape[i]  # s += t * t
        for j in range(m - 1, -1, -1):  # for j in range(a.shape[1]):
            a_bar[i, j] += t_bar * x[j]  # t += a[i, j] * x[j]
    return a_bar
