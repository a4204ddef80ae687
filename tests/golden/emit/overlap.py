import numpy as np


def overlap(a, m, j):
    a[1:] += a[:-1].copy()
    m[:, j] = a * 2.0
    a += 1.0
    m[...] = 0.0
    return np.sum(a)
