import numpy as np


def sum_of_squares_grad(x):
    """Gradient of sum_of_squares with respect to x."""

    # reverse sweep
    x_bar = np.zeros_like(x)
    for i in range(len(x) - 1, -1, -1):  # for i in range(len(x)):
        x_bar[i] += 2.0 * x[i]  # s += x[i] * x[i]
    return x_bar
