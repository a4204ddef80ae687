import numpy as np


def hadamard_vjp(x, y, out_bar):
    """Value of hadamard and adjoints of its arguments for a given adjoint of its result."""
    t = np.sin(x)
    t_1 = t * y
    n = len(t_1)
    n_1 = len(out_bar)
    if n_1 != n:
        raise ValueError("ShapeMismatch: axis 0 of out_bar has another size than the result t (golden_programs.py:407)")
    return t_1, out_bar * y * np.cos(x), out_bar * t
