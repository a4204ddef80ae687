import numpy as np


def scale_jvp(x, a, x_dot, a_dot):
    """Value and directional derivative of scale."""
    n = len(x)
    n_1 = len(x_dot)
    if n_1 != n:
        raise ValueError("ShapeMismatch: axis 0 of the tangent of x has another size than the argument (golden_programs.py:400)")
    s = 0.0
    s_dot = 0.0
    for i in range(n):
        t = np.exp(a * x[i])
        s += t
        s_dot += (a_dot * x[i] + x_dot[i] * a) * t
    return s, s_dot
