"""What stands behind an op `custom`: the program that computes it, and its author's programs that differentiate it."""

from __future__ import annotations

from dataclasses import dataclass, field

from adcompiler.errors import Loc
from adcompiler.ir.core import Function
from adcompiler.ir.text import quoted


@dataclass(eq=False, repr=False)
class Rule:
    """`count` operands are arguments; those after them are arrays that the functions below capture.

    primal     (operands...) -> (results...)
    jvp        (operands..., tangents of the float arguments...) -> (results..., tangents of the float results...)
    sweep      (operands...) -> (results..., new residuals...)
    residuals  each ("operand", k), ("result", k) or ("new", k): where the reverse sweep finds it
    pullback   (residuals..., adjoints of all results..., captured arrays...) -> (adjoints of the arguments `pulled`...)
    """

    name: str
    loc: Loc | None
    count: int = 0
    primal: Function | None = None
    jvp: Function | None = None
    sweep: Function | None = None
    residuals: tuple[tuple[str, int], ...] = ()
    pullback: Function | None = None
    pulled: tuple[int, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return quoted(self.name)
