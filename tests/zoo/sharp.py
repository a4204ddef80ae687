"""Programs that tell apart what others leave open: each was the first on which some planted fault showed."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, vec


@program((vec(3), vec(3, 1), vec(3, 2), 4), (vec(3), vec(3, 1), vec(3, 2), 0))
def three_buffers_rotate(u, v, w, n):
    s = 0.0
    for i in range(n):
        u[i % 3] = u[i % 3] * v[0] + 0.3 * w[1]
        s += u[0] * v[1] - w[2] * u[2]
        u, v, w = v, w, u
    return s + np.sum(u * v) + w[0]


@program((0.9, 3), (1.2, 0))
def starts_from_what_it_reads(a, n):
    r = a
    for _ in range(n):
        r = np.sin(r) * a
    return r


@program((vec(5), 5), (vec(6), 6), (vec(1), 1))
def every_other(x, n):
    s = 1.0
    for i in range(0, n, 2):
        s = s * np.sin(x[i]) + x[i]
    return s


@program((vec(7), 7), (vec(8), 8))
def every_third_backwards(x, n):
    s = 1.0
    for i in range(n - 1, 0, -3):
        s = s * np.cos(x[i]) + x[i - 1] * s
    return s


@program((0.7,))
def added_then_overwritten_before(a):
    b = np.sin(np.full(3, a))
    u = np.zeros(3)
    u[0] = a * a
    u += b
    u[1] = u[0] * u[2]
    return np.sum(u * u)


@program((vec(4), 1.0), (vec(4), -1.0))
def one_of_two_views(x, c):
    v = x[1:] if c > 0.0 else x[:-1]
    v[0] = v[0] * v[1] + c
    return np.sum(x * x) + v[2] * x[1]


@program((vec(3), 1.0), (vec(3), -1.0))
def argument_or_constant(x, c):
    w = x if c > 0.0 else np.ones(3)
    s = 0.0
    for i in range(3):
        s += w[i] * x[i] * w[0]
    return s


@program((vec(3), 3))
def trades_places_with_a_constant(x, n):
    u = np.ones(3)
    s = 0.0
    for i in range(n):
        s += u[i] * x[i] * u[0]
        u, x = x, u
    return s + np.sum(x)


@program((vec(3),))
def whole_array_overwritten(x):
    y = np.sin(x) * x
    x[:] = y * 0.5
    z = np.exp(x)
    x[1:] = z[:-1] * x[1:]
    return np.sum(y * z) + np.sum(x * x)


@program((vec(3), vec(3, 1), 3))
def view_of_what_a_later_trip_writes(x, y, n):
    s = 0.0
    for i in range(n):
        s += np.sum(np.sin(x[:2]) * y[1:])
        x[i] = s * y[i]
    return s


@program((mat(3, 2), vec(3)))
def columns_along_rows(a, x):
    b = a * x[:, None]
    c = b + x[0:1]
    return np.sum(c * b) + np.sum(a[:1] * a)


@program((vec(3), 3), (vec(3), 0))
def fresh_array_written_in_the_next_trip(x, n):
    y = x * 1.0
    s = 0.0
    for i in range(n):
        y[0] = y[0] * y[1]
        z = y * x
        s += np.sum(np.cos(z))
        y = z
    return s + np.sum(y)
