"""Follows single elements through memory: what was just written is not read again, nor written for nothing.

    %x_bar: f64[n] = zeros_like %x         %x_bar: f64[n] = zeros_like %x
    update %x_bar[0] += %g
    %t: f64 = load %x_bar[0]        ->
    store %x_bar[0] = 0.0
    %u: f64 = mul %t, %a                   %u: f64 = mul %g, %a
    update %x_bar[1] += %u                 store %x_bar[1] = %u

Elements are told apart by literal indices of one sign; anything else that may be the same memory is. Within a
region, and into the regions inside for what they do not write.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import Effects, entry, own_writes, reads, writes
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.types import Array, Scalar
from adcompiler.ir.walk import Env, resolve_all, substitute

Place = tuple[Value, tuple[Operand, ...]]  # a handle and indices
ZEROS = ("zeros", "zeros_like")


def run(fn: Function) -> Function:
    """Forward stored elements to loads, then drop stores that nobody sees."""
    forwarder = _Forwarder(fn)
    forwarder.region(fn.body, _Known())
    substitute(fn.body, forwarder.env)
    _Dropper(fn).region(fn.body, {}, fn.body)
    return fn


def place_of(op: Op) -> Place | None:
    """The element that a load, store or update is about."""
    if op.name not in ("load", "store", "update") or not isinstance(op.args[0], Value):
        return None
    return op.args[0], tuple(op.args[1:] if op.name == "load" else op.args[1:-1])


def apart(a: Place, b: Place) -> bool:
    """Are these surely different elements of one handle?"""
    if a[0] is not b[0]:
        return False
    for i, j in zip(a[1], b[1], strict=True):
        if isinstance(i, Const) and isinstance(j, Const) and (i.value < 0) == (j.value < 0) and i.value != j.value:
            return True
    return False


@dataclass
class _Known:
    """Contents: of elements, and of handles whose other elements are all zero."""

    elements: dict[Place, Operand] = field(default_factory=dict)
    written: set[Place] = field(default_factory=set)
    zero: set[Value] = field(default_factory=set)

    def copy(self) -> _Known:
        return _Known(dict(self.elements), set(self.written), set(self.zero))


class _Forwarder:
    def __init__(self, fn: Function):
        self.aliases = Aliases(fn)
        self.env: Env = {}

    def region(self, region: Region, known: _Known) -> None:
        ops: list[Op] = []
        for op in region.ops:
            op.args = [resolve_all(self.env, a) for a in op.args]
            if op.name in CONTROL:
                self.control(op, known)
                ops.append(op)
            else:
                ops += self.op(op, known)
        region.ops = ops

    def control(self, op: Op, known: _Known) -> None:
        """What a loop writes may have been written before any of its ops; what a branch writes, after it."""
        written = list(writes(op))
        if op.name != "if":
            self.forget(known, written)
        for inner in op.regions:
            self.region(inner, known.copy())
        self.forget(known, written)

    def forget(self, known: _Known, handles: list[Operand]) -> None:
        """These handles are written somewhere, somehow."""
        roots = {r for h in handles for r in self.aliases.roots(h)}
        if not roots:
            return
        for place in [p for p in known.elements if self.aliases.roots(p[0]) & roots]:
            del known.elements[place]
        known.zero = {h for h in known.zero if not self.aliases.roots(h) & roots}

    def op(self, op: Op, known: _Known) -> list[Op]:
        place = place_of(op)
        if place is not None and all(not isinstance(i, Const) or i.type == Scalar("i64") for i in place[1]):
            return self.element(op, place, known)
        self.forget(known, own_writes(op))
        if op.name in ZEROS and _is_float_array(op.result):
            known.zero.add(op.result)
        if op.name == "assign" and isinstance(op.args[0], Value) and op.args[1] == _zero(op.args[0]):
            known.zero.add(op.args[0])
            known.written = {p for p in known.written if p[0] is not op.args[0]}
        return [op]

    def element(self, op: Op, place: Place, known: _Known) -> list[Op]:
        if op.name == "load":
            content = self.content(place, known, exact=bool(entry(op).may_raise(op)))  # type: ignore[union-attr,misc]
            if content is not None:
                self.env[op.result] = content
                return []
            known.elements[place] = op.result
            return [op]
        if op.name == "store":
            self.write(place, op.args[-1], known)
            return [op]
        old = self.content(place, known, exact=False) if place in known.written or place not in known.elements else None
        if old is None:
            self.write(place, None, known)
            return [op]
        draft = Region()
        total = Builder(draft, op.loc).op("add", old, op.args[-1], hint=_hint(place))
        op.name, op.args = "store", [*op.args[:-1], total]
        self.write(place, total, known)
        return [*draft.ops, op]

    def content(self, place: Place, known: _Known, exact: bool) -> Operand | None:
        """What the element holds; `exact`: only if this very element was seen."""
        if place in known.elements:
            return known.elements[place]
        if exact or place[0] not in known.zero or not all(isinstance(i, Const) for i in place[1]):
            return None
        others = [p for p in known.written if p[0] is place[0]]
        return _zero(place[0]) if all(apart(p, place) for p in others) else None

    def write(self, place: Place, value: Operand | None, known: _Known) -> None:
        handle = place[0]
        roots = self.aliases.roots(handle)
        for other in [p for p in known.elements if self.aliases.roots(p[0]) & roots and not apart(p, place)]:
            del known.elements[other]
        literal = all(isinstance(i, Const) for i in place[1])
        known.zero = {h for h in known.zero if (h is handle and literal) or not self.aliases.roots(h) & roots}
        known.written = {p for p in known.written if p in known.elements or p[0] in known.zero} | {place}
        if value is not None:
            known.elements[place] = value


def _hint(place: Place) -> str:
    return place[0].name if place[0].name.endswith(("_bar", "_dot")) else "t"


def _is_float_array(value: Value) -> bool:
    return isinstance(value.type, Array) and value.type.dtype[0] == "f"


def _zero(handle: Value) -> Const:
    assert isinstance(handle.type, Array)
    return const(0, Scalar(handle.type.dtype))


Dead = dict[Value, set[Place]]  # root -> elements that will be overwritten before anybody reads them


class _Dropper:
    """Walks backwards and drops stores to elements that are overwritten before they are read, and to memory that
    is not read any more."""

    def __init__(self, fn: Function):
        self.aliases, self.effects = Aliases(fn), Effects(fn)
        returned = {r for a in fn.returns for r in self.aliases.roots(a)}
        params = {p for p in fn.params if isinstance(p.type, Array)}
        self.lasting = returned | params | self.aliases.outlives
        self.params = params

    def region(self, region: Region, dead: Dead, body: Region | None = None) -> None:
        read: set[Value] = set()
        ops: list[Op] = []
        for op in reversed(region.ops):
            if self.droppable(op, dead, read if region is body else None):
                continue
            ops.append(op)
            self.note(op, dead)
            read |= {r for a in reads(op) for r in self.aliases.roots(a)}
            for inner in op.regions:
                self.region(inner, {}, body)
        region.ops = ops[::-1]

    def droppable(self, op: Op, dead: Dead, read: set[Value] | None) -> bool:
        """Does nobody see what the op writes? `read`: memory read further down, if that is all there is."""
        targets = own_writes(op)
        if op.name in CONTROL or not targets or op.results or self.effects._raises(op):
            return False
        roots = {r for a in targets for r in self.aliases.roots(a)}
        if any(not isinstance(a.type, Array) for a in targets):
            return False
        if read is not None and roots and not roots & (read | self.lasting):
            return True
        place = place_of(op)
        return place is not None and bool(roots) and all(place in dead.get(r, ()) for r in roots)

    def note(self, op: Op, dead: Dead) -> None:
        """Learn what `op` overwrites; forget what it reads."""
        place = place_of(op)
        if op.name == "store" and place is not None:
            for root in self.aliases.roots(place[0]):
                dead.setdefault(root, set()).add(place)
        for handle in reads(op):
            for root in self.aliases.roots(handle):
                if place is not None and root in dead:
                    dead[root] = {p for p in dead[root] if apart(p, place)}
                else:
                    dead.pop(root, None)
        if self.effects.may_raise(op):
            for root in self.params:
                dead.pop(root, None)
