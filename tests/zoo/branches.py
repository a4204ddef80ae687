"""if, elif, else, ternaries, and, or, not, chained comparisons, early returns."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import pos, program, vec


@program((1.5,), (-0.5,))
def two_ways(x):
    if x > 0:
        y = x * x
    else:
        y = math.exp(x)
    return y * x


@program((0.2,), (1.5,), (3.5,))
def three_ways(x):
    if x < 1:
        return x**2
    elif x < 3:
        return 2 * x - 1
    return math.log(x) + 4


@program((1.5, 0.3), (-1.5, 0.3))
def ternary(x, y):
    return (x * y if x > y else y - x) * (1.0 if y > 0 else x)


@program((1.5, 0.3), (0.5, -0.3), (-1.0, 2.0))
def logic(x, y):
    if (x > 0 and y > 0) or not x < 2 * y + 3:
        return x * y
    if 0 < x <= 1 < y + 3:
        return x + y * y
    return x - y**3


@program((1.5, 2.0), (-1.5, 2.0))
def only_one_side(x, y):
    z = y
    if x > 0:
        z = z * x
    z = z * z
    if x < 0:
        z += y
    return z


@program((vec(6),), (np.array([1.0, -1.0, 1.0, 2.0]),))
def branch_in_loop(x):
    s = 0.0
    for v in x:
        if v > 0.5:
            s += v * s + 1
        elif v < -0.5:
            s -= v * v
        else:
            s = s * 0.5
    return s


@program((vec(6), 0.3))
def branch_of_carried(x, s):
    for v in x:
        if s > 0:
            s = s - 0.7 * v * v
        else:
            s = v + s * s
    return s


@program((0.3, 5), (0.3, 6))
def branch_of_ints(x, n):
    for i in range(n):
        if i % 2 == 0:
            x = math.sin(x) + 0.1
        elif i == 3:
            continue
        else:
            x = x * x
    return x


@program((0.7, True), (0.7, False))
def flag(x, on):
    y = x * 3
    if on:
        y = y * x
    return y


@program((1.2, 0.4), (0.4, 1.2))
def nested(x, y):
    if x > y:
        if x > 1:
            r = x * y
        else:
            r = x
    elif y > 1:
        r = y / x
        if r > 2:
            r = r - x
    else:
        r = 0.0
    return r * r


@program((2.0,), (0.5,))
def define_inside(x):
    if x > 1:
        a = math.log(x)
        b = a * x
    else:
        a = x
        b = 2 * a
    return a * b


@program((0.3, 0.8), (1.3, 0.8))
def loop_inside_branch(x, y):
    s = y
    if x < 1:
        for i in range(3):
            s = s * x + i
    else:
        for _ in range(2):
            s = math.cos(s * x)
    return s * s


@program((vec(5, 3),))
def relu_network(w):
    h = 0.4
    for i in range(5):
        z = w[i] * h + 0.2
        h = z if z > 0 else 0.01 * z
    return h


@program((0.9, 1.1), (-0.9, 1.1))
def branch_swaps(x, y):
    a, b = x, y
    if x > 0:
        a, b = b, a * a
    return a / b


@program((vec(4), 2), (vec(4), 9))
def guard_clause(x, n):
    if n >= len(x):
        return 0.0
    if x[n] < -10:
        return -1.0
    return x[n] * x[n - 1]


@program((0.4,), (2.4,))
def select_of_and(x):
    inside = x > 0 and x < 1
    outside = not inside
    return (x * x if inside else 1.0) + (math.sin(x) if outside else x)


@program((vec(3),), (pos(3),), (np.array([-0.5, 0.4, 1.2]),))
def made_by_branches(x):
    if x[0] > 0.0:
        y = np.sin(x)
        y[1] = x[0] * x[2]
    elif x[1] > 0.0:
        y = x * x
    else:
        y = np.exp(x)
        y[0] *= x[1]
    y[2] = y[0] * y[1]
    return y[0] ** 2 + y[2] * 3.0 + y[1]


@program((vec(3), 7), (vec(3, 1), 6), (np.array([2.5, 2.2, -0.3]), 4))
def made_by_branches_or_not(x, n):
    s = 0.0
    for i in range(n):
        if x[i % 3] > 0.3:
            y = np.sin(x) * x[i % 3]
        else:
            y = x * (x + s)
            z = y if x[1] > 2.0 else 2.0 * x
            z[1] = 1.5 * x[0]
            s += z[2]
        y[2] += y[0] * y[1]
        s += y[i % 3] * 0.1
    return s


@program((vec(3), 6), (vec(3, 2), 5))
def asked_again(x, n):
    s = 0.0
    for i in range(n):
        a = s * x[i % 3] + x[0]
        if x[i % 3] > 0.0:
            p = math.sin(a)
        else:
            p = math.exp(a) * 0.1
        s += math.cos(a) * p + 0.1 * math.sin(a * a)
        if x[i % 3] > 0.0:
            s += math.cos(a) * x[1] + p
        else:
            s -= math.sin(a)
    return s


@program((vec(3),), (pos(3),))
def named_twice_in_a_branch(x):
    if x[0] > 0.0:
        y = np.sin(x)
        z = y
        for k in range(2):
            z[0] *= x[k]
            z = z[1:]
    else:
        y = x * x
    return y[0] * y[1] + y[2]
