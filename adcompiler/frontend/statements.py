"""Statements: one function per kind of node; and blocks, which know where control leaves."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from functools import partial
from typing import Any

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend import indexing
from adcompiler.frontend.calls import default_values
from adcompiler.frontend.capture import lookup
from adcompiler.frontend.context import BREAK, CONTINUE, DEAD, RESULT, RETURN, Context
from adcompiler.frontend.control import branch, unless_left
from adcompiler.frontend.expressions import operator
from adcompiler.frontend.fence import refuse
from adcompiler.frontend.functions import matmul
from adcompiler.frontend.iteration import static_items
from adcompiler.frontend.liveness import contains, leaves_block
from adcompiler.frontend.loops import for_loop, while_loop
from adcompiler.frontend.promote import BINARY, cast, need_number, negated, truth
from adcompiler.frontend.subscripts import index_items, is_advanced
from adcompiler.frontend.values import NONE, Arr, Closure, Num, Obj, Val, number
from adcompiler.ir.build import boolean, integer
from adcompiler.ir.core import Const, Operand

EXIT_NODES = (ast.Return, ast.Break, ast.Continue, ast.Raise)
Names = frozenset[str]


def block(cx: Context, stmts: list[ast.stmt], live: Names) -> None:
    """Statements in order; what follows a possible exit goes into a region of its own. `live`: after the block."""
    for k, stmt in enumerate(stmts):
        rest = stmts[k + 1 :]
        with cx.at(stmt):
            if isinstance(stmt, ast.If) and contains([stmt], *EXIT_NODES):
                if _if_with_exits(cx, stmt, rest, live):
                    return
            else:
                statement(cx, stmt)
            if cx.gone:
                return
            if rest and cx.exited() is not None:
                unless_left(cx, partial(block, cx, rest, live), live | cx.frame.exit_live)
                return


def statement(cx: Context, stmt: ast.stmt) -> None:
    handler = HANDLERS.get(type(stmt))
    if handler is None:
        raise refuse(type(stmt), cx.loc(stmt))
    handler(cx, stmt)


def _if_with_exits(cx: Context, stmt: ast.If, rest: list[ast.stmt], live: Names) -> bool:
    """An `if` from which control may leave; True where `rest` was lowered too."""
    cond = truth(cx, cx.expr(cx, stmt.test))
    if isinstance(cond, Const):
        block(cx, [*(stmt.body if cond.value else stmt.orelse), *rest], live)
        return True
    if len(stmt.body) == 1 and isinstance(stmt.body[0], ast.Raise):
        with cx.at(stmt.body[0]):
            _raise_where(cx, stmt.body[0], cond)
        block(cx, [*stmt.orelse, *rest], live)
        return True
    ends = leaves_block(stmt.body), leaves_block(stmt.orelse)
    if not any(ends):
        keep = cx.frame.live.after[stmt] | cx.frame.exit_live
        branch(cx, cond, partial(block, cx, stmt.body, keep), partial(block, cx, stmt.orelse, keep), keep)
        return False
    keep = live | cx.frame.exit_live
    then, orelse = (b if end else [*b, *rest] for b, end in zip((stmt.body, stmt.orelse), ends, strict=True))
    branch(cx, cond, partial(block, cx, then, live), partial(block, cx, orelse, live), keep)
    return True


def if_statement(cx: Context, node: ast.If) -> None:
    cond = truth(cx, cx.expr(cx, node.test))
    live = cx.frame.live.after[node]
    if isinstance(cond, Const):
        block(cx, node.body if cond.value else node.orelse, live)
        return
    branch(cx, cond, lambda: block(cx, node.body, live), lambda: block(cx, node.orelse, live), live)


# Assignments.
def assign(cx: Context, node: ast.Assign) -> None:
    value = cx.expr(cx, node.value)
    for target in node.targets:
        assign_target(cx, target, value)


def ann_assign(cx: Context, node: ast.AnnAssign) -> None:
    if node.value is not None:
        assign_target(cx, node.target, cx.expr(cx, node.value))


def assign_target(cx: Context, target: ast.expr, value: Val) -> None:
    """target = value."""
    with cx.at(target):
        if isinstance(target, ast.Name):
            cx.bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            _unpack(cx, target, value)
        elif isinstance(target, ast.Subscript):
            base = cx.expr(cx, target.value)
            indexing.update_item(cx, base, cx.expr(cx, target.slice), value)
        elif isinstance(target, ast.Attribute):
            indexing.update_field(cx, cx.expr(cx, target.value), target.attr, value)
        else:
            raise refuse("starred target", cx.loc(target))


def _unpack(cx: Context, target: ast.Tuple | ast.List, value: Val) -> None:
    count = len(target.elts)
    if any(isinstance(t, ast.Starred) for t in target.elts):
        raise refuse("starred target", cx.loc(target))
    items = _rows(cx, value, count) if isinstance(value, Arr) else static_items(cx, value)
    if len(items) != count:
        raise cx.error(f"{count} names for {len(items)} values")
    for t, item in zip(target.elts, items, strict=True):
        assign_target(cx, t, item)


def _rows(cx: Context, array: Arr, count: int) -> list[Val]:
    """a, b = array: its length is checked when it runs, unless it is known."""
    size = array.type.dims[0]
    if not isinstance(size, int):
        n = cx.op("dim", array.op, axis=0)
        wrong = cx.op("ne", n, integer(count))
        cx.raise_if(wrong, "ValueError", f"{count} values to unpack were expected")
    elif size != count:
        raise cx.error(f"{count} names for {size} values")
    return [indexing.read(cx, array, number(k)) for k in range(count)]


def aug_assign(cx: Context, node: ast.AugAssign) -> None:
    """target <op>= value, the target's parts evaluated once."""
    kind, target = type(node.op).__name__, node.target
    if isinstance(target, ast.Name):
        old = lookup(cx, target.id)
        new = _augmented(cx, kind, old, node.value)
        if new is not old:
            cx.bind(target.id, new)
    elif isinstance(target, ast.Subscript):
        _aug_item(cx, kind, target, node.value)
    else:
        base = cx.expr(cx, target.value)
        old = cx.attribute(cx, base, target.attr, target)
        new = _augmented(cx, kind, old, node.value)
        if new is not old:
            indexing.update_field(cx, base, target.attr, new)


