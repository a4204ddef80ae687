"""Array helpers: selection, shapes brought to each other, products of integers, tapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable


def stop_gradient(x: Any) -> Any:
    """x itself (arrays: a copy), with zero derivative."""
    return x.copy() if isinstance(x, np.ndarray) else x


@overload(stop_gradient)
def _stop_gradient(x):
    return (lambda x: x.copy()) if isinstance(x, types.Array) else (lambda x: x)


def store(x: Any) -> Any:
    """x itself, a number: where the reverse sweep needs it, it is to be kept, not computed again."""
    return x


def recompute(x: Any) -> Any:
    """x itself, a number: where the reverse sweep needs it, it is to be computed again from what it was made of, if
    that can be had, not kept."""
    return x


def where(c: Any, a: Any, b: Any) -> Any:
    """a where c, else b: element by element for arrays, a plain choice for scalars."""
    if np.ndim(c) == np.ndim(a) == np.ndim(b) == 0:
        return a if c else b
    return np.where(c, a, b)


@overload(where)
def _where(c, a, b):
    if not any(isinstance(t, types.Array) for t in (c, a, b)):
        return lambda c, a, b: a if c else b
    dtype = next(t for t in (a, b))
    dtype = dtype.dtype if isinstance(dtype, types.Array) else dtype
    rank = max(t.ndim if isinstance(t, types.Array) else 0 for t in (c, a, b))

    def arrays(c, a, b):
        cs, sa, sb = np.asarray(c), np.asarray(a), np.asarray(b)
        shape = np.broadcast_shapes(cs.shape, sa.shape, sb.shape)
        mask, left, right = np.broadcast_to(cs, shape), np.broadcast_to(sa, shape), np.broadcast_to(sb, shape)
        out = np.empty(shape, dtype)
        for place in np.ndindex(shape):
            out[place] = left[place] if mask[place] else right[place]
        return out

    def vectors(c, a, b):
        n = len(c)
        if len(a) != n or len(b) != n:
            return arrays_of(c, a, b)
        out = np.empty(n, dtype)
        for i in range(n):
            out[i] = a[i] if c[i] else b[i]
        return out

    arrays_of = register_jitable(arrays)
    plain = all(isinstance(t, types.Array) for t in (c, a, b)) and rank == 1
    return vectors if plain else arrays


def broadcast_like(g: Any, x: Any) -> Any:
    """g copied to the shape of x."""
    return np.array(np.broadcast_to(g, np.shape(x)), order="C")[()]


@overload(broadcast_like)
def _broadcast_like(g, x):
    if not isinstance(x, types.Array):
        return lambda g, x: g
    dtype = g.dtype if isinstance(g, types.Array) else g

    def like(g, x):
        out = np.empty(x.shape, dtype)
        out[...] = g
        return out

    return like


def sum_to(g: Any, x: Any) -> Any:
    """g summed over the axes along which x was broadcast to g's shape."""
    shape, rank = np.shape(x), np.ndim(g) - np.ndim(x)
    g = np.sum(g, axis=tuple(range(rank))) if rank > 0 else g
    ones = tuple(k for k, n in enumerate(shape) if n == 1 and np.shape(g)[k] != 1)
    return np.sum(g, axis=ones, keepdims=True) if ones else np.array(g, order="C")[()]


@overload(sum_to)
def _sum_to(g, x):
    if not isinstance(g, types.Array):
        return lambda g, x: g
    if not isinstance(x, types.Array):
        return lambda g, x: np.sum(g)
    if g.ndim > x.ndim:
        return lambda g, x: sum_to(np.sum(g, axis=0), x)
    dtype, rank = g.dtype, x.ndim
    if rank == 1:

        def vector(g, x):
            if len(x) != 1 or len(g) == 1:
                return g.copy()
            out = np.zeros(1, dtype)
            for v in g:
                out[0] += v
            return out

        return vector
    if rank == 2:

        def matrix(g, x):
            rows, columns = x.shape
            if rows == g.shape[0] and columns == g.shape[1]:
                return g.copy()
            out = np.zeros((rows, columns), dtype)
            for i in range(g.shape[0]):
                for j in range(g.shape[1]):
                    out[i if rows != 1 else 0, j if columns != 1 else 0] += g[i, j]
            return out

        return matrix

    def general(g, x):
        out = np.zeros(x.shape, dtype)
        flat = out.reshape(-1)
        for place in np.ndindex(g.shape):
            at = 0
            for k in range(rank):
                at = at * x.shape[k] + (place[k] if x.shape[k] != 1 else 0)
            flat[at] += g[place]
        return out

    return general


def matmul(a: Any, b: Any) -> Any:
    """a @ b for the dtypes that Numba's products refuse: integers and bools."""
    return np.matmul(a, b)


@register_jitable
def _check_inner(n, m):
    if n != m:
        raise ValueError("incompatible array sizes for a @ b")


@overload(matmul)
def _matmul(a, b):
    dtype = a.dtype
    if a.ndim == 1 and b.ndim == 1:

        def dot(a, b):
            _check_inner(a.shape[0], b.shape[0])
            total = dtype(0)
            for k in range(a.shape[0]):
                total = dtype(total + a[k] * b[k])
            return total

        return dot
    if a.ndim == 1:
        return lambda a, b: matmul(np.expand_dims(a, 0), b)[0].copy()
    if b.ndim == 1:
        return lambda a, b: matmul(a, np.expand_dims(b, 1))[:, 0].copy()

    def product(a, b):
        _check_inner(a.shape[1], b.shape[0])
        out = np.zeros((a.shape[0], b.shape[1]), dtype)
        for i in range(a.shape[0]):
            for k in range(a.shape[1]):
                for j in range(b.shape[1]):
                    out[i, j] += a[i, k] * b[k, j]
        return out

    return product


def stack(prototype: Any) -> list[Any]:
    """An empty tape for values like `prototype`: a number or an array."""
    return []


@overload(stack)
def _stack(prototype):
    def empty(prototype):
        tape = [prototype]
        tape.pop()
        return tape

    return empty
