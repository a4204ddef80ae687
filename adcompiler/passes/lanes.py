"""Runs iterations of a loop side by side, so that the innermost loops go over iterations and fill vector registers.

    for %i in 0..%n {                          for %block in 0..%n step 64 {
      for %j in 0..%d {                          %count: i64 = minimum 64, %n - %block
        %a: f64 = load %x[%i, %j]                for %j in 0..%d {
        %b: f64 = mul %a, %a           ->          for %lane in 0..%count {
        update %s[%j] += %b                          %a: f64 = load %x_lanes[%j, %lane]
        store %u[%j] = %b                            %b: f64 = mul %a, %a
        yield                                        %t: f64 = add %sum, %b
      }                                              store %u_lanes[%j, %lane] = %b
      ...                                            yield %t
    }                                              }
                                                   update %s[%j] += %sum
                                                   ...

Which iterations know nothing of each other, analysis/independence.py says; what they share (bounds of inner loops,
indices) is computed once for all lanes (analysis/varying.py). Memory of an iteration gets one more axis, numbers that
live across inner loops become rows of one array of literal shape, whose strides LLVM knows. What every lane reads more
than once from memory that lies across is packed at the start of a block. Reassociates: not in strict mode.
"""

from __future__ import annotations

from itertools import combinations, product

from adcompiler.analysis.alone import COMPARED
from adcompiler.analysis.effects import inside, is_ordered, own_reads, own_writes
from adcompiler.analysis.independence import CHECKS, ELEMENTS, Independence, places
from adcompiler.analysis.varying import Varying
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Scalar
from adcompiler.ir.walk import is_const, known_trips, walk
from adcompiler.passes.strips import ZEROS, Strips

FUNCTION, WORK = 4, {"div": 1, "sqrt": 1}  # what vectors save: of an elementary function, of slow arithmetic
BRIEF = 4  # iterations: fewer than a vector has elements
CAUTIOUS = ("floordiv", "mod", "raise_if")  # not to be done with numbers that mean nothing


def run(fn: Function) -> Function:
    """Put loops into lanes, outermost first, where that promises to pay."""
    seen: set[Op] = set()
    while (found := _next(fn, seen)) is not None:
        region, loop, plan = found
        strips, top = Strips(plan), [loop, *plan.facts.structure.ancestors(loop)][-1]
        start = fn.body.ops.index(top)
        at, new = region.ops.index(loop), strips.build()
        region.ops[at : at + 1] = new
        seen.update(inner for op in new for inner in inside(op))
        fn.body.ops[start:start] = strips.rows.ops()  # once, for no block looks at what another has left there
    return fn


def _next(fn: Function, seen: set[Op]) -> tuple[Region, Op, Plan] | None:
    facts = None
    for region in [fn.body, *(r for op in walk(fn.body) for r in op.regions)]:
        for loop in region.ops:
            if loop.name != "for" or loop in seen:
                continue
            seen.add(loop)
            facts = facts or Independence(fn)
            plan = Plan(facts.inside(loop), loop)
            if plan.legal() and plan.pays():
                return region, loop, plan
    return None


