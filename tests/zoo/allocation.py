"""Arrays made inside: zeros, ones, empty, full, _like, copy, array displays."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((vec(5),), (vec(1),))
def fill_zeros(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = math.sin(x[i])
    return np.sum(y * x)


@program((vec(4),))
def fill_empty(x):
    y = np.empty(4)
    y[0] = x[0]
    for i in range(1, 4):
        y[i] = y[i - 1] * x[i]
    return y[3] + y[2]


@program((vec(4), 0.7))
def likes(x, c):
    a = np.zeros_like(x)
    b = np.ones_like(x)
    d = np.empty_like(x)
    d[:] = x * c
    e = np.full_like(x, c)
    a[1:] = d[:-1]
    return np.sum(a * b + d * e) + a[1]


@program((0.7, 3))
def full_of_x(x, n):
    y = np.full(n, x)
    y[0] *= x
    return np.sum(y * y)


@program((mat(3, 2),))
def two_axes(a):
    n, m = a.shape
    b = np.zeros((m, n))
    for i in range(n):
        for j in range(m):
            b[j, i] = a[i, j] * a[i, 0]
    return np.sum(b[0] * b[1])


@program((0.7, 1.9))
def displayed(x, y):
    a = np.array([x, y, x * y])
    a[2] += a[0]
    return np.sum(a * a)


@program((0.7, -0.4))
def displayed_matrix(c, s):
    r = np.array([[c, -s], [s, c]])
    v = np.array([1.0, 2.0])
    return np.sum(r @ (r @ v))


@program((0.3, 5))
def grids(x, n):
    t = np.zeros(n)
    k = np.zeros(n, dtype=np.int64)
    for i in range(n):
        t[i] = i / n
        k[i] = 2 * i + 1
    return np.sum(np.exp(x * t)) + np.sum(np.sin(k * x))


@program((vec(4), 3))
def allocated_in_loop(x, n):
    s = 0.0
    for k in range(n):
        y = np.zeros(4)
        for i in range(4):
            y[i] = x[i] * (k + 1) + s * 0.1
        s += y[k] * y[3]
    return s


@program((vec(4), 3))
def scratch_kept_across(x, n):
    y = np.zeros(4)
    s = 0.0
    for k in range(n):
        z = y * 0.5
        for i in range(4):
            z[i] += x[i] * z[i - 1] + x[k]
        s += z[0]
        y = z
    return s * y[1]


@program((pos(3), 6))
def history(x, n):
    path = np.zeros((n + 1, 3))
    path[0] = x
    for t in range(n):
        path[t + 1] = path[t] + 0.1 * path[t] * (1 - path[t])
    return np.sum(path[n]) + path[2, 1] * path[n, 0]


@program((vec(3), 2), (vec(3), 0))
def sizes_at_run_time(x, n):
    y = np.ones((n, len(x)))
    for i in range(n):
        y[i] *= x
    return np.sum(y) * x[0]


@program((vec(4),))
def copies(x):
    y = x.copy()
    y[0] = y[0] * y[1]
    z = np.copy(y)
    z[1] = y[0] * 2
    w = np.array(z)
    w[2] *= w[1]
    return np.sum(x * y * z * w)


@program((vec(3), 0.4))
def fill_method(x, c):
    y = np.empty(3)
    y.fill(c * c)
    y[1] = x[0]
    return np.sum(x * y)


@program((mat(2, 3),))
def shapes(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s += a[i, j] * (a.size + a.ndim + len(a) + i)
    return s * s


@program((vec(3), 4))
def table_of_rows(x, n):
    rows = np.empty((n, 3))
    for i in range(n):
        rows[i] = x * (i + 1.0)
        if i > 0:
            rows[i] += rows[i - 1] * x[0]
    return np.sum(rows[n - 1] * rows[n - 2])
