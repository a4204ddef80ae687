"""Builds what takes the place of a loop in lanes: blocks of iterations, and in them loops over the lanes of each op.

What all lanes share is done once. Ops that differ from lane to lane are gathered in runs, and each run is a loop over
the lanes; what one run gives to another, or to itself in the next iteration of a loop that all lanes go through
together, is a row of an array. In a `while` for each lane, all go on until the last has finished, and those that have
are masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adcompiler.analysis.effects import inside, reads, writes
from adcompiler.analysis.independence import ELEMENTS, places
from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Const, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, i64, is_float
from adcompiler.ir.walk import clone_op, is_const, walk

if TYPE_CHECKING:
    from adcompiler.passes.lanes import Plan

WIDTH = 64
VECTOR = 8  # lanes without an iteration go along up to here, so that no vector is left incomplete
ZEROS = {"zeros": "zeros", "zeros_like": "zeros", "empty": "empty", "empty_like": "empty"}


class _Rows:
    """Numbers that live across loops over lanes: rows of one array for each dtype."""

    def __init__(self) -> None:
        self.arrays: dict[str, Value] = {}
        self.allocs: dict[str, Op] = {}
        self.names: dict[str, list[str]] = {}

    def new(self, like: Value) -> tuple[Value, Const]:
        assert isinstance(like.type, Scalar)
        dtype = like.type.dtype
        if dtype not in self.arrays:
            name = "lanes" if dtype == "f64" else f"lanes_{dtype}"
            array = Value(name, Array(dtype, (None, WIDTH)))
            self.arrays[dtype], self.names[dtype] = array, []
            self.allocs[dtype] = Op("zeros", [], [array], {"dtype": dtype})
        self.names[dtype].append(like.name)
        return self.arrays[dtype], integer(len(self.names[dtype]) - 1)

    def ops(self) -> list[Op]:
        for dtype, op in self.allocs.items():
            count = len(self.names[dtype])
            op.args, op.attrs["dims"] = [integer(count), integer(WIDTH)], (count, WIDTH)
            self.arrays[dtype].type = Array(dtype, (count, WIDTH))
        return list(self.allocs.values())


class Strips:
    """A loop whose iterations are put into lanes: the ops that take its place, and before all loops its `rows`."""

    def __init__(self, plan: Plan):
        self.plan, self.facts, self.loop, self.varying = plan, plan.facts, plan.loop, plan.varying
        self.rows = _Rows()
        self.row: dict[Value, tuple[Value, Const]] = {}
        self.shared: dict[Value, Operand] = {}  # what all lanes share, and lane arrays
        self.sums: dict[Op, int] = {}
        self.packs: dict[tuple[Value, int], Value] = {}
        self.before = Builder(Region(), self.loop.loc)

    def build(self) -> list[Op]:
        """The ops that take the loop's place."""
        loop = self.loop
        lo, hi = loop.args[:2]
        for k in range(len(loop.carried)):
            self.sums[self.facts.addend(loop, k)[0]] = k  # type: ignore[index]
        for root in [
            op.results[0] for op in self.facts.structure.place if op.results and op.results[0] in self.varying.spread
        ]:
            self._lane_array(root)
        self.totals: list[Operand] = [Value(p.name, p.type) for p in loop.carried]
        params = [Value("b", i64), *self.totals]
        b = Builder(Region(), loop.loc)
        # (In this form LLVM sees that no index is negative.)
        self.block = b.op("mul", params[0], integer(WIDTH), hint="block")
        if not is_const(lo, 0):
            self.block = b.op("add", self.block, lo, hint="block")
        left = b.op("sub", hi, self.block)
        self.count = b.op("minimum", integer(WIDTH), left, hint="count", tie="half")
        self.padded = b.op("bitand", b.op("add", self.count, integer(VECTOR - 1)), integer(-VECTOR), hint="padded")
        self._pack(b)
        self.region(self._in_stages(loop.body), b, [])
        b.yield_(*self.totals)
        body = Region(params, b.region.ops)  # type: ignore[arg-type]
        blocks = Op("for", [integer(0), self._blocks(), integer(1), *loop.inits], loop.results, {}, [body], loop.loc)
        return [*self.before.region.ops, blocks]

    def _in_stages(self, body: Region) -> Region:
        """The body in the order of its stages, if it has any: each is a run."""
        stages = self.plan.stages
        ops = sorted(body.ops[:-1], key=lambda op: stages[op]) if stages else body.ops[:-1]
        return Region(body.params, [*ops, body.terminator])

    def _blocks(self) -> Operand:
        lo, hi = self.loop.args[:2]
        trips = hi if is_const(lo, 0) else self.before.op("sub", hi, lo)
        padded = self.before.op("add", trips, integer(WIDTH - 1))
        return self.before.op("shr", padded, integer(WIDTH.bit_length() - 1), hint="blocks")

    def _lane_array(self, root: Value) -> None:
        """The private array with one more axis."""
        op = self.facts.structure.definer[root]
        b = self.before if self.plan.kinds[root] == "private" else None
        assert isinstance(root.type, Array)
        dims = (*root.type.dims, WIDTH)
        array = Value(f"{root.name}_lanes", Array(root.type.dtype, dims))
        if b is not None:
            b.add(self._allocation(b, op, array))
        self.shared[root] = array

    def _allocation(self, b: Builder, op: Op, array: Value) -> Op:
        assert isinstance(array.type, Array)
        if op.name.endswith("_like"):
            extents: list[Operand] = [b.op("dim", self.get(op.args[0]), axis=k) for k in range(array.type.rank - 1)]
        else:
            extents = [self.get(a) for a in op.args]
        attrs = {"dtype": array.type.dtype, "dims": array.type.dims, "checked": True}
        return Op(ZEROS[op.name], [*extents, integer(WIDTH)], [array], attrs, [], op.loc)

    def _pack(self, b: Builder) -> None:
        """Lay the block's part of arrays that lie across along the lanes."""
        for op in walk(self.loop.body):
            array = self.plan.packed(op) if op.name == "load" else None
            if array is None or (array, op.args.index(self.loop.body.params[0])) in self.packs:
                continue
            assert isinstance(array.type, Array)
            axis = op.args.index(self.loop.body.params[0]) - 1
            rest = [k for k in range(array.type.rank) if k != axis]
            sizes = [self.before.op("dim", array, axis=k, hint="size") for k in rest]
            dims = (*(array.type.dims[k] for k in rest), WIDTH)
            attrs = {"dtype": array.type.dtype, "dims": dims, "checked": True}
            lanes = Value(f"{array.name}_lanes", Array(array.type.dtype, dims))
            self.before.add(Op("empty", [*sizes, integer(WIDTH)], [lanes], attrs))
            self.packs[array, axis + 1] = lanes
            self._fill(b, array, lanes, axis, sizes)

    def _fill(self, b: Builder, array: Value, lanes: Value, axis: int, sizes: list[Value]) -> None:
        lane = Value("lane", i64)
        indices = [Value("j", i64) for _ in sizes]
        inner = Builder(Region([lane]), b.loc)
        at = inner.op("add", self.block, lane)
        deepest, regions = inner, [inner.region]
        for index in indices:
            region = Region([index])
            regions.append(region)
            deepest = Builder(region, b.loc)
        places: list[Operand] = list(indices)
        places.insert(axis, at)
        deepest.do("store", lanes, *indices, lane, deepest.op("load", array, *places, safe=True), safe=True)
        deepest.yield_()
        for region, size in zip(reversed(regions[:-1]), reversed(sizes), strict=True):
            child = regions[regions.index(region) + 1]
            Builder(region, b.loc).for_(integer(0), size, integer(1), [], [], child)
            Builder(region, b.loc).yield_()
        b.for_(integer(0), self.count, integer(1), [], [], inner.region)

    def again(self, value: Operand) -> bool:
        """Is it an index that follows from the iteration's in a step or two: not worth a row?"""
        op = self.facts.structure.definer.get(value) if isinstance(value, Value) and value.type == i64 else None
        if op is None or op.name not in ("add", "sub", "mul") or not self.varying.differs(value):
            return False
        index = self.loop.body.params[0]
        return all(a is index or not self.varying.differs(a) or self.again(a) for a in op.args)

    # Regions that all lanes go through together.
    def region(self, region: Region, b: Builder, tail: list[tuple[Value, Operand]]) -> None:
        """`tail`: what is to be put into the rows of these values at the end."""
        run: list[Op] = []
        stages = self.plan.stages
        for op in region.ops[:-1]:
            if run and stages.get(run[-1]) != stages.get(op):
                self.flush(b, run)
                run = []
            if op.name == "for" and op not in self.varying.serial and self.varying.lane(op):
                firsts = [(p, a) for p, a in zip(op.carried, op.inits, strict=True) if self.varying.differs(p)]
                self.flush(b, run, firsts, op)
                run = []
                self._uniform(op, b)
            elif op.name == "while" and self.varying.lane(op):
                self.flush(b, run, list(zip(op.carried, op.inits, strict=True)), op)
                run = []
                self._masked(op, b)
            elif not self.varying.lane(op):
                if run and self._meets(op, run):
                    self.flush(b, run)
                    run = []
                self._share(op, b)
            elif self._scatters(op) or (op.regions and op.name == "for"):
                self.flush(b, run)
                self.flush(b, [op])
                run = []
            else:
                run.append(op)
        self.flush(b, run, tail, region.terminator)

    def _share(self, op: Op, b: Builder) -> None:
        """What is the same for all lanes is done once."""
        if op.results and op.results[0] in self.shared:  # an array of the iteration's own
            b.add(self._allocation(b, op, self.shared[op.results[0]]))  # type: ignore[arg-type]
            return
        b.add(clone_op(op, self.shared))

    def _meets(self, op: Op, run: list[Op]) -> bool:
        """Does what all lanes share change what the run reads?"""
        roots = self.facts.aliases.roots
        changed = {r for a in writes(op) for r in roots(a)}
        return bool(changed & {r for o in run for a in reads(o) for r in roots(a)})

    def _scatters(self, op: Op) -> bool:
        """Does it add at places that differ, where two lanes may meet?"""
        if op.name != "update":
            return False
        roots = self.facts.aliases.roots(op.args[0])
        return any(self.plan.kinds[r] == "sum" for r in roots) and any(map(self.varying.differs, op.args[1:-1]))

    def adds(self, op: Op) -> bool:
        """Does it add to an element that all lanes add to?"""
        if op.name != "update" or any(self.plan.kinds[r] != "sum" for r in self.facts.aliases.roots(op.args[0])):
            return False
        return is_float(op.args[-1].type) and not any(map(self.varying.differs, op.args[:-1]))

    def _uniform(self, op: Op, b: Builder) -> None:
        """A loop that all lanes go through together."""
        same = [k for k, p in enumerate(op.carried) if not self.varying.differs(p)]
        for p, result in zip(op.carried, op.results, strict=True):
            if self.varying.differs(p):
                self.row[result] = self.row[p]
        params = [Value(p.name, p.type) for p in (op.body.params[0], *(op.carried[k] for k in same))]
        self.shared.update(zip([op.body.params[0], *(op.carried[k] for k in same)], params, strict=True))
        inits = [self.get(op.inits[k]) for k in same]
        inner = Builder(Region(params), op.body.terminator.loc)
        moved = [(p, y) for p, y in zip(op.carried, op.yields, strict=True) if self.varying.differs(p)]
        self.region(op.body, inner, moved)
        until = op.until
        inner.yield_(*(self.get(op.yields[k]) for k in same), until=self.get(until) if until is not None else None)
        results = [Value(op.results[k].name, op.results[k].type) for k in same]
        self.shared.update(zip((op.results[k] for k in same), results, strict=True))
        bounds = [self.get(a) for a in op.args[:3]]
        b.add(Op("for", [*bounds, *inits], results, dict(op.attrs), [inner.region], op.loc))  # type: ignore[list-item]

    def _masked(self, op: Op, b: Builder) -> None:
        """A `while` that each lane goes through as often as it has to: those that have finished keep what they have."""
        self.row.update((result, self.row[p]) for p, result in zip(op.carried, op.results, strict=True))
        running, lane = self.rows.new(Value("running", i64)), Value("lane", i64)
        start = Builder(Region([lane]), op.loc)
        there = start.op("select", start.op("lt", lane, self.count), integer(1), integer(0), hint="there")
        start.do("store", *running, lane, there, safe=True)
        start.yield_()
        b.for_(integer(0), self.padded, integer(1), [], [], start.region)

        test = Builder(Region([Value("more", i64)]), op.loc)
        test.test(test.op("gt", test.region.params[0], integer(0)))
        turn = Builder(Region(), op.loc)
        more = _Run(self, turn, [], None).turn(op, running)
        turn.yield_(more)
        b.while_([integer(1)], [Value("more", i64)], test.region, turn.region)

    def get(self, operand: Operand) -> Operand:
        """What all lanes share, as it is called now."""
        return self.shared.get(operand, operand) if isinstance(operand, Value) else operand

    # Runs of ops that go lane by lane.
    def flush(self, b: Builder, run: list[Op], tail: list[tuple[Value, Operand]] = [], user: Op | None = None) -> None:  # noqa: B006
        """A loop over the lanes for a run of ops; `tail` goes into rows at its end, for `user`."""
        for target, _ in tail:
            if target not in self.row:
                self.row[target] = self.rows.new(target)
        if run or tail:
            _Run(self, b, run, user).build(tail)


