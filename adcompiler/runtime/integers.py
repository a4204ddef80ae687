"""Integer arithmetic that raises where Python does; Numba's own returns zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

ZERO = "integer division or modulo by zero"
NEGATIVE = "integers to negative integer powers"


def floordiv(a: Any, b: Any) -> Any:
    """a // b, integers or integer arrays; raises ZeroDivisionError where b is zero."""
    if np.any(np.equal(b, 0)):
        raise ZeroDivisionError(ZERO)
    return a // b


def mod(a: Any, b: Any) -> Any:
    """a % b, integers or integer arrays; raises ZeroDivisionError where b is zero."""
    if np.any(np.equal(b, 0)):
        raise ZeroDivisionError(ZERO)
    return a % b


def int_power(a: Any, b: Any) -> Any:
    """a ** b for integers; raises ValueError where b is negative."""
    if np.any(np.less(b, 0)):
        raise ValueError(NEGATIVE)
    return np.power(a, b)


@register_jitable
def _has_zero(b):
    for v in np.asarray(b).flat:  # noqa: SIM110  (Numba compiles no generator expressions)
        if v == 0:
            return True
    return False


@register_jitable
def _has_negative(b):
    for v in np.asarray(b).flat:  # noqa: SIM110  (Numba compiles no generator expressions)
        if v < 0:
            return True
    return False


@overload(floordiv, inline="never")
def _floordiv(a, b):
    if isinstance(b, types.Array):

        def arrays(a, b):
            if _has_zero(b):
                raise ZeroDivisionError(ZERO)
            return a // b

        return arrays

    def scalars(a, b):
        if b == 0:
            raise ZeroDivisionError(ZERO)
        return a // b

    return scalars


@overload(mod, inline="never")
def _mod(a, b):
    if isinstance(b, types.Array):

        def arrays(a, b):
            if _has_zero(b):
                raise ZeroDivisionError(ZERO)
            return a % b

        return arrays

    def scalars(a, b):
        if b == 0:
            raise ZeroDivisionError(ZERO)
        return a % b

    return scalars


@overload(int_power, inline="never")
def _int_power(a, b):
    if isinstance(b, types.Array):

        def arrays(a, b):
            if _has_negative(b):
                raise ValueError(NEGATIVE)
            return a**b

        return arrays

    def scalars(a, b):
        if b < 0:
            raise ValueError(NEGATIVE)
        return a**b

    return scalars
