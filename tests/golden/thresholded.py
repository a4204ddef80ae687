import numpy as np
from adcompiler.runtime import where


def thresholded_grad(x, c):
    """Gradient of thresholded with respect to x."""
    y = x * x
    t = x > c
    y[:] = where(t, 0.0, y)
    t_1 = np.argsort(x, kind="stable")
    t_2 = x[t_1]

    # reverse sweep
    y_bar = np.zeros_like(y)
    t_bar = np.zeros_like(t_2)
    x_bar = np.zeros_like(x)
    y_bar[1:] += t_2[:-1]  # return np.sum(y[1:] * np.sort(x)[:-1])
    t_bar[:-1] += y[1:]
    np.add.at(x_bar, t_1, t_bar)
    t_bar_1 = y_bar.copy()  # y[x > c] = 0.0
    y_bar[:] = 0.0
    y_bar += where(t, 0.0, t_bar_1)
    t_3 = y_bar * x
    x_bar += t_3  # y = x * x
    x_bar += t_3
    return x_bar
