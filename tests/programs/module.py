"""Whole random programs: a module with helpers, and a function `f` with its arguments."""

from __future__ import annotations

from programs.choices import Choices
from programs.program import HEAD, Argument, Held, Program, Record
from programs.records import FORMS
from programs.scope import Helper, Scope, Var
from programs.statements import Statements
from programs.structures import indented, parts
from programs.writes import Lines


def helper(g: Statements, s: Scope, size: int) -> tuple[Lines, Helper]:
    """A function of the module."""
    c = g.c
    name = g.fresh("h")
    params = [Var("p", "f")]
    if c.chance(50):
        params.insert(0, Var("d", "a", (size,)))
    if c.chance(30):
        params.append(Var("q", "f"))
    if c.chance(20):
        params.append(Var("r", c.pick(list(FORMS)), (size,), fixed=c.chance(60)))
    result = Var("", "a", (size,)) if params[0].kind == "a" and c.chance(40) else Var("", "f")
    inner = Scope(dict(s.names), s.helpers, depth=1, trips=2, returns=(result,))
    for p in params:
        for var in parts(p) if p.kind in FORMS else (p,):
            inner.add(var)
    g.budget = c.integer(1, 4)
    body, left = g.block(inner, 3)
    if not left:
        body.append(g.result(inner))
    lines = ["", "", f"def {name}({', '.join(p.name for p in params)}):", *indented(body)]
    return lines, Helper(name, tuple(params), result, writes=any(p.kind != "f" for p in params))


def arguments(c: Choices, size: int, width: int) -> list[tuple[Var, Argument]]:
    """The parameters of `f` and what is given for them: always a number and an array, others by chance."""
    form = c.pick(list(FORMS))
    pool: list[tuple[Var, Argument, int]] = [
        (Var("a", "f"), 0.7, 100), (Var("x", "a", (size,)), (size,), 100), (Var("b", "f"), -0.6, 50),
        (Var("n", "i", interval=(size, size)), size, 50), (Var("y", "a", (size,)), (size,), 50),
        (Var("A", "a", (size, width)), (size, width), 70), (Var("T", "a", (2, width, size)), (2, width, size), 15),
        (Var("idx", "j", (width,), (-size, size - 1)), Held((width,), size), 35), (Var("mask", "m", (size,)), Held((size,)), 20),
        (Var("par", form, (size,), fixed=True), Record(form, (size,)), 30),
    ]  # fmt: skip
    return [(var, given) for var, given, percent in pool if c.chance(percent)]


def program(c: Choices, statements: int = 12) -> Program:
    """A module: some helpers, and a function `f`."""
    g, lines = Statements(c), [HEAD.rstrip()]
    size, width = c.integer(2, 4), c.integer(2, 3)
    top = Scope()
    for var in (Var("SCALE", "f", fixed=True), Var("COUNT", "i", interval=(3, 3)), Var("PAIR", "t", (2,), fixed=True),
                Var("TABLE", "a", (3,), fixed=True)):  # fmt: skip
        if c.chance(30):
            top.add(var)
    for _ in range(c.weighted({0: 5, 1: 3, 2: 2})):
        more, made = helper(g, top, size)
        lines += more
        top.helpers = (*top.helpers, made)
    s = Scope(dict(top.names), top.helpers)
    chosen = arguments(c, size, width)
    for var, _ in chosen:
        for part in parts(var) if var.kind in FORMS else (var,):
            s.add(part)
    f, v = Var("", "f"), Var("", "a", (size,))
    s.returns = c.weighted({(f,): 70, (f, f): 8, (f, v): 10, (v,): 12})
    g.budget = c.integer(1, statements)
    body, left = g.block(s, g.budget)
    if not left:
        body.append(g.result(s))
    lines += ["", "", f"def f({', '.join(var.name for var, _ in chosen)}):", *indented(body)]
    return Program("\n".join(lines) + "\n", tuple(shape for _, shape in chosen), c.integer(0, 9))
