"""The scalars of a loop nest: elements of arrays, computed or loaded, each in the outermost loop that knows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.shapes import Extent, Shape, Shapes
from adcompiler.errors import Loc
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Const, Op, Operand, Region, Value
from adcompiler.ir.naming import is_temporary, load_name
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar
from adcompiler.lowering.sizes import Sizes, rank

At = Sequence[Operand]
Place = tuple[Operand, tuple[Operand, ...]]  # an array and indices


class Levels(Builder):
    """Builds into the region of the outermost loop in which all operands are known; regions[0] is before the loops."""

    def __init__(self, regions: list[Region], indices: Sequence[Value], loc: Loc | None = None):
        super().__init__(regions[-1], loc)
        self.regions, self.level = regions, {v: d + 1 for d, v in enumerate(indices)}

    @property
    def in_nest(self) -> bool:
        """Not within the region of an op that is being built."""
        return self.region is self.regions[-1]

    def add(self, op: Op, pinned: bool = False) -> Op:
        """Append the op; `pinned`: in the innermost loop, as what writes or has regions."""
        depth = len(self.regions) - 1
        level = max((self.level.get(a, 0) for a in op.args if isinstance(a, Value)), default=0)
        if pinned or op.regions or not op.results or not self.in_nest:
            level = depth
        (self.regions[level] if self.in_nest else self.region).ops.append(op)
        self.level.update(dict.fromkeys(op.results, level))
        return op


class Elements:
    """Elements of arrays in one nest. `inlined(v)` is the op behind an array that is computed where it is read.

    `loads` and `computed` tell what was read where.
    """

    def __init__(self, b: Levels, shapes: Shapes, sizes: Sizes, inlined: Callable[[Operand], Op | None]):
        self.b, self.shapes, self.sizes, self.inlined = b, shapes, sizes, inlined
        self.known: dict[Place, Operand] = {}
        self.steps: dict[tuple[Operand, int], Operand] = {}
        self.moved: dict[Operand, Operand] = {}  # index times step -> index
        self.runs: dict[Operand, Extent] = {}  # index of a loop -> its extent
        self.plain: set[Operand] = set(b.level)  # indices that are inside wherever their loops stand
        self.loads: list[Place] = []
        self.computed: list[Place] = []

    def value(self, operand: Operand, at: At) -> Operand:
        """The element of an array; a scalar is itself."""
        if not isinstance(operand.type, Array):
            return operand
        place = operand, tuple(at)
        if place in self.known:
            return self.known[place]
        op = self.inlined(operand)
        if op is None:
            value = self.load(operand, at)
        else:
            self.computed.append(place)
            value = self.compute(op, at)
        if self.b.in_nest:
            self.known[place] = value
        return value

    def load(self, array: Operand, at: At) -> Operand:
        assert isinstance(array.type, Array)
        self.loads.append((array, tuple(at)))
        result = Value(load_name(array, [_letter(i) for i in at]), Scalar(array.type.dtype))
        op = Op("load", [array, *at], [result], {"safe": True}, [], self.b.loc)
        extents = self.shapes.shape(array)
        inside = all(i in self.plain or (i == integer(0) and e == 1) for i, e in zip(at, extents, strict=True))
        self.b.add(op, pinned=not inside)
        return result

    def compute(self, op: Op, at: At, name: str = "") -> Operand:
        """The element of what the op computes, under its name."""
        table, own = OPS[op.name], self.shapes.shape(op.result)

        def read(k: int, indices: At, stretch: bool = False) -> Operand:
            if stretch:
                indices = self.stretched(op.args[k], indices, at, own)
            return self.value(op.args[k], indices)

        with self.b.at(op.loc):
            if table.element is not None:
                found: Operand = table.element(self.b, op, at, read, self.extent_of(op))
            else:
                parts = [read(k, at[len(at) - rank(a) :], stretch=True) for k, a in enumerate(op.args)]
                found = self.b.op(op.name, *parts, **_attrs(op))
        name = name or op.result.name
        if isinstance(found, Value) and is_temporary(found.name) and found in self.b.level:
            found.name = name
        return found

    def extent_of(self, op: Op) -> Callable[[int, int], Operand]:
        return lambda k, axis: self.sizes.size(Builder(self.b.regions[0], self.b.loc), op.args[k], axis)

    def stretched(self, operand: Operand, indices: At, at: At, own: Shape) -> list[Operand]:
        """Indices of an operand that is broadcast; `at` runs over the extents `own`."""
        shape = self.shapes.shape(operand)
        return [self.along(operand, axis, i, at, own, shape) for axis, i in enumerate(indices)]

    def along(self, operand: Operand, axis: int, index: Operand, at: At, own: Shape, shape: Shape) -> Operand:
        """The index, 0 where the extent is 1; times a step of 0 or 1 where that is not known before."""
        extents = [e for e, i in zip(own, at, strict=True) if i == index]
        if shape[axis] in extents:
            return index
        if shape[axis] == 1 or index == integer(0):
            return integer(0)
        index = self.moved.get(index, index)  # one step is enough: what is broadcast twice is 1 twice
        if self.runs.get(index) == shape[axis]:
            return index
        key = index, (self.step(operand, axis),)
        if key in self.known:
            return self.known[key]
        moved = self.b.op("mul", index, *key[1], hint=_moved(index, operand))
        self.moved[moved] = index
        if index in self.plain:
            self.plain.add(moved)
        if self.b.in_nest:
            self.known[key] = moved
        return moved

    def step(self, operand: Operand, axis: int) -> Operand:
        """0 for an extent that turns out to be 1, else 1."""
        key = operand, axis
        if key not in self.steps:
            b = Builder(self.b.regions[0], self.b.loc)
            alone = b.op("eq", self.sizes.size(b, operand, axis), integer(1))
            name = operand.name if isinstance(operand, Value) else "t"
            self.steps[key] = b.op("select", alone, integer(0), integer(1), hint=f"{name}_step")
        return self.steps[key]

    def wrote(self, array: Operand, at: At, value: Operand | None, aliases: Aliases) -> None:
        """An element has been written: what was loaded from memory that it may be is not known any more."""
        for place in [p for p in self.known if self.inlined(p[0]) is None and aliases.may_alias(p[0], array)]:
            del self.known[place]
        if value is not None:
            self.known[array, tuple(at)] = value


def _attrs(op: Op) -> dict[str, Any]:
    """What was checked for the whole arrays need not be checked again."""
    return {**op.attrs, "safe": True} if op.attrs.get("checked") else dict(op.attrs)


def _moved(index: Operand, array: Operand) -> str:
    return f"{getattr(index, 'name', 't')}_{getattr(array, 'name', 't')}"


def _letter(index: Operand) -> Operand:
    return index if isinstance(index, Const | Value) else integer(0)
