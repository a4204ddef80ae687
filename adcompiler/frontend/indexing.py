"""Subscripts: elements, views, tuple items, dict keys; reads, writes and in-place operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.frontend import gathering
from adcompiler.frontend.context import Context, Unroll
from adcompiler.frontend.promote import BINARY, binary, cast, need_number, resolve
from adcompiler.frontend.subscripts import Place, array_of, as_array, index_items, is_advanced, static_int
from adcompiler.frontend.values import Arr, Map, Num, Obj, Rec, Ref, Seq, Slice, Val, describe, is_none, join_values
from adcompiler.ir.build import integer
from adcompiler.ir.core import Const, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import DTYPES, Scalar
from adcompiler.ir.walk import walk

__all__ = ["Place", "array_of", "static_int"]
MAX_CHOICES = 64


def read(cx: Context, base: Val, index: Val) -> Val:
    """base[index]."""
    base = cx.content(base)
    if isinstance(base, Num) and index == Seq(()):  # a 0-d array
        return base
    if isinstance(base, Arr):
        if any(map(is_advanced, index_items(index))):
            return gathering.Scattered.of(cx, base, index).load(cx)
        place = Place.of(cx, base, index)
        return place.load(cx) if place.is_element else Arr(place.view(cx))
    if isinstance(base, Seq):
        return _item(cx, base, index)
    if isinstance(base, Map):
        key = constant_key(cx, index)
        if key not in base.keys:
            raise cx.error(f"no key {key!r} in this dict: it has {', '.join(map(repr, base.keys))}")
        return base.items[base.keys.index(key)]
    raise cx.error(f"{describe(base)} can't be indexed", "an array, a tuple or a dict")


def constant_key(cx: Context, key: Val) -> Any:
    """A dict key: a constant."""
    if isinstance(key, Obj) and isinstance(key.value, str):
        return key.value
    if isinstance(key, Num) and key.known:
        return key.value
    raise cx.error("the keys of a dict must be constants", "an array indexed by integers")


def _item(cx: Context, base: Seq, index: Val) -> Val:
    if isinstance(index, Slice):
        bounds = [None if is_none(p) else static_int(cx, p) for p in (index.lo, index.hi, index.step)]
        return Seq(base.items[slice(*bounds)], listed=base.listed)
    if not isinstance(index, Num):
        raise cx.error(f"a tuple's index is an integer, not {describe(index)}")
    if index.known:
        if not -len(base.items) <= index.value < len(base.items):
            raise cx.error(f"index {index.value} is out of range for a tuple of {len(base.items)}")
        return base.items[index.value]
    return _pick(cx, base, index)


def _pick(cx: Context, base: Seq, index: Num) -> Val:
    """A run-time index into a tuple: a loop over it is unrolled where that helps, else scalars are selected."""
    if isinstance(index.op, Value) and index.op in cx.unrollable:
        raise Unroll(cx.unrollable[index.op])
    if not base.items or len(base.items) > MAX_CHOICES or not all(isinstance(i, Num) for i in base.items):
        raise cx.error("a run-time index needs a tuple of numbers", "a loop over the tuple, or an array")
    count = integer(len(base.items))
    at = cast(cx, index.op, "i64")
    wrapped = cx.op("select", cx.op("lt", at, integer(0)), cx.op("add", at, count), at, hint="k")
    outside = cx.op("or", cx.op("lt", wrapped, integer(0)), cx.op("ge", wrapped, count))
    cx.raise_if(outside, "IndexError", "tuple index out of range")
    template: Val | None = base.items[0]
    for item in base.items[1:]:
        template = join_values(template, item)
    assert isinstance(template, Num)
    ops = [cast(cx, need_number(cx, i).op, template.dtype) for i in base.items]
    result = ops[-1]
    for k, op in reversed(list(enumerate(ops[:-1]))):
        result = cx.op("select", cx.op("eq", wrapped, integer(k)), op, result)
    return Num(result, template.weak)


def update_item(cx: Context, base: Val, key: Val, value: Val) -> None:
    """base[key] = value."""
    content = cx.content(base)
    if isinstance(content, Arr):
        if any(map(is_advanced, index_items(key))):
            gathering.Scattered.of(cx, content, key).store(cx, value)
        else:
            Place.of(cx, content, key).store(cx, value)
        return
    if isinstance(base, Ref) and isinstance(content, Map):
        name = constant_key(cx, key)
        items = dict(zip(content.keys, content.items, strict=True)) | {name: value}
        change(cx, base, Map(tuple(items), tuple(items.values())))
        return
    hint = "build a new tuple, or use an array" if isinstance(content, Seq) else None
    raise cx.error(f"an item of {describe(content)} can't be assigned", hint)


def update_field(cx: Context, base: Val, name: str, value: Val) -> None:
    """base.name = value."""
    content = cx.content(base)
    if not (isinstance(base, Ref) and isinstance(content, Rec)):
        raise cx.error(f"a field of {describe(content)} can't be assigned", "a dataclass, or _replace")
    if name not in content.keys:
        raise cx.error(f"{content.cls.__name__} has no field {name!r}")
    if content.cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise cx.error(f"{content.cls.__name__} is frozen", "dataclasses.replace")
    items = tuple([value if k == name else v for k, v in zip(content.keys, content.items, strict=True)])
    change(cx, base, Rec(content.cls, content.keys, items))


def change(cx: Context, ref: Ref, content: Val) -> None:
    if ref.box.frozen:
        raise cx.error(f"this object can't be changed here: {ref.box.frozen}", "build a new one")
    cx.heap[ref.box] = content


# In-place operators.
def same_kind(cx: Context, kind: str, target: Arr, value: Num | Arr) -> None:
    """In place, a result may only be cast within its kind."""
    out = resolve(cx, BINARY[kind][1], (target, value))[1]
    if not np.can_cast(DTYPES[out], DTYPES[target.dtype], "same_kind"):
        raise cx.error(f"the result is {out}, which can't be written into {target.type} in place",
                       f"a = a.astype(np.{DTYPES[out].name}) first")  # fmt: skip


def scattered_in_place(cx: Context, kind: str, array: Arr, index: Val, compute: Callable[[], Val]) -> None:
    """array[index arrays] <kind>= compute(): read, computed and written once, also where a place is repeated.

    NumPy reads first, and what it reads is a copy; where computing the right side writes to memory, so do we.
    """
    region = cx.b.region
    start = len(region.ops)
    right = as_array(cx, compute())
    same_kind(cx, kind, array, right)
    if not _writes(region, start) and region is cx.b.region:
        place = gathering.Scattered.of(cx, array, index)
        place.update(cx, right, lambda old: binary(cx, kind, old, right), kind)
        return
    early = Region()
    with cx.inside(early):
        place = gathering.Scattered.of(cx, array, index)
        old = place.load(cx)
    region.ops[start:start] = early.ops
    assert isinstance(old, Arr)
    place.store(cx, binary(cx, kind, old, right))


def in_place(cx: Context, kind: str, target: Arr, value: Val) -> None:
    """target <kind>= value for a whole array or view: computed in NumPy's dtype, then cast (same kind only)."""
    right = as_array(cx, value)
    same_kind(cx, kind, target, right)
    out = resolve(cx, BINARY[kind][1], (target, right))[1]
    if kind in ("Add", "Sub") and out == target.dtype and out != "b1":
        b = cast(cx, right.op, out)
        cx.do("accumulate", target.op, b if kind == "Add" else negative(cx, b))
        return
    result = binary(cx, kind, target, right)
    cx.do("assign", target.op, cast(cx, result.op, target.dtype))


