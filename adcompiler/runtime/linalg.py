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

GETRF = {types.float64: lapack("dgetrf", 6), types.float32: lapack("sgetrf", 6)}
GETRS = {types.float64: lapack("dgetrs", 9), types.float32: lapack("sgetrs", 9)}
GETRI = {types.float64: lapack("dgetri", 7), types.float32: lapack("sgetri", 7)}
GESDD = {types.float64: lapack("dgesdd", 14), types.float32: lapack("sgesdd", 14)}
GEQRF = {types.float64: lapack("dgeqrf", 8), types.float32: lapack("sgeqrf", 8)}
ORGQR = {types.float64: lapack("dorgqr", 9), types.float32: lapack("sorgqr", 9)}
SYEVD = {types.float64: lapack("dsyevd", 11), types.float32: lapack("ssyevd", 11)}
POTRF = {types.float64: lapack("dpotrf", 5), types.float32: lapack("spotrf", 5)}


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


# Singular values.
def svd(a: Any, place: str = "") -> Any:
    """u, s, v with a == u * s @ v, as many columns and rows as there are singular values."""
    return tuple(_placed(lambda a: np.linalg.svd(a, full_matrices=False), place, a))


@overload(svd)
def _svd(a, place=""):
    gesdd, dtype = GESDD[a.dtype], a.dtype

    def decomposition(a, place=""):
        m, n = a.shape
        k = min(m, n)
        u, s, v = np.empty((k, m), dtype), np.empty(k, dtype), np.empty((n, k), dtype)  # transposed
        if k > 0:
            f = np.empty((n, m), dtype)
            _put(f, a.T)
            sizes, thin, pivots = _sizes(m, n, k), _letter(83), np.empty(8 * k, np.int32)
            work = np.empty(1, dtype)
            for _ in range(2):  # first for the size of the workspace
                gesdd(
                    thin.ctypes, sizes.ctypes, sizes[1:].ctypes, f.ctypes, sizes.ctypes, s.ctypes, u.ctypes,
                    sizes.ctypes, v.ctypes, sizes[2:].ctypes, work.ctypes, sizes[3:].ctypes, pivots.ctypes,
                    sizes[4:].ctypes,
                )  # fmt: skip
                sizes[3] = max(int(work[0]), 1) if sizes[3] == -1 else sizes[3]
                work = np.empty(sizes[3], dtype)
            if sizes[4] != 0:
                raise np.linalg.LinAlgError("SVD did not converge" + _at(place))
        return _turned(u), s, _turned(v)

    return decomposition


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


# Factors and eigenvalues.
def qr(a: Any, place: str = "") -> Any:
    """q with orthonormal columns and upper triangular r, a == q @ r, as many as the smaller side of a has."""
    return tuple(_placed(np.linalg.qr, place, a))


@overload(qr)
def _qr(a, place=""):
    geqrf, orgqr, dtype = GEQRF[a.dtype], ORGQR[a.dtype], a.dtype

    def factors(a, place=""):
        m, n = a.shape
        k = min(m, n)
        f = np.empty((n, m), dtype)
        _put(f, a.T)
        q, r = np.zeros((m, k), dtype), np.zeros((k, n), dtype)
        if k > 0:
            sizes, tau, work = _sizes(m, n, k), np.empty(k, dtype), np.empty(64 * n, dtype)
            sizes[3] = 64 * n
            geqrf(
                sizes.ctypes, sizes[1:].ctypes, f.ctypes, sizes.ctypes, tau.ctypes, work.ctypes, sizes[3:].ctypes,
                sizes[4:].ctypes,
            )  # fmt: skip
            for i in range(k):
                for j in range(i, n):
                    r[i, j] = f[j, i]
            orgqr(
                sizes.ctypes, sizes[2:].ctypes, sizes[2:].ctypes, f.ctypes, sizes.ctypes, tau.ctypes, work.ctypes,
                sizes[3:].ctypes, sizes[4:].ctypes,
            )  # fmt: skip
            _put(q, f[:k].T)
        return q, r

    return factors


def eigh(a: Any, upper: bool = False, place: str = "") -> Any:
    """Eigenvalues, in ascending order, and eigenvectors of a symmetric matrix, of which one triangle is read."""
    return tuple(_placed(np.linalg.eigh, place, a, "U" if upper else "L"))


def eigvalsh(a: Any, upper: bool = False, place: str = "") -> Any:
    """Eigenvalues of a symmetric matrix."""
    return _placed(np.linalg.eigvalsh, place, a, "U" if upper else "L")


def _eigen(a: Any, upper: bool, vectors: bool, place: str) -> Any:
    raise NotImplementedError("compiled code only")