class Plan:
    """Whether a loop can and should go in lanes; what its arrays are to it."""

    def __init__(self, facts: Independence, loop: Op):
        self.facts, self.loop = facts, loop
        self.kinds: dict[Value, str] = {}
        self.stages: dict[Op, int] = {}  # of ops of a body that is taken apart

    def legal(self) -> bool:
        loop, facts = self.loop, self.facts
        if loop.until is not None or not is_const(loop.args[2], 1) or is_ordered(loop) or not facts.sums(loop):
            return False
        if any(op.name in ("push", "pop") or (op.name == "while" and not _maskable(op)) for op in walk(loop.body)):
            return False
        if any(op.name == "raise_if" and op.attrs["error"] not in CHECKS for op in walk(loop.body)):
            return False
        for root in facts.touched(loop):
            kind = facts.kind(root, [loop])
            if kind is None:
                return False
            self.kinds[root] = kind
        self.varying = Varying(facts, loop, self.kinds)
        return self.legal_so()

    def legal_so(self) -> bool:
        """Can what differs be in lanes?"""
        if not all(map(self._together, (op for op in walk(self.loop.body) if op.name == "while"))):
            return False
        return all(map(self._direct, self.varying.spread)) and all(map(self._scalar, walk(self.loop.body)))

    def _together(self, op: Op) -> bool:
        """Do all lanes come to this loop at the same time?"""
        around = self.facts.structure.ancestors(op)
        return not any(a.name != "for" or a in self.varying.serial for a in around[: around.index(self.loop)])

    def _direct(self, root: Value) -> bool:
        """Is a private array only used element by element, and of extents that are the same for all iterations?"""
        definer = self.facts.structure.definer[root]
        users = self.facts.structure.uses.get(root, [])
        if definer.name not in ZEROS or any(op.name not in ("load", "store", "update", "dim") for op in users):
            return False
        alone = any(a in self.varying.serial for a in self.facts.structure.ancestors(definer))
        return not alone and not any(map(self.varying.differs, definer.args))

    def _scalar(self, op: Op) -> bool:
        """Arrays that differ are memory only; what takes whole arrays can't go in lanes."""
        if not self.varying.lane(op) or op.regions or op.name in (*ELEMENTS, "yield"):
            return True
        return all(isinstance(v.type, Scalar) for v in (*op.args, *op.results))

    # Does it pay?
    def pays(self) -> bool:
        """Do inner loops that differ read and write along lanes, or what is packed, or what all lanes share?

        What has no loop inside, LLVM puts into lanes by itself, unless it touches too many arrays.
        """
        if self._overlaps():
            return True
        if any(op.name == "while" and self.varying.lane(op) for op in walk(self.loop.body)):
            return True
        if self._crowded():
            self.stages = self._staged()
            return bool(self.stages)
        inner = [op for op in self.loop.body.ops if op.name == "for" and op not in self.varying.serial]
        across = frozenset(op for op in inner if self._across(op) and not self._brief(op))
        if across:
            self.varying = Varying(self.facts, self.loop, self.kinds, across)
            return self.legal_so() and self._vectors()
        loops = [op for op in walk(self.loop.body) if op.name == "for" and op not in self.varying.serial]
        return any(self.varying.lane(op) for loop in loops for op in loop.body.ops[:-1])

    def _brief(self, loop: Op) -> bool:
        """Is it gone through so few times that its functions make no vectors along the rows?"""
        trips = known_trips(loop)
        return trips is not None and trips <= BRIEF and self._functions(loop)

    def _functions(self, op: Op) -> bool:
        """Is there a function of what differs, one that costs more alone?"""
        return any(o.name in OPS and OPS[o.name].vector and self.varying.lane(o) for o in inside(op))

    def _across(self, loop: Op) -> bool:
        """Does the loop go along rows of what lies across the lanes?"""
        return any(self._strided(op) for op in walk(loop.body) if op.name in ELEMENTS)

    def _vectors(self) -> bool:
        """Are there functions, outside of the loops that each lane goes through on its own, that cost more alone?"""
        return any(self._functions(op) for op in self.loop.body.ops if op not in self.varying.serial)

    def _overlaps(self) -> bool:
        """Does an iteration add to elements of an array that the next ones add to as well, at a distance?

        One sum after the other, for all lanes, there is nothing to wait for.
        """
        seen: dict[Value, set[tuple[Operand, ...]]] = {}
        for op in self.loop.body.ops:
            if op.regions:
                return False
            if op.name == "update" and any(map(self.varying.differs, op.args[1:-1])):
                if all(self.facts.key(a, self.loop) is None for a in op.args[1:-1]):
                    return False
                for root in self.facts.aliases.roots(op.args[0]):
                    seen.setdefault(root, set()).add(tuple(op.args[1:-1]))
        return any(len(places) > 1 for places in seen.values())

    def _crowded(self) -> bool:
        """Is there work for vectors, among more arrays than LLVM compares before it makes any?"""
        ops = self.loop.body.ops[:-1]
        if any(op.regions for op in ops):
            return False
        work = sum(WORK.get(op.name, FUNCTION if OPS[op.name].vector else 0) for op in ops if self.varying.lane(op))
        written = {a for op in ops for a in own_writes(op)}
        read = {a for op in ops for a in own_reads(op)} - written
        pairs = [*combinations(written, 2), *product(written, read)]
        return work >= FUNCTION and len(pairs) > COMPARED and any(self._may_meet(a, b) for a, b in pairs)

    def _may_meet(self, a: Operand, b: Operand) -> bool:
        """Can LLVM not tell that they are apart, as it can of memory that is made here?"""
        here, there = self.facts.aliases.roots(a), self.facts.aliases.roots(b)
        return bool(here & there) or not (here | there) - set(self.facts.fn.params)

    def _staged(self) -> dict[Op, int]:
        """Loads and what is cheap, then the rest, then what is written, so that the work in between is on lane memory
        only; nothing where an element may be read after it was written."""
        stages, late, worked = dict[Op, int](), set[Value](), set[Operand]()
        for op in self.loop.body.ops[:-1]:
            roots = {r for a in own_reads(op) for r in self.facts.aliases.roots(a)}
            if own_writes(op):
                stages[op] = 2
                late |= {r for a in own_writes(op) for r in self.facts.aliases.roots(a)}
            elif roots & late:
                return {}
            else:
                light = op.name in ELEMENTS or (OPS[op.name].cheap and op.name not in WORK)
                stages[op] = int(not light or not worked.isdisjoint(op.args))
                worked.update(op.results if stages[op] else ())
        return stages

    def _strided(self, op: Op) -> bool:
        """An access whose elements lie apart from lane to lane, with nothing to make up for it."""
        if self.facts.aliases.roots(op.args[0]) <= self.varying.spread or self.packed(op) is not None:
            return False
        return any(map(self.varying.differs, places(op)[:-1]))

    def packed(self, op: Op) -> Value | None:
        """The array that a load reads at the iteration's index and at others that all lanes share, again and again."""
        array, places = op.args[0], op.args[1:]
        if op.name != "load" or not isinstance(array, Value) or self.kinds.get(array) != "read":
            return None
        index = self.loop.body.params[0]
        rest = [p for p in places if p is not index]
        if len(rest) != len(places) - 1 or places[-1] is index or any(map(self.varying.differs, rest)):
            return None
        structure = self.facts.structure
        around = structure.loops(op)
        loops = around[: around.index(self.loop)]
        return array if any(loop.body.params[0] not in rest for loop in loops) else None


def _maskable(loop: Op) -> bool:
    """Can a `while` go on for a lane that has finished? It computes with numbers, and nothing else."""
    ops = [op for region in loop.regions for op in region.ops[:-1]]
    return all(op.name in OPS and OPS[op.name].kind == "elementwise" and op.name not in CAUTIOUS for op in ops) and all(
        isinstance(v.type, Scalar) for op in ops for v in (*op.args, *op.results)
    )
