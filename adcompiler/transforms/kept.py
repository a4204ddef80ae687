"""Where a value of the forward sweep is kept for the reverse sweep.

    %h_tape: f64[:, n] = empty %trips, %n          one array before the loop, a slot of it for each iteration,
    for %t in 0..%trips {                          where the number of iterations and the extents are known there
      %h: f64[n] = ...
      assign (view %h_tape[%t, :]), %h
    }
    for %t in 0..%trips reversed {
      %h_1: f64[n] = view %h_tape[%t, :]

One more result of the branches around it, where there is no loop; else pushed on a tape that the reverse sweep pops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adcompiler.analysis.linear import Linear, build, linear, plus, scaled
from adcompiler.analysis.shapes import Extent, Shape
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import CONTROL, Const, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, Stack
from adcompiler.ir.walk import is_const
from adcompiler.transforms.defined import nothing

if TYPE_CHECKING:
    from adcompiler.transforms.residuals import Residuals, Sweep


class Kept:
    """The tapes of one function; `dims`: an axis of a parameter for each name of an extent."""

    def __init__(self, residuals: Residuals):
        self.residuals = residuals
        self.structure, self.forward = residuals.structure, residuals.forward
        self._pure = {v: op for v, op in self.structure.definer.items() if op.name not in CONTROL}
        self._dims: dict[str, tuple[Value, int]] = {}
        for p in residuals.root.params:
            for axis, dim in enumerate(p.type.dims if isinstance(p.type, Array) else ()):
                if isinstance(dim, str):
                    self._dims.setdefault(dim, (p, axis))

    def keep(
        self, value: Value, home: Region, at: Builder, sweep: Sweep, shape: Shape | None = None, written: bool = False
    ) -> Operand:
        """The value in the reverse sweep; `at` is where the forward sweep has it, in the copy of `home`.

        `shape`: of an array of which a copy will do, since nobody writes to it or it is wanted as it is at `at`
        (`written` later). Arrays without are kept as handles.
        """
        around = self._owners(home)
        loops = [op for op in around if op.name != "if"]
        nest = self._slots(loops) if isinstance(value.type, Scalar) else self._rooms(around, shape) if shape else []
        if nest:
            return self._in_slots(value, at, sweep, nest, shape or ())
        if written:
            value = at.op("copy", value, hint=f"{value.name}_saved")
        return self._on_tape(value, at, sweep) if loops else self._through_branches(value, home, around)

    def _owners(self, home: Region) -> list[Op]:
        owner = self.structure.owner[home]
        return [] if owner is None else [owner, *self.structure.ancestors(owner)]

    def _through_branches(self, value: Value, home: Region, around: list[Op]) -> Value:
        """One more result of every `if` around it; the other branch has no value for it."""
        for owner in around:
            site = self.forward.site[owner]
            result = Value(value.name, value.type)
            site.results.append(result)
            for primal, region in zip(owner.regions, site.regions, strict=True):
                inner: Operand = value
                if primal is not home:
                    inner = nothing(self.forward.before(region.terminator), value)
                region.terminator.args.append(inner)
            value, home = result, self.structure.place[owner].region
        return value

    def _on_tape(self, value: Value, at: Builder, sweep: Sweep) -> Operand:
        assert not isinstance(value.type, Stack)
        start = self.forward.head(self.forward.body)
        tape = start.op("stack", hint=f"{value.name}_tape", elem=value.type)
        at.do("push", tape, value)
        return sweep.head.op("pop", tape, hint=value.name)

    # Which loops have slots.
    def _slots(self, loops: list[Op]) -> list[Op]:
        """The loops, innermost first, whose iterations can index one array allocated before the outermost."""
        nest: list[Op] = []
        for loop in loops:
            if not _countable(loop):
                break
            if any(self._most([*nest, loop], k) is None for k in range(len(nest) + 1)):
                break
            nest.append(loop)
        return nest

    def _rooms(self, around: list[Op], shape: Shape) -> list[Op]:
        """The same for arrays, which have slots only where all of them are filled: not in branches, nor in loops of
        varying length."""
        nest: list[Op] = []
        for loop in around:
            if loop.name == "if" or not _countable(loop):
                break
            if any(not self._outside(a, loop) for inner in (*nest, loop) for a in inner.args[:3]):
                break
            if not all(self._known(extent, loop) for extent in shape):
                break
            nest.append(loop)
        return nest

    def _most(self, nest: list[Op], k: int) -> Linear | None:
        """The length of the k-th loop's range as a form of values from outside of the nest, innermost first: the
        greatest there is, where loops around it decide; None where that can't be said."""
        inner = nest[k]
        if all(self._outside(a, nest[-1]) for a in inner.args[:3]):
            return {}
        lo, hi = (self._linear(a) for a in inner.args[:2])
        form = plus(hi, scaled(lo, -1)) if _step(inner) > 0 else plus(lo, scaled(hi, -1))
        for loop in nest[k + 1 :]:
            by = form.pop(loop.regions[0].params[0], 0)
            lo, hi = (self._linear(a) for a in loop.args[:2])
            last = plus(hi, {None: -1 if _step(loop) > 0 else 1})
            form = plus(form, scaled(last if (by > 0) == (_step(loop) > 0) else lo, by))
        return form if all(v is None or self._outside(v, nest[-1]) for v in form) else None

    def _linear(self, operand: Operand) -> Linear:
        return linear(self._pure, operand)

    def _outside(self, operand: Operand, loop: Op) -> bool:
        if isinstance(operand, Const):
            return True
        home = self.structure.home[operand]
        regions = {self.structure.place[op].region for op in [loop, *self.structure.ancestors(loop)]}
        return home in regions

    # Slots.
    def _in_slots(self, value: Value, at: Builder, sweep: Sweep, nest: list[Op], shape: Shape) -> Operand:
        assert isinstance(value.type, Scalar | Array)
        outer = nest[-1]
        b = self.forward.before(self.forward.site[outer])
        counts = [self._trips(b, nest, k) for k in reversed(range(len(nest)))]
        extents = [self._extent(b, e) for e in shape]
        attrs = {"dims": (*[None] * len(nest), *value.type.dims)} if isinstance(value.type, Array) else {}
        tape = b.op("empty", *counts, *extents, hint=f"{value.name}_tape", dtype=value.type.dtype, tape=True, **attrs)
        alloc = b.region.ops[-1]
        indices = [_slot(at, self.forward.site[loop]) for loop in reversed(nest)]
        handle = self.residuals.born(tape, self.structure.place[outer].region, alloc, sweep)
        mirrored = [self._mirror(sweep, loop) for loop in reversed(nest)]
        if isinstance(value.type, Scalar):
            at.do("store", tape, *indices, value, safe=True)
            return sweep.head.op("load", handle, *mirrored, hint=value.name, safe=True)
        row = (*"i" * len(nest), *["000"] * len(shape))
        slot = at.op("view", tape, *indices, index=row, safe=True, hint=f"{tape.name}_view")
        at.do("assign", slot, value, checked=True)
        return sweep.head.op("view", handle, *mirrored, index=row, safe=True, hint=value.name)

    def _trips(self, b: Builder, nest: list[Op], k: int) -> Operand:
        """How many slots the k-th loop of a nest needs."""
        if all(self._outside(a, nest[-1]) for a in nest[k].args[:3]):
            return self._count(b, nest[k])
        form = self._most(nest, k)
        assert form is not None
        form = {self.forward.env[v] if isinstance(v, Value) else v: c for v, c in form.items()}
        return b.op("maximum", build(b, form), integer(0), hint="trips", tie="half")

    def _count(self, b: Builder, loop: Op) -> Operand:
        """The trip count of a `for`, built into the forward sweep."""
        lo, hi, step = self.forward.site[loop].args[:3]
        definer = self.structure.definer.get(loop.args[1]) if isinstance(loop.args[1], Value) else None
        counts = definer is not None and definer.name not in CONTROL and OPS[definer.name].kind == "query"
        return trips(b, lo, hi, step, counts)

    def _mirror(self, sweep: Sweep, loop: Op) -> Operand:
        """The slot of the reverse sweep's present iteration of `loop`."""
        fetch = self.residuals.fetch
        lo, _, step = (fetch(a, sweep) for a in loop.args[:3])
        return _ordinal(sweep.head, fetch(loop.regions[0].params[0], sweep), lo, step)

    # Extents before a loop.
    def _known(self, extent: Extent, loop: Op) -> bool:
        """Can the extent be had before the loop?"""
        if isinstance(extent, int):
            return True
        if isinstance(extent, str):
            return extent in self._dims
        if isinstance(extent, Value):
            return self._outside(extent, loop)
        kind, base = extent[:2]
        if kind == "times":
            return self._known(extent[2], loop)
        return (kind == "axis" and self._outside(base, loop)) or (kind == "less" and self._known(base, loop))

    def _extent(self, b: Builder, extent: Extent) -> Operand:
        """An extent that is known before the loops, as an operand."""
        if isinstance(extent, int):
            return integer(extent)
        if isinstance(extent, Value):  # if negative, it is refused where the program makes an array of it
            return b.op("maximum", self.forward.value(extent), integer(0), hint="n", tie="half")
        kind, base, by = extent if isinstance(extent, tuple) else ("axis", *self._dims[extent])
        if kind == "axis":
            return b.op("dim", self.forward.value(base), axis=by, hint="n")
        if kind == "times":
            return b.op("mul", integer(base), self._extent(b, by), hint="n")
        rest = b.op("sub", self._extent(b, base), integer(by), hint="n")
        return b.op("maximum", rest, integer(0), hint="n", tie="half")


