"""Random numbers that are functions of a key and a counter: the same bits in Python, the interpreter and Numba.

Philox 4x32-10: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011), table 2, section 3.
Normal deviates: the inverse of the distribution function, Wichura, AS 241, Applied Statistics 37 (1988), PPND16.
Only operations that IEEE rounds exactly are used, in one order and without contraction, so that no library and no
compiler changes a bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload, register_jitable

MASK = 0xFFFFFFFF
MULTIPLY_0 = 0xD2511F53
MULTIPLY_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9
WEYL_1 = 0xBB67AE85
LN2_HIGH = 6.93147180369123816490e-01  # a short number: times an exponent it is exact
LN2_LOW = 1.90821492927058770002e-10  # what it lacks of log 2


@register_jitable(fastmath=False)
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Four 32-bit words from a counter of four and a key of two, ten rounds. Products may wrap at 64 bits: they do
    so in Numba, and the low 64 bits are all that is used."""
    for _ in range(10):
        p0 = MULTIPLY_0 * c0
        p1 = MULTIPLY_1 * c2
        c0 = ((p1 >> 32) & MASK) ^ c1 ^ k0
        c1 = p1 & MASK
        c2 = ((p0 >> 32) & MASK) ^ c3 ^ k1
        c3 = p0 & MASK
        k0 = (k0 + WEYL_0) & MASK
        k1 = (k1 + WEYL_1) & MASK
    return c0, c1, c2, c3


@register_jitable(fastmath=False)
def _bits(key, i):
    """53 random bits."""
    w0, w1, _, _ = philox4x32(i & MASK, (i >> 32) & MASK, 0, 0, key & MASK, (key >> 32) & MASK)
    return (w1 << 21) | (w0 >> 11)


@register_jitable(fastmath=False)
def _uniform(key, i):
    return float(_bits(key, i)) * 2.0**-53


@register_jitable(fastmath=False)
def _log(x):
    """log x for x > 0, to about an ulp: x = 2**e * m, and 2 atanh of (m - 1) / (m + 1) by its series."""
    m, e = math.frexp(x)
    if m < 0.7071067811865476:
        m = 2.0 * m
        e = e - 1
    s = (m - 1.0) / (m + 1.0)
    w = s * s
    series = 0.0
    for k in range(12, 0, -1):
        series = (series + 1.0 / (2.0 * k + 1.0)) * w
    return e * LN2_HIGH + (2.0 * (s + s * series) + e * LN2_LOW)


@register_jitable(fastmath=False)
def _ratio(x, above, below):
    a = above[7]
    b = below[7]
    for k in range(6, -1, -1):
        a = a * x + above[k]
        b = b * x + below[k]
    return a / b


NEAR = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


@register_jitable(fastmath=False)
def _normal(key, i):
    """The normal deviate whose distribution function is (bits + 1/2) / 2**53."""
    bits = _bits(key, i)
    q = (float(bits) - 4503599627370495.5) * 2.0**-53  # p - 1/2, exact
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _ratio(r, NEAR[0], NEAR[1])
    rest = bits if q < 0.0 else 9007199254740991 - bits
    r = math.sqrt(-_log((float(rest) + 0.5) * 2.0**-53))
    value = _ratio(r - 1.6, TAIL[0], TAIL[1]) if r <= 5.0 else _ratio(r - 5.0, FAR[0], FAR[1])
    return -value if q < 0.0 else value


def random(key: Any, i: Any) -> Any:
    """Number i of the stream `key`: uniform on [0, 1), float64. Both are integers (or arrays of them)."""
    return _each(_uniform, key, i)


def random_normal(key: Any, i: Any) -> Any:
    """Number i of the stream `key`: normal with mean 0 and variance 1, float64."""
    return _each(_normal, key, i)


def _each(kernel: Callable[..., float], key: Any, i: Any) -> Any:
    for value in (key, i):
        if np.asarray(value).dtype.kind not in "iu":
            raise TypeError(f"ad.random takes an integer key and an integer counter, not {value!r}")
    if np.ndim(key) == np.ndim(i) == 0:
        return kernel(int(key), int(i))
    keys, counters = np.broadcast_arrays(key, i)
    found = [kernel(int(k), int(c)) for k, c in zip(keys.flat, counters.flat, strict=True)]
    return np.array(found, dtype=np.float64).reshape(keys.shape)


def _of_two(function: Callable[..., Any], kernel: Callable[..., Any]) -> None:
    """Overload `function` for integers and arrays of them."""

    @overload(function, jit_options={"fastmath": False})
    def implementation(key, i):
        if not isinstance(key, types.Array) and not isinstance(i, types.Array):
            return lambda key, i: kernel(np.int64(key), np.int64(i))

        def arrays(key, i):
            keys, counters = np.broadcast_arrays(np.asarray(key), np.asarray(i))
            out = np.empty(keys.shape)
            flat = out.reshape(-1)
            k = 0
            for a, b in zip(keys.flat, counters.flat):  # noqa: B905  (Numba's zip is not strict)
                flat[k] = kernel(np.int64(a), np.int64(b))
                k += 1  # noqa: SIM113
            return out

        return arrays


for _function, _kernel in ((random, _uniform), (random_normal, _normal)):
    _of_two(_function, _kernel)


@njit
def _seed_compiled(n):
    np.random.seed(n)


def seed(n: int) -> None:
    """Seed the generators behind np.random: NumPy's, and that of compiled code."""
    np.random.seed(n)
    _seed_compiled(n)
