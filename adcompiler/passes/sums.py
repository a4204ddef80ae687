"""Runs the reverse sweep of an iteration right after its forward sweep, where iterations know nothing of each other.

    %t_tape: f64[n] = empty %n                       for %i in 0..%n with (%acc: f64 = 0.0) {
    %s: f64 = for %i in 0..%n with (...) {             %t: f64 = exp %u
      %t: f64 = exp %u                                 ...
      store %t_tape[%i] = %t                           %g: f64 = mul %t, %s_bar
      ...                                      ->      update %x_bar[%j] += %g
    }                                                  ...
    for %i in 0..%n reversed {                       }
      %t: f64 = load %t_tape[%i]
      %g: f64 = mul %t, %s_bar
      update %x_bar[%j] += %g
    }

The gradient of a sum is the sum of the gradients: where all that a loop carries are sums, the reverse of iteration i
needs nothing but iteration i, so both sweeps are one loop, in any order, and what is kept of an iteration lives as
long as that. Where the reverse loop needs to know the sums (`log(total)`), the forward loop runs for them first, and
once more in the fused loop for what was kept. Reassociates, so it does not run in strict mode.
"""

from __future__ import annotations

from adcompiler.analysis.effects import inside, is_ordered, own_reads, reads, writes
from adcompiler.analysis.independence import CHECKS, Independence
from adcompiler.ir.core import CONTROL, Const, Function, Op, Region, Value
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import clone_op, free, resolve_all, substitute, walk

TAPES = ("push", "pop")


def run(fn: Function) -> Function:
    """Fuse forward and reverse loops until there is nothing left to fuse."""
    done: set[tuple[Op, Op]] = set()
    while _fuse_one(fn, done):
        pass
    _upwards(fn)
    return fn


def _upwards(fn: Function) -> None:
    """Loops that go backwards for no reason go forwards: their indices are seen not to be negative, and vectorize."""
    loops = [op for op in walk(fn.body) if op.name == "for" and op.attrs.get("reversed") and _plain(op)]
    facts = Independence(fn) if loops else None
    for loop in loops:
        assert facts is not None
        here = facts.inside(loop)
        added = all(here.adds(loop, k) for k in range(len(loop.carried)))
        alike = added and all(here.kind(root, [loop]) for root in here.touched(loop))
        if (
            alike
            and not any(_order(op) for op in loop.body.ops)
            and not any(op.name in TAPES for op in walk(loop.body))
        ):
            loop.attrs = {k: v for k, v in loop.attrs.items() if k != "reversed"}


def _fuse_one(fn: Function, done: set[tuple[Op, Op]]) -> bool:
    facts = Independence(fn)
    for forward, reverse in _pairs(facts):
        if (forward, reverse) in done:
            continue
        done.add((forward, reverse))
        fusion = _Fusion(facts, forward, reverse)
        if fusion.legal():
            fusion.build()
            return True
    return False


def _pairs(facts: Independence) -> list[tuple[Op, Op]]:
    """Loops of one region, of which the later reads, at the same iteration, what the earlier has kept."""
    found: dict[tuple[Op, Op], None] = {}
    for alloc in [op for op in walk(facts.fn.body) if op.name == "empty"]:
        around = {o for op in facts.accesses.get(alloc.result, ()) for o in [op, *facts.structure.ancestors(op)]}
        region = facts.structure.place[alloc].region
        loops = [op for op in region.ops if op in around]
        if len(loops) != 2 or not all(_plain(loop) for loop in loops) or loops[0].args[:3] != loops[1].args[:3]:
            continue
        if alloc.result in facts.written(loops[0]) and alloc.result not in facts.written(loops[1]):
            found[loops[0], loops[1]] = None
    return list(found)


def _plain(op: Op) -> bool:
    return op.name == "for" and op.until is None and isinstance(op.args[2], Const)


