"""Elementary functions that run for one number at a time: those that LLVM can't put into vectors where they stand.

    for i in range(n):               for i in range(n):
        y[i] = exp(x[i])   # not         s = exp(s) + x[i]   # alone

For one number libm is the faster one (exp: 5.0 ns against 14.0 where the next waits for it, log: 5.6 against 24.9;
sine and cosine of one number are one call), for vectors our own (runtime/simd.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from adcompiler.ir.core import CONTROL, TERMINATORS, Function, Op, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array
from adcompiler.ir.walk import known_trips, walk

UNROLLED = 8  # LLVM unrolls loops of so many iterations before it makes vectors of those around them
COMPARED = 8  # LLVM compares so many pairs of arrays for overlap before a loop; with more it makes no vectors
FASTER = frozenset(
    ["arccos", "arcsin", "cos", "erf", "exp", "exp2", "log", "log10", "log1p", "log2", "logaddexp", "pow", "sin", "tan"]
)  # of libm, for one number


def alone(fn: Function) -> set[Op]:
    """The ops of scalars that are better left to libm."""
    found: set[Op] = set()
    _visit(fn.body, False, found)
    return found


def _visit(region: Region, vectors: bool, found: set[Op]) -> None:
    """`vectors`: a loop around makes vectors of what is here."""
    for op in region.ops:
        if op.name in FASTER and not vectors:
            found.add(op)
        if op.name == "for" and not vectors and _makes_vectors(op):
            late = _after(op.carried, op.body)
            found |= {o for o in walk(op.body) if o.name in FASTER and any(a in late for a in o.args)}
            _visit(op.body, True, found)
        else:
            for inner in op.regions:
                _visit(inner, vectors, found)


def _makes_vectors(loop: Op) -> bool:
    """Is there nothing in the loop that LLVM makes no vectors of?"""
    return loop.until is None and all(map(_plain, walk(loop.body)))


def _plain(op: Op) -> bool:
    if op.name in TERMINATORS or op.name == "if":
        return True
    if op.name in CONTROL:
        trips = known_trips(op)
        return trips is not None and trips <= UNROLLED and op.until is None
    entry = OPS[op.name]
    if entry.ordered or any(isinstance(r.type, Array) and entry.kind != "view" for r in op.results):
        return False
    return entry.kind in ("elementwise", "memory", "view", "query")


def _after(start: Iterable[Value], region: Region) -> set[Value]:
    """What is computed of these values in the region."""
    late: set[Value] = set(start)
    known = -1
    while known < len(late):
        known = len(late)
        for op in walk(region):
            if any(a in late for a in (*op.args, *(y for r in op.regions for y in r.terminator.args))):
                late.update(op.results, *(r.params for r in op.regions))
    return late
