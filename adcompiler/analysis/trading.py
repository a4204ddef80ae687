"""Arrays that trade places from iteration to iteration of a loop: inside of it they are apart, though each of their
names has been a name of both.

    for t in range(steps):
        for i in ...: b[i] = f(a)     # in no iteration are a and b the same memory
        a, b = b, a
"""

from __future__ import annotations

from collections.abc import Iterable

from adcompiler.analysis.alias import Aliases, Roots
from adcompiler.analysis.effects import entry, own_reads, own_writes
from adcompiler.ir.core import Function, Op, Operand, Value
from adcompiler.ir.types import Array
from adcompiler.ir.walk import Structure, values, walk


class Trading(Aliases):
    """The roots of handles as they are within one iteration of these loops: there, an array that the loop carries and
    only trades for others is a root of its own. Of no use to what looks at more than one iteration of them."""

    def __init__(self, fn: Function, structure: Structure, loops: Iterable[Op]):
        self.own: dict[Value, Value] = {}  # handle -> the carried value that it is, or is a view of
        super().__init__(fn, structure)
        self.own = {handle: root for loop in loops for handle, root in traded(self, loop).items()}
        self.writers.clear()
        self._note_writers(fn)

    def roots(self, operand: Operand) -> Roots:
        root = self.own.get(operand) if isinstance(operand, Value) else None
        return super().roots(operand) if root is None else frozenset([root])


def traded(aliases: Aliases, loop: Op) -> dict[Value, Value]:
    """The handles in the body of the loop that are, or are views of, arrays that it carries, each with that array;
    none unless it does nothing with them but trade them, has them by no other name, and they were apart before."""
    rows = [k for k, p in enumerate(loop.carried) if isinstance(p.type, Array)]
    params, yields = [loop.carried[k] for k in rows], [loop.yields[k] for k in rows]
    before = [root for k in rows for root in aliases.roots(loop.inits[k])]
    if loop.name != "for" or len(set(before)) != len(rows) or sorted(map(id, params)) != sorted(map(id, yields)):
        return {}
    own = {p: p for p in params}
    for op in walk(loop.body):
        table = entry(op)
        if table is not None and table.kind == "view" and op.args[0] in own:
            own[op.result] = own[op.args[0]]  # type: ignore[index]
    named = {*values(loop.body), *(a for op in walk(loop.body) for a in (*own_reads(op), *own_writes(op)))}
    memory = frozenset(before)
    if memory & aliases.taped or any(aliases.roots(v) & memory and v not in own for v in named):
        return {}
    return own
