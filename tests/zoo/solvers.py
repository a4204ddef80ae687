"""Linear algebra and root finding written out as loops."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, pos, program, spd, vec


@program((spd(3),))
def cholesky(a):
    n = a.shape[0]
    l = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= l[i, k] * l[j, k]
            if i == j:
                l[i, i] = math.sqrt(s)
            else:
                l[i, j] = s / l[j, j]
    d = 0.0
    for i in range(n):
        d += math.log(l[i, i]) * (i + 1) + l[i, 0]
    return d


@program((spd(3),))
def cholesky_in_place(a):
    n = a.shape[0]
    for k in range(n):
        a[k, k] = math.sqrt(a[k, k])
        a[k + 1 :, k] /= a[k, k]
        for j in range(k + 1, n):
            a[j:, j] -= a[j:, k] * a[j, k]
    return a[0, 0] * a[1, 1] * a[2, 2] + a[2, 0]


@program((spd(3), vec(3)))
def lu_solve(a, b):
    n = len(b)
    for k in range(n - 1):
        for i in range(k + 1, n):
            f = a[i, k] / a[k, k]
            for j in range(k, n):
                a[i, j] -= f * a[k, j]
            b[i] -= f * b[k]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        s = b[i]
        for j in range(i + 1, n):
            s -= a[i, j] * x[j]
        x[i] = s / a[i, i]
    return np.sum(x * x)


@program((np.array([[0.1, 1.2, -0.3], [2.0, -0.4, 0.7], [-0.8, 0.5, 1.9]]), vec(3)))
def pivoting(a, b):
    n = len(b)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(a[i, k]) > abs(a[p, k]):
                p = i
        if p != k:
            for j in range(n):
                a[k, j], a[p, j] = a[p, j], a[k, j]
            b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            f = a[i, k] / a[k, k]
            a[i, k:] -= f * a[k, k:]
            b[i] -= f * b[k]
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - a[i, i + 1 :] @ b[i + 1 :]) / a[i, i]
    return b @ b


@program((mat(3, 3),))
def gram_schmidt(a):
    n = 3
    q = np.zeros((n, n))
    r = np.zeros((n, n))
    for j in range(n):
        v = a[:, j].copy()
        for i in range(j):
            r[i, j] = q[:, i] @ a[:, j]
            v -= r[i, j] * q[:, i]
        r[j, j] = math.sqrt(v @ v)
        q[:, j] = v / r[j, j]
    return r[0, 1] * r[1, 2] + math.log(r[2, 2]) + q[0, 2]


@program((vec(4) + 4, vec(4, 1), vec(4, 2)))
def thomas(d, off, b):
    n = len(d)
    c = np.zeros(n)
    c[0] = off[0] / d[0]
    b[0] /= d[0]
    for i in range(1, n):
        m = d[i] - off[i - 1] * c[i - 1]
        c[i] = off[i] / m
        b[i] = (b[i] - off[i - 1] * b[i - 1]) / m
    for i in range(n - 2, -1, -1):
        b[i] -= c[i] * b[i + 1]
    return np.sum(b * b)


@program((np.array([[4.0, 1.0, 0.5], [1.0, 5.0, -0.7], [0.5, -0.7, 3.0]]), vec(3), 3))
def gauss_seidel(a, b, n):
    x = np.zeros(3)
    for _ in range(n):
        for i in range(3):
            s = b[i]
            for j in range(3):
                if j != i:
                    s -= a[i, j] * x[j]
            x[i] = s / a[i, i]
    return x @ x


@program((np.array([[4.0, 1.0], [1.0, 3.0]]), vec(2), 0.1))
def jacobi_until(a, b, tol):
    x = np.zeros(2)
    while True:
        new = np.zeros(2)
        for i in range(2):
            s = b[i]
            for j in range(2):
                if i != j:
                    s -= a[i, j] * x[j]
            new[i] = s / a[i, i]
        d = new - x
        x = new
        if d @ d < tol * tol:
            break
    return x @ x


@program((2.0, 1.0, 0.4))
def newton_2d(a, x, y):
    for _ in range(4):
        f, g = x * x + y * y - a, x * y - 0.3
        det = 2 * x * x - 2 * y * y
        x, y = x - (x * f - 2 * y * g) / det, y - (-y * f + 2 * x * g) / det
    return x * y + a * x


@program((0.7, 0.2))
def secant(a, x0):
    def f(x):
        return x * x * x + a * x - 1.0

    x1 = x0 + 0.5
    while abs(f(x1)) > 1e-3:
        x0, x1 = x1, x1 - f(x1) * (x1 - x0) / (f(x1) - f(x0))
    return x1 * a


@program((mat(3, 3),))
def determinant(a):
    d = 1.0
    n = a.shape[0]
    for k in range(n):
        d *= a[k, k]
        for i in range(k + 1, n):
            a[i] = a[i] - a[k] * (a[i, k] / a[k, k])
    return d


@program((pos(4), pos(4, 3), 2))
def sinkhorn(p, q, n):
    k = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            k[i, j] = math.exp(-((i - j) ** 2) / 4)
    u, v = np.ones(4), np.ones(4)
    for _ in range(n):
        u = p / (k @ v)
        v = q / (k.T @ u)
    return np.sum(u * v) + u @ (k @ v)


@program((vec(5), 1.1))
def spline_second_derivatives(y, h):
    n = len(y)
    m = np.zeros(n)
    c = np.zeros(n)
    for i in range(1, n - 1):
        w = 4.0 - c[i - 1]
        c[i] = 1.0 / w
        rhs = 6.0 * (y[i + 1] - 2 * y[i] + y[i - 1]) / (h * h)
        m[i] = (rhs - m[i - 1]) / w
    for i in range(n - 2, 0, -1):
        m[i] -= c[i] * m[i + 1]
    return m @ m


@program((vec(3), 0.8))
def quaternion_rotation(v, a):
    c, s = math.cos(a / 2), math.sin(a / 2)
    q = (c, 0.0, s * 0.6, s * 0.8)
    t = np.zeros(3)
    t[0] = 2 * (q[2] * v[2] - q[3] * v[1])
    t[1] = 2 * (q[3] * v[0] - q[1] * v[2])
    t[2] = 2 * (q[1] * v[1] - q[2] * v[0])
    v += q[0] * t
    v[0] += q[2] * t[2] - q[3] * t[1]
    v[1] += q[3] * t[0] - q[1] * t[2]
    return v[0] * v[1] + v[2] * a
