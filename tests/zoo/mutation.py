"""In-place writes: elements, augmented, overwritten inputs, state in arrays."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((np.array([2.0, 3.0]),))
def overwrite_twice(x):
    x[0] = x[0] * x[1]
    x[0] = x[0] * x[1]
    return x[0]


@program((vec(4),))
def read_then_overwrite(x):
    a = x[1]
    x[1] = a * x[0]
    b = x[1]
    x[1] = 3.0
    return a * b * x[1] + math.sin(a)


@program((np.array([1.0, 2.0, 3.0, 4.0]),))
def parity_sums(x):
    y = np.zeros(2)
    for i in range(len(x)):
        y[i % 2] += x[i] * x[i]
    return y[0] * y[1]


@program((vec(5),))
def prefix_in_place(x):
    for i in range(1, len(x)):
        x[i] = x[i] * x[i - 1] + x[i]
    return x[-1] * x[0]


@program((vec(5),))
def augmented(x):
    x[0] += x[1]
    x[1] *= x[2]
    x[2] -= x[0] * x[1]
    x[3] /= 2 + x[0] * x[0]
    x[4] **= 2
    return x[0] * x[1] + x[2] * x[3] + x[4]


@program((pos(6), 2))
def smooth_in_place(u, n):
    for _ in range(n):
        for i in range(1, len(u) - 1):
            u[i] = 0.25 * u[i - 1] + 0.5 * u[i] * u[i] + 0.25 * u[i + 1]
    s = 0.0
    for i in range(len(u)):
        s += u[i] * u[i]
    return s


@program((vec(4), vec(4, 1)))
def writes_both(x, y):
    for i in range(4):
        x[i] = x[i] * y[i]
        y[i] = x[i] + y[i] * y[i]
    return x[0] * y[1] + x[2] * y[3]


@program((vec(4), 3))
def rotate(x, n):
    for _ in range(n):
        first = x[0]
        for i in range(len(x) - 1):
            x[i] = x[i + 1]
        x[len(x) - 1] = first * 1.1
    return x[0] * x[0] + x[1] * 3 + x[2] * x[3]


@program((vec(5), 3))
def histogram(x, k):
    h = np.zeros(k)
    for i in range(len(x)):
        h[(2 * i) % k] += math.sin(x[i]) * (1 + h[i % k])
    return h[0] * h[1] + h[2]


@program((mat(3, 3), 0.7))
def write_rows(a, c):
    for i in range(1, 3):
        for j in range(3):
            a[i, j] = a[i - 1, j] * c + a[i, j] * a[i, 2 - j]
    return a[2, 0] * a[2, 1] + a[1, 2]


@program((vec(4), np.array([2, 0, 3, 1])))
def scatter(x, index):
    y = np.zeros(4)
    for i in range(4):
        y[index[i]] = x[i] * x[index[i]]
    s = 0.0
    for i in range(4):
        s += y[i] * (i + 1)
    return s


@program((vec(4),))
def cleared(x):
    y = np.ones(4)
    s = 0.0
    for i in range(4):
        y[i] = x[i]
        s += y[i] * y[i] * y[0]
        y[0] = 0.5
    return s


@program((vec(4), 0.8), (vec(4), -0.8))
def write_in_branch(x, c):
    if c > 0:
        x[1] = x[0] * x[1]
    else:
        x[0] = x[1] * x[1] * c
        x[1] = 0.0
    return x[0] * x[1] + x[2] * c + x[0]


@program((vec(5),))
def bubble(x):
    for i in range(len(x)):
        for j in range(len(x) - 1 - i):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
    s = 0.0
    for i in range(len(x)):
        s += x[i] * (i + 1) ** 2 + x[i] * x[i]
    return s


@program((vec(5),))
def insertion_sort(x):
    y = x.copy()
    for i in range(1, len(y)):
        v = y[i]
        j = i - 1
        while j >= 0 and y[j] > v:
            y[j + 1] = y[j]
            j -= 1
        y[j + 1] = v
    return y[0] * y[-1] + 2 * y[2]


@program((vec(4),))
def returns_written(x):
    x[2] = x[0] * x[1]
    return x


@program((vec(3), 0.5, 4))
def momentum(w, lr, n):
    m = np.zeros(3)
    for _ in range(n):
        for i in range(3):
            g = w[i] * w[i] * w[i] - 0.3 * w[(i + 1) % 3]
            m[i] = 0.9 * m[i] + 0.1 * g
            w[i] -= lr * m[i]
    return w[0] * w[0] + w[1] - w[2] * w[0]


@program((vec(4),))
def int_counters(x):
    seen = np.zeros(3, dtype=np.int64)
    s = 0.0
    for i in range(4):
        k = i % 3
        seen[k] += 1
        s += x[i] * seen[k] + s * 0.1
    return s * seen[0]


@program((vec(6),))
def written_and_reset(x):
    buf = np.zeros(2)
    s = 0.0
    for i in range(3):
        buf[0] = x[2 * i]
        buf[1] = x[2 * i + 1] * buf[0]
        s += buf[0] * buf[1]
        for k in range(2):
            buf[k] = 0.0
    return s


@program((vec(3), 2))
def last_wins(x, k):
    for i in range(3):
        x[k] = x[i] * x[i] + x[k]
        x[k] = x[k] * 0.5
    return x[k]
