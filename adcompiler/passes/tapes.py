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
    """Merge arrays that are written by one op each, the same value at the same place."""
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
        slot = structure.definer[store.args[0]]  # type: ignore[index]
        place = (*slot.args[1:], slot.attrs["index"]) if slot is not alloc else ()
        key = (structure.place[alloc].region, structure.place[store].region, tuple(alloc.args), place,
               tuple(store.args[1:]), alloc.result.type)  # fmt: skip
        if key not in first:
            first[key] = alloc, store
            continue
        kept, written = first[key]
        if structure.place[written].index < structure.place[store].index or _read_later(alloc, store, slot, structure):
            env[alloc.result] = kept.result
            gone |= {alloc, store, slot}
    for region in [fn.body, *(r for op in walk(fn.body) for r in op.regions)]:
        region.ops = [op for op in region.ops if op not in gone]
    substitute(fn.body, env)
    return fn


def _read_later(alloc: Op, store: Op, slot: Op, structure: Structure) -> bool:
    """Is the array read only outside of the region that fills it, where all that it is filled with is in place?"""
    owner = structure.place[store].owner
    readers = [u for u in structure.uses.get(alloc.result, ()) if u not in (store, slot)]
    return owner is not None and not any(owner in structure.ancestors(u) for u in readers)


def _only_store(alloc: Op, structure: Structure, aliases: Aliases) -> Op | None:
    """The one op that writes the array, if that cannot raise: a store, or a row that is assigned an array which does
    not change. Otherwise it is only read, element by element or by rows."""
    array: Value = alloc.result
    writers = aliases.writers.get(array, [])
    uses = structure.uses.get(array, [])
    if len(writers) != 1 or any(u.name not in ("load", "store", "dim", "view") for u in uses):
        return None
    (store,) = writers
    if store.name == "store":
        return store if store.args[0] is array and store.attrs.get("safe") else None
    target, value = store.args
    slot = structure.definer.get(target) if isinstance(target, Value) else None
    if slot not in uses or structure.uses[target] != [store] or any(map(aliases.writers.get, aliases.roots(value))):
        return None
    return store if store.name == "assign" and store.attrs.get("checked") else None
