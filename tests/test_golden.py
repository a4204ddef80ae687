"""Sources of gradients as golden text, read as prose, and executed. UPDATE_GOLDEN=1 writes the text anew."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_programs import PROGRAMS

from adcompiler.frontend.capture import flatten

GOLDEN = Path(__file__).parent / "golden"
names = pytest.mark.parametrize("name", PROGRAMS)


def executed(text: str, entry: str) -> Any:
    """The function of a module's text, run by plain Python."""
    space: dict[str, Any] = {}
    exec(re.sub(r"@njit\(.*\)\n", "", text), space)
    return space[entry]


@names
def test_reads_as_if_written_by_hand(name: str) -> None:
    program = PROGRAMS[name]
    text, path = program.make().lower(*program.args()).source, GOLDEN / f"{name}.py"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    assert all(len(row) <= 110 for row in text.splitlines() if "raise " not in row)


@names
def test_source_kernel_and_compiled_code_agree(name: str) -> None:
    program = PROGRAMS[name]
    g = program.make()
    compiled = flatten(g(*program.args()))
    built = g.lower(*program.args())
    for text in (built.source, built.kernel):
        with np.errstate(all="ignore"):  # compiled code does not warn either
            result = executed(text, built.function.name)(*flatten(program.args()))
        plain = result if isinstance(result, tuple) else (result,)
        for a, b in zip(plain, compiled, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_there_are_enough() -> None:
    assert len(PROGRAMS) >= 30
    assert {path.stem for path in GOLDEN.glob("*.py")} == set(PROGRAMS)
