"""Reading and writing at index arrays: `gather`, `scatter`, `scatter_add`, `withdraw`.

`index` says for each axis of the array what stands there: 'a' an index array (an operand), 'i' an integer (an
operand), '0' all of the axis. Index arrays broadcast together, and the result has their axes where NumPy puts them:
in the place of the first one if nothing but index arrays and integers stands between them, else in front.

`gather %x, %i..` is x[i..]; `scatter %x, %i.., %v` is x[i..] = v, the last one of a repeated index wins;
`scatter_add` adds, each of repeated ones. `withdraw %x, %i..` takes what a scatter would have put there: the
elements at these places, zero for all but the last of a repeated index, and leaves zeros behind. As adjoints of
each other: gather and scatter_add, scatter and withdraw. `once=True` promises that no place is repeated,
`natural=True` that all indices are inside and none is negative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from adcompiler.ir.build import integer
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.table import Attrs, OpDef, define
from adcompiler.ir.types import Array, Scalar, Type, broadcast, i64
from adcompiler.ops import infer
from adcompiler.ops.memory import unsafe

Place = tuple[str, int]  # an axis of the result: ("a", k-th axis of the index arrays together) or ("0", axis of x)


def arranged(index: Sequence[str], rank: int) -> list[Place]:
    """The axes of x[index], where the index arrays together have `rank` axes."""
    advanced = [k for k, item in enumerate(index) if item != "0"]
    lines: list[Place] = [("a", k) for k in range(rank)]
    first, last = advanced[0], advanced[-1]
    if len(advanced) != last - first + 1:
        return lines + [("0", k) for k, item in enumerate(index) if item == "0"]
    before: list[Place] = [("0", k) for k in range(first)]
    return before + lines + [("0", k) for k in range(last + 1, len(index))]


def _indexed(types: Sequence[Type], index: Sequence[str]) -> Array:
    """The type of x[index]."""
    x, *given = types
    a = infer.array(x)
    if len(index) != a.rank or "a" not in index:
        raise TypeError(f"{index} is no index of arrays into {a}")
    arrays = []
    for item, t in zip([i for i in index if i != "0"], given, strict=True):
        if not isinstance(t, Array if item == "a" else Scalar) or t.dtype[0] not in "iu":
            raise TypeError(f"an index is made of integers, not {t}")
        arrays += [t.dims] if isinstance(t, Array) else []
    together = broadcast(*arrays)
    dims = tuple(together[k] if kind == "a" else a.dims[k] for kind, k in arranged(index, len(together)))
    return Array(a.dtype, dims)


def _gather(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (_indexed(types, attrs["index"]),)


def _scatter(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    *place, value = types
    target = _indexed(place, attrs["index"])
    if infer.dtypes([value]) != [target.dtype] or (isinstance(value, Array) and value.rank > target.rank):
        raise TypeError(f"{value} written into {target}")
    return ()


def key(index: Sequence[str], given: Sequence[Any]) -> tuple[Any, ...]:
    """The index as NumPy takes it."""
    rest = iter(given)
    return tuple(slice(None) if item == "0" else next(rest) for item in index)


def _get(x: Any, *given: Any, index: tuple[str, ...], **promises: bool) -> Any:
    return x[key(index, given)]


def _put(x: Any, *given: Any, index: tuple[str, ...], **promises: bool) -> None:
    *places, value = given
    x[key(index, places)] = np.array(value)


def _add(x: Any, *given: Any, index: tuple[str, ...], **promises: bool) -> None:
    *places, value = given
    np.add.at(x, key(index, places), np.array(value))


def _take_out(x: Any, *given: Any, index: tuple[str, ...], **promises: bool) -> Any:
    at = key(index, given)
    places = np.arange(x.size).reshape(x.shape)[at]
    backwards = places.ravel()[::-1]
    last = np.zeros(backwards.size, bool)
    last[np.unique(backwards, return_index=True)[1]] = True
    taken = np.where(last[::-1].reshape(places.shape), x[at], 0).astype(x.dtype)
    x[at] = 0
    return taken


def _extents(b: Any, op: Any, size: Any) -> list[Operand]:
    """The extents of the index arrays together, and of the axes that are taken whole."""
    index = op.attrs["index"]
    arrays = [(k, a.type.rank) for k, a in enumerate(op.args[: len(index) + 1]) if k and isinstance(a.type, Array)]
    rank = max(r for _, r in arrays)

    def together(axis: int) -> Operand:
        found: Operand | None = None
        for k, r in arrays:
            n = size(k, axis - (rank - r)) if axis >= rank - r else found
            if found is None or found == n or n == integer(1):
                found = n if found is None else found
            else:
                found = n if found == integer(1) else b.op("select", b.op("eq", found, integer(1)), n, found)
        assert found is not None
        return found

    return [together(k) if kind == "a" else size(0, k) for kind, k in arranged(index, rank)]


def _natural(b: Any, at: Operand, size: Callable[[], Operand], promised: bool) -> Operand:
    """An index that counts from the front."""
    if at.type != i64:
        at = b.op("cast", at, dtype="i64")
    if promised or (isinstance(at, Const) and at.value >= 0):
        return at
    return b.op("select", b.op("lt", at, integer(0)), b.op("add", at, size()), at)


def _element(b: Any, op: Any, at: Sequence[Operand], read: Any, size: Any) -> Operand:
    index = op.attrs["index"]
    rank = max(a.type.rank for a in op.args[1:] if isinstance(a.type, Array))
    stands = dict(zip(arranged(index, rank), at, strict=True))
    place, k = [], 0
    for axis, item in enumerate(index):
        if item == "0":
            place.append(stands["0", axis])
            continue
        k += 1
        given = op.args[k]
        if item == "a":
            skipped = rank - given.type.rank
            given = read(k, [stands["a", skipped + j] for j in range(given.type.rank)], stretch=True)
        place.append(_natural(b, given, partial(size, 0, axis), bool(op.attrs.get("natural"))))
    return read(0, place)


define(OpDef("gather", _gather, _get, kind="memory", may_raise=unsafe, element=_element, extents=_extents,
             doc="a_bar[i] += g, repeats added"))  # fmt: skip
define(OpDef("scatter", _scatter, _put, kind="memory", writes=(0,), may_raise=lambda op: True,
             doc="b: a_bar[i], then 0; a repeated place gives to the last"))  # fmt: skip
define(OpDef("scatter_add", _scatter, _add, kind="memory", writes=(0,), may_raise=lambda op: True, doc="b: a_bar[i]"))
define(OpDef("withdraw", _gather, _take_out, kind="memory", writes=(0,), may_raise=unsafe, doc="a_bar[i] = g"))
