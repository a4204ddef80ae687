"""Computes once what is computed twice.

    %a: f64 = mul %x, %y             %a: f64 = mul %x, %y
    %b: f64 = load %u[%i]            %b: f64 = load %u[%i]
    %c: f64 = mul %y, %x       ->
    %d: f64 = load %u[%i]
    %e: f64 = add %c, %d             %e: f64 = add %a, %b

Reads of memory are the same while nothing writes it in between; fresh memory is shared only if nobody writes it.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import count

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import allocates, entry, own_reads, own_writes, writes
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.naming import is_adjoint, is_temporary
from adcompiler.ir.types import Stack
from adcompiler.ir.walk import Env, resolve_all

COMMUTATIVE = frozenset({"add", "mul", "and", "or", "eq", "ne", "bitand", "bitor", "bitxor"})
Known = dict[Hashable, Op]
Versions = dict[Value, int]


def run(fn: Function) -> Function:
    """Merge equal pure ops where one dominates the other."""
    _Merger(fn).region(fn.body, {}, {})
    return fn


class _Merger:
    def __init__(self, fn: Function):
        self.aliases = Aliases(fn)
        self.returned = {root for a in fn.returns for root in self.aliases.roots(a)}
        self.env: Env = {}
        self.fresh = count(1)

    def region(self, region: Region, known: Known, versions: Versions) -> None:
        """Merge in a region. `known`: key -> op that dominates; `versions`: root -> number of its last write."""
        kept: list[Op] = []
        for op in region.ops:
            op.args = [resolve_all(self.env, a) for a in op.args]
            if op.name in CONTROL:
                self.control(op, known, versions)
            elif (key := self.key(op, versions)) is not None:
                if key in known and not (self.handed(op) and self.handed(known[key])):
                    self.merge(op, known[key])
                    continue
                known.setdefault(key, op)
            self.wrote(own_writes(op), versions)
            kept.append(op)
        region.ops = kept

    def merge(self, op: Op, into: Op) -> None:
        """Use the results of `into`; where the user named only the others, under their names."""
        for mine, theirs in zip(op.results, into.results, strict=True):
            self.env[mine] = theirs
            if self.handed(op):
                self.returned |= self.aliases.roots(theirs)
            if is_temporary(theirs.name) and not is_adjoint(mine.name):
                theirs.name = mine.name

    def control(self, op: Op, known: Known, versions: Versions) -> None:
        """What a loop writes may have been written before any of its ops; what a branch writes, after it."""
        written = list(writes(op))
        if op.name != "if":
            self.wrote(written, versions)
        for inner in op.regions:
            self.region(inner, dict(known), dict(versions))
        self.wrote(written, versions)

    def wrote(self, handles: list[Operand], versions: Versions) -> None:
        for handle in handles:
            for root in self.aliases.roots(handle):
                versions[root] = next(self.fresh)

    def key(self, op: Op, versions: Versions) -> Hashable | None:
        """What the op's value depends on; None if it must stay."""
        table = entry(op)
        if table is None or table.ordered or table.writes:
            return None
        if not op.results:
            # A check that has been passed before passes again, whatever it would say.
            return (op.name, *op.args) if table.may_raise is not None else None
        if any(isinstance(r.type, Stack) for r in op.results):
            return None
        if allocates(op) and not all(self.frozen(r) for r in op.results):
            return None
        args = sorted(op.args, key=_rank) if op.name in COMMUTATIVE else op.args
        roots = {root for a in own_reads(op) for root in self.aliases.roots(a)}
        state = frozenset((root, versions.get(root, 0)) for root in roots)
        return op.name, tuple(args), tuple(sorted((k, repr(v)) for k, v in op.attrs.items())), state

    def frozen(self, result: Value) -> bool:
        """Fresh memory that is never written."""
        return not any(self.aliases.writers.get(r) for r in self.aliases.roots(result))

    def handed(self, op: Op) -> bool:
        """Does the caller get memory that the op made? Not two results may share theirs."""
        return allocates(op) and any(self.aliases.roots(r) & self.returned for r in op.results)


def _rank(operand: Operand) -> tuple[int, str | int]:
    """Any fixed order of operands."""
    return (0, repr(operand)) if isinstance(operand, Const) else (1, str(id(operand)))
