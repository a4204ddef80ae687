"""Names for printing: every value of a function gets one of its own, close to the user's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adcompiler.ir.core import Const, Function, Operand, Region, Value

_TEMPORARY = re.compile(r"(t\d*|trips|_.*)?(_\d+)?(_bar|_dot)*(_\d+)?")


def is_temporary(name: str) -> bool:
    """Names that the compiler made up; the user's own variables stay variables."""
    return _TEMPORARY.fullmatch(name) is not None


def is_adjoint(name: str) -> bool:
    """The name of an adjoint or tangent."""
    return name.endswith(("_bar", "_dot"))


def load_name(array: Operand, indices: Sequence[Operand]) -> str:
    """What an element is called unless the user names it: x0 for x[0], x_last for x[-1], a_ij for a[i, j]."""
    base = array.name if isinstance(array, Value) else "x"
    literals = [i.value for i in indices if isinstance(i, Const)]
    if len(literals) == len(indices) and all(0 <= v < 10 for v in literals):
        return base + "".join(str(v) for v in literals)
    if literals == [-1] and len(indices) == 1:
        return f"{base}_last"
    letters = "".join(i.name if isinstance(i, Value) and re.fullmatch(r"[a-su-z]", i.name) else "i" for i in indices)
    return f"{base}_{letters}"


def unique_names(fn: Function) -> dict[Value, str]:
    """Value -> unique name, in text order: t, t_1, t_2 ... (names that are unique already stay as they are)."""
    names: dict[Value, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}

    def bind(value: Value) -> None:
        base = name = identifier(value.name)
        while name in taken:
            counts[base] = counts.get(base, 0) + 1
            name = f"{base}_{counts[base]}"
        taken.add(name)
        names[value] = name

    def visit(region: Region) -> None:
        for param in region.params:
            bind(param)
        for op in region.ops:
            for result in op.results:
                bind(result)
            for inner in op.regions:
                visit(inner)

    visit(fn.body)
    return names


def identifier(name: str) -> str:
    """The name with what the text form can't hold replaced."""
    return re.sub(r"\W", "_", name) or "t"
