"""Special functions of SciPy, element by element, emitted as helpers of adcompiler.runtime.

Formulas: DLMF 5.12 (beta), 7.2 (erf), 8.8 (incomplete gamma), 10.6 and 10.29 (Bessel). Where x * log(y) is 0 because
x is 0, so is its derivative with respect to y; its derivative with respect to x is log(y), and 0 where that is not
finite (x = y = 0: there is none).
"""

from __future__ import annotations

import math
from typing import Any

from adcompiler.errors import MissingRule
from adcompiler.ir.build import apply
from adcompiler.ops import generic as o
from adcompiler.ops.scalar import ANY, POSITIVE, UNIT, elementwise, special

ROOT_PI = math.sqrt(math.pi)
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)
BOTH = ((0.3, 1.2), (1.7, 0.6), (4.2, 2.5))
SHARE = ((0.3,), (0.6,), (0.85,))


def unary(name: str, *partials: Any, samples: Any = ANY, **properties: Any) -> None:
    elementwise(name, special(name), f"{name}({{0}})", *partials, samples=samples, **properties)


def binary(name: str, *partials: Any, samples: Any = BOTH, **properties: Any) -> None:
    elementwise(name, special(name), f"{name}({{0}}, {{1}})", *partials, samples=samples, **properties)


def of_order(name: str, partial: Any, **properties: Any) -> None:
    """A function of a literal order n, the attribute, and of x."""
    elementwise(
        name, lambda x, n: special(name)(n, x), f"{name}({{n}}, {{0}})", partial, samples=POSITIVE, **properties
    )


def no_rule(what: str) -> Any:
    def rule(*args: Any) -> Any:
        raise MissingRule(f"the derivative of {what} has no rule")

    return rule


# The error function and the normal distribution.
unary("erfinv", lambda y, x: 0.5 * ROOT_PI * o.exp(y * y), samples=UNIT, singular=True)
unary("erfcinv", lambda y, x: -0.5 * ROOT_PI * o.exp(y * y), samples=SHARE, singular=True)
unary("erfcx", lambda y, x: 2.0 * x * y - 2.0 / ROOT_PI, singular=True)
unary("ndtr", lambda y, x: o.exp(-0.5 * (x * x)) / ROOT_TWO_PI)
unary("log_ndtr", masked=(lambda g, y, x: g * math.sqrt(2.0 / math.pi) / apply("erfcx", x * -math.sqrt(0.5)),))
unary("ndtri", lambda y, x: ROOT_TWO_PI * o.exp(0.5 * (y * y)), samples=SHARE, singular=True)

# Logistic functions and entropies.
unary("logit", masked=(lambda g, y, x: g / (x * (1.0 - x)),), samples=SHARE, singular=True)
unary("log_expit", lambda y, x: o.expit(-x))
unary("entr", lambda y, x: -o.log(x) - 1.0, samples=POSITIVE, singular=True)


def _log_factor(logarithm: Any, least: float) -> Any:
    """The rule of x * logarithm(y) for x: 0 where x is 0 and the logarithm is not finite."""

    def rule(g: Any, y: Any, a: Any, b: Any) -> Any:
        return o.select(o.both(o.eq(a, 0.0), o.le(b, least)), 0.0, g * logarithm(b))

    return rule


def _unless_none(rule: Any) -> Any:
    """The rule for y: 0 where x is 0."""
    return lambda g, y, a, b: o.select(o.eq(a, 0.0), 0.0, rule(g, a, b))


binary("xlogy", masked=(_log_factor(o.log, 0.0), _unless_none(lambda g, a, b: g * a / b)), singular=True)
binary("xlog1py", masked=(_log_factor(o.log1p, -1.0), _unless_none(lambda g, a, b: g * a / (1.0 + b))), singular=True)
binary("rel_entr", masked=(lambda g, y, a, b: g * (o.log(a / b) + 1.0), _unless_none(lambda g, a, b: -(g * a / b))),
       singular=True)  # fmt: skip
binary("kl_div", masked=(lambda g, y, a, b: g * o.log(a / b),
                         lambda g, y, a, b: o.select(o.eq(a, 0.0), g, g * (1.0 - a / b))), singular=True)  # fmt: skip

# Gamma and beta functions.
unary("loggamma", lambda y, x: o.digamma(x), samples=POSITIVE, singular=True)
binary("beta", lambda y, a, b: y * (o.digamma(a) - o.digamma(a + b)),
       lambda y, a, b: y * (o.digamma(b) - o.digamma(a + b)), singular=True)  # fmt: skip
binary("betaln", lambda y, a, b: o.digamma(a) - o.digamma(a + b), lambda y, a, b: o.digamma(b) - o.digamma(a + b),
       singular=True)  # fmt: skip


def _gamma_density(a: Any, x: Any) -> Any:
    return o.exp(apply("xlogy", a - 1.0, x) - x - apply("gammaln", a))


binary("gammainc", masked=(no_rule("gammainc with respect to its order"), lambda g, y, a, x: g * _gamma_density(a, x)),
       singular=True, samples=())  # fmt: skip
binary("gammaincc", masked=(no_rule("gammaincc with respect to its order"),
                            lambda g, y, a, x: -(g * _gamma_density(a, x))), singular=True,
       samples=())  # fmt: skip


# Bessel functions: recurrences in the order n, which is a literal.
OF_THEIR_OWN: dict[tuple[str, float], str] = {
    ("jv", 0): "j0", ("jv", 1): "j1", ("iv", 0): "i0", ("iv", 1): "i1", ("ive", 0): "i0e", ("ive", 1): "i1e",
}  # fmt: skip


def bessel(name: str, n: float, x: Any) -> Any:
    """The function of order n, by its own name where it has one."""
    if name != "jv" and float(n).is_integer():
        n = abs(n)
    if (name, n) in OF_THEIR_OWN:
        return apply(OF_THEIR_OWN[name, n], x)
    return apply(name, x, n=n)


def _ordinary(n: float, x: Any) -> Any:
    return 0.5 * (bessel("jv", n - 1, x) - bessel("jv", n + 1, x))


def _modified(name: str, n: float, x: Any) -> Any:
    return 0.5 * (bessel(name, n - 1, x) + bessel(name, n + 1, x))


unary("j0", lambda y, x: -apply("j1", x))
unary("j1", lambda y, x: _ordinary(1, x))
of_order("jv", lambda y, x, n: _ordinary(n, x))
unary("i0", lambda y, x: apply("i1", x), singular=True)
unary("i1", lambda y, x: _modified("iv", 1, x), singular=True)
of_order("iv", lambda y, x, n: _modified("iv", n, x), singular=True)
unary("i0e", lambda y, x: apply("i1e", x) - o.sign(x) * y)
unary("i1e", lambda y, x: _modified("ive", 1, x) - o.sign(x) * y)
of_order("ive", lambda y, x, n: _modified("ive", n, x) - o.sign(x) * y)
