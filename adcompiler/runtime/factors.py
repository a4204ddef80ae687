"""Factorizations by LAPACK: eigenvalues, singular values, QR, pseudo-inverse; what their derivatives are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from adcompiler.runtime.external import lapack
from adcompiler.runtime.matrices import _at, _letter, _placed, _put, _sizes, _square, _turned

GESDD = {types.float64: lapack("dgesdd", 14), types.float32: lapack("sgesdd", 14)}
GEQRF = {types.float64: lapack("dgeqrf", 8), types.float32: lapack("sgeqrf", 8)}
ORGQR = {types.float64: lapack("dorgqr", 9), types.float32: lapack("sorgqr", 9)}
SYEVD = {types.float64: lapack("dsyevd", 11), types.float32: lapack("ssyevd", 11)}


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
