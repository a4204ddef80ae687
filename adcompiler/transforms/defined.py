"""Before a program is differentiated, every variable gets a value on every path: zero, or an array of size zero.

It is never read, but a transform may keep it, or make a shadow like it.
"""

from __future__ import annotations

from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Function, Operand, Region, Value
from adcompiler.ir.types import Array, Scalar, Type
from adcompiler.ir.walk import Env, clone, substitute, walk


def defined(fn: Function) -> Function:
    """The function without `undef` (itself where there is none)."""
    if not any(op.name == "undef" for op in walk(fn.body)):
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
        for inner in op.regions:
            _replace(inner, env)
        region.ops.append(op)


def nothing(b: Builder, value: Value) -> Operand:
    """What stands for a value on a path where it is neither made nor read."""
    t: Type = value.type
    if isinstance(t, Scalar):
        return const(0, t)
    assert isinstance(t, Array), "a tape is always defined"
    return b.op("empty", *[integer(0)] * t.rank, hint=value.name, dtype=t.dtype)
