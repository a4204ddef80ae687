import numpy as np
from adcompiler.runtime import stack, sum_to


def accumulate_in_place_grad(x, w):
    """Gradient of accumulate_in_place with respect to x and w."""

    # forward sweep
    t_tape = stack(np.empty(0))
    y = np.zeros_like(x)
    for _ in range(3):
        t = w * x
        t_tape.append(t)
        y += t
        y[:] = y * 0.5

    # reverse sweep
    y_bar = np.full_like(y, 1.0)  # return np.sum(y)
    w_bar = np.zeros_like(w)
    x_bar = np.zeros_like(x)
    for _ in range(2, -1, -1):  # for _ in range(3):
        t_1 = t_tape.pop()
        t_bar = y_bar.copy()  # y *= 0.5
        y_bar[:] = 0.0
        y_bar += 0.5 * t_bar
        t_bar_1 = sum_to(y_bar, t_1)  # y += w * x
        w_bar += sum_to(t_bar_1 * x, w)
        x_bar += sum_to(t_bar_1 * w, x)
    return x_bar, w_bar
