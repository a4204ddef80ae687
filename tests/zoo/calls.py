"""Calls: helpers, lambdas, closures, functions as arguments, recursion, defaults, keywords, njit functions."""

from __future__ import annotations

import math

import numba
import numpy as np

from zoo.registry import pos, program, vec

TABLE = np.array([0.5, -1.0, 2.0])
SCALE = 1.5


def square(x):
    return x * x


def weighted(x, w=2.0, *, power=1):
    return w * x**power


def scale_in_place(x, c):
    for i in range(len(x)):
        x[i] *= c


def norm(x):
    s = 0.0
    for v in x:
        s += square(v)
    return math.sqrt(s)


@numba.njit
def compiled(x, y):
    if x > y:
        return x * math.sin(y)
    return y


def simpson(f, a, b, n):
    h = (b - a) / n
    s = f(a) + f(b)
    for i in range(1, n):
        s += (4 if i % 2 else 2) * f(a + i * h)
    return s * h / 3


@program((vec(3),))
def helpers(x):
    return norm(x) * square(x[0]) + square(square(x[1]))


@program((0.7, 1.3))
def keywords(x, y):
    return weighted(x) + weighted(y, power=3) + weighted(x, w=y) + weighted(power=2, x=y, w=x)


@program((0.7,), (0.7, 1.5))
def defaults(x, k=3.0):
    return k * x**2 + SCALE * x


@program((vec(3), 0.5))
def helper_writes(x, c):
    scale_in_place(x, c)
    scale_in_place(x[1:], x[0])
    return np.sum(x * x)


@program((0.9,))
def lambdas(x):
    double = lambda v: 2 * v  # noqa: E731
    compose = lambda f, g: lambda v: f(g(v))  # noqa: E731
    return compose(double, math.sin)(x) + compose(square, double)(x)


@program((0.6, 2.0))
def closures(x, y):
    k = y * y

    def inner(t):
        return k * t + x

    k = k + 1
    return inner(x) * inner(y)


@program((0.4, 1.7, 4))
def function_argument(a, b, n):
    return simpson(lambda t: math.exp(-a * t) * t, a, b, n) + simpson(math.cos, 0.0, b, n)


def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


@program((0.8,))
def recursion(x):
    return power(x, 5) + power(math.sin(x), 2)


def legendre(n, x):
    if n == 0:
        return 1.0
    if n == 1:
        return x
    return ((2 * n - 1) * x * legendre(n - 1, x) - (n - 1) * legendre(n - 2, x)) / n


@program((0.3,))
def double_recursion(x):
    return legendre(4, x) + legendre(3, x * x)


@program((1.4, 0.6), (0.6, 1.4))
def calls_compiled(x, y):
    return compiled(x, y) + compiled(y * y, x)


@program((0.8, 1.1))
@numba.njit
def is_compiled(x, y):
    s = 0.0
    for i in range(3):
        s += compiled(x * i, y)
    return s


@program((0.7,))
def tuple_of_functions(x):
    s = 1.0
    for f in (math.sin, square, lambda v: v + 1.0):
        s *= f(x)
    return s


def variadic(*xs):
    s = 0.0
    for v in xs:
        s += v * v
    return s


@program((0.7, 0.3))
def star_arguments(x, y):
    args = (x, y, x * y)
    return variadic(x) + variadic(*args) * variadic(y, x)


@program((vec(3),))
def captured_array(x):
    s = 0.0
    for i in range(3):
        s += TABLE[i] * x[i] ** 2
    return s * TABLE[2]


def minimum_of(f, x, steps):
    for _ in range(steps):
        x = x - 0.1 * f(x)
    return x


@program((0.7, 1.2))
def function_of_function(x, a):
    def slope(v):
        return a * v**3 - v

    return minimum_of(slope, x, 4) * a


@program((pos(4), 1.4), (pos(4), 100.0))
def helper_with_returns(x, bound):
    def first_above(a, b):
        for v in a:
            if v > b:
                return v * v
        return b * 0.1

    return first_above(x, bound) * first_above(x, 0.5)


@program((0.4, 0.9))
def helper_in_loop(x, y):
    def step(p, v):
        a = -y * math.sin(p)
        return p + 0.1 * v, v + 0.1 * a

    p, v = x, 0.0
    for _ in range(5):
        p, v = step(p, v)
    return p * p + v


@program((vec(3), 2))
def helper_returns_view(x, k):
    def tail(a, n):
        return a[n:]

    t = tail(x, k)
    t[0] = t[0] * x[0]
    return np.sum(x * x)


@program((vec(4),))
def comprehension(x):
    ws = [w * x[0] for w in (1.0, 2.0, 3.0)]
    return sum(w * w for w in ws) + sum([x[i] for i in range(4)])
