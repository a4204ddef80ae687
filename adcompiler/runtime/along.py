"""Helpers along one axis, which Numba's functions do not know: prefix sums, extrema and their places, sorting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable


def cumsum(x: Any, axis: int) -> Any:
    """Prefix sums along an axis."""
    return np.cumsum(x, axis)


def argmax(x: Any, axis: int) -> Any:
    """Where the greatest along an axis is; the first of several."""
    return np.argmax(x, axis)


def argmin(x: Any, axis: int) -> Any:
    """Where the least along an axis is; the first of several."""
    return np.argmin(x, axis)


def max_along(x: Any, axis: int) -> Any:
    """The greatest along an axis."""
    return np.max(x, axis)


def min_along(x: Any, axis: int) -> Any:
    """The least along an axis."""
    return np.min(x, axis)


def argsort(x: Any, axis: int) -> Any:
    """The order along an axis; equals stay as they are."""
    return np.argsort(x, axis, kind="stable")


def sort(x: Any, axis: int) -> Any:
    """Sorted along an axis."""
    return np.sort(x, axis)


def _to_last(rank, axis):
    """The permutation that moves an axis to the end, as lines along it."""
    return (*(k for k in range(rank) if k != axis), axis)


def _wide(t):
    """The dtype of a sum of these."""
    return t if isinstance(t, types.Float) else types.uint64 if t in types.unsigned_domain else types.int64


@overload(cumsum, prefer_literal=True)
def _cumsum(x, axis):
    order, dtype = _to_last(x.ndim, axis.literal_value), _wide(x.dtype)

    def along(x, axis):
        out = np.empty(x.shape, dtype)
        lines, results = np.transpose(x, order), np.transpose(out, order)
        for place in np.ndindex(lines.shape[:-1]):
            line, result = lines[place], results[place]
            total = dtype(0)
            for k in range(len(line)):
                total += line[k]
                result[k] = total
        return out

    return along


@register_jitable
def _less(a, b):
    """a before b in a sorted array: nan comes last."""
    return a < b or (b != b and a == a)


@register_jitable
def _first_greatest(line):
    best = 0
    for k in range(1, len(line)):
        if line[best] == line[best] and (line[k] > line[best] or line[k] != line[k]):
            best = k
    return best


@register_jitable
def _first_least(line):
    best = 0
    for k in range(1, len(line)):
        if line[best] == line[best] and (line[k] < line[best] or line[k] != line[k]):
            best = k
    return best


def _chosen(x, axis, choose, value):
    """One result per line: the place chosen, or the value there."""
    order, dtype = _to_last(x.ndim, axis.literal_value), x.dtype if value else types.int64

    def place_of(x, axis):
        lines = np.transpose(x, order)
        out = np.empty(lines.shape[:-1], dtype)
        for place in np.ndindex(lines.shape[:-1]):
            out[place] = choose(lines[place])
        return out

    def value_of(x, axis):
        lines = np.transpose(x, order)
        out = np.empty(lines.shape[:-1], dtype)
        for place in np.ndindex(lines.shape[:-1]):
            line = lines[place]
            out[place] = line[choose(line)]
        return out

    return value_of if value else place_of


@overload(argmax, prefer_literal=True)
def _argmax(x, axis):
    return _chosen(x, axis, _first_greatest, False)


@overload(argmin, prefer_literal=True)
def _argmin(x, axis):
    return _chosen(x, axis, _first_least, False)


@overload(max_along, prefer_literal=True)
def _max_along(x, axis):
    return _chosen(x, axis, _first_greatest, True)


@overload(min_along, prefer_literal=True)
def _min_along(x, axis):
    return _chosen(x, axis, _first_least, True)


@register_jitable
def _order_of(line):
    """A merge sort of places, bottom up: stable, nan last."""
    n = len(line)
    order, other = np.arange(n), np.empty(n, np.int64)
    width = 1
    while width < n:
        for lo in range(0, n, 2 * width):
            mid, hi = min(lo + width, n), min(lo + 2 * width, n)
            i, j = lo, mid
            for k in range(lo, hi):
                if i < mid and (j >= hi or not _less(line[order[j]], line[order[i]])):
                    other[k] = order[i]
                    i += 1
                else:
                    other[k] = order[j]
                    j += 1
        order, other = other, order
        width *= 2
    return order


@overload(argsort, prefer_literal=True)
def _argsort(x, axis):
    order = _to_last(x.ndim, axis.literal_value)

    def along(x, axis):
        out = np.empty(x.shape, np.int64)
        lines, results = np.transpose(x, order), np.transpose(out, order)
        for place in np.ndindex(lines.shape[:-1]):
            results[place][:] = _order_of(lines[place])
        return out

    return along


@overload(sort, prefer_literal=True)
def _sort(x, axis):
    order, dtype = _to_last(x.ndim, axis.literal_value), x.dtype

    def along(x, axis):
        out = np.empty(x.shape, dtype)
        lines, results = np.transpose(x, order), np.transpose(out, order)
        for place in np.ndindex(lines.shape[:-1]):
            line, result = lines[place], results[place]
            places = _order_of(line)
            for k in range(len(line)):
                result[k] = line[places[k]]
        return out

    return along
