"""Linear algebra as people use it: Gaussian processes, filters, least squares, implicit steps, determinants."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, pos, program, spd, vec

SQUARE = mat(3, 3) + 2.0 * np.eye(3)


@program((SQUARE, vec(3), vec(3, 1)))
def solved(a, b, c):
    x = np.linalg.solve(a, b)
    return c @ x + np.sum(x**2)


@program((SQUARE, mat(3, 2)), (np.zeros((0, 0)), np.zeros((0, 2))))
def solved_for_columns(a, b):
    return np.sum(np.linalg.solve(a, b) ** 2)


@program((SQUARE, vec(3), 4))
def implicit_euler(a, y, steps):
    for _ in range(steps):
        y = np.linalg.solve(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) + 0.1 * a, y)
    return np.sum(y * y)


@program((SQUARE,))
def inverse(a):
    b = np.linalg.inv(a)
    return np.sum(b * b.T) + b[0, 2]


@program((spd(4), vec(4)))
def gaussian_log_density(k, y):
    lower = np.linalg.cholesky(k)
    z = np.linalg.solve(lower, y)
    logdet = 0.0
    for i in range(len(y)):
        logdet += np.log(lower[i, i])
    return -0.5 * z @ z - logdet


@program((vec(4), vec(4, 1), 0.7, 0.3))
def gaussian_process(x, y, scale, noise):
    n = len(x)
    k = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            k[i, j] = np.exp(-0.5 * ((x[i] - x[j]) / scale) ** 2)
        k[i, i] += noise
    _, logdet = np.linalg.slogdet(k)
    return 0.5 * y @ np.linalg.solve(k, y) + 0.5 * logdet


@program((mat(2, 2) + np.eye(2), mat(3, 3, 1), mat(4, 4, 2)), (np.ones((2, 2)), np.ones((3, 3)), np.zeros((4, 4))))
def determinants(a, b, c):
    return np.linalg.det(a) * np.linalg.det(b) + np.linalg.det(c) * 2.0 + np.linalg.det(a) ** 2


@program((mat(5, 2), vec(5), 0.1))
def ridge(x, y, lam):
    gram = x.T @ x
    for i in range(2):
        gram[i, i] += lam
    w = np.linalg.solve(gram, x.T @ y)
    r = x @ w - y
    return r @ r + lam * w @ w


@program((mat(2, 2), spd(2), mat(3, 2, 1), 0.5))
def kalman(a, p, zs, q):
    x = np.zeros(2)
    cost = 0.0
    for t in range(zs.shape[0]):
        x = a @ x
        p = a @ p @ a.T + q
        s = p.copy()
        s[0, 0] += 1.0
        s[1, 1] += 1.0
        e = zs[t] - x
        k = np.linalg.solve(s.T, p.T).T
        cost += e @ np.linalg.solve(s, e) + np.linalg.slogdet(s)[1]
        x = x + k @ e
        p = p - k @ p
    return cost


@program((vec(4), mat(3, 4)))
def norms(x, a):
    return np.linalg.norm(x) + np.linalg.norm(a) ** 2 + np.sum(np.linalg.norm(a, axis=1)) + np.linalg.norm(a, "fro")


@program((vec(4), mat(3, 4)))
def norms_of_orders(x, a):
    rows = np.linalg.norm(a, 3, axis=0, keepdims=True)
    return np.linalg.norm(x, 1) + np.linalg.norm(x, 2) + np.linalg.norm(x, 0) + np.sum(rows) + np.linalg.norm(x, 1.5)


@program((mat(3, 3), 3), (mat(3, 3), 0))
def newton_inverse(a, n):
    x = a.T / np.linalg.norm(a) ** 2
    for _ in range(n):
        x = 2.0 * x - x @ a @ x
    return np.sum(x)


@program((pos(3).astype(np.float32), mat(3, 3).astype(np.float32)), single=True)
def single(x, a):
    b = np.linalg.solve(a, x)
    return np.linalg.norm(b) + np.linalg.det(a)


@program((spd(3), vec(3)))
def principal_axes(a, x):
    w, v = np.linalg.eigh(a)
    y = v.T @ x
    return np.sum(np.sqrt(w)) + y @ (y / w)


@program((mat(4, 2),), (mat(2, 4),))
def low_rank(a):
    u, s, v = np.linalg.svd(a, full_matrices=False)
    b = s[0] * np.outer(u[:, 0], v[0])
    return np.sum((a - b) ** 2) + np.sum(b[0] * a[1])


@program((mat(4, 2), vec(4)))
def least_squares_by_qr(a, b):
    q, r = np.linalg.qr(a)
    x = np.linalg.solve(r, q.T @ b)
    return x @ x + np.sum(np.abs(r[0, 0]))


@program((mat(4, 2), vec(4)))
def least_squares_by_pinv(a, b):
    x = np.linalg.pinv(a) @ b
    return np.sum(x**3)


@program((mat(3, 3), 2))
def spectral_norms(a, n):
    total = 0.0
    for k in range(n):
        total += np.linalg.norm(a, 2) * np.linalg.norm(a, "nuc") * (k + 1)
        a = np.linalg.matrix_power(a, 3) / (1.0 + np.linalg.norm(a) ** 3)
    return total
