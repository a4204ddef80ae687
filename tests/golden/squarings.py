from adcompiler.runtime import stack


def squarings_grad(x):
    """Gradient of squarings with respect to x."""

    # forward sweep
    x_tape = stack(0.0)
    trips = 0
    while x < 100.0:
        x_tape.append(x)
        x *= x
        trips += 1

    # reverse sweep
    x_bar = 1.0
    for k in range(trips - 1, -1, -1):  # while x < 100.0:
        x = x_tape.pop()
        x_bar *= 2.0 * x  # x = x * x
    return x_bar
