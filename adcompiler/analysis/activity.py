"""Activity: which values carry a derivative from the inputs asked for to the outputs that are seeded.

varied: depends on an input; useful: an output depends on it. Both are asked of scalars one by one and of
memory root by root. Roots that one handle may name form a class and are active together, so that a shadow
exists wherever a handle can point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from adcompiler.analysis.alias import Aliases
from adcompiler.ir.core import Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.table import OPS, OpDef
from adcompiler.ir.types import Array, Stack, is_float
from adcompiler.ir.walk import free, values, walk


def differentiable(op: Op) -> tuple[int, ...]:
    """Operand positions through which a derivative passes."""
    entry = OPS[op.name]
    if entry.zero:
        return ()
    if entry.partials is not None:
        return tuple(k for k, p in enumerate(entry.partials) if p is not None and k < len(op.args))
    if entry.linear or entry.pushforward:
        return tuple(k for k in range(len(op.args)) if k in entry.linear or k in pushed(entry))
    if entry.expand is not None:
        return tuple(range(len(op.args)))
    return tuple(range(len(op.args))) if missing(entry) else ()


def pushed(entry: OpDef) -> tuple[int, ...]:
    """Operand positions with a pushforward."""
    return tuple(k for k, rule in enumerate(entry.pushforward) if rule is not None)


def missing(entry: OpDef) -> bool:
    """An op that computes and has no derivative rule."""
    ruled = entry.zero or entry.partials is not None or bool(entry.linear or entry.pushforward or entry.expand)
    return not ruled and entry.kind in ("elementwise", "linear", "linalg", "array", "call")


class Classes:
    """Union-find over roots that some handle may name together."""

    def __init__(self, region: Region, aliases: Aliases):
        self._up: dict[Value, Value] = {}
        for value in values(region):
            if isinstance(value.type, Array):
                first, *rest = aliases.roots(value) or (value,)
                for other in rest:
                    a, b = self.find(other), self.find(first)
                    if a is not b:
                        self._up[a] = b

    def find(self, root: Value) -> Value:
        while root in self._up:
            root = self._up[root]
        return root


class Activity:
    """`active(v)` for the derivative of the seeded returns with respect to the given params."""

    def __init__(self, fn: Function, wrt: Iterable[Value], outputs: Sequence[Operand], aliases: Aliases):
        self.aliases, self._fn = aliases, fn
        self.classes = Classes(fn.body, aliases)
        self.varied = self._closure(fn, self._keys(wrt), self._forward)
        self.useful = self._closure(fn, self._keys(outputs), self._backward)
        self._region: dict[Region, bool] = {}

    def active(self, operand: Operand) -> bool:
        """Does it have an adjoint?"""
        if not isinstance(operand, Value):
            return False
        element = operand.type.elem if isinstance(operand.type, Stack) else operand.type
        if not is_float(element):
            return False
        keys = self._keys([operand])
        return bool(keys & self.varied) and bool(keys & self.useful)

    def is_varied(self, operand: Operand) -> bool:
        return isinstance(operand, Value) and bool(self._keys([operand]) & self.varied)

    # Singular partials meet masks (design, rule 6.5).
    def _made_by(self, ask: Callable[[OpDef], bool]) -> set[Value]:
        """Everything that has come through an op of which this holds."""
        made = [r for op in walk(self._fn.body) if op.name in OPS and ask(OPS[op.name]) for r in op.results]
        return self._closure(self._fn, self._keys(made), self._forward)

    @cached_property
    def _hazards(self) -> set[Value]:
        return self._made_by(lambda entry: bool(entry.singular))

    @cached_property
    def _overflows(self) -> set[Value]:
        return self._made_by(lambda entry: bool(entry.singular) or entry.scales)

    @cached_property
    def _chosen_from(self) -> set[Value]:
        taken = [a for op in walk(self._fn.body) if op.name in OPS and OPS[op.name].mask for a in op.args]
        branches = (region for op in walk(self._fn.body) if op.name == "if" for region in op.regions)
        taken += [v for region in branches for v in free(region)]  # what one branch uses, the other may not
        return self._closure(self._fn, self._keys(taken), self._backward)

    @cached_property
    def _choices(self) -> set[Value]:
        made = [r for op in walk(self._fn.body) if op.name in OPS and OPS[op.name].mask for r in op.results]
        return self._closure(self._fn, self._keys(made), self._forward)

    def masked(self, operand: Operand) -> bool:
        """May its adjoint have come through a choice, and be zero because another value was chosen?"""
        return bool(self._keys([operand]) & self._chosen_from)

    def chosen(self, operand: Operand) -> bool:
        """May its tangent have come through a choice?"""
        return bool(self._keys([operand]) & self._choices)

    def unbounded(self, op: Op) -> bool:
        """May a partial of the op be infinite: by itself, or by an operand that has come through such an op?"""
        entry = OPS[op.name]
        if entry.singular is True or (callable(entry.singular) and entry.singular(op)):
            return True
        # A product is left alone unless an operand has a singularity behind it; a power also if it may have overflowed.
        behind = self._overflows if entry.singular else self._hazards
        return entry.scales and any(self._keys([a]) & behind for a in op.args)

    def touches(self, region: Region) -> bool:
        """Does anything in the region have an adjoint: a value, or a write to active memory?"""
        if region not in self._region:
            self._region[region] = any(
                any(map(self.active, op.results)) or any(self.active(op.args[k]) for k in OPS[op.name].writes)
                if op.name in OPS
                else any(map(self.active, [*op.results, *op.args]))
                for op in walk(region)
            )
        return self._region[region]

    def _keys(self, operands: Iterable[Operand]) -> set[Value]:
        """A scalar or a tape stands for itself, an array for the classes of its roots."""
        found: set[Value] = set()
        for v in operands:
            if isinstance(v, Value):
                if isinstance(v.type, Array):
                    found |= {self.classes.find(r) for r in self.aliases.roots(v)}
                elif isinstance(v.type, Stack) or is_float(v.type):
                    found.add(v)
        return found

    def _closure(self, fn: Function, start: set[Value], flow: object) -> set[Value]:
        found = set(start)
        while True:
            before = len(found)
            for op in walk(fn.body):
                for source, target in self._edges(op):
                    a, b = (source, target) if flow == self._forward else (target, source)
                    if self._keys([a]) & found:
                        found |= self._keys([b])
            if len(found) == before:
                return found

    _forward, _backward = "forward", "backward"

    def _edges(self, op: Op) -> list[tuple[Operand, Operand]]:
        """(source, target): a derivative flows from source to target when `op` runs."""
        if op.name == "if":
            return [(y, r) for region in op.regions for r, y in zip(op.results, yielded(region), strict=True)]
        if op.name in ("for", "while"):
            rows = list(zip(op.inits, op.carried, op.yields, op.results, strict=True))
            edges: list[tuple[Operand, Operand]] = []
            for init, param, after, result in rows:
                edges += [(init, param), (after, param), (after, result), (init, result), (param, result)]
            return edges
        if op.name not in OPS:
            return []
        if OPS[op.name].kind in ("memory", "tape", "view"):
            if OPS[op.name].writes and not op.results:
                return [(op.args[-1], op.args[0])]
            return [(op.args[0], r) for r in op.results if op.args]
        if op.name == "full":
            return [(op.args[0], op.result)]
        return [(op.args[k], r) for r in op.results for k in differentiable(op)]
