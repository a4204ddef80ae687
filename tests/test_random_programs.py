"""Random whole programs through everything: Python's own result, both modes, passes on and off (see tests/programs)."""

from __future__ import annotations

import os

import pytest
from programs import Discard, Refused, check, program
from programs.choices import Choices

COUNT = int(os.environ.get("ADCOMPILER_PROGRAMS", "60"))
CHUNK = 20


@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_programs(first: int) -> None:
    checked = 0
    for seed in range(first, min(first + CHUNK, COUNT)):
        p = program(Choices.seeded(seed))
        try:
            checked += bool(check(p, orders=1 + (seed % 5 == 0)))
        except (Discard, Refused):  # a point on a kink, or a construct outside the language
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}:\n{p.text}") from error
    assert checked > 0