def negative(cx: Context, op: Operand) -> Operand:
    if isinstance(op, Const):
        return Const(-op.value, op.type)
    return cx.op("neg", op)


def element_in_place(cx: Context, kind: str, place: Place, compute: Any) -> None:
    """element <kind>= compute(): one `update` for sums, else load, compute, store.

    Python loads the old value first; where computing the right side writes to memory, so do we.
    """
    region = cx.b.region
    start = len(region.ops)
    value = need_number(cx, compute())
    if isinstance(value, Arr):
        raise cx.error(f"an array can't be added to an element of {place.array.type}")
    writes = _writes(region, start) or region is not cx.b.region
    old = Num(Value("old", Scalar(place.array.dtype)), weak=False)
    out = resolve(cx, BINARY[kind][1], (old, value))[1]
    if kind in ("Add", "Sub") and out == place.array.dtype and out != "b1" and not writes:
        b = cast(cx, value.op, out)
        cx.do("update", place.array.op, *place.ops, b if kind == "Add" else negative(cx, b))
        return
    if writes:
        early = Region()
        with cx.inside(early):
            old = place.load(cx)
        region.ops[start:start] = early.ops
    else:
        old = place.load(cx)
    place.store(cx, binary(cx, kind, old, value))


def _writes(region: Region, start: int) -> bool:
    """Do the ops from `start` on write to memory that was there before?"""
    fresh = {r for op in region.ops[start:] if op.name in OPS and OPS[op.name].kind == "alloc" for r in op.results}

    def touches(op: Op) -> bool:
        entry = OPS.get(op.name)
        return entry is not None and any(op.args[k] not in fresh for k in entry.writes)

    return any(touches(op) for op in walk(Region([], region.ops[start:])))
