"""Puts the next value of a loop's variable after the last use of the present one, so that one variable holds both.

    %r1: f64 = mul %r, %a                  %t: f64 = mul %r, %s
    %t: f64 = mul %r, %s           ->      update %x_bar[%i] += %t
    update %x_bar[%i] += %t                %r1: f64 = mul %r, %a
    yield %r1                              yield %r1

Only what is pure and used by nothing but the `yield` moves, and no read of memory moves across a write to it.
"""

from __future__ import annotations

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import Effects, allocates, entry, own_reads, writes
from adcompiler.ir.core import Function, Op, Value
from adcompiler.ir.walk import Structure, walk


def run(fn: Function) -> Function:
    """Move next values down in every loop."""
    scheduler = _Scheduler(fn)
    for op in list(walk(fn.body)):
        if op.name in ("for", "while"):
            scheduler.loop(op)
    return fn


class _Scheduler:
    def __init__(self, fn: Function):
        self.structure = Structure(fn)
        self.aliases, self.effects = Aliases(fn, self.structure), Effects(fn)

    def loop(self, loop: Op) -> None:
        body = loop.body
        late = {op for p, y in zip(loop.carried, loop.yields, strict=True) if (op := self.early(loop, p, y))}
        if late:
            end = body.terminator
            body.ops = [o for o in body.ops[:-1] if o not in late] + [o for o in body.ops if o in late] + [end]

    def early(self, loop: Op, param: Value, after: object) -> Op | None:
        """The op that makes the next value, if it stands before a use of the present one and may move."""
        op = self.structure.definer.get(after) if isinstance(after, Value) else None
        if op is None or self.structure.place[op].region is not loop.body or not isinstance(after, Value):
            return None
        table = entry(op)
        if table is None or op.regions or table.kind not in ("elementwise", "memory") or allocates(op):
            return None
        if self.structure.uses[after] != [loop.body.terminator] or self.effects._raises(op) or table.ordered:
            return None
        rest = loop.body.ops[self.structure.place[op].index + 1 : -1]
        if not any(self.mentions(o, param) for o in rest):
            return None
        roots = {root for a in own_reads(op) for root in self.aliases.roots(a)}
        written = {root for o in rest for a in writes(o) for root in self.aliases.roots(a)}
        return None if roots & written else op

    def mentions(self, op: Op, value: Value) -> bool:
        return value in op.args or any(self.mentions(o, value) for r in op.regions for o in r.ops)
