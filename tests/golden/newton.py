import numpy as np


def newton_grad(a, n):
    """Gradient of newton with respect to a."""

    # forward sweep
    x_tape = np.empty(max(n, 0))
    x = 1.0
    for i in range(n):
        x_tape[i] = x
        x -= (x * x - a) / (2.0 * x)

    # reverse sweep
    x_bar = 1.0
    a_bar = 0.0
    for i in range(n - 1, -1, -1):  # for _ in range(n):
        x = x_tape[i]
        t = 2.0 * x
        t_bar = -x_bar  # x = x - (x * x - a) / (2.0 * x)
        t_bar_1 = t_bar / t
        a_bar -= t_bar_1
        x_bar += 2.0 * t_bar_1 * x - 2.0 * t_bar * ((x * x - a) / t) / t
    return a_bar
