import numpy as np


def heat_grad(u0, k, steps):
    """Gradient of heat with respect to u0."""

    # forward sweep
    u = u0.copy()
    u_bar = np.zeros_like(u)
    v = np.empty_like(u)
    v_bar = np.zeros_like(v)
    u_bar_1 = u_bar
    for _ in range(steps):
        u0_1 = u[0]
        u_last = u[-1]
        v[0] = u0_1
        v[-1] = u_last
        for i in range(1, len(u) - 1):
            v[i] = u[i] + k * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v, u_bar_1, v_bar = v, u, v_bar, u_bar_1

    # reverse sweep
    for i in range(len(u) - 1, -1, -1):  # for i in range(len(u)):
        u_bar_1[i] += 2.0 * u[i]  # s += u[i] * u[i]
    for _ in range(steps - 1, -1, -1):  # for _ in range(steps):
        for i in range(len(v) - 2, 0, -1):  # for i in range(1, len(u) - 1):
            t_bar = u_bar_1[i]  # v[i] = u[i] + k * (u[i - 1] - 2.0 * u[i] + u[i + 1])
            u_bar_1[i] = 0.0
            t_bar_1 = t_bar * k
            v_bar[i + 1] += t_bar_1
            v_bar[i - 1] += t_bar_1
            v_bar[i] += t_bar - 2.0 * t_bar_1
        u_last_bar = u_bar_1[-1]  # v[0], v[-1] = u[0], u[-1]
        u_bar_1[-1] = 0.0
        u0_bar = u_bar_1[0]
        u_bar_1[0] = 0.0
        v_bar[-1] += u_last_bar
        v_bar[0] += u0_bar
        u, v, u_bar_1, v_bar = v, u, v_bar, u_bar_1
    return u_bar
