import numpy as np


def until_bound_grad(x, bound):
    """Gradient of until_bound with respect to x."""

    # forward sweep
    s = 0.0
    trips = 0
    for i in range(len(x)):
        s += x[i] * x[i]
        trips += 1
        if s > bound:
            break

    # reverse sweep
    x_bar = np.zeros_like(x)
    for i in range(trips - 1, -1, -1):  # for i in range(len(x)):
        x_bar[i] += 2.0 * x[i]  # s += x[i] * x[i]
    return x_bar
