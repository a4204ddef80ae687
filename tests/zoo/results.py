"""Results that share memory, captured arrays, closures that write, transforms inside programs."""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad
from zoo.registry import program, vec

TAB = np.array([1.0, 2.0, 3.0])


@program((vec(3),))
def captured_view(x):
    v = TAB[1:]
    return np.sum(v * x[1:]) * TAB[0] * x[0]


@program((vec(3),))
def returns_view(x):
    x[1] *= x[0]
    return x[1:], x, x[0]


@program((vec(3), vec(3, 1)))
def returns_args(x, y):
    return y, x, x * y


@program((vec(3),))
def returns_same_twice(x):
    y = x * x
    return y, y


@program((vec(3),))
def returns_then_alias(x):
    y = x * x
    v = y[1:]
    v *= 2.0
    return v, y, np.sum(v)


@program((vec(3), 0.4))
def returns_const_and_int(x, c):
    return 3, c, 2.5, np.sum(x) * c, len(x)


@program(
    (vec(3),),
)
def returns_const_array(x):
    return np.ones(3), x * 2.0


@program((vec(3), 3))
def bool_array(x, n):
    m = x > 0
    s = 0.0
    for i in range(n):
        if m[i]:
            s += x[i] * x[i]
        m[i] = not m[i]
    return s + np.sum(np.where(m, x, 0.0))


@program((vec(3), 3))
def mask_kept(x, n):
    m = x > 0
    y = x * 1.0
    for i in range(n):
        y = np.where(m, y * x, y + x)
        m = y > x
    return np.sum(y * y)


@program((vec(4),))
def chained_calls(x):
    def f(a):
        a[0] = a[0] * a[1]
        return a

    def g(a):
        b = f(a)
        b[1] = b[0] * 2.0
        return b[1:]

    v = g(x)
    v[1] *= v[0]
    return np.sum(f(v)) + np.sum(x)


@program((vec(4), 3))
def closure_array(x, n):
    y = np.zeros(4)

    def add(i):
        y[i] += x[i] * y[i - 1] + 1.0
        return y[i]

    s = 0.0
    for i in range(n):
        s += add(i) * add(i + 1)
    return s * np.sum(y)


@program((vec(4), 3))
def func_tuple_loop(x, n):
    fs = (np.sin, lambda v: v * v, lambda v: np.exp(-v) * x)
    for i in range(n):
        for f in fs:
            x = f(x)
    return np.sum(x)


@program((0.5, 3))
def nested_grad(x, n):
    def h(y):
        s = y
        for i in range(n):
            s = s * y + np.sin(s)
        return s

    return h(x) * h(h(x))


@program((0.5, 3))
def inner_grad(x, n):
    def h(y):
        s = y
        for i in range(n):
            s = s * y + math.sin(s * x)
        return s

    return ad.grad(h)(x) * x


@program((vec(3), 3))
def inner_grad_array(x, n):
    def h(y):
        s = 0.0
        for i in range(n):
            s += y[i] * y[i] * y[0] * x[1]
        return s

    for k in range(2):
        x = x - 0.1 * ad.grad(h)(x)
    return np.sum(x * x)


@program((vec(3), 2))
def inner_vag_written(x, n):
    def h(y):
        for i in range(n):
            y[i + 1] = y[i] * y[i + 1]
        return y[n]

    v, g = ad.value_and_grad(h)(x)
    x[0] = g[1] * v
    return np.sum(x * g)


@program((vec(3), 0.7))
def inner_jvp(x, c):
    def h(y, a):
        return np.sum(y * y * y) * a

    out, dot = ad.jvp(h)((x, c), (x * 2.0, 1.0))
    return out * dot
