"""Expressions: one function per kind of node, each giving a frontend value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from adcompiler.frontend import calls, indexing
from adcompiler.frontend.attributes import attribute
from adcompiler.frontend.capture import lookup
from adcompiler.frontend.context import Context
from adcompiler.frontend.control import branch
from adcompiler.frontend.convert import to_python
from adcompiler.frontend.fence import FENCE, refuse
from adcompiler.frontend.functions import matmul
from adcompiler.frontend.iteration import static_items
from adcompiler.frontend.promote import COMPARE, binary, need_number, truth, unary
from adcompiler.frontend.values import (
    NONE,
    Arr,
    Closure,
    Map,
    Maybe,
    Num,
    Obj,
    Seq,
    Slice,
    Val,
    describe,
    expose,
    is_none,
    number,
    operands,
)
from adcompiler.ir.build import boolean
from adcompiler.ir.core import Const, Operand, Region, Value
from adcompiler.ir.table import OPS

VALUE = "$value"
MAX_CHEAP = 6


def expr(cx: Context, node: ast.expr) -> Val:
    """The value of an expression."""
    handler = HANDLERS.get(type(node))
    with cx.at(node):
        if handler is None:
            raise refuse(type(node), cx.loc(node))
        return handler(cx, node)


def constant(cx: Context, node: ast.Constant) -> Val:
    value = node.value
    if isinstance(value, complex):
        raise refuse("complex", cx.loc(node))
    if isinstance(value, bytes):
        raise refuse("bytes", cx.loc(node))
    if isinstance(value, bool | int | float):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise cx.error("this integer does not fit into 64 bits")
        return number(value)
    return Obj(value)


def name(cx: Context, node: ast.Name) -> Val:
    return lookup(cx, node.id)


def attribute_node(cx: Context, node: ast.Attribute) -> Val:
    return attribute(cx, expr(cx, node.value), node.attr, node)


def bin_op(cx: Context, node: ast.BinOp) -> Val:
    a, b = expr(cx, node.left), expr(cx, node.right)
    return operator(cx, type(node.op).__name__, a, b)


def operator(cx: Context, kind: str, a: Val, b: Val) -> Val:
    """`a <operator> b` on any values."""
    if kind == "MatMult":
        return matmul(cx, a, b)
    if isinstance(a, Seq) or isinstance(b, Seq):
        return _tuple_operator(cx, kind, a, b)
    if isinstance(a, Obj) and isinstance(a.value, str):
        raise refuse("string", cx.b.loc)
    return binary(cx, kind, need_number(cx, a), need_number(cx, b))


def _tuple_operator(cx: Context, kind: str, a: Val, b: Val) -> Val:
    if kind == "Add" and isinstance(a, Seq) and isinstance(b, Seq):
        return Seq(a.items + b.items, listed=a.listed)
    if kind == "Mult":
        sequence, count = (a, b) if isinstance(a, Seq) else (b, a)
        if isinstance(sequence, Seq) and isinstance(count, Num) and count.known:
            return Seq(sequence.items * count.value, listed=sequence.listed)
    raise cx.error(f"this operator is not defined for {describe(a)} and {describe(b)}", "np.array of the tuple")


def unary_op(cx: Context, node: ast.UnaryOp) -> Val:
    operand = expr(cx, node.operand)
    if isinstance(node.op, ast.Not):
        return Num(_not(cx, truth(cx, operand)))
    return unary(cx, type(node.op).__name__, need_number(cx, operand))


def _not(cx: Context, op: Operand) -> Operand:
    return boolean(not op.value) if isinstance(op, Const) else cx.op("not", op)


def if_exp(cx: Context, node: ast.IfExp) -> Val:
    cond = truth(cx, expr(cx, node.test))
    if isinstance(cond, Const):
        return expr(cx, node.body if cond.value else node.orelse)
    return choose(cx, cond, lambda: expr(cx, node.body), lambda: expr(cx, node.orelse))


def choose(cx: Context, cond: Operand, then: Callable[[], Val], orelse: Callable[[], Val]) -> Val:
    """The value of one of two expressions, of which only one is evaluated."""

    def keep(side: Callable[[], Val]) -> Callable[[], None]:
        def run() -> None:
            value = side()  # which may leave another environment behind
            cx.env[VALUE] = value

        return run

    saved = cx.env.pop(VALUE, None)
    branch(cx, cond, keep(then), keep(orelse), None)
    value = cx.env.pop(VALUE)
    for op in operands(expose(value, cx.heap)):
        if isinstance(op, Value) and op.name == VALUE[1:]:  # a result of the branch: the user may name it
            op.name = "t"
            cx.temps.add(op)
    if saved is not None:
        cx.env[VALUE] = saved
    return value.value if isinstance(value, Maybe) else value


def bool_op(cx: Context, node: ast.BoolOp) -> Val:
    value = expr(cx, node.values[0])
    is_and = isinstance(node.op, ast.And)
    for right in node.values[1:]:
        value = short_circuit(cx, is_and, value, partial(expr, cx, right))
    return value


def short_circuit(cx: Context, is_and: bool, left: Val, right: Callable[[], Val]) -> Val:
    """`left and right` or `left or right`: the right side is evaluated only where it counts."""
    cond = truth(cx, left)
    if isinstance(cond, Const):
        return right() if bool(cond.value) == is_and else left
    spliced = _cheap(cx, right) if _is_bool(left) else None
    if spliced is not None:
        if isinstance(spliced.op, Const):
            return left if bool(spliced.value) == is_and else Num(boolean(not is_and))
        strong = isinstance(left, Num) and not left.weak and not spliced.weak
        return Num(cx.op("and" if is_and else "or", cond, spliced.op), not strong)
    if is_and:
        return choose(cx, cond, right, lambda: left)
    return choose(cx, cond, lambda: left, right)


def _is_bool(v: Val | None) -> bool:
    return isinstance(v, Num) and v.dtype == "b1"


def _cheap(cx: Context, right: Callable[[], Val]) -> Num | None:
    """The right side evaluated here and now, if that costs little and can't raise; None where it does."""
    before, region = cx.state(), Region()
    with cx.inside(region):
        value = right()
    cheap = len(region.ops) <= MAX_CHEAP and all(_harmless(op) for op in region.ops)
    if cheap and isinstance(value, Num) and _is_bool(value) and cx.state() == before:
        cx.b.region.ops.extend(region.ops)
        return value
    cx.restore(before)
    return None


