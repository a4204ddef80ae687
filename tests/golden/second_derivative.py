import numpy as np


def cubic_grad_grad(x):
    """Gradient of cubic_grad with respect to x."""
    return 2.0 * np.cos(x) + 6.0 * x - x * np.sin(x)
