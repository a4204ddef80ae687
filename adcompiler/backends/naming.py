"""Out of SSA: which values share a Python variable, and what it is called.

Values that flow into each other (a loop's initial, carried and yielded values and its result; what the branches
of an `if` yield) share a variable wherever their live ranges permit. Ranges come from one backward walk over the
structured IR, which notes for each definition what is live there (Chaitin's interference, copies exempt).
A loop's result always shares the variable of its carried parameter: both are the same place.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Sequence

from adcompiler import runtime
from adcompiler.backends.fold import Plan
from adcompiler.ir.core import Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.naming import is_temporary, load_name
from adcompiler.ir.types import Array, Scalar, Stack, Type
from adcompiler.ir.walk import free, values

Move = tuple[Value, Operand]
# What temporaries are called that hold an integer made by one of these ops.
WORDS = {"dim": ("n", "m", "size"), "maximum": ("trips", "count"), "minimum": ("n", "m", "size")}


class Interference:
    """Sets of values as bit masks: `clash[v]` are those that may not share v's variable."""

    def __init__(self, fn: Function, plan: Plan):
        self.plan = plan
        self.order = list(dict.fromkeys(values(fn.body)))
        self.bit = {v: 1 << k for k, v in enumerate(self.order)}
        self.clash = dict.fromkeys(self.order, 0)
        self.moves: list[tuple[Value, Value]] = []
        live = self.region(fn.body, 0)
        self.define(fn.params, live)

    def mask(self, some: Iterable[Value]) -> int:
        total = 0
        for value in some:
            total |= self.bit[value]
        return total

    def uses(self, *operands: Operand) -> int:
        return self.mask(self.plan.leaves(*operands))

    def meet(self, value: Value, others: int) -> None:
        """`value` is defined where `others` are live."""
        others &= ~self.bit[value]
        self.clash[value] |= others
        bit = self.bit[value]
        while others:
            low = others & -others
            self.clash[self.order[low.bit_length() - 1]] |= bit
            others ^= low

    def define(self, defined: Sequence[Value], live: int) -> int:
        """All of `defined` get their values at once; returns what is live before."""
        together = self.mask(defined)
        for value in defined:
            self.meet(value, live | together)
        return live & ~together

    def move(self, moves: Sequence[Move], live: int) -> int:
        """Parallel assignment. A copy does not clash with its source, unless the source is assigned here too."""
        together = self.mask(d for d, _ in moves)
        for target, source in moves:
            exempt = 0
            if isinstance(source, Value) and source not in self.plan.folded:
                exempt = self.bit[source] & ~together
                self.moves.append((target, source))
            self.meet(target, (live & ~exempt) | together)
        return (live & ~together) | self.uses(*(s for _, s in moves))

    def region(self, region: Region, live: int) -> int:
        """The ops before the terminator, backwards; `live` is what the terminator leaves."""
        if region.terminator.name in ("return", "test"):
            live |= self.uses(*region.terminator.args)
        for op in reversed(region.ops[:-1]):
            if not (op.results and op.results[0] in self.plan.folded):
                live = self.op(op, live)
        return live

    def op(self, op: Op, live: int) -> int:
        if op.name == "if" and op not in self.plan.choices:
            return self.branches(op, live)
        if op.name == "for":
            return self.counted(op, live)
        if op.name == "while":
            return self.open(op, live)
        return self.define(op.results, live) | self.mask(self.plan.reads(op))

    def branches(self, op: Op, live: int) -> int:
        self.define(op.results, live)
        results = self.mask(op.results)
        before = 0
        for region in op.regions:
            moves = list(zip(op.results, yielded(region), strict=True))
            before |= self.region(region, self.move(moves, live | results))
        return before | self.uses(op.args[0])

    def back_edge(self, op: Op, around: int) -> int:
        """What is live before the moves at the end of a loop's body; `around`: what lives through the loop."""
        live = self.move(list(zip(op.carried, op.yields, strict=True)), around | self.mask(op.carried))
        return live if op.until is None else live | self.uses(op.until)

    def around(self, op: Op, live: int) -> int:
        """Values of outside that the loop uses live through all of it."""
        return self.define(op.results, live) | self.uses(*free(*op.regions))

    def counted(self, op: Op, live: int) -> int:
        # Python reads the bounds once; that they keep their names through the loop is for the reader.
        around = self.around(op, live) | self.uses(*op.args[:3])
        index = op.body.params[0]
        inside = self.region(op.body, self.back_edge(op, around)) | around | self.mask(op.carried)
        head = self.define([index], inside)
        head |= self.uses(*op.args[:3])
        return self.move(list(zip(op.carried, op.inits, strict=True)), head)

    def open(self, op: Op, live: int) -> int:
        around = self.around(op, live) | self.mask(op.carried)
        inside = self.region(op.body, self.back_edge(op, around)) | around
        head = self.region(op.regions[0], inside) | around
        return self.move(list(zip(op.carried, op.inits, strict=True)), head)


