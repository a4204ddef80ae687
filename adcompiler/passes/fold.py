"""Computes what is known, applies identities, and takes apart control flow that is decided.

%a: f64 = mul %x, 1.0
%b: f64 = neg %y
%c: f64 = add %a, %b             %c: f64 = sub %x, %y
%d: f64 = if true {       ->
  yield %c                       return %c
} else { ... }
return %d
"""

from __future__ import annotations

import numpy as np

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import allocates, entry, writes
from adcompiler.analysis.shapes import Shape, Shapes
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import CONTROL, TERMINATORS, Const, Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.types import Array, Scalar, np_dtype
from adcompiler.ir.walk import Env, known_trips, resolve_all, substitute, uses
from adcompiler.passes.algebra import RULES, Scene, is_number
from adcompiler.passes.carried import settled

ROUNDS = 10


def run(fn: Function, strict: bool = False) -> Function:
    """Fold until nothing changes."""
    for _ in range(ROUNDS):
        folder = _Folder(fn, strict)
        folder.region(fn.body)
        substitute(fn.body, folder.env)
        if not folder.changed:
            break
    return fn


def run_strict(fn: Function) -> Function:
    """Fold without reassociation, and with the sign of zero kept."""
    return run(fn, strict=True)


class _Folder:
    """One round over the function."""

    def __init__(self, fn: Function, strict: bool):
        self.strict = strict
        self.env: Env = {}
        self.definer: dict[Value, Op] = {}
        self.count = {v: len(ops) for v, ops in uses(fn.body).items()}
        self.aliases, self.shapes = Aliases(fn), Shapes(fn)
        self.returned = {root for a in fn.returns for root in self.aliases.roots(a)}
        self.owned = {*self.returned, *fn.params}  # memory that is a result already, or the caller's
        self.changed = False

    def region(self, region: Region) -> None:
        out = Region(region.params)
        for op in region.ops:
            op.args = [resolve_all(self.env, a) for a in op.args]
            self.op(op, out)
        region.ops = out.ops

    def op(self, op: Op, out: Region) -> None:
        """Fold one op; what stays goes to `out`."""
        if op.name in CONTROL:
            self.control(op, out)
            return
        replacement = self.simpler(op, out)
        if replacement is not None:
            self.replace(op.result, replacement)
        elif self.vacuous(op):
            self.changed = True
        else:
            self.bare(op, out)
            self.keep(op, out)

    def keep(self, op: Op, out: Region) -> None:
        out.ops.append(op)
        self.definer.update(dict.fromkeys(op.results, op))

    def replace(self, value: Value, operand: Operand) -> None:
        self.env[value] = operand
        self.changed = True

    def vacuous(self, op: Op) -> bool:
        """raise_if false; v += 0.0 where the index is safe."""
        if op.name in ("update", "accumulate"):
            return is_number(op.args[-1], 0) and not entry(op).may_raise(op)  # type: ignore[union-attr,misc]
        return op.name == "raise_if" and op.args[0] == const(False, Scalar("b1"))

    # Plain ops.
    def simpler(self, op: Op, out: Region) -> Operand | None:
        """What the result can be replaced by; ops it needs go to `out`."""
        if op.name in TERMINATORS or len(op.results) != 1:
            return None
        known = self.computed(op) or self.of_extents(op) or self.whole(op)
        if known is not None:
            return known
        draft = Region()
        scene = Scene(self.definer, self.count, Builder(draft, op.loc), self.extents, self.unchanged, self.strict)
        found = self.spread(op, scene)
        if found is None and op.name in RULES:
            found = RULES[op.name](scene, op)
        if found is None or not self.fits(op, found, draft):
            return None
        for new in draft.ops:
            self.keep(new, out)
            if found in new.results and _is_array(found):
                self.aliases.stand_in(found, op.result)  # type: ignore[arg-type]
        return found

    def of_extents(self, op: Op) -> Operand | None:
        """Extents that are known, and comparisons of extents that are one."""
        if op.name == "dim":
            extent = self.shapes.shape(op.args[0])[op.attrs["axis"]]
            return const(extent, Scalar("i64")) if isinstance(extent, int) else None
        if op.name not in ("eq", "ne") or any(a.type != Scalar("i64") for a in op.args):
            return None
        a, b = map(self.shapes.integer, op.args)
        return const(op.name == "eq", Scalar("b1")) if a == b else None

    def whole(self, op: Op) -> Operand | None:
        """x where the op is a view of all of x, as it is: x[:len(x)], or x reshaped to its own shape."""
        x = op.args[0] if op.name in ("view", "reshape") else None
        mine = op.result.type
        if x is None or not (isinstance(mine, Array) and isinstance(x.type, Array) and mine.strided == x.type.strided):
            return None
        if any(item in ("n", "i") or item[2] == "1" for item in op.attrs.get("index", ())):
            return None
        return x if self.same_shape(op.result, x) else None

    def fits(self, op: Op, found: Operand, draft: Region) -> bool:
        """Has what was found the type of the result, and may their memory be one?"""
        mine, other = op.result.type, found.type
        if isinstance(mine, Scalar):
            return mine == other
        if not (isinstance(mine, Array) and isinstance(other, Array)):
            return False
        if mine.dtype != other.dtype or mine.rank != other.rank:
            return False
        fresh = any(found in new.results for new in draft.ops)
        return fresh or self.stands_for(op, found)

    def stands_for(self, op: Op, found: Operand) -> bool:
        """Can `found`, an array at hand, be used for the fresh memory of the same content that `op` makes?"""
        if not isinstance(found, Value) or (isinstance(found.type, Array) and found.type.strided):
            return False
        mine, theirs = self.aliases.roots(op.result), self.aliases.roots(found)
        if not mine or any(self.aliases.writers.get(r) for r in mine):
            return False
        if mine & self.returned and (not theirs or theirs & self.owned):
            return False
        if any(self.aliases.writers.get(r) for r in theirs) and not self.settled(op, theirs):
            return False
        if not self.same_shape(op.result, found):
            return False
        if mine & self.returned:
            self.owned |= theirs
        return True

    def settled(self, op: Op, roots: frozenset[Value]) -> bool:
        """Is the memory not written any more once `op` has run? (Not said of ops made in this round.)"""
        if op not in self.shapes.structure.place:
            return False
        return not self.aliases.written_after(op, roots)

    def unchanged(self, op: Op) -> bool:
        """Is what `op` read from arrays not written any more, and what it made never? (Arrays made in this round are
        not in the tables yet: nothing is known of them.)"""
        for a in (a for a in (*op.args, *op.results) if isinstance(a.type, Array)):
            roots = self.aliases.roots(a)
            written = any(self.aliases.writers.get(r) for r in roots)
            if not roots or (written and (a in op.results or not self.settled(op, roots))):
                return False
        return True

    def same_shape(self, a: Operand, b: Operand) -> bool:
        extents = self.extents(a)
        return extents is not None and extents == self.extents(b)

    def extents(self, operand: Operand) -> Shape | None:
        """None for ops made in this round, which are not in the table of shapes yet."""
        if isinstance(operand, Value) and operand not in self.shapes.structure.home:
            return None
        return self.shapes.shape(operand)

    def computed(self, op: Op) -> Const | None:
        """The value of a cheap op on literals. (Others stay: libm's last bit differs from NumPy's.)"""
        table = entry(op)
        if table is None or table.evaluate is None or not table.cheap or not op.args:
            return None
        if not all(isinstance(a, Const) for a in op.args) or not isinstance(op.result.type, Scalar):
            return None
        if table.may_raise is not None and table.may_raise(op):
            return None
        args = [np_dtype(a.type).type(a.value) for a in op.args if isinstance(a, Const)]
        with np.errstate(all="ignore"):
            value = table.evaluate(*args, **{k: v for k, v in op.attrs.items() if k != "checked"})
        return const(np.asarray(value).astype(np_dtype(op.result.type)).item(), op.result.type)

    # Scalars that were spread over arrays only to meet other arrays.
    def spread(self, op: Op, scene: Scene) -> Operand | None:
        """f(spread s, spread t) -> spread f(s, t), for elementwise f."""
        table = entry(op)
        if table is None or table.kind != "elementwise" or not isinstance(op.result.type, Array) or not table.allocates:
            return None
        sources = [self.spread_scalar(a) for a in op.args if isinstance(a.type, Array)]
        if any(s is None for s in sources) or len({self.extents(a) for a in op.args if _is_array(a)}) != 1:
            return None
        args = [self.spread_scalar(a) or a for a in op.args]
        model = next(self.definer[a].args[1] for a in op.args if isinstance(a, Value) and _is_array(a))
        inner = scene.build.op(op.name, *args, **op.attrs)
        return scene.build.op("broadcast_like", inner, model, hint=op.result.name)

    def spread_scalar(self, operand: Operand) -> Operand | None:
        """s where the operand is s spread over an array that nobody writes to."""
        op = self.definer.get(operand) if isinstance(operand, Value) else None
        if op is None or op.name != "broadcast_like" or not isinstance(op.args[0].type, Scalar):
            return None
        written = any(self.aliases.writers.get(r) for r in self.aliases.roots(op.result))
        return None if written or operand not in self.shapes.structure.home else op.args[0]

    def uncopied(self, op: Op) -> None:
        """Read an array instead of its copy where nothing writes it in between."""
        places = self.shapes.structure.place
        for k, arg in enumerate(op.args):
            copy = self.definer.get(arg) if isinstance(arg, Value) else None
            if copy is None or copy.name != "copy" or self.count.get(arg) != 1 or not {copy, op} <= places.keys():
                continue
            here, there = places[copy], places[op]
            roots = self.aliases.roots(copy.args[0])
            between = here.region.ops[here.index + 1 : there.index] if here.region is there.region else None
            if between is None or not roots:
                continue
            if any(r in roots for o in between for a in writes(o) for r in self.aliases.roots(a)):
                continue
            op.args[k], self.changed = copy.args[0], True

    def spread_array(self, operand: Operand, out: Region) -> Operand | None:
        """a where the operand is the array a spread over another, seen so that broadcasting spreads it as well."""
        op = self.definer.get(operand) if isinstance(operand, Value) else None
        if op is None or op.name != "broadcast_like" or not _is_array(op.args[0]) or not self.unchanged(op):
            return None
        axes = op.attrs.get("axis")
        if axes is None or op.attrs.get("keepdims"):
            return op.args[0]
        assert isinstance(operand.type, Array)
        items = tuple("n" if k in axes else "000" for k in range(operand.type.rank))
        view = Builder(out, op.loc).op("view", op.args[0], index=items, hint=getattr(op.args[0], "name", "t"))
        self.definer[view] = out.ops[-1]
        return view

    def bare(self, op: Op, out: Region) -> None:
        """Use a scalar or a smaller array in place of its spread where broadcasting does the same."""
        table = entry(op)
        if table is None:
            return
        if allocates(op) and not table.writes and op.name != "copy":
            self.uncopied(op)
        if table.kind == "memory" and len(op.args) == 2 and _is_array(op.args[1]):
            source = self.spread_scalar(op.args[1])
            if source is not None and self.shapes.fits(op.args[1], op.args[0]):
                op.args[1], self.changed = source, True
        elif table.kind == "elementwise" and allocates(op):
            for k, arg in enumerate(op.args):
                others = [a for j, a in enumerate(op.args) if j != k and _is_array(a)]
                if not any(self.same_shape(a, arg) for a in others):
                    continue
                source = self.spread_scalar(arg) or self.spread_array(arg, out)
                if source is not None:
                    op.args[k], self.changed = source, True

    # Control flow.
    def control(self, op: Op, out: Region) -> None:
        if op.name == "if" and isinstance(op.args[0], Const):
            self.splice(op.regions[0 if op.args[0].value else 1], op, out)
            return
        if _never_runs(op):
            for result, init in zip(op.results, op.inits, strict=True):
                self.replace(result, init)
            return
        if op.name != "if":
            for value, operand in settled(op).items():
                self.replace(value, operand)
        if op.name == "if" and isinstance(op.args[0], Value) and self.count.get(op.args[0], 0) > 1:
            for inner, holds in zip(op.regions, (True, False), strict=True):
                substitute(inner, {op.args[0]: const(holds, Scalar("b1"))})
        for inner in op.regions:
            self.region(inner)
        if op.name == "if":
            then, orelse = (yielded(r) for r in op.regions)
            inner_values = {v for r in op.regions for o in r.ops for v in o.results}
            known: dict[tuple[Operand, Operand], Value] = {}
            for result, a, b in zip(op.results, then, orelse, strict=True):
                if a == b and a not in inner_values:
                    self.replace(result, a)
                elif known.setdefault((a, b), result) is not result:
                    self.replace(result, known[a, b])
        self.keep(op, out)

    def splice(self, region: Region, op: Op, out: Region) -> None:
        """Put a branch that is always taken in the place of the `if`."""
        self.changed = True
        for inner in region.ops[:-1]:
            inner.args = [resolve_all(self.env, a) for a in inner.args]
            self.op(inner, out)
        for result, operand in zip(op.results, region.terminator.args, strict=True):
            self.env[result] = resolve_all(self.env, operand)


def _is_array(operand: Operand) -> bool:
    return isinstance(operand.type, Array)


def _never_runs(op: Op) -> bool:
    """A loop that certainly makes no trip (and whose test has no ops that would still run)."""
    if op.name == "for":
        return known_trips(op) == 0
    if op.name != "while" or len(op.regions[0].ops) > 1:
        return False
    return op.regions[0].terminator.args[0] == const(False, Scalar("b1"))
