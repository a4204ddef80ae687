"""The text form: prints, parses, prints the same again."""

from __future__ import annotations

import pytest

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.errors import Loc
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Region, Value
from adcompiler.ir.text import ParseError, parse, to_text
from adcompiler.ir.types import Array, Scalar, b1, f32, f64, i64
from adcompiler.ir.verify import verify

SAMPLE = """\
func @solve(%x: f64[n], %out: mut f64[n], %tol: f64) -> f64 {
  %n: i64 = dim %x, 0
  %s: f64 = for %i in 0..%n with (%acc: f64 = 0.0) {  # model.py:3
    %xi: f64 = load %x[%i]  # model.py:4
    %c: b1 = lt %xi, 0.0
    %a: f64 = if %c {
      %m: f64 = neg %xi
      yield %m
    } else {
      yield %xi
    }
    store %out[%i] = %a  # model.py:5
    %t: f64 = add %acc, %a
    yield %t
  }
  %r: f64 = while with (%u: f64 = %s) {
    %go: b1 = gt %u, %tol
    test %go
  } do {
    %v: f64 = mul %u, 0.5
    yield %v
  }
  return %r
}
"""

KITCHEN_SINK = """\
func @sink(%x: mut strided f64[n, 3], %m: i32[:], %f: f32) -> (f64, f64[n], b1) {
  %n: i64 = dim %x, 0  # a.py:1
  %z: f64[n, 4] = zeros %n, 4
  %e: f64[:] = full -0.0, %n
  %w: f64[n] = empty %n, safe=True
  %g: f64 = cast %f  # -
  %h: f32 = mul %f, 0.5
  %k: f32 = add 1.5, 2.5
  %p: b1 = lt 1.0:f64, 2.0:f64
  %q: f64 = select %p, inf, -inf
  %row: strided f64[:] = view %x[1, 0:%n:2]  # b.py:2
  %col: strided f64[n, 1] = view %x[:, -1, None]
  %tail: f64[:] = view %w[1:]
  %rev: strided f64[:] = view %w[::-1]
  %head: f64[:] = view %w[:%n]
  accumulate %tail, 1e-05
  assign %col, nan
  %tape: stack(f64[:]) = stack
  push %tape, %w
  %top: f64[:] = pop %tape
  %s: f64[n, 1] = sum %x, axis=(1,), keepdims=True
  %u: f64 = undef
  raise_if %p, error="ValueError", message="say \\"no\\": # 1\\n"
  print %g, parts=("g =", None)
  %a: f64, %b: f64 = for %i in %n..-1 step -1 reversed with (%c: f64 = 0.0, %d: f64 = 1e+300) {
    %stop: b1 = gt %c, 3.0
    yield %d, 2.5 until %stop
  }
  for %j in 0..4, parallel=True {
    update %x[%j, 0] += 1.0, safe=True
    yield
  }
  if %p {
    print parts=("yes",)
    yield
  }
  while {
    test false
  } do {
    yield
  }
  return 0.5, %w, true
}
"""


@pytest.mark.parametrize("text", [SAMPLE, KITCHEN_SINK], ids=["sample", "sink"])
def test_round_trip(text: str) -> None:
    fn = parse(text)
    assert str(fn) == text
    assert to_text(parse(str(fn))) == text


def test_samples_verify() -> None:
    verify(parse(SAMPLE))
    verify(parse(KITCHEN_SINK))


def test_literals_have_the_type_of_their_context() -> None:
    fn = parse("func @f(%f: f32, %m: i32[:]) -> f32 {\n  %a: f32 = mul 2.0, %f\n  store %m[0] = 1\n  return 0.1\n}")
    mul, store, ret = fn.body.ops
    assert mul.args[0] == const(2.0, f32)
    assert store.args[1:] == [const(0, i64), const(1, Scalar("i32"))]
    assert ret.args == [const(0.1, f32)]
    assert str(parse(str(fn))) == str(fn)


def test_names_become_unique() -> None:
    x = Value("x", f64)
    fn = Function("f", Region([x]))
    b = Builder(fn.body, Loc("/somewhere/model.py", 3, 4))
    total: Value = x
    for _ in range(3):
        total = b.op("add", total, x, hint="x")
    b.op("neg", total, hint="x_1")
    b.return_(total)
    text = str(fn)
    assert "%x_1: f64 = add %x, %x  # model.py:3\n" in text
    assert "%x_1_1: f64 = neg %x_3\n" in text
    assert str(parse(text)) == text


def test_places_are_inherited() -> None:
    fn = parse(SAMPLE)
    dim, loop, *_ = fn.body.ops
    assert dim.loc is None
    assert loop.loc == Loc("model.py", 3)
    assert loop.body.ops[1].loc == Loc("model.py", 4)


def test_types_round_trip() -> None:
    a = Array("f32", (None, "n", 3), strided=True)
    x = Value("x", a)
    fn = Function("f", Region([x]))
    Builder(fn.body).return_(x, const(True, b1))
    assert parse(str(fn)).params[0].type == a


@pytest.mark.parametrize(
    ("bad", "line", "reason"),
    [
        ("func @f() -> f64 {\n  return %x\n}", 2, "not defined"),
        ("func @f(%x: f65) -> () {\n  return\n}", 1, "not a type"),
        ("func @f(%x: f64) -> f64 {\n  %y: f64 = frob %x\n  return %x\n}", 2, "no op"),
        ("func @f(%x: f64) -> f64 {\n  %x: f64 = neg %x\n  return %x\n}", 3, "bound twice"),
        ("func @f(%x: f64) -> f64 {\n  return %x ?\n}", 2, "unexpected"),
        ("func @f(%x: f64) -> f64 {\n  return %x %x\n}", 2, "expected ','"),
        ("func @f(%x: f64) -> f64 {\n  return %x\n", 3, "expected"),
        ("func @f(%x: f64) -> f64 {\n  return true\n}", 2, "not of type"),
    ],
)
def test_bad_text(bad: str, line: int, reason: str) -> None:
    with pytest.raises(ParseError, match=reason) as caught:
        parse(bad)
    assert caught.value.line == line
