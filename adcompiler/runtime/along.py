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


def _per_line(name: Any, rank: Any, axis: Any, body: Any, given: Any, whole: Any = True) -> Any:
    """f(x, axis) made for a rank and an axis: `body` for each `line` of x, with `out` (`whole`: its `result` line).

    Loops that are spelled out compile ten times faster than np.ndindex over lines of a transposed array.
    """
    others = [k for k in range(rank) if k != axis]
    at = ", ".join(":" if k == axis else f"i{k}" for k in range(rank))
    shape = "x.shape" if whole else "(" + "".join(f"x.shape[{k}], " for k in others) + ")"
    rows, pad = [f"def {name}(x, axis):", f"    out = np.empty({shape}, dtype)"], "    "
    for k in others:
        rows.append(f"{pad}for i{k} in range(x.shape[{k}]):")
        pad += "    "
    rows += [f"{pad}line = x[{at}]", *([f"{pad}result = out[{at}]"] if whole else [])]
    place = ", ".join(f"i{k}" for k in others)
    rows += [pad + row.replace("out[]", f"out[{place}]") for row in body]
    space: dict[str, Any] = {"np": np, **given}
    exec("\n".join([*rows, "    return out"]), space)
    return space[name]


def _wide(t):
    """The dtype of a sum of these."""
    return t if isinstance(t, types.Float) else types.uint64 if t in types.unsigned_domain else types.int64


@overload(cumsum, prefer_literal=True)
def _cumsum(x, axis):
    dtype = _wide(x.dtype)
    body = ["total = dtype(0)", "for k in range(len(line)):", "    total += line[k]", "    result[k] = total"]
    return _per_line("cumsum", x.ndim, axis.literal_value, body, {"dtype": dtype})


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
    given = {"dtype": x.dtype if value else types.int64, "choose": choose}
    body = ["out[] = line[choose(line)]" if value else "out[] = choose(line)"]
    return _per_line("chosen", x.ndim, axis.literal_value, body, given, whole=False)


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
    body = ["places = order_of(line)", "for k in range(len(line)):", "    result[k] = places[k]"]
    given = {"dtype": types.int64, "order_of": _order_of}
    return _per_line("argsort", x.ndim, axis.literal_value, body, given)


@overload(sort, prefer_literal=True)
def _sort(x, axis):
    body = ["places = order_of(line)", "for k in range(len(line)):", "    result[k] = line[places[k]]"]
    return _per_line("sort", x.ndim, axis.literal_value, body, {"dtype": x.dtype, "order_of": _order_of})
