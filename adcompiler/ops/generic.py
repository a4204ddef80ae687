"""Functions for writing partials: each runs on floats, on arrays and on IR handles."""

from __future__ import annotations

from typing import Any

from adcompiler.ir.build import Handle, apply


def _named(name: str) -> Any:
    def function(*args: Any, **attrs: Any) -> Any:
        return apply(name, *args, **attrs)

    function.__name__ = name
    return function


exp, exp2, expm1, log, log1p, sqrt = map(_named, ("exp", "exp2", "expm1", "log", "log1p", "sqrt"))
sin, cos, tan, sinh, cosh, tanh = map(_named, ("sin", "cos", "tan", "sinh", "cosh", "tanh"))
power, floor, sign, absolute = map(_named, ("pow", "floor", "sign", "abs"))
gamma, digamma, polygamma, expit = map(_named, ("gamma", "digamma", "polygamma", "expit"))
eq, gt, lt, le, ge, both = map(_named, ("eq", "gt", "lt", "le", "ge", "and"))
_select = _named("select")


def select(mask: Any, a: Any, b: Any) -> Any:
    """a where mask, else b: a choice, never a product, so what is not chosen can't spoil it."""
    # A number takes the dtype of the other side, not that of the mask.
    for side in (a, b):
        if isinstance(side, Handle):
            return side.call("select", mask, a, b)
    return _select(mask, a, b)


def cast_across(g: Any, y: Any, x: Any) -> Any:
    """The rule of a cast: a direction goes from the dtype of x to that of y, an adjoint the other way."""
    if not isinstance(g, Handle):
        return g
    here, there = x.type.dtype, y.type.dtype
    target = there if g.dtype == here else here
    return g if g.dtype == target else g.call("cast", g, dtype=target)


def literal(x: Any) -> float | None:
    """The number behind a literal operand, None for anything that varies."""
    return x.literal if isinstance(x, Handle) else None
