import numpy as np
from adcompiler.runtime import where


def masked_sqrt_grad(x):
    """Gradient of masked_sqrt with respect to x."""
    t = where(x > 0.0, 1.0, 0.0)
    return where(t == 0.0, 0.0, t / (2.0 * np.sqrt(x)))