def _augmented(cx: Context, kind: str, old: Val, right: ast.expr) -> Val:
    """old <op>= right: arrays are changed in place, anything else is replaced."""
    value = cx.expr(cx, right)
    if not isinstance(old, Arr):
        return operator(cx, kind, old, value)
    if kind == "MatMult":
        cx.do("assign", old.op, cast(cx, need_number(cx, matmul(cx, old, value)).op, old.dtype))
    else:
        indexing.in_place(cx, kind, old, value)
    return old


def _aug_item(cx: Context, kind: str, target: ast.Subscript, right: ast.expr) -> None:
    base = cx.expr(cx, target.value)
    index = cx.expr(cx, target.slice)
    content = cx.content(base)
    if not isinstance(content, Arr):
        old = indexing.read(cx, base, index)
        new = _augmented(cx, kind, old, right)
        if new is not old:
            indexing.update_item(cx, base, index, new)
        return
    if any(map(is_advanced, index_items(index))):
        indexing.scattered_in_place(cx, kind, content, index, lambda: cx.expr(cx, right))
        return
    place = indexing.Place.of(cx, content, index)
    if place.is_element and kind in BINARY:
        indexing.element_in_place(cx, kind, place, lambda: cx.expr(cx, right))
    else:
        _augmented(cx, kind, Arr(place.view(cx)), right)


# Leaving.
def return_(cx: Context, node: ast.Return) -> None:
    value = NONE if node.value is None else cx.expr(cx, node.value)
    cx.env[RESULT] = value
    cx.leave(RETURN)


def break_(cx: Context, node: ast.Break) -> None:
    cx.leave(BREAK)


def continue_(cx: Context, node: ast.Continue) -> None:
    cx.leave(CONTINUE)


def raise_(cx: Context, node: ast.Raise) -> None:
    _raise_where(cx, node, boolean(True))
    cx.env[DEAD] = Num(boolean(True))


def _raise_where(cx: Context, node: ast.Raise, cond: Operand) -> None:
    error = node.exc
    if error is None:
        raise cx.error("`raise` needs an exception")
    call = error if isinstance(error, ast.Call) else None
    cls = cx.expr(cx, call.func if call else error)
    kind = cls.value if isinstance(cls, Obj) else None
    if not (isinstance(kind, type) and issubclass(kind, Exception) and hasattr(builtins, kind.__name__)):
        raise cx.error("only Python's own exceptions can be raised", "ValueError(...)", UnsupportedFunction)
    cx.raise_if(cond, kind.__name__, message(cx, call.args[0]) if call and call.args else "")


def assert_(cx: Context, node: ast.Assert) -> None:
    cond = truth(cx, cx.expr(cx, node.test))
    if cond != boolean(True):
        text = message(cx, node.msg) if node.msg is not None else ""
        cx.raise_if(negated(cx, cond), "AssertionError", text)


def message(cx: Context, node: ast.expr) -> str:
    """The text of an error; what it formats at run time is shown as it is written."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [ast.unparse(p.value) if isinstance(p, ast.FormattedValue) else p for p in node.values]
        return "".join(str(p.value) if isinstance(p, ast.Constant) else f"{{{p}}}" for p in parts)
    return ast.unparse(node)


# The rest.
def expression(cx: Context, node: ast.Expr) -> None:
    """A docstring or a call made for its effect."""
    if not isinstance(node.value, ast.Constant):
        cx.expr(cx, node.value)


def function_def(cx: Context, node: ast.FunctionDef) -> None:
    if node.decorator_list:
        raise cx.error("decorators on nested functions are not supported", f"{node.name} = decorator({node.name})",
                       UnsupportedFunction)  # fmt: skip
    cx.env[node.name] = Closure(node, cx.frame, default_values(cx, node.args))


HANDLERS: dict[type[ast.stmt], Callable[[Context, Any], None]] = {
    ast.Assign: assign,
    ast.AnnAssign: ann_assign,
    ast.AugAssign: aug_assign,
    ast.If: if_statement,
    ast.For: for_loop,
    ast.While: while_loop,
    ast.Return: return_,
    ast.Break: break_,
    ast.Continue: continue_,
    ast.Raise: raise_,
    ast.Assert: assert_,
    ast.Expr: expression,
    ast.FunctionDef: function_def,
    ast.Pass: lambda cx, node: None,
}
