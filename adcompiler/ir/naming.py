"""Names for printing: every value of a function gets one of its own, close to the user's."""

from __future__ import annotations

import re

from adcompiler.ir.core import Function, Region, Value


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
