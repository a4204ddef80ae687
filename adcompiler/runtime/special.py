"""Special functions of floats and arrays, in plain Python and in Numba, in the dtype of their argument.

erf, erfc, gamma and gammaln are libm's; digamma and polygamma are ours: reflection (DLMF 5.5.4, 5.15.6),
recurrence (5.5.2, 5.15.5) up to where the asymptotic series (5.11.2, 5.15.8) is exact to the last bits.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable


class _Scipy:
    """scipy.special, imported when a function of it is first called: that takes longer than all of ours."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("scipy.special"), name)


sp = _Scipy()

# Bernoulli numbers B_2, B_4, ...
BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
)  # fmt: skip
DIGAMMA_ROOT = 1.4616321449683623  # its only positive zero, to double precision
DIGAMMA_ROOT_REST = 9.549995429965697e-17  # and what the double leaves out


@register_jitable
def _digamma(x):
    if x == math.inf:
        return x
    if not x > -math.inf:
        return math.nan
    if x == 0.0:
        return math.copysign(math.inf, -x)
    total = 0.0
    if x < 0.0:
        if x == math.floor(x):
            return math.nan
        fraction = x - math.floor(x)
        total = -math.pi / math.tan(math.pi * fraction)
        x = 1.0 - x
    if abs(x - DIGAMMA_ROOT) < 0.25 and total == 0.0:
        return _digamma_near_root(x)
    while x < 10.0:
        total -= 1.0 / x
        x += 1.0
    w = 1.0 / (x * x)
    series = 0.0
    for k in range(9, -1, -1):
        series = (series + BERNOULLI[k] / (2.0 * (k + 1.0))) * w
    return total + math.log(x) - 0.5 / x - series


@register_jitable
def _digamma_near_root(x):
    """digamma(r + d) = d * sum over k of 1 / ((k + r) (k + x)), summed by Taylor coefficients at the root."""
    d = (x - DIGAMMA_ROOT) - DIGAMMA_ROOT_REST
    total = 0.0
    for k in range(len(ROOT_TAYLOR) - 1, -1, -1):
        total = total * d + ROOT_TAYLOR[k]
    return total * d


@register_jitable
def _polygamma_positive(n, x, factorial):
    """(-1)^(n+1) polygamma(n, x) for n >= 1, x > 0."""
    total = 0.0
    while x < 12.0 + n:
        total += factorial * x ** -(n + 1.0)
        x += 1.0
    w = 1.0 / (x * x)
    term = factorial / n * x ** -float(n)  # (n-1)! / x^n
    total += term + 0.5 * factorial * x ** -(n + 1.0)
    coefficient = factorial * (n + 1.0) / 2.0 * x ** -(n + 2.0)  # (2k + n - 1)! / (2k)! / x^(2k + n), k = 1
    for k in range(1, 11):
        total += BERNOULLI[k - 1] * coefficient
        coefficient *= (2.0 * k + n) * (2.0 * k + n + 1.0) / ((2.0 * k + 1.0) * (2.0 * k + 2.0)) * w
    return total


@register_jitable
def _cotangent_derivative(n, x):
    """The n-th derivative of pi * cot(pi x), n >= 1, as a polynomial in c = cot(pi x): d/dx c = -pi (1 + c^2)."""
    fraction = x - math.floor(x)
    c = 1.0 / math.tan(math.pi * fraction)
    coefficients = np.zeros(n + 3)
    coefficients[1] = 1.0
    for step in range(n):
        raised = np.zeros(n + 3)
        for p in range(1, step + 2):
            raised[p - 1] -= p * coefficients[p]
            raised[p + 1] -= p * coefficients[p]
        coefficients = raised
    total = 0.0
    for p in range(n + 1, -1, -1):
        total = total * c + coefficients[p]
    return total * math.pi ** (n + 1.0)


