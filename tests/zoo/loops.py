"""for loops: ranges, arrays, zip, enumerate, tuples; carried values; nested; run-time trip counts."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((vec(5),), (vec(1),))
def sum_of_squares(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


@program((np.array([2.0, 2.0, 2.0]), 3), (vec(4), 2), (vec(4), 0))
def product(x, n):
    p = 1.0
    for i in range(n):
        p *= x[i]
    return p


@program((vec(4), 0.7))
def horner(c, x):
    y = 0.0
    for i in range(len(c) - 1, -1, -1):
        y = y * x + c[i]
    return y


@program((vec(5),))
def over_an_array(x):
    s = 1.0
    for v in x:
        s = s + math.sin(s * v)
    return s


@program((vec(4), vec(4, 1)))
def zipped(x, y):
    s = 0.0
    for a, b in zip(x, y):
        s += a * b * math.exp(s / 10)
    return s


@program((vec(4),))
def enumerated(x):
    s = 0.0
    for i, v in enumerate(x, 1):
        s += v**i / i
    return s


@program((mat(3, 4),))
def over_rows(a):
    s = 0.0
    for row in a:
        t = 1.0
        for v in row:
            t *= 1 + 0.1 * v
        s += t * t
    return s


@program((vec(7),))
def steps(x):
    s = 0.0
    for i in range(1, len(x), 3):
        s += x[i] * x[i - 1]
    for i in range(len(x) - 1, 0, -2):
        s *= 1 + 0.1 * x[i]
    return s


@program((0.3, 12), (0.3, 0))
def logistic_map(x, n):
    for _ in range(n):
        x = 3.3 * x * (1 - x)
    return x


@program((0.8, 9))
def fibonacci(x, n):
    a, b = 0.0, x
    for _ in range(n):
        a, b = b, a + 0.3 * b
    return a


@program((mat(4, 3),))
def triangle(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(min(i + 1, a.shape[1])):
            s += a[i, j] * a[i, 0] + s * 0.1
    return s


@program((vec(4), np.array([3, 0, 2, 1])), (vec(3), np.array([0, 0, 0])))
def trips_from_data(x, counts):
    s = 1.0
    for i in range(len(counts)):
        for k in range(counts[i]):
            s = s * 0.9 + x[i] * (k + 1) * s
    return s


@program((vec(3), 3))
def three_deep(x, n):
    s = 0.5
    for i in range(n):
        for j in range(i, n):
            t = s
            for k in range(j):
                t = t + 0.1 * x[k] * t * x[i]
            s = s + t * x[j]
    return s


@program((vec(4),))
def else_after_loop(x):
    s = 0.0
    for v in x:
        s += v * v
    else:
        s *= x[0]
    return s


@program((0.7, 4), (0.7, 1))
def index_after_loop(x, n):
    i = 10
    for i in range(n):
        x *= 1.1
    return x * i + i * math.sin(x)


@program((0.7,))
def over_a_tuple(x):
    s = x
    for k, (a, b) in enumerate(((1.0, 2.0), (0.5, -1.0), (3.0, 0.1))):
        s = a * math.sin(s) + b * k
    return s


@program((pos(5),))
def norm_of_loop_sum(x):
    s = 0.0
    for v in x:
        s += v * v
    return math.sqrt(s)


@program((vec(4), 3))
def carried_tuple(x, n):
    state = (0.1, 0.2)
    for i in range(n):
        p, v = state
        state = (p + 0.1 * v, v - x[i] * p)
    return state[0] * state[1]


@program((vec(5),))
def reversed_order(x):
    s = 0.1
    for v in reversed(x):
        s = s * v + math.cos(v)
    for i in reversed(range(2)):
        s *= x[i]
    return s


@program((vec(6), 4))
def index_arithmetic(x, n):
    s = 0.0
    for i in range(n):
        j = (3 * i + 1) % len(x)
        k = -1 - i
        s += x[j] * x[k] * x[i // 2]
    return s


@program((mat(3, 3), vec(3)))
def shadowed_index(a, x):
    s = 0.0
    for i in range(3):
        w = x[i]
        for i in range(3):
            s += a[i, 0] * w
        s *= x[i] * 0.5
    return s


@program((vec(3), 3, 2))
def loop_invariants(x, n, m):
    s = 0.0
    for _i in range(n):
        c = math.sin(x[0])
        for _j in range(m):
            d = c * x[1]
            s = s * d + x[2]
    return s


@program((vec(4), 3))
def moved_sum(x, n):
    total = 0.0
    for i in range(n):
        s = 0.0
        for j in range(i + 1):
            s += x[j] * x[j + 1]
        total += math.tanh(s) * s
    return total
