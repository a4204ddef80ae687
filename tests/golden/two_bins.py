import numpy as np


def two_bins_grad(x):
    """Gradient of two_bins with respect to x."""

    # forward sweep
    y = np.zeros(2)
    for i in range(len(x)):
        y[i % 2] += x[i] * x[i]

    # reverse sweep
    y_bar = np.zeros(2)
    x_bar = np.zeros_like(x)
    y_bar[1] = y[0]  # return y[0] * y[1]
    y_bar[0] = y[1]
    for i in range(len(x) - 1, -1, -1):  # for i in range(len(x)):
        x_bar[i] += 2.0 * y_bar[i % 2] * x[i]  # y[i % 2] += x[i] * x[i]
    return x_bar
