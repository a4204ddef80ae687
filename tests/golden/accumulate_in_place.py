import numpy as np


def accumulate_in_place_grad(x, w):
    """Gradient of accumulate_in_place with respect to x and w."""
    y = np.zeros_like(x)

    # reverse sweep
    y_bar = np.full_like(y, 1.0)  # return np.sum(y)
    w_bar = np.zeros_like(w)
    x_bar = np.zeros_like(x)
    for _ in range(2, -1, -1):  # for _ in range(3):
        t_bar = y_bar.copy()  # y *= 0.5
        y_bar[:] = 0.0
        y_bar += 0.5 * t_bar
        t_bar_1 = y_bar.copy()  # y += w * x
        w_bar += t_bar_1 * x
        x_bar += t_bar_1 * w
    return x_bar, w_bar
