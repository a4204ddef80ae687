"""Pieces of Python's syntax: literals in the IR's dtypes, names, negated tests, parts that are compared."""

from __future__ import annotations

import ast
import math

from adcompiler.backends.forms import filled
from adcompiler.ir.core import Const
from adcompiler.ir.types import DTYPES, Array, Scalar, Type


def name(identifier: str) -> ast.expr:
    return ast.Name(identifier, ast.Load())


def number(value: bool | int | float) -> ast.expr:
    """A literal; negative ones as a minus before a positive literal, which every printer gets right."""
    if isinstance(value, bool):
        return ast.Constant(value)
    if isinstance(value, float) and math.isnan(value):
        return filled("np.nan")
    if value < 0 or (value == 0 and math.copysign(1.0, value) < 0):
        return ast.UnaryOp(ast.USub(), number(-value))
    return filled("np.inf") if value == math.inf else ast.Constant(value)


def constant(const: Const) -> ast.expr:
    """A literal of the IR, in its own dtype."""
    value, dtype = const.value, const.type.dtype
    if dtype in ("f64", "i64", "b1"):
        return number(float(value) if dtype == "f64" else value)
    return filled(f"{numpy_type(dtype)}({{0}})", number(value))


def numpy_type(dtype: str) -> str:
    return "np.bool_" if dtype == "b1" else f"np.{DTYPES[dtype].name}"


def zero_of(type: Type) -> ast.expr:
    """Some value of the type."""
    if isinstance(type, Scalar):
        return constant(Const({"b": False, "f": 0.0}.get(type.dtype[0], 0), type))
    return prototype(type) if isinstance(type, Array) else filled("stack({0})", prototype(type.elem))


def prototype(type: Scalar | Array) -> ast.expr:
    """An empty array of the type, or its zero."""
    if isinstance(type, Scalar):
        return zero_of(type)
    shape = "0" if type.rank == 1 else f"({', '.join('0' * type.rank)})"
    dtype = "" if type.dtype == "f64" else f", dtype={numpy_type(type.dtype)}"
    return filled(f"np.empty({shape}{dtype}){'[::1]' if type.strided else ''}")


def negated(test: ast.expr, exact: bool) -> ast.expr:
    """`not test`; `exact`: the operands are not floats, so that `not a < b` is `a >= b`."""
    flips: dict[type, type] = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
    if exact:
        flips |= {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt}
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in flips:
        return ast.Compare(test.left, [flips[type(test.ops[0])]()], test.comparators)
    return ast.UnaryOp(ast.Not(), test)


def tidied(node: ast.expr) -> ast.expr:
    """`a + -b` as `a - b`, `a - -b` as `a + b`: the same bits."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        right = node.right
        if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.USub):
            flipped = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            return ast.BinOp(node.left, flipped, right.operand)
    return node


def flat(joiner: ast.boolop, parts: list[ast.expr]) -> ast.expr:
    """`a and b and c` without parentheses."""
    first = parts[0]
    if isinstance(first, ast.BoolOp) and type(first.op) is type(joiner):
        parts = [*first.values, *parts[1:]]
    return ast.BoolOp(joiner, parts)


def variables(node: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def same(a: ast.AST, b: ast.AST) -> bool:
    return ast.dump(a) == ast.dump(b)
