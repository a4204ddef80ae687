import numpy as np
from adcompiler.runtime import sum_to


def dense_grad(w, b, x):
    """Gradient of dense with respect to w and b."""
    t = w @ x
    t_1 = np.tanh(t + b)

    # reverse sweep
    t_bar = 2.0 * t_1 * (1.0 - t_1 * t_1)  # return np.sum(np.tanh(w @ x + b) ** 2)
    return np.outer(sum_to(t_bar, t), x), sum_to(t_bar, b)
