"""Loops: the values they carry are found by lowering the body until their types are stable."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adcompiler.errors import UnsupportedSyntax
from adcompiler.frontend.context import BREAK, BROKE, CONTINUE, DEAD, RESULT, RETURN, Context, Unreachable, Unroll
from adcompiler.frontend.control import branch, coerce, join, label_of, reboxed, reconcile, unless_left
from adcompiler.frontend.iteration import has_tuple, known_items, source
from adcompiler.frontend.liveness import assigned, contains
from adcompiler.frontend.promote import negated, truth
from adcompiler.frontend.values import Box, Num, Range, State, Val, alike, expose, label, operands, rebuild
from adcompiler.ir.build import boolean, integer
from adcompiler.ir.core import Const, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.walk import substitute, values, walk

MAX_UNROLL = 256
MAX_ATTEMPTS = 30


@dataclass(eq=False)
class Attempt:
    """A loop lowered once: its regions, params, and the state at the end of its body."""

    regions: list[Region]
    params: list[Value]
    after: State
    until: Operand


# A loop's kind fills the regions, given the carried params, with the body's end state in force when it returns.
Make = Callable[[list[Value]], list[Region]]


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

    broke = _run(cx, node, make, lambda inits, results, regions: cx.b.for_(lo, hi, step, inits, results, *regions))
    _else(cx, node, broke)


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
            if _assigns(cx, node):
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
        broke = _run(cx, node, make, emit)
    except _WritingTest:
        cx.b.region = region
        cx.restore(before)
        del region.ops[count:]
        cx.writing_tests.add(node)
        broke = _run(cx, node, make, emit)
    if isinstance(node.test, ast.Constant) and node.test.value and not contains(node.body, ast.Break):
        # `while True` without break ends only by return, if at all.
        cx.leave(RETURN if contains(node.body, ast.Return) else DEAD)
        return
    _else(cx, node, broke)


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


def _assigns(cx: Context, node: ast.While) -> bool:
    """Does evaluating the condition assign names or write to memory? Only the body can do that."""
    return node in cx.writing_tests or any(isinstance(n, ast.NamedExpr) for n in ast.walk(node.test))


def _test(cx: Context, node: ast.While, left: list[Operand]) -> Operand:
    """The predicate of the cond region: not left by break or return, and the condition, where it stands here."""
    stop = None
    for f in left:
        stop = f if stop is None else cx.op("or", stop, f, hint="stop")
    go = boolean(True) if stop is None else negated(cx, stop)
    if _assigns(cx, node):
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


def _run(cx: Context, node: ast.For | ast.While, make: Make, emit: Callable[..., object]) -> Operand:
    """Lower the loop until its carried types are stable, emit it; returns whether it was left by break."""
    before = cx.state()
    for key in (BREAK, CONTINUE):
        before.pop(key, None)
    template: dict[Any, Any] = {key: before.get(key) for key in _carried(cx, node)}
    if RETURN in template:
        template[RETURN] = before[RETURN] = Num(boolean(False))
    for flag in (BREAK, BROKE):
        if flag in template:
            template[flag] = before[flag] = Num(boolean(False))
    region = cx.b.region
    for _ in range(MAX_ATTEMPTS):
        cx.b.region = region
        start = len(region.ops)
        attempt = _attempt(cx, node, before, template, make)
        wider = _widened(cx, before, attempt.after, template)
        if wider is None:
            return _finish(cx, node, before, template, attempt, emit)
        template = wider
        del region.ops[start:]
    raise cx.error("the types of this loop's variables do not settle")


def _carried(cx: Context, node: ast.For | ast.While) -> Iterable[str]:
    """Names that the body assigns and that something reads later."""
    live = cx.frame.live
    targets = [node.target] if isinstance(node, ast.For) else [node.test]
    wanted = live.head[node] | live.after[node]
    names = [n for n in assigned([*targets, *node.body]) if n in wanted]
    if contains(node.body, ast.Return):
        names += [RETURN, RESULT]
    if isinstance(node, ast.While) and _assigns(cx, node):
        names += [BREAK]
    elif contains(node.body, ast.Break):
        names += [BREAK] if isinstance(node, ast.While) else []
        names += [BROKE] if node.orelse else []
    return names


def _attempt(cx: Context, node: ast.For | ast.While, before: State, template: State, make: Make) -> Attempt:
    state, params = dict(before), []
    for key, kind in template.items():
        if kind is None:
            state.pop(key, None)
            continue
        fresh = [Value(n, o.type) for n, o in zip(label(kind, label_of(key)), operands(kind), strict=True)]
        params += fresh
        state[key] = rebuild(kind, iter(fresh))
    cx.restore(state)
    for key in [k for k in template if template[k] is not None]:
        part = cx.heap if isinstance(key, Box) else cx.env
        part[key] = reboxed(cx, key, part[key], "")
    regions = make(params)
    with cx.inside(regions[-1]):
        until = boolean(False) if isinstance(node, ast.While) else _until(cx)
    if BROKE in template:
        cx.env[BROKE] = Num(cx.flag(BREAK))
    return Attempt(regions, params, cx.state(), until)


def _until(cx: Context) -> Operand:
    """The predicate that the loop ends after this iteration."""
    if cx.dead:
        return boolean(True)
    flags = [f for f in map(cx.flag, (BREAK, RETURN)) if f != boolean(False)]
    if boolean(True) in flags:
        return boolean(True)
    if len(flags) == 2:
        return cx.op("or", *flags, hint="stop")
    return flags[0] if flags else boolean(False)


def _widened(cx: Context, before: State, after: State, template: State) -> State | None:
    """The template that also holds what one iteration gives, None where it does already."""
    if DEAD in after:
        return None
    wider, changed = dict(template), False
    for key, kind in template.items():
        last = after.get(key)
        if kind is None and last is not None:
            last = expose(last, after)  # an object that the body makes: what it holds is carried
        a, b, _ = reconcile(kind, last, before, after, before)
        joined = join(cx, key, a, b)
        if joined is not None and not (kind is not None and alike(joined, kind)):
            wider[key], changed = joined, True
    for key in [k for k in before if isinstance(k, Box) and k not in template and after.get(k) != before[k]]:
        wider[key], changed = before[key], True
    return wider if changed else None


def _finish(
    cx: Context,
    node: ast.For | ast.While,
    before: State,
    template: State,
    attempt: Attempt,
    emit: Callable[..., object],
) -> Operand:
    """Emit the loop with its inits, yields and results."""
    inits: list[Operand] = []
    yields: list[Operand] = []
    keys = [k for k, kind in template.items() if kind is not None]
    for key in keys:
        first, _, _ = reconcile(before.get(key), template[key], before, before, before)
        inits += coerce(cx, first, template[key])
    body = attempt.regions[-1]
    with cx.inside(body):
        for key in keys:
            last, _, _ = reconcile(attempt.after.get(key), template[key], attempt.after, before, before)
            dead = DEAD in attempt.after and key not in attempt.after
            yields += coerce(cx, None if dead else last, template[key])
    results = [Value(p.name, p.type) for p in attempt.params]
    kept = _kept(attempt, inits, yields)
    with cx.inside(body):
        is_while = isinstance(node, ast.While)
        cx.b.yield_(*[yields[k] for k in kept], until=None if is_while else attempt.until)
    dropped = set(attempt.params) - {attempt.params[k] for k in kept}
    head = attempt.regions[0]
    head.params[:] = [p for p in head.params if p not in dropped]
    emit([inits[k] for k in kept], [results[k] for k in kept], attempt.regions)
    final = iter([results[k] if k in kept else inits[k] for k in range(len(results))])
    return _leave(cx, node, before, {key: rebuild(template[key], final) for key in keys})


def _kept(attempt: Attempt, inits: list[Operand], yields: list[Operand]) -> list[int]:
    """The positions that change in the loop; the others are replaced by their initial values."""
    same = {p: init for p, init, last in zip(attempt.params, inits, yields, strict=True) if p is last}
    if same:
        for region in attempt.regions:
            substitute(region, same)
        yields[:] = [same.get(y, y) if isinstance(y, Value) else y for y in yields]
        if isinstance(attempt.until, Value):
            attempt.until = same.get(attempt.until, attempt.until)
    return [k for k, p in enumerate(attempt.params) if p not in same]


def _leave(cx: Context, node: ast.For | ast.While, before: State, results: State) -> Operand:
    """The state after the loop."""
    state = dict(before)
    for name in assigned([node.target if isinstance(node, ast.For) else node.test, *node.body]):
        state.pop(name, None)  # not carried: nothing reads it
    cx.restore({**state, **results})
    for key, value in results.items():
        if isinstance(key, Box):
            cx.heap[key] = reboxed(cx, key, value, "")
        else:
            cx.env[key] = reboxed(cx, key, value, "")
    broke = cx.flag(BROKE)
    for key in (BREAK, CONTINUE, BROKE):
        cx.env.pop(key, None)
    if cx.flag(RETURN) == boolean(False):
        cx.env.pop(RETURN, None)
    return broke


def _else(cx: Context, node: ast.For | ast.While, broke: Operand) -> None:
    """The `else` of a loop: runs unless the loop was left by break (or return)."""
    if not node.orelse:
        return
    live = cx.frame.live.after[node]
    gone = cx.exited()
    skip = broke if gone is None or broke == boolean(False) else cx.op("or", broke, gone)
    if gone is not None and broke == boolean(False):
        skip = gone
    if isinstance(skip, Const):
        if not skip.value:
            cx.block(cx, node.orelse, live)
        return
    returned = cx.env.get(RETURN)

    def orelse() -> None:
        if returned is not None:
            cx.env[RETURN] = Num(boolean(False))
        cx.block(cx, node.orelse, live)

    branch(cx, skip, lambda: None, orelse, live | cx.frame.exit_live)


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
