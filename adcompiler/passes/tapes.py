"""Keeps once what is kept twice: tapes of equal content become one, as differentiating twice makes them.

%a: f64[n] = empty %n                  %a: f64[n] = empty %n
%b: f64[n] = empty %n                  for %i in 0..%n {
for %i in 0..%n {                        store %a[%i] = %p
  store %a[%i] = %p             ->       yield
  store %b[%i] = %p                    }
  yield                                ... load %a[%k] ... load %a[%k]
}
... load %a[%k] ... load %b[%k]
"""

from __future__ import annotations

from collections.abc import Hashable

from adcompiler.analysis.alias import Aliases
from adcompiler.ir.core import Function, Op, Value
from adcompiler.ir.walk import Env, Structure, substitute, walk


def run(fn: Function) -> Function:
    """Merge arrays that are written by one store each, of the same value at the same place."""
    structure = Structure(fn)
    aliases = Aliases(fn, structure)
    returned = {r for a in fn.returns for r in aliases.roots(a)}
    first: dict[Hashable, tuple[Op, Op]] = {}
    env: Env = {}
    gone: set[Op] = set()
    for alloc in walk(fn.body):
        store = _only_store(alloc, structure, aliases) if alloc.name == "empty" else None
        if store is None or alloc.result in returned or alloc.result in aliases.outlives:
            continue
        key = (structure.place[alloc].region, structure.place[store].region, tuple(alloc.args), tuple(store.args[1:]),
               alloc.result.type)  # fmt: skip
        if key not in first:
            first[key] = alloc, store
            continue
        kept, written = first[key]
        if structure.place[written].index < structure.place[store].index:
            env[alloc.result] = kept.result
            gone |= {alloc, store}
    for region in [fn.body, *(r for op in walk(fn.body) for r in op.regions)]:
        region.ops = [op for op in region.ops if op not in gone]
    substitute(fn.body, env)
    return fn


def _only_store(alloc: Op, structure: Structure, aliases: Aliases) -> Op | None:
    """The one op that writes the array, if that is a store that cannot raise, and only loads read it."""
    array: Value = alloc.result
    writers = aliases.writers.get(array, [])
    uses = structure.uses.get(array, [])
    if len(writers) != 1 or any(u.name not in ("load", "store", "dim") for u in uses):
        return None
    (store,) = writers
    return store if store.name == "store" and store.args[0] is array and store.attrs.get("safe") else None