class _Fusion:
    def __init__(self, facts: Independence, forward: Op, reverse: Op):
        self.facts, self.forward, self.reverse = facts, forward, reverse
        self.region = facts.structure.place[forward].region
        start, end = facts.structure.place[forward].index, facts.structure.place[reverse].index
        self.start, self.end = start, end
        self.between = self.region.ops[start + 1 : end]
        self.first, self.last, self.again = list[Op](), list[Op](), False

    # May it be done?
    def legal(self) -> bool:
        if any(op.name in TAPES for loop in (self.forward, self.reverse) for op in walk(loop.body)):
            return False
        if not self.facts.sums(self.reverse) or is_ordered(self.reverse):
            return False
        loops = [self.forward, self.reverse]
        crossing = self.facts.written(self.reverse) & self.facts.touched(self.forward)
        crossing |= self.facts.written(self.forward) & self.facts.touched(self.reverse)
        if any(self.facts.kind(root, loops) != "own" for root in crossing):
            return False
        if any(self.facts.kind(r, [self.reverse]) is None for r in self.facts.written(self.reverse)):
            return False
        return self._divide() or self._repeatable()

    def _divide(self) -> bool:
        """Of the ops between the loops, those that go before both and those that go behind; False if they can't."""
        ahead = [self.forward]
        for op in self.between:
            (ahead if any(self._depends(op, a) for a in ahead) else self.first).append(op)
        self.last = ahead[1:]
        if not any(self._depends(self.reverse, op) for op in self.last) and not self._needs_sums():
            return True
        self.first, self.last = [], []
        return False

    def _needs_sums(self) -> bool:
        return bool(set(self.forward.results) & {*free(*self.reverse.regions), *self.reverse.args})

    def _repeatable(self) -> bool:
        """May the forward loop run once more, next to the reverse one: does it find and leave all as before?"""
        self.again = True
        if is_ordered(self.forward) or not self.facts.sums(self.forward) or any(map(_decides, walk(self.forward.body))):
            return False
        written = self.facts.written(self.forward)
        kinds = {root: self.facts.kind(root, [self.forward, self.reverse]) for root in written}
        if any(kind == "own" and not self._only_stored(root) for root, kind in kinds.items()):
            return False  # the first run leaves it out
        self.added = {root for root, kind in kinds.items() if kind == "sum"}  # not once more
        if any(k not in ("own", "private", "local", "sum") for k in kinds.values()):
            return False
        written -= self.added
        if written & self.facts.lasting:
            return False
        read = {r for a in reads(self.forward) for r in self.facts.aliases.roots(a)}
        changed = {r for op in self.between for a in writes(op) for r in self.facts.aliases.roots(a)}
        if changed & (read | written) or any(self._seen_between(root) for root in written):
            return False
        self.first = list(self.between)
        return True

    def _only_stored(self, root: Value) -> bool:
        return all(op.name == "store" for op in self.facts.within(root, [self.forward]))

    def _seen_between(self, root: Value) -> bool:
        return any(root in self.facts.aliases.roots(a) for op in self.between for a in reads(op))

    def _depends(self, later: Op, earlier: Op) -> bool:
        """Must `later` stay behind `earlier`?"""
        if set(earlier.results) & {*later.args, *free(*later.regions)}:
            return True
        mine, theirs = self._memory(later), self._memory(earlier)
        if mine[1] & (theirs[0] | theirs[1]) or theirs[1] & mine[0]:
            return True
        return _ordered(later, earlier)

    def _memory(self, op: Op) -> tuple[set[Value], set[Value]]:
        roots = self.facts.aliases.roots
        return {r for a in reads(op) for r in roots(a)}, {r for a in writes(op) for r in roots(a)}

    # Doing it.
    def build(self) -> None:
        forward = self.forward
        moved = self._repeated(forward) if self.again else forward
        head = [self._primal(forward), *self.first] if self.again else self.first
        fused = _merge(moved, self.reverse)
        self.region.ops[self.start : self.end + 1] = [*head, fused, *self.last]
        _contract(self.facts.fn, self.region, fused)

    def _repeated(self, forward: Op) -> Op:
        """The forward loop once more, without what it adds to arrays."""
        copy = clone_op(forward, {})
        roots = self.facts.aliases.roots
        pairs = zip(walk(forward.body), walk(copy.body), strict=True)
        gone = {new for old, new in pairs if old.name == "update" and roots(old.args[0]) <= self.added}
        for region in [copy.body, *(r for op in walk(copy.body) for r in op.regions)]:
            region.ops = [op for op in region.ops if op not in gone]
        return copy

    def _primal(self, forward: Op) -> Op:
        """The forward loop for its sums alone: the copy keeps what is kept."""
        kept = {r for r in self.facts.written(forward) if self.facts.kind(r, [forward, self.reverse]) == "own"}
        for region in [forward.body, *(r for op in walk(forward.body) for r in op.regions)]:
            region.ops = [
                op for op in region.ops
                if not (op.name == "store" and self.facts.aliases.roots(op.args[0]) <= kept)
            ]  # fmt: skip
        return forward


