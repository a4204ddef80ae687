"""break, continue, early returns from loops, else on loops."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((pos(6), 2.0), (pos(6), 100.0), (pos(6), 0.1))
def break_on_sum(x, bound):
    s = 0.0
    for v in x:
        s += v * v
        if s > bound:
            break
    return s


@program((vec(6),))
def skip_negative(x):
    s = 1.0
    for v in x:
        if v < 0:
            continue
        s *= 1 + v
    return s


@program((pos(5), 1.0), (pos(5), 90.0))
def return_from_loop(x, bound):
    s = 0.0
    for i in range(len(x)):
        s += x[i] ** 2
        if s > bound:
            return s * x[i]
    return -s


@program((mat(3, 4), 1.0), (mat(3, 4), 0.2), (mat(3, 4), 50.0))
def return_from_nested(a, bound):
    s = 0.5
    for i in range(3):
        for j in range(4):
            s += a[i, j] * a[i, j] * s
            if s > bound:
                return s * a[i, 0]
        s *= 0.7
    return s + a[0, 0]


@program((mat(4, 5),))
def break_inner(a):
    total = 0.0
    for i in range(4):
        s = 0.0
        for j in range(5):
            if a[i, j] < -1.0:
                break
            s += a[i, j] * a[i, j]
        total += s * math.cos(s)
    return total


@program((pos(6), 3.0), (pos(6), 99.0))
def else_of_break(x, bound):
    s = 0.0
    for v in x:
        s += v * x[0]
        if s > bound:
            s = s * s
            break
    else:
        s = -s * 2
    return s


@program((1.1, 20), (1.1, 2))
def break_in_while(x, n):
    k = 0
    while True:
        x = x * 1.2
        k += 1
        if x > 4.0:
            break
        if k >= n:
            x = x - 1
            break
    return x * x


@program((vec(7), 0.3))
def continue_in_while(x, s):
    i = 0
    while i < len(x):
        v = x[i]
        i += 1
        if v < 0:
            continue
        s = s * v + math.sin(v)
    return s


@program((1.4, 0.3), (0.2, 0.3), (-3.0, 0.3))
def early_returns(x, y):
    if x > 1:
        return x * y
    z = math.exp(y) * x
    if z < -1:
        return z * z
    return z - y


@program((pos(5), 0.9), (pos(5), 1e9))
def tolerance(x, tol):
    y = np.zeros(5)
    for it in range(20):
        change = 0.0
        for i in range(5):
            new = 0.5 * y[i] + 0.25 * x[i] * (1 + y[i - 1])
            change += abs(new - y[i])
            y[i] = new
        if change < 0.01 * tol:
            break
    s = 0.0
    for i in range(5):
        s += y[i] * x[i]
    return s


@program((mat(3, 4), 2.0), (mat(3, 4), 0.3))
def found(a, bound):
    row, best = 0, 0.0
    for i in range(3):
        for j in range(4):
            if a[i, j] * a[i, j] > bound:
                row = i
                best = a[i, j]
                break
        else:
            continue
        break
    return best * a[row, 0]


@program((pos(4), 3.0))
def exits_keep_state(x, bound):
    y = x.copy()
    s = 0.0
    for k in range(10):
        for i in range(len(y)):
            y[i] = y[i] * (1 + 0.1 * x[i]) + 0.01 * s
            s += y[i] * 0.2
            if s > bound:
                break
        if s > bound:
            break
        s *= 0.9
    return s + y[0] * y[1]


@program((0.7, 6), (0.7, 3))
def break_first(x, n):
    for i in range(n):
        if i == 4:
            break
        x = x * 1.5 - 0.1
    return x * i


@program((pos(3), 0.5))
def return_inside_while_inside_for(x, y):
    s = y
    for i in range(3):
        t = x[i]
        while t < 3.0:
            t = t * 1.5
            s = s + t * y
            if s > 9:
                return s * t
        s = s * 0.9
    return s


@program((vec(5), 2), (vec(5), 4))
def break_and_continue(x, stop):
    s = 0.4
    for i in range(len(x)):
        if i % 2:
            s += x[i]
            continue
        if i == stop:
            s *= x[i]
            break
        s = s * s - x[i]
    return s
