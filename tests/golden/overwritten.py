import numpy as np


def overwritten_grad(x):
    """Gradient of overwritten with respect to x."""
    x0 = x[0]

    # reverse sweep
    x_bar = np.zeros_like(x)
    x0_bar = x[1] * x[1]  # x[0] = x[0] * x[1]
    x_bar[1] = 2.0 * x0 * x[1]
    x_bar[0] = x0_bar
    return x_bar
