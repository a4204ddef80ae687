"""Elementary functions that LLVM can vectorize: no branches, no tables, no calls; at most 2 ulp in float64.

Written over `Lanes`, so that their instructions go into the loop that calls them. The same number gives the same
bits wherever it stands in a loop, in whatever vector. Infinities, nan, zeros of either sign, overflow and
denormals come out as in NumPy.

Sources: argument reduction as in Cody and Waite, Software Manual for the Elementary Functions; logarithms as in
fdlibm (Sun Microsystems; e_log.c, s_log1p.c); the rational part of tanh as in Cephes (S. Moshier; tanh.c). The other
polynomials are minimax, by Remez's algorithm in 50 digits.
"""

from __future__ import annotations

import math
from typing import Any

from adcompiler.runtime.lanes import Lanes, choose, fma, magnitude, polynomial, signed_as

INFINITY, NAN = math.inf, math.nan
ROUND = 1.5 * 2.0**52  # added to a number and taken away again, it leaves the nearest integer
ONE = 0x3FF << 52  # the bits of 1.0
LOG2_E = 1.4426950408889634
LN2, LN2_REST = math.log(2.0), 2.3190468138462996e-17
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
TINY, SMALLEST = 2.0**-54, 2.0**-1022

# (exp(r) - 1 - r) / r**2 on |r| <= ln(2) / 2, to 2**-58 of exp(r).
EXP = (
    0.5000000000000013, 0.166666666666667, 0.04166666666651432, 0.00833333333330703, 0.0013888888947331975,
    0.0001984126991777059, 2.4801489589755895e-05, 2.7557215948255407e-06, 2.7631414083732383e-07,
    2.5117974886699926e-08,
)  # fmt: skip
# (log(1 + f) - log(1 - f) of f = s / (2 + s), less 2 s) / s, by powers of s**2; fdlibm.
LOG = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
SINH = tuple(1.0 / math.factorial(2 * k + 3) for k in range(8))  # (sinh(x) - x) / x**3 on |x| <= 1, Taylor's
TANH_ABOVE = (-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
TANH_BELOW = (4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0)
# erf(x) / x - 1 by powers of x**2 on |x| <= 1, to 2**-56.
ERF = (
    0.12837916709551256, -0.3761263890318355, 0.11283791670945253, -0.02686617064327622, 0.005223977607423468,
    -0.0008548325989696758, 0.00012055295320494294, -1.4924744663335489e-05, 1.6447517677871873e-06,
    -1.6209175911748696e-07, 1.3722976265924504e-08, -7.801188874097751e-10,
)  # fmt: skip
# exp(x**2) * erfc(x) by powers of 1 / (x + 2) on 1 <= x <= 6, to 2**-60 of exp(x**2).
ERFC = (
    -3.130954531905877e-06, 0.5643774289649164, 1.1232648464722548, 2.058499505050014, 1.8974359932554414,
    9.888097242744394, -41.11876926585675, 161.2288366411928, -510.8306389201986, 994.7990014167947,
    -1153.0410355187005, 748.0232281123828, -212.13525367944277,
)  # fmt: skip

# pi / 2 in three parts of 33 bits and the rest, sines and cosines on |x| <= pi / 4; fdlibm, e_rem_pio2.c, k_sin.c,
# k_cos.c.
FAR = 2.0**20  # from here on, a multiple of a part is not exact: such arguments are libm's
HALF_PI = (
    1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624871116645580e-21, 8.47842766036889956997e-32,
)  # fmt: skip
SIN = (
    -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06,
    -2.50507602534068634195e-08, 1.58969099521155010221e-10,
)  # fmt: skip
COS = (
    4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05, -2.75573143513906633035e-07,
    2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip


def nearest(x: Lanes) -> Lanes:
    """The nearest integer of a number below 2**51."""
    return (x + ROUND) - ROUND


def clamped(x: Lanes, low: float, high: float) -> Lanes:
    """Between the two; nan stays nan."""
    return choose(x < low, low, choose(x > high, high, x))


def power_of_two(n: Lanes) -> Lanes:
    """2**n of an integer -1023 < n < 1024; 0 of -1023."""
    return (((n + ROUND).bits << 52) + ONE).number


def scaled(s: Any, more: Lanes, n: Lanes) -> Lanes:
    """(s + more) * 2**n, where 2**n itself may be too small or too large."""
    half = nearest(n * 0.5)
    factor = power_of_two(half)
    return fma(more, factor, factor * s) * power_of_two(n - half)


# Exponentials.
def _reduced(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """n and r, what r leaves out: x = n ln(2) + r + rest, |r| <= ln(2) / 2."""
    n = fma(x, LOG2_E, ROUND) - ROUND
    high = fma(n, -LN2_HIGH, x)
    low = n * LN2_LOW
    r = high - low
    return n, r, (high - r) - low


def _exponential(r: Lanes, rest: Lanes) -> Lanes:
    """exp(r + rest) - 1."""
    return r + fma(r * r, polynomial(r, EXP), fma(r, rest, rest))


def near_one(r: Lanes, rest: Lanes) -> tuple[Lanes, Lanes]:
    """exp(r + rest) in two parts: 1 + r rounded, and the rest of it."""
    s = r + 1.0
    return s, fma(r * r, polynomial(r, EXP), ((1.0 - s) + r) + rest)


def _raised(x: Lanes, shift: float = 0.0) -> Lanes:
    """exp(x) * 2**shift"""
    n, r, rest = _reduced(x)
    return scaled(*near_one(r, rest), n + shift if shift else n)


def exp(x: Lanes) -> Lanes:
    # The least x has n = 2 (-1023), and power_of_two(-1023) is 0: CPUs take long to underflow.
    n, r, _ = _reduced(clamped(x, -2046.0 * LN2, 710.0))
    return scaled(1.0, fma(r * r, polynomial(r, EXP), r), n)


def exp2(x: Lanes) -> Lanes:
    x = clamped(x, -1076.0, 1025.0)
    n = nearest(x)
    part = x - n
    return scaled(*near_one(part * LN2, part * LN2_REST), n)


def _grown(x: Lanes, shift: float) -> Lanes:
    """(exp(x) - 1) * 2**shift, for x between -44 and the largest of which that is finite."""
    n, r, rest = _reduced(x)
    factor = power_of_two(n + shift)
    return fma(factor, _exponential(r, rest), factor - 2.0**shift)


def expm1(x: Lanes) -> Lanes:
    grown = _grown(clamped(x, -44.0, 710.0), -1.0) * 2.0  # half of it is finite wherever it is
    return choose(magnitude(x) < TINY, x, grown)


def expit(x: Lanes) -> Lanes:
    """1 / (1 + exp(-x)), without overflow."""
    e = _raised(clamped(-magnitude(x), -746.0, 0.0))
    s = e + 1.0
    y = choose(x < 0.0, e, 1.0) / s
    return fma(y * ((1.0 - s) + e), choose(x < 0.0, y - 1.0, -y), y)  # for what s leaves out of 1 + e, divided by s


def sinh(x: Lanes) -> Lanes:
    a = choose(magnitude(x) > 711.0, 711.0, magnitude(x))
    e = _raised(a, -2.0)  # exp(a) / 4
    near = fma(a * (a * a), polynomial(a * a, SINH), a)
    return signed_as(choose(a < 1.0, near, e * 2.0 - 0.125 / e), x)


def cosh(x: Lanes) -> Lanes:
    e = _raised(choose(magnitude(x) > 711.0, 711.0, magnitude(x)), -2.0)  # exp(|x|) / 4
    return e * 2.0 + 0.125 / e


def tanh(x: Lanes) -> Lanes:
    a = choose(magnitude(x) > 40.0, 40.0, magnitude(x))
    z = a * a
    e = _raised(a * 2.0) + 1.0
    small = a < 0.625
    above = choose(small, a * z * polynomial(z, TANH_ABOVE), -2.0)
    below = choose(small, polynomial(z, TANH_BELOW), e)
    return signed_as(above / below + choose(small, a, 1.0), x)


# Logarithms.
def split(x: Lanes) -> tuple[Lanes, Lanes]:
    """k and m: x = 2**k m, sqrt(1/2) <= m < sqrt(2), of a positive finite x."""
    small = x < SMALLEST
    bits = choose(small, x * 2.0**54, x).bits + (0x3FF00000 - 0x3FE6A09E << 32)
    exponent = ((bits >> 52) | (0x433 << 52)).number - (2.0**52 + 1023.0)
    mantissa = ((bits & (2**52 - 1)) + (0x3FE6A09E << 32)).number
    return exponent - choose(small, 54.0, 0.0), mantissa


def _series(f: Lanes) -> tuple[Lanes, Lanes]:
    """(h, t): log(1 + f) = f - h + t of |f| < sqrt(2) - 1, h = f**2 / 2."""
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    return half, s * fma(z, polynomial(z, LOG), half)


def _defined(x: Lanes, value: Lanes, pole: float = 0.0) -> Lanes:
    """A logarithm's values where it is not finite; `pole`: where it is -inf."""
    value = choose(x < INFINITY, value, x)  # inf and nan
    return choose(x > pole, value, choose(x.equals(pole), -INFINITY, NAN))


def log(x: Lanes) -> Lanes:
    k, m = split(x)
    f = m - 1.0
    half, t = _series(f)
    return _defined(x, fma(k, LN2_HIGH, f - (half - fma(k, LN2_LOW, t))))


def log1p(x: Lanes) -> Lanes:
    u = x + 1.0
    k, m = split(u)
    near = (x > -0.29289321881345254) & (x < 0.41421356237309503)
    k = choose(near, 0.0, k)
    f = choose(near, x, m - 1.0)
    # What u has lost of 1 + x, in units of u.
    lost = choose(u > 2.0, 1.0 - (u - x), x - (u - 1.0)) / u
    lost = choose(near, 0.0, choose(k > 53.0, 0.0, lost))
    half, t = _series(f)
    value = fma(k, LN2_HIGH, f - (half - (t + fma(k, LN2_LOW, lost))))
    return choose(magnitude(x) < TINY, x, _defined(x, value, -1.0))


def _logarithm(x: Lanes, high: float, low: float, two_high: float, two_low: float) -> Lanes:
    """log(x) / log(base), from 1 / log(base) and log(2) / log(base) in two parts each."""
    k, m = split(x)
    f = m - 1.0
    half, t = _series(f)
    major = ((f - half).bits & -(2**32)).number
    minor = ((f - major) - half) + t
    whole, main = k * two_high, major * high
    total = whole + main
    rest = fma(k, two_low, fma(minor + major, low, minor * high)) + ((whole - total) + main)
    return _defined(x, rest + total)


def log2(x: Lanes) -> Lanes:
    return _logarithm(x, 1.44269504072144627571e00, 1.67517131648865118353e-10, 1.0, 0.0)


def log10(x: Lanes) -> Lanes:
    parts = (
        4.34294481878168880939e-01,
        2.50829467116452752298e-11,
        3.01029995663611771306e-01,
        3.69423907715893078616e-13,
    )
    return _logarithm(x, *parts)


# The error function.
def erf(x: Lanes) -> Lanes:
    a = choose(magnitude(x) > 6.0, 6.0, magnitude(x))
    z = a * a
    inner = fma(a, polynomial(z, ERF), a)
    outer = 1.0 - _raised(-z) * polynomial(1.0 / (a + 2.0), ERFC)
    return signed_as(choose(a < 1.0, inner, outer), x)


# Trigonometric functions.
def _turned(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """q, r and what r leaves out: x = q pi/2 + r + rest, of |x| < FAR; of the integer q the two last bits count."""
    turns = fma(x, 2.0 / math.pi, ROUND)
    n = turns - ROUND
    r = fma(n, -HALF_PI[0], x)
    rest = n * HALF_PI[3]
    for part in HALF_PI[1:3]:
        step = n * part
        left = r - step
        rest = rest - ((r - left) - step)
        r = left
    total = r - rest
    return turns.bits, total, (r - total) - rest


def _sine(r: Lanes, rest: Lanes) -> tuple[Lanes, Lanes]:
    """sin(r + rest), and what that leaves out."""
    z = r * r
    cube = z * r
    less = fma(z, rest * 0.5 - cube * polynomial(z, SIN[1:]), -rest) - cube * SIN[0]
    total = r - less
    return total, (r - total) - less


def _cosine(r: Lanes, rest: Lanes) -> tuple[Lanes, Lanes]:
    """cos(r + rest), and what that leaves out."""
    z = r * r
    half = z * 0.5
    w = 1.0 - half
    more = ((1.0 - w) - half) + (z * (z * polynomial(z, COS)) - r * rest)
    total = w + more
    return total, (w - total) + more


def _quarter(x: Lanes, quarter: int) -> Lanes:
    """sin(x + quarter pi/2)"""
    q, r, rest = _turned(x)
    q = q + quarter
    value = choose((q & 1).equals(0), _sine(r, rest)[0], _cosine(r, rest)[0])
    return (value.bits ^ ((q & 2) << 62)).number


def sin(x: Lanes) -> Lanes:
    return _quarter(x, 0)


def cos(x: Lanes) -> Lanes:
    return _quarter(x, 1)


def tan(x: Lanes) -> Lanes:
    q, r, rest = _turned(x)
    (s, s_rest), (c, c_rest) = _sine(r, rest), _cosine(r, rest)
    even = (q & 1).equals(0)
    above, below = choose(even, s, -c), choose(even, c, s)
    y = above / below
    more = choose(even, s_rest, -c_rest) - y * choose(even, c_rest, s_rest)
    return choose(magnitude(x) < TINY, x, y + more / below)
