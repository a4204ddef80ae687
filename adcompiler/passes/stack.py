"""Puts small arrays on the stack: what is made once in a call, has few elements, and is not kept by anybody.

    %t: f64[3] = empty 3        ->        %t: f64[3] = empty 3 {local=true}

LLVM then knows that no other array shares its memory, unrolls the short loops over it and keeps elements in registers.
Runs last: no pass that moves arrays or their memory may come after it.
"""

from __future__ import annotations

from adcompiler.analysis.alias import Aliases
from adcompiler.ir.core import Const, Function, Op, Region
from adcompiler.ir.walk import walk
from adcompiler.passes.buffers import few

IN_ALL = 4096  # elements of all of them in a function


def run(fn: Function) -> Function:
    """Mark allocations of open elements and literal extents, outside of loops, that do not outlive the call."""
    aliases = Aliases(fn)
    kept = set(aliases.outlives)
    for op in walk(fn.body):
        if op.name in ("return", "renew", "matmul_renewed"):
            kept |= {root for a in op.args for root in aliases.roots(a)}
    room = IN_ALL
    for op in _once(fn.body):
        size = few(a.value if isinstance(a, Const) else None for a in op.args) if op.name == "empty" else None
        if size is not None and size <= room and not kept & aliases.roots(op.result):
            op.attrs["local"] = True
            room -= size
    return fn


def _once(region: Region) -> list[Op]:
    """The ops that run at most once in a call."""
    inside = [inner for op in region.ops if op.name == "if" for r in op.regions for inner in _once(r)]
    return [*region.ops, *inside]
