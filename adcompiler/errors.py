"""What adcompiler says when it can't go on: one class per kind of trouble, all naming the user's line."""

from __future__ import annotations

import linecache
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loc:
    """A place in the user's program: file, 1-based line, 1-based column."""

    file: str
    line: int
    col: int = 0

    @property
    def short(self) -> str:
        """`model.py:3`, as the IR's comments show it."""
        return f"{self.file.replace(chr(92), '/').rsplit('/', 1)[-1]}:{self.line}"

    @property
    def text(self) -> str:
        """The user's line, stripped; empty where the file can't be read."""
        return linecache.getline(self.file, self.line).strip()


class AdcompilerError(Exception):
    """Base of every error about a program; `loc` is the user's place, `hint` what to write instead."""

    def __init__(self, message: str, loc: Loc | None = None, hint: str | None = None):
        self.message, self.loc, self.hint = message, loc, hint
        super().__init__(render(message, loc, hint))


class UnsupportedSyntax(AdcompilerError):
    """A construct outside the restricted language."""


class UnsupportedFunction(AdcompilerError):
    """A call to something that adcompiler does not know (or that is not built yet)."""


class TypeMismatch(AdcompilerError, TypeError):
    """Values of types that don't go together, or a call with wrong arguments."""


class ShapeMismatch(AdcompilerError, ValueError):
    """Arrays of shapes that don't go together."""


class MissingRule(AdcompilerError):
    """A derivative that nobody wrote."""


class NotDifferentiable(AdcompilerError):
    """A derivative that cannot exist, e.g. with respect to integers."""


class GradientMismatch(AdcompilerError):
    """`check_grads` found a derivative that differs from its reference."""


class InternalError(AdcompilerError):
    """A bug in adcompiler."""


def brief(error: AdcompilerError) -> AdcompilerError:
    """The error without the compiler's frames: it names the user's place itself.

    Bugs keep theirs, and ADCOMPILER_TRACEBACK=1 keeps all.
    """
    if isinstance(error, InternalError) or os.environ.get("ADCOMPILER_TRACEBACK"):
        return error
    return error.with_traceback(None)


def render(message: str, loc: Loc | None, hint: str | None) -> str:
    """The text of an error: where, what, the line with a caret, what to write instead."""
    if loc is None:
        return message if hint is None else f"{message}\n  instead: {hint}"
    where = f"{loc.file}:{loc.line}:{loc.col}" if loc.col else f"{loc.file}:{loc.line}"
    parts = [f"{where}: {message}"]
    line = linecache.getline(loc.file, loc.line).rstrip("\n")
    if line.strip():
        stripped = line.lstrip()
        parts.append("    " + stripped)
        if loc.col:
            parts.append("    " + " " * max(0, loc.col - 1 - (len(line) - len(stripped))) + "^")
    if hint is not None:
        parts.append(f"  instead: {hint}")
    return "\n".join(parts)
