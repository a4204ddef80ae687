"""The reverse sweep does not compute what the forward sweep has computed at the same place.

    for i in range(n):                  for i in reversed(range(n)):
        c_tape[i] = cos(a[i])    and        t = cos(a[i])              becomes    t = c_tape[i]

That goes for what costs more than a load and a store: functions beyond arithmetic, of scalars that the reverse sweep
has from the forward sweep. Code outside of loops and branches needs nothing of the kind: it is one region, where `cse`
finds what is equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from adcompiler.ir.build import Builder
from adcompiler.ir.core import CONTROL, Op, Operand, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Scalar
from adcompiler.ir.walk import Structure
from adcompiler.transforms.residuals import Residuals, Sweep


class Known:
    """The costly scalar ops of the primal, by what they compute."""

    def __init__(self, structure: Structure, residuals: Residuals):
        self.home, self.residuals = structure.home, residuals
        self._found: dict[Hashable, list[Value]] = {}
        for value, op in structure.definer.items():
            if op.name not in CONTROL and _costly(op):
                self._found.setdefault(_key(op.name, op.args, op.attrs), []).append(value)

    def fetch(self, name: str, args: Sequence[Operand], attrs: Mapping[str, Any], sweep: Sweep) -> Operand | None:
        """What the primal has for this op of the reverse sweep; None if it has nothing, at least not where it is
        sure to have run."""
        if not self._found or OPS[name].kind != "elementwise":
            return None
        rows = self._found.get(_key(name, [self.residuals.origin.get(a, a) for a in args], attrs), ())
        around = [at.primal for at in sweep.outwards()]
        value = next((v for v in rows if self.home[v] in around), None)
        return None if value is None else self.residuals.fetch(value, sweep)


class Recalling(Builder):
    """Builds a part of the reverse sweep."""

    def __init__(self, sweep: Sweep, known: Known):
        super().__init__(sweep.b.region, sweep.b.loc)
        self.sweep, self.known = sweep, known

    def emit(self, name: str, args: Sequence[Operand], attrs: dict[str, Any] | None = None, hint: str = "t") -> Op:
        found = self.known.fetch(name, args, attrs or {}, self.sweep)
        if isinstance(found, Value):
            return Op(name, list(args), [found], dict(attrs or {}), [], self.loc)  # it has run: nothing is added
        return super().emit(name, args, attrs, hint)


def _costly(op: Op) -> bool:
    entry = OPS[op.name]
    scalars = all(isinstance(v.type, Scalar) for v in (*op.args, *op.results))
    return entry.kind == "elementwise" and not entry.cheap and scalars and len(op.results) == 1


def _key(name: str, args: Sequence[Operand], attrs: Mapping[str, Any]) -> Hashable:
    return name, tuple(args), tuple(sorted((k, repr(v)) for k, v in attrs.items()))
