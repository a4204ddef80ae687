"""Branches, and the merging of what their sides leave behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adcompiler.frontend.capture import boxed
from adcompiler.frontend.context import (
    BREAK,
    BROKE,
    CONTINUE,
    DEAD,
    EXITS,
    RESULT,
    RETURN,
    Context,
    Unreachable,
)
from adcompiler.frontend.promote import cast, negated
from adcompiler.frontend.values import (
    Arr,
    Box,
    Map,
    Maybe,
    Num,
    Rec,
    Ref,
    State,
    Val,
    children,
    join_values,
    label,
    operands,
    rebuild,
    skeleton,
    with_children,
)
from adcompiler.ir.build import boolean
from adcompiler.ir.core import Operand, Region, Value
from adcompiler.ir.walk import values

FLAGS = (*EXITS, BROKE)
LABELS = {RETURN: "returned", RESULT: "result", BREAK: "stopped", CONTINUE: "skipped", BROKE: "broke"}
SEVERAL = "it is one of several objects, known only at run time"


@dataclass(eq=False)
class Side:
    """One side of a branch: its ops, and the state at its end."""

    region: Region
    state: State

    @property
    def dead(self) -> bool:
        return DEAD in self.state


def branch(
    cx: Context, cond: Operand, then: Callable[[], Any], orelse: Callable[[], Any], live: frozenset[str] | None
) -> None:
    """An `if` op; of the variables that its sides change, those in `live` (None: all) become its results."""
    before = cx.state()
    sides = [_side(cx, before, thunk) for thunk in (then, orelse)]
    cx.restore(before)
    if all(side.dead for side in sides):
        _emit(cx, cond, sides, [], ([], []))
        cx.env[DEAD] = Num(boolean(True))
        return
    results: list[Value] = []
    yields: tuple[list[Operand], list[Operand]] = ([], [])
    merged: State = {}
    keys = dict.fromkeys(key for side in sides if not side.dead for key in side.state)
    for key in keys:
        if key != DEAD and _wanted(key, live):
            value = _merge(cx, key, cond, sides, before, results, yields)
            if value is not None:
                merged[key] = value
    _emit(cx, cond, sides, results, yields)
    cx.restore({**cx.heap, **merged})


def _side(cx: Context, before: State, thunk: Callable[[], Any]) -> Side:
    cx.restore(dict(before))
    region = Region()
    with cx.inside(region):
        try:
            thunk()
        except Unreachable:
            cx.env[DEAD] = Num(boolean(True))
    return Side(region, cx.state())


def _wanted(key: Any, live: frozenset[str] | None) -> bool:
    return live is None or isinstance(key, Box) or key.startswith("$") or key in live


def _emit(cx: Context, cond: Operand, sides: list[Side], results: list[Value], yields: Any) -> None:
    if not results and not any(side.region.ops for side in sides):
        return
    for side, args in zip(sides, yields, strict=True):
        with cx.inside(side.region):
            cx.b.yield_(*args)
    cx.b.if_(cond, results, sides[0].region, sides[1].region)


def _merge(
    cx: Context, key: Any, cond: Operand, sides: list[Side], before: State, results: list[Value], yields: Any
) -> Val | None:
    """The value that `key` has after the branch; where its leaves differ they become results."""
    alive = [side for side in sides if not side.dead]
    absent = Num(boolean(False)) if key in FLAGS else None
    a, b = (alive[0].state.get(key, absent), alive[-1].state.get(key, absent))
    if a == b and len(alive) == 2:
        return a
    a, b, frozen = reconcile(a, b, alive[0].state, alive[-1].state, before)
    template = join(cx, key, a, b)
    if template is None:
        return None
    pairs = list(zip(sides, (a, b), strict=True))
    columns = [_leaves(cx, side, value, template) for side, value in pairs]
    bound = [set(values(side.region)) for side in sides]
    merged: list[Operand] = []
    for name, kind, x, y in zip(label(template, label_of(key)), operands(template), *columns, strict=True):
        direct = _direct(cx, cond, x, y, bound)
        if direct is None:
            direct = Value(name, kind.type)
            results.append(direct)
            for side, args, op in zip(sides, yields, (x, y), strict=True):
                args.append(op if op is not None else _undef(cx, side.region, kind))
        merged.append(direct)
    value = rebuild(template, iter(merged))
    return reboxed(cx, key, value, frozen)


def _leaves(cx: Context, side: Side, value: Val | None, template: Val) -> list[Operand | None]:
    """The operands that this side yields; None where it never gets there."""
    if side.dead:
        return [None for _ in operands(template)]
    with cx.inside(side.region):
        return list(coerce(cx, value, template))


def _direct(
    cx: Context, cond: Operand, x: Operand | None, y: Operand | None, bound: list[set[Value]]
) -> Operand | None:
    """The merged operand where no result is needed."""
    if x is None or y is None:
        k, op = (0, x) if y is None else (1, y)
        return op if op not in bound[k] else None
    if x == y:
        return x
    if (x, y) == (boolean(True), boolean(False)):
        return cond
    if (x, y) == (boolean(False), boolean(True)):
        return negated(cx, cond)
    return None


def _undef(cx: Context, region: Region, kind: Operand) -> Operand:
    with cx.inside(region):
        return cx.op("undef", type=kind.type)


def label_of(key: Any) -> str:
    """The name of a merged value."""
    return "object" if isinstance(key, Box) else LABELS.get(key, key.lstrip("$"))


def unless_left(cx: Context, rest: Callable[[], Any], live: frozenset[str]) -> None:
    """Lower `rest` for the paths that have not left by return, break or continue."""
    flags = [k for k in EXITS if cx.flag(k) != boolean(False)]
    left = cx.exited()
    assert left is not None

    def gone() -> None:
        if len(flags) == 1:
            cx.leave(flags[0])

    def others() -> None:
        for key in flags:
            del cx.env[key]
        rest()

    branch(cx, left, gone, others, live)


def join(cx: Context, key: Any, a: Val | None, b: Val | None) -> Val | None:
    """The template of both; trouble is the user's, at the statement being lowered."""
    try:
        # An object made on one path has no flag of its own: the names that refer to it have.
        return join_values(a, b, flagged=key != RESULT and not isinstance(key, Box))
    except TypeError as error:
        what = "the result" if key == RESULT else "the value" if label_of(key) == "value" else f"'{label_of(key)}'"
        raise cx.error(f"{what} is {error}", "one type on all paths") from None


