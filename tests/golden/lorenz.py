import numpy as np


def lorenz_grad(state, dt, steps):
    """Gradient of lorenz with respect to state."""

    # forward sweep
    x = state[0]
    y = state[1]
    z = state[2]
    count = max(steps, 0)
    y_tape = np.empty(count)
    x_tape = np.empty(count)
    t_tape = np.empty(count)
    for i in range(steps):
        y_tape[i] = y
        x_tape[i] = x
        dx = 10.0 * (y - x)
        t = 28.0 - z
        t_tape[i] = t
        dy = x * t - y
        dz = x * y - 2.6 * z
        x += dt * dx
        y += dt * dy
        z += dt * dz

    # reverse sweep
    state_bar = np.zeros_like(state)
    z_bar = 2.0 * z  # return x * x + y * y + z * z
    y_bar = 2.0 * y
    x_bar = 2.0 * x
    for i in range(steps - 1, -1, -1):  # for _ in range(steps):
        y = y_tape[i]
        x = x_tape[i]
        dz_bar = z_bar * dt  # x, y, z = x + dt * dx, y + dt * dy, z + dt * dz
        dy_bar = y_bar * dt
        z_bar -= 2.6 * dz_bar + dy_bar * x  # dy = x * (28.0 - z) - y
        t_bar = 10.0 * x_bar * dt  # dx = 10.0 * (y - x)
        y_bar += dz_bar * x + t_bar - dy_bar
        x_bar += dz_bar * y + dy_bar * t_tape[i] - t_bar
    state_bar[2] = z_bar  # x, y, z = state[0], state[1], state[2]
    state_bar[1] = y_bar
    state_bar[0] = x_bar
    return state_bar
