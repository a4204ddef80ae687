def squarings_grad(x):
    """Gradient of squarings with respect to x."""

    # forward sweep
    x_dot = 1.0
    while x < 100.0:
        x_dot *= 2.0 * x
        x *= x
    return x_dot
