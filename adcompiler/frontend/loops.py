"""Loops: `for` over ranges, arrays and tuples, `while`, and tests that write to memory."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from adcompiler.errors import UnsupportedSyntax
from adcompiler.frontend.carried import assigns, otherwise, run
from adcompiler.frontend.context import BREAK, BROKE, CONTINUE, DEAD, RETURN, Context, Unreachable, Unroll
from adcompiler.frontend.control import branch, unless_left
from adcompiler.frontend.iteration import has_tuple, known_items, source
from adcompiler.frontend.liveness import contains
from adcompiler.frontend.promote import negated, truth
from adcompiler.frontend.values import Box, Num, Range, State, Val, operands
from adcompiler.ir.build import boolean, integer
from adcompiler.ir.core import Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.walk import values, walk

MAX_UNROLL = 256


def for_loop(cx: Context, node: ast.For) -> None:
    """for target in iterable: ..."""
    iterable = cx.expr(cx, node.iter)
    if has_tuple(cx, iterable):
        items = known_items(cx, iterable)
        if items is None:
            raise cx.error("a tuple can't be zipped with something whose length is known at run time only",
                           "an array instead of the tuple")  # fmt: skip
        _unrolled(cx, node, items)
        return
    before, region = cx.state(), cx.b.region
    count = len(region.ops)
    index = Value(_index_name(cx, node), integer(0).type)
    items = known_items(cx, iterable)
    if items is not None and len(items) <= MAX_UNROLL:
        cx.unrollable[index] = index
    try:
        _rolled(cx, node, iterable, index)
    except Unroll as request:
        if request.index is not index:
            raise
        assert items is not None
        cx.b.region = region
        del region.ops[count:]
        cx.restore(before)
        _unrolled(cx, node, items)


def _index_name(cx: Context, node: ast.For) -> str:
    """The user's name of the index, else a letter that is free."""
    if isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Call):
        return node.target.id
    first = node.target.elts[0] if isinstance(node.target, ast.Tuple) and node.target.elts else None
    if isinstance(first, ast.Name) and getattr(getattr(node.iter, "func", None), "id", "") == "enumerate":
        return first.id
    return next((c for c in "ijklmn" if c not in cx.frame.locals), "i")


def _rolled(cx: Context, node: ast.For, iterable: Val, index: Value) -> None:
    item: Callable[[], Val]
    if isinstance(iterable, Range):
        lo, hi, step = iterable.lo.op, iterable.hi.op, iterable.step.op
        item = lambda: Num(index)  # noqa: E731
    else:
        items = source(cx, iterable)
        lo, hi, step = integer(0), items.count(), integer(1)
        item = lambda: items.at(index)  # noqa: E731

    def make(params: list[Value]) -> list[Region]:
        body = Region([index, *params])
        # The loop ends where one of these becomes true: inside they are false.
        for key in (RETURN, BROKE):
            cx.env.pop(key, None)
        with cx.inside(body):
            cx.assign(cx, node.target, item())
            _body(cx, node)
        return [body]

    broke = run(cx, node, make, lambda inits, results, regions: cx.b.for_(lo, hi, step, inits, results, *regions))
    otherwise(cx, node, broke)


def _body(cx: Context, node: ast.For | ast.While) -> None:
    """The statements of a loop's body, once."""
    frame = cx.frame
    saved = frame.exit_live
    frame.exit_live = frame.live.after[node] | frame.live.head[node]
    try:
        cx.block(cx, node.body, frame.live.head[node])
    except Unreachable:
        cx.env[DEAD] = Num(boolean(True))
    finally:
        frame.exit_live = saved
    cx.env.pop(CONTINUE, None)


