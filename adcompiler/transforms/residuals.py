"""What the reverse sweep needs of the forward sweep, and how each value gets there.

A value of straight-line code is simply in scope. One born inside a region is, in this order:
recomputed where that is cheap and safe, made a further result of the branches around it, kept in a slot of an
array indexed by the iterations around it, or pushed on a tape that the reverse sweep pops.
Decisions (predicates, indices, trip counts) are never recomputed from recomputed floats (design, rule 6.6).
"""

from __future__ import annotations

from collections.abc import Iterator

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.shapes import Shape, Shapes
from adcompiler.ir.build import Builder, Handle
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, Type, is_float
from adcompiler.ir.walk import Env, Structure
from adcompiler.ops.memory import INDEXED
from adcompiler.transforms.kept import Kept


class Forward:
    """The forward sweep: a copy of the primal, and what is inserted into it as the reverse sweep asks."""

    def __init__(self, fn: Function):
        self.env: Env = {}
        self.site: dict[Op, Op] = {}
        self.region: dict[Region, Region] = {}
        self._before: dict[Op, list[Op]] = {}
        self._after: dict[Op, list[Op]] = {}
        self._head: dict[Region, list[Op]] = {}
        self._replaced: dict[Op, list[Operand]] = {}
        self.body = self._copy(fn.body)

    def _copy(self, region: Region) -> Region:
        params = [Value(p.name, p.type) for p in region.params]
        self.env.update(zip(region.params, params, strict=True))
        copy = self.region[region] = Region(params)
        for op in region.ops:
            args = [self.env[a] if isinstance(a, Value) else a for a in op.args]
            regions = [self._copy(r) for r in op.regions]
            results = [Value(r.name, r.type) for r in op.results]
            self.env.update(zip(op.results, results, strict=True))
            self.site[op] = Op(op.name, args, results, dict(op.attrs), regions, op.loc)
            copy.ops.append(self.site[op])
        return copy

    def value(self, v: Value) -> Value:
        """The primal value's copy."""
        copy = self.env[v]
        assert isinstance(copy, Value)
        return copy

    def before(self, site: Op) -> Builder:
        return Builder(_Sink(self._before.setdefault(site, [])), site.loc)

    def after(self, site: Op) -> Builder:
        return Builder(_Sink(self._after.setdefault(site, [])), site.loc)

    def head(self, region: Region) -> Builder:
        """Build at the start of a region of the copy."""
        return Builder(_Sink(self._head.setdefault(region, [])), region.ops[0].loc)

    def replace(self, site: Op, operands: list[Operand]) -> None:
        """Leave an op out: these stand for its results (`replaced`)."""
        self._replaced[site] = operands

    @property
    def replaced(self) -> Env:
        return {v: o for op, new in self._replaced.items() for v, o in zip(op.results, new, strict=True)}

    def finish(self) -> Region:
        """The copy with everything inserted in its place."""
        self._settle(self.body)
        return self.body

    def _settle(self, region: Region) -> None:
        ops: list[Op] = []
        for op in [*self._head.get(region, ()), *region.ops]:
            self._place(op, ops)
        region.ops = ops
        for op in ops:
            for inner in op.regions:
                self._settle(inner)

    def _place(self, op: Op, ops: list[Op]) -> None:
        for earlier in self._before.get(op, ()):
            self._place(earlier, ops)
        if op not in self._replaced:
            ops.append(op)
        for later in self._after.get(op, ()):
            self._place(later, ops)


def _Sink(ops: list[Op]) -> Region:
    """A region that appends to the given list."""
    return Region([], ops)


class Sweep:
    """The mirror image of one primal region: its reverse code, and what is already available in it."""

    def __init__(self, primal: Region, parent: Sweep | None, loop: Op | None = None):
        self.primal, self.parent, self.loop = primal, parent, loop
        self.head = Builder(Region())
        self.b = Builder(Region())
        self.values: dict[Value, Operand] = {}
        self.shadows: dict[Value, Value] = {}
        self.adjoint: dict[Value, Operand] = {}

    def of(self, home: Region) -> Sweep:
        """The sweep that mirrors `home`; a while's carried values belong to its body's sweep."""
        for sweep in self.outwards():
            if home is sweep.primal or (sweep.loop is not None and home in sweep.loop.regions):
                return sweep
        raise AssertionError("a value is needed outside the mirror of its region")

    def outwards(self) -> Iterator[Sweep]:
        """This one and those around it."""
        sweep: Sweep | None = self
        while sweep is not None:
            yield sweep
            sweep = sweep.parent

    def finish(self, params: list[Value] | None = None) -> Region:
        return Region(params or [], [*self.head.region.ops, *self.b.region.ops])


