"""Linear algebra by LAPACK, in plain Python and in Numba, with the user's place in what it raises.

Numba has these functions too, but takes seconds to compile each. A C-contiguous matrix is the transpose of what
LAPACK sees: routines are asked about the transpose where that saves a copy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from adcompiler.runtime.external import lapack
from adcompiler.runtime.factors import svd
from adcompiler.runtime.matrices import _at, _letter, _placed, _put, _rows_alike, _sizes, _square, _turned

GETRF = {types.float64: lapack("dgetrf", 6), types.float32: lapack("sgetrf", 6)}
GETRS = {types.float64: lapack("dgetrs", 9), types.float32: lapack("sgetrs", 9)}
GETRI = {types.float64: lapack("dgetri", 7), types.float32: lapack("sgetri", 7)}
POTRF = {types.float64: lapack("dpotrf", 5), types.float32: lapack("spotrf", 5)}


# LU factors.
def _factor(a: Any) -> Any:
    raise NotImplementedError("compiled code only")


@overload(_factor)
def _factor_overload(a):
    """The LU factors of the transpose (in C order), the pivots, and LAPACK's answer: positive where it is singular."""
    getrf, dtype = GETRF[a.dtype], a.dtype

    def factor(a):
        n = a.shape[0]
        lu = np.empty((n, n), dtype)
        _put(lu, a)
        pivots = np.empty(max(n, 1), np.int32)
        sizes = _sizes(n, max(n, 1))
        if n > 0:
            getrf(sizes.ctypes, sizes.ctypes, lu.ctypes, sizes[1:].ctypes, pivots.ctypes, sizes[4:].ctypes)
        return lu, pivots, sizes[4]

    return factor


def solve(a: Any, b: Any, place: str = "") -> Any:
    """x with a @ x == b."""
    return _placed(np.linalg.solve, place, a, b)


@overload(solve)
def _solve(a, b, place=""):
    getrs, dtype = GETRS[a.dtype], a.dtype

    def columns(a, x, place):
        """Solve for each row of x, in place."""
        lu, pivots, singular = _factor(a)
        if singular > 0:
            raise np.linalg.LinAlgError("Singular matrix" + _at(place))
        n, k = a.shape[0], x.size // max(a.shape[0], 1)
        sizes, transposed = _sizes(n, k, max(n, 1)), _letter(84)
        if x.size > 0:
            getrs(
                transposed.ctypes, sizes.ctypes, sizes[1:].ctypes, lu.ctypes, sizes[2:].ctypes, pivots.ctypes,
                x.ctypes, sizes[2:].ctypes, sizes[4:].ctypes,
            )  # fmt: skip

    inner = register_jitable(columns)

    def vector(a, b, place=""):
        _square(a, place)
        _rows_alike(a, b, place)
        x = b.copy()
        inner(a, x, place)
        return x

    def matrix(a, b, place=""):
        _square(a, place)
        _rows_alike(a, b, place)
        x = np.empty((b.shape[1], b.shape[0]), dtype)
        _put(x, b.T)
        inner(a, x, place)
        out = np.empty(b.shape, dtype)
        _put(out, x.T)
        return out

    return vector if b.ndim == 1 else matrix


def inv(a: Any, place: str = "") -> Any:
    """The inverse."""
    return _placed(np.linalg.inv, place, a)


def inv_or_nan(a: Any, place: str = "") -> Any:
    """The inverse, nan where there is none: for derivatives, which are then not asked for or don't exist."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return np.full_like(a, np.nan)


def _invert(a: Any, place: str) -> Any:
    raise NotImplementedError("compiled code only")


@overload(_invert)
def _invert_overload(a, place):
    """The inverse, and LAPACK's answer: positive where there is none."""
    getri, dtype = GETRI[a.dtype], a.dtype

    def inverse(a, place):
        _square(a, place)
        n = a.shape[0]
        lu, pivots, singular = _factor(a)
        if singular > 0:
            lu.fill(np.nan)
        elif n > 0:
            sizes, work = _sizes(n, 32 * n), np.empty(32 * n, dtype)
            getri(sizes.ctypes, lu.ctypes, sizes.ctypes, pivots.ctypes, work.ctypes, sizes[1:].ctypes, sizes[4:].ctypes)
        return lu, singular

    return inverse


