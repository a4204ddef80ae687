def least_squares_grad(a, b):
    """Gradient of least_squares with respect to a and b."""
    r = a * a - b

    # reverse sweep
    r_bar = 2.0 * r  # return np.sum(r * r)
    return 2.0 * r_bar * a, -r_bar
