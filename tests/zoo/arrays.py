"""Whole arrays: elementwise functions, broadcasting, reductions, masks."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from zoo.registry import mat, pos, program, vec


@program((vec(4),))
def elementwise(x):
    return np.sum(np.sin(x) * np.exp(-x * x) + np.tanh(x))


@program((vec(3), 1.3))
def array_and_scalar(x, c):
    y = c * x + x / c - c
    return np.sum(y**2) + np.sum(2.0 - y) + np.sum(c**2 / (x * x + 1))


@program((mat(3, 4), vec(4)))
def broadcast_rows(a, b):
    return np.sum(np.tanh(a + b) * b)


@program((mat(3, 1), mat(1, 4, 1)))
def broadcast_both(a, b):
    c = a * b + a
    return np.sum(c * c * c)


@program((mat(3, 4),))
def sums_by_axis(a):
    rows = np.sum(a, axis=1)
    columns = a.sum(axis=0)
    return np.sum(rows * rows) + np.sum(columns[:3] * rows) + a.sum() * np.sum(a, axis=-1)[0]


@program((mat(3, 4),))
def keepdims(a):
    e = np.exp(a)
    p = e / np.sum(e, axis=1, keepdims=True)
    return np.sum(p[:, 0] * p[:, 1])


@program((pos(4),))
def methods(x):
    y = x.copy()
    y += 1
    return y.sum() * (x * x).sum() + x.mean() * x.dot(y)


@program((vec(5),))
def masks(x):
    y = np.where(x > 0, x * x, np.exp(x))
    z = np.maximum(x, 0.1) * np.minimum(y, 1.5)
    return np.sum(z) + np.sum(np.clip(x, -1.0, 1.0) * x) + np.sum(np.abs(x))


@program((pos(4),))
def roots_and_logs(x):
    return np.sum(np.sqrt(x) + np.log(x) * np.log1p(x) + np.cbrt(x) + 1 / x + np.log2(x) + np.log10(x))


@program((pos(3), vec(3)))
def pairs(x, y):
    return np.sum(np.hypot(x, y) + np.arctan2(y, x) + np.logaddexp(x, y) + x**y + np.power(x, 2.5))


@program((pos(3),))
def special_arrays(x):
    return np.sum(special.erf(x) * special.gammaln(x) + special.expit(x) + special.digamma(x + 1))


@program((vec(4), vec(4, 1)))
def standardized(x, w):
    m = np.sum(x) / len(x)
    d = x - m
    v = np.sum(d * d) / len(x)
    return np.sum(w * d / math.sqrt(v + 0.1))


@program((vec(4),))
def softmax_loss(z):
    e = np.exp(z - 0.5)
    return -math.log(e[2] / np.sum(e))


@program((vec(4),))
def returns_array(x):
    return np.sin(x) * x[0]


@program((mat(2, 3), vec(3)))
def in_place_arrays(a, b):
    a *= b
    a -= 0.5
    a /= 2.0 + b * b
    b **= 2
    return np.sum(a * b)


@program((vec(4), np.array([1, 0, 2, 1])))
def with_int_array(x, k):
    return np.sum(x * k) + np.sum(x ** (k + 1)) + np.sum(k) * x[0]


@program((vec(4), np.array([True, False, True, True])))
def with_mask_array(x, keep):
    return np.sum(np.where(keep, x, 2.0 * x) * x) + np.sum(x * keep)


@program((np.zeros(0), 0.7))
def empty_array(x, c):
    return np.sum(x * x) + c * c


@program((mat(2, 2), 3))
def array_carried(a, n):
    s = a
    for i in range(n):
        s = np.sin(s) * a + i
    return np.sum(s)


@program((np.float64(0.7), np.array(1.3)))
def zero_dim(x, y):
    return x * y * y + np.sin(y)


@program((vec(3),))
def sum_of_python(x):
    return sum(x) * sum((x[0], x[1] * x[2])) + max(x[0], x[1], 0.3) * min(x[2], 5.0)


@program((vec(3), vec(3, 1)))
def negations(x, y):
    return np.sum(-x * +y) + np.sum(np.negative(x) * np.square(y)) + np.sum(np.subtract(x, y) ** 3)


@program((vec(4),))
def dot_of_itself(x):
    return np.dot(x, x) * np.sum(x) + x @ x
