import numpy as np


def cosine_value_and_grad(a, b):
    """Value and gradient of cosine with respect to a and b."""

    # forward sweep
    if len(a) > len(b):
        raise IndexError("index out of bounds for axis 0 of b (golden_programs.py:120)")
    dot = 0.0
    na = 0.0
    nb = 0.0
    for i in range(len(a)):
        dot += a[i] * b[i]
        na += a[i] * a[i]
        nb += b[i] * b[i]
    t = np.sqrt(na * nb)
    t_1 = dot / t

    # reverse sweep
    b_bar = np.zeros_like(b)
    a_bar = np.zeros_like(a)
    dot_bar = 1.0 / t  # return dot / math.sqrt(na * nb)
    t_bar = t_1 / t / (2.0 * t)
    na_bar = t_bar * nb
    nb_bar = t_bar * na
    for i in range(len(a) - 1, -1, -1):  # for i in range(len(a)):
        b_bar[i] += dot_bar * a[i] - 2.0 * nb_bar * b[i]  # dot += a[i] * b[i]
        a_bar[i] += dot_bar * b[i] - 2.0 * na_bar * a[i]
    return t_1, a_bar, b_bar
