"""Programs with kinks, tested away from them; test_ops.py holds the values at the kinks."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import program, vec


@program((0.7, -1.3), (-0.7, 1.3))
def extrema(x, y):
    return max(x, y) * min(x, 2 * y, 3.0) + np.maximum(x, y) * np.minimum(x, 0.5) + np.fmax(x, y) - np.fmin(y, x)


@program((vec(6),))
def running_max(x):
    m = x[0]
    s = 0.0
    for v in x:
        if v > m:
            m = v
        s += m * v
    return s


@program((vec(5),))
def argmax_by_hand(x):
    k = 0
    for i in range(1, len(x)):
        if x[i] > x[k]:
            k = i
    return x[k] * x[0]


@program((0.3, 0.9), (2.3, 0.9), (-2.3, 0.9))
def huber(x, d):
    if abs(x) <= d:
        return 0.5 * x * x
    return d * (abs(x) - 0.5 * d)


@program((vec(5), 0.5))
def soft_threshold(x, t):
    return np.sum(np.sign(x) * np.maximum(np.abs(x) - t, 0.0) * x)


@program((0.3,), (1.7,), (-1.2,))
def clipped(x):
    return np.clip(x, -1.0, 1.0) * x + min(max(x, -0.5), 0.5) * x


@program((vec(4), -0.6, 0.8))
def clipped_between(x, lo, hi):
    return np.sum(np.clip(x, lo, hi) * x)


@program((1.7, 0.4), (-1.7, 0.4))
def guarded_sqrt(x, y):
    r = np.where(x > 0, np.sqrt(abs(x)), 0.0)
    return r * y + (math.sqrt(x) if x > 0 else x * x)


@program((vec(5),))
def hinge(x):
    s = 0.0
    for i in range(5):
        s += max(0.0, 1 - x[i] * (1 if i % 2 else -1)) ** 2
    return s


@program((3.7, 1.3))
def sawtooth(x, p):
    return (x % p) * x + abs(x % p - p / 2) + math.floor(x / p) * p


@program((0.7, 2.0), (1.2, 2.0))
def option_payoff(s, k):
    up, down = s * 1.9, s * 0.6
    return 0.5 * max(up - k, 0.0) + 0.5 * max(k - down, 0.0) * s


@program((vec(4),))
def masked_log(x):
    return np.sum(np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), x * x))
