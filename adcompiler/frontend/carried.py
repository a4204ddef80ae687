"""What a loop carries: its body is lowered until the types of its variables are stable, then the loop is emitted."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from adcompiler.frontend.context import BREAK, BROKE, CONTINUE, DEAD, RESULT, RETURN, Context
from adcompiler.frontend.control import branch, coerce, join, label_of, reboxed, reconcile
from adcompiler.frontend.liveness import assigned, contains
from adcompiler.frontend.values import Box, Num, State, alike, expose, label, operands, rebuild
from adcompiler.ir.build import boolean
from adcompiler.ir.core import Const, Operand, Region, Value
from adcompiler.ir.walk import substitute

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


def run(cx: Context, node: ast.For | ast.While, make: Make, emit: Callable[..., object]) -> Operand:
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
    if isinstance(node, ast.While) and assigns(cx, node):
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
    if RETURN in template and not cx.dead:
        cx.env[RETURN] = Num(cx.flag(RETURN))  # a loop inside has forgotten it, if it found that nothing returns
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
    kept = _kept(cx, attempt, inits, yields)
    with cx.inside(body):
        is_while = isinstance(node, ast.While)
        cx.b.yield_(*[yields[k] for k in kept], until=None if is_while else attempt.until)
    dropped = set(attempt.params) - {attempt.params[k] for k in kept}
    head = attempt.regions[0]
    head.params[:] = [p for p in head.params if p not in dropped]
    emit([inits[k] for k in kept], [results[k] for k in kept], attempt.regions)
    final = iter([results[k] if k in kept else inits[k] for k in range(len(results))])
    return _leave(cx, node, before, {key: rebuild(template[key], final) for key in keys})


def _kept(cx: Context, attempt: Attempt, inits: list[Operand], yields: list[Operand]) -> list[int]:
    """The positions that change in the loop; the others are replaced by their initial values."""
    same = {p: init for p, init, last in zip(attempt.params, inits, yields, strict=True) if p is last}
    if same:
        for region in attempt.regions:
            substitute(region, same)
        cx.rename(same)
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


def otherwise(cx: Context, node: ast.For | ast.While, broke: Operand) -> None:
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


def assigns(cx: Context, node: ast.While) -> bool:
    """Does evaluating the condition assign names or write to memory? Only the body can do that."""
    return node in cx.writing_tests or any(isinstance(n, ast.NamedExpr) for n in ast.walk(node.test))
