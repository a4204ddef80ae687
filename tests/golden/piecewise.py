import numpy as np


def piecewise_grad(x):
    """Gradient of piecewise with respect to x."""
    if x > 1.0:
        y = x * x
        t = 0.0
    elif x > 0.0:
        y = 2.0 * x - 1.0
        t = 0.0
    else:
        t = np.exp(x)
        y = t - 2.0

    # reverse sweep
    y_bar = 2.0 * y  # return y * y
    if x > 1.0:  # if x > 1.0:
        return 2.0 * y_bar * x
    return 4.0 * y if x > 0.0 else y_bar * t
