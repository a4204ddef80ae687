"""Finds the syntax tree of a Python function, with the places of the user's file."""

from __future__ import annotations

import ast
import linecache
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adcompiler.errors import Loc, UnsupportedFunction, UnsupportedSyntax

FunctionNode = ast.FunctionDef | ast.Lambda


@dataclass(frozen=True, eq=False)
class Source:
    """A function's tree, its text, its file, and the Python function it came from."""

    node: FunctionNode
    text: str
    file: str
    function: types.FunctionType

    @property
    def loc(self) -> Loc:
        return Loc(self.file, self.node.lineno, self.node.col_offset + 1)


def unwrap(fn: Any) -> Any:
    """The Python function behind a Numba dispatcher."""
    return getattr(fn, "py_func", fn)


def lines_of(function: types.FunctionType) -> list[str]:
    """The lines of the file that defines a function (a notebook's cells count), none where it can't be read."""
    file = function.__code__.co_filename
    linecache.checkcache(file)
    return linecache.getlines(file, function.__globals__)


def source_of(fn: Callable[..., Any]) -> Source:
    """The source of a Python function; UnsupportedFunction where it has none."""
    function = unwrap(fn)
    name = getattr(function, "__name__", repr(function))
    if not isinstance(function, types.FunctionType):
        raise UnsupportedFunction(f"{name} is not a Python function", hint="a function written in Python")
    code = function.__code__
    text = "".join(lines_of(function))
    if not text:
        raise UnsupportedFunction(
            f"the source of {name} is not available", hint="define it in a file or in a notebook cell"
        )
    try:
        found = [n for n in _functions(text) if _matches(n, code)]
    except SyntaxError as error:
        raise UnsupportedFunction(f"{code.co_filename} can't be parsed: {error}") from None
    node = found[0] if len(found) == 1 else _by_position(found, code)
    if node is None:
        raise UnsupportedFunction(f"the source of {name} was not found in {code.co_filename}: has the file changed?")
    if isinstance(node, ast.AsyncFunctionDef):
        place = Loc(code.co_filename, node.lineno, node.col_offset + 1)
        raise UnsupportedSyntax(f"{name} is async", place, "a plain `def`")
    return Source(node, ast.get_source_segment(text, node) or "", code.co_filename, function)


@lru_cache(maxsize=64)
def _functions(text: str) -> tuple[Any, ...]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return tuple(n for n in ast.walk(ast.parse(text)) if isinstance(n, kinds))


def _matches(node: Any, code: types.CodeType) -> bool:
    lines = {node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))}
    if code.co_firstlineno not in lines or getattr(node, "name", "<lambda>") != code.co_name:
        return False
    return tuple(parameters(node)) == code.co_varnames[: len(parameters(node))]


def _by_position(found: list[Any], code: types.CodeType) -> Any:
    """Among several lambdas on one line, the one whose body holds the code's positions."""
    if not hasattr(code, "co_positions"):
        return None
    places = [(p[0], p[2]) for p in code.co_positions() if p[0] is not None and p[2] is not None and p[3]]
    inside = []
    for node in found:
        body = node.body if isinstance(node, ast.Lambda) else node
        start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
        if places and all(start <= p <= end for p in places[-2:]):
            inside.append(node)
    return inside[-1] if inside else None


def parameters(node: FunctionNode) -> list[str]:
    """Names of all parameters, in the order of the code object."""
    a = node.args
    names = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
    return names + [p.arg for p in (a.vararg, a.kwarg) if p is not None]
