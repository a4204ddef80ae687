"""The passes, in the order in which they run by default."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from adcompiler.ir.core import Function
from adcompiler.ir.verify import verify as check
from adcompiler.passes import (
    arrange,
    bounds,
    branches,
    buffers,
    checks,
    cse,
    dce,
    elements,
    fold,
    fresh,
    hoist,
    induction,
    lanes,
    reuse,
    schedule,
    small,
    stack,
    sums,
    tapes,
)

Pass = Callable[[Function], Function]
Observer = Callable[[str, Function], None]

PASSES: dict[str, Pass] = {
    "fold": fold.run,
    "cse": cse.run,
    "dce": dce.run,
    "branches": branches.run,
    "hoist": hoist.run,
    "elements": elements.run,
    "fresh": fresh.run,
    "tapes": tapes.run,
    "arrange": arrange.run,
    "schedule": schedule.run,
    "bounds": bounds.run,
    "induction": induction.run,
    "checks": checks.run,
    "small": small.run,
    "sums": sums.run,
    "lanes": lanes.run,
    "buffers": buffers.run,
    "reuse": reuse.run,
    "stack": stack.run,
}


# Without reassociation, and with the sign of zero kept.
STRICT: dict[str, Pass] = PASSES | {
    "fold": fold.run_strict,
    "fresh": lambda fn: fn,
    "arrange": lambda fn: fn,
    "sums": lambda fn: fn,
    "lanes": lambda fn: fn,
}


def run_passes(
    fn: Function,
    names: Iterable[str],
    disable: Collection[str] = (),
    verify: bool = False,
    observer: Observer | None = None,
    strict: bool = False,
) -> Function:
    """Run the named passes in the given order, except those disabled; `observer` sees the function after each."""
    table = STRICT if strict else PASSES
    for name in names:
        if name in disable:
            continue
        fn = table[name](fn)
        if verify:
            check(fn)
        if observer is not None:
            observer(name, fn)
    return fn
