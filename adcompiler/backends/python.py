"""IR -> Python source that reads as if written by hand: one function, or a module that Numba compiles."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from adcompiler import runtime
from adcompiler.backends.lines import COLUMNS, Line
from adcompiler.backends.naming import MODULES, entry_of
from adcompiler.backends.statements import Statements
from adcompiler.ir.core import Function

INDENT = "    "
STRING = re.compile(r"'[^'\n]*'")
DEFAULT_FLAGS = frozenset({"contract", "nsz", "reassoc"})
FastMath = None | bool | Iterable[str]


@dataclass(frozen=True)
class Options:
    """How a module is compiled. `fastmath`: None (contract, reassoc, nsz), False (strict), True (all), or flags;
    `vector`: elementary functions are those of runtime.simd, not libm's; `native`: products and arrays are
    those of runtime.native, contraction and memory, not Numba's, which take longer to compile or to touch."""

    fastmath: FastMath = None
    cache: bool = True
    comments: bool = True
    vector: bool = False
    native: bool = False

    @property
    def decorator(self) -> str:
        parts = ["cache=True"] if self.cache else []
        parts += ['error_model="numpy"', "nogil=True"]
        if self.fastmath is True:
            parts.append("fastmath=True")
        elif self.fastmath is not False:
            flags = sorted(DEFAULT_FLAGS if self.fastmath is None else self.fastmath)
            if flags:
                parts.append("fastmath={" + ", ".join(f'"{flag}"' for flag in flags) + "}")
        return f"@njit({', '.join(parts)})"


def emit(fn: Function, *, kernel: bool = False, options: Options | None = None) -> str:
    """The text of one function: def line, docstring, body."""
    options = options or Options()
    how = {"comments": options.comments, "vector": kernel and options.vector, "native": kernel and options.native}
    writer = Statements(fn, kernel, **how)
    lines = writer.body()
    if writer.unset & writer.copied:  # a variable without a value is copied: Python would refuse, so it gets one
        writer = Statements(fn, kernel, **how, materialize=True)
        lines = writer.body()
    params = ", ".join(writer.names[p] for p in fn.params)
    text = [f"def {entry_of(fn.name)}({params}):", *_docstring(fn.doc)]
    for k, line in enumerate(lines):
        opens_block = k > 0 and lines[k - 1].text.endswith(":")
        if line.is_heading and len(text) > 1 and not opens_block:
            text.append("")
        text += _rows(line)
    return "\n".join(text) + "\n"


def _docstring(doc: str) -> list[str]:
    if not doc:
        return []
    safe = doc.replace("\\", "\\\\").replace('"""', "'''")
    return [INDENT + row if row else "" for row in f'"""{safe}"""'.split("\n")]


def _rows(line: Line) -> list[str]:
    """A line, its comment behind it where there is room, else before it."""
    text = INDENT * (line.depth + 1) + line.text
    if line.text.startswith("return ") and len(text) > COLUMNS:
        return _wrapped(line)
    if not line.comment:
        return [text]
    if len(text) + len(line.comment) + 4 <= COLUMNS:
        return [f"{text}  # {line.comment}"]
    return [f"{INDENT * (line.depth + 1)}# {line.comment}", text]


def _wrapped(line: Line) -> list[str]:
    """A long `return a, b, ...` over several lines, in parentheses."""
    outer, inner = INDENT * (line.depth + 1), INDENT * (line.depth + 2)
    text = STRING.sub(lambda literal: literal[0].replace(" ", "\0"), line.text.removeprefix("return "))
    rows = textwrap.wrap(text, COLUMNS - len(inner), break_long_words=False, break_on_hyphens=False)
    rows = [row.replace("\0", " ") for row in rows]
    return [f"{outer}return (", *(inner + row for row in rows), f"{outer})"]


def imports_of(text: str) -> str:
    """The import lines that the text needs: numpy, math, njit and the helpers and modules of adcompiler.runtime."""
    tree = ast.parse(text)
    loaded = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    lines = [f"import {module}" for module in ("math",) if module in loaded]
    lines += ["import numpy as np"] if "np" in loaded else []
    lines += ["from numba import njit"] if "njit" in loaded else []
    helpers = sorted((called & set(runtime.__all__)) | (loaded & MODULES))
    lines += [f"from adcompiler.runtime import {', '.join(helpers)}"] if helpers else []
    return "\n".join(lines) + ("\n" if lines else "")


def module(functions: list[Function], *, kernel: bool = False, options: Options | None = None) -> str:
    """A whole module: imports and functions; in kernel mode each is decorated for Numba."""
    options = options or Options()
    texts = [emit(fn, kernel=kernel, options=options) for fn in functions]
    if kernel:
        texts = [f"{options.decorator}\n{text}" for text in texts]
    body = "\n\n".join(texts)
    imports = imports_of(body)
    return f"{imports}\n\n{body}" if imports else body