def _countable(loop: Op) -> bool:
    """A `for` with a constant step and no early exit."""
    return loop.name == "for" and loop.until is None and isinstance(loop.args[2], Const)


def _step(loop: Op) -> int:
    assert isinstance(loop.args[2], Const)
    return int(loop.args[2].value)


def trips(b: Builder, lo: Operand, hi: Operand, step: Operand, counts: bool = False) -> Operand:
    """The number of iterations of range(lo, hi, step); `counts`: hi is known not to be negative."""
    assert isinstance(step, Const)
    if is_const(lo, 0) and is_const(step, 1) and (counts or (isinstance(hi, Const) and hi.value >= 0)):
        return hi
    start, stop = (b.handle(lo), b.handle(hi)) if step.value > 0 else (b.handle(hi), b.handle(lo))
    stride = abs(int(step.value))
    span = stop if is_const(start.operand, 0) else stop - start
    if stride != 1:
        padded = span + (stride - 1)
        span = padded.call("floordiv", padded, stride)
    return b.op("maximum", span.operand, integer(0), hint="trips", tie="half")


def _slot(b: Builder, loop: Op) -> Operand:
    lo, _, step = loop.args[:3]
    return _ordinal(b, loop.regions[0].params[0], lo, step)


def _ordinal(b: Builder, index: Operand, lo: Operand, step: Operand) -> Operand:
    """Which iteration of range(lo, ..., step) has this index."""
    if not is_const(lo, 0):
        index = b.op("sub", index, lo)
    return index if is_const(step, 1) else b.op("floordiv", index, step)