def while_loop(cx: Context, node: ast.While) -> None:
    """while test: ...  A `while` op has no `until`: a break is carried to its condition."""

    def make(params: list[Value]) -> list[Region]:
        cond, body = Region(list(params)), Region()
        left = [f for f in map(cx.flag, (BREAK, RETURN)) if f != boolean(False)]
        for key in (BREAK, RETURN):
            if key in cx.env:
                cx.env[key] = Num(boolean(False))
        before = cx.state()
        with cx.inside(cond):
            cx.b.test(_test(cx, node, left))
        if any(op.name in OPS and OPS[op.name].writes for op in walk(cond)):
            raise _WritingTest
        _after_test(cx, cond, before)
        with cx.inside(body):
            if assigns(cx, node):
                _tested_inside(cx, node)
            else:
                _body(cx, node)
        return [cond, body]

    test = _static_test(cx, node)
    if test == boolean(False):
        cx.block(cx, node.orelse, cx.frame.live.after[node])
        return

    def emit(inits: Sequence[Operand], results: Sequence[Value], regions: Sequence[Region]) -> None:
        cx.b.while_(inits, results, *regions)

    before, region = cx.state(), cx.b.region
    count = len(region.ops)
    try:
        broke = run(cx, node, make, emit)
    except _WritingTest:
        cx.b.region = region
        cx.restore(before)
        del region.ops[count:]
        cx.writing_tests.add(node)
        broke = run(cx, node, make, emit)
    if isinstance(node.test, ast.Constant) and node.test.value and not contains(node.body, ast.Break):
        # `while True` without break ends only by return, if at all.
        cx.leave(RETURN if contains(node.body, ast.Return) else DEAD)
        return
    otherwise(cx, node, broke)


def _static_test(cx: Context, node: ast.While) -> Operand | None:
    """The condition, if it is written as a constant."""
    return truth(cx, cx.expr(cx, node.test)) if isinstance(node.test, ast.Constant) else None


class _WritingTest(Exception):
    """The condition of a `while` turned out to write to memory, or to an object."""


def _after_test(cx: Context, cond: Region, before: State) -> None:
    """The state at the head of the body, which doesn't see the condition's values.

    What the condition has learned of a name (that it is bound) holds unless it is said with such values.
    """
    after, own = cx.state(), set(values(cond)) - set(cond.params)
    if any(isinstance(key, Box) and after.get(key) != value for key, value in before.items()):
        raise _WritingTest
    hidden = {key for key, value in after.items() if own & set(operands(value))}
    cx.restore({key: before.get(key, value) if key in hidden else value for key, value in after.items()})


def _test(cx: Context, node: ast.While, left: list[Operand]) -> Operand:
    """The predicate of the cond region: not left by break or return, and the condition, where it stands here."""
    stop = None
    for f in left:
        stop = f if stop is None else cx.op("or", stop, f, hint="stop")
    go = boolean(True) if stop is None else negated(cx, stop)
    if assigns(cx, node):
        return go
    return truth(cx, cx.short_circuit(cx, True, Num(go), lambda: Num(truth(cx, cx.expr(cx, node.test)))))


def _tested_inside(cx: Context, node: ast.While) -> None:
    """The condition at the head of the body: where it fails, the loop is left as by break."""
    if node.orelse:
        raise UnsupportedSyntax(
            "`:=` or a write in the condition of a while with else is not supported",
            cx.loc(node.test),
            "assign before the loop and at the end of its body",
        )
    go = truth(cx, cx.expr(cx, node.test))
    live = cx.frame.live.head[node] | cx.frame.live.after[node]
    branch(cx, go, lambda: _body(cx, node), lambda: cx.leave(BREAK), live)


def _unrolled(cx: Context, node: ast.For, items: tuple[Val, ...]) -> None:
    """One copy of the body per item."""
    live = cx.frame.live
    wanted = live.head[node] | live.after[node] | cx.frame.exit_live

    def iterate(k: int) -> None:
        if k == len(items):
            cx.block(cx, node.orelse, live.after[node])
            return
        cx.assign(cx, node.target, items[k])
        _body(cx, node)
        if cx.gone:
            return
        left = cx.exited()
        if left is None:
            iterate(k + 1)
        else:
            unless_left(cx, lambda: iterate(k + 1), wanted)

    outer = cx.env.pop(BREAK, None)
    iterate(0)
    cx.env.pop(BREAK, None)
    if outer is not None:
        cx.env[BREAK] = outer
