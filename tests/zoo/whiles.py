"""while loops: trip counts nobody knows."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import pos, program, vec


@program((2.0,), (1.5,), (500.0,))
def square_until(x):
    while x < 100:
        x = x * x
    return x


@program((2.0, 1.0), (7.0, 3.0))
def newton_root(a, x):
    while abs(x * x - a) > 1e-13 * a:
        x = 0.5 * (x + a / x)
    return x * a


@program((0.3, 0.8))
def kepler(m, e):
    u = m
    step = 1.0
    k = 0
    while abs(step) > 1e-12 and k < 50:
        step = (u - e * math.sin(u) - m) / (1 - e * math.cos(u))
        u -= step
        k += 1
    return math.cos(u)


@program((0.5, 9.5))
def series(x, bound):
    term, s, k = 1.0, 0.0, 0
    while k < bound:
        s += term
        k += 1
        term *= x / k
    return s


@program((vec(5),), (vec(1),))
def walk(x):
    i = 0
    s = 0.0
    while i < len(x):
        s = s * x[i] + x[i]
        i += 1
    return s


@program((40, 0.9), (7, 0.9))
def collatz(n, x):
    while n != 1:
        if n % 2 == 0:
            n //= 2
            x = math.sin(x)
        else:
            n = 3 * n + 1
            x = x * 1.1 + 0.1
    return x


@program((pos(4),))
def while_in_for(x):
    s = 0.0
    for v in x:
        t = v
        while t < 4.0:
            t = t * t + 0.5
        s += t * v
    return s


@program((0.7, 1.9))
def for_in_while(x, y):
    s = x
    while s < 30:
        for i in range(3):
            s = s + y * (i + 1) * s / 4
        s = s + x
    return s


@program((0.4, 3.0))
def while_in_while(x, y):
    n = 0
    while x < y:
        t = x
        while t < 1.5:
            t = t * 1.3 + 0.05 * y
        x = x + t * 0.4
        n += 1
    return x * n


@program((vec(4), 4.0))
def array_state(x, bound):
    y = np.zeros(len(x))
    s = 0.0
    while s < bound:
        for i in range(len(x)):
            y[i] = y[i] * 0.9 + x[i] * x[i]
            s += y[i]
    return s * y[0]


@program((0.2, 5.0))
def never(x, y):
    while x > 100:
        x = x * y
    return x * y


@program((1.3,))
def else_on_while(x):
    k = 0
    while k < 3:
        x = x * x * 0.7
        k += 1
    else:
        x = x + math.sin(x)
    return x


@program((2.5, 0.1))
def bisect(a, lo):
    hi = a
    while hi - lo > 0.1:
        mid = 0.5 * (lo + hi)
        if mid * mid > a:
            hi = mid
        else:
            lo = mid
    return lo * hi


@program((3.7, 1.2), (-3.7, 1.2))
def wrap_angle(x, y):
    while x > 1.0:
        x -= y
    while x < -1.0:
        x += y
    return x * x * y


@program((vec(6), 2.0))
def walrus_test(x, y):
    i = -1
    s = 1.0
    while (i := i + 1) < len(x) and (s := s + x[i] * y) < 50:
        s *= 1.2
    return s
