"""Special functions that SciPy's compiled code computes: in plain Python, and in Numba for numbers.

In compiled code whole arrays are loops over their elements.
"""

from __future__ import annotations

import importlib
from typing import Any

from numba import types
from numba.extending import overload

from adcompiler.runtime.external import special_function


class _Scipy:
    """scipy.special, imported when a function of it is first called."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("scipy.special"), name)


sp = _Scipy()

_erfinv = special_function("erfinv", 1)
_erfcinv = special_function("erfcinv", 1)
_erfcx = special_function("erfcx", 1)
_loggamma = special_function("loggamma", 1)
_logit = special_function("logit", 1)
_log_expit = special_function("log_expit", 1)
_entr = special_function("entr", 1)
_ndtr = special_function("ndtr", 1)
_log_ndtr = special_function("log_ndtr", 1)
_ndtri = special_function("ndtri", 1)
_i0 = special_function("i0", 1)
_i1 = special_function("i1", 1)
_i0e = special_function("i0e", 1)
_i1e = special_function("i1e", 1)
_j0 = special_function("j0", 1)
_j1 = special_function("j1", 1)
_beta = special_function("beta", 2)
_betaln = special_function("betaln", 2)
_xlogy = special_function("xlogy", 2)
_xlog1py = special_function("xlog1py", 2)
_rel_entr = special_function("rel_entr", 2)
_kl_div = special_function("kl_div", 2)
_gammainc = special_function("gammainc", 2)
_gammaincc = special_function("gammaincc", 2)
_jv = special_function("jv", 2)
_iv = special_function("iv", 2)
_ive = special_function("ive", 2)


def erfinv(x: Any) -> Any:
    """The inverse of erf."""
    return sp.erfinv(x)


def erfcinv(x: Any) -> Any:
    """The inverse of erfc."""
    return sp.erfcinv(x)


def erfcx(x: Any) -> Any:
    """exp(x ** 2) * erfc(x)."""
    return sp.erfcx(x)


def loggamma(x: Any) -> Any:
    """log(gamma(x)), nan for negative x."""
    return sp.loggamma(x)


def logit(x: Any) -> Any:
    """log(x / (1 - x))."""
    return sp.logit(x)


def log_expit(x: Any) -> Any:
    """log(expit(x))."""
    return sp.log_expit(x)


def entr(x: Any) -> Any:
    """-x * log(x)."""
    return sp.entr(x)


def ndtr(x: Any) -> Any:
    """The distribution function of the standard normal."""
    return sp.ndtr(x)


def log_ndtr(x: Any) -> Any:
    """log(ndtr(x))."""
    return sp.log_ndtr(x)


def ndtri(x: Any) -> Any:
    """The inverse of ndtr."""
    return sp.ndtri(x)


def i0(x: Any) -> Any:
    """The modified Bessel function of order 0."""
    return sp.i0(x)


def i1(x: Any) -> Any:
    """The modified Bessel function of order 1."""
    return sp.i1(x)


def i0e(x: Any) -> Any:
    """exp(-abs(x)) * i0(x)."""
    return sp.i0e(x)


def i1e(x: Any) -> Any:
    """exp(-abs(x)) * i1(x)."""
    return sp.i1e(x)


def j0(x: Any) -> Any:
    """The Bessel function of order 0."""
    return sp.j0(x)


def j1(x: Any) -> Any:
    """The Bessel function of order 1."""
    return sp.j1(x)


def beta(a: Any, b: Any) -> Any:
    """gamma(a) * gamma(b) / gamma(a + b)."""
    return sp.beta(a, b)


def betaln(a: Any, b: Any) -> Any:
    """log(abs(beta(a, b)))."""
    return sp.betaln(a, b)


def xlogy(a: Any, b: Any) -> Any:
    """a * log(b), 0 where a is."""
    return sp.xlogy(a, b)


def xlog1py(a: Any, b: Any) -> Any:
    """a * log1p(b), 0 where a is."""
    return sp.xlog1py(a, b)


def rel_entr(a: Any, b: Any) -> Any:
    """a * log(a / b)."""
    return sp.rel_entr(a, b)


def kl_div(a: Any, b: Any) -> Any:
    """a * log(a / b) - a + b."""
    return sp.kl_div(a, b)


def gammainc(a: Any, b: Any) -> Any:
    """The regularized lower incomplete gamma function."""
    return sp.gammainc(a, b)


def gammaincc(a: Any, b: Any) -> Any:
    """1 - gammainc(a, b)."""
    return sp.gammaincc(a, b)


def jv(n: float, x: Any) -> Any:
    """The Bessel function of order n."""
    return sp.jv(n, x)


def iv(n: float, x: Any) -> Any:
    """The modified Bessel function of order n."""
    return sp.iv(n, x)


def ive(n: float, x: Any) -> Any:
    """exp(-abs(x)) * iv(n, x)."""
    return sp.ive(n, x)


def _of_number(function: Any, pointer: Any) -> None:
    """Overload `function` for a float by a C function of a double."""

    @overload(function)
    def implementation(x):
        dtype = x
        return (lambda x: dtype(pointer(float(x), 0))) if isinstance(x, types.Float) else None


def _of_pair(function: Any, pointer: Any) -> None:
    """The same for two of them."""

    @overload(function)
    def implementation(a, b):
        dtype = b
        return (lambda a, b: dtype(pointer(float(a), float(b), 0))) if isinstance(b, types.Float) else None


def _of_order(function: Any, pointer: Any) -> None:
    """The same for an order and a float."""

    @overload(function)
    def implementation(n, x):
        dtype = x
        return (lambda n, x: dtype(pointer(float(n), float(x), 0))) if isinstance(x, types.Float) else None


for _function_number, _pointer_number in (
    (erfinv, _erfinv),
    (erfcinv, _erfcinv),
    (erfcx, _erfcx),
    (loggamma, _loggamma),
    (logit, _logit),
    (log_expit, _log_expit),
    (entr, _entr),
    (ndtr, _ndtr),
    (log_ndtr, _log_ndtr),
    (ndtri, _ndtri),
    (i0, _i0),
    (i1, _i1),
    (i0e, _i0e),
    (i1e, _i1e),
    (j0, _j0),
    (j1, _j1),
):
    _of_number(_function_number, _pointer_number)

for _function_pair, _pointer_pair in (
    (beta, _beta),
    (betaln, _betaln),
    (xlogy, _xlogy),
    (xlog1py, _xlog1py),
    (rel_entr, _rel_entr),
    (kl_div, _kl_div),
    (gammainc, _gammainc),
    (gammaincc, _gammaincc),
):
    _of_pair(_function_pair, _pointer_pair)

for _function_order, _pointer_order in (
    (jv, _jv),
    (iv, _iv),
    (ive, _ive),
):
    _of_order(_function_order, _pointer_order)
