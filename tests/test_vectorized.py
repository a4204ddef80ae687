"""The hot loop of each benchmark's gradient, in LLVM's optimized code: it works on vectors."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adcompiler.backends.numba_cpu import signature_of
from adcompiler.transform import Transform
from benchmarks import problems

# Steps that wait for each other, of two or three numbers: nothing to put side by side.
SCALAR = {"tiny", "tiny_buffer", "ode"}
QUICK = {"logistic loops", "llsq loops", "lse numpy", "newton loops"}  # to compile
ARITHMETIC = re.compile(r"= (?:f(?:mul|add|sub|div)|(?:tail )?call) [^=]*<(\d+) x double>")


def programs() -> Any:
    for name in problems.NAMES:
        for style, ours in problems.load(name).ours.items():
            if name not in SCALAR and isinstance(ours.gradient, Transform):
                quick = f"{name} {style}" in QUICK
                yield pytest.param(name, style, marks=() if quick else pytest.mark.long)


@pytest.mark.parametrize(("name", "style"), list(programs()))
def test_hot_loops_work_on_vectors(name: str, style: str) -> None:
    problem = problems.load(name)
    built = problem.ours[style].gradient.lower(*problem.small())
    space: dict[str, Any] = {}
    exec(built.kernel.replace("cache=True, ", ""), space)
    function = space[built.function.name]
    function.compile(signature_of(built.function))
    text = function.inspect_llvm(function.signatures[0])
    hot = [int(n) for n in ARITHMETIC.findall(text)]
    assert len(hot) >= 4 and max(hot) >= 4
