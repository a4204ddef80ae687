import numpy as np


def lambda_grad(x):
    """Gradient of lambda with respect to x."""

    # forward sweep
    n = len(x)
    t_tape = np.empty(n)
    p_tape = np.empty(n)
    p = 1.0
    for i in range(n):
        p_tape[i] = p
        t = np.sin(x[i])
        t_tape[i] = t
        p *= t

    # reverse sweep
    x_bar = np.zeros_like(x)
    p_bar_tape = np.empty(n)
    t_tape_1 = np.empty(n)
    p_bar = 1.0
    for i in range(n - 1, -1, -1):  # for i in range(len(x)):
        p_bar_tape[i] = p_bar
        p = p_tape[i]
        t = np.cos(x[i])
        t_tape_1[i] = t
        x_bar[i] += p_bar * p * t  # p = p * math.sin(x[i])
        p_bar *= t_tape[i]
    x_bar0 = x_bar[0]

    # reverse sweep
    x_bar_bar = np.zeros_like(x_bar)
    x_bar_1 = np.zeros_like(x)
    p_tape_bar = np.zeros(n)
    t_tape_bar = np.zeros(n)
    # @golden(vector(3), transform=lambda f: ad.grad(lambda x: ad.grad(f)(x)[0]), name="reverse_over_reverse")
    x_bar_bar[0] = 1.0
    p_bar_bar = 0.0
    for i in range(n):  # for i in range(len(x)):
        p_bar = p_bar_tape[i]
        p = p_tape[i]
        t_bar = p_bar_bar * p_bar  # p = p * math.sin(x[i])
        x_i_bar_bar = x_bar_bar[i]
        t_bar_1 = x_i_bar_bar * t_tape_1[i]
        p_bar_bar = p_bar_bar * t_tape[i] + t_bar_1 * p
        x_bar_1[i] -= x_i_bar_bar * p_bar * p * np.sin(x[i])
        p_tape_bar[i] += t_bar_1 * p_bar  # for i in range(len(x)):
        t_tape_bar[i] += t_bar
    p_bar = 0.0
    for i in range(n - 1, -1, -1):
        p = p_tape[i]
        t_bar = t_tape_bar[i] + p_bar * p  # p = p * math.sin(x[i])
        t_tape_bar[i] = 0.0
        x_bar_1[i] += t_bar * np.cos(x[i])
        p_bar = p_tape_bar[i] + p_bar * t_tape[i]
        p_tape_bar[i] = 0.0
    return x_bar_1
