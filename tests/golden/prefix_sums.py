import numpy as np


def prefix_sums_grad(x):
    """Gradient of prefix_sums with respect to x."""

    # forward sweep
    y = np.empty_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = y[i - 1] + np.sin(x[i])

    # reverse sweep
    y_bar = np.zeros_like(y)
    x_bar = np.zeros_like(x)
    y_bar[0] = y[-1]  # return y[-1] * y[0]
    y_bar[-1] += y[0]
    for i in range(len(x) - 1, 0, -1):  # for i in range(1, len(x)):
        t_bar = y_bar[i]  # y[i] = y[i - 1] + math.sin(x[i])
        y_bar[i] = 0.0
        x_bar[i] += t_bar * np.cos(x[i])
        y_bar[i - 1] += t_bar
    x_bar[0] += y_bar[0]  # y[0] = x[0]
    return x_bar
