"""Elementary functions of two numbers, powers and arcs, as `elementary` has those of one.

Sources: powers and the rational functions of arcsine as in fdlibm (Sun Microsystems; e_pow.c, e_asin.c, e_acos.c), the
arctangent as in Cephes (S. Moshier; atan.c).
"""

from __future__ import annotations

import math

from adcompiler.runtime.elementary import INFINITY, LN2, NAN, clamped, exp, log, log1p, near_one, nearest, scaled, split
from adcompiler.runtime.lanes import Lanes, choose, fma, intrinsic, magnitude, polynomial, signed_as

# 2 / (3 ln 2) in 21 bits and the rest, ln(2) likewise.
TWO_THIRDS, TWO_THIRDS_HIGH, TWO_THIRDS_LOW = (
    9.61796693925975554329e-01,
    9.61796700954437255859e-01,
    -7.02846165095275826516e-09,
)
LN2_SHORT, LN2_REST = 6.93147182464599609375e-01, -1.90465429995776804525e-09
ATANH = tuple(3.0 / (2 * k + 5) for k in range(10))  # of 3 atanh(s) / s - 3 - s**2, by powers of s**2 after s**4
ATAN_ABOVE = (
    -6.485021904942025371773e1, -1.228866684490136173410e2, -7.500855792314704667340e1, -1.615753718733365076637e1,
    -8.750608600031904122785e-1,
)  # fmt: skip
ATAN_BELOW = (
    1.945506571482613964425e2, 4.853903996359136964868e2, 4.328810604912902668951e2, 1.650270098316988542046e2,
    2.485846490142306297962e1, 1.0,
)  # fmt: skip
ASIN_ABOVE = (
    1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01, -4.00555345006794114027e-02,
    7.91534994289814532176e-04, 3.47933107596021167570e-05,
)  # fmt: skip
ASIN_BELOW = (
    1.0, -2.40339491173441421878e00, 2.02094576023350569471e00, -6.88283971605453293030e-01, 7.70381505559019352791e-02,
)  # fmt: skip
HALF_PI, HALF_PI_REST = math.pi / 2, 6.12323399573676603587e-17


def _short(x: Lanes) -> Lanes:
    """The upper 21 bits of a number: products of two such are exact."""
    return (x.bits & -(2**32)).number


# Powers.
def _binary_logarithm(x: Lanes) -> tuple[Lanes, Lanes]:
    """log2(x) of a positive finite x in 21 bits and the rest, to 2**-65."""
    k, m = split(x)
    f, below = m - 1.0, m + 1.0
    inverse = 1.0 / below
    s = f * inverse
    high, below_high = _short(s), _short(below)
    low = ((f - high * below_high) - high * (m - (below_high - 1.0))) * inverse
    z = s * s
    r = fma(z * z, polynomial(z, ATANH), low * (high + s))
    square = high * high
    t = _short((square + 3.0) + r)
    t_rest = r - ((t - 3.0) - square)
    u, v = high * t, fma(low, t, t_rest * s)
    p = _short(u + v)
    p_rest = v - (p - u)
    main = p * TWO_THIRDS_HIGH
    rest = fma(p, TWO_THIRDS_LOW, p_rest * TWO_THIRDS)
    total = _short((main + rest) + k)
    return total, rest - ((total - k) - main)


def power(x: Lanes, y: Lanes) -> Lanes:
    a, b = magnitude(x), magnitude(y)
    t, t_rest = _binary_logarithm(a)
    y = clamped(y, -(2.0**64), 2.0**64)  # beyond, the result is 0, 1 or infinite anyway
    y_short = _short(y)
    low, high = fma(y - y_short, t, y * t_rest), y_short * t
    z = high + low
    over = magnitude(z) > 1100.0
    high, low = choose(over, signed_as(1100.0, z), high), choose(over, 0.0, low)
    n = nearest(choose(over, high, z))
    high = high - n
    z = _short(high + low)
    u = z * LN2_SHORT
    v = fma(low - (z - high), LN2, z * LN2_REST)
    r = u + v
    value = scaled(*near_one(r, v - (r - u)), n)
    return _power_at_edges(x, y, a, b, value)


def power_of_narrow(x: Lanes, y: Lanes) -> Lanes:
    """The power of numbers that were float32, to be rounded to float32."""
    a, b = magnitude(x), magnitude(y)
    return _power_at_edges(x, y, a, b, exp(y * log(a)))


