"""Which memory a handle may name: every array value has a set of roots, each an allocation or a parameter."""

from __future__ import annotations

from adcompiler.ir.core import Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Stack
from adcompiler.ir.walk import Structure, walk

Roots = frozenset[Value]
NONE: Roots = frozenset()


class Aliases:
    """Roots of each handle, writers and readers of each root. A root is a Value: a param or a fresh result."""

    def __init__(self, fn: Function, structure: Structure | None = None):
        self.structure = structure or Structure(fn)
        self._roots: dict[Value, Roots] = {p: frozenset([p]) for p in fn.params if isinstance(p.type, Array)}
        self._tapes: dict[Value, Roots] = {}
        self.writers: dict[Value, list[Op]] = {}
        while self._visit(fn.body):
            pass
        self._note_writers(fn)
        self.taped: set[Value] = set().union(*self._tapes.values())
        self.outlives = self.taped | self._carried(fn.body)

    def _note_writers(self, fn: Function) -> None:
        for op in walk(fn.body):
            for k in OPS[op.name].writes if op.name in OPS else ():
                for root in self.roots(op.args[k]):
                    self.writers.setdefault(root, []).append(op)

    def roots(self, operand: Operand) -> Roots:
        """The memory that a handle may name; nothing for scalars. A tape's root is the tape itself."""
        if isinstance(operand, Value):
            if isinstance(operand.type, Stack):
                return frozenset([operand])
            return self._roots.get(operand, NONE)
        return NONE

    def stand_in(self, new: Value, old: Value) -> None:
        """A pass has put `new` in the place of `old`: what is known of the old one's memory holds of the new one's."""
        self._roots[new] = self.roots(old)

    def may_alias(self, a: Operand, b: Operand) -> bool:
        return bool(self.roots(a) & self.roots(b))

    def _learn(self, value: Value, roots: Roots) -> bool:
        old = self._roots.get(value, NONE)
        if roots <= old:
            return False
        self._roots[value] = old | roots
        return True

    def _visit(self, region: Region) -> bool:
        changed = False
        for op in region.ops:
            changed |= self._flow(op)
            for inner in op.regions:
                changed |= self._visit(inner)
        return changed

    def _flow(self, op: Op) -> bool:
        """One step of the fixpoint at `op`."""
        if op.name == "if":
            pairs = [(r, y) for region in op.regions for r, y in zip(op.results, yielded(region), strict=True)]
        elif op.name in ("for", "while"):
            ins = [*zip(op.carried, op.inits, strict=True), *zip(op.carried, op.yields, strict=True)]
            source = op.yields if op.name == "for" else op.carried
            outs = [*zip(op.results, source, strict=True), *zip(op.results, op.inits, strict=True)]
            if op.name == "while":
                outs += zip(op.results, op.yields, strict=True)
            pairs = [*ins, *outs]
        elif op.name == "push":
            old = self._tapes.get(op.args[0], NONE)  # type: ignore[arg-type]
            new = old | self.roots(op.args[1])
            self._tapes[op.args[0]] = new  # type: ignore[index]
            return new != old
        elif op.name == "pop":
            return self._learn(op.result, self._tapes.get(op.args[0], NONE))  # type: ignore[arg-type]
        elif op.name in OPS and op.results:
            arrays = [r for r in op.results if isinstance(r.type, Array)]
            if OPS[op.name].renews:
                return self._learn(op.result, frozenset([op.result]) | self.roots(op.args[0]))
            if OPS[op.name].allocates:
                return any([self._learn(r, frozenset([r])) for r in arrays])  # noqa: C419 (all of them)
            if OPS[op.name].kind == "view":
                return self._learn(op.result, self.roots(op.args[0]))
            return False
        else:
            return False
        return any([self._learn(a, self.roots(b)) for a, b in pairs if isinstance(a.type, Array)])  # noqa: C419

    def private(self, root: Value, loop: Op) -> bool:
        """May no later iteration of the loop around an allocation reach what this one made: is it on no tape, and
        does the loop not carry it?"""
        return root not in self.taped and not any(root in self.roots(p) for p in loop.carried)

    def _carried(self, region: Region) -> set[Value]:
        """Roots that a loop's carried values may name."""
        loops = (op for op in walk(region) if op.name in ("for", "while"))
        return {root for loop in loops for param in loop.carried for root in self.roots(param)}

    def written_after(self, at: Op, roots: Roots) -> bool:
        """Can memory that one of the roots names at `at` be written after `at` has run, in program order?

        True if a writer follows in the text, or shares a loop with `at` around which the memory persists.
        """
        return any(self._follows(at, writer, root) for root in roots for writer in self.writers.get(root, ()))

    def _follows(self, at: Op, writer: Op, root: Value) -> bool:
        if writer is at:
            return any(self._persists(root, loop) for loop in self.structure.loops(at))
        mine, other = [at, *self.structure.ancestors(at)], [writer, *self.structure.ancestors(writer)]
        shared = [a for a in mine[1:] if a in other[1:]]  # the ops around both, innermost first
        if any(self._persists(root, loop) for loop in shared if loop.name != "if"):
            return True
        a, b = mine[-1 - len(shared)], other[-1 - len(shared)]
        if a is b:  # one holds the other
            return False
        here, there = self.structure.place[a], self.structure.place[b]
        return here.region is there.region and there.index > here.index

    def _persists(self, root: Value, loop: Op) -> bool:
        """Is it the same memory in each iteration of `loop`?"""
        if root in self.outlives:
            return True
        definer = self.structure.definer.get(root)
        return definer is None or loop not in self.structure.ancestors(definer)
