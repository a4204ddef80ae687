"""Random whole programs: Python, the interpreter, both modes, two orders, the passes, the text and Numba agree."""

from __future__ import annotations

import math
import os
from collections import Counter

import numpy as np
import pytest
from harness import close
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from programs import Discard, Program, Refused, check, program
from programs.campaign import campaign
from programs.choices import Choices

CHUNKS, EACH, COMPILED = 6, 60, 14
LONG = int(os.environ.get("ADCOMPILER_PROGRAMS", "20000"))

programs = st.composite(lambda draw: program(Choices.of(draw)))
smaller = st.composite(lambda draw: program(Choices.of(draw), statements=6))


def holds(p: Program, orders: int = 1, compiled: bool = False) -> None:
    """The program does what it should, or teaches nothing."""
    try:
        check(p, orders, compiled)
    except (Discard, Refused):
        assume(False)


def run(test, number: int, count: int) -> None:
    """A property test with a seed of its own, so that chunks differ and every run is the same."""
    quiet = settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    seed(number)(quiet(test))()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_interpreted(chunk: int) -> None:
    @given(programs(), st.integers(0, 3))
    def every(p: Program, order: int) -> None:
        holds(p, orders=2 if order == 3 else 1)

    run(every, chunk, EACH)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_compiled(chunk: int) -> None:
    @given(smaller())
    def every(p: Program) -> None:
        holds(p, compiled=True)

    run(every, 1000 + chunk, COMPILED)


def test_generator_is_rich() -> None:
    """Few programs are refused or discarded, and together they use the whole language."""
    tally: Counter = Counter()
    for number in range(60):
        try:
            check(program(Choices.seeded(number)))
            tally["checked"] += 1
        except (Discard, Refused):
            tally["dropped"] += 1
    assert tally["dropped"] <= 3, tally
    everything = "".join(program(Choices.seeded(number)).text for number in range(1500))
    for word in (
        "while",
        "break",
        "continue",
        "else:",
        "elif",
        "enumerate",
        "zip",
        "lambda",
        "::-1",
        ".T",
        " @ ",
        "np.empty",
        "axis=",
        "[:, None]",
        "State(",
        '{"p"',
        "Point(",
        "replace(",
        "idx]",
        "par",
        "np.arange(",
        "np.take(",
        "np.add.at(",
        "mask]",
        "np.where(",
        "np.clip(",
        "np.minimum(",
        "np.einsum(",
        "ij->",
        "bij,",
        "np.tensordot(",
        "np.cumsum(",
        "np.diff(",
        "np.concatenate(",
        "np.stack(",
        "np.split(",
        "np.repeat(",
        "np.tile(",
        "np.roll(",
        "np.flip(",
        "np.pad(",
        "np.sort(",
        "np.argsort(",
        "np.argmax(",
        "np.transpose(",
        "np.swapaxes(",
        ".reshape(",
        ".ravel(",
        "axis=(",
        "keepdims=True",
        "where=",
    ):
        assert everything.count(word) >= 10, word


def test_what_overflows_on_one_side_only_differs() -> None:
    """nan agrees with nan, and infinity with itself; neither agrees with a number, or with the other."""
    nan, inf = math.nan, math.inf
    close(np.array([nan, inf, -inf, 1.0]), np.array([nan, inf, -inf, 1.0]), 1e-12, "the same")
    for a, b in ((nan, 1.0), (1.0, nan), (inf, 1e300), (inf, -inf), (nan, inf)):
        with pytest.raises(AssertionError, match="differ"):
            close(np.array([0.5, a]), np.array([0.5, b]), 1e-6, "differ")


@pytest.mark.long
def test_many() -> None:
    """As many as ADCOMPILER_PROGRAMS says (20,000), one in fifty of them compiled; what they found is printed."""
    tally = campaign(1_000_000, LONG, backend=50)
    assert not tally["failed"], tally
