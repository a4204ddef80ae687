"""What the reverse sweep needs, overwritten, hidden in branches or made inside loops."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, vec


@program((vec(6), np.array([3, 1, 2, 2, 0, 1])))
def bounds_overwritten(x, k):
    s = 0.0
    for i in range(4):
        for j in range(k[i]):
            s += x[j] * x[i]
            k[i + 1] = (k[i + 1] + j) % 3
        k[i] = 0
        x[i] = s
    return s


@program((vec(6), np.array([3, 1, 2, 4, 0, 1])))
def slice_bounds_overwritten(x, k):
    s = 0.0
    for i in range(4):
        v = x[k[i] :]
        v *= 1.1
        k[i] = 5
        s += np.sum(v * v) * x[0]
    return s


@program((vec(6), np.array([1, 2, -1, 3])))
def step_from_data(x, k):
    s = 0.0
    for i in range(4):
        st = k[i]
        k[i] = 1
        if st > 0:
            for j in range(0, 6, st):
                s += x[j] * x[i]
                x[j] *= 0.9
        else:
            for j in range(5, -1, st):
                s -= x[j] * s
                x[j] += s * 0.1
    return s + np.sum(x)


@program((vec(6),))
def index_from_overwritten_floats(x):
    s = 0.0
    for i in range(5):
        j = int(x[i] * x[i] * 2) % 6
        x[i] = x[j] * x[i + 1]
        s += x[j]
    return s


@program((vec(6), 0.2))
def cond_from_overwritten(x, c):
    s = 0.0
    for i in range(1, 6):
        if x[i] > x[i - 1] * c:
            x[i] = x[i] * x[i - 1]
            s += x[i]
        else:
            x[i - 1] = x[i] * c
            s = s * x[i - 1]
    return s + np.sum(x * x)


@program((vec(5), 3))
def outer_values_needed_inside(x, n):
    s = 0.0
    for i in range(n):
        a = np.sin(x[i])
        b = a * x[i + 1]
        for j in range(n):
            c = a * x[j]
            for k in range(j):
                s += a * b * c * s * 0.1 + x[k]
            b = b * c
        x[i] = b
    return s


@program((vec(5), 3))
def outer_values_in_while(x, n):
    s = 0.3
    for i in range(n):
        a = x[i] * x[i]
        k = 0
        while s < 2.0 + i:
            b = a + 0.3
            if b > 1:
                s = s + b * s
            else:
                s = s * 1.2 + b * b
            k += 1
            a = a * 0.9 + 0.01 * k
        x[i] = a * s
        s = s * 0.3
    return s * np.sum(x)


@program((vec(5),))
def branch_values_later(x):
    if x[0] > 0:
        a = x[1] * x[2]
        y = np.sin(x)
    else:
        a = x[3]
        y = x * x
    s = 0.0
    for i in range(5):
        s += a * y[i] * s * 0.1 + y[i]
        if i == 2:
            a = s
    return s * a


@program((vec(5),))
def arrays_from_branches(x):
    if x[0] > 0:
        y = np.sin(x)
    else:
        y = x * x
    y[1] = y[0] * x[1]
    if x[1] > 0:
        z = y
    else:
        z = np.exp(y)
    return np.sum(z * y * x)


@program((vec(5), 3))
def arr_branch_in_loop_kept(x, n):
    y = x * 1.0
    for i in range(n):
        if x[i] > 0:
            z = np.sin(y)
        else:
            z = y * y
        y = z + x * y[i]
    return np.sum(y)


@program((vec(5), 3))
def tape_of_views(x, n):
    h = np.zeros((n + 1, 5))
    h[0] = x
    for i in range(n):
        r = h[i]
        q = h[i + 1]
        q[:] = r * r
        q[1:] += r[:-1] * x[i]
        r[0] = q[0] * q[1]
    return np.sum(h * h)


@program((mat(4, 3), 2))
def two_arrays_cross(a, n):
    b = a.T.copy()
    for i in range(n):
        for j in range(3):
            a[i, j] = b[j, i] * a[i + 1, j]
            b[j] = a[:, j] * b[j, i]
    return np.sum(a) * np.sum(b * b)


@program((vec(4), vec(4, 1)))
def axpy_alias(x, y):
    def axpy(a, u, v):
        for i in range(len(u)):
            v[i] += a * u[i]
        return v

    z = axpy(x[0], x, y)
    w = axpy(y[1], y[1:], z[:-1])
    return np.sum(w * x[1:]) + np.sum(z * y)


@program((vec(4), 4), (vec(4), 1))
def shift_register(x, n):
    a, b, c, d = x[0], x[1], x[2], x[3]
    for i in range(n):
        a, b, c, d = b, c, d, a * b - c * d
        if i % 2:
            a, d = d, a
    return a + b * c * d


@program((0.3, 0.8, 7))
def continued(x, y, n):
    s = x
    for i in range(n):
        if i == 1:
            continue
        s = s * y + 1
        if i == 4:
            y = y * s
            continue
        if s > 50:
            break
        s = s - x / y
    return s * y


@program((vec(4), 0.1))
def nested_funcs_return_early(x, c):
    def f(v, d):
        for i in range(4):
            if v[i] > d:
                return v[i] * d, i
            d = d * 1.1
        return d, 0

    s = 0.0
    for k in range(3):
        a, i = f(x, c + s * 0.1)
        s += a * x[i]
        x[i] = a - 1.0
    return s


@program((vec(3), 0.2, 3))
def while_with_inner_alloc(x, c, n):
    s = 0.0
    k = 0
    while s < 3.0 and k < 8:
        y = np.zeros(3)
        for i in range(n):
            y[i] = x[i] * x[i] + s * c
        z = y * x
        s += abs(z[0]) + 0.2
        x = x * 0.9 + z * 0.1
        k += 1
    return s * np.sum(x)


@program((vec(3), 0.2))
def while_carry_arrays_swap(x, c):
    a = x * 1.0
    b = np.zeros(3)
    k = 0
    while k < 5:
        b[:] = a * x + c
        if k % 2 == 0:
            a, b = b, a
        b[k % 3] += a[0]
        k += 1
    return np.sum(a * b)


@program((vec(6), 3, 2))
def matrix_from_vec(x, n, m):
    a = np.zeros((n, m))
    for k in range(n * m):
        a[k // m, k % m] = x[k] * x[k - 1]
    g = a.T @ a
    for i in range(m):
        g[i] /= g[i, i] + 1.0
    return np.sum(g)
