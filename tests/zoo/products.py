"""Products of vectors and matrices: dot, @, outer."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, program, spd, vec


@program((vec(4), vec(4, 1)))
def inner(x, y):
    return (x @ y) ** 2 + np.dot(x, x)


@program((mat(3, 4), vec(4), vec(3, 1)))
def bilinear(a, x, y):
    return y @ a @ x + np.sum(a.T @ y)


@program((mat(3, 4), mat(4, 2, 1)))
def matmul(a, b):
    c = a @ b
    return np.sum(c * c) + c[0, 1]


@program((mat(3, 3), vec(3), 4), (mat(3, 3), vec(3), 0))
def power_iteration(a, x, n):
    for _ in range(n):
        x = a @ x
        x = x / np.sqrt(x @ x + 0.1)
    return x @ a @ x


@program((mat(4, 3), vec(4), vec(3, 1)))
def least_squares(a, b, x):
    r = a @ x - b
    return 0.5 * r @ r


@program((vec(2), mat(3, 2), vec(3, 1), mat(2, 3, 2), vec(2, 3)))
def two_layers(x, w1, b1, w2, b2):
    h = np.tanh(w1 @ x + b1)
    y = w2 @ h + b2
    return np.sum(y * y)


@program((mat(3, 2), vec(3)))
def rows_dotted(a, b):
    s = 0.0
    for i in range(3):
        s += np.dot(a[i], a[i - 1]) * b[i]
    return s


@program((mat(3, 3),))
def transposes(a):
    return np.sum((a.T @ a) * a) + np.sum(a @ a.T[:, :2])


@program((vec(3), vec(2, 1)))
def outer(x, y):
    return np.sum(np.outer(x, y) * np.outer(y, x).T)


@program((mat(3, 3), 3))
def matrix_power(a, n):
    p = a.copy()
    for _ in range(n - 1):
        p = p @ a
    return np.sum(p)


@program((mat(4, 4), vec(4)))
def product_of_slices(a, x):
    return (a[1:3, ::2] @ x[::2]) @ a[:2, 0] + x[::-1] @ a[:, 1]


@program((mat(2, 3), mat(3, 2, 1)))
def product_written(a, b):
    c = np.zeros((2, 2))
    c[:] = a @ b
    c[0] += a[0, :2]
    b[0] = c[1] * c[0]
    return np.sum(c @ b.T)


@program((spd(3), vec(3), 3))
def conjugate_gradient(a, b, n):
    x = np.zeros(3)
    r = b - a @ x
    p = r.copy()
    rs = r @ r
    for _ in range(n - 1):
        ap = a @ p
        alpha = rs / (p @ ap)
        x = x + alpha * p
        r = r - alpha * ap
        new = r @ r
        p = r + (new / rs) * p
        rs = new
    return x @ b


@program((mat(3, 3), vec(3)))
def matmul_by_loops(a, x):
    y = np.zeros(3)
    for i in range(3):
        for j in range(3):
            y[i] += a[i, j] * x[j]
    return y @ y


@program((mat(2, 2), mat(2, 2, 5), vec(2)))
def commutator(a, b, x):
    return np.sum(a @ b - b @ a) + np.sum(np.matmul(a, b) * a.dot(b)) + (a @ b @ x)[0] ** 2
