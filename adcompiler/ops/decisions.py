"""Ops that decide by comparing elements: extrema along axes, sorting, searching, the places of what is true.

A decision has no derivative. Where a program is differentiated, an extremum or a sorted array becomes the stored
decision (which place, which order; the first among equals) and the elements gathered there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Op, Operand, Region, Value
from adcompiler.ir.table import Attrs, OpDef, define
from adcompiler.ir.types import DTYPES, Array, Scalar, Type, i64
from adcompiler.ops import infer
from adcompiler.ops.array import reduced


def _extreme(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    dims = reduced(a.dims, attrs.get("axis"), attrs.get("keepdims", False))
    return (Array(a.dtype, dims) if dims else Scalar(a.dtype),)


def _place(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    dims = reduced(a.dims, (attrs["axis"],), False)
    return (Array("i64", dims) if dims else Scalar("i64"),)


def _order(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (Array("i64", infer.array(types[0]).dims),)


def _same(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    return (Array(a.dtype, a.dims),)


def _axes(op: Op) -> tuple[int, ...]:
    t = op.args[0].type
    assert isinstance(t, Array)
    given = op.attrs.get("axis")
    return tuple(range(t.rank)) if given is None else (given,) if isinstance(given, int) else given


def nonempty(op: Op) -> bool:
    """Of no elements there is no greatest: only a size that is known rules that out."""
    t = op.args[0].type
    assert isinstance(t, Array)
    return any(not (isinstance(t.dims[k], int) and t.dims[k]) for k in _axes(op))


def pick(b: Builder, x: Value, at: Operand, axis: int) -> Value:
    """The elements of x at one index along an axis for each place along the others; as many axes as `at` has."""
    assert isinstance(x.type, Array)
    if isinstance(at.type, Scalar):
        return b.op("load", x, at, safe=True)
    assert isinstance(at.type, Array)
    kept = at.type.rank == x.type.rank
    indices: list[Operand] = []
    for k in range(x.type.rank):
        if k == axis:
            indices.append(at)
            continue
        place = k if kept or k < axis else k - 1
        dims = (x.type.dims[k],)
        line = b.op("iota", b.op("dim", x, axis=k), dims=dims)
        items = ["n"] * at.type.rank
        items[place] = "000"
        while items and items[0] == "n":
            items.pop(0)
        indices.append(b.op("view", line, index=tuple(items)) if len(items) > 1 else line)
    return b.op("gather", x, *indices, index=("a",) * x.type.rank, safe=True, natural=True)


def _extremum(decide: str) -> Callable[..., Operand]:
    def expand(b: Builder, op: Op, args: list[Operand]) -> Operand:
        x = args[0]
        assert isinstance(x, Value) and isinstance(x.type, Array)
        rank = x.type.rank
        for axis in sorted(_axes(op), reverse=True):
            x = pick(b, x, b.op(decide, x, axis=axis), axis)
        if not op.attrs.get("keepdims"):
            return x
        if isinstance(x.type, Scalar):
            return b.op("full", x, *[integer(1)] * rank, dims=(1,) * rank)
        gone = _axes(op)
        return b.op("view", x, index=tuple("n" if k in gone else "000" for k in range(rank)))

    return expand


def _bound(combine: str) -> Callable[[str], Any]:
    """What loses against every number of a dtype."""

    def value(dtype: str) -> Any:
        if dtype == "b1":
            return combine == "minimum"
        if dtype[0] == "f":
            return -np.inf if combine == "maximum" else np.inf
        limits = np.iinfo(DTYPES[dtype])
        return limits.min if combine == "maximum" else limits.max

    return value


def _sorted(b: Builder, op: Op, args: list[Operand]) -> Operand:
    x, axis = args[0], op.attrs["axis"]
    assert isinstance(x, Value)
    return pick(b, x, b.op("argsort", x, axis=axis), axis)


def _scanned(beats: str) -> Callable[..., Operand]:
    """An element of argmax or argmin: the line is gone along; the first among equals stays, nan beats all."""

    def element(b: Any, op: Op, at: Sequence[Operand], read: Any, size: Any) -> Operand:
        axis, dtype = op.attrs["axis"], op.args[0].type.dtype  # type: ignore[union-attr]

        def on_line(k: Operand) -> Operand:
            found: Operand = read(0, [*at[:axis], k, *at[axis:]])
            return found

        k, best, place = Value("k", i64), Value("best", Scalar(dtype)), Value("place", i64)
        body = Region([k, best, place])
        first = on_line(integer(0))
        with b.inside(body):
            value = on_line(k)
            wins = b.op(beats, value, best)
            if dtype[0] == "f":
                unset = b.op("not", b.op("isnan", best))
                wins = b.op("and", b.op("or", wins, b.op("isnan", value)), unset)
            b.yield_(b.op("select", wins, value, best), b.op("select", wins, k, place))
        results = [Value("best", Scalar(dtype)), Value("place", i64)]
        b.for_(integer(1), size(0, axis), integer(1), [first, integer(0)], results, body)
        return results[1]

    return element


def _other_extents(b: Any, op: Op, size: Any) -> list[Operand]:
    rank = op.args[0].type.rank  # type: ignore[union-attr]
    return [size(0, k) for k in range(rank) if k != op.attrs["axis"]]


_fn: Any
for _name, _fn, _decide, _combine in (
    ("max", np.max, "argmax", "maximum"), ("min", np.min, "argmin", "minimum"),
):  # fmt: skip
    define(OpDef(_name, _extreme, lambda x, axis=None, keepdims=False, f=_fn: f(x, axis=axis, keepdims=keepdims),
                 kind="array", expand=_extremum(_decide), may_raise=nonempty, emit=f"np.{_name}",
                 reduce=(_bound(_combine), _combine), doc="a_bar[first of them] += g"))  # fmt: skip
for _name, _fn, _beats in (("argmax", np.argmax, "gt"), ("argmin", np.argmin, "lt")):
    define(OpDef(_name, _place, lambda x, axis, f=_fn: f(x, axis=axis), kind="array", zero=True, may_raise=nonempty,
                 element=_scanned(_beats), extents=_other_extents, emit=f"np.{_name}"))  # fmt: skip
define(OpDef("argsort", _order, lambda x, axis: np.argsort(x, axis=axis, kind="stable"), kind="array", zero=True,
             emit="np.argsort"))  # fmt: skip
define(OpDef("sort", _same, lambda x, axis: np.sort(x, axis=axis, kind="stable"), kind="array", expand=_sorted,
             doc="a_bar[order] += g",
             emit="np.sort"))  # fmt: skip


def _search(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a, v = types
    if infer.array(a).rank != 1:
        raise TypeError(f"searches in a vector, not in {a}")
    infer.same(types)
    return (Array("i64", v.dims) if isinstance(v, Array) else Scalar("i64"),)


define(OpDef("searchsorted", _search, lambda a, v, side="left": np.searchsorted(a, v, side), kind="array", zero=True,
             emit="np.searchsorted"))  # fmt: skip


def _nonzero(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    if a.dtype != "b1" or not 0 <= attrs["axis"] < a.rank:
        raise TypeError(f"the places along axis {attrs['axis']} where {a} is true")
    return (Array("i64", (None,)),)


define(OpDef("nonzero", _nonzero, lambda m, axis: np.nonzero(m)[axis], kind="array", zero=True,
             emit="np.nonzero({0})[{axis}]"))  # fmt: skip
