"""Whole-array ops as expressions: NumPy's own form where plain Python runs it, a helper of the runtime for Numba."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from adcompiler.backends.forms import filled, subscript
from adcompiler.ir.core import Op
from adcompiler.ir.types import Array

Writer = Any  # an Expressions of backends/expressions.py


def literal(value: Any) -> ast.expr:
    """A Python literal: a number, a text, a tuple of them."""
    return ast.parse(repr(value), mode="eval").body


def call(function: str, args: Sequence[ast.expr], **keywords: Any) -> ast.expr:
    named = [ast.keyword(k, literal(v)) for k, v in keywords.items()]
    return ast.Call(filled(function), list(args), named)


def transpose(x: Writer, op: Op) -> ast.expr:
    axes = op.attrs.get("axes")
    node = x.expr(op.args[0])
    return filled("{0}.T", node) if axes is None else call("np.transpose", [node, literal(axes)])


def reshape(x: Writer, op: Op) -> ast.expr:
    array, *extents = x.exprs(op.args)
    shape = extents[0] if len(extents) == 1 else ast.Tuple(extents, ast.Load())
    return filled("{0}.reshape({1})", array, shape)


def concatenate(x: Writer, op: Op) -> ast.expr:
    parts = ast.Tuple(x.exprs(op.args), ast.Load())
    axis = op.attrs["axis"]
    return call("np.concatenate", [parts], **({"axis": axis} if axis else {}))


def along(x: Writer, op: Op, **more: Any) -> ast.expr:
    """np.f(x, axis=k); without the axis where there is one only."""
    t = op.args[0].type
    assert isinstance(t, Array)
    axis = {} if t.rank == 1 else {"axis": op.attrs["axis"]}
    if x.kernel and (axis or op.name in ("argsort", "sort")):
        return call(op.name, [x.expr(op.args[0]), literal(op.attrs["axis"])])
    return call(f"np.{op.name}", [x.expr(op.args[0])], **axis, **more)


def extremum(x: Writer, op: Op) -> ast.expr:
    """np.max(x, axis=1): Numba knows no axis."""
    t, axes = op.args[0].type, op.attrs.get("axis")
    assert isinstance(t, Array)
    node, keep = x.expr(op.args[0]), op.attrs.get("keepdims", False)
    if not x.kernel:
        attrs = {} if axes is None or len(axes) == t.rank else {"axis": axes[0] if len(axes) == 1 else axes}
        return call(f"np.{op.name}", [node], **attrs, **({"keepdims": True} if keep else {}))
    if axes is None or len(axes) == t.rank:
        node = call(f"np.{op.name}", [node])
        ones = ", ".join("1" * t.rank)
        return filled(f"np.full(({ones},), {{0}})", node) if keep else node
    for axis in sorted(axes, reverse=True):
        node = call(f"{op.name}_along", [node, literal(axis)])
    for axis in sorted(axes) if keep else ():
        node = filled(f"np.expand_dims({{0}}, {axis})", node)
    return node


def searchsorted(x: Writer, op: Op) -> ast.expr:
    side = op.attrs.get("side", "left")
    return call("np.searchsorted", x.exprs(op.args), **({} if side == "left" else {"side": side}))


def einsum(x: Writer, op: Op) -> ast.expr:
    name = "contraction.einsum" if x.native else "einsum" if x.kernel else "np.einsum"
    return call(name, [literal(op.attrs["spec"]), *x.exprs(op.args)])


# Index arrays.
def code(op: Op) -> ast.expr:
    return literal("".join(op.attrs["index"]))


def items(op: Op, given: Sequence[ast.expr]) -> list[ast.expr]:
    """The inside of a subscript."""
    rest = iter(given)
    found = [ast.Slice() if item == "0" else next(rest) for item in op.attrs["index"]]
    while isinstance(found[-1], ast.Slice):
        found.pop()
    return found


def element(x: Writer, op: Op) -> ast.expr:
    """x[i, :, j] of a gather or scatter."""
    count = sum(item != "0" for item in op.attrs["index"])
    array, *given = x.exprs(op.args[: count + 1])
    return subscript(array, items(op, given))


def gather(x: Writer, op: Op) -> ast.expr:
    if not x.kernel:
        return element(x, op)
    array, *given = x.exprs(op.args)
    return call("gather", [array, code(op), *given])


def withdraw(x: Writer, op: Op) -> ast.expr:
    array, *given = x.exprs(op.args)
    return call("withdraw", [array, code(op), *given])


def added_at(x: Writer, op: Op, value: ast.expr) -> ast.expr:
    """np.add.at(x, (i, j), v)"""
    array, *given = x.exprs(op.args[:-1])
    if x.kernel:
        return call("scatter_add", [array, code(op), *given, value])
    inside = [filled("slice(None)") if isinstance(i, ast.Slice) else i for i in items(op, given)]
    where = inside[0] if len(inside) == 1 else ast.Tuple(inside, ast.Load())
    return call("np.add.at", [array, where, value])


def stored_at(x: Writer, op: Op, value: ast.expr) -> ast.expr:
    """What stands for x[i, j] = v in a kernel."""
    array, *given = x.exprs(op.args[:-1])
    return call("scatter", [array, code(op), *given, value])


Form = Callable[[Any, Op], ast.expr]
WHOLE: dict[str, Form] = {
    "transpose": transpose, "reshape": reshape, "concatenate": concatenate, "cumsum": along, "argmax": along,
    "argmin": along, "argsort": lambda x, op: along(x, op, kind="stable"), "sort": along, "max": extremum,
    "min": extremum, "searchsorted": searchsorted, "einsum": einsum, "gather": gather, "withdraw": withdraw,
}  # fmt: skip
HELPERS = {
    "cumsum": ("cumsum",), "argmax": ("argmax",), "argmin": ("argmin",), "argsort": ("argsort",), "sort": ("sort",),
    "max": ("max_along",), "min": ("min_along",), "einsum": ("einsum",), "gather": ("gather",),
    "withdraw": ("withdraw",), "scatter": ("scatter",), "scatter_add": ("scatter_add", "slice"),
}  # fmt: skip
