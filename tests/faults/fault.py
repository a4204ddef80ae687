"""A fault: one small mutation of one file of the compiler, and the tests that should notice it first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`old` occurs exactly once in `adcompiler/<file>` and is replaced by `new`; `tests` are pytest's arguments."""

    name: str
    file: str
    old: str
    new: str
    breaks: str
    tests: str

    def applied(self, text: str) -> str:
        """The file's text with the fault in it."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"fault {self.name}: its text occurs {count} times in {self.file}, not once")
        return text.replace(self.old, self.new)
