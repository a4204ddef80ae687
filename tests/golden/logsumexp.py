import numpy as np


def logsumexp_grad(x):
    """Gradient of logsumexp with respect to x."""

    # forward sweep
    m = x[0]
    n = len(x)
    t_tape = np.empty(max(n - 1, 0), dtype=np.bool_)
    for i in range(1, n):
        t = x[i] > m
        t_tape[i - 1] = t
        if t:
            m = x[i]
    t_tape_1 = np.empty(n)
    s = 0.0
    for i in range(n):
        t_1 = np.exp(x[i] - m)
        t_tape_1[i] = t_1
        s += t_1

    # reverse sweep
    x_bar = np.zeros_like(x)
    s_bar = 1.0 / s  # return m + math.log(s)
    m_bar = 1.0
    for i in range(n - 1, -1, -1):  # for i in range(len(x)):
        t_bar = s_bar * t_tape_1[i]  # s += math.exp(x[i] - m)
        m_bar -= t_bar
        x_bar[i] += t_bar
    for i in range(n - 1, 0, -1):  # for i in range(1, len(x)):
        x_i_bar = m_bar if t_tape[i - 1] else 0.0  # m = max(m, x[i])
        if t_tape[i - 1]:
            m_bar = 0.0
        x_bar[i] += x_i_bar
    x_bar[0] += m_bar  # m = x[0]
    return x_bar
