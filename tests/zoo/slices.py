"""Slices read and written, negative indices, steps, None, Ellipsis."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, vec


@program((np.array([1.0, 2.0, 3.0]),))
def neighbours(x):
    return np.sum(x[1:] * x[:-1])


@program((vec(4),))
def shift_add(a):
    a[1:] += a[:-1]
    return np.sum(a * a)


@program((vec(5),))
def shift_down(a):
    a[:-1] = a[1:] * a[:-1]
    return a[0] * a[1] + np.sum(a[2:])


@program((vec(6),))
def even_odd(x):
    return np.sum(x[::2] * x[1::2]) + x[-1] * x[-2]


@program((vec(6),))
def backwards(x):
    y = x[::-1] * x
    y[::-2] = y[1::2] * 2.0
    return np.sum(y * x)


@program((vec(5),))
def reverse_itself(x):
    x[:] = x[::-1]
    x[1:4] *= x[3:0:-1]
    return x[0] * x[4] + np.sum(x * x)


@program((mat(3, 4),))
def rows_and_columns(a):
    return np.sum(a[0] * a[2]) + np.sum(a[:, 1] * a[:, -1]) + np.sum(a[1:, ::2])


@program((mat(3, 3), vec(3)))
def write_column(a, b):
    a[:, 1] = b * a[:, 0]
    a[2] += b
    a[0, 1:] = a[1, :2] * 3.0
    return np.sum(a * a)


@program((mat(3, 4),))
def row_operations(a):
    for i in range(1, a.shape[0]):
        a[i] -= a[i - 1] * a[i, 0]
        a[i, :] *= 0.5
    return np.sum(a[-1] * a[-2])


@program((vec(6), 3))
def window_sums(x, w):
    s = 0.0
    for i in range(len(x) - w + 1):
        s += np.sum(x[i : i + w]) ** 2
    return s


@program((vec(4), vec(3, 1)))
def outer_by_none(x, y):
    t = x[:, None] * y[None, :]
    return np.sum(t * t) + t[0, 1]


@program((mat(3, 4),))
def ellipsis(a):
    return np.sum(a[..., 0] * a[..., -1]) + np.sum(a[1, ...] ** 2)


@program((np.arange(24.0).reshape(2, 3, 4) / 7,))
def three_axes(a):
    s = np.sum(a[0, 1] * a[1, 2]) + np.sum(a[:, 0, :] * a[:, -1, ::-1])
    a[:, 1] = a[:, 0] * a[0, 2]
    return s + a[1, 1, 1] * a[0, 2, 3]


@program((vec(5),))
def scalar_into_slice(x):
    s = x[0] * x[1]
    x[1:3] = s
    x[3:] += s * s
    return np.sum(x * x * x)


@program((vec(4), 0), (vec(4), 4), (vec(4), 2))
def slice_may_be_empty(x, k):
    return np.sum(x[:k] * x[:k]) + 2.0 * np.sum(x[k:]) * x[0]


@program((vec(6), 1, 5, 2), (vec(6), 4, 0, -1))
def slice_from_arguments(x, lo, hi, step):
    y = x[lo:hi:step]
    y *= 2.0
    return np.sum(y * y) + x[0] * x[5]


@program((mat(4, 4),))
def blocks(a):
    a[:2, :2] += a[2:, 2:]
    a[2:, :2] = a[:2, 2:] * a[:2, :2]
    return np.sum(a * a[::-1])


@program((vec(5), 10))
def out_of_range_slice(x, n):
    return np.sum(x[1:n]) * x[0] + np.sum(x[-n:2])


@program((mat(2, 3), vec(3)))
def broadcast_write(a, b):
    a[:] = b
    a[1] *= b
    a += b * a[0]
    return np.sum(a * a)


@program((mat(3, 3),))
def diagonal(a):
    s = 1.0
    for i in range(3):
        s *= a[i, i]
        a[i, i] = s
        a[i, -1 - i] += s * a[0, 1]
    return np.sum(a)


@program((vec(5),))
def overlapping_differences(x):
    x[1:] -= x[:-1]
    x[:-1] -= x[1:]
    v = x[2:]
    v -= x[:3]
    x[1:] += -x[:-1]
    x[::-1] -= x * x[0]
    x[:3] = -x[2:]
    return np.sum(x * x)


@program((mat(3, 3),))
def with_its_transpose(a):
    b = a.T
    a -= b
    a[0] += b[1]
    b *= a + 1.0
    b[1:] -= a[:-1]
    a[:, 1:] = -b[:, :-1]
    return np.sum(a * a * b)
