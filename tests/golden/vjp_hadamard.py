import numpy as np
from adcompiler.runtime import sum_to


def hadamard_vjp(x, y, out_bar):
    """Value of hadamard and adjoints of its arguments for a given adjoint of its result."""
    t = np.sin(x)
    t_1 = t * y
    n = len(t_1)
    n_1 = len(out_bar)
    if n_1 != n:
        raise ValueError("ShapeMismatch: axis 0 of out_bar has another size than the result t (golden_programs.py:349)")

    # reverse sweep
    t_bar = sum_to(out_bar, t_1)
    return t_1, sum_to(t_bar * y, t) * np.cos(x), sum_to(t_bar * t, y)