@overload(_eigen)
def _eigen_overload(a, upper, vectors, place):
    """The eigenvalues, and the eigenvectors as rows."""
    syevd, dtype = SYEVD[a.dtype], a.dtype

    def decomposition(a, upper, vectors, place):
        _square(a, place)
        n = a.shape[0]
        v, w = np.empty((n, n), dtype), np.empty(n, dtype)
        _put(v, a.T)
        if n > 0:
            sizes, job, triangle = _sizes(n, -1), _letter(86 if vectors else 78), _letter(85 if upper else 76)
            work, integers = np.empty(1, dtype), np.empty(1, np.int32)
            for _ in range(2):  # first for the sizes of the workspaces
                syevd(
                    job.ctypes, triangle.ctypes, sizes.ctypes, v.ctypes, sizes.ctypes, w.ctypes, work.ctypes,
                    sizes[3:].ctypes, integers.ctypes, sizes[1:].ctypes, sizes[4:].ctypes,
                )  # fmt: skip
                if sizes[3] == -1:
                    sizes[3], sizes[1] = max(int(work[0]), 1), max(integers[0], 1)
                    work, integers = np.empty(sizes[3], dtype), np.empty(sizes[1], np.int32)
            if sizes[4] != 0:
                raise np.linalg.LinAlgError("Eigenvalues did not converge" + _at(place))
        return w, v

    return decomposition


@overload(eigh)
def _eigh(a, upper=False, place=""):
    def both(a, upper=False, place=""):
        w, v = _eigen(a, upper, True, place)
        return w, _turned(v)

    return both


@overload(eigvalsh)
def _eigvalsh(a, upper=False, place=""):
    return lambda a, upper=False, place="": _eigen(a, upper, False, place)[0]


def svdvals(a: Any, place: str = "") -> Any:
    """The singular values, the largest first."""
    return _placed(lambda a: np.linalg.svd(a, compute_uv=False), place, a)


@overload(svdvals)
def _svdvals(a, place=""):
    return lambda a, place="": svd(a, place)[1]


@register_jitable
def _pinv(a, rcond, place):
    u, s, v = svd(a, place)
    largest = s[0] if len(s) > 0 else s.dtype.type(0.0)
    for k in range(len(s)):
        inverse = 1.0 / s[k] if s[k] > rcond * largest else 0.0
        for j in range(v.shape[1]):
            v[k, j] *= inverse
    return _turned(v) @ _turned(u)


def pinv(a: Any, rcond: float = 1e-15, place: str = "") -> Any:
    """The Moore-Penrose inverse; singular values below rcond times the largest count as zero."""
    return _placed(np.linalg.pinv, place, a, rcond)


@overload(pinv)
def _pinv_overload(a, rcond=1e-15, place=""):
    return lambda a, rcond=1e-15, place="": _pinv(a, rcond, place)


# What the derivatives of factorizations are made of.
@register_jitable
def _gaps(w, plus):
    n, largest = len(w), 0.0
    for v in w:
        largest = max(largest, abs(v))
    out = np.zeros((n, n), w.dtype)
    for i in range(n):
        for j in range(n):
            gap = w[j] + w[i] if plus else w[j] - w[i]
            if i != j:
                out[i, j] = 1.0 / gap if abs(gap) > n * np.finfo(w.dtype).eps * largest else np.nan
    return out


def gaps(w: Any, plus: bool = False) -> Any:
    """The matrix of 1 / (w_j - w_i), or of 1 / (w_j + w_i); 0 on the diagonal, nan where rounding is all there is.

    Vectors that belong to equal values have no derivative: nan, and not what rounding makes of it.
    """
    return _gaps(np.asarray(w), plus)


def differences(w: Any, plus: bool = False) -> Any:
    """The matrix of w_j - w_i, or of w_j + w_i."""
    return w[None, :] + w[:, None] if plus else w[None, :] - w[:, None]


def diag(a: Any) -> Any:
    """The diagonal of a square matrix, or the matrix with this diagonal."""
    return np.diag(a).copy()


def leading(x: Any, like: Any) -> Any:
    """The first columns, as many as the other matrix has."""
    return x[:, : like.shape[1]].copy()


def padded(x: Any, like: Any) -> Any:
    """Zeros in the shape of the other matrix, the first columns those of x."""
    out = np.zeros(like.shape, x.dtype)
    out[:, : x.shape[1]] = x
    return out


@overload(gaps)
def _gaps_overload(w, plus=False):
    return lambda w, plus=False: _gaps(w, plus)


@overload(differences)
def _differences(w, plus=False):
    def matrix(w, plus=False):
        out = np.empty((len(w), len(w)), w.dtype)
        for i in range(len(w)):
            for j in range(len(w)):
                out[i, j] = w[j] + w[i] if plus else w[j] - w[i]
        return out

    return matrix


@overload(diag)
def _diag(a):
    def of_matrix(a):
        out = np.empty(min(a.shape), a.dtype)
        for i in range(len(out)):
            out[i] = a[i, i]
        return out

    def of_vector(a):
        out = np.zeros((len(a), len(a)), a.dtype)
        for i in range(len(a)):
            out[i, i] = a[i]
        return out

    return of_matrix if a.ndim == 2 else of_vector


@overload(leading)
def _leading(x, like):
    def columns(x, like):
        out = np.empty((x.shape[0], like.shape[1]), x.dtype)
        _put(out, x[:, : like.shape[1]])
        return out

    return columns


@overload(padded)
def _padded(x, like):
    def matrix(x, like):
        out = np.zeros(like.shape, x.dtype)
        _put(out[:, : x.shape[1]], x)
        return out

    return matrix