def _harmless(op: Any) -> bool:
    entry = OPS.get(op.name)
    if entry is None or entry.writes or entry.ordered:
        return False
    return entry.cheap and not (entry.may_raise is not None and entry.may_raise(op))


def compare(cx: Context, node: ast.Compare) -> Val:
    left = expr(cx, node.left)
    return _chain(cx, left, node.ops, node.comparators)


def _chain(cx: Context, left: Val, ops: list[ast.cmpop], rights: list[ast.expr]) -> Val:
    right = expr(cx, rights[0])
    result = compare_values(cx, ops[0], left, right)
    if len(ops) == 1:
        return result
    return short_circuit(cx, True, result, lambda: _chain(cx, right, ops[1:], rights[1:]))


def compare_values(cx: Context, op: ast.cmpop, a: Val, b: Val) -> Val:
    if isinstance(op, ast.Is | ast.IsNot):
        return number(_identical(cx, a, b) == isinstance(op, ast.Is))
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(cx, op, a, b)
    if isinstance(op, ast.Eq | ast.NotEq) and (isinstance(a, Obj) or isinstance(b, Obj)):
        return number((_plain(a) == _plain(b)) == isinstance(op, ast.Eq))
    if isinstance(a, Seq) and isinstance(b, Seq) and isinstance(op, ast.Eq | ast.NotEq):
        return _equal_tuples(cx, op, a, b)
    kind = type(op).__name__
    assert kind in COMPARE
    return binary(cx, kind, need_number(cx, a), need_number(cx, b))


def _plain(v: Val) -> Any:
    return v.value if isinstance(v, Obj) else v


def _identical(cx: Context, a: Val, b: Val) -> bool:
    if isinstance(a, Obj) or isinstance(b, Obj):
        return a == b
    if isinstance(a, Arr) and isinstance(b, Arr) and a.op is b.op:
        return True
    raise cx.error("`is` compares with None and other constants only", "==")


def _membership(cx: Context, op: ast.In | ast.NotIn, a: Val, b: Val) -> Val:
    """`key in dict` and `constant in tuple of constants` are known when compiling."""
    inner = cx.content(b)
    try:
        wanted = to_python(cx, a)
        options = inner.keys if isinstance(inner, Map) else to_python(cx, b)
        return number((wanted in options) == isinstance(op, ast.In))
    except TypeError:
        raise refuse(type(op), cx.b.loc) from None


