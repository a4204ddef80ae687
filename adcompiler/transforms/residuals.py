"""What the reverse sweep needs of the forward sweep, and how each value gets there.

A value of straight-line code is simply in scope. One born inside a region is, in this order:
recomputed where that is cheap and safe, made a further result of the branches around it, kept in a slot of an
array indexed by the iterations around it, or pushed on a tape that the reverse sweep pops.
Decisions (predicates, indices, trip counts) are never recomputed from recomputed floats (design, rule 6.6).
"""

from __future__ import annotations

from collections.abc import Iterator

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.linear import Linear, build, linear, plus, scaled
from adcompiler.ir.build import Builder, Handle, integer
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, Stack, Type, is_float
from adcompiler.ir.walk import Env, Structure, is_const
from adcompiler.ops.memory import INDEXED
from adcompiler.transforms.defined import nothing


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
        self._pure = {v: op for v, op in structure.definer.items() if op.name not in CONTROL}
        self.kept: set[Value] = set()
        self.origin: dict[Operand, Value] = {}  # what stands for values of the primal in the reverse sweep
        self._wished = {a for op in structure.place if op.name == "redo" for a in op.args}
        self._recomputed: set[Value] = set()
        self._always: set[Value] = set()
        self._snapshots: dict[tuple[Op, Value], tuple[Value, Op]] = {}

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
                site = self.forward.site[definer] if definer is not None else None
                owner.values[copy] = self._keep(copy, home, site, owner)
        self.origin[owner.values[copy]] = operand
        return owner.values[copy]

    def born(self, value: Value, home: Region, site: Op | None, sweep: Sweep) -> Operand:
        """A value that was inserted into the forward sweep in the copy of `home`, after `site`."""
        if home is self.root:
            return value
        owner = sweep.of(home)
        if value not in owner.values:
            owner.values[value] = self._keep(value, home, site, owner)
        return owner.values[value]

    def content(self, array: Operand, at: Op, sweep: Sweep, result: bool = False) -> Operand:
        """An array as it was when `at` ran: itself where nothing overwrites it later, else a copy made then."""
        if isinstance(array, Const) or not isinstance(array.type, Array):
            return self.fetch(array, sweep)
        if not self.aliases.written_after(at, self.aliases.roots(array)):
            return self.fetch(array, sweep)
        if (at, array) not in self._snapshots:
            site = self.forward.site[at]
            b = self.forward.after(site) if result else self.forward.before(site)
            saved = b.op("copy", self.forward.value(array), hint=f"{array.name}_saved")
            self._snapshots[at, array] = saved, b.region.ops[-1]
        saved, op = self._snapshots[at, array]
        return self.born(saved, self.structure.place[at].region, op, sweep)

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
        scalar = all(isinstance(a.type, Scalar) for a in op.args) and isinstance(op.result.type, Scalar)
        return scalar and self._decides_exactly(op, sweep)

    def _decides_exactly(self, op: Op, sweep: Sweep | None) -> bool:
        entry = OPS[op.name]
        if is_float(op.result.type) and not (entry.zero or entry.steps):
            return True
        return all(self._exact(a, sweep) for a in op.args if is_float(a.type))

    def _exact(self, operand: Operand, sweep: Sweep | None) -> bool:
        """The very bits of the forward sweep: kept, or loaded again from memory that has not changed."""
        if isinstance(operand, Const) or self.structure.home[operand] is self.root:
            return True
        if self._have(operand, sweep):
            return self.forward.value(operand) not in self._recomputed
        definer = self.structure.definer.get(operand)
        return definer is not None and definer.name not in CONTROL and OPS[definer.name].kind == "memory"

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
        if entry.kind == "elementwise" and is_float(operand.type):
            self._recomputed.add(self.forward.value(operand))
        return result

    # Keeping.
    def _keep(self, value: Value, home: Region, site: Op | None, sweep: Sweep) -> Operand:
        around = self._owners(home)
        loops = [op for op in around if op.name != "if"]
        if not loops:
            return self._through_branches(value, home, around)
        nest = self._slots(loops) if isinstance(value.type, Scalar) else []
        if not nest:
            return self._on_tape(value, home, site, sweep)
        return self._in_slots(value, home, site, sweep, nest)

    def _owners(self, home: Region) -> list[Op]:
        owner = self.structure.owner[home]
        return [] if owner is None else [owner, *self.structure.ancestors(owner)]

    def _through_branches(self, value: Value, home: Region, around: list[Op]) -> Value:
        """One more result of every `if` around it; the other branch has no value for it."""
        for owner in around:
            site = self.forward.site[owner]
            result = Value(value.name, value.type)
            site.results.append(result)
            for primal, region in zip(owner.regions, site.regions, strict=True):
                inner: Operand = value
                if primal is not home:
                    inner = nothing(self.forward.before(region.terminator), value)
                region.terminator.args.append(inner)
            value, home = result, self.structure.place[owner].region
        return value

    def _slots(self, loops: list[Op]) -> list[Op]:
        """The loops, innermost first, whose iterations can index one array allocated before the outermost."""
        nest: list[Op] = []
        for loop in loops:
            if not _countable(loop):
                break
            if any(self._most([*nest, loop], k) is None for k in range(len(nest) + 1)):
                break
            nest.append(loop)
        return nest

    def _most(self, nest: list[Op], k: int) -> Linear | None:
        """The length of the k-th loop's range as a form of values from outside of the nest, innermost first: the
        greatest there is, where loops around it decide; None where that can't be said."""
        inner = nest[k]
        if all(self._outside(a, nest[-1]) for a in inner.args[:3]):
            return {}
        lo, hi = (self._linear(a) for a in inner.args[:2])
        form = plus(hi, scaled(lo, -1)) if _step(inner) > 0 else plus(lo, scaled(hi, -1))
        for loop in nest[k + 1 :]:
            by = form.pop(loop.regions[0].params[0], 0)
            lo, hi = (self._linear(a) for a in loop.args[:2])
            last = plus(hi, {None: -1 if _step(loop) > 0 else 1})
            form = plus(form, scaled(last if (by > 0) == (_step(loop) > 0) else lo, by))
        return form if all(v is None or self._outside(v, nest[-1]) for v in form) else None

    def _linear(self, operand: Operand) -> Linear:
        return linear(self._pure, operand)

    def _outside(self, operand: Operand, loop: Op) -> bool:
        if isinstance(operand, Const):
            return True
        home = self.structure.home[operand]
        regions = {self.structure.place[op].region for op in [loop, *self.structure.ancestors(loop)]}
        return home in regions

    def _in_slots(self, value: Value, home: Region, site: Op | None, sweep: Sweep, nest: list[Op]) -> Operand:
        assert isinstance(value.type, Scalar)
        outer = nest[-1]
        b = self.forward.before(self.forward.site[outer])
        extents = [self._extent(b, nest, k) for k in reversed(range(len(nest)))]
        tape = b.op("empty", *extents, hint=f"{value.name}_tape", dtype=value.type.dtype, tape=True)
        alloc = b.region.ops[-1]
        at = self.forward.after(site) if site is not None else self.forward.head(self._body(home))
        indices = [_slot(at, self.forward.site[loop]) for loop in reversed(nest)]
        at.do("store", tape, *indices, value, safe=True)
        handle = self.born(tape, self.structure.place[outer].region, alloc, sweep)
        mirrored = [self._mirror(sweep, loop) for loop in reversed(nest)]
        return sweep.head.op("load", handle, *mirrored, hint=value.name, safe=True)

    def _extent(self, b: Builder, nest: list[Op], k: int) -> Operand:
        if all(self._outside(a, nest[-1]) for a in nest[k].args[:3]):
            return self.count(b, nest[k])
        form = self._most(nest, k)
        assert form is not None
        form = {self.forward.env[v] if isinstance(v, Value) else v: c for v, c in form.items()}
        return b.op("maximum", build(b, form), integer(0), hint="trips", tie="half")

    def count(self, b: Builder, loop: Op) -> Operand:
        """The trip count of a `for`, built into the forward sweep."""
        lo, hi, step = self.forward.site[loop].args[:3]
        definer = self.structure.definer.get(loop.args[1]) if isinstance(loop.args[1], Value) else None
        counts = definer is not None and definer.name not in CONTROL and OPS[definer.name].kind == "query"
        return trips(b, lo, hi, step, counts)

    def _mirror(self, sweep: Sweep, loop: Op) -> Operand:
        """The slot of the reverse sweep's present iteration of `loop`."""
        lo, _, step = (self.fetch(a, sweep) for a in loop.args[:3])
        index = self.fetch(loop.regions[0].params[0], sweep)
        return _ordinal(sweep.head, index, lo, step)

    def _on_tape(self, value: Value, home: Region, site: Op | None, sweep: Sweep) -> Operand:
        assert not isinstance(value.type, Stack)
        start = self.forward.head(self.forward.body)
        tape = start.op("stack", hint=f"{value.name}_tape", elem=value.type)
        at = self.forward.after(site) if site is not None else self.forward.head(self._body(home))
        at.do("push", tape, value)
        return sweep.head.op("pop", tape, hint=value.name)

    def _body(self, home: Region) -> Region:
        """Where a region's params are known for every full iteration: a while's are kept in its body."""
        owner = self.structure.owner[home]
        assert owner is not None
        return self.forward.region[owner.body if owner.name == "while" else home]


