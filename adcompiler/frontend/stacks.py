"""np.linalg of stacks of matrices, written in our own language: loops over the matrices, inlined where they are called.

Their derivatives follow by themselves. `a` is one stack (three axes): the caller has laid out any others as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def inv(a: Any) -> Any:
    out = np.empty_like(a)
    for k in range(len(a)):
        out[k] = np.linalg.inv(a[k])
    return out


def cholesky(a: Any) -> Any:
    out = np.empty_like(a)
    for k in range(len(a)):
        out[k] = np.linalg.cholesky(a[k])
    return out


def pinv(a: Any) -> Any:
    out = np.empty((a.shape[0], a.shape[2], a.shape[1]), a.dtype)
    for k in range(len(a)):
        out[k] = np.linalg.pinv(a[k])
    return out


def det(a: Any) -> Any:
    out = np.empty(len(a), a.dtype)
    for k in range(len(a)):
        out[k] = np.linalg.det(a[k])
    return out


def slogdet(a: Any) -> Any:
    signs = np.empty(len(a), a.dtype)
    logarithms = np.empty(len(a), a.dtype)
    for k in range(len(a)):
        sign, logarithm = np.linalg.slogdet(a[k])
        signs[k] = sign
        logarithms[k] = logarithm
    return signs, logarithms


def eigvalsh(a: Any) -> Any:
    out = np.empty(a.shape[:2], a.dtype)
    for k in range(len(a)):
        out[k] = np.linalg.eigvalsh(a[k])
    return out


def eigh(a: Any) -> Any:
    values = np.empty(a.shape[:2], a.dtype)
    vectors = np.empty_like(a)
    for k in range(len(a)):
        w, v = np.linalg.eigh(a[k])
        values[k] = w
        vectors[k] = v
    return values, vectors


def solve(a: Any, b: Any) -> Any:
    out = np.empty_like(b)
    for k in range(len(a)):
        out[k] = np.linalg.solve(a[k], b[k])
    return out
