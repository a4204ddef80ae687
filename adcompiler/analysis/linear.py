"""Integers as sums of multiples of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Const, Op, Operand, Value
from adcompiler.ir.types import i64
from adcompiler.ir.walk import is_const

Linear = dict[Operand | None, int]  # value -> coefficient; None: the number that is added
DEPTH = 12


def linear(
    definer: Mapping[Value, Op],
    operand: Operand,
    resolve: Callable[[Operand], Operand] = lambda a: a,
    stop: Value | None = None,
    not_negative: Callable[[Operand], bool] = lambda a: False,
    depth: int = DEPTH,
) -> Linear:
    """An i64 as a linear form of values that are none, or of `stop`; `resolve` follows renamings, and
    `maximum %a, 0` is a where that is `not_negative`."""
    if isinstance(operand, Const):
        return {None: int(operand.value)} if operand.value else {}
    op = definer.get(operand) if operand is not stop and depth else None
    if op is None or op.name not in ("add", "sub", "mul", "maximum") or operand.type != i64:
        return {operand: 1}

    def inner(a: Operand) -> Linear:
        return linear(definer, a, resolve, stop, not_negative, depth - 1)

    left, right = map(resolve, op.args)
    if op.name == "maximum":
        return inner(left) if is_const(right, 0) and not_negative(left) else {operand: 1}
    if op.name == "mul":
        if isinstance(left, Const):
            left, right = right, left
        return scaled(inner(left), int(right.value)) if isinstance(right, Const) else {operand: 1}
    return plus(inner(left), scaled(inner(right), 1 if op.name == "add" else -1))


def scaled(form: Linear, by: int) -> Linear:
    return {v: c * by for v, c in form.items() if by}


def plus(a: Linear, b: Linear) -> Linear:
    total = {v: a.get(v, 0) + b.get(v, 0) for v in (*a, *b)}
    return {v: c for v, c in total.items() if c}


def build(b: Builder, form: Linear, hint: str = "t") -> Operand:
    """The ops that compute the form; values with positive coefficients first."""
    total: Operand = integer(0)
    for v, c in sorted(form.items(), key=lambda item: (item[0] is None, item[1] < 0)):
        if v is None:
            total = added(b, total, integer(c), hint)
        elif c < 0 and total != integer(0):
            total = b.op("sub", total, multiple(b, v, -c), hint=hint)
        else:
            total = added(b, total, multiple(b, v, c), hint)
    return total


def multiple(b: Builder, v: Operand, by: int) -> Operand:
    return v if by == 1 else b.op("neg", v) if by == -1 else b.op("mul", integer(by), v)


def added(b: Builder, left: Operand, right: Operand, hint: str = "t") -> Operand:
    """left + right, without adding zero."""
    if is_const(left, 0) or is_const(right, 0):
        return right if is_const(left, 0) else left
    if isinstance(right, Const) and right.value < 0:
        return b.op("sub", left, integer(-int(right.value)), hint=hint)
    return b.op("add", left, right, hint=hint)
