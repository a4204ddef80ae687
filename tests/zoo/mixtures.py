"""dtypes mixed, integers as data, iteration over views, nested views."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, vec


@program((vec(4).astype(np.float32), np.arange(4, dtype=np.int32), 0.5), single=True)
def int32_and_singles(x, k, c):
    y = x * c  # np.float32
    z = x * np.float64(c)  # f64 scalar: NumPy2 -> f64
    w = k * x  # int32*np.float32 -> f64
    return np.sum(y) + np.sum(z) * w[1]


@program((np.float32(0.7), vec(3)), single=True)
def single_scalar(a, x):
    y = x * a
    b = a * 2.0 + 1
    x[0] = b
    return np.sum(y) * b + x[0] * a


@program((vec(3), np.array([1, 2, 3], dtype=np.int8)))
def small_ints(x, k):
    s = 0.0
    for i in range(3):
        s += x[i] ** k[i] + x[i] * k[i] / 2 + (k[i] // 2) * x[i]
    return s * np.sum(k)


@program((vec(3).astype(np.float32), 3), single=True)
def single_sums(x, n):
    acc = np.float32(0)
    tot = 0.0
    for i in range(n):
        acc += x[i] * x[i]
        tot += acc * x[i]
    return tot * acc


@program((vec(4).astype(np.float32), vec(4, 1)), single=True)
def single_and_double_arrays(x, y):
    u = np.zeros(4, dtype=np.float32)
    u[:] = x * y
    y[1:] = u[:-1]
    u += y
    x *= y
    return np.sum(x * u) + np.sum(y)


@program((vec(3).astype(np.float32), 0.5), single=True)
def dtype_of_branches(x, c):
    if c > 0:
        z = x[0]
    else:
        z = np.float32(c)
    w = z if c > 1 else c
    return z * w * x[1]


@program((True, 0.7, vec(3)))
def bools_in_arithmetic(b, c, x):
    s = b * c + (x > c)[0] * c
    for i in range(3):
        s += (x[i] > 0) * x[i] * x[i]
        s -= x[i] if x[i] < c and b else 0
    return s


@program((vec(5), 2))
def int_operators(x, k):
    i = k
    i += 1
    j = -i
    i //= 2
    s = x[i] * x[j]
    i, j = j % 5, i << 1
    s += x[i] * x[j] + x[i ^ 1] + x[(~i) % 5] + x[i & j | 1]
    return s * i


@program((0.3, 2), (0.3, -2))
def signed_exponents(x, n):
    return x**n + (x * 2) ** -n + n**x if n > 0 else x**n + x ** (n + 3)


@program((np.array(0.7), np.array([0.2, 0.3])))
def zero_dim_and_vector(a, x):
    x[0] = a
    a = a * x[1]
    b = x[0] * a
    return b + a * np.sum(x)


@program((vec(4),))
def zips_of_views(x):
    s = 0.0
    for a, b in zip(x[1:], x[:-1]):
        s += a * b
    for i, (a, b) in enumerate(zip(x, x[::-1])):
        s += a * b * i
    for r in (x[:2], x[2:]):
        s *= r[0] + r[1]
    return s


@program((mat(3, 2),))
def rows_and_columns_iterated(a):
    s = 0.0
    for r in a:
        r *= 1.1
        s += r @ r
        for v in r:
            s += v**3
    for c in a.T:
        c[0] = c[1] * c[2]
        s += np.sum(c)
    return s + a[0, 0]


@program((vec(4),))
def written_while_iterating(x):
    it = 0.0
    for v in x:
        it += v * v
        x[1] = it  # write while iterating
        x[3] *= it
    return np.sum(x) * it


@program((vec(3), 3))
def walrus_in_conditions(x, n):
    # chained comparison and walrus, conditional expr with side values
    s = 0.0
    for i in range(n):
        if 0 <= (v := x[i] * x[0]) < 5 or (s := s + x[i]) > 0:
            s += v
        s += (t := s * 0.5) + t * x[i]
    return s


@program((0.3,))
def recursion_with_array(x):
    def rec(d, a, y):
        if d == 0:
            return a, y[0]
        y[d - 1] = a * y[d]
        return rec(d - 1, a * y[d - 1] + 1, y)

    y = np.ones(4) * x
    a, b = rec(3, x, y)
    return a * b * np.sum(y)


@program((mat(3, 4),))
def views_of_strided_views(a):
    b = a[1:, ::2]
    c = b[:, 1]
    d = b.T
    c[:] = d[0] * c
    b[0] += c
    d[1, 1] = c[0]
    return np.sum(a * a) + np.sum(b * d.T)


@program((vec(6),))
def view_window_rotated(x):
    a = x[:3]
    b = x[3:]
    a, b = b, a
    a[0] = b[0] * b[1]
    for i in range(2):
        a, b = b, a[::-1]
        a[i] *= b[i]
    return np.sum(a * b)


@program((vec(3), 2))
def inverse_by_elimination(x, n):
    m = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            if i == j:
                m[i, j] = x[i]
                continue
            m[i, j] = x[i] * x[j] * 0.1
    inv = np.zeros((3, 3))
    for c in range(3):
        e = np.zeros(3)
        e[c] = 1.0
        a = m.copy()
        for k in range(3):
            p = a[k, k]
            a[k] /= p
            e[k] /= p
            for i in range(3):
                if i != k:
                    f = a[i, k]
                    a[i] -= f * a[k]
                    e[i] -= f * e[k]
        inv[:, c] = e
    return np.sum(inv * inv.T)
