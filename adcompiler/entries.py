"""The entries of several leaves under one flat number, and blocks of derivatives of each leaf by each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Operand, Region, Value
from adcompiler.ir.types import Array, Scalar, is_float


@dataclass(frozen=True)
class Part:
    """A leaf of the arguments or of the result: the flat numbers of its entries begin at `start`."""

    extents: tuple[Operand, ...]
    start: Operand
    size: Operand
    alone: bool

    def entry(self, b: Builder, flat: Operand) -> list[Operand]:
        """The indices of an entry with this flat number, which is inside."""
        local = flat if self.alone else arithmetic(b, "sub", flat, self.start, hint="local")
        found: list[Operand] = []
        for extent in reversed(self.extents[1:]):
            found.append(b.op("mod", local, extent, checked=True))
            local = b.op("floordiv", local, extent, checked=True)
        return [local, *reversed(found)] if self.extents else []

    def holds(self, b: Builder, flat: Operand) -> Operand:
        """Is the flat number that of an entry of this leaf?"""
        after = b.op("ge", flat, self.start)
        return b.op("and", after, b.op("lt", flat, arithmetic(b, "add", self.start, self.size)), hint="here")

    def where(self, b: Builder, flat: Operand, build: Callable[[], None]) -> None:
        """Build what happens where the flat number belongs to this leaf."""
        if self.alone:
            build()
            return
        then, orelse = Region(), Region()
        with b.inside(then):
            build()
            b.yield_()
        with b.inside(orelse):
            b.yield_()
        b.if_(self.holds(b, flat), [], then, orelse)


def arithmetic(b: Builder, name: str, x: Operand, y: Operand, hint: str = "t") -> Operand:
    """x + y, x - y or x * y of integers, simplified."""
    neutral = 1 if name == "mul" else 0
    if y == integer(neutral):
        return x
    return y if name != "sub" and x == integer(neutral) else b.op(name, x, y, hint=hint)


def _total(b: Builder, numbers: Sequence[Operand], name: str, start: int) -> Operand:
    total: Operand = integer(start)
    for n in numbers:
        total = arithmetic(b, name, total, n)
    return total


def parts(b: Builder, extents: Sequence[Sequence[Operand]]) -> tuple[list[Part], Operand]:
    """The leaves with these extents, and how many entries they have together."""
    found: list[Part] = []
    start: Operand = integer(0)
    for row in extents:
        size = _total(b, row, "mul", 1)
        found.append(Part(tuple(row), start, size, len(extents) == 1))
        start = arithmetic(b, "add", start, size, hint="count")
    return found, start


def fill(b: Builder, pairs: Sequence[tuple[Value, Operand]], front: list[Operand], back: list[Operand]) -> None:
    """Write each value into its array, with these first and last indices."""
    for target, value in pairs:
        assert isinstance(target.type, Array)
        if (front or back) and isinstance(value.type, Array) and value.type.rank == 0:
            value = b.op("load", value)  # an element has no view of its own
        entry = fitted(b, value, target.type.dtype)
        if isinstance(value.type, Scalar):
            b.do("store", target, *front, *back, entry, safe=True)
            continue
        assert isinstance(value.type, Array)
        handle = target
        if front or back:
            index = ("i",) * len(front) + ("000",) * value.type.rank + ("i",) * len(back)
            handle = b.op("view", target, *front, *back, index=index, safe=True, hint=target.name)
        b.do("assign", handle, entry)


def fitted(b: Builder, value: Operand, dtype: str) -> Operand:
    assert isinstance(value.type, Scalar | Array)
    return value if value.type.dtype == dtype else b.op("cast", value, dtype=dtype, hint=name_of(value))


def name_of(value: Operand) -> str:
    return value.name if isinstance(value, Value) else "out"


def partial_name(out: Operand, param: Value) -> str:
    """The name of a block: y_x is the derivative of y by x."""
    name = name_of(out)
    return f"{'jac' if name in ('t', 'out') else name}_{param.name}"


# Specs.
def mapped(spec: Spec, change: Callable[[Leaf], Spec]) -> Spec:
    """The structure with each leaf replaced."""
    if isinstance(spec, Leaf):
        return change(spec)
    if isinstance(spec, Static):
        return spec
    items = tuple(mapped(item, change) for item in spec.items)
    if isinstance(spec, Dict):
        return Dict(spec.keys, items)
    return Record(spec.cls, items) if isinstance(spec, Record) else Tuple(items, spec.cls)


def block(out: Leaf, into: Leaf, which: str) -> Leaf:
    """The leaf of the Jacobian of a result by an argument."""
    dims = tuple(d for leaf in (out, into) if isinstance(leaf.type, Array) for d in (None,) * leaf.type.rank)
    mine = not is_float(out.type) or (which == "out" and is_float(into.type))
    dtype = out.type.dtype if mine else into.type.dtype
    if isinstance(out.type, Scalar) and isinstance(into.type, Scalar):
        return Leaf(Scalar(dtype), out.weak and into.weak)
    return Leaf(Array(dtype, dims))
