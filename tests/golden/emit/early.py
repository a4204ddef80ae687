import numpy as np


def early(x):
    if x < 0.0:
        return 0.0
    if x > 10.0:
        return np.sqrt(x)
    y = x * x
    return y + 1.0
