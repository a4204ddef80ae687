"""float32, and float32 mixed with float64 and integers."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, program, vec

SINGLE = vec(4).astype(np.float32)


@program((SINGLE,), single=True)
def single_loop(x):
    s = np.float32(0.0)
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


@program((SINGLE, np.float32(0.3)), single=True)
def single_arrays(x, c):
    return np.sum(np.sin(x * c) + 2.0 * x) * c


@program((SINGLE, vec(4, 1)), single=True)
def mixed_arrays(x, y):
    return np.sum(x * y) + x[0] * y[1]


@program((np.float32(0.7), 1.3), single=True)
def mixed_scalars(x, y):
    z = np.float32(2.0) * x
    return z * y + math.sin(x) * z


@program((SINGLE, 2), single=True)
def single_stored(x, n):
    y = np.zeros(4, dtype=np.float32)
    for k in range(n):
        for i in range(4):
            y[i] = y[i] * 0.5 + x[i] * x[i - 1]
    return np.sum(y * y)


@program((SINGLE, vec(4)), single=True)
def double_into_single(x, y):
    x[1] = y[0] * y[1]
    x[2:] += y[2:]
    return np.sum(x * x)


@program((vec(4),), single=True)
def rounded_on_the_way(x):
    y = x.astype(np.float32)
    return np.sum(y * y) * 2.0


@program((np.float32(0.7), 3), single=True)
def single_and_ints(x, n):
    y = x
    for i in range(n):
        y = y * x + i
    return y * n / 2


@program((mat(2, 3).astype(np.float32), vec(3).astype(np.float32)), single=True)
def single_product(a, x):
    y = a @ x
    return y @ y


@program((SINGLE,), single=True)
def single_to_double(x):
    y = x.astype(np.float64)
    y[0] = y[1] * 3.0
    return np.sum(np.exp(y))


@program((SINGLE, np.float32(0.4)), single=True)
def single_branches(x, c):
    s = np.float32(1.0)
    for v in x:
        if v > c:
            s = s * v
        else:
            s = s + np.maximum(v, np.float32(-1.3)) * c
    return s


@program((np.float32(1.5), np.float32(0.25)), single=True)
def single_while(x, y):
    while x < 100.0:
        x = x * x + y
    return x
