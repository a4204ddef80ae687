"""What the helpers of linear algebra share: sizes as LAPACK takes them, copies, errors with their place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable


@register_jitable
def _at(place):
    return " (" + place + ")" if place else ""


@register_jitable
def _square(a, place):
    if a.shape[0] != a.shape[1]:
        raise ValueError("ShapeMismatch: the matrix is not square" + _at(place))


@register_jitable
def _rows_alike(a, b, place):
    if a.shape[0] != b.shape[0]:
        raise ValueError("ShapeMismatch: the matrix and the right side differ in their number of rows" + _at(place))


@register_jitable
def _sizes(n, m=0, k=0):
    """Integers as LAPACK takes them: three sizes, the size of a workspace (-1 asks for it), and LAPACK's answer."""
    sizes = np.empty(5, np.int32)
    sizes[0], sizes[1], sizes[2], sizes[3], sizes[4] = n, m, k, -1, 0
    return sizes


@register_jitable
def _put(out, a):
    """out[...] = a, which Numba takes seconds to compile."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = a[i, j]


@register_jitable
def _turned(a):
    """The transpose, contiguous."""
    out = np.empty((a.shape[1], a.shape[0]), a.dtype)
    _put(out, a.T)
    return out


@register_jitable
def _letter(code):
    letter = np.empty(1, np.uint8)
    letter[0] = code
    return letter


def _placed(function: Any, place: str, *args: Any) -> Any:
    """The function's result; its LinAlgError says where."""
    try:
        return function(*args)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(f"{error}{_at(place)}") from None
