"""Faults in the elementary functions of kernels: their formulas, their edges, when they are called."""

from __future__ import annotations

from faults.fault import Fault

ELEMENTARY, POWERS, SIMD, LANES = (
    "runtime/elementary.py", "runtime/powers.py", "runtime/simd.py", "runtime/lanes.py",
)  # fmt: skip
TESTS = "test_vector_math.py"

VECTORS = (
    Fault("cosine-three-quarters-on", ELEMENTARY, "return _quarter(x, 1)", "return _quarter(x, 3)",
          "cos has the other sign", TESTS + " -k cos"),
    Fault("reduced-in-two-parts", ELEMENTARY, "for part in HALF_PI[1:3]:", "for part in HALF_PI[1:2]:",
          "sines near multiples of pi lose their last digits", TESTS + " -k sin"),
    Fault("far-angles-are-near", SIMD, "> LARGE[formula.__name__]", "> 2.0**60 * LARGE[formula.__name__]",
          "large angles are reduced with parts of pi that are not exact", TESTS + " -k sin"),
    Fault("lanes-share-one-value", SIMD, "place = ir.Constant(ir.IntType(32), k)", "place = ir.Constant(ir.IntType(32), 0)",
          "all large angles of a vector have the sine of the first", TESTS + " -k large"),
    Fault("denormal-exponent", ELEMENTARY, "choose(small, 54.0, 0.0)", "choose(small, 53.0, 0.0)",
          "logarithms of denormals are off by log(2)", TESTS + " -k log"),
    Fault("early-underflow", ELEMENTARY, "clamped(x, -2046.0 * LN2, 710.0)", "clamped(x, -708.0, 710.0)",
          "exp of large negative numbers is not 0", TESTS + " -k exp"),
    Fault("small-is-not-itself", ELEMENTARY, "    return choose(magnitude(x) < TINY, x, grown)", "    return grown",
          "expm1 loses the sign of zero and denormals", TESTS + " -k expm1"),
    Fault("flags-reach-formulas", LANES, "    call.fastmath = Unflagged()\n", "", "a kernel's flags loosen the formulas", TESTS + " -k flag"),
    Fault("odd-powers-positive", POWERS, "((odd & (x.bits >> 63)) << 63)", "((odd & 0) << 63)",
          "(-2.0) ** 3.0 is positive", TESTS + " -k power"),
    Fault("quadrant-of-arctan2", POWERS, "choose(x.bits < 0, math.pi", "choose(x < 0.0, math.pi",
          "arctan2(0.0, -0.0) is 0", TESTS + " -k arctan2"),
    Fault("maximum-without-nan", SIMD, "f\"llvm.{name}.{'f64'", "f\"llvm.{name[:3]}num.{'f64'",
          "a row with nan has a maximum", TESTS + " -k extrema"),
    Fault("strict-is-ours", "driver.py", "vector = not self.options.strict and", "vector = True and",
          "fastmath=False does not call libm", TESTS + " -k source"),
)  # fmt: skip
