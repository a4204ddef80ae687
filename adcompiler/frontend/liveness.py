"""Which variables are still read later: what branches and loops must hand on."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Names = frozenset[str]
NESTED = (ast.FunctionDef, ast.Lambda)
LOOPS = (ast.For, ast.While)


@dataclass
class Liveness:
    """Per statement, the names live after it; per loop, those live at the head of its body.

    Names that nested functions read count as live everywhere: they are looked up when called.
    """

    always: Names = frozenset()
    after: dict[ast.stmt, Names] = field(default_factory=dict)
    head: dict[ast.stmt, Names] = field(default_factory=dict)

    def block(self, stmts: Sequence[ast.stmt], out: Names, brk: Names, cont: Names) -> Names:
        """Live before `stmts`, where `out` is live after; `brk` and `cont` at break and continue."""
        for stmt in reversed(stmts):
            self.after[stmt] = out | self.always
            out = self._before(stmt, out, brk, cont)
        return out

    def _before(self, stmt: ast.stmt, out: Names, brk: Names, cont: Names) -> Names:
        if isinstance(stmt, ast.Return | ast.Raise):
            return reads(stmt)
        if isinstance(stmt, ast.Break):
            return brk
        if isinstance(stmt, ast.Continue):
            return cont
        if isinstance(stmt, ast.If):
            branches = self.block(stmt.body, out, brk, cont) | self.block(stmt.orelse, out, brk, cont)
            return reads(stmt.test) | (branches - sure(stmt.test))
        if isinstance(stmt, LOOPS):
            return self._loop(stmt, out, brk, cont)
        if isinstance(stmt, NESTED):
            return out - {stmt.name}
        return reads(stmt) | (out - sure(stmt))

    def _loop(self, stmt: ast.For | ast.While, out: Names, brk: Names, cont: Names) -> Names:
        ended = self.block(stmt.orelse, out, brk, cont)
        test = reads(stmt.test) if isinstance(stmt, ast.While) else frozenset()
        targets = frozenset(assigned([stmt.target])) if isinstance(stmt, ast.For) else frozenset()
        head = ended | test
        while True:
            body = self.block(stmt.body, head, out, head) - targets
            if body <= head:
                break
            head |= body
        self.head[stmt] = head | self.always
        first = reads(stmt.iter) if isinstance(stmt, ast.For) else frozenset()
        return head | first


def liveness(node: ast.FunctionDef | ast.Lambda) -> Liveness:
    """The analysis of one function."""
    body = node.body if isinstance(node.body, list) else []
    nested = [n for stmt in body for n in ast.walk(stmt) if isinstance(n, NESTED)]
    result = Liveness(always=frozenset(n for inner in nested for n in reads(inner)))
    result.block(body, frozenset(), frozenset(), frozenset())
    return result


def reads(*nodes: ast.AST) -> Names:
    """Names read anywhere inside; an augmented assignment reads its target."""
    found = set()
    for node in nodes:
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load):
                found.add(n.id)
            elif isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
                found.add(n.target.id)
    return frozenset(found)


def sure(node: ast.AST) -> Names:
    """Names that a simple statement certainly assigns."""
    if isinstance(node, ast.Assign):
        return frozenset(assigned(node.targets))
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return frozenset(assigned([node.target]))
    return frozenset()


def assigned(nodes: Iterable[ast.AST]) -> list[str]:
    """Names bound anywhere inside (nested functions apart), in order."""
    found: dict[str, None] = {}

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = None
        elif not isinstance(node, ast.Lambda):
            for child in ast.iter_child_nodes(node):
                visit(child)

    for node in nodes:
        visit(node)
    return list(found)


def contains(stmts: Iterable[ast.stmt], *kinds: type[ast.stmt]) -> bool:
    """Do the statements hold one of `kinds` that acts on this level? break and continue inside loops do not."""
    for stmt in stmts:
        if isinstance(stmt, kinds):
            return True
        if isinstance(stmt, NESTED):
            continue
        inner = tuple(k for k in kinds if k not in (ast.Break, ast.Continue)) if isinstance(stmt, LOOPS) else kinds
        if inner and contains(getattr(stmt, "body", ()), *inner):
            return True
        if contains(getattr(stmt, "orelse", ()), *kinds):
            return True
    return False


def leaves_block(stmts: Sequence[ast.stmt]) -> bool:
    """Does control never reach the end of these statements?"""
    for stmt in stmts:
        if isinstance(stmt, ast.Return | ast.Raise | ast.Break | ast.Continue):
            return True
        if isinstance(stmt, ast.If) and stmt.orelse and leaves_block(stmt.body) and leaves_block(stmt.orelse):
            return True
    return False
