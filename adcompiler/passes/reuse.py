"""Allocates in a loop only what an earlier iteration has not left behind.

    for %t in 0..%n with (%w = %w0) {      %first = copy %w0
      %h = matmul %x, %w                   for %t in 0..%n with (%w = %first, %spare = %none, %old = %none) {
      ...                                    %h = matmul_renewed %spare, %x, %w
      %next = empty %k, %m            ->     ...
      ... %next[i, j] = %w[i, j] - ...       %next = renew %old, %k, %m
      yield %next                            ...
    }                                        yield %next, %h, %w
                                           }

What an iteration makes and hands to nobody has its memory used by the next one, if it is still of the right shape
(else that one allocates), and before that by what is made later in the iteration, when it is not looked at any more.
Of what a loop carries and makes anew in each iteration, there are two: the next iteration's goes where the last one's
was. For that the loop has to begin with memory of its own: a copy.

Loops and branches around carry the spare arrays. Extents may be known in the loop only: what passes/buffers.py has
left there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import inside, writes
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, is_float
from adcompiler.ir.walk import Structure, walk
from adcompiler.passes.buffers import filling

MOST = 64  # arrays that a function makes in loops; with more, what loops carry would take LLVM too long


def run(fn: Function) -> Function:
    """Give every allocation in a loop the memory of the one before, where nobody can see it."""
    reuser = _Reuser(fn)
    if sum(1 for op in walk(fn.body) if is_made(op) and reuser.structure.loops(op)) <= MOST:
        reuser.region(fn.body, None)
    return fn


def is_made(op: Op) -> bool:
    """Does the op make an array that could be in the memory of another?"""
    if op.name == "matmul":
        return isinstance(op.result.type, Array) and is_float(op.result.type)
    return op.name in OPS and OPS[op.name].kind == "alloc"


@dataclass(slots=True)
class Spare:
    """Memory nobody needs: what it is where the region begins, and where it ends."""

    before: Value
    after: Operand


class _Reuser:
    def __init__(self, fn: Function):
        self.structure = Structure(fn)
        self.aliases = Aliases(fn, self.structure)
        self.shapes = Shapes(fn, self.structure, hopeful=True)  # a guess will do: shapes are compared at run time
        self.copied: dict[Op, list[int]] = {}  # loop -> which carried values begin as copies

    def region(self, region: Region, loop: Op | None) -> list[Spare]:
        """Rewrite a region, which is inside of `loop`; returns what it has to be given, and leaves."""
        b = Builder(Region())
        spares: list[Spare] = []
        last = self.last(region)
        for at, op in enumerate(region.ops):
            left = self.left(op, loop) if loop is not None else None
            if left is not None:
                free = [s for s in spares if last.get(s.after, at) < at and self.alike(s.after, op.result)]
                spare = free[0] if free else Spare(_spare_of(op.result), left)
                self.renew(op, spare.after if free else spare.before, b)
                spare.after = left
                spares += [] if free else [spare]
                continue
            around = self.branches(op, loop) if op.name == "if" else self.loop(op) if op.regions else []
            if loop is None:
                for given in around:
                    b.add(_nothing(given.before))
            else:
                spares += around
            for k in self.copied.get(op, ()):
                place = len(op.args) - len(op.carried) + k
                op.args[place] = b.op("copy", op.args[place], hint=op.carried[k].name)
            b.add(op)
        region.ops = b.region.ops
        return spares

    def alike(self, spare: Operand, made: Value) -> bool:
        """Has the spare array the right dtype, and probably the right shape?"""
        assert isinstance(spare.type, Array) and isinstance(made.type, Array)
        return spare.type.dtype == made.type.dtype and self.shapes.same(spare, made)

    def last(self, region: Region) -> dict[Operand, int]:
        """Where in the region the arrays that it makes are looked at for the last time."""
        made = {op.result for op in region.ops if len(op.results) == 1}
        used = [(at, a) for at, op in enumerate(region.ops) for o in inside(op) for a in o.args]
        return {root: at for at, a in used for root in self.aliases.roots(a) & made}

    def loop(self, op: Op) -> list[Spare]:
        """The loop carries what its body wants to be given."""
        spares = []
        inner = self.region(op.body, op)
        count = len(op.carried)
        for spare in inner:
            outer, result = (Value(spare.before.name, spare.before.type) for _ in range(2))
            op.regions[0].params.append(spare.before)
            op.args.append(outer)
            op.results.append(result)
            spares.append(Spare(outer, result))
        end = op.body.terminator
        end.args[count:count] = [spare.after for spare in inner]
        return spares

    def branches(self, op: Op, loop: Op | None) -> list[Spare]:
        """What one branch uses, the other leaves as it is."""
        spares = []
        for region in op.regions:
            for spare in self.region(region, loop):
                result = Value(spare.before.name, spare.before.type)
                op.results.append(result)
                for other in op.regions:
                    other.terminator.args.append(spare.after if other is region else spare.before)
                spares.append(Spare(spare.before, result))
        return spares

    def left(self, op: Op, loop: Op) -> Operand | None:
        """What an iteration leaves behind of an array that `op` makes in the loop: the array, or what was carried and
        had its place; None if all may be needed."""
        if not is_made(op):
            return None
        return op.result if self.aliases.private(op.result, loop) else self.rotated(op, loop)

    def renew(self, op: Op, spare: Operand, b: Builder) -> None:
        """Build the op, given a spare array."""
        made = op.result
        if op.name == "matmul":
            b.add(Op("matmul_renewed", [spare, *op.args], [made], dict(op.attrs), [], op.loc))
            return
        assert isinstance(made.type, Array)
        with b.at(op.loc):
            if op.name.endswith("_like"):
                sizes: list[Operand] = [b.op("dim", op.args[0], axis=k) for k in range(made.type.rank)]
            else:
                sizes = op.args[op.name == "full" :]
            b.add(Op("renew", [spare, *sizes], [made], {"dims": made.type.dims}, [], op.loc))
            fill = filling(op)
            if fill is not None:
                b.do("assign", made, fill)

    # What loops carry.
    def rotated(self, op: Op, loop: Op) -> Operand | None:
        """The carried value whose place the new array takes: its memory is free when the iteration ends.

        The array may be handed on to loops around which do nothing else with it but begin the inner loop with it.
        At the outermost of them the first of the arrays becomes a copy of what is outside.
        """
        root = op.result
        chain = self.chain(root, loop)
        if root in self.aliases.taped or not chain:
            return None
        carried = {outer.carried[k] for outer, k in chain}
        sharing = {p for outer in self.structure.loops(op) for p in outer.carried if root in self.aliases.roots(p)}
        if sharing != carried or any(p.type.strided for p in carried):  # type: ignore[union-attr]
            return None
        if any(self.seen(root, inner, outer) for (inner, _), (outer, _) in pairwise(chain)):
            return None
        outermost, k = chain[-1]
        start = self.aliases.roots(outermost.inits[k])
        written = {r for a in writes(outermost) for r in self.aliases.roots(a)}
        if root in start or start & written or self.aliases.written_after(outermost, start):
            return None
        self.copied.setdefault(outermost, []).append(k)
        first, place = chain[0]
        return first.carried[place]

    def chain(self, made: Value, loop: Op) -> list[tuple[Op, int]]:
        """The loops that carry the array on, the innermost first, and which of the carried values it is."""
        found: list[tuple[Op, int]] = []
        owner: Op | None = loop
        while owner is not None and owner.name != "if" and self.structure.home[made] is owner.body:
            places = [k for k, y in enumerate(owner.yields) if y is made]
            start = found[-1][0].inits[found[-1][1]] if found else None
            if len(places) != 1 or (found and owner.carried[places[0]] is not start):
                break
            found.append((owner, places[0]))
            made, owner = owner.results[places[0]], self.structure.place[owner].owner
        return found

    def seen(self, root: Value, inner: Op, outer: Op) -> bool:
        """Is what the inner loop begins with looked at again when that loop runs, or after it?"""
        at = self.structure.place[inner].index
        before = {*outer.carried} | {r for op in outer.body.ops[:at] for o in inside(op) for r in o.results}
        args = {a for op in outer.body.ops[at:] for o in inside(op) if o is not inner for a in o.args}
        return any(a in before and root in self.aliases.roots(a) for a in args)


def _spare_of(made: Value) -> Value:
    assert isinstance(made.type, Array)
    return Value(made.name, Array(made.type.dtype, (None,) * made.type.rank))


def _nothing(value: Value) -> Op:
    """An array without elements."""
    assert isinstance(value.type, Array)
    zeros = [integer(0)] * value.type.rank
    return Op("empty", [*zeros], [value], {"dtype": value.type.dtype, "dims": value.type.dims})