def _equal_tuples(cx: Context, op: ast.cmpop, a: Seq, b: Seq) -> Val:
    if len(a.items) != len(b.items):
        return number(isinstance(op, ast.NotEq))
    total: Val = number(True)
    for x, y in zip(a.items, b.items, strict=True):
        total = short_circuit(cx, True, total, partial(compare_values, cx, ast.Eq(), x, y))
    return total if isinstance(op, ast.Eq) else Num(_not(cx, truth(cx, total)))


def subscript(cx: Context, node: ast.Subscript) -> Val:
    return indexing.read(cx, expr(cx, node.value), expr(cx, node.slice))


def slice_node(cx: Context, node: ast.Slice) -> Val:
    parts = [NONE if p is None else expr(cx, p) for p in (node.lower, node.upper, node.step)]
    for p in parts:
        if not (is_none(p) or (isinstance(p, Num) and p.dtype[0] in "iub")):
            raise cx.error(f"a slice needs integers, not {describe(p)}", "int(...) of it")
    return Slice(*parts)


def display(cx: Context, node: ast.Tuple | ast.List) -> Val:
    items: list[Val] = []
    for item in node.elts:
        if isinstance(item, ast.Starred):
            items.extend(static_items(cx, expr(cx, item.value)))
        else:
            items.append(expr(cx, item))
    return Seq(tuple(items), listed=isinstance(node, ast.List))


def dict_node(cx: Context, node: ast.Dict) -> Val:
    content: dict[Any, Val] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            inner = cx.content(expr(cx, value))
            if not isinstance(inner, Map):
                raise cx.error("** needs a dict")
            content.update(zip(inner.keys, inner.items, strict=True))
        else:
            content[indexing.constant_key(cx, expr(cx, key))] = expr(cx, value)
    return cx.box(Map(tuple(content), tuple(content.values())))


def comprehension(cx: Context, node: ast.ListComp | ast.GeneratorExp) -> Val:
    """A comprehension of static length, as a tuple."""
    items: list[Val] = []
    _each(cx, node.generators, lambda: items.append(expr(cx, node.elt)))
    return Seq(tuple(items), listed=isinstance(node, ast.ListComp))


def dict_comprehension(cx: Context, node: ast.DictComp) -> Val:
    """{key: value for ...}, with keys that are known when compiling."""
    content: dict[Any, Val] = {}

    def add() -> None:
        key = indexing.constant_key(cx, expr(cx, node.key))
        content[key] = expr(cx, node.value)

    _each(cx, node.generators, add)
    return cx.box(Map(tuple(content), tuple(content.values())))


def _each(cx: Context, generators: Sequence[ast.comprehension], visit: Callable[[], None]) -> None:
    """Call `visit` with the targets of the generators bound to each of their items; the names are gone after."""
    names = {n.id for g in generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    saved = {n: cx.env[n] for n in names if n in cx.env}

    def level(depth: int) -> None:
        if depth == len(generators):
            visit()
            return
        generator = generators[depth]
        for item in static_items(cx, expr(cx, generator.iter)):
            cx.assign(cx, generator.target, item)
            tests = [truth(cx, expr(cx, test)) for test in generator.ifs]
            if not all(isinstance(t, Const) for t in tests):
                raise cx.error("a comprehension's `if` must be known when compiling", "a loop")
            if all(t != boolean(False) for t in tests):
                level(depth + 1)

    level(0)
    for n in names:
        cx.env.pop(n, None)
    cx.env.update(saved)


def lambda_node(cx: Context, node: ast.Lambda) -> Val:
    return Closure(node, cx.frame, calls.default_values(cx, node.args))


def named_expr(cx: Context, node: ast.NamedExpr) -> Val:
    value = expr(cx, node.value)
    cx.bind(node.target.id, value)
    return value


def call(cx: Context, node: ast.Call) -> Val:
    return calls.call_node(cx, node)


HANDLERS: dict[type[ast.expr], Callable[[Context, Any], Val]] = {
    ast.Constant: constant,
    ast.Name: name,
    ast.Attribute: attribute_node,
    ast.BinOp: bin_op,
    ast.UnaryOp: unary_op,
    ast.IfExp: if_exp,
    ast.BoolOp: bool_op,
    ast.Compare: compare,
    ast.Subscript: subscript,
    ast.Slice: slice_node,
    ast.Tuple: display,
    ast.List: display,
    ast.Dict: dict_node,
    ast.ListComp: comprehension,
    ast.DictComp: dict_comprehension,
    ast.Lambda: lambda_node,
    ast.NamedExpr: named_expr,
    ast.Call: call,
}
assert not set(HANDLERS) & set(FENCE)
