"""The README is kept true: its programs run, and print what it says. UPDATE_GOLDEN=1 writes what they print into it."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

import adcompiler.ops  # noqa: F401
from adcompiler.ir.text import parse

README = Path(__file__).parent.parent / "README.md"
# ```text after a program is what it printed; <!-- code --> before a block says what prints that block.
BLOCK = re.compile(r"(?:<!-- (?P<maker>.+) -->\n)?```(?P<kind>python|text)\n(?P<body>.*?)```", re.DOTALL)


def test_programs_print_what_the_readme_says(tmp_path):
    scope: dict[str, object] = {}
    printed = ""

    def run(code: str, name: str) -> str:
        file = tmp_path / name
        file.write_text(code, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, str(file), "exec"), scope)
        return out.getvalue().rstrip() + "\n"

    def block(match: re.Match[str]) -> str:
        nonlocal printed
        body, maker = match["body"], match["maker"]
        if maker is not None:
            body = run(maker, f"maker{match.start()}.py")
        elif match["kind"] == "python":
            printed = run(body, f"program{match.start()}.py")
        else:
            body = printed.replace(str(tmp_path), "")
        return match[0].replace(f"```{match['kind']}\n{match['body']}", f"```{match['kind']}\n{body}")

    text = README.read_text(encoding="utf-8")
    actual = BLOCK.sub(block, text)
    if os.environ.get("UPDATE_GOLDEN"):
        README.write_text(actual, encoding="utf-8")
    assert actual == text or os.environ.get("UPDATE_GOLDEN")


def test_the_text_form_in_the_documentation_prints_itself():
    text = (README.parent / "docs" / "ir.md").read_text(encoding="utf-8")
    found = re.search(r"```\n(func .*?)```", text, re.DOTALL)
    assert found is not None and str(parse(found[1])) == found[1]
