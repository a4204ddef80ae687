"""NumPy functions written in our own language, inlined where they are called: their derivatives follow by themselves.

An error inside one of them names the line of the call. `lines` are the parts of an array along an axis, which
comes first: lines[i] is what stands at index i.
"""

from __future__ import annotations

from typing import Any

import numpy as np


# Statistics.
def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    d = a - np.mean(a, axis=axis, keepdims=axis is not None)
    return np.sum(d * d, axis=axis, keepdims=keepdims) / (np.size(a, axis) - ddof)


def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    d = a - np.mean(a, axis=axis, keepdims=axis is not None)
    return np.sqrt(np.sum(d * d, axis=axis, keepdims=keepdims) / (np.size(a, axis) - ddof))


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def average(a: Any, weights: Any, axis: Any = None) -> Any:
    """`weights` have the shape of a, or stand along its last axis."""
    return np.sum(a * weights, axis=axis) / np.sum(weights + np.zeros_like(a), axis=axis)


def cov(m: Any, y: Any = None, rowvar: Any = True, bias: Any = False, ddof: Any = None) -> Any:
    x = np.atleast_2d(m) if rowvar or np.ndim(m) == 1 else np.transpose(m)
    if y is not None:
        x = np.concatenate((x, np.atleast_2d(y) if rowvar or np.ndim(y) == 1 else np.transpose(y)))
    less = (0 if bias else 1) if ddof is None else ddof
    d = x - np.mean(x, axis=1, keepdims=True)
    return d @ np.ascontiguousarray(d.T) / (np.shape(x)[1] - less)


def corrcoef(x: Any, y: Any = None, rowvar: Any = True) -> Any:
    c = np.cov(x, y, rowvar)
    d = np.sqrt(np.diag(c))
    return c / d[:, None] / d


def quantile(ordered: Any, q: Any) -> Any:
    """Of sorted lines: linear between the two nearest."""
    at = q * (len(ordered) - 1)
    low = int(np.floor(at))
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def median(ordered: Any) -> Any:
    """Of sorted lines."""
    n = len(ordered)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])


# Along an axis.
def product(lines: Any) -> Any:
    """Right at zeros, where a quotient would not be."""
    total = np.ones(np.shape(lines)[1:], lines.dtype)
    for i in range(len(lines)):
        total = total * lines[i]
    return total


def products(lines: Any) -> Any:
    out = np.empty(np.shape(lines), lines.dtype)
    total = np.ones(np.shape(lines)[1:], lines.dtype)
    for i in range(len(lines)):
        total = total * lines[i]
        out[i] = total
    return out


def repeated_places(repeats: Any, size: Any) -> Any:
    """Which element stands where after np.repeat: the k-th one repeats[k] times."""
    one = len(repeats) == 1
    if not one and len(repeats) != size:
        raise ValueError("repeats does not fit the axis")
    total = repeats[0] * size if one else np.sum(repeats)
    places = np.empty(max(total, 0), np.int64)
    at = 0
    for k in range(size):
        times = repeats[0] if one else repeats[k]
        if times < 0:
            raise ValueError("repeats may not contain negative values.")
        for _ in range(times):
            places[at] = k
            at += 1
    return places


def gradient_even(lines: Any, h: Any) -> Any:
    out = np.empty(np.shape(lines), lines.dtype)
    if len(lines) < 2:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least 2 elements are required."
        )
    out[1:-1] = (lines[2:] - lines[:-2]) / (2.0 * h)
    out[0] = (lines[1] - lines[0]) / h
    out[-1] = (lines[-1] - lines[-2]) / h
    return out


def gradient_uneven(lines: Any, x: Any) -> Any:
    """x stands along the axis of the lines, with the others as axes of size 1."""
    out = np.empty(np.shape(lines), lines.dtype)
    h = x[1:] - x[:-1]
    a, b = h[:-1], h[1:]
    out[1:-1] = (a * a * lines[2:] + (b * b - a * a) * lines[1:-1] - b * b * lines[:-2]) / (a * b * (a + b))
    out[:1] = (lines[1:2] - lines[:1]) / h[:1]
    out[-1:] = (lines[-1:] - lines[-2:-1]) / h[-1:]
    return out


def trapezoid_even(lines: Any, dx: Any) -> Any:
    return np.sum(lines[1:] + lines[:-1], axis=0) * (0.5 * dx)


def trapezoid(lines: Any, x: Any) -> Any:
    return np.sum((x[1:] - x[:-1]) * (lines[1:] + lines[:-1]), axis=0) * 0.5


