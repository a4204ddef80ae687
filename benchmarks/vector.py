"""exp, log, tanh, sine and cosine in straight-line code that LLVM vectorizes, for the best gradients by hand.

Stock Numba calls libm once per element. Reductions after Cody and Waite, Software Manual for the Elementary Functions
(1980); polynomials: Taylor for exp, Sun's fdlibm for log, sine and cosine. Within 2 ulp for finite arguments; results
below the normal range are 0, and log takes positive normal numbers only.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
PI2_HIGH, PI2_MIDDLE, PI2_LOW = 1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21
ROUND = 6755399441055744.0  # 1.5 * 2**52: what is added to it is rounded to an integer

# Reassociation would undo the rounding.
exact = njit(cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)


@intrinsic
def bits(typingctx, x):
    """The bits of a float64, as an integer."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def unbits(typingctx, k):
    """The float64 of these bits."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@exact
def _reduced(x):
    """exp(r) - 1 and 2^(k-1), where x = k ln 2 + r."""
    shifted = x * LOG2_E + ROUND
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    s = r * r
    # Degree 13 by Estrin's scheme: short chains.
    p = (1.0 / 6.0 + r * (1.0 / 24.0)) + s * (1.0 / 120.0 + r * (1.0 / 720.0))
    q = (1.0 / 5040.0 + r * (1.0 / 40320.0)) + s * (1.0 / 362880.0 + r * (1.0 / 3628800.0))
    t = (1.0 / 39916800.0 + r * (1.0 / 479001600.0)) + s * (1.0 / 6227020800.0)
    fourth = s * s
    tail = (p + fourth * (q + fourth * t)) * r
    return r + s * (0.5 + tail), unbits((bits(shifted) + 1022) << 52)


@exact
def exp(x):
    inside = min(max(x, -707.0), 709.78271289338397)
    less, scale = _reduced(inside)
    y = (scale + scale * less) * 2.0
    y = 0.0 if x < -707.0 else y
    return y if x <= 709.78271289338397 else x * 1e308


@exact
def tanh(x):
    inside = min(max(2.0 * x, -40.0), 40.0)
    less, scale = _reduced(inside)
    e = 2.0 * (scale * less + (scale - 0.5))  # exp(2x) - 1
    return e / (e + 2.0)


@exact
def log(x):
    b = bits(x) + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
    k = (b >> 52) - 1023
    m = unbits((b & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half = 0.5 * f * f
    # k as a float without a conversion that AVX2 lacks.
    n = unbits((k + 0) + 0x4338000000000000) - ROUND
    return n * LN2_HIGH - ((half - (s * (half + even + odd) + n * LN2_LOW)) - f)


@exact
def sincos(x):
    """Sine and cosine, for |x| up to some 10^5."""
    shifted = x * 0.63661977236758134308 + ROUND
    k = shifted - ROUND
    r = ((x - k * PI2_HIGH) - k * PI2_MIDDLE) - k * PI2_LOW
    z = r * r
    s = -1.98412698298579493134e-04 + z * (
        2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)
    )
    s = r + r * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * s))
    c = 2.48015872894767294178e-05 + z * (
        -2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)
    )
    c = (1.0 - 0.5 * z) + z * z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * c))
    quadrant = bits(shifted)
    sine, cosine = (c, s) if quadrant & 1 else (s, c)
    sine = -sine if quadrant & 2 else sine
    return sine, -cosine if (quadrant + 1) & 2 else cosine
