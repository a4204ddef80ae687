import numpy as np


def normalized_grad(x):
    """Gradient of normalized with respect to x."""
    t = np.sqrt(np.sum(x * x))
    y = x / t
    y0 = y[0]
    y1 = y[1]

    # reverse sweep
    y_bar = np.zeros_like(y)
    y_bar[1] = y0  # return y[0] * y[1]
    y_bar[0] = y1
    return y_bar / t - 2.0 * (np.sum(y_bar * y / t) / (2.0 * t)) * x