def _exact(owner: Strips, op: Op) -> bool:
    """Must the op not run for lanes beyond the last iteration?

    There they hold anything: numbers to compute with, but nothing to reach memory with that all share.
    """
    if op.name in ELEMENTS:
        if owner.plan.packed(op) is not None:
            return False
        if any(map(owner.varying.differs, places(op))):
            return True
        roots = owner.facts.aliases.roots(op.args[0])
        return op.name != "load" and not roots <= owner.varying.spread and not owner.adds(op)
    return op.name in ("raise_if", "floordiv", "mod", "for") or op.name not in OPS


class _Run:
    """One loop over the lanes."""

    def __init__(self, owner: Strips, b: Builder, run: list[Op], user: Op | None):
        self.o, self.b, self.run, self.user = owner, b, run, user
        self.lane = Value("lane", i64)
        self.head = Builder(Region(), run[0].loc if run else b.loc)
        self.body = Builder(Region(), self.head.loc)
        self.local: dict[Value, Operand] = {}
        self.sums: list[tuple[Operand, Value, Operand, Op]] = []  # init, param, yield, op
        self._there: Operand | None = None
        self.full = not any(_exact(owner, inner) for op in run for inner in inside(op))

    def build(self, tail: list[tuple[Value, Operand]]) -> None:
        for op in self.run:
            self.body.loc = op.loc
            self._op(op)
        for op in self.run:
            for result in op.results:
                if op not in self.o.sums and not self.o.again(result) and self._crosses(result):
                    self._save(result, self.local[result])
        values = [(target, self.get(value)) for target, value in tail]
        for target, value in values:
            self._save(target, value)
        self.body.yield_(*(end for _, _, end, _ in self.sums))
        region = Region([self.lane, *(p for _, p, _, _ in self.sums)], [*self.head.region.ops, *self.body.region.ops])
        results = [Value(p.name, p.type) for _, p, _, _ in self.sums]
        with self.b.at(self.head.loc):
            inits = [init for init, _, _, _ in self.sums]
            count = self.o.padded if self.full else self.o.count
            self.b.for_(integer(0), count, integer(1), inits, results, region)
        for (_, _, _, op), total in zip(self.sums, results, strict=True):
            if op in self.o.sums:
                self.o.totals[self.o.sums[op]] = total
            else:
                with self.b.at(op.loc):
                    self.b.do("update", *map(self.o.get, op.args[:-1]), total, **op.attrs)

    def turn(self, op: Op, running: tuple[Value, Const]) -> Value:
        """Once through a `while`, for the lanes that go on; how many do."""
        array, row = running
        cond, body = op.regions
        old = [self.get(p) for p in cond.params]
        for inner in cond.ops[:-1]:
            self.body.add(self.clone(inner))
        go = self.body.op("and", self._is_on(array, row), self.get(cond.terminator.args[0]))
        for inner in body.ops[:-1]:
            self.body.add(self.clone(inner))
        for p, before, after in zip(cond.params, old, map(self.get, body.terminator.args), strict=True):
            self._save(p, self.body.op("select", go, after, before, hint=p.name))
        on = self.body.op("select", go, integer(1), integer(0), hint="on")
        self.body.do("store", array, row, self.lane, on, safe=True)
        count, more = Value("more", i64), Value("more", i64)
        self.body.yield_(self.body.op("add", count, on, hint="more"))
        region = Region([self.lane, count], [*self.head.region.ops, *self.body.region.ops])
        self.b.for_(integer(0), self.o.padded, integer(1), [integer(0)], [more], region)
        return more

    def _is_on(self, array: Value, row: Const) -> Operand:
        on = self.head.op("load", array, row, self.lane, hint="on", safe=True)
        return self.head.op("ne", on, integer(0), hint="on")

    def _save(self, target: Value, value: Operand) -> None:
        if target not in self.o.row:
            self.o.row[target] = self.o.rows.new(target)
        array, row = self.o.row[target]
        self.body.do("store", array, row, self.lane, value, safe=True)

    def _crosses(self, value: Value) -> bool:
        """Is the value used outside of this loop over lanes?"""
        structure, inside = self.o.facts.structure, set(self.run)
        for user in structure.uses.get(value, ()):
            if user is self.user:
                continue
            if not inside & {user, *structure.ancestors(user)}:
                return True
        return False

    def get(self, operand: Operand) -> Operand:
        if not isinstance(operand, Value):
            return operand
        if operand in self.local:
            return self.local[operand]
        if operand is self.o.loop.body.params[0]:
            self.local[operand] = self.head.op("add", self.o.block, self.lane, hint=operand.name)
        elif self.o.again(operand):
            op = self.o.facts.structure.definer[operand]
            self.local[operand] = self.head.op(op.name, *map(self.get, op.args), hint=operand.name, **op.attrs)
        elif operand in self.o.row:
            array, row = self.o.row[operand]
            self.local[operand] = self.head.op("load", array, row, self.lane, hint=operand.name, safe=True)
        else:
            return self.o.get(operand)
        return self.local[operand]

    def _op(self, op: Op) -> None:
        if op in self.o.sums:
            k, which = self.o.sums[op], self.o.facts.addend(self.o.loop, self.o.sums[op])[1]  # type: ignore[index]
            param = Value(self.o.loop.carried[k].name, self.o.loop.carried[k].type)
            operands = [param if j == which else self._counted(self.get(a)) for j, a in enumerate(op.args)]
            self.sums.append((self.o.totals[k], param, self.body.op(op.name, *operands, hint=param.name), op))
            return
        if self.o.adds(op):
            (root,) = {a.name for a in [op.args[0]] if isinstance(a, Value)}
            value = self._counted(self.get(op.args[-1]))
            assert isinstance(value.type, Scalar)
            param = Value(root, value.type)
            self.sums.append((const(0, value.type), param, self.body.op("add", param, value, hint=root), op))
            return
        self.body.add(self.clone(op))

    def _counted(self, value: Operand) -> Operand:
        """What a lane adds to a sum: nothing, if there is no such iteration."""
        assert isinstance(value.type, Scalar)
        if not self.full:
            return value
        if self._there is None:
            self._there = self.head.op("lt", self.lane, self.o.count, hint="there")
        return self.body.op("select", self._there, value, const(0, value.type))

    def clone(self, op: Op) -> Op:
        """The op for one lane, its memory that of the lane."""
        array = op.args[0] if op.args else None
        if op.name == "load" and isinstance(array, Value):
            index = self.o.loop.body.params[0]
            lanes = self.o.packs.get((array, op.args.index(index))) if index in op.args else None  # type: ignore[call-overload]
            if lanes is not None and self.o.plan.packed(op) is not None:
                places = [self.get(a) for a in op.args[1:] if a is not index]
                return self._made(op, [lanes, *places, self.lane], [])
        args = [self.get(a) for a in op.args]
        if op.name in ELEMENTS and array in self.o.varying.spread:
            args.insert(len(args) if op.name == "load" else len(args) - 1, self.lane)
        return self._made(op, args, [self._inner(r) for r in op.regions])

    def _made(self, op: Op, args: list[Operand], regions: list[Region]) -> Op:
        results = [Value(r.name, r.type) for r in op.results]
        self.local.update(zip(op.results, results, strict=True))
        return Op(op.name, args, results, dict(op.attrs), regions, op.loc)

    def _inner(self, region: Region) -> Region:
        params = [Value(p.name, p.type) for p in region.params]
        self.local.update(zip(region.params, params, strict=True))
        return Region(params, [self.clone(op) for op in region.ops])