def reconcile(a: Any, b: Any, sa: State, sb: State, before: State) -> tuple[Any, Any, str]:
    """Both values with references that differ replaced by contents; and why the new object may not change."""
    if a == b or a is None or b is None:
        return a, b, ""
    frozen = ""
    if isinstance(a, Ref) or isinstance(b, Ref):
        old = any(isinstance(v, Ref) and v.box in before for v in (a, b))
        frozen = SEVERAL if old else ""
        a = sa[a.box] if isinstance(a, Ref) else a
        b = sb[b.box] if isinstance(b, Ref) else b
    if isinstance(a, Maybe) or isinstance(b, Maybe):
        x, y = (v.value if isinstance(v, Maybe) else v for v in (a, b))
        x, y, inner = reconcile(x, y, sa, sb, before)
        a = Maybe(x, a.flag) if isinstance(a, Maybe) else x
        b = Maybe(y, b.flag) if isinstance(b, Maybe) else y
        return a, b, frozen or inner
    if skeleton(a) != skeleton(b) or not children(a):
        return a, b, frozen
    triples = [reconcile(x, y, sa, sb, before) for x, y in zip(children(a), children(b), strict=True)]
    a = with_children(a, tuple([t[0] for t in triples]))
    b = with_children(b, tuple([t[1] for t in triples]))
    return a, b, next((t[2] for t in triples if t[2]), frozen)


def reboxed(cx: Context, key: Any, value: Val, frozen: str) -> Val:
    """The merged value, its dicts and dataclasses being objects again."""
    if isinstance(value, Maybe):
        return Maybe(reboxed(cx, key, value.value, frozen), value.flag)
    if isinstance(key, Box) and isinstance(value, Map | Rec):
        return with_children(value, tuple([boxed(cx, p, frozen) for p in children(value)]))
    return boxed(cx, value, frozen)


def coerce(cx: Context, value: Val | None, template: Val) -> Iterator[Operand]:
    """The leaves of `value` cast to the types of the template's."""
    if value is None:
        known = [boolean(False)] if isinstance(template, Maybe) else []
        for op in list(operands(template))[: -1 if known else None]:
            yield cx.op("undef", type=op.type)
        yield from known
    elif isinstance(template, Maybe):
        yield from coerce(cx, value.value if isinstance(value, Maybe) else value, template.value)
        yield value.flag if isinstance(value, Maybe) else boolean(True)
    elif isinstance(template, Num):
        assert isinstance(value, Num)
        yield cast(cx, value.op, template.dtype)
    elif isinstance(template, Arr):
        assert isinstance(value, Arr)
        yield value.op
    else:
        for part, kind in zip(children(value), children(template), strict=True):
            yield from coerce(cx, part, kind)
