import numpy as np


def newton(x, tol):
    r = 1.0
    while True:
        gap = np.fmod(r, x)
        if not (gap * gap > tol and gap < 3.0):
            break
        r = (r + x / r) * 0.5
    return r
