from adcompiler.runtime import sum_to


def least_squares_grad(a, b):
    """Gradient of least_squares with respect to a and b."""
    t = a * a
    r = t - b

    # reverse sweep
    r_bar = 2.0 * r  # return np.sum(r * r)
    return 2.0 * sum_to(r_bar, t) * a, sum_to(-r_bar, b)
