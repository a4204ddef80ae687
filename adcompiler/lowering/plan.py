"""What is computed in loops, and which arrays never become memory because their reader computes their elements.

%a: f64[n] = mul %x, %x          %a is read once, by %s, and nothing writes %x in between:
%s: f64 = sum %a                 it is inlined, its element computed in the loop of %s.
"""

from __future__ import annotations

from collections.abc import Sequence

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import entry, writes
from adcompiler.analysis.shapes import Shape, Shapes
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.walk import Structure, values
from adcompiler.lowering.kinds import is_looped, is_map, is_write, iterated
from adcompiler.lowering.sizes import Sizes, rank

COPIES = 4  # a cheap array is computed again by up to so many readers
CHAIN = 3  # and so many that are computed from each other
LETTERS = "ijklmpqr"


class Plan:
    """The decisions for one function, which does not change while they are asked for."""

    def __init__(self, fn: Function, fuse: bool):
        self.fn, self.fuse = fn, fuse
        self.structure = Structure(fn)
        self.aliases = Aliases(fn, self.structure)
        self.shapes = Shapes(fn, self.structure)
        self.inlined: set[Operand] = set()
        self.sizes = Sizes(self.shapes, self.maker)
        self.names = {v.name for v in values(fn.body)}
        self.at: dict[Op, int] = {}  # op -> where in its region its elements are computed
        self.copies: dict[Op, int] = {}  # op -> in how many nests
        self.chain: dict[Op, int] = {}
        self.region(fn.body)

    # Questions.
    def inlined_op(self, operand: Operand) -> Op | None:
        """The op that computes an inlined array."""
        return self.structure.definer[operand] if operand in self.inlined else None  # type: ignore[index]

    def maker(self, operand: Operand) -> Op | None:
        """The op behind an array that may never be memory."""
        op = self.structure.definer.get(operand) if isinstance(operand, Value) else None
        return op if op is not None and (operand in self.inlined or is_map(op)) else None

    def follows(self, op: Op) -> bool:
        """Is it a reduction to the shape of operand 1?"""
        return len(op.args) > 1 and op.attrs.get("axis") is None and not op.attrs.get("keepdims", False)

    def letters(self, count: int) -> list[str]:
        """Names of indices, not the user's."""
        free = [c for c in LETTERS if c not in self.names]
        return (free + [f"i{k}" for k in range(count)])[:count]

    def space(self, op: Op) -> Shape:
        return self.shapes.shape(iterated(op))

    # Who reads an array, and how.
    def wants(self, user: Op, value: Value) -> str:
        """`shape`, `element` or `memory`: what the user takes of the value."""
        table = entry(user)
        if table is None or (is_write(user) and user.args[0] is value):
            return "memory"
        read = any(a is value and (table.reads is None or k in table.reads) for k, a in enumerate(user.args))
        if is_looped(user):
            return "element" if read else "shape"
        if len(user.results) == 1 and user.result in self.inlined:
            return "element" if read or table.kind == "view" else "shape"
        return "shape" if user.name == "dim" or (table.kind == "alloc" and not read) else "memory"

    def region(self, region: Region) -> None:
        """Decide for each op of the region, the last first."""
        for index, op in reversed(list(enumerate(region.ops))):
            self.at[op], self.copies[op], self.chain[op] = index, 1, 0
            for inner in op.regions:
                self.region(inner)
            if self.may_inline(op):
                self.consider(op, region, index)

    def may_inline(self, op: Op) -> bool:
        table = entry(op)
        if table is None or len(op.results) != 1 or not rank(op.result):
            return False
        return is_map(op) or table.element is not None

    def consider(self, op: Op, region: Region, index: int) -> None:
        """Inline the op's result if its readers can compute its elements."""
        users = self.structure.uses.get(op.result, [])
        wants = {user: self.wants(user, op.result) for user in users}
        readers = [user for user, want in wants.items() if want == "element"]
        if not self.fuse or "memory" in wants.values():
            return
        if any(self.structure.place[r].region is not region for r in readers):
            return
        copies = sum(self.copies[r] for r in readers)
        chain = 1 + max((self.chain[r] for r in readers), default=0)
        if copies > 1 and not self.cheap(op, copies, chain):
            return
        last = max((self.at[r] for r in readers), default=index)
        if not self.stable(op, region.ops[index + 1 : last]):
            return
        self.inlined.add(op.result)
        self.at[op], self.copies[op], self.chain[op] = last, max(copies, 1), chain if copies > 1 else 0

    def cheap(self, op: Op, copies: int, chain: int) -> bool:
        table = entry(op)
        assert table is not None
        if table.kind in ("view", "alloc"):
            return True
        return table.cheap and copies <= COPIES and chain <= CHAIN

    def stable(self, op: Op, between: Sequence[Op]) -> bool:
        """Is the memory that the op reads not written by these?"""
        roots = {root for a in op.args for root in self.aliases.roots(a)}
        return not any(self.aliases.roots(a) & roots for o in between for a in writes(o))
