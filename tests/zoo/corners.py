"""Aliases, swaps, views and exits, combined to find wrong gradients."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, vec


@program((vec(4), 0.5), (vec(4), -0.5))
def views_in_branch(x, c):
    v = x[:2] if c > 0 else x[2:]
    v[0] = v[0] * v[1]
    v *= c
    return np.sum(x * x) + v[1]


@program((vec(4), 3))
def loop_of_branch_views(x, n):
    s = 0.0
    for i in range(n):
        if i % 2 == 0:
            v = x[i:]
            v[0] *= x[1]
        else:
            w = x[: i + 1]
            w[0] += x[2] * x[2]
        s += np.sum(x) * x[i]
    return s


@program((vec(4), vec(4, 1), 4), (vec(4), vec(4, 1), 1), (vec(4), vec(4, 1), 0))
def cond_swap(u, v, n):
    for i in range(n):
        v[i] = u[i] * v[i - 1]
        if i % 3 != 1:
            u, v = v, u
    return np.sum(u * u * v)


@program((vec(4), vec(4, 1), 0.1))
def data_swap(u, v, c):
    for i in range(4):
        if u[i] > c:
            u, v = v, u
        u[i] = u[i] * v[i] + u[i - 1]
    return np.sum(u * u * v)


@program((vec(5), 3))
def break_with_arrays(x, n):
    y = np.zeros(5)
    for i in range(10):
        z = y + x
        for j in range(5):
            if j == n:
                break
            z[j] *= x[j]
        y = z * 0.5
        if np.sum(y) > 1.0:
            break
    return np.sum(y * y)


@program((mat(3, 3), 0.5), (mat(3, 3), 9.0))
def early_ret_views(a, b):
    for i in range(3):
        r = a[i]
        for j in range(3):
            r[j] = r[j] * a[j, i] + 0.1
            if r[j] * r[j] > b:
                return np.sum(r) * a[0, 0]
    return np.sum(a)


@program((vec(4), 3), (vec(4), 0))
def while_if_for(x, n):
    k = 0
    s = 0.0
    while k < n:
        if k % 2 == 0:
            for i in range(k + 1):
                x[i] = x[i] * x[i + 1]
                s += x[i]
                if s > 5:
                    break
        else:
            s = s * x[k]
        k += 1
    return s * np.sum(x)


@program((vec(3), 4))
def arrays_tuple_rotated(x, n):
    st = (x, x * 2.0, x * 3.0)
    for i in range(n):
        a, b, c = st
        c[0] = a[1] * b[2]
        st = (c, a, b)
    return np.sum(st[0] * st[1]) + st[2][0]


@program((vec(4), 3))
def float_index_ints(x, n):
    k = np.zeros(3, dtype=np.int64)
    s = 0.0
    for i in range(n):
        k[i] = int(3 * x[i] * x[i]) % 4
        s += x[k[i]] * x[i]
        x[k[i]] = s
    return s + x[0] * k[1]


@program((vec(4).astype(np.float32), vec(4, 1), 3), single=True)
def mix_prec(x, y, n):
    for i in range(n):
        x[i] = x[i] * y[i]
        y[i + 1] += x[i]
        x[i + 1 :] += y[i + 1 :]
    return np.sum(x) * np.sum(y)


@program((np.arange(24.0).reshape(2, 3, 4) / 10,))
def r3(a):
    s = 0.0
    for i in range(2):
        for j in range(3):
            v = a[i, j]
            w = a[:, j, ::-1]
            w[0, 1] = v[0] * v[1]
            v[2:] *= w[i, :2]
            s += np.sum(w) * v[3]
    return s


@program((vec(6),))
def view_alias_assign(x):
    a = x[0:4]
    b = x[2:6]
    a[:] = b * a
    b[:] = a
    a[1:3] += b[::2]
    return np.sum(x * x)


@program((vec(6),))
def self_overlap_many(x):
    for k in range(1, 4):
        x[k:] = x[:-k] * x[k:]
        x[:-1] -= x[1:]
        x[::2] += x[1::2]
        x[::-1] *= x
    return np.sum(x)


@program((vec(5), 2), (vec(5), 5))
def shrinking_views(x, n):
    v = x
    for i in range(n):
        v[0] = v[0] * v[-1]
        v = v[1:] if len(v) > 1 else v
    return np.sum(x * x)


@program((vec(4), 2))
def view_carried(x, n):
    v = x[:2]
    w = x[2:]
    for i in range(n):
        v[0] = w[1] * v[1]
        v, w = w, v
    return v[0] * w[1] + np.sum(x)


@program((vec(4), 3))
def array_then_scalar_loop(x, n):
    acc = np.zeros(4)
    for i in range(n):
        acc = acc + x * acc[i] + x[i]
        acc[i] = acc[i] ** 2
    return np.sum(acc)


@program((vec(3), 0.3, 5))
def adam(w, lr, n):
    m = np.zeros(3)
    v = np.zeros(3)
    for k in range(1, n + 1):
        g = 2.0 * w * w * w - 1.0
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        w = w - lr * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.99**k)) + 1e-3)
    return np.sum(w * w)


@program((vec(4), 4))
def alloc_in_branch(x, n):
    y = np.zeros(4)
    for i in range(n):
        if x[i] > 0:
            t = np.ones(4)
            t[i] = x[i]
            y = y * t + x
        else:
            y[i] = y[i - 1] * x[i]
    return np.sum(y * y)


@program((vec(4), 2.0))
def shadow_of_arg_reassigned(x, c):
    y = x
    x = x * c
    y[0] = x[1] * y[1]
    x[1] = y[0]
    z = x if c > 100 else y
    z[2] = x[1] * z[0]
    return np.sum(x * y)
