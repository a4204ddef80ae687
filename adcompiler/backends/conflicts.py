"""Which ops may not change places: what each reads, writes, may raise, or has to do in its turn."""

from __future__ import annotations

from dataclasses import dataclass

from adcompiler.analysis.alias import Aliases
from adcompiler.ir.core import CONTROL, TERMINATORS, Op, Value
from adcompiler.ir.table import OPS


@dataclass(frozen=True)
class Effects:
    """What an op, its regions included, does to the world."""

    reads: frozenset[Value] = frozenset()
    writes: frozenset[Value] = frozenset()
    raises: bool = False
    ordered: bool = False

    def conflicts(self, other: Effects) -> bool:
        """May the two not change places?"""
        if self.writes & (other.reads | other.writes) or other.writes & self.reads:
            return True
        if self.ordered and other.ordered:
            return True
        return (self.raises and other.lasting) or (other.raises and self.lasting)

    @property
    def lasting(self) -> bool:
        """Would an error raised before it instead of after it be noticed?"""
        return self.raises or self.ordered or bool(self.writes)

    def __or__(self, other: Effects) -> Effects:
        return Effects(
            self.reads | other.reads,
            self.writes | other.writes,
            self.raises or other.raises,
            self.ordered or other.ordered,
        )


def effects_of(op: Op, aliases: Aliases) -> Effects:
    """The op's own effects and those of its regions."""
    total = Effects()
    if op.name in CONTROL:
        for region in op.regions:
            for inner in region.ops:
                total |= effects_of(inner, aliases)
        # A while may not end, and a step of zero raises: nothing that shows moves across such a loop.
        return total | Effects(ordered=op.name == "while")
    if op.name in TERMINATORS:
        return total
    entry = OPS[op.name]
    reads = range(len(op.args)) if entry.reads is None else entry.reads
    return Effects(
        frozenset(r for k in reads for r in aliases.roots(op.args[k])),
        frozenset(r for k in entry.writes for r in aliases.roots(op.args[k])),
        bool(entry.may_raise and entry.may_raise(op)),
        entry.ordered,
    )