class Classes:
    """Values that share a variable, by union-find over the moves."""

    def __init__(self, fn: Function, plan: Plan):
        self.graph = Interference(fn, plan)
        self.parent: dict[Value, Value] = {v: v for v in self.graph.order}
        self.members = dict(self.graph.bit)
        self.clash = dict(self.graph.clash)
        self.params = set(fn.params)
        for op in loops(fn.body):
            for result, param in zip(op.results, op.carried, strict=True):
                self.unite(result, param)
        for target, source in sorted(self.graph.moves, key=lambda m: m[0].name != m[1].name):
            self.coalesce(target, source)

    def find(self, value: Value) -> Value:
        while self.parent[value] is not value:
            self.parent[value] = self.parent[self.parent[value]]
            value = self.parent[value]
        return value

    def unite(self, a: Value, b: Value) -> None:
        a, b = self.find(a), self.find(b)
        if a is b:
            return
        self.parent[b] = a
        self.members[a] |= self.members[b]
        self.clash[a] |= self.clash[b]

    def lonely(self) -> set[Value]:
        """Values that flow into a variable which is not theirs."""
        return {source for target, source in self.graph.moves if self.find(target) is not self.find(source)}

    def coalesce(self, target: Value, source: Value) -> None:
        a, b = self.find(target), self.find(source)
        if a is b or self.members[a] & self.clash[b] or not same_variable_type(target.type, source.type):
            return
        if any(not self.may_reassign(p, target, source) for p in self.params if self.find(p) in (a, b)):
            return
        self.unite(a, b)

    @staticmethod
    def may_reassign(param: Value, target: Value, source: Value) -> bool:
        """Only where the user did so; and an array parameter may have another memory layout than a fresh array."""
        return not isinstance(param.type, Array) and target.name == source.name == param.name


def same_variable_type(a: Type, b: Type) -> bool:
    """May one Numba variable hold both?"""
    if isinstance(a, Array) and isinstance(b, Array):
        return (a.dtype, a.rank, a.strided) == (b.dtype, b.rank, b.strided)
    return a == b


def loops(region: Region) -> Iterable[Op]:
    for op in region.ops:
        if op.name in ("for", "while"):
            yield op
        for inner in op.regions:
            yield from loops(inner)


