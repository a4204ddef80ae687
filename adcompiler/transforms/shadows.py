"""Shadows: the adjoint memory of arrays that programs write to, or read by element.

Such memory has one shadow per root, and a view of the root has the same view of the shadow, so aliasing in the
adjoint is right by construction. Arrays that are only ever made and used whole need none: their adjoints are
values, like those of scalars.
"""

from __future__ import annotations

from adcompiler.analysis.activity import Activity
from adcompiler.analysis.alias import Aliases
from adcompiler.ir.build import Builder
from adcompiler.ir.core import CONTROL, Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, Stack
from adcompiler.ir.walk import Structure, values, walk
from adcompiler.transforms.defined import nothing
from adcompiler.transforms.residuals import Forward, Residuals, Sweep


class Shadows:
    def __init__(
        self,
        fn: Function,
        structure: Structure,
        aliases: Aliases,
        activity: Activity,
        forward: Forward,
        residuals: Residuals,
    ):
        self.fn, self.structure, self.aliases, self.activity = fn, structure, aliases, activity
        self.forward, self.residuals = forward, residuals
        self._memory: set[Value] = set()
        self._merged: set[Value] = set()
        self._joined = self._joins(fn.body)
        self._classify(fn.body)
        self._forward: dict[Value, tuple[Value, Op | None]] = {}
        self.tapes: dict[Value, Value] = {}
        self._mirror_params()
        self._mirror(fn.body)

    # Which arrays have shadows.
    def _classify(self, body: Region) -> None:
        params = set(body.params)
        for op in walk(body):
            if op.name in CONTROL or op.name not in OPS:
                continue
            entry = OPS[op.name]
            touched = set(entry.writes)
            if entry.kind == "memory" or (entry.kind == "view" and not entry.linear):
                touched.add(0)
            if entry.kind == "tape":
                touched |= set(range(len(op.args)))
                self._note(self._merged, *op.args, *op.results)
                self._note(self._memory, *op.results)
            self._note(self._memory, *(op.args[k] for k in touched))
        for value in values(body):
            definer = self.structure.definer.get(value)
            moved = definer.name in CONTROL if definer is not None else value not in params
            roots = self.aliases.roots(value)
            if (moved or len(roots) > 1) and not roots <= self._joined.keys():
                self._note(self._merged, value)

    def _joins(self, body: Region) -> dict[Value, Value]:
        """What arrays become where branches meet, if each is made in its branch and outside of it named only as the
        result: they have the shadow of the result, so that none travels."""
        joins: dict[Value, Value] = {}
        for op in walk(body):
            for k, result in enumerate(op.results if op.name == "if" else ()):
                sides = [(yielded(region)[k], region) for region in op.regions]
                if isinstance(result.type, Array) and all(self._ends(v, region) for v, region in sides):
                    joins |= {v: result for v, _ in sides if isinstance(v, Value)}
        while wrong := self._strays(body, joins):
            joins = {v: result for v, result in joins.items() if not self.aliases.roots(result) & wrong}
        return joins

    def _ends(self, v: Operand, region: Region) -> bool:
        """Is it made in the region, by an op or where branches meet, and yielded once?"""
        op = self.structure.definer.get(v) if isinstance(v, Value) else None
        if op is None or self.structure.place[op].region is not region or yielded(region).count(v) > 1:
            return False
        return op.name == "if" or self.aliases.roots(v) == {v}

    def _strays(self, body: Region, joins: dict[Value, Value]) -> set[Value]:
        """Of the memory that joins, what other handles name too: others that control flow or tapes have moved."""
        results, found = set(joins.values()), set(self.aliases.taped)
        params = set(body.params)
        for v in values(body):
            roots, definer = self.aliases.roots(v), self.structure.definer.get(v)
            moved = definer.name in CONTROL if definer is not None else v not in params
            if (moved and v not in results) or not roots <= joins.keys():
                found |= roots
        return found & joins.keys()

    def _note(self, kinds: set[Value], *operands: Operand) -> None:
        for v in operands:
            if isinstance(v.type, Array):
                kinds |= {self.activity.classes.find(r) for r in self.aliases.roots(v)}

    def _class_in(self, v: Operand, kinds: set[Value]) -> bool:
        return any(self.activity.classes.find(r) in kinds for r in self.aliases.roots(v))

    def has(self, v: Operand) -> bool:
        """Is the adjoint of v memory (rather than a value)?"""
        return isinstance(v.type, Array) and self.activity.active(v) and self._class_in(v, self._memory)

    def _travels(self, v: Operand) -> bool:
        return self.has(v) and self._class_in(v, self._merged)

    # Shadows that travel with their handles through branches, loops and tapes are made in the forward sweep.
    def _mirror_params(self) -> None:
        for p in self.fn.params:
            if self._travels(p):
                b = self.forward.head(self.forward.body)
                self._forward[p] = b.op("zeros_like", self.forward.value(p), hint=f"{p.name}_bar"), None

    def _copy(self, v: Operand) -> Value:
        assert isinstance(v, Value)
        return self._forward[v][0]

    def _mirror(self, region: Region) -> None:
        for op in region.ops:
            if op.name in CONTROL:
                self._mirror_control(op)
            elif op.name in OPS and OPS[op.name].kind == "tape":
                self._mirror_tape(op)
            else:
                self._mirror_op(op)

    def _mirror_op(self, op: Op) -> None:
        for result in op.results:
            if not self._travels(result):
                continue
            site = self.forward.site[op]
            b = self.forward.after(site)
            if OPS[op.name].kind == "view":
                attrs = {**op.attrs, "checked" if OPS[op.name].linear else "safe": True}
                made = b.op(op.name, self._copy(op.args[0]), *site.args[1:], hint=f"{result.name}_bar", **attrs)
            else:
                made = b.op("zeros_like", self.forward.value(result), hint=f"{result.name}_bar")
            self._forward[result] = made, b.region.ops[-1]

    def _mirror_control(self, op: Op) -> None:
        site = self.forward.site[op]
        moving = [k for k, r in enumerate(op.results) if self._travels(r)]
        if op.name == "if":
            for region in op.regions:
                self._mirror(region)
            ends = [(region, self.forward.region[region]) for region in op.regions]
        else:
            for k in moving:
                param = op.carried[k]
                shadow = Value(f"{param.name}_bar", param.type)
                site.regions[0].params.append(shadow)
                self._forward[param] = shadow, None
                init = op.inits[k]
                blank = None if self._travels(init) else self.forward.before(site)
                site.args.append(_blank(blank, param) if blank is not None else self._copy(init))
            self._mirror(op.body)
            ends = [(op.body, self.forward.region[op.body])]
        for primal, region in ends:
            extra = [self._end_of(yielded(primal)[k], region) for k in moving]
            stop = 1 if region.terminator.attrs.get("until") else 0
            at = len(region.terminator.args) - stop
            region.terminator.args[at:at] = extra
        for k in moving:
            result = Value(f"{op.results[k].name}_bar", op.results[k].type)
            site.results.append(result)
            self._forward[op.results[k]] = result, site

    def _end_of(self, v: Operand, region: Region) -> Value:
        """The shadow that a region yields: none where the array itself has no value on this path."""
        if self._travels(v):
            return self._copy(v)
        assert isinstance(v, Value)
        return _blank(self.forward.before(region.terminator), v)

    def _mirror_tape(self, op: Op) -> None:
        site = self.forward.site[op]
        tape = op.result if op.name == "stack" else op.args[0]
        assert isinstance(tape, Value) and isinstance(tape.type, Stack)
        if isinstance(tape.type.elem, Scalar) or not self.activity.active(tape):
            return
        b = self.forward.after(site)
        if op.name == "stack":
            self.tapes[tape] = b.op("stack", hint=f"{tape.name}_bar", **op.attrs)
        elif op.name == "push":
            b.do("push", self.tapes[tape], self._copy(op.args[1]))
        else:
            made = b.op("pop", self.tapes[tape], hint=f"{op.result.name}_bar")
            self._forward[op.result] = made, b.region.ops[-1]

    # What the reverse sweep asks for.
    def of(self, v: Operand, sweep: Sweep) -> Operand:
        """The shadow of a handle, in the mirror of the region where the handle was born."""
        assert isinstance(v, Value)
        if v in self._joined:
            return self.of(self._joined[v], sweep)
        home = sweep.of(self.structure.home[v])
        if v not in home.shadows:
            home.shadows[v] = self._make(v, home)
        return home.shadows[v]

    def _make(self, v: Value, sweep: Sweep) -> Value:
        op = self.structure.definer.get(v)
        if op is not None and op.name not in CONTROL and OPS[op.name].kind == "view":
            return self._view(op, sweep)
        if v in self._forward:
            made, site = self._forward[v]
            result = self.residuals.born(made, self.structure.home[v], site, sweep)
            assert isinstance(result, Value)
            return result
        with sweep.head.at(op.loc if op is not None else None):
            sized = op is not None and op.name in OPS and OPS[op.name].kind == "alloc"
            if op is not None and sized and isinstance(v.type, Array) and op.args:
                extents = op.args[1:] if op.name == "full" else op.args
                if len(extents) == v.type.rank and not isinstance(extents[0].type, Array):
                    sizes = [self.residuals.fetch(a, sweep) for a in extents]
                    return sweep.head.op(
                        "zeros", *sizes, hint=f"{v.name}_bar", dtype=v.type.dtype, dims=v.type.dims
                    )  # the size is known without the array
            handle = self.residuals.like(v, sweep)
            return sweep.head.op("zeros_like", handle, hint=f"{v.name}_bar")

    def _view(self, op: Op, sweep: Sweep) -> Value:
        base = self.of(op.args[0], sweep)
        rest = [self.residuals.fetch(a, sweep) for a in op.args[1:]]
        attrs = {**op.attrs, "checked" if OPS[op.name].linear else "safe": True}
        with sweep.head.at(op.loc):
            return sweep.head.op(op.name, base, *rest, hint=f"{op.result.name}_bar", **attrs)


def _blank(b: Builder, v: Value) -> Value:
    """The shadow of an array that has no value on this path."""
    made = nothing(b, Value(f"{v.name}_bar", v.type))
    assert isinstance(made, Value)
    return made
