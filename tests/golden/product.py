import numpy as np


def product_grad(x, n):
    """Gradient of product with respect to x."""

    # forward sweep
    if n > len(x):
        raise IndexError("index out of bounds for axis 0 of x (golden_programs.py:99)")
    r_tape = np.empty(max(n, 0))
    r = 1.0
    for i in range(n):
        r_tape[i] = r
        r *= x[i]

    # reverse sweep
    x_bar = np.zeros_like(x)
    r_bar = 1.0
    for i in range(n - 1, -1, -1):  # for i in range(n):
        r = r_tape[i]
        x_bar[i] += r_bar * r  # r *= x[i]
        r_bar *= x[i]
    return x_bar
