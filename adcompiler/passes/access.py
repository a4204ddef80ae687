"""Which operands of an op are indices, and what is said when one is outside."""

from __future__ import annotations

from operator import eq, ge, gt, le, lt, ne

from adcompiler.analysis.effects import entry
from adcompiler.ir.build import Builder, boolean, integer
from adcompiler.ir.core import Const, Op, Operand, Value


def indices(op: Op) -> list[tuple[int, Operand]]:
    """(axis, index) for each index that must be inside: of an element, or the integers of a view."""
    table = entry(op)
    if table is None or not op.args:
        return []
    if op.name == "view":
        return _view_indices(op)
    if op.name not in ("load", "store", "update"):
        return []
    places = op.args[1:] if op.results else op.args[1:-1]
    return list(enumerate(places))


def _view_indices(op: Op) -> list[tuple[int, Operand]]:
    found, rest, axis = [], iter(op.args[1:]), 0
    for item in op.attrs["index"]:
        if item == "n":
            continue
        if item == "i":
            found.append((axis, next(rest)))
        else:
            for given in item:
                if given == "1":
                    next(rest)
        axis += 1
    return found


def steps(op: Op) -> list[Operand]:
    """The steps of a view's slices that may turn out to be zero."""
    if op.name != "view":
        return []
    found, rest = [], iter(op.args[1:])
    for item in op.attrs["index"]:
        operands = [next(rest) for given in (item if item != "n" else "") if given in "1i"]
        if item[-1] == "1" and not (isinstance(operands[-1], Const) and operands[-1].value != 0):
            found.append(operands[-1])
    return found


def place(op: Op) -> str:
    """The user's place, for the end of a message."""
    return f" ({op.loc.short})" if op.loc else ""


def bounds_message(op: Op, axis: int) -> str:
    array = op.args[0]
    name = array.name if isinstance(array, Value) else "?"
    return f"index out of bounds for axis {axis} of {name}{place(op)}"


COMPARE = {"lt": lt, "le": le, "ge": ge, "gt": gt, "eq": eq, "ne": ne}


class Conditions:
    """Builds conditions, leaving out what is known."""

    def __init__(self, build: Builder):
        self.build = build

    def any(self, conditions: list[Operand]) -> Operand:
        return self._join("or", conditions, neutral=False)

    def all(self, conditions: list[Operand]) -> Operand:
        return self._join("and", conditions, neutral=True)

    def _join(self, name: str, conditions: list[Operand], neutral: bool) -> Operand:
        result: Operand = boolean(neutral)
        for condition in conditions:
            if condition == boolean(neutral):
                continue
            result = condition if result == boolean(neutral) else self.build.op(name, result, condition)
        return result

    def compare(self, name: str, a: Operand, b: Operand) -> Operand:
        if isinstance(a, Const) and isinstance(b, Const):
            return boolean(COMPARE[name](a.value, b.value))
        return self.build.op(name, a, b)

    def plus(self, a: Operand, by: int) -> Operand:
        if isinstance(a, Const):
            return integer(int(a.value) + by)
        if by == 0:
            return a
        return self.build.op("add" if by > 0 else "sub", a, integer(abs(by)))

    def size(self, array: Operand, axis: int, extent: object) -> Operand:
        if isinstance(extent, int):
            return integer(extent)
        if isinstance(extent, Value):
            return extent
        return self.build.op("dim", array, axis=axis)

    def beyond(self, last: Operand, by: int, size: Operand, strict: bool) -> Operand:
        """last + by >= size (`strict`), or last + by > size, where `last` is the end of a range."""
        if isinstance(last, Const):
            last, by = integer(int(last.value) + by), 0
            if strict and last.value < 0:
                return boolean(False)
        return self.compare("ge" if strict else "gt", self.plus(last, by), size)

    def outside(self, first: Operand, size: Operand, known_low: bool, beyond: Operand) -> Operand:
        """first < -size, unless that is known to be false, or `beyond`."""
        if known_low or (isinstance(first, Const) and first.value >= 0):
            return beyond
        return self.any([self._under(first, size), beyond])

    def _under(self, first: Operand, size: Operand) -> Operand:
        if isinstance(first, Const):
            return self.compare("lt", size, integer(-int(first.value)))
        if isinstance(size, Const):
            return self.compare("lt", first, integer(-int(size.value)))
        return self.compare("lt", first, self.build.op("neg", size))
