"""Forward mode for a loop inside of reverse mode, where little goes in and nobody knows how often it runs.

    %y: f64 = while with (%u: f64 = %x) {        %r: f64, %r_dot: f64 = while with (%u = %x, %u_dot = 1.0) {
      ...                                          ...
    }                                     ->     }
                                                 %y: f64 = attach1 %r, %x, %r_dot

A `while` over scalars, of few active values, is differentiated along with what it computes: its adjoint is a product,
and nothing is kept of its iterations. `attach1 %r, %x, %p` is r, with the derivative p by x: p is an ordinary value, so
the next order differentiates the loop that made it.
"""

from __future__ import annotations

from collections.abc import Sequence

from adcompiler.analysis.activity import Activity
from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import inside, is_ordered, writes
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import Env, Structure, clone_op, clone_region, free, resolve_all, substitute, walk
from adcompiler.transforms.forward import forward

MOST = 2  # directions at most: each is as much work as the loop itself
PUT_OFF = ("custom", "push", "pop", "stack")


def regional(fn: Function, wrt: Sequence[Value], outputs: Sequence[Operand]) -> Function:
    """The function with the tangents of such loops beside them; `fn` itself where it has none."""
    if not any(_open(op) for op in walk(fn.body)):
        return fn
    structure = Structure(fn)
    activity = Activity(fn, wrt, outputs, Aliases(fn, structure))
    found = [op for op in walk(fn.body) if _open(op) and _few(op, activity, structure)]
    inner = {o for op in found for o in inside(op) if o is not op}
    chosen = {op: _inputs(op, activity, structure) for op in found if op not in inner}
    return _replaced(fn, chosen) if chosen else fn


def _open(op: Op) -> bool:
    """A loop of which nobody knows how often it runs."""
    return op.name == "while"


def _few(loop: Op, activity: Activity, structure: Structure) -> bool:
    """Do few active scalars go in, and nothing but scalars come out?"""
    if is_ordered(loop) or writes(loop) or any(op.name in PUT_OFF for op in inside(loop)):
        return False
    if any(not isinstance(v.type, Scalar) for v in (*loop.results, *loop.carried)):
        return False
    if any(isinstance(v.type, Array) and activity.is_varied(v) for v in _outer([loop])):
        return False
    inputs, _ = _inputs(loop, activity, structure)
    dtypes = {v.type for v in (*inputs, *loop.results) if is_float(v.type)}
    return any(map(activity.active, loop.results)) and 0 < len(inputs) <= MOST and len(dtypes) == 1


def _inputs(loop: Op, activity: Activity, structure: Structure) -> tuple[list[Value], list[Op]]:
    """The active values that go into the loop; or fewer, of which those are made, with the ops that make them."""
    direct = [v for v in _outer([loop]) if activity.active(v)]
    ops: list[Op] = []
    sources, work = dict[Value, None](), list(direct)
    while work:
        v = work.pop()
        op = structure.definer.get(v)
        if op is None or not _simple(op) or structure.place[op].region is not structure.place[loop].region:
            sources[v] = None
        elif op not in ops:
            ops.append(op)
            work += [a for a in op.args if activity.active(a)]  # type: ignore[misc]
    if len(sources) >= len(direct):
        return direct, []
    return list(sources), sorted(ops, key=lambda op: structure.place[op].index)


def _simple(op: Op) -> bool:
    """Arithmetic of scalars that is not worth keeping."""
    entry = OPS.get(op.name)
    return entry is not None and entry.kind == "elementwise" and entry.cheap and isinstance(op.result.type, Scalar)


def _outer(ops: Sequence[Op]) -> list[Value]:
    """Values from outside that the ops use."""
    return free(Region([], list(ops)))


def _replaced(fn: Function, chosen: dict[Op, tuple[list[Value], list[Op]]]) -> Function:
    """A copy of the function with loops that carry their tangents."""
    env: Env = {}
    body = clone_region(fn.body, env)
    copies = dict(zip(walk(fn.body), walk(body), strict=True))
    spots = {
        copies[loop]: ([v for x in inputs if isinstance(v := env[x], Value)], [copies[op] for op in ops])
        for loop, (inputs, ops) in chosen.items()
    }
    renamed: Env = {}
    for region in [body, *(r for op in walk(body) for r in op.regions)]:
        ops: list[Op] = []
        for op in region.ops:
            ops += _with_tangents(op, *spots[op], renamed) if op in spots else [op]
        region.ops = ops
    substitute(body, renamed)
    return Function(fn.name, body, {v for p in fn.mut if isinstance(v := env[p], Value)}, fn.doc)


def _with_tangents(loop: Op, inputs: list[Value], before: list[Op], renamed: Env) -> list[Op]:
    """The loop with its tangents by each input, and what its results are from then on; `before`: ops that make
    what the loop starts with of the inputs."""
    outer = list(dict.fromkeys([*inputs, *_outer([*before, loop])]))
    params = [Value(v.name, v.type) for v in outer]
    env: Env = dict(zip(outer, params, strict=True))
    copies = [clone_op(op, env) for op in (*before, loop)]
    end = Op("return", list(copies[-1].results), loc=loop.loc)
    alone = Function("loop", Region(params, [*copies, end]))
    made = forward(alone, [outer.index(v) for v in inputs], width=len(inputs))
    b = Builder(Region(), loop.loc)
    seeds = [const(float(j == k), v.type) for j, v in enumerate(inputs) for k in range(len(inputs))]  # type: ignore[arg-type]
    returned = _inlined(b, made, [*outer, *seeds])
    tangents = iter(returned[len(loop.results) :])
    for result, value in zip(loop.results, returned, strict=False):
        renamed[result] = value
        if is_float(result.type):
            pairs = [(v, p) for v in inputs if isinstance(p := next(tangents), Value)]
            operands = [x for pair in pairs for x in pair]
            if operands:
                renamed[result] = b.op(f"attach{len(pairs)}", value, *operands, hint=result.name)
    return b.region.ops


def _inlined(b: Builder, fn: Function, args: Sequence[Operand]) -> list[Operand]:
    """The function's body here; what it returns."""
    env: Env = dict(zip(fn.params, args, strict=True))
    for op in fn.body.ops[:-1]:
        b.add(clone_op(op, env))
    return [resolve_all(env, a) for a in fn.returns]
