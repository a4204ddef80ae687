"""Calls of functions with a rule of their own: opaque until everything is differentiated, then put in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcompiler.ir.rule import Rule
from adcompiler.ir.table import OPS, Attrs, OpDef, define
from adcompiler.ir.types import Array, Type
from adcompiler.ir.walk import walk


def _results(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return tuple(attrs["results"])


def _may_raise(op: Any) -> bool:
    """What the function itself may do; whole arrays may not fit each other."""
    rule = op.attrs["rule"]
    if not isinstance(rule, Rule) or rule.primal is None:
        return True
    for inner in walk(rule.primal.body):
        entry = OPS.get(inner.name)
        arrays = sum(1 for a in inner.args if isinstance(a.type, Array))
        if entry is not None and ((entry.may_raise is not None and entry.may_raise(inner)) or arrays > 1):
            return True
    return False


# custom %a, ..., rule="name", results=(types): the results of the rule's primal, which writes to no operand.
_doc = "the author's rule"
define(OpDef("custom", _results, kind="call", may_raise=_may_raise, doc=_doc))
# The same for a function that prints or draws random numbers.
define(OpDef("custom_effect", _results, kind="call", may_raise=_may_raise, ordered=True, doc=_doc))
