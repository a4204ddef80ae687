"""Removes what nobody needs.

    %t: f64 = mul %x, %y                      (unused)
    %s: f64, %u: f64 = for ... with (%a, %b)  (%u unused)     %s: f64 = for ... with (%a)
    %w: f64[n] = zeros %n                     (never read)
    store %w[0] = %s                                          return %s
    return %s

Liveness is sparse: what has effects is live, what a live op needs is live, and a write is live when a live op
reads its memory, or the caller does. The rest goes: ops, carried values, results, branches, loops, tapes.
"""

from __future__ import annotations

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import Effects, entry, own_reads
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.core import CONTROL, TERMINATORS, Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.walk import Structure, walk


def run(fn: Function) -> Function:
    """Remove dead ops, values and memory."""
    _sweep(fn.body, _Liveness(fn))
    return fn


class _Liveness:
    """The live ops and values of a function."""

    def __init__(self, fn: Function):
        self.structure = Structure(fn)
        self.aliases = Aliases(fn, self.structure)
        self.effects = Effects(fn, Shapes(fn, self.structure))
        self.ops: set[Op] = set()
        self.values: set[Value] = set()
        self.work: list[Op | Value] = []
        self.read: set[Value] = set()
        self._seed(fn)
        while self.work:
            item = self.work.pop()
            if isinstance(item, Op):
                self._op(item)
            else:
                self._value(item)

    def _seed(self, fn: Function) -> None:
        for param in fn.params:
            self.memory(param)
        for operand in fn.returns:
            self.value(operand)
            self.memory(operand)
        for op in walk(fn.body):
            table = entry(op)
            if table is not None and (table.ordered or self.effects.may_raise(op)):
                self.op(op)

    def op(self, op: Op) -> None:
        if op not in self.ops:
            self.ops.add(op)
            self.work.append(op)

    def value(self, operand: Operand | None) -> None:
        if isinstance(operand, Value) and operand not in self.values:
            self.values.add(operand)
            self.work.append(operand)

    def memory(self, handle: Operand) -> None:
        """Somebody reads this memory: all that write it are live."""
        for root in self.aliases.roots(handle) - self.read:
            self.read.add(root)
            for writer in self.aliases.writers.get(root, ()):
                self.op(writer)

    def _op(self, op: Op) -> None:
        owner = self.structure.place[op].owner
        if owner is not None:
            self.op(owner)
        if op.name == "if":
            self.value(op.args[0])
        elif op.name == "for":
            for bound in (*op.args[:3], op.until):
                self.value(bound)
        elif op.name == "while":
            self.value(op.regions[0].terminator.args[0])
        else:
            for arg in op.args:
                self.value(arg)
            for handle in own_reads(op):
                self.memory(handle)

    def _value(self, value: Value) -> None:
        definer = self.structure.definer.get(value)
        if definer is not None and definer.name == "if":
            self.op(definer)
            for region in definer.regions:
                self.value(yielded(region)[definer.results.index(value)])
            return
        loop = definer or self.structure.owner.get(self.structure.home[value])
        if loop is None:
            return
        self.op(loop)
        if loop.name in CONTROL and value is not _index(loop):
            slots = loop.results if definer else loop.carried
            k = slots.index(value)
            for part in (loop.inits[k], loop.yields[k], loop.carried[k], loop.results[k]):
                self.value(part)


def _index(op: Op) -> Value | None:
    return op.body.params[0] if op.name == "for" else None


def _sweep(region: Region, live: _Liveness) -> None:
    """Keep what is live, and the headings that still head something."""
    kept: list[Op] = []
    for op in region.ops:
        table = entry(op)
        if table is not None and table.kind == "comment":
            if kept and _is_comment(kept[-1]):
                kept.pop()
            kept.append(op)
        elif op.name in TERMINATORS or op in live.ops:
            if op.name in TERMINATORS and kept and _is_comment(kept[-1]):
                kept.pop()
            _prune(op, live)
            kept.append(op)
    region.ops = kept


def _is_comment(op: Op) -> bool:
    table = entry(op)
    return table is not None and table.kind == "comment"


def _prune(op: Op, live: _Liveness) -> None:
    """Drop dead results, with what the regions yield and carry for them."""
    if op.name in CONTROL:
        keep = [r in live.values for r in op.results]
        if op.name != "if":
            inits = [a for a, k in zip(op.inits, keep, strict=True) if k]
            op.args = [*op.args[: len(op.args) - len(op.inits)], *inits]
            params = op.regions[0].params
            params[len(params) - len(keep) :] = [p for p, k in zip(op.carried, keep, strict=True) if k]
        for region in op.regions[-2 if op.name == "if" else -1 :]:
            end = region.terminator
            stop = end.args[len(keep) :]
            end.args = [*(a for a, k in zip(end.args, keep, strict=False) if k), *stop]
        op.results = [r for r, k in zip(op.results, keep, strict=True) if k]
    for region in op.regions:
        _sweep(region, live)
