"""Lines of Python: their text, depth and comment, and the ways in which a statement is written shorter."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, replace

from adcompiler.backends.expressions import text_of
from adcompiler.backends.nodes import same

COLUMNS = 100
AUGMENTED = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/=", ast.FloorDiv: "//=", ast.Mod: "%="}
JUMPS = ("return", "break", "raise")


@dataclass(frozen=True)
class Line:
    depth: int
    text: str
    comment: str = ""

    @property
    def is_heading(self) -> bool:
        return self.text.startswith("#")


def indented(lines: Iterable[Line]) -> list[Line]:
    return [replace(line, depth=line.depth + 1) for line in lines]


def leaves(lines: list[Line]) -> bool:
    """Does control never pass the last line? (A variable may be called `returned`.)"""
    return bool(lines) and lines[-1].depth == 0 and lines[-1].text.split(" ", 1)[0] in JUMPS


def code_of(line: str) -> str:
    """A line of the user's without its comment."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return line
    column = next((t.start[1] for t in tokens if t.type == tokenize.COMMENT), len(line))
    return line[:column].rstrip()


def augmented(target: ast.expr, node: ast.expr) -> str:
    """`target = node`, shortened where node starts from target."""
    if isinstance(node, ast.BinOp) and type(node.op) in AUGMENTED:
        if same(node.left, target):
            return f"{text_of(target)} {AUGMENTED[type(node.op)]} {text_of(node.right)}"
        if isinstance(node.op, ast.Add | ast.Mult) and same(node.right, target):
            return f"{text_of(target)} {AUGMENTED[type(node.op)]} {text_of(node.left)}"
    return f"{text_of(target)} = {text_of(node)}"


def added(target: ast.expr, value: ast.expr) -> str:
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        return f"{text_of(target)} -= {text_of(value.operand)}"
    return f"{text_of(target)} += {text_of(value)}"


def quoted(text: str) -> str:
    """A string literal in double quotes."""
    return text_of(ast.Constant(text)) if '"' in text or "\\" in text or "\n" in text else f'"{text}"'


def is_one_if(lines: list[Line]) -> bool:
    """Is the block a single `if` statement, with what follows it?"""
    if not lines[0].text.startswith("if "):
        return False
    return all(line.depth > 0 or line.text.startswith(("elif ", "else:")) for line in lines[1:])


def used_headings(lines: list[Line]) -> Iterable[Line]:
    """Without the headings that tell nothing: of no lines, of a few plain ones, of a bare return."""
    before = False
    for k, line in enumerate(lines):
        if not line.is_heading:
            before = True
            yield line
            continue
        end = next((j for j in range(k + 1, len(lines)) if lines[j].is_heading or lines[j].depth < line.depth), None)
        section = lines[k + 1 : end]
        sweeps = any(part.text.startswith(("for ", "while ")) or "_tape" in part.text for part in section)
        follows = before and len(section) > 1 and not line.text.startswith("# forward")
        if section and (sweeps or follows):
            yield line
