"""Before a program is differentiated: every variable gets a value on every path (zero, or an array of size zero; it
is never read, but a transform may keep it, or make a shadow like it), and ops that decide are taken apart.
"""

from __future__ import annotations

from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, Type, is_float
from adcompiler.ir.walk import Env, clone, resolve_all, substitute, walk


def defined(fn: Function) -> Function:
    """The function without `undef` and without ops that have derivatives only as others (itself where it has none)."""
    if not any(op.name == "undef" or _expands(op) for op in walk(fn.body)):
        return fn
    fn = clone(fn)
    env: Env = {}
    _replace(fn.body, env)
    substitute(fn.body, env)
    return fn


def _replace(region: Region, env: Env) -> None:
    ops, region.ops = region.ops, []
    b = Builder(region)
    for op in ops:
        if op.name == "undef":
            with b.at(op.loc):
                env[op.result] = nothing(b, op.result)
            continue
        if _expands(op):
            env[op.result] = _expanded(b, op, env)
            continue
        for inner in op.regions:
            _replace(inner, env)
        region.ops.append(op)


def _expands(op: Op) -> bool:
    return op.name in OPS and OPS[op.name].expand is not None and is_float(op.result.type)


def _expanded(b: Builder, op: Op, env: Env) -> Operand:
    """What the op computes, by ops that have derivatives."""
    expand = OPS[op.name].expand
    assert expand is not None
    with b.at(op.loc):
        made: Operand = expand(b, op, [resolve_all(env, a) for a in op.args])
    if isinstance(made, Value):
        made.name = op.result.name
    return made


def nothing(b: Builder, value: Value) -> Operand:
    """What stands for a value on a path where it is neither made nor read."""
    t: Type = value.type
    if isinstance(t, Scalar):
        return const(0, t)
    assert isinstance(t, Array), "a tape is always defined"
    return b.op("empty", *[integer(0)] * t.rank, hint=value.name, dtype=t.dtype)
