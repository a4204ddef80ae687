import numpy as np


def sinusoid_value_and_grad(u, v):
    """Value and gradient of sinusoid with respect to u and v."""
    t = 0.5 * np.sin(v)
    t_1 = u ** 3 / v
    return t * u + t_1, 3.0 * u ** 2 / v + t, 0.5 * u * np.cos(v) - t_1 / v
