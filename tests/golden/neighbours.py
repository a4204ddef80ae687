import numpy as np


def neighbours_grad(x):
    """Gradient of neighbours with respect to x."""
    x_bar = np.zeros_like(x)
    x_bar[1:] += x[:-1]  # return np.sum(x[1:] * x[:-1])
    x_bar[:-1] += x[1:]
    return x_bar