@register_jitable
def _polygamma(n, x):
    if n == 0:
        return _digamma(x)
    if math.isnan(x) or x == -math.inf:
        return math.nan
    if x == math.inf:
        return 0.0
    sign = 1.0 if n % 2 == 1 else -1.0
    if x <= 0.0 and x == math.floor(x):
        return math.inf
    factorial = math.gamma(n + 1.0)
    if x > 0.0:
        return sign * _polygamma_positive(n, x, factorial)
    # psi_n(1 - x) + (-1)^(n+1) psi_n(x) = (-1)^n d^n/dx^n (pi cot(pi x))
    mirrored = sign * _polygamma_positive(n, 1.0 - x, factorial)
    return (-sign * _cotangent_derivative(n, x) - mirrored) * sign


@register_jitable
def _expit(x):
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@register_jitable
def _gamma(x):
    if x == 0.0:
        return math.copysign(math.inf, x)
    if x < 0.0 and x == math.floor(x):
        return math.nan
    return math.gamma(x)


@register_jitable
def _gammaln(x):
    if x == -math.inf:
        return x  # as SciPy has it
    if x <= 0.0 and x == math.floor(x):
        return math.inf
    return math.lgamma(x)


@register_jitable
def _erf(x):
    return math.erf(x)


@register_jitable
def _erfc(x):
    return math.erfc(x)


def erf(x: Any) -> Any:
    """The error function."""
    return sp.erf(x)


def erfc(x: Any) -> Any:
    """1 - erf(x), without cancellation."""
    return sp.erfc(x)


def gamma(x: Any) -> Any:
    """The gamma function."""
    return sp.gamma(x)


def gammaln(x: Any) -> Any:
    """log |gamma(x)|."""
    return sp.gammaln(x)


def expit(x: Any) -> Any:
    """The logistic function 1 / (1 + exp(-x))."""
    return sp.expit(x)


def digamma(x: Any) -> Any:
    """The derivative of gammaln."""
    return sp.digamma(x)


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of digamma."""
    dtype = np.result_type(x)
    return sp.polygamma(n, x).astype(dtype)[()] if dtype.kind == "f" else sp.polygamma(n, x)[()]


def _of_one(function: Callable[..., Any], kernel: Callable[..., Any]) -> None:
    """Overload `function` for floats and arrays by `kernel`, which takes a float64."""

    @overload(function)
    def implementation(x):
        dtype = x.dtype if isinstance(x, types.Array) else x
        if not isinstance(dtype, types.Float):
            return None
        if not isinstance(x, types.Array):
            return lambda x: dtype(kernel(float(x)))

        def arrays(x):
            out = np.empty(x.shape, dtype)  # type: ignore[call-overload]
            flat = out.reshape(-1)
            k = 0
            for v in x.flat:
                flat[k] = kernel(float(v))
                k += 1  # noqa: SIM113  (Numba's flat has no enumerate)
            return out

        return arrays


for _function, _kernel in (
    (erf, _erf), (erfc, _erfc), (gamma, _gamma), (gammaln, _gammaln), (expit, _expit), (digamma, _digamma),
):  # fmt: skip
    _of_one(_function, _kernel)


@overload(polygamma)
def _polygamma_overload(n, x):
    dtype = x.dtype if isinstance(x, types.Array) else x
    if not isinstance(x, types.Array):
        return lambda n, x: dtype(_polygamma(n, float(x)))

    def arrays(n, x):
        out = np.empty(x.shape, dtype)
        flat = out.reshape(-1)
        k = 0
        for v in x.flat:
            flat[k] = _polygamma(n, float(v))
            k += 1  # noqa: SIM113
        return out

    return arrays


def _root_taylor() -> tuple[float, ...]:
    """polygamma(k, root) / k! for k = 1, 2, ...: the Taylor series of digamma at its root, without its zero term."""
    return tuple(
        (-1.0) ** (k + 1) * _polygamma_positive(k, DIGAMMA_ROOT, math.gamma(k + 1.0)) / math.gamma(k + 1.0)
        for k in range(1, 28)
    )


ROOT_TAYLOR = _root_taylor()
