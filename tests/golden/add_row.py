import numpy as np
from adcompiler.runtime import sum_to


def add_row_grad(a, b):
    """Gradient of add_row with respect to a and b."""
    t = np.exp(a + b)
    return sum_to(t, a), sum_to(t, b)