class Names:
    """Value -> the name of its variable."""

    def __init__(self, fn: Function, plan: Plan, reserved: set[str]):
        self.classes = Classes(fn, plan)
        self.reserved = reserved
        self.name: dict[Value, str] = {}
        self.taken = {v.name for v in self.classes.graph.order}
        self._holders: dict[str, list[Value]] = {}
        self._groups: dict[Value, list[Value]] = {}
        for value in self.classes.graph.order:
            self._groups.setdefault(self.classes.find(value), []).append(value)
        for param in fn.params:  # parameters first: they keep the user's names
            self._assign(self.classes.find(param), param.name)
        for value in sorted(self.classes.graph.order, key=_rank):
            root = self.classes.find(value)
            if root not in self.name and value not in plan.folded:
                self._assign(root, self._base(root))

    def __getitem__(self, value: Value) -> str:
        return self.name[self.classes.find(value)]

    def __contains__(self, value: Value) -> bool:
        return self.classes.find(value) in self.name

    def _base(self, root: Value) -> str:
        """The best name among the members: a user's before a temporary's, a result's before a parameter's."""
        members = self._groups[root]
        results = {r for op in self._controls(members) for r in op.results}
        best = min(members, key=lambda v: (is_temporary(v.name), v not in results, v.name[-1:].isdigit()))
        return self._described(best, root) if is_temporary(best.name) else best.name

    def _described(self, value: Value, root: Value) -> str:
        """A temporary's name: what it is, where a word says it."""
        structure = self.classes.graph.plan.structure
        if value.name == "_":  # an index that is used after all
            return self._free("ijklm", root) if structure.uses.get(value) else "_"
        definer = structure.definer.get(value)
        if definer is None or value.name not in ("t", "trips"):
            return value.name
        if definer.name == "load" and isinstance(definer.args[0], Value):
            return load_name(definer.args[0], definer.args[1:])
        words = WORDS.get(definer.name) if value.type == Scalar("i64") else None
        return self._free(words, root) if words else value.name

    def _free(self, words: Iterable[str], root: Value) -> str:
        """The first of the words that the user has no variable of, and that is free here."""
        return next((w for w in words if w not in self.taken and self._fits(root, w)), next(iter(words)))

    def _controls(self, members: list[Value]) -> Iterable[Op]:
        definer = self.classes.graph.plan.structure.definer
        return [definer[v] for v in members if v in definer and definer[v].regions]

    def _assign(self, root: Value, base: str) -> None:
        base = identifier(base)
        suffix = 0
        while not self._fits(root, name := base if suffix == 0 else f"{base}_{suffix}"):
            suffix += 1
        self.name[root] = name
        self._holders.setdefault(name, []).append(root)

    def _fits(self, root: Value, name: str) -> bool:
        if name in self.reserved:
            return False
        others = self._holders.get(name, ())
        return all(
            not self.classes.members[o] & self.classes.clash[root]
            and same_variable_type(o.type, root.type)
            and self._replaceable(root, o, name)
            for o in others
        )

    def _replaceable(self, new: Value, old: Value, name: str) -> bool:
        """Arrays get another variable's name only where they take its place: `x = x.copy()`, `x_bar = x_bar + v`.

        Not temporaries: in an array expression Numba takes the second t, its t.1, and t_1 for the same.
        """
        if not isinstance(new.type, Array | Stack):
            return True
        if re.fullmatch(r"t(_\d+)?", name):
            return False
        definer = self.classes.graph.plan.structure.definer.get(new)
        if definer is None or definer.regions or isinstance(new.type, Stack) or new.type.strided:
            return False
        return len(self._groups[new]) == len(self._groups[old]) == 1 and old in definer.args

    def fresh(self, base: str) -> str:
        """A name that no variable has."""
        taken = set(self._holders) | self.reserved
        suffix = 0
        while (name := base if suffix == 0 else f"{base}_{suffix}") in taken:
            suffix += 1
        self._holders[name] = []
        self.reserved = self.reserved | {name}
        return name


def _rank(value: Value) -> bool:
    """The user's names are given first."""
    return is_temporary(value.name)


BUILTINS = frozenset(dir(builtins))
MODULES = frozenset({"simd", "native", "contraction", "memory"})  # of adcompiler.runtime that generated modules import
GLOBALS = frozenset({"np", "math", "numba", "njit", *MODULES, *runtime.__all__})  # of a generated module


def entry_of(name: str) -> str:
    """The name of a generated function: not that of a module or helper, which it may call."""
    name = identifier(name)
    return name + "_" if name in GLOBALS else name


def identifier(name: str) -> str:
    """`name` as a Python identifier that hides nothing."""
    name = re.sub(r"\W", "_", name) or "t"
    if name[0].isdigit():
        name = "_" + name
    return name + "_" if keyword.iskeyword(name) or name in BUILTINS else name