def cross(a: Any, b: Any) -> Any:
    """Of lines of three."""
    if len(a) != 3 or len(b) != 3:
        raise ValueError("incompatible dimensions for cross product: 3 are needed")
    return np.stack((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]))


# Element by element.
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x); near 0 by its series, so that every derivative is right there."""
    y = np.pi * x
    s = y * y
    near = s < 0.25
    even = 1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72 * (1 - s / 110 * (1 - s / 156 * (1 - s / 210))))))
    away = np.where(near, 1.0, y)
    return np.where(near, even, np.sin(away) / away)


def heaviside(x: Any, half: Any) -> Any:
    return np.where(x < 0, 0.0 * half, np.where(x > 0, 1.0 + 0.0 * half, np.where(np.isnan(x), x + half, half)))


def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: Any = False) -> Any:
    near = (np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(b)
    same = near | (a == b)
    return same | (np.isnan(a) & np.isnan(b)) if equal_nan else same


def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: Any = False) -> Any:
    return np.all(isclose(a, b, rtol, atol, equal_nan))


# Vectors.
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Between the two places around x; beyond the ends as far as they go."""
    n = len(xp)
    if n != len(fp):
        raise ValueError("fp and xp are not of the same length.")
    if n == 0:
        raise ValueError("array of sample points is empty")
    k = np.minimum(np.maximum(np.searchsorted(xp, x, side="right") - 1, 0), max(n - 2, 0))
    j = np.minimum(k + 1, n - 1)
    width = np.where(j > k, xp[j] - xp[k], 1.0)
    inside = fp[k] + (fp[j] - fp[k]) / width * (x - xp[k])
    above = np.where(x >= xp[-1], fp[-1] if right is None else np.where(x > xp[-1], right, fp[-1]), inside)
    return np.where(x < xp[0], fp[0] if left is None else left, above)


def convolve_full(a: Any, v: Any) -> Any:
    if len(a) == 0 or len(v) == 0:
        raise ValueError("a and v cannot be empty")
    out = np.zeros(len(a) + len(v) - 1, (a[:1] * v[:1]).dtype)
    for k in range(len(v)):
        out[k : k + len(a)] += a * v[k]
    return out


def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    full = convolve_full(a, v)
    more, less = max(len(a), len(v)), min(len(a), len(v))
    if mode == "same":
        return full[(less - 1) // 2 : (less - 1) // 2 + more]
    if mode == "valid":
        return full[less - 1 : more]
    return full


def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    full = convolve_full(a, v[::-1])
    more, less = max(len(a), len(v)), min(len(a), len(v))
    if mode == "same":
        return full[less // 2 : less // 2 + more] if len(a) < len(v) else full[(less - 1) // 2 : (less - 1) // 2 + more]
    if mode == "valid":
        return full[less - 1 : more]
    return full


def polyval(p: Any, x: Any) -> Any:
    y = 0.0 * x
    for k in range(len(p)):
        y = y * x + p[k]
    return y


def vander(x: Any, N: Any = None, increasing: Any = False) -> Any:
    count = len(x) if N is None else N
    out = np.empty((len(x), count), x.dtype)
    power = np.ones_like(x)
    for k in range(count):
        out[:, k if increasing else count - 1 - k] = power
        power = power * x
    return out


def ediff1d(ary: Any) -> Any:
    flat = np.ravel(ary)
    return flat[1:] - flat[:-1]


def fill_diagonal(a: Any, val: Any) -> None:
    n = np.arange(min(np.shape(a)[0], np.shape(a)[1]))
    a[n, n] = val


def bincount(x: Any, weights: Any = None, minlength: Any = 0) -> Any:
    n = max(np.max(x) + 1 if len(x) > 0 else 0, minlength)
    if weights is None:
        counts = np.zeros(n, np.int64)
        np.add.at(counts, x, 1)
        return counts
    sums = np.zeros(n)
    np.add.at(sums, x, weights)
    return sums


def digitize(x: Any, bins: Any, right: Any = False) -> Any:
    if right:
        return np.searchsorted(bins, x, side="left")
    return np.searchsorted(bins, x, side="right")


def unwrap(lines: Any, period: Any) -> Any:
    """Jumps of more than half a period are taken back; the jumps counted are decisions."""
    out = np.empty(np.shape(lines), lines.dtype)
    out[:1] = lines[:1]
    d = lines[1:] - lines[:-1]
    turns = np.floor((d + 0.5 * period) / period)
    back = np.where((d > 0) & (d + 0.5 * period == turns * period), turns - 1.0, turns)
    out[1:] = lines[1:] - np.cumsum(back, axis=0) * period
    return out
