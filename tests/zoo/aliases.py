"""Names that mean the same array, buffers that trade places, arrays chosen at run time."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((np.array([2.0, 3.0]),))
def two_names(x):
    y = x
    y[0] = y[0] * y[1]
    return y[0] * 3 + x[0] * x[1]


@program((pos(6), 5), (pos(6), 4), (pos(6), 0))
def double_buffer(u, n):
    v = u.copy()
    for _ in range(n):
        for i in range(1, len(u) - 1):
            v[i] = u[i] + 0.2 * (u[i - 1] - 2 * u[i] + u[i + 1]) * u[i]
        u, v = v, u
    s = 0.0
    for i in range(len(u)):
        s += u[i] * u[i]
    return s


@program((vec(4), vec(4, 1)))
def swap_once(x, y):
    x, y = y, x
    x[0] = x[0] * y[0]
    y[1] = x[0] * x[1]
    return np.sum(x * y)


@program((vec(3), vec(3, 1), vec(3, 2), 4), (vec(3), vec(3, 1), vec(3, 2), 5))
def three_rotate(a, b, c, n):
    for k in range(n):
        a[k % 3] = b[0] * c[1] + a[k % 3]
        a, b, c = b, c, a
    return a[0] * a[1] + b[1] * c[2] + np.sum(c)


@program((vec(3), vec(3, 1), 3), (vec(3), vec(3, 1), 2))
def swap_in_nested_loops(u, v, n):
    for i in range(n):
        for j in range(i + 1):
            v[j % 3] = u[j % 3] * u[i % 3] + 0.5 * v[j % 3]
            u, v = v, u
        v[0] = v[0] * 0.5 + u[1]
    return u[0] * v[0] + np.sum(u * v)


@program((vec(3), vec(3, 1), 5))
def swap_in_while(u, v, n):
    k = 0
    while k < n:
        v[k % 3] += u[(k + 1) % 3] * 0.5
        u, v = v, u
        k += 1
    return np.sum(u * u) + v[0]


@program((vec(3), vec(3, 1), 0.5), (vec(3), vec(3, 1), -0.5))
def chosen_array(x, y, c):
    if c > 0:
        z = x
    else:
        z = y
    z[0] = z[1] * z[2] * c
    return np.sum(x) * np.sum(y * y)


@program((vec(4), 0.5), (vec(4), -0.5))
def alias_or_copy(x, c):
    y = x if c > 0 else x.copy()
    y[0] = y[0] * y[1]
    return x[0] * y[0] + c * x[1]


@program((vec(4),))
def rebound_to_fresh(x):
    y = x
    y = y * 2.0
    y[0] = 1.0
    return np.sum(y * x)


@program((vec(4), 3))
def fresh_each_time(x, n):
    y = x
    for _ in range(n):
        y = y * x + 1.0
    return np.sum(y)


@program((vec(4), 3))
def fresh_then_written(x, n):
    y = x.copy()
    for k in range(n):
        z = np.zeros(4)
        for i in range(4):
            z[i] = y[i] * y[i - 1]
        z[k] = x[k]
        y = z
    return np.sum(y * y)


@program((vec(3),))
def same_array_to_helper(x):
    def mix(a, b):
        for i in range(3):
            a[i] = a[i] * b[2 - i]

    mix(x, x)
    return x[0] + x[1] * x[2]


@program((pos(5), 4))
def swap_and_break(u, n):
    v = np.zeros(5)
    for k in range(n):
        for i in range(5):
            v[i] = u[i] * u[i - 1] * 0.8
        u, v = v, u
        if u[0] < 0.4:
            break
    return np.sum(u) + v[1] * v[2]


@program((mat(2, 3),))
def rows_swapped(a):
    for j in range(3):
        a[0, j], a[1, j] = a[1, j] * 2, a[0, j] * a[1, j]
    return np.sum(a[0] * a[1])


@program((vec(3), vec(3, 1)))
def tuple_of_arrays(x, y):
    pair = (x, y)
    for a in pair:
        a[1] = a[0] * a[2]
    b, c = pair[1], pair[0]
    b[0] = c[1]
    return np.sum(x * y)


@program((vec(4), 3))
def previous_kept(x, n):
    prev = x
    cur = x * 0.5
    for _ in range(n):
        nxt = cur * 1.5 - prev * x
        prev = cur
        cur = nxt
    return np.sum(cur * prev)
