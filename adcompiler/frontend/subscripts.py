"""What a subscript denotes: an element or a view; and arrays made of nested tuples of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from adcompiler.frontend.context import Context
from adcompiler.frontend.promote import cast, need_number
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Slice, Val, describe, is_none
from adcompiler.ir.build import integer
from adcompiler.ir.core import Operand, Value
from adcompiler.ir.naming import load_name
from adcompiler.ir.types import DTYPES, NAMES


def static_int(cx: Context, v: Val) -> int:
    if isinstance(v, Num) and v.known and v.dtype != "f64":
        return int(v.value)
    raise cx.error("this must be an integer known when compiling")


class Place:
    """Part of an array: what a subscript denotes, its indices evaluated once."""

    def __init__(self, array: Arr, index: tuple[str, ...], ops: list[Operand]):
        self.array, self.index, self.ops = array, index, ops

    @classmethod
    def of(cls, cx: Context, array: Arr, index: Val) -> Place:
        codes: list[str] = []
        ops: list[Operand] = []
        for item in spelled_out(cx, index_items(index), array.type.rank):
            code, used = item_code(cx, item)
            codes.append(code)
            ops.extend(used)
        return cls(array, tuple(codes), ops)

    @property
    def is_element(self) -> bool:
        return all(code == "i" for code in self.index)

    @property
    def is_whole(self) -> bool:
        return all(code == "000" for code in self.index)

    def view(self, cx: Context) -> Value:
        if self.is_whole:
            return self.array.op
        return cx.op("view", self.array.op, *self.ops, index=self.index, hint=f"{self.array.op.name}_view")

    def load(self, cx: Context) -> Num:
        return Num(cx.op("load", self.array.op, *self.ops, hint=load_name(self.array.op, self.ops)), weak=False)

    def store(self, cx: Context, value: Val) -> None:
        """place = value, cast as item assignment does."""
        if not self.is_element:
            assign(cx, Arr(self.view(cx)), value)
            return
        if isinstance(value, Arr):
            raise cx.error(f"an array can't be stored in an element of {self.array.type}", "one of its elements")
        if not isinstance(value, Num):
            raise cx.error(f"an element of {self.array.type} can't be {describe(cx.content(value))}")
        cx.do("store", self.array.op, *self.ops, cast(cx, value.op, self.array.dtype))


def index_items(index: Val) -> list[Val]:
    """The parts of an index: a tuple has several, a list is one, an index array."""
    several = isinstance(index, Seq) and index.cls is None and not index.listed
    return list(index.items) if several else [index]  # type: ignore[union-attr]


def is_advanced(item: Val) -> bool:
    """An index array or a mask."""
    return isinstance(item, Arr | Seq)


def width(item: Val) -> int:
    """How many axes the item takes."""
    if isinstance(item, Arr) and item.dtype == "b1":
        return item.type.rank
    return int(not is_none(item) and not _is_ellipsis(item))


def spelled_out(cx: Context, items: list[Val], rank: int) -> list[Val]:
    """The items with `...` replaced and missing ones appended."""
    full = Slice(Obj(None), Obj(None), Obj(None))
    used = sum(map(width, items))
    if used > rank:
        raise cx.error(f"too many indices: {used} for an array with {rank} axes", "one index per axis")
    dots = [k for k, i in enumerate(items) if _is_ellipsis(i)]
    if len(dots) > 1:
        raise cx.error("an index can have only one `...`")
    at = dots[0] if dots else len(items)
    return items[:at] + [full] * (rank - used) + items[at + 1 :]


def _is_ellipsis(v: Val) -> bool:
    return isinstance(v, Obj) and v.value is Ellipsis


def item_code(cx: Context, item: Val) -> tuple[str, list[Operand]]:
    if isinstance(item, Num) and item.dtype[0] in "iu":
        return "i", [item.op]
    if is_none(item):
        return "n", []
    if isinstance(item, Slice):
        step = item.step
        if isinstance(step, Num) and step.known and step.value == 1:
            step = Obj(None)
        if isinstance(step, Num) and step.known and step.value == 0:
            raise cx.error("slice step cannot be zero")
        parts = [item.lo, item.hi, step]
        if isinstance(item.lo, Num) and item.lo.known and item.lo.value == 0 and is_none(step):
            parts[0] = Obj(None)
        given = [p for p in parts if isinstance(p, Num)]
        code = "".join("0" if is_none(p) else "1" for p in parts)
        return code, [cast(cx, p.op, "i64") for p in given]
    if isinstance(item, Num) and item.dtype == "b1":
        raise cx.error("indexing by a single bool is not supported", "an if")
    raise cx.error(f"an index is an integer, not {describe(item)}", "int(...) of it")


# Writes.
def assign(cx: Context, target: Arr, value: Val) -> None:
    """target[...] = value."""
    number = as_array(cx, value)
    cx.do("assign", target.op, cast(cx, number.op, target.dtype))


def as_array(cx: Context, value: Val) -> Num | Arr:
    """A value as NumPy takes it: tuples of numbers are arrays."""
    if isinstance(value, Seq):
        return array_of(cx, value)
    return need_number(cx, value, "a number or an array")


def array_of(cx: Context, value: Val, dtype: str | None = None) -> Arr:
    """np.array of a nested tuple of numbers, or of rows: memory filled by stores."""
    leaves: list[tuple[tuple[int, ...], Num | Arr]] = []
    shape = _collect(cx, value, (), leaves)
    dtype = dtype or NAMES[np.result_type(*(DTYPES[v.dtype] for _, v in leaves))] if leaves else dtype or "f64"
    rows = [v.type for _, v in leaves if isinstance(v, Arr)]
    if rows and len(rows) != len(leaves):
        raise cx.error("np.array of numbers and arrays mixed")
    extents: list[Operand] = [integer(n) for n in shape]
    dims: tuple[Any, ...] = shape
    if rows:
        extents += [cx.op("dim", leaves[0][1].op, axis=k) for k in range(rows[0].rank)]
        dims += rows[0].dims
    array = cx.op("empty", *extents, dtype=dtype, dims=dims, hint="array")
    for index, v in leaves:
        at = [integer(k) for k in index]
        if isinstance(v, Arr):
            row = cx.op("view", array, *at, index=("i",) * len(at) + ("000",) * v.type.rank, safe=True)
            cx.do("assign", row, cast(cx, v.op, dtype))
        else:
            cx.do("store", array, *at, cast(cx, v.op, dtype), safe=True)
    return Arr(array)


def _collect(
    cx: Context, value: Val, index: tuple[int, ...], leaves: list[tuple[tuple[int, ...], Num | Arr]]
) -> tuple[int, ...]:
    if not isinstance(value, Seq):
        leaves.append((index, need_number(cx, value)))
        return ()
    shapes = {_collect(cx, item, (*index, k), leaves) for k, item in enumerate(value.items)}
    if len(shapes) > 1:
        raise cx.error("np.array of rows of different lengths")
    return (len(value.items), *(shapes.pop() if shapes else ()))
