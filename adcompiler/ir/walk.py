"""Walking, cloning and asking about uses: what every analysis and pass starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adcompiler.ir.core import Const, Function, Op, Operand, Region, Value

Env = dict[Value, Operand]


def walk(region: Region) -> Iterator[Op]:
    """Every op of the region and of the regions inside, in text order."""
    for op in region.ops:
        yield op
        for inner in op.regions:
            yield from walk(inner)


def values(region: Region) -> Iterator[Value]:
    """Every value bound in the region: params and results, regions inside included."""
    yield from region.params
    for op in region.ops:
        for inner in op.regions:
            yield from values(inner)
        yield from op.results


def uses(region: Region) -> dict[Operand, list[Op]]:
    """Value -> the ops that take it as an operand."""
    table: dict[Operand, list[Op]] = {}
    for op in walk(region):
        for arg in op.args:
            if isinstance(arg, Value):
                table.setdefault(arg, []).append(op)
    return table


def free(*regions: Region) -> list[Value]:
    """Values that the regions use and do not bind, in order of first use."""
    bound = {v for r in regions for v in values(r)}
    found: dict[Value, None] = {}
    for region in regions:
        for op in walk(region):
            for arg in op.args:
                if isinstance(arg, Value) and arg not in bound:
                    found[arg] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an op stands: its region, its index there, and the op that owns the region (None: the function)."""

    region: Region
    index: int
    owner: Op | None


class Structure:
    """Parents and positions of a function that is not being changed."""

    def __init__(self, fn: Function):
        self.place: dict[Op, Place] = {}
        self.definer: dict[Value, Op] = {}
        self.home: dict[Value, Region] = {}
        self.owner: dict[Region, Op | None] = {fn.body: None}
        self.uses = uses(fn.body)
        self._visit(fn.body, None)

    def _visit(self, region: Region, owner: Op | None) -> None:
        self.owner[region] = owner
        for param in region.params:
            self.home[param] = region
        for index, op in enumerate(region.ops):
            self.place[op] = Place(region, index, owner)
            for result in op.results:
                self.definer[result], self.home[result] = op, region
            for inner in op.regions:
                self._visit(inner, op)

    def ancestors(self, op: Op) -> list[Op]:
        """The ops around `op`, innermost first."""
        chain = []
        owner = self.place[op].owner
        while owner is not None:
            chain.append(owner)
            owner = self.place[owner].owner
        return chain

    def loops(self, op: Op) -> list[Op]:
        """The loops around `op`, innermost first."""
        return [a for a in self.ancestors(op) if a.name != "if"]


def resolve(env: Env, operand: Operand) -> Operand:
    """The operand's image: itself where the environment does not rename it."""
    return env.get(operand, operand) if isinstance(operand, Value) else operand


def clone_op(op: Op, env: Env) -> Op:
    """A copy of `op` with renamed operands and fresh results; `env` learns the new names."""
    args = [resolve(env, a) for a in op.args]
    regions = [clone_region(r, env) for r in op.regions]
    results = [Value(r.name, r.type) for r in op.results]
    env.update(zip(op.results, results, strict=True))
    return Op(op.name, args, results, dict(op.attrs), regions, op.loc)


def clone_region(region: Region, env: Env) -> Region:
    params = [Value(p.name, p.type) for p in region.params]
    env.update(zip(region.params, params, strict=True))
    return Region(params, [clone_op(op, env) for op in region.ops])


def clone(fn: Function) -> Function:
    """A deep copy: no value, op or region is shared."""
    env: Env = {}
    body = clone_region(fn.body, env)
    mut = {v for p in fn.mut if isinstance(v := env[p], Value)}
    return Function(fn.name, body, mut, fn.doc)


def substitute(region: Region, env: Env) -> None:
    """Rename operands in place."""
    for op in walk(region):
        op.args = [resolve_all(env, a) for a in op.args]


def resolve_all(env: Env, operand: Operand) -> Operand:
    """Follow renamings to their end."""
    while isinstance(operand, Value) and operand in env:
        operand = env[operand]
    return operand


def map_regions(op: Op, change: Callable[[Region], Region]) -> Op:
    """The op with each region replaced; results and operands as they are."""
    return Op(op.name, op.args, op.results, op.attrs, [change(r) for r in op.regions], op.loc)


def is_const(operand: Operand, value: object | None = None) -> bool:
    return isinstance(operand, Const) and (value is None or operand.value == value)


def known_trips(loop: Op) -> int | None:
    """How often a `for` between literals runs its body; None for other loops."""
    if loop.name != "for" or not all(isinstance(a, Const) for a in loop.args[:3]):
        return None
    lo, hi, step = (int(a.value) for a in loop.args[:3])  # type: ignore[union-attr]
    return len(range(lo, hi, step))