@overload(inv)
def _inv(a, place=""):
    def inverse(a, place=""):
        found, singular = _invert(a, place)
        if singular > 0:
            raise np.linalg.LinAlgError("Singular matrix" + _at(place))
        return found

    return inverse


@overload(inv_or_nan)
def _inv_or_nan(a, place=""):
    return lambda a, place="": _invert(a, place)[0]


def det(a: Any, place: str = "") -> Any:
    """The determinant."""
    return _placed(np.linalg.det, place, a)


@overload(det)
def _det(a, place=""):
    dtype = a.dtype

    def determinant(a, place=""):
        _square(a, place)
        lu, pivots, _ = _factor(a)
        total = dtype(1.0)
        for i in range(a.shape[0]):
            total = dtype(total * (lu[i, i] if pivots[i] == i + 1 else -lu[i, i]))
        return total

    return determinant


def slogdet(a: Any, place: str = "") -> Any:
    """The sign of the determinant and the logarithm of its absolute value."""
    return tuple(_placed(np.linalg.slogdet, place, a))


@overload(slogdet)
def _slogdet(a, place=""):
    dtype = a.dtype

    def sign_and_logarithm(a, place=""):
        _square(a, place)
        lu, pivots, _ = _factor(a)
        sign, total = 1.0, 0.0
        for i in range(a.shape[0]):
            v = lu[i, i] if pivots[i] == i + 1 else -lu[i, i]
            total += math.log(abs(v)) if v != 0.0 else -math.inf
            sign *= 1.0 if v > 0.0 else -1.0 if v < 0.0 else v
        return dtype(sign), dtype(total)

    return sign_and_logarithm


# Cofactors: the derivative of a determinant, finite for singular matrices too.
@register_jitable
def _product(s, i, j):
    """The product of all but two (which may be one)."""
    total = 1.0
    for k in range(len(s)):
        if k != i and k != j:
            total *= s[k]
    return total


@register_jitable
def _sign(m):
    """1.0 for an even permutation and a rotation, -1.0 for the others: the determinant of an orthogonal matrix."""
    return 1.0 if det(m) > 0.0 else -1.0


@register_jitable
def _cofactor(a, place):
    n = a.shape[0]
    if n == 2 or n == 3:
        c = np.empty_like(a)
        for i in range(n):
            for j in range(n):
                p, q, r, s = (i + 1) % n, (i + 2) % n, (j + 1) % n, (j + 2) % n
                c[i, j] = a[p, r] * a[q, s] - a[p, s] * a[q, r] if n == 3 else a[p, r] if i == j else -a[p, r]
        return c
    u, s, v = svd(a, place)
    n, sign = a.shape[0], _sign(u) * _sign(v) if a.size > 0 else 1.0
    for k in range(n):
        factor = sign * _product(s, k, k)
        for i in range(n):
            u[i, k] *= factor
    return u @ v


@register_jitable
def _cofactor_dot(a, d, place):
    u, s, v = svd(a, place)
    n, sign = a.shape[0], _sign(u) * _sign(v) if a.size > 0 else 1.0
    e = _turned(u) @ d @ _turned(v)
    c = np.zeros_like(e)
    for i in range(n):
        for j in range(n):
            if i != j:
                p = sign * _product(s, i, j)
                c[i, j] -= p * e[j, i]
                c[i, i] += p * e[j, j]
    return u @ c @ v


def cofactor(a: Any, place: str = "") -> Any:
    """The matrix of cofactors, det(a) * inv(a).T where that exists.

    cofactor(u s v) = det(u v) u cofactor(s) v: it is enough to know it for a diagonal s.
    """
    _square(a, place)
    return _cofactor(np.array(a), place)


def cofactor_dot(a: Any, d: Any, place: str = "") -> Any:
    """The direction of `cofactor` for a direction d of a.

    For a diagonal s and E = u.T d v.T, the (i, i) entry is the sum over j of p_ij E_jj, the (i, j) entry
    -p_ij E_ji, where p_ij is the product of all of s but s_i and s_j.
    """
    return _cofactor_dot(np.array(a), np.array(d), place)


