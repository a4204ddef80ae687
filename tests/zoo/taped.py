"""Arrays that loops make and the reverse sweep needs: in slots, recomputed, or on a tape."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((mat(3, 3), vec(3), vec(3, 1), vec(4, 2)), (mat(3, 3), vec(3), vec(3, 1), vec(0)))
def recurrent(w, b, h, x):
    for t in range(len(x)):
        h = np.tanh(w @ h + b * x[t])
    return np.sum(h * h)


@program((vec(3), vec(3, 1), 4), (vec(1), vec(3, 1), 2))
def grows_once(h, x, n):
    for _ in range(n):
        h = np.sin(h) * x
    return np.sum(h)


@program((mat(3, 2), vec(2), 4), (mat(3, 2), vec(2), -1))
def steps_down(a, x, n):
    s = 0.0
    for i in range(2 * n, 0, -2):
        y = np.exp(0.1 * (a @ x) * i)
        s += np.sum(np.sin(y) * y)
        x = x - 0.01 * a.T @ y
    return s * x[0]


@program((mat(2, 3), vec(3), 2, 3), (mat(2, 3), vec(3), 2, 0))
def nest(a, x, n, m):
    for i in range(n):
        y = np.sin(x)
        for j in range(m):
            z = np.cos(y + i * j)
            y = y * z + a[i]
        x = x * np.tanh(y)
    return np.sum(x)


@program((vec(3), 4))
def ragged(x, n):
    for i in range(n):
        for _ in range(i):
            x = np.sin(x) * x
    return np.sum(x)


@program((vec(3), 5), (0.1 * vec(3), 5))
def leaves_early(x, n):
    for i in range(n):
        x = np.exp(x) * x
        if x[0] > 2.0 or x[1] + i > 3.5:
            break
    return np.sum(x * x)


@program((vec(3), 4))
def inside_a_while(x, n):
    k = 0
    while k < n:
        for _ in range(2):
            x = np.cos(x) * x
        k += 1
    return np.sum(x)


@program((vec(5),))
def longer_each_time(x):
    s = 0.0
    for i in range(1, len(x)):
        y = np.exp(x[:i]) * x[1 : i + 1]
        s += np.sum(np.sin(y) * y)
    return s


@program((vec(3), 4), (vec(3), 0))
def made_of_a_size(x, n):
    s = 0.0
    for i in range(n):
        y = np.full(n - 1, x[0] * i)
        z = np.sin(y)
        s += np.sum(z * z * np.exp(z))
    return s


@program((vec(3), 4))
def in_one_branch(x, n):
    for i in range(n):
        if i % 2 == 0:
            y = np.sin(x)
            x = y * y + x
        else:
            x = x * np.cos(x)
    return np.sum(x)


@program((mat(3, 4),))
def columns_kept(a):
    y = np.ones(3)
    for j in range(a.shape[1]):
        b = np.sin(a * y[0])
        column = b[:, j]
        y = y * column + column * column
    return np.sum(y)


@program((mat(3, 2), 3))
def matrices(w, n):
    for _ in range(n):
        w = np.tanh(w) @ (w.T @ w)
    return np.sum(w)


@program((vec(3), vec(3, 1), 3))
def written_afterwards(x, y, n):
    s = 0.0
    for i in range(n):
        z = np.sin(x * y)
        s += np.sum(z * z)
        z[i] = s
        x = x + 0.1 * z * x
    return s + np.sum(x)


@program((vec(3), vec(3, 1), 3))
def read_then_overwritten(x, y, n):
    b = x * 1.0
    s = 0.0
    for i in range(n):
        c = b * y
        s += np.sum(c * c * c)
        b[i] = s * y[i]
    return s + np.sum(b)


@program((vec(4), 3))
def masks_of_what_is_recomputed(x, n):
    for _ in range(n):
        y = np.exp(0.3 * x)
        z = y * x - 0.4
        x = np.where(z > 0.1, z * y, x - z)
    return np.sum(x * x)


@program((vec(4), 3))
def decides_by_an_element(x, n):
    for i in range(n):
        y = 2.0 * np.sin(x) - 0.3
        x = x * y if y[i] > 0.2 else x + np.cos(y)
    return np.sum(x)


@program((vec(4), 3))
def orders_kept(x, n):
    for _ in range(n):
        order = np.argsort(np.sin(x))
        x = x[order] * x
    return np.sum(x * np.array([1.0, 2.0, 3.0, 4.0]))


@program((vec(3), vec(4, 1), 3))
def only_shapes_needed(x, w, n):
    s = 0.0
    for i in range(n):
        y = np.outer(x, w)[:, : i + 1] + 1.0
        s += np.sum(y) * np.mean(y)
    return s


@program((vec(3).astype(np.float32), 3), single=True)
def single_precision(x, n):
    for _ in range(n):
        x = np.tanh(x) * x
    return np.sum(x)


@program((pos(3), 3))
def the_same_at_every_trip(x, n):
    y = np.sqrt(x)
    for _ in range(n):
        z = y * x
        y = z / (1.0 + np.exp(-z))
    return np.sum(y)
