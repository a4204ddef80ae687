"""Makes a failing program small: `python -m programs.reduce SEED` prints the least program that fails the same way."""

from __future__ import annotations

import ast
import copy
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from programs import check, program
from programs.campaign import kind
from programs.choices import Choices
from programs.program import Program

Failing = Callable[[Program], bool]
Simpler = Callable[[ast.Module], Iterator[Callable[[], ast.Module]]]


def reduce(p: Program, failing: Failing, seconds: float = 200.0) -> Program:
    """Apply the first simplification that still fails, until none does or time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = p.text
        for simpler in (fewer_statements, unwrapped, simpler_expressions):
            p = _sweep(p, simpler, failing, end)
        if p.text == before:
            break
    return p


def _sweep(p: Program, simpler: Simpler, failing: Failing, end: float) -> Program:
    at = 0
    while True:
        for k, make in enumerate(simpler(ast.parse(p.text))):
            if k < at:
                continue
            if time.monotonic() > end:
                return p
            smaller = replace(p, text=ast.unparse(ast.fix_missing_locations(make())) + "\n")
            if len(smaller.text) < len(p.text) and failing(smaller):
                p, at = smaller, k
                break
        else:
            return p


def _blocks(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            if isinstance(getattr(node, name, None), list):
                yield node, name


def _edited(tree: ast.Module, where: int, edit: Callable[[ast.AST, str], None]) -> ast.Module:
    fresh = copy.deepcopy(tree)
    node, name = list(_blocks(fresh))[where]
    edit(node, name)
    return fresh


def fewer_statements(tree: ast.Module) -> Iterator[Callable[[], ast.Module]]:
    """One statement (or a run of them) less."""
    for where, (node, name) in enumerate(_blocks(tree)):
        count = len(getattr(node, name))
        for size in dict.fromkeys((count, count // 2, 1)):
            for start in range(0, count - size + 1) if size else ():

                def edit(node: ast.AST, name: str, start: int = start, size: int = size) -> None:
                    rest = getattr(node, name)
                    rest[start : start + size] = []
                    if not rest and name == "body":
                        rest.append(ast.Pass())

                yield partial(_edited, tree, where, edit)


def unwrapped(tree: ast.Module) -> Iterator[Callable[[], ast.Module]]:
    """A compound statement's body in its place."""
    for where, (node, name) in enumerate(_blocks(tree)):
        for at, statement in enumerate(getattr(node, name)):
            for inner in ("body", "orelse"):
                if isinstance(statement, ast.If | ast.For | ast.While) and getattr(statement, inner):

                    def edit(node: ast.AST, name: str, at: int = at, inner: str = inner) -> None:
                        rest = getattr(node, name)
                        rest[at : at + 1] = getattr(rest[at], inner)

                    yield partial(_edited, tree, where, edit)


def _expressions(tree: ast.Module) -> list[tuple[ast.AST, str, int | None]]:
    """Places of expressions: node, field, index in a list."""
    found: list[tuple[ast.AST, str, int | None]] = []
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            for k, item in enumerate(value if isinstance(value, list) else [value]):
                if (
                    isinstance(item, ast.expr)
                    and name != "func"
                    and not isinstance(getattr(item, "ctx", None), ast.Store)
                ):
                    found.append((node, name, k if isinstance(value, list) else None))
    return found


def simpler_expressions(tree: ast.Module) -> Iterator[Callable[[], ast.Module]]:
    """An expression replaced by a part of it, or by a constant."""
    for where, (node, name, k) in enumerate(_expressions(tree)):
        value = getattr(node, name) if k is None else getattr(node, name)[k]
        if isinstance(value, ast.Constant | ast.Name) or not hasattr(value, "lineno"):
            continue
        parts = [c for c in ast.iter_child_nodes(value) if isinstance(c, ast.expr)]
        for part in [*map(copy.deepcopy, parts), ast.Constant(0.5), ast.Constant(1)]:
            yield partial(_replaced, tree, where, part)


def _replaced(tree: ast.Module, where: int, part: ast.expr) -> ast.Module:
    fresh = copy.deepcopy(tree)
    node, name, k = _expressions(fresh)[where]
    if k is None:
        setattr(node, name, part)
    else:
        getattr(node, name)[k] = part
    return fresh


class TooLong(BaseException):
    """A program did not end."""


def _too_long(*_: object) -> None:
    raise TooLong


def fails_like(p: Program, orders: int, backend: bool) -> Failing:
    """Does a program fail as p does?"""

    def what(q: Program) -> str | None:
        signal.setitimer(signal.ITIMER_REAL, 3.0)  # a loop that lost its end
        try:
            check(q, orders, backend)
        except TooLong:
            return None
        except Exception as error:
            return re.sub(r"\d[\d.e+-]*|<program \w+>", "#", kind(error))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        return None

    signal.signal(signal.SIGALRM, _too_long)
    reference = what(p)
    assert reference is not None, "the program does not fail"
    print(reference)
    return lambda q: what(q) == reference


if __name__ == "__main__":
    for text in sys.argv[1:]:
        seed = int(text)
        given = program(Choices.seeded(seed))
        order, kernel = 1 + (seed % 5 == 0), "--backend" in sys.argv
        print(reduce(given, fails_like(given, order, kernel)))
