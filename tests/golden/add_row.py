import numpy as np


def add_row_grad(a, b):
    """Gradient of add_row with respect to a and b."""
    t = np.exp(a + b)
    return t, np.sum(t, axis=0)
