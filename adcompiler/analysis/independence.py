"""Which iterations of a loop know nothing of each other: what each array that the loop touches is to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import own_reads, own_writes
from adcompiler.analysis.shapes import Shapes
from adcompiler.analysis.trading import Trading, traded
from adcompiler.ir.core import Const, Function, Op, Operand, Region, Value
from adcompiler.ir.types import Array, is_float
from adcompiler.ir.walk import Structure, is_const, walk

ELEMENTS = ("load", "store", "update")
# Errors of a program that is wrong anyhow: of two of them, either may come first.
CHECKS = frozenset({"IndexError", "ZeroDivisionError", "ShapeMismatch"})
Key = Any  # how an index follows from a loop's index: "index", or (op, key, invariant operand)


class Independence:
    """Asks of roots (analysis/alias.py) what they are to the iterations of a loop.

    read      nobody writes it
    sum       it is only added to
    local     it is made in the iteration
    own       each iteration touches its own elements only: one index follows one to one from the loop's
    private   each iteration writes before it reads, or leaves zeros behind as it found them; nobody else sees it
    """

    def __init__(self, fn: Function, around: tuple[Op, ...] = ()):
        """`around`: loops within one iteration of which all questions are."""
        self.fn = fn
        self.structure = Structure(fn)
        self.aliases = Trading(fn, self.structure, around) if around else Aliases(fn, self.structure)
        self._inside: dict[tuple[Op, ...], Independence] = {}
        self.shapes = Shapes(fn, self.structure)
        self.lasting = {p for p in fn.params if isinstance(p.type, Array)}
        self.lasting |= {r for a in fn.returns for r in self.aliases.roots(a)} | self.aliases.outlives
        self.accesses: dict[Value, list[Op]] = {}
        for op in walk(fn.body):
            for root in {r for a in (*own_reads(op), *own_writes(op)) for r in self.aliases.roots(a)}:
                self.accesses.setdefault(root, []).append(op)

    def inside(self, loop: Op) -> Independence:
        """The same for questions about this loop alone: arrays that loops around it trade are apart."""
        around = tuple(op for op in self.structure.ancestors(loop) if op.name == "for" and traded(self.aliases, op))
        if not around:
            return self
        if around not in self._inside:
            self._inside[around] = Independence(self.fn, around)
        return self._inside[around]

    def within(self, root: Value, loops: Iterable[Op]) -> list[Op]:
        """The accesses to the root inside of any of the loops."""
        around = set(loops)
        return [op for op in self.accesses.get(root, ()) if around & {op, *self.structure.ancestors(op)}]

    def touched(self, loop: Op) -> set[Value]:
        ops = list(walk(loop.body))
        return {r for op in ops for a in (*own_reads(op), *own_writes(op)) for r in self.aliases.roots(a)}

    def written(self, loop: Op) -> set[Value]:
        return {r for op in walk(loop.body) for a in own_writes(op) for r in self.aliases.roots(a)}

    def sums(self, loop: Op) -> bool:
        """Are the loop's carried values sums, to which each iteration adds what does not depend on them?"""
        return all(self.addend(loop, k) is not None for k in range(len(loop.carried)))

    def adds(self, loop: Op, k: int) -> bool:
        """Does each iteration only add to the k-th carried value, by itself or in a loop that does no more to it?"""
        if self.addend(loop, k) is not None:
            return True
        param, end = loop.carried[k], loop.yields[k]
        inner = self.structure.definer.get(end) if isinstance(end, Value) else None
        if inner is None or inner.name != "for" or inner not in loop.body.ops or inner.inits.count(param) != 1:
            return False
        j = inner.inits.index(param)
        alone = self.structure.uses.get(param) == [inner] and self.structure.uses.get(end) == [loop.body.terminator]
        return alone and end is inner.results[j] and loop.yields.count(end) == 1 and self.adds(inner, j)

    def addend(self, loop: Op, k: int) -> tuple[Op, int] | None:
        """The `add` whose operand number 0 or 1 is the k-th carried value, where that is all that happens to it."""
        param, end = loop.carried[k], loop.yields[k]
        users = self.structure.uses.get(param, [])
        op = self.structure.definer.get(end) if isinstance(end, Value) else None
        if op is None or users != [op] or not is_float(param.type) or op not in loop.body.ops:
            return None
        if self.structure.uses.get(end) != [loop.body.terminator] or loop.yields.count(end) != 1:
            return None
        if op.name == "add":
            return op, op.args.index(param)
        return (op, 0) if op.name == "sub" and op.args[0] is param else None

    def kind(self, root: Value, loops: list[Op]) -> str | None:
        """What the root is to the iterations of the loop, or of loops that are to be one; None: nothing of these."""
        ops = self.within(root, loops)
        if any(loop in self.structure.ancestors(self.structure.definer[root]) for loop in loops
               if root in self.structure.definer):  # fmt: skip
            return "local" if root not in self.aliases.outlives else None
        if not any(self._writes(op, root) for op in ops):
            return "read"
        if all(op.name == "update" for op in ops):
            return "sum"
        if self.own(root, loops) is not None:
            return "own"
        return "private" if self.private(root, loops) else None

    def _writes(self, op: Op, root: Value) -> bool:
        return any(root in self.aliases.roots(a) for a in own_writes(op))

    # own
    def own(self, root: Value, loops: list[Op]) -> tuple[int, Key] | None:
        """The axis on which every access has an index of the iteration's own, and how that follows from the loop's."""
        found: set[tuple[int, Key]] | None = None
        for op in self.within(root, loops):
            loop = next(x for x in loops if x in self.structure.ancestors(op))
            where = self.place(op, root)
            if where is None:
                return None
            here = {(axis, key) for axis, index in enumerate(where) if (key := self.key(index, loop)) is not None}
            found = here if found is None else found & here
        return min(found, key=repr) if found else None

    def place(self, op: Op, root: Value) -> list[Operand | None] | None:
        """The indices of a load, store or update as they are in the root itself; None for a slice's axis."""
        if op.name not in ELEMENTS or self.aliases.roots(op.args[0]) != {root}:
            return None
        inner: list[Operand | None] = [*places(op)]
        return self._through(op.args[0], inner, root)

    def _through(self, handle: Operand, inner: list[Operand | None], root: Value) -> list[Operand | None] | None:
        if handle is root:
            return inner
        op = self.structure.definer.get(handle) if isinstance(handle, Value) else None
        if op is None or op.name != "view":
            return None
        outer: list[Operand | None] = []
        given, rest = iter(op.args[1:]), iter(inner)
        for item in op.attrs["index"]:
            if item == "n":
                next(rest)
            elif item == "i":
                outer.append(next(given))
            else:
                for bound in item:
                    if bound == "1":
                        next(given)
                index = next(rest)
                outer.append(index if item == "000" else None)
        return self._through(op.args[0], [*outer, *rest], root)

    def key(self, index: Operand | None, loop: Op) -> Key | None:
        """How an index follows one to one from the index of the loop."""
        if index is loop.body.params[0]:
            return "index"
        op = self.structure.definer.get(index) if isinstance(index, Value) else None
        if op is None or op.name not in ("add", "sub", "floordiv") or not self.outside(op.args[1], loop):
            return None
        inner = self.key(op.args[0], loop)
        if inner is None:
            return None
        if op.name == "floordiv" and not (op.args[1] == loop.args[2] and _from_start(inner, loop)):
            return None
        return (op.name, inner, op.args[1])

    def outside(self, operand: Operand, loop: Op) -> bool:
        """Is the value from outside of the loop?"""
        if isinstance(operand, Const):
            return True
        home = self.structure.home[operand]
        while (owner := self.structure.owner[home]) is not None:
            if owner is loop:
                return False
            home = self.structure.place[owner].region
        return True

    # private
    def private(self, root: Value, loops: list[Op]) -> bool:
        """Is what an iteration finds in it never what another one has left?"""
        definer = self.structure.definer.get(root)
        ops = self.within(root, loops)
        if definer is None or root in self.lasting or len(ops) != len(self.accesses[root]):
            return False
        if any(op.name not in (*ELEMENTS, "assign") or op.args[0] is not root for op in ops):
            return False
        if definer.attrs.get("private"):
            return True
        bodies = [Region([], [op for loop in loops for op in loop.body.ops])]
        if self._covers_first(root, bodies[0]):
            return True
        return definer.name in ("zeros", "zeros_like") and self._clears_last(root, bodies[0])

    def _items(self, root: Value, region: Region) -> list[Op]:
        ops = set(self.accesses.get(root, ()))
        return [op for op in region.ops if op in ops or any(inner in ops for r in op.regions for inner in walk(r))]

    def _covers_first(self, root: Value, region: Region) -> bool:
        """Is all of it written before anything else happens to it, wherever it is used?"""
        items = self._items(root, region)
        if self._fills(root, items[0], [], first=True) or self._fills_one_by_one(root, items):
            return True
        return len(items) == 1 and items[0].name == "for" and self._covers_first(root, items[0].body)

    def _clears_last(self, root: Value, region: Region) -> bool:
        """Is all of it set to zero at the end, wherever it is used?"""
        items = self._items(root, region)
        if self._fills(root, items[-1], [], first=False):
            return True
        zeros = [op for op in items[::-1] if op.name == "store" and is_const(op.args[-1], 0)]
        if items[::-1][: len(zeros)] == zeros and self._fills_one_by_one(root, zeros):
            return True
        return len(items) == 1 and items[0].name == "for" and self._clears_last(root, items[0].body)

    def _fills(self, root: Value, item: Op, around: list[Op], first: bool) -> bool:
        """Do these loops store every element, before (`first`) or, with zeros, after all that they do with it?"""
        if item.name == "assign":
            return not around and (first or is_const(item.args[1], 0))
        if item.name == "for" and item.until is None:
            items = self._items(root, item.body)
            inner = items[0 if first else -1]
            if inner.regions:
                return len(items) == 1 and self._fills(root, inner, [*around, item], first)
            return self._stores_each(root, inner, [*around, item], first) and all(
                op.name in ELEMENTS and places(op) == places(inner) for op in items
            )
        return False

    def _stores_each(self, root: Value, op: Op, around: list[Op], first: bool) -> bool:
        """Is it a store at the indices of the loops around it, which go through all of the array?"""
        if op.name != "store" or not (first or is_const(op.args[-1], 0)):
            return False
        loops = {loop.body.params[0]: loop for loop in around}
        indices = places(op)
        if sorted(map(id, indices)) != sorted(map(id, loops)):
            return False
        return all(
            self._spans(loops[index], extent)  # type: ignore[index]
            for index, extent in zip(indices, self.shapes.shape(root), strict=True)
        )

    def _spans(self, loop: Op, extent: Any) -> bool:
        lo, hi, step = loop.args[:3]
        return is_const(lo, 0) and is_const(step, 1) and self.shapes.integer(hi) == extent

    def _fills_one_by_one(self, root: Value, items: list[Op]) -> bool:
        """Are the first things that happen to it stores of each of its few elements?"""
        shape = self.shapes.shape(root)
        if not all(isinstance(e, int) for e in shape):
            return False
        size = 1
        for e in shape:
            size *= e
        stores = items[:size]
        if len(stores) < size or any(op.name != "store" for op in stores):
            return False
        found = {tuple(i.value for i in places(op) if isinstance(i, Const) and i.value >= 0) for op in stores}
        return len(found) == size and all(len(p) == len(shape) for p in found)


def places(op: Op) -> list[Operand]:
    """The indices of a load, store or update."""
    return op.args[1:] if op.results else op.args[1:-1]


def _from_start(key: Key, loop: Op) -> bool:
    lo = loop.args[0]
    return key == ("sub", "index", lo) or (key == "index" and is_const(lo, 0))
