"""Index arrays and masks: reads, writes, `np.add.at`, `np.take`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from adcompiler.frontend.context import Context
from adcompiler.frontend.promote import cast, need_number, wrap
from adcompiler.frontend.subscripts import (
    Place,
    array_of,
    as_array,
    assign,
    index_items,
    is_advanced,
    item_code,
    spelled_out,
    width,
)
from adcompiler.frontend.values import NONE, Arr, Num, Obj, Seq, Slice, Val, array_at, describe
from adcompiler.ir.build import integer
from adcompiler.ir.core import Operand
from adcompiler.ir.types import Array

Kwargs = dict[str, Val]
FAST = ("Add", "Sub", "Mult", "Div")  # of floats: they may be computed where the mask is false too


class Scattered:
    """Part of an array that index arrays or a mask choose: a view of it, and what stands at each of its axes."""

    def __init__(self, base: Arr, index: tuple[str, ...], ops: list[Operand], once: bool, mask: Arr | None):
        self.base, self.index, self.ops, self.once, self.mask = base, index, ops, once, mask

    @classmethod
    def of(cls, cx: Context, array: Arr, index: Val) -> Scattered:
        items = [_as_index(cx, i) for i in index_items(index)]
        items = spelled_out(cx, items, array.type.rank)
        codes: list[str] = []  # of the view
        cuts: list[Operand] = []
        places: list[str] = []  # of the gather
        ops: list[Operand] = []
        masks, axis = [i for i in items if isinstance(i, Arr) and i.dtype == "b1"], 0
        for item in items:
            if isinstance(item, Arr) or (isinstance(item, Num) and item.dtype[0] in "iu"):
                found = _places(cx, array, item, axis)
                codes += ["000"] * len(found)
                places += ["a" if isinstance(f.type, Array) else "i" for f in found]
                ops += found
            else:
                code, used = item_code(cx, item)
                codes.append(code)
                cuts += used
                places.append("0")
            axis += width(item)
        base = array
        if any(code != "000" for code in codes):
            base = array_at(cx.op("view", array.op, *cuts, index=tuple(codes), hint=f"{array.op.name}_view"))
        once = len(masks) == 1 and not any(isinstance(i, Arr) and i not in masks for i in items)
        alone = once and items[0] is masks[0] and all(c == "000" for c in codes) and "i" not in places
        return cls(base, tuple(places), ops, once, masks[0] if alone else None)

    def attrs(self) -> dict[str, Any]:
        safe = {"safe": True, "natural": True} if self.once and "i" not in self.index else {}
        return {"index": self.index, **safe, **({"once": True} if self.once else {})}

    def load(self, cx: Context) -> Val:
        return array_at(cx.op("gather", self.base.op, *self.ops, **self.attrs(), hint=f"{self.base.op.name}_at"))

    def store(self, cx: Context, value: Val) -> None:
        number = as_array(cx, value)
        if self.mask is not None and isinstance(number, Num):
            assign(cx, self.base, self.chosen(cx, number))
            return
        cx.do("scatter", self.base.op, *self.ops, cast(cx, number.op, self.base.dtype), **self.attrs())

    def update(self, cx: Context, right: Num | Arr, compute: Callable[[Num | Arr], Num | Arr], kind: str) -> None:
        """place = compute(place), one read and one write."""
        plain = kind in FAST and self.base.dtype[0] == "f"
        if self.mask is not None and isinstance(right, Num) and plain:
            assign(cx, self.base, self.chosen(cx, compute(self.base)))
            return
        old = self.load(cx)
        assert isinstance(old, Arr)
        self.store(cx, compute(old))

    def chosen(self, cx: Context, new: Num | Arr) -> Arr:
        """The array with what is new where the mask is true."""
        assert self.mask is not None
        mask, more = self.mask.op, self.base.type.rank - self.mask.type.rank
        if more:
            mask = cx.op("view", mask, index=("000",) * self.mask.type.rank + ("n",) * more)
        return array_at(cx.op("select", mask, cast(cx, new.op, self.base.dtype), self.base.op))

    def add(self, cx: Context, value: Val) -> None:
        """np.add.at: repeated places are added to repeatedly."""
        number = as_array(cx, value)
        cx.do("scatter_add", self.base.op, *self.ops, cast(cx, number.op, self.base.dtype), **self.attrs())


def _as_index(cx: Context, item: Val) -> Val:
    """Lists of numbers as arrays."""
    if not isinstance(item, Seq):
        return item
    if not item.items:
        return Arr(cx.op("empty", integer(0), dtype="i64", dims=(0,)))
    return array_of(cx, item)


def _places(cx: Context, array: Arr, item: Num | Arr, axis: int) -> list[Operand]:
    """The index operands of an item: one, or for a mask one per axis."""
    if isinstance(item, Num) or item.dtype[0] in "iu":
        return [item.op]
    if item.dtype != "b1":
        raise cx.error(f"an index array is of integers or bools, not {describe(item)}", ".astype(np.int64)")
    for k in range(item.type.rank):
        _same_size(cx, item, k, array, axis + k)
    return [cx.op("nonzero", item.op, axis=k, hint="places") for k in range(item.type.rank)]


def _same_size(cx: Context, mask: Arr, k: int, array: Arr, axis: int) -> None:
    mine, other = mask.type.dims[k], array.type.dims[axis]
    if isinstance(mine, int) and mine == other:
        return
    m, n = cx.op("dim", mask.op, axis=k), cx.op("dim", array.op, axis=axis)
    message = f"boolean index did not match indexed array along axis {axis}"
    cx.raise_if(cx.op("ne", m, n), "IndexError", message)


# Functions.
def add_at(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) != 3 or kwargs:
        raise cx.error("np.add.at takes an array, an index and a value")
    array, index, value = args
    array = need_number(cx, array)
    if not isinstance(array, Arr):
        raise cx.error(f"np.add.at needs an array, not {describe(array)}")
    if any(map(is_advanced, index_items(index))):
        Scattered.of(cx, array, index).add(cx, value)
        return NONE
    place = Place.of(cx, array, index)
    number = cast(cx, as_array(cx, value).op, array.dtype)
    if place.is_element:
        cx.do("update", array.op, *place.ops, number)
    else:
        cx.do("accumulate", place.view(cx), number)
    return NONE


def slice_(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """slice(...), as generated code writes it inside np.add.at."""
    parts = [NONE, *args, NONE] if len(args) == 1 else [*args, NONE][:3]
    return Slice(*parts)


def coded(cx: Context, code: Val) -> str:
    if not (isinstance(code, Obj) and isinstance(code.value, str)):
        raise cx.error("the index of a helper is spelled as a text")
    return str(code.value)


def withdraw(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """withdraw of adcompiler.runtime, as generated code uses it."""
    array, code, *given = args
    assert isinstance(array, Arr)
    index = tuple(coded(cx, code))
    return array_at(cx.op("withdraw", array.op, *(need_number(cx, g).op for g in given), index=index))


def taken(cx: Context, a: Arr, index: Num | Arr, axis: int, **attrs: Any) -> Num | Arr:
    """The elements of a at these places along an axis."""
    if isinstance(index, Num):
        if a.type.rank == 1:
            return Num(cx.op("load", a.op, index.op), weak=False)
        items = tuple("i" if k == axis else "000" for k in range(a.type.rank))
        return array_at(cx.op("copy", cx.op("view", a.op, index.op, index=items)))
    places = tuple("a" if k == axis else "0" for k in range(a.type.rank))
    return wrap(cx, cx.op("gather", a.op, index.op, index=places, **attrs))
