import numpy as np
from adcompiler.runtime import stack


def adjoint(x, s_bar):
    n = len(x)

    # forward sweep
    tape = stack(0.0)
    s = 1.0
    for i in range(n):
        tape.append(s)
        s *= x[i]

    # reverse sweep
    x_bar = np.zeros_like(x)
    r = s_bar
    for i_1 in range(n - 1, -1, -1):
        acc_1 = tape.pop()
        x_bar[i_1] += r * acc_1
        r *= x[i_1]
    return x_bar
