"""The tokens of the IR's text form."""

from __future__ import annotations

import re
from typing import NamedTuple


class ParseError(ValueError):
    """Text that is no IR; `line` is 1-based."""

    def __init__(self, message: str, line: int):
        super().__init__(f"line {line}: {message}")
        self.line = line


class Token(NamedTuple):
    kind: str
    text: str
    line: int


TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*) | (?P<newline>\n) | (?P<space>[^\S\n]+)
      | (?P<value>%\w+) | (?P<func>@\w+) | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<number>-?(?:\d+(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?|(?:inf|nan)(?!\w)))
      | (?P<word>[^\W\d]\w*) | (?P<sign>->|\.\.|\+=|[()\[\]{}:=,*]) | (?P<bad>.)""",
    re.VERBOSE,
)
PLACE = re.compile(r"#\s*(?P<file>\S.*):(?P<line>\d+)\s*$")


def tokenize(text: str) -> list[Token]:
    tokens, line = [], 1
    for match in TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind == "bad":
            raise ParseError(f"unexpected {match.group()!r}", line)
        if kind != "space":
            tokens.append(Token(kind, match.group(), line))
        line += kind == "newline"
    return [*tokens, Token("end", "", line)]