def _countable(loop: Op) -> bool:
    """A `for` with a constant step and no early exit."""
    return loop.name == "for" and loop.until is None and isinstance(loop.args[2], Const)


def _step(loop: Op) -> int:
    assert isinstance(loop.args[2], Const)
    return int(loop.args[2].value)


def trips(b: Builder, lo: Operand, hi: Operand, step: Operand, counts: bool = False) -> Operand:
    """The number of iterations of range(lo, hi, step); `counts`: hi is known not to be negative."""
    assert isinstance(step, Const)
    if is_const(lo, 0) and is_const(step, 1) and (counts or (isinstance(hi, Const) and hi.value >= 0)):
        return hi
    start, stop = (b.handle(lo), b.handle(hi)) if step.value > 0 else (b.handle(hi), b.handle(lo))
    stride = abs(int(step.value))
    span = stop if is_const(start.operand, 0) else stop - start
    if stride != 1:
        padded = span + (stride - 1)
        span = padded.call("floordiv", padded, stride)
    return b.op("maximum", span.operand, integer(0), hint="trips", tie="half")


def _slot(b: Builder, loop: Op) -> Operand:
    lo, _, step = loop.args[:3]
    return _ordinal(b, loop.regions[0].params[0], lo, step)


def _ordinal(b: Builder, index: Operand, lo: Operand, step: Operand) -> Operand:
    """Which iteration of range(lo, ..., step) has this index."""
    if not is_const(lo, 0):
        index = b.op("sub", index, lo)
    return index if is_const(step, 1) else b.op("floordiv", index, step)


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
        return self.residuals.fetch(self.value, self.sweep)
