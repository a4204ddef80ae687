"""Programs made to find wrong gradients."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((vec(4), vec(4, 1), 3, 2))
def swap_nested_with_writes(u, v, n, m):
    w = np.zeros(4)
    for _i in range(n):
        for j in range(m):
            w[:] = np.sin(u * v)
            u[j] = w[j] * v[j + 1]
            u, v, w = v, w, u
        v = v * 0.5
    return np.sum(u * v + w)


@program((vec(6), 3), (vec(6), 0))
def views_of_views_in_loop(x, n):
    s = 0.0
    for i in range(n):
        a = x[i:]
        b = a[1:]
        c = b[::-1]
        b[0] = a[0] * c[0]
        c[0] = c[0] * b[0] + s
        a[:2] *= x[:2]
        s += c[0] * a[0]
    return s + np.sum(x)


@program((pos(5), 2.0), (pos(5), 0.4), (pos(5), 50.0))
def break_in_nested_with_writes(x, bound):
    y = x.copy()
    s = 0.0
    for i in range(4):
        for j in range(5):
            y[j] = y[j] * y[j - 1] + 0.1
            s += y[j] * x[i]
            if s > bound:
                y[j] *= 0.5
                break
            y[j] += s * 0.01
        if s > 2 * bound:
            break
        s *= 0.9
    return s * np.sum(y)


@program((pos(4), 0.6, 3), (pos(4), 0.6, 0))
def while_in_for_in_if(x, c, n):
    s = c
    if c > 0.5:
        for i in range(n):
            t = x[i]
            while t < 2.0:
                if t > 1.0:
                    t = t * t + 0.2
                else:
                    t = t + c
                s += t * 0.3
            x[i] = t * s
    return s * np.sum(x)


@program((mat(3, 3), 1.5), (mat(3, 3), 4.0), (mat(3, 3), 0.2))
def return_from_nested_with_state(a, bound):
    s = 0.0
    y = np.zeros(3)
    for i in range(3):
        for j in range(3):
            y[j] += a[i, j] * a[i, j]
            s += y[j]
            a[i, j] = s
            if s > bound:
                return s * y[0] + a[0, 0] * a[i, j]
        y *= 0.5
    return np.sum(a) * s


@program((vec(4), 4))
def kept_across_iterations(x, n):
    keep = np.zeros(4)
    last = x
    for k in range(n):
        y = np.empty(4)
        for i in range(4):
            y[i] = x[i] * last[i] + keep[i - 1]
        if k % 2:
            keep = y
        last = y * 0.5
    return np.sum(keep * last)


@program((vec(4), 3))
def same_twice(x, n):
    def f(a, b):
        s = 0.0
        for i in range(n):
            s += a[i] * b[i + 1]
            b[i] = s
        return s

    return f(x, x) * x[0]


@program((vec(4), np.array([0, 2, 2, 1]), 3))
def ints_mixed_in(x, index, n):
    k = 0
    s = 1.0
    for i in range(n):
        k = (k + index[i]) % 4
        index[i] = k
        s = s * x[k] + x[index[i]] * k
        x[k] = s / (k + 1)
    return s * x[index[0]]


@program((vec(5), 0.5), (vec(5), -0.5))
def alias_in_branch(x, c):
    if c > 0:
        v = x[1:]
        w = x
    else:
        v = x[:-1]
        w = x * 2.0
    v[0] = v[1] * v[2] * c
    w[3] = v[0] * w[4]
    return np.sum(x) + w[3] * v[3]


@program((vec(3), 3))
def overwritten_before_use_in_reverse(x, n):
    y = np.ones(3)
    for i in range(n):
        y = y * np.sin(x)
        x[i] = y[i] * y[i]
        y[i] = x[i] * x[0]
        x *= 1.1
    return np.sum(x * y)


@program((vec(1),), (np.array([0.3]),))
def of_size_one(x):
    n = len(x)
    for i in range(n):
        x[i - n] = x[i] * x[-1] + x[0]
    x[1:] = 0.0
    x[:-1] += 2.0
    return np.sum(x[::-1] * x) * x[n - 1]


@program((np.zeros((0, 3)), 0.4))
def no_rows(a, c):
    s = c
    for i in range(a.shape[0]):
        s += a[i] @ a[i] * s
    a *= 2.0
    return s * c + np.sum(a)


@program((vec(6), -2), (vec(6), -3))
def negative_steps(x, step):
    s = 1.0
    for i in range(5, -1, step):
        s = s * x[i] + x[-i - 1]
        x[i] = s
    y = x[::step]
    y[0] *= y[1]
    return np.sum(y) * x[5] + s


@program((0.5, 0.9, 6))
def state_machine(x, y, n):
    mode = 0
    for k in range(n):
        if mode == 0:
            x = x * 1.3
            if x > 0.9:
                mode = 1
        elif mode == 1:
            y = y * x
            mode = 2 if y < 0.8 else 0
        else:
            x, y = y, x
            mode = 0
    return x * y + mode


@program((vec(4), 2.0))
def reassigned_parameter_array(x, c):
    x = x * c
    x[0] = x[1] * x[2]
    c = np.sum(x)
    x = x[1:]
    x[0] = c
    return np.sum(x * x)


@program((vec(3), 2))
def unused_writes(x, n):
    junk = np.zeros(3)
    for i in range(n):
        junk[i] = x[i] * x[i]
        x[2] = x[i] * 2
        junk[i] = 0.0
    return x[2] + junk[0]


@program((pos(3), 2))
def value_escapes_branch_in_loop(x, n):
    t = 0.0
    s = 0.0
    for i in range(n):
        if x[i] > 1.0:
            t = x[i] * x[i + 1]
        s += t * math.sin(t)
        x[i] = t
    return s + t


@program((mat(2, 2), 4))
def carried_matrix_and_scalar(a, n):
    p = np.array([[1.0, 0.0], [0.0, 1.0]])
    s = 1.0
    for k in range(n):
        p = p @ a * s
        s = 1 / (1 + p[0, 0] * p[0, 0])
        if k == 2:
            a = a + p
    return s + p[1, 0] * a[0, 1]


@program((vec(4), 1.1))
def self_assignments(x, c):
    x[0] = x[0]
    x[1:] = x[1:]
    x[:] = x * c
    y = x
    y[:] = y + x
    x += y
    return np.sum(x * x * c)


@program((vec(3), 3))
def stack_of_states(x, n):
    tape = np.zeros((n, 3))
    for t in range(n):
        tape[t] = x
        x[t] = np.sum(tape[: t + 1]) * x[t]
        x = x * tape[t]
    return np.sum(tape * tape) + x[0]


@program((vec(4), vec(4, 1), 2), (vec(4), vec(4, 1), 3))
def branch_permutes(u, v, n):
    for i in range(n):
        if i % 2 == 0:
            u[i] = v[i] * v[i + 1]
        else:
            v[i] = u[i] * u[i - 1]
        u, v = v, u
        u[3] += v[i]
    return np.sum(u * v) + u[0]


@program((0.7, 4), (0.7, 1))
def only_last_matters(x, n):
    y = 0.0
    for i in range(n):
        y = x ** (i + 1)
    return y


@program((vec(4), 0.3))
def while_with_array_test(x, c):
    k = 0
    while k < 4 and x[k] < 1.0:
        x[k] = x[k] + c
        if x[k] > 0.5:
            x[k] *= c
            k += 1
        else:
            c = c * 1.05
    return np.sum(x) * c


@program((np.arange(24.0).reshape(2, 3, 4) / 10 - 1, 2))
def rank_three_state(a, n):
    for t in range(n):
        for k in range(3):
            plane = a[:, k]
            plane[1] = plane[0] * a[t, k - 1] + 0.1
            a[0, k, 1:] *= plane[1, :-1]
    return np.sum(a * a)


@program((vec(3), 2))
def loop_of_loop_views(x, n):
    m = np.zeros((3, 3))
    for i in range(3):
        m[i] = x * (i + 1)
    for _ in range(n):
        for i in range(3):
            col = m[:, i]
            row = m[i]
            row += col * 0.3
            col[0] = row[1] * row[2]
    return np.sum(m * m)


@program((0.8, 1.7))
def while_never_and_once(x, y):
    while x > 5:
        x = x * y
    while x < 1:
        x = x + y
    while x < 1:
        x = 0.0 * y
    return x * y


@program((vec(4), 3))
def deferred_use(x, n):
    a = x[0]
    b = 0.0
    for i in range(n):
        b = a
        a = x[i] * a
        x[i + 1] = b * a
    return a * b * x[3]