@overload(cofactor)
def _cofactor_overload(a, place=""):
    def cofactors(a, place=""):
        _square(a, place)
        return _cofactor(a, place)

    return cofactors


@overload(cofactor_dot)
def _cofactor_dot_overload(a, d, place=""):
    return lambda a, d, place="": _cofactor_dot(a, d, place)


# Triangles.
def tril(a: Any, k: int = 0) -> Any:
    """The lower triangle."""
    return np.tril(a, k)


def triu(a: Any, k: int = 0) -> Any:
    """The upper triangle."""
    return np.triu(a, k)


@overload(tril)
def _tril(a, k=0):
    def lower(a, k=0):
        out = np.zeros(a.shape, a.dtype)
        for i in range(a.shape[0]):
            for j in range(min(max(i + k + 1, 0), a.shape[1])):
                out[i, j] = a[i, j]
        return out

    return lower


@overload(triu)
def _triu(a, k=0):
    def upper(a, k=0):
        out = np.zeros(a.shape, a.dtype)
        for i in range(a.shape[0]):
            for j in range(min(max(i + k, 0), a.shape[1]), a.shape[1]):
                out[i, j] = a[i, j]
        return out

    return upper


def cholesky(a: Any, place: str = "") -> Any:
    """Lower triangular L with L @ L.T == a; of a, the lower triangle is read."""
    return _placed(np.linalg.cholesky, place, a)


@overload(cholesky)
def _cholesky(a, place=""):
    potrf, dtype = POTRF[a.dtype], a.dtype

    def factor(a, place=""):
        _square(a, place)
        n = a.shape[0]
        out = np.empty((n, n), dtype)
        _put(out, a)
        sizes, upper = _sizes(n, max(n, 1)), _letter(85)
        if n > 0:
            potrf(upper.ctypes, sizes.ctypes, out.ctypes, sizes[1:].ctypes, sizes[4:].ctypes)
        if sizes[4] > 0:
            raise np.linalg.LinAlgError("Matrix is not positive definite" + _at(place))
        for i in range(n):
            for j in range(i + 1, n):
                out[i, j] = 0.0
        return out

    return factor


def solve_triangular(
    a: Any,
    b: Any,
    trans: int = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    place: str = "",
    quiet: bool = False,
) -> Any:
    """x with a @ x == b (a.T @ x == b for trans=1), by one triangle of a; `quiet`: inf and nan where it is singular."""
    _square(a, place)
    _rows_alike(a, b, place)
    x = np.array(b)
    if x.size:
        _substitute(a, x.reshape(len(x), -1), trans, lower, unit_diagonal, place, quiet)
    return x


@register_jitable
def _substitute(a, x, trans, lower, unit_diagonal, place, quiet):
    """Forward or back substitution in the rows of x."""
    n = a.shape[0]
    if not (quiet or unit_diagonal):
        for i in range(n):
            if a[i, i] == 0.0:
                raise np.linalg.LinAlgError("Singular matrix" + _at(place))
    forward = lower != (trans == 1)
    for step in range(n):
        i = step if forward else n - 1 - step
        if not unit_diagonal:
            for k in range(x.shape[1]):
                x[i, k] /= a[i, i]
        for j in range(i + 1 if forward else 0, n if forward else i):
            factor = a[i, j] if trans == 1 else a[j, i]
            for k in range(x.shape[1]):
                x[j, k] -= factor * x[i, k]


@overload(solve_triangular)
def _solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, place="", quiet=False):
    dtype = a.dtype

    def solution(a, b, trans=0, lower=False, unit_diagonal=False, place="", quiet=False):
        _square(a, place)
        _rows_alike(a, b, place)
        x = np.empty(b.shape, dtype)
        k = 0
        for v in b.flat:
            x.flat[k] = v
            k += 1  # noqa: SIM113  (Numba's flat has no enumerate)
        if x.size > 0:
            _substitute(a, x.reshape(x.shape[0], x.size // x.shape[0]), trans, lower, unit_diagonal, place, quiet)
        return x

    return solution
