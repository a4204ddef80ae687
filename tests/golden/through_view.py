import numpy as np


def through_view_grad(x):
    """Gradient of through_view with respect to x."""
    x = x.copy()
    v = x[1:]
    v0 = v[0]
    x0 = x[0]
    v[0] = v0 * x0
    x1 = x[1]
    x2 = x[2]

    # reverse sweep
    x_bar = np.zeros_like(x)
    v_bar = x_bar[1:]  # v = x[1:]
    x_bar[2] = x1  # return x[1] * x[2]
    x_bar[1] = x2
    t_bar = v_bar[0]  # v[0] = v[0] * x[0]
    v_bar[0] = 0.0
    x_bar[0] += t_bar * v0
    v_bar[0] += t_bar * x0
    return x_bar
