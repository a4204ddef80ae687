"""The verifier refuses what is malformed; the interpreter means what Python means."""

from __future__ import annotations

import numpy as np
import pytest

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.errors import InternalError
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.verify import VerifyError, verify

PARAMS = "%x: mut f64[n], %y: f64[n], %a: f64, %k: i64, %c: b1"


def program(body: str, ret: str = "f64") -> Function:
    return parse(f"func @f({PARAMS}) -> {ret} {{\n{body}\n}}")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("store %y[0] = 1.0\nreturn %a", "not mut"),
        ("%v: f64[:] = view %y[1:]\naccumulate %v, 1.0\nreturn %a", "not mut"),
        ("%b: f32 = neg %a\nreturn %b", "expected"),
        ("%b: f64 = load %x[%a]\nreturn %b", "index is an integer"),
        ("%b: f64 = if %c {\n%d: f64 = neg %a\nyield %d\n} else {\nyield\n}\nreturn %b", "yields for"),
        ("if %c {\n%d: f64 = neg %a\nyield\n}\nreturn %d", "not visible"),
        ("%r: f64 = while with (%u: f64 = %a) {\n%w: f64 = neg %u\ntest %c\n} do {\nyield %w\n}\nreturn %r", "visible"),
        ("%s: stack(f64) = stack\npush %s, %k\nreturn %a", "pushed"),
        ("for %i in 0..%k step 0 {\nyield\n}\nreturn %a", "step is 0"),
        ("if %c {\nreturn %a\n}\nreturn %a", "ends in return"),
        ("return %a\n%b: f64 = neg %a\nreturn %b", "before the end"),
        ("for %i in 0..%k {\n%b: f64[:] = copy %y\nyield\n}\nreturn 1:f32", None),
    ],
)
def test_refused(body: str, reason: str | None) -> None:
    fn = program(body)
    if reason is None:
        verify(fn)
        return
    with pytest.raises(VerifyError, match=reason):
        verify(fn)


def test_handles_carried_round_a_loop_are_followed() -> None:
    fn = program("""
      %w: f64[n] = copy %y
      %r: f64[:], %q: f64[:] = for %i in 0..3 with (%u: f64[:] = %w, %v: f64[:] = %y) {
        store %u[0] = %a
        yield %v, %u
      }
      return %a""")
    with pytest.raises(VerifyError, match="not mut"):
        verify(fn)


def run(body: str, *, n: int = 3, k: int = 1, c: bool = True, ret: str = "f64") -> tuple[object, ...]:
    fn = program(body, ret=ret)
    verify(fn)
    return interpret(fn, [np.arange(1.0, n + 1), np.ones(n), 0.5, k, c])


def test_whole_array_writes_read_first() -> None:
    body = "%t: f64[:] = view %x[1:]\n%h: f64[:] = view %x[:-1]\naccumulate %t, %h\nreturn %x"
    (x,) = run(body, n=4, ret="f64[:]")
    np.testing.assert_array_equal(x, [1, 3, 5, 7])


def test_indices_are_pythons() -> None:
    assert run("%v: f64 = load %x[-1]\nreturn %v") == (3.0,)
    with pytest.raises(IndexError):
        run("%v: f64 = load %x[%k]\nreturn %v", k=3)
    with pytest.raises(InternalError):
        run("%v: f64 = load %x[%k], safe=True\nreturn %v", k=3)


def test_integers_wrap_and_division_by_zero_raises() -> None:
    big = 2**63 - 1
    assert run("%v: i64 = add %k, 1\nreturn %v", k=big, ret="i64") == (-(2**63),)
    with pytest.raises(ZeroDivisionError):
        run("%v: i64 = floordiv 1, %k\nreturn %v", k=0, ret="i64")


def test_loops() -> None:
    loop = """\
      %s: i64 = for %i in 5..0 step -2{} with (%b: i64 = 0) {{
        %t: i64 = mul %b, 10
        %u: i64 = add %t, %i
        {}
      }}"""
    assert run(loop.format("", "yield %u") + "\nreturn %s", ret="i64") == (531,)
    assert run(loop.format(" reversed", "yield %u") + "\nreturn %s", ret="i64") == (135,)
    stop = "%e: b1 = eq %i, 3\nyield %u until %e"
    assert run(loop.format("", stop) + "\nreturn %s", ret="i64") == (53,)


def test_undefined_values_may_be_carried_but_not_looked_at() -> None:
    body = "%u: f64 = undef\n%v: f64 = select %c, {}, {}\nreturn %v"
    assert run(body.format("%a", "%u")) == (0.5,)
    with pytest.raises(InternalError):
        run(body.format("%u", "%a"))


def test_tapes_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    body = """\
      %s: stack(f64) = stack
      push %s, 1.0
      push %s, 2.0
      %v: f64 = pop %s
      print %v, parts=("v =", None)
      return %v"""
    assert run(body) == (2.0,)
    assert capsys.readouterr().out == "v = 2.0\n"
    with pytest.raises(ValueError, match="no"):
        run('raise_if %c, error="ShapeMismatch", message="no"\nreturn %a')
