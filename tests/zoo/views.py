"""Views share memory: writes through them are seen, views of views, views in loops."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, vec


@program((vec(4),))
def write_through(x):
    v = x[1:]
    v[0] = v[0] * x[0]
    return x[1] * x[2] + v[0] * v[2]


@program((vec(8),))
def view_of_view(x):
    v = x[1:]
    w = v[1::2]
    w[0] = w[1] * x[0]
    v[1] += w[0] * x[3]
    return np.sum(x * x) + w[0] * v[0]


@program((mat(3, 4),))
def row_view(a):
    r = a[1]
    r[2] = r[0] * a[0, 0]
    a[1, 0] = r[2] * r[2]
    return np.sum(r * a[2])


@program((mat(3, 4),))
def rows_in_a_loop(a):
    s = 0.0
    for i in range(3):
        row = a[i]
        row[0] += row[1] * row[2]
        for j in range(1, 4):
            row[j] = row[j] * row[j - 1]
        s += row[3] * row[0]
    return s


@program((mat(3, 4),))
def transposed_view(a):
    t = a.T
    t[0, 1] = t[1, 0] * t[2, 2]
    t[3] *= 2.0
    return np.sum(a[1] * a[2]) + a[0, 3]


@program((vec(6),))
def overlapping_views(x):
    a = x[:4]
    b = x[2:]
    a[3] = b[0] * b[3]
    b[0] = a[3] * a[0]
    return np.sum(a * b)


@program((vec(6), 3))
def windows_rewritten(x, n):
    for i in range(n):
        w = x[i : i + 3]
        w[1] = w[0] * w[2]
        w[:] = w * 0.9
        u = w[1:]
        u[0] += w[0]
    return np.sum(x * x)


@program((mat(4, 4),))
def column_view(a):
    c = a[:, 2]
    c *= a[:, 0]
    c[1:] += c[:-1]
    return np.sum(a[:, 2] ** 2)


@program((vec(6),))
def reversed_view(x):
    r = x[::-1]
    for i in range(5):
        r[i + 1] = r[i] * r[i + 1] + x[i]
    return x[0] * x[3]


@program((vec(6),))
def halves_of_a_copy(x):
    y = x.copy()
    lo, hi = y[:3], y[3:]
    lo += hi
    hi -= lo * 0.5
    return np.sum(y * x)


@program((vec(5),))
def in_place_on_view(x):
    v = x[1:4]
    v += x[:3]
    v *= v
    return np.sum(x)


@program((np.arange(12.0).reshape(2, 3, 2) / 5 - 1,))
def plane_and_row(a):
    plane = a[1]
    row = plane[2]
    row[0] = plane[0, 1] * row[1]
    plane[0] = row * 2.0
    return np.sum(a * a) + row[0] * a[1, 0, 0]


@program((vec(4),), (vec(1),))
def whole_view(x):
    v = x[:]
    v[0] = v[0] ** 2
    return np.sum(v) + x[0] * 3


@program((mat(3, 4),))
def view_of_transposed(a):
    t = a.T[1:, ::2]
    t[0] = t[1] * t[2]
    t[2, 1] += t[0, 0] * a[0, 0]
    return np.sum(a * a) + t[0, 1]


@program((vec(6),))
def column_of_none(x):
    c = x[:, None]
    r = x[None, ::-1]
    c[1] = r[0, 1] * c[0]
    return np.sum(c * r[0, 2]) + x[1] * x[3]


@program((mat(3, 3), 2), (mat(3, 3), 0))
def view_with_moving_start(a, n):
    s = 0.0
    for k in range(n):
        sub = a[k + 1 :, k + 1 :]
        sub -= a[k + 1 :, k][:, None] * a[k, k + 1 :]
        s += a[k, k] * a[k, k]
    return s + a[2, 2]
