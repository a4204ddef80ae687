import numpy as np


def rosenbrock_grad(x):
    """Gradient of rosenbrock with respect to x."""
    x_bar = np.zeros_like(x)
    t_bar = 200.0 * (x[1] - x[0] ** 2)  # return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    x_bar[0] = -2.0 * (1.0 - x[0]) - 2.0 * t_bar * x[0]
    x_bar[1] = t_bar
    return x_bar