def _ordered(later: Op, earlier: Op) -> bool:
    """Do both do what must happen in the program's order?"""
    mine, theirs = _order(later), _order(earlier)
    return bool(mine and theirs) and "strict" in mine | theirs


def _order(op: Op) -> set[str]:
    found = {"strict"} if is_ordered(op) else set[str]()
    for o in inside(op):
        if o.name == "raise_if":
            found.add("check" if o.attrs["error"] in CHECKS else "strict")
    return found


def _decides(op: Op) -> bool:
    """Does it make a decision of numbers: one that could fall otherwise the second time, by a last bit?"""
    made = [r.type for r in op.results if isinstance(r.type, Scalar) and not is_float(r.type)]
    if not made or op.name in CONTROL:
        return False
    numbers = [a for a in op.args if isinstance(a.type, Scalar)]
    return any(is_float(a.type) for a in [*numbers, *own_reads(op)])


def _merge(forward: Op, reverse: Op) -> Op:
    """One loop, upwards, of both bodies."""
    index = forward.body.params[0]
    substitute(reverse.body, {reverse.body.params[0]: index})
    params = [*forward.body.params, *reverse.body.params[1:]]
    end = Op("yield", [*forward.yields, *reverse.yields], loc=forward.body.terminator.loc)
    body = Region(params, [*forward.body.ops[:-1], *reverse.body.ops[:-1], end])
    args = [*forward.args, *reverse.inits]
    return Op("for", args, [*forward.results, *reverse.results], {}, [body], forward.loc)


def _contract(fn: Function, region: Region, loop: Op) -> None:
    """What is kept of one iteration only needs no axis for the iterations."""
    facts = Independence(fn)
    for alloc in [op for op in region.ops if op.name == "empty"]:
        array = alloc.result
        own = facts.own(array, [loop]) if array not in facts.lasting else None
        if own is None or own[0] != 0 or facts.within(array, [loop]) != facts.accesses[array]:
            continue
        ops = facts.accesses[array]
        if any(op.args[0] is not array for op in ops) or facts.structure.uses[array] != ops:
            continue
        if len(alloc.args) == 1:
            _as_value(facts, loop, ops)
        else:
            alloc.args = alloc.args[1:]
            alloc.attrs = {**alloc.attrs, "private": True}
            if "dims" in alloc.attrs:
                alloc.attrs["dims"] = alloc.attrs["dims"][1:]
            _narrow(array, ops)


def _as_value(facts: Independence, loop: Op, ops: list[Op]) -> None:
    """One number for each iteration, stored before it is loaded: the number itself."""
    stores = [op for op in ops if op.name == "store"]
    if len(stores) != 1 or ops[0] is not stores[0] or stores[0] not in loop.body.ops:
        return
    if any(op.name == "update" for op in ops):
        return
    env = {op.result: stores[0].args[-1] for op in ops if op.name == "load"}
    for region in [loop.body, *(r for op in walk(loop.body) for r in op.regions)]:
        region.ops = [op for op in region.ops if op not in ops]
    for op in walk(loop.body):
        op.args = [resolve_all(env, a) for a in op.args]  # type: ignore[arg-type]


def _narrow(array: Value, ops: list[Op]) -> None:
    assert isinstance(array.type, Array)
    array.type = Array(array.type.dtype, array.type.dims[1:])
    for op in ops:
        del op.args[1]
