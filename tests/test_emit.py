"""Generated source as golden text: read it as prose. UPDATE_GOLDEN=1 writes it anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emit_programs import PROGRAMS

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.backends.naming import entry_of, identifier
from adcompiler.backends.python import Options, emit, imports_of, module
from adcompiler.errors import Loc
from adcompiler.ir.build import Builder, integer
from adcompiler.ir.core import Function, Region, Value
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.types import Array, Scalar, f64, i64
from adcompiler.ir.verify import verify

GOLDEN = Path(__file__).parent / "golden" / "emit"


@pytest.mark.parametrize("name", PROGRAMS)
def test_source_reads_as_if_written_by_hand(name: str) -> None:
    fn = parse(PROGRAMS[name])
    verify(fn)
    text, path = module([fn]), GOLDEN / f"{name}.py"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def example(t: Any) -> Any:
    if isinstance(t, Array):
        return np.arange(1.0, 1.0 + 3**t.rank).reshape((3,) * t.rank)
    return {"f64": 0.75, "f32": np.float32(0.75), "i64": 2, "i32": np.int32(2), "b1": True}[t.dtype]


@pytest.mark.parametrize("name", PROGRAMS)
def test_source_does_what_the_ir_says(name: str) -> None:
    fn = parse(PROGRAMS[name])
    text = module([fn])
    space: dict[str, Any] = {}
    exec(text, space)
    ours, theirs = ([example(p.type) for p in fn.params] for _ in range(2))
    got, expected = space[entry_of(fn.name)](*ours), interpret(fn, theirs)
    for a, b in zip(got if len(expected) > 1 else (got,), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_kernels_are_decorated_and_import_what_they_use() -> None:
    text = module([parse(PROGRAMS["checks"])], kernel=True)
    assert text.startswith("from numba import njit\nfrom adcompiler.runtime import floordiv\n\n\n@njit(cache=True,")
    assert 'fastmath={"contract", "nsz", "reassoc"}' in text
    assert "fastmath" not in Options(fastmath=False).decorator
    assert "fastmath=True" in Options(fastmath=True).decorator
    assert 'fastmath={"nnan"}' in Options(fastmath={"nnan"}).decorator


def test_imports_are_those_used() -> None:
    assert imports_of("def f(x):\n    return np.sin(where(x > 0, x, 0.0))\n") == (
        "import numpy as np\nfrom adcompiler.runtime import where\n"
    )
    assert imports_of("def f(x):\n    return x\n") == ""


@pytest.mark.parametrize(("name", "python"), [("for", "for_"), ("range", "range_"), ("x.1", "x_1"), ("1", "_1")])
def test_names_are_identifiers_that_hide_nothing(name: str, python: str) -> None:
    assert identifier(name) == python


def test_variables_do_not_hide_what_the_function_calls() -> None:
    x, where = Value("x", f64), Value("where", Scalar("b1"))
    builder = Builder(Region([x, where]))
    t = builder.op("add", x, x)
    builder.return_(builder.op("select", where, builder.op("sin", t), t))
    text = emit(Function("np", builder.region))
    assert "def np_(x, where_1):" in text and "where(where_1, np.sin(t), t)" in text


def test_the_users_line_stands_beside_the_statements_of_the_reverse_sweep(tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    model.write_text("def f(x):\n    y = x * x\n    return y * 3.0\n")
    x, y_bar = Value("x", f64), Value("y_bar", f64)
    builder = Builder(Region([x, y_bar]), Loc(str(model), 2))
    y = builder.op("mul", x, x, hint="y")
    builder.do("section", text="reverse sweep")
    with builder.at(Loc(str(model), 3)):
        bar = builder.op("mul", y_bar, y, hint="seed_bar")
    first = builder.op("mul", bar, x, hint="x_bar")
    second = builder.op("mul", first, bar, hint="xx_bar")
    builder.do("section", text="nothing follows")
    builder.return_(builder.op("add", second, second, hint="t"))
    assert emit(Function("f", builder.region, doc="The adjoint of f.")) == (
        "def f(x, y_bar):\n"
        '    """The adjoint of f."""\n'
        "    y = x * x\n"
        "\n"
        "    # reverse sweep\n"
        "    seed_bar = y_bar * y  # return y * 3.0\n"
        "    xx_bar = seed_bar * x * seed_bar  # y = x * x\n"
        "    return xx_bar + xx_bar\n"
    )


def test_more_results_than_cpython_packs_into_a_tuple() -> None:
    x = Value("x", f64)
    builder = Builder(Region([x]))
    builder.return_(*([x] * 61))
    text = emit(Function("f", builder.region))
    assert text.count("x") == 62 and max(map(len, text.splitlines())) <= 100
    space: dict[str, Any] = {}
    exec(text, space)
    assert space["f"](2.0) == (2.0,) * 61


@pytest.mark.parametrize("step", (-3, -2, -1, 1, 2, 3))
@pytest.mark.parametrize("known", (True, False))
def test_reversed_loops_visit_the_same_indices_backwards(step: int, known: bool) -> None:
    for lo in (-2, 0, 3):
        for hi in range(-5, 7):
            bounds = [Value(n, i64) for n in ("lo", "hi", "step")]
            literals = [integer(v) for v in (lo, hi, step)]
            start, param, i, result = (Value(n, i64) for n in ("code", "code", "i", "code"))
            body = Builder(Region([i, param]))
            body.yield_(body.op("add", body.op("mul", param, integer(10)), i))
            builder = Builder(Region([*bounds, start]))
            args = literals if known else bounds
            builder.for_(args[0], args[1], args[2], [start], [result], body.region, reversed=True)
            builder.return_(result)
            fn = Function("f", builder.region)
            space: dict[str, Any] = {}
            exec(emit(fn), space)
            assert space["f"](lo, hi, step, 1) == interpret(fn, (lo, hi, step, 1))[0]
