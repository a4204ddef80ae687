"""Functions of numbers."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from zoo.registry import program

RATE = 0.03
WEIGHTS = (0.2, 0.5, 0.3)


@program((2.0, 5.0))
def log_product(x0, x1):
    return math.log(x0) + x0 * x1 - math.sin(x1)


@program((1.3,), (-0.7,))
def polynomial(x):
    return 3 * x**4 - 2 * x**3 + x**2 / 2 - 7


@program((1.3, 0.7, 2.1))
def normal_density(x, mu, sigma):
    z = (x - mu) / sigma
    return math.exp(-0.5 * z * z) / (sigma * math.sqrt(2 * math.pi))


def cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


@program((100.0, 95.0, 0.5, 0.2), (80.0, 95.0, 1.5, 0.35), tol=1e-6)
def black_scholes(spot, strike, expiry, vol):
    d1 = (math.log(spot / strike) + (RATE + vol * vol / 2) * expiry) / (vol * math.sqrt(expiry))
    d2 = d1 - vol * math.sqrt(expiry)
    return spot * cdf(d1) - strike * math.exp(-RATE * expiry) * cdf(d2)


@program((0.4, 1.1, -0.3, 0.8))
def haversine(lat1, lon1, lat2, lon2):
    a = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(a))


@program((1.7, 2.3), (0.6, -1.4))
def powers(x, y):
    return x**y + 2.0**y + x**-2 + x**0.5 + np.power(x, y + 1) + pow(x, 3) + x**0 + math.pow(x, 1.5)


@program((3, 0.4), (-2, 0.4))
def int_argument(n, x):
    return (n * n + n / 2) * x + n**2


@program((1.5, 3), (-0.4, 2))
def int_exponent(x, n):
    return x**n + n * x + (n // 2) * x


@program((0.3,), (-0.6,))
def inverse_functions(x):
    return math.asin(x) + 2 * math.acos(x) + math.atan(3 * x) + math.atanh(x) * math.asinh(x) + math.acosh(2 + x)


@program((0.8, -1.2))
def hyperbolic(x, y):
    return math.sinh(x) * math.cosh(y) + math.tanh(x * y) + np.tanh(x) - np.sinh(y)


@program((1.9, 0.4))
def logarithms(x, y):
    return math.log2(x) + math.log10(x * y) + math.log1p(y) + np.log(x + y) + math.log(x, 3) + np.expm1(y) + np.exp2(y)


@program((1.4,), (2.6,))
def special_functions(x):
    return special.gammaln(x) + special.digamma(x) * special.erf(x) + special.expit(-x) + math.gamma(x) + math.erfc(x)


@program((7.3, 2.1), (-5.2, 1.7))
def remainders(x, y):
    return x % y + 2.0 * math.fmod(x, y) + x * (x // y) + np.floor(x) * y + math.ceil(y) * x + round(x) * y


@program((0.7, -1.8))
def planar(x, y):
    return math.atan2(y, x) * math.hypot(x, y) + np.hypot(x, 2 * y) * np.arctan2(x, y) + math.copysign(x * y, y)


@program((0.7, 1.8))
def log_sums(x, y):
    return np.logaddexp(x, y) + np.logaddexp2(y, x) + np.cbrt(x) + np.square(y) + np.reciprocal(x) + np.cbrt(y)


@program((0.9,), (-1.9,))
def truth_values(x):
    return (x > 0) * x * x + (not x > 0) * math.sin(x) + True * x


@program((1.2, 0.5))
def rebound_names(x, y):
    a = b = x * y
    a += x
    b *= a
    a, b = b, a - b
    c: float = a * b
    if (d := c - y) > 100:
        return d
    return d * a


@program((0.6,))
def captured_numbers(x):
    s = 0.0
    for w in WEIGHTS:
        s += w * math.exp(-RATE * x * w)
    return s


@program((0.3, 0.4))
def nothing_of_y(x, y):
    y = 2.0
    return x * y * y


@program((1.3, -0.4), (0.2, 0.9))
def two_results(x, y):
    u = x * math.cos(y)
    v = x * math.sin(y)
    return u, v * u


@program((1.1, 0.5))
def asserted(x, y):
    assert x > y, f"x is {x}, below y"
    if x < -100:
        raise ValueError("far out")
    return math.sqrt(x - y) * x


@program((0.7,))
def casts(x):
    n = int(4 * x)
    return float(n) * x + bool(n) * x + float(x) * np.float64(x) + abs(-x) + math.fabs(x)
