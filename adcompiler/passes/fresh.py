"""Gives adjoint arrays their first value directly, and adds to them in place in loops.

    %x_bar: f64[n] = zeros_like %x
    %v: f64[n] = mul %g, %x          ->    %x_bar: f64[n] = mul %g, %x
    accumulate %x_bar, %v

    %w_bar: f64[n] = for %i in 0..%n with (%a: f64[n] = %w0) {      for %i in 0..%n {
      %v: f64[n] = ...                                                %v: f64[n] = ...
      %b: f64[n] = add %a, %v                                  ->     accumulate %w0, %v
      yield %b                                                        yield
    }                                                               }

Takes 0.0 + v as v, so it does not run in strict mode.
"""

from __future__ import annotations

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import allocates, entry, inside, reads, writes
from adcompiler.analysis.shapes import Shapes
from adcompiler.ir.build import Builder
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.naming import is_adjoint
from adcompiler.ir.types import Array, Scalar
from adcompiler.ir.walk import Env, Structure, substitute, walk

ZEROS = ("zeros", "zeros_like")


def run(fn: Function) -> Function:
    """Accumulate in place, then start with the first contribution."""
    _in_place(fn)
    _undo(fn)
    while _start_directly(fn):
        pass
    return fn


# Adding in place.
def _in_place(fn: Function) -> None:
    structure, env = Structure(fn), Env()
    shapes = Shapes(fn, structure)
    found: list[tuple[Operand, tuple[Slots, Op]]] = []
    for loop in [op for op in walk(fn.body) if op.name in ("for", "while")]:
        for k, init in enumerate(loop.inits):
            definer = structure.definer.get(init) if isinstance(init, Value) else None
            if definer is None or not allocates(definer) or structure.uses[init] != [loop]:
                continue
            if structure.place[definer].region is not structure.place[loop].region:
                continue  # it starts from the same array more than once
            adds = _adds(structure, shapes, loop, k)
            if adds is not None:
                found.append((init, adds))
    for init, adds in found:
        _take_out(init, adds, env)
    substitute(fn.body, env)


Slots = list[tuple[Op, Value]]  # loops and params


def _adds(structure: Structure, shapes: Shapes, loop: Op, k: int) -> tuple[Slots, Op] | None:
    """The `add` that is all that happens to the carried array, with the slots it passes through on the way."""
    param, after = loop.carried[k], loop.yields[k]
    op = structure.definer.get(after) if isinstance(after, Value) else None
    if op is None or structure.place[op].region is not loop.body or structure.uses.get(after) != [loop.body.terminator]:
        return None
    if structure.uses.get(param) != [op] or sum(a is param for a in op.args) != 1 or op.args.count(after) > 1:
        return None
    if op.name in ("for", "while") and param in op.inits:
        j = op.inits.index(param)
        inner = _adds(structure, shapes, op, j) if op.results[j] is after else None
        return inner and ([(loop, param), *inner[0]], inner[1])
    if op.name != "add" or not isinstance(param.type, Array) or param.type.dtype[0] != "f":
        return None
    other = op.args[1] if op.args[0] is param else op.args[0]
    return ([(loop, param)], op) if other.type == after.type and shapes.same(other, param) else None


def _take_out(init: Operand, adds: tuple[Slots, Op], env: Env) -> None:
    """Accumulate into the initial array, and carry it no more."""
    slots, op = adds
    other = op.args[1] if op.args[0] is slots[-1][1] else op.args[0]
    op.name, op.args, op.results, op.attrs = "accumulate", [init, other], [], {}
    for owner, param in slots:
        count, j = len(owner.carried), owner.carried.index(param)
        env[param] = env[owner.results[j]] = init
        del owner.args[len(owner.args) - count + j]
        del owner.body.terminator.args[j]
        params = owner.regions[0].params
        del params[len(params) - count + j]
        del owner.results[j]


def _undo(fn: Function) -> None:
    """Take out `t = copy v; v[:] = 0; v += t`, where nothing looks at v in between."""
    aliases = Aliases(fn)
    for region in [fn.body, *(r for op in walk(fn.body) for r in op.regions)]:
        gone: set[Op] = set()
        for k, op in enumerate(region.ops):
            if op.name == "assign" and isinstance(op.args[1], Const) and op.args[1].value == 0:
                gone |= _returned(aliases, region.ops, k)
        region.ops = [op for op in region.ops if op not in gone]


def _returned(aliases: Aliases, ops: list[Op], k: int) -> set[Op]:
    """The `v[:] = 0` at k and the `v += t` that takes it back, if t was copied from v before."""
    handle, roots = ops[k].args[0], aliases.roots(ops[k].args[0])

    def touches(op: Op) -> bool:
        return any(aliases.roots(a) & roots for a in (*reads(op), *writes(op)))

    copied = next((o for o in reversed(ops[:k]) if touches(o)), None)
    added = next((o for o in ops[k + 1 :] if touches(o)), None)
    if copied is None or added is None or copied.name != "copy" or added.name != "accumulate":
        return set()
    if copied.args[0] is not handle or added.args != [handle, copied.result]:
        return set()
    return set() if aliases.writers.get(copied.result) else {ops[k], added}


# Starting with the first contribution.
def _start_directly(fn: Function) -> bool:
    structure = Structure(fn)
    shapes = Shapes(fn, structure)
    for op in walk(fn.body):
        if op.name in ZEROS and is_adjoint(op.result.name):
            region, index = structure.place[op].region, structure.place[op].index
            found = _first_contribution(region, index, op.result)
            if found and _replace(fn, structure, shapes, region, op, *found):
                return True
    return False


def _first_contribution(region: Region, index: int, handle: Value) -> tuple[int, list[Op]] | None:
    """Where `accumulate handle, v` is the first to touch the array, and the views made of it before."""
    handles, views = {handle}, []
    for k in range(index + 1, len(region.ops)):
        op = region.ops[k]
        table = entry(op)
        if table is not None and table.kind == "view" and op.args[0] in handles:
            handles.add(op.result)
            views.append(op)
        elif op.name in ("accumulate", "assign") and op.args[0] is handle and op.args[1] not in handles:
            return k, views
        elif any(a in handles for o in inside(op) for a in o.args):
            return None
    return None


def _replace(fn: Function, structure: Structure, shapes: Shapes, region: Region, alloc: Op, at: int,
             views: list[Op]) -> bool:  # fmt: skip
    """Put the contribution in the place of the allocation."""
    handle, first = alloc.result, region.ops[at]
    value = first.args[1]
    draft = Region()
    build = Builder(draft, first.loc)
    if isinstance(value.type, Scalar):
        if isinstance(value, Const) and value.value == 0:
            return False
        attrs = {"dims": alloc.attrs["dims"]} if alloc.name == "zeros" and "dims" in alloc.attrs else {}
        name = "full" if alloc.name == "zeros" else "broadcast_like"
        new = build.op(name, value, *alloc.args, hint=handle.name, **attrs)
    elif not shapes.same(handle, value):
        return False
    else:
        definer = structure.definer.get(value) if isinstance(value, Value) else None
        owned = definer is not None and definer.name not in CONTROL and allocates(definer)
        here = definer is not None and structure.place[definer].region is region
        if owned and here and structure.uses[value] == [first]:
            new = value
        else:
            new = build.op("copy", value, hint=handle.name)
    if new.type != handle.type:
        return False
    new.name = handle.name
    gone = {alloc, first, *views}
    region.ops = [
        o for k, op in enumerate(region.ops) for o in ([*draft.ops, *views] if k == at else [] if op in gone else [op])
    ]
    substitute(fn.body, {handle: new})
    return True
