import numpy as np


def dense_grad(w, b, x):
    """Gradient of dense with respect to w and b."""
    t = np.tanh(w @ x + b)

    # reverse sweep
    t_bar = 2.0 * t * (1.0 - t * t)  # return np.sum(np.tanh(w @ x + b) ** 2)
    return np.outer(t_bar, x), t_bar
