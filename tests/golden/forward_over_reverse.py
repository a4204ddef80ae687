import numpy as np


def quartic_grad_jvp(x, x_dot):
    """Value and directional derivative of quartic_grad."""
    n = len(x)
    n_1 = len(x_dot)
    if n_1 != n:
        raise ValueError("ShapeMismatch: axis 0 of the tangent of x has another size than the argument (golden_programs.py:417)")
    x0 = x[0]
    x0_dot = x_dot[0]
    x1 = x[1]
    x1_dot = x_dot[1]

    # reverse sweep
    x_bar = np.zeros_like(x)
    x_bar_dot = np.zeros_like(x_bar)
    t = 2.0 * x0 ** 2
    x_bar[1] = t * x1  # return x[0] ** 2 * x[1] ** 2
    x_bar_dot[1] = 4.0 * x0_dot * x0 * x1 + x1_dot * t
    t = 2.0 * x1 ** 2
    x_bar[0] = t * x0
    x_bar_dot[0] = 4.0 * x1_dot * x1 * x0 + x0_dot * t
    return x_bar, x_bar_dot
