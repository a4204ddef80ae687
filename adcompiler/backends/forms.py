"""Small pieces of syntax trees: templates filled in, subscripts."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Any


@cache
def parsed(template: str) -> ast.expr:
    return ast.parse(re.sub(r"{(\d+)}", r"_\1", template), mode="eval").body


def filled(template: str, *operands: ast.expr) -> ast.expr:
    """The template with `{0}`, `{1}` ... replaced."""

    def copy(node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Name) and re.fullmatch(r"_\d+", node.id):
            return operands[int(node.id[1:])]
        fields: dict[str, Any] = {}
        for key, value in ast.iter_fields(node):
            if isinstance(value, list):
                fields[key] = [copy(v) if isinstance(v, ast.AST) else v for v in value]
            else:
                fields[key] = copy(value) if isinstance(value, ast.AST) else value
        return type(node)(**fields)

    node = copy(parsed(template))
    assert isinstance(node, ast.expr)
    return node


def subscript(array: ast.expr, items: list[ast.expr]) -> ast.expr:
    index = items[0] if len(items) == 1 else ast.Tuple(items, ast.Load())
    return ast.Subscript(array, index, ast.Load())