class Residuals:
    """`planned`: values that will be kept in any case, from which others may be recomputed for nothing more."""

    def __init__(
        self,
        fn: Function,
        structure: Structure,
        aliases: Aliases,
        forward: Forward,
        planned: frozenset[Value] = frozenset(),
    ):
        self.root, self.structure, self.aliases, self.forward = fn.body, structure, aliases, forward
        self.planned = planned
        self.kept: set[Value] = set()
        self.origin: dict[Operand, Value] = {}  # what stands for values of the primal in the reverse sweep
        self._wished = {a for op in structure.place if op.name == "redo" for a in op.args}
        self._recomputed: set[Value] = set()
        self._always: set[Value] = set()
        self._snapshots: dict[tuple[Op, Value], Operand] = {}
        self.tapes = Kept(self)
        self._shapes = Shapes(fn, structure)
        self._in_scope: dict[tuple[str, Shape], Value] = {}
        for value in (*fn.params, *(r for op in fn.body.ops for r in op.results)):
            if isinstance(value.type, Array):
                self._in_scope.setdefault((value.type.dtype, self._shapes.shape(value)), value)

    # What is asked for.
    def fetch(self, operand: Operand, sweep: Sweep) -> Operand:
        """A primal scalar, or an array's handle, as the forward sweep had it."""
        if isinstance(operand, Const):
            return operand
        copy, home = self.forward.value(operand), self.structure.home[operand]
        if home is self.root:
            self.origin[copy] = operand
            return copy
        owner = sweep.of(home)
        if copy not in owner.values:
            definer = self.structure.definer.get(operand)
            if definer is not None and operand not in self.planned and self._free(operand, owner):
                owner.values[copy] = self._recompute(operand, definer, owner)
            else:
                self.kept.add(operand)
                at = self._where(home, self.forward.site[definer] if definer is not None else None)
                owner.values[copy] = self.tapes.keep(copy, home, at, owner, self._copied(operand))
        self.origin[owner.values[copy]] = operand
        return owner.values[copy]

    def born(self, value: Value, home: Region, site: Op | None, sweep: Sweep) -> Operand:
        """A value that was inserted into the forward sweep in the copy of `home`, after `site`."""
        if home is self.root:
            return value
        owner = sweep.of(home)
        if value not in owner.values:
            owner.values[value] = self.tapes.keep(value, home, self._where(home, site), owner)
        return owner.values[value]

    def content(self, array: Operand, at: Op, sweep: Sweep, result: bool = False) -> Operand:
        """An array as it was when `at` ran: itself where nothing overwrites it later, else a copy made then."""
        if isinstance(array, Const) or not isinstance(array.type, Array):
            return self.fetch(array, sweep)
        if not self.aliases.written_after(at, self.aliases.roots(array)):
            return self.fetch(array, sweep)
        home = self.structure.place[at].region
        owner = sweep.of(home) if home is not self.root else sweep
        if (at, array) not in self._snapshots:
            site, value = self.forward.site[at], self.forward.value(array)
            b = self.forward.after(site) if result else self.forward.before(site)
            self._snapshots[at, array] = (
                b.op("copy", value, hint=f"{array.name}_saved")
                if home is self.root
                else self.tapes.keep(value, home, b, owner, self._shapes.shape(array), written=True)
            )
        return self._snapshots[at, array]

    def like(self, array: Operand, sweep: Sweep) -> Operand:
        """An array of the shape and dtype of this one, of which nothing else is wanted."""
        if not isinstance(array, Value) or not isinstance(array.type, Array):
            return self.fetch(array, sweep)
        other = self._in_scope.get((array.type.dtype, self._shapes.shape(array)))
        home, op = self.structure.home[array], self.structure.definer.get(array)
        viewed = op is not None and op.name not in CONTROL and OPS[op.name].kind == "view"
        if other is None or home is self.root or (viewed and self._free(array, sweep.of(home))):
            return self.fetch(array, sweep)
        return sweep.of(home).values.get(self.forward.value(array), self.forward.value(other))

    def plan(self) -> frozenset[Value]:
        """Of the values kept, those that can't be recomputed from the others: what a second try should keep."""
        chosen = {v for v in self.kept if v not in self.structure.definer}  # carried values
        self.planned = frozenset(chosen)
        self._always.clear()
        for value in self.structure.definer:  # in text order, so that what a value is made of comes first
            if value in self.kept and not self._free(value, None):
                chosen.add(value)
                self.planned = frozenset(chosen)
        return self.planned

    # Recomputing.
    def _have(self, operand: Value, sweep: Sweep | None) -> bool:
        if operand in self.planned:
            return True
        home = self.structure.home[operand]
        if sweep is not None:
            return self.forward.value(operand) in sweep.of(home).values
        owner = self.structure.owner[home]
        return owner is not None and owner.name == "for" and operand is home.params[0]

    def _free(self, operand: Operand, sweep: Sweep | None) -> bool:
        """Can it be had without keeping anything more? (Once it can, it always can.)"""
        if isinstance(operand, Const) or operand in self._always or self.structure.home[operand] is self.root:
            return True
        if self._affordable(operand, sweep):
            self._always.add(operand)
            return True
        return False

    def _affordable(self, operand: Value, sweep: Sweep | None) -> bool:
        if self._have(operand, sweep):
            return True
        op = self.structure.definer.get(operand)
        if op is None or op.name in CONTROL:
            return False
        entry = OPS[op.name]
        if not (entry.cheap or operand in self._wished) or not all(self._free(a, sweep) for a in op.args):
            return False
        if entry.kind == "memory":
            return not self.aliases.written_after(op, self.aliases.roots(op.args[0]))
        if entry.kind in ("view", "query"):
            return True
        return self._same_again(op) and self._decides_exactly(op, sweep)

    def _same_again(self, op: Op) -> bool:
        """Does the op compute the same whenever it runs, and is its result what it was? (Memory may be written.)"""
        if isinstance(op.result.type, Scalar):
            return all(isinstance(a.type, Scalar) for a in op.args)
        if OPS[op.name].kind != "elementwise" or self.aliases.writers.get(op.result):
            return False
        return not any(self.aliases.written_after(op, self.aliases.roots(a)) for a in op.args)

    def _decides_exactly(self, op: Op, sweep: Sweep | None) -> bool:
        entry = OPS[op.name]
        if is_float(op.result.type) and not (entry.zero or entry.steps):
            return True
        return all(self._exact(a, sweep) for a in op.args if is_float(a.type))

    def _exact(self, operand: Operand, sweep: Sweep | None) -> bool:
        """The very bits of the forward sweep: kept, or read again from memory that has not changed."""
        if isinstance(operand, Const) or self.structure.home[operand] is self.root:
            return True
        if self._have(operand, sweep):
            return self.forward.value(operand) not in self._recomputed
        definer = self.structure.definer.get(operand)
        if definer is None or definer.name in CONTROL or OPS[definer.name].kind not in ("memory", "view"):
            return False
        return self._exact(definer.args[0], sweep)

    def _recompute(self, operand: Value, op: Op, sweep: Sweep) -> Operand:
        args = [self.fetch(a, sweep) for a in op.args]
        entry = OPS[op.name]
        attrs = dict(op.attrs)
        if op.name in INDEXED:
            attrs["safe"] = True  # the forward sweep has been there
        elif entry.may_raise is not None:
            attrs["checked"] = True
        with sweep.head.at(op.loc):
            result = sweep.head.op(op.name, *args, hint=operand.name, **attrs)
        again = any(isinstance(a, Value) and self.forward.value(a) in self._recomputed for a in op.args[:1])
        if is_float(operand.type) and (entry.kind == "elementwise" or again):
            self._recomputed.add(self.forward.value(operand))
        return result

    # Keeping.
    def _where(self, home: Region, site: Op | None) -> Builder:
        """Where the forward sweep has a value: after an op, else at the start of the region whose param it is. (A
        while's are known for every full iteration in its body.)"""
        if site is not None:
            return self.forward.after(site)
        owner = self.structure.owner[home]
        assert owner is not None
        return self.forward.head(self.forward.region[owner.body if owner.name == "while" else home])

    def _copied(self, value: Value) -> Shape | None:
        """The shape of an array that nobody writes to once it is made: a copy of it will do. None where a handle may
        be better: to what iterations hand on as it is, there may be many at no cost."""
        if not isinstance(value.type, Array) or any(map(self.aliases.writers.get, self.aliases.roots(value))):
            return None
        return self._shapes.shape(value) if self._made_anew(value) else None

    def _made_anew(self, value: Operand) -> bool:
        """Does every iteration make the array, by an op that always runs?"""
        op = self.structure.definer.get(value)  # type: ignore[arg-type]
        if op is None:  # carried
            loop = self.structure.owner[self.structure.home[value]]  # type: ignore[index]
            value = loop.yields[loop.carried.index(value)] if loop is not None else value  # type: ignore[arg-type]
            op = self.structure.definer.get(value)  # type: ignore[arg-type]
        while op is not None and op.name in ("for", "while"):
            value = op.yields[op.results.index(value)]  # type: ignore[arg-type]
            op = self.structure.definer.get(value)  # type: ignore[arg-type]
        return op is not None and op.name != "if"


class Lazy(Handle):
    """A primal operand of an op that is being reversed, fetched when the rule uses it: the rule thereby
    says what must be kept."""

    __slots__ = ("at", "residuals", "result", "sweep", "value")

    def __init__(self, residuals: Residuals, sweep: Sweep, at: Op, value: Value, result: bool):
        self.builder, self.value, self.at, self.result = sweep.b, value, at, result
        self.residuals, self.sweep = residuals, sweep

    @property
    def operand(self) -> Operand:  # type: ignore[override]
        return self.take(True)

    @property
    def type(self) -> Type:
        return self.value.type

    @property
    def literal(self) -> float | None:
        return None

    def take(self, content: bool) -> Operand:
        if content:
            return self.residuals.content(self.value, self.at, self.sweep, self.result)
        return self.residuals.like(self.value, self.sweep)
