def heat_with_slices_grad(u0, k, steps):
    """Gradient of heat_with_slices with respect to u0."""

    # forward sweep
    u = u0.copy()
    u_view = u[1:-1]
    u_view_1 = u[2:]
    u_view_2 = u[:-2]
    for _ in range(steps):
        u_view[:] = u_view + k * (u_view_1 - 2.0 * u_view + u_view_2)

    # reverse sweep
    u_bar = u.copy()  # return np.sum(u * u)
    u_view_bar = u_bar[1:-1]  # u[1:-1] = u[1:-1] + k * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    u_view_bar_1 = u_bar[:-2]
    u_view_bar_2 = u_bar[2:]
    u_bar += u  # return np.sum(u * u)
    for _ in range(steps - 1, -1, -1):  # for _ in range(steps):
        t_bar = u_view_bar * k  # u[1:-1] = u[1:-1] + k * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        u_view_bar_1 += t_bar
        u_view_bar_2 += t_bar
        u_view_bar -= 2.0 * t_bar
    return u_bar