def _power_at_edges(x: Lanes, y: Lanes, a: Lanes, b: Lanes, value: Lanes) -> Lanes:
    """The power of |x| with its sign, and where x or y are 0, 1, infinite or nan."""
    value = choose(a.equals(0.0), choose(y < 0.0, INFINITY, 0.0), value)
    value = choose(a.equals(INFINITY), choose(y < 0.0, 0.0, INFINITY), value)
    value = choose(a.equals(1.0), 1.0, value)
    small = b < 2.0**52
    whole = choose(small, b + 2.0**52, b)
    broken = choose(small, whole - 2.0**52, b).unlike(b)
    odd = choose(broken, 0, choose(b < 2.0**53, whole.bits & 1, 0))
    value = (value.bits ^ ((odd & (x.bits >> 63)) << 63)).number
    value = choose((x < 0.0) & (a < INFINITY) & broken, NAN, value)
    value = choose((a + b).unlike(a + b), NAN, value)
    return choose(x.equals(1.0), 1.0, choose(b.equals(0.0), 1.0, value))


# Arcs.
def _arc(n: Lanes, d: Lanes) -> Lanes:
    """arctan(n / d) of two that are not negative."""
    far, middle = n > d * 2.414213562373095, n > d * 0.66
    x = choose(far, -d, choose(middle, n - d, n)) / choose(far, n, choose(middle, n + d, d))
    z = x * x
    value = fma(x, z * polynomial(z, ATAN_ABOVE) / polynomial(z, ATAN_BELOW), x)
    rest = choose(far, HALF_PI_REST, choose(middle, HALF_PI_REST / 2, 0.0))
    return choose(far, HALF_PI, choose(middle, HALF_PI / 2, 0.0)) + (value + rest)


def arctan(x: Lanes) -> Lanes:
    return signed_as(_arc(magnitude(x), x.every(1.0)), x)


def arctan2(y: Lanes, x: Lanes) -> Lanes:
    n, d = magnitude(y), magnitude(x)
    even = n.equals(d) & (n.equals(0.0) | n.equals(INFINITY))  # 0 / 0, inf / inf
    n, d = choose(even, choose(n.equals(0.0), 0.0, 1.0), n), choose(even, 1.0, d)
    scale = choose((n < 2.0**-900) & (d < 2.0**-900), 2.0**200, 1.0)
    scale = choose((n > 2.0**1000) | (d > 2.0**1000), 2.0**-100, scale)
    arc = _arc(n * scale, d * scale)
    arc = choose(x.bits < 0, math.pi - (arc - 2 * HALF_PI_REST), arc)
    return signed_as(arc, y)


def _half_arc(x: Lanes) -> tuple[Lanes, Lanes, Lanes, Lanes]:
    """For |x| >= 1/2: s = sqrt((1 - |x|) / 2), its upper bits and the rest, and (arcsin(s) - s) / s; for less than
    that the last of |x| itself."""
    a = magnitude(x)
    small = a < 0.5
    w = choose(small, a * a, (1.0 - a) * 0.5)
    s = intrinsic("sqrt", w)
    high = _short(s)
    rest = (w - high * high) / choose(s.equals(0.0), 1.0, s + high)
    return s, high, rest, w * polynomial(w, ASIN_ABOVE) / polynomial(w, ASIN_BELOW)


def arcsin(x: Lanes) -> Lanes:
    a = magnitude(x)
    s, high, rest, r = _half_arc(x)
    below = (s * r) * 2.0 - (HALF_PI_REST - rest * 2.0)
    large = HALF_PI / 2 - (below - (HALF_PI / 2 - high * 2.0))
    return signed_as(choose(a < 0.5, fma(a, r, a), large), x)


def arccos(x: Lanes) -> Lanes:
    s, high, rest, r = _half_arc(x)
    small = HALF_PI - (x - (HALF_PI_REST - x * r))
    right = (high + fma(r, s, rest)) * 2.0
    left = (HALF_PI - (s + (r * s - HALF_PI_REST))) * 2.0
    return choose(magnitude(x) < 0.5, small, choose(x < 0.0, left, right))


# Sums.
def hypot(x: Lanes, y: Lanes) -> Lanes:
    a, b = magnitude(x), magnitude(y)
    large, small = choose((a > 2.0**500) | (b > 2.0**500), 2.0**-600, 1.0), (a < 2.0**-450) & (b < 2.0**-450)
    factor = choose(small, 2.0**600, large)
    a, b = a * factor, b * factor
    value = intrinsic("sqrt", fma(a, a, b * b)) / factor
    return choose(a.equals(INFINITY) | b.equals(INFINITY), INFINITY, value)


def logaddexp(x: Lanes, y: Lanes) -> Lanes:
    """log(exp(x) + exp(y))"""
    distance = magnitude(x - y)
    value = choose(x > y, x, y) + log1p(exp(-distance))
    return choose(x.equals(y), x + LN2, value)
