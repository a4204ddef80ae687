"""Buffers that trade places and windows of arrays, with exits, empty loops and empty slices."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, vec


@program((vec(4), vec(4, 1), 3), (vec(4), vec(4, 1), 0))
def swap_zero_trip(u, v, n):
    for i in range(n):
        for j in range(i):
            u, v = v, u
            u[j] = u[j] * v[i]
    return np.sum(u * u * v) + u[0]


@program((vec(4), vec(4, 1), 5.0), (vec(4), vec(4, 1), -5.0))
def swap_in_while_break(u, v, b):
    s = 0.0
    k = 0
    while True:
        u[k % 4] = u[k % 4] * v[(k + 1) % 4] + 0.1
        s += u[k % 4]
        u, v = v, u
        k += 1
        if s > b or k > 6:
            break
        if u[0] > 1.0:
            continue
        s = s * 0.5
    return s * np.sum(u)


@program((vec(3), vec(3, 1), 3))
def return_swapped(u, v, n):
    for i in range(n):
        u[i] = v[i] * u[0]
        if u[i] > 0.5:
            return np.sum(u * v) * 2.0
        u, v = v, u
    return np.sum(u)


@program((vec(3), 3))
def two_level_fresh(x, n):
    y = x * 1.0
    for i in range(n):
        z = y * x
        for j in range(2):
            w = z * y
            z = w + x
        y = z * 0.3
    return np.sum(y)


@program((vec(3), 3))
def fresh_conditional(x, n):
    y = x * 1.0
    for i in range(n):
        if y[i] > 0.3:
            y = y * x
        elif i == 2:
            y = x.copy()
    y[0] *= y[1]
    return np.sum(y * y)


@program((vec(3), 4))
def delayed(x, n):
    a = x * 1.0
    b = x * 2.0
    c = x * 3.0
    for i in range(n):
        a, b, c = b, c, a * b + x
    return np.sum(a * b * c)


@program((vec(3), 4))
def delayed_written(x, n):
    a = x * 1.0
    b = x * 2.0
    for i in range(n):
        c = a * b
        c[i % 3] = x[0]
        a = b
        b = c
    return np.sum(a * b)


@program((vec(3), 4))
def both_same(x, n):
    a = x * 1.0
    b = a
    for i in range(n):
        a = a * x
        b = a
    b[0] = 2.0
    return np.sum(a * b)


@program((vec(3), 4), (vec(3), 0))
def alias_after_loop(x, n):
    a = x
    for i in range(n):
        a = a * x
    a[0] = a[0] * 3.0
    return np.sum(a) * x[0]


@program((vec(3), 2), (vec(3), 0))
def maybe_alias_write(x, n):
    y = x
    if n > 1:
        y = x * 2.0
    y[0] = x[1] * y[1]
    return np.sum(x) * y[0]


@program((vec(3), 3))
def list_of_arrays(x, n):
    xs = (x * 1.0, x * 2.0, x * 3.0)
    s = 0.0
    for a in xs:
        for i in range(n):
            a[i] *= x[i]
            s += a[i] * xs[0][i]
    return s


@program((mat(3, 3), 3))
def rows_swapped_pivot(a, n):
    for k in range(n - 1):
        p = k
        for i in range(k + 1, n):
            if a[i, k] * a[i, k] > a[p, k] * a[p, k]:
                p = i
        for j in range(n):
            kept = a[k, j]
            a[k, j] = a[p, j]
            a[p, j] = kept * 1.5
        for i in range(k + 1, n):
            a[i] -= a[k] * (a[i, k] / a[k, k])
    return a[0, 0] * a[1, 1] * a[2, 2]


@program((mat(3, 3),))
def rows_tmp_copy(a):
    tmp = a[0].copy()
    a[0] = a[1] * a[0]
    a[1] = tmp
    a[[0, 1][0]] *= 2.0
    return np.sum(a * a)


@program((vec(5), 3))
def while_zero_and_nested_break(x, n):
    s = 1.0
    for i in range(n):
        k = 0
        while k < i:
            j = 0
            while j < 3:
                s = s * 0.9 + x[j] * x[k]
                if s > 1.5:
                    break
                j += 1
            else:
                s -= x[i]
            if s < -1:
                break
            k += 1
        x[i] = s
    return s * x[0] + x[2]


@program((0.5, 1.5, 3))
def returns_in_else(x, y, n):
    for i in range(n):
        x = x * y
        if x > 100:
            return x
    else:
        if y > 1:
            return x * y
    return x - y


@program((vec(1),), (np.array([-1.2]),))
def size1(x):
    y = np.zeros_like(x)
    y[:] = x[-1] * x[0]
    x[:0] = 5.0
    x += y * x
    for v in x:
        y[0] += v * v
    return y[0] * x[0]


@program((vec(6), 2), (vec(6), 0), (vec(6), 6))
def empty_slices(x, k):
    a = x[:k]
    b = x[k:]
    a *= 2.0
    b += np.sum(a)
    return np.sum(a * a) + np.sum(b * b)


@program((vec(4), np.array([3, 1, 0, 2]), 2))
def int_array_state(x, p, n):
    for r in range(n):
        for i in range(4):
            j = p[i]
            p[i] = (j + i + r) % 4
            x[p[i]] = x[j] * x[i] + 0.1
    return np.sum(x * p)


@program((mat(4, 4),))
def diag_blocks(a):
    for k in range(0, 4, 2):
        b = a[k : k + 2, k : k + 2]
        c = b.T
        c[0, 1] = b[0, 0] * b[1, 1]
        b += c * 0.5
    return np.sum(a @ a)


@program((mat(3, 3), vec(3), 3))
def matvec_inplace(a, x, n):
    for i in range(n):
        x[:] = a @ x
        a[i] += x
        x *= 0.5
    return x @ x + np.sum(a)


@program((mat(3, 3), 2))
def mat_inplace(a, n):
    b = a.copy()
    for i in range(n):
        b[:] = a @ b
        a[:] = b.T @ a
    return np.sum(a * b)


@program((vec(4), 2))
def aug_views(x, n):
    y = x[1:3]
    for i in range(n):
        y += x[:2] * y
        y /= 2.0
        x -= 0.1
        y **= 2
    return np.sum(x * x)
