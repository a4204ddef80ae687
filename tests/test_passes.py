"""What each pass does, before and after."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.passes import PASSES, run_passes

PARAMS = "%x: mut f64[n], %y: f64[n], %z: f64[m], %a: f64, %b: f64, %k: i64, %c: b1"


def after(names: str, body: str, ret: str = "f64") -> str:
    """The body after the passes, verified."""
    fn = parse(f"func @f({PARAMS}) -> {ret} {{\n{body}\n}}")
    text = str(run_passes(fn, names.split(), verify=True))
    return textwrap.dedent("\n".join(text.splitlines()[1:-1]))


def expect(names: str, before: str, wanted: str, ret: str = "f64") -> None:
    assert after(names, before, ret) == textwrap.dedent(wanted).strip()


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("mul %a, 1.0", "return %a"),
        ("add 0.0, %a", "return %a"),
        ("mul %a, 0.0", "%v: f64 = mul %a, 0.0\nreturn %v"),
        ("sub 0.0, %a", "%v: f64 = neg %a\nreturn %v"),
        ("add %a, %a", "%v: f64 = mul 2.0, %a\nreturn %v"),
        ("pow %a, 1.0", "return %a"),
        ("select true, %a, %b", "return %a"),
        ("select %c, %b, %b", "return %b"),
        ("mul 2.0, 0.25", "return 0.5"),
        ("exp 1.0", "%v: f64 = exp 1.0\nreturn %v"),
        ("div %a, 1.0", "return %a"),
        ("cast 3:i64", "return 3.0"),
    ],
)
def test_fold_one_op(expression: str, wanted: str) -> None:
    expect("fold", f"%v: f64 = {expression}\nreturn %v", wanted)


def test_fold_floats_signs_outwards() -> None:
    before = "%p: f64 = neg %a\n%q: f64 = mul %p, %b\n%r: f64 = add %a, %q\nreturn %r"
    expect("fold dce", before, "%q: f64 = mul %a, %b\n%r: f64 = sub %a, %q\nreturn %r")


def test_fold_never_negates_a_comparison_of_floats() -> None:
    before = "%p: b1 = lt %a, %b\n%q: b1 = not %p\nreturn %q"
    expect("fold", before, before, ret="b1")
    ints = "%p: b1 = lt %k, 3\n%q: b1 = not %p\nreturn %q"
    expect("fold dce", ints, "%q: b1 = ge %k, 3\nreturn %q", ret="b1")


def test_fold_integers() -> None:
    expect("fold dce", "%p: i64 = add %k, 1\n%q: i64 = sub %p, 1\nreturn %q", "return %k", ret="i64")
    expect("fold dce", "%p: i64 = sub %k, 1\n%q: i64 = sub %p, 1\nreturn %q", "%q: i64 = sub %k, 2\nreturn %q", "i64")


def test_fold_decided_control_flow() -> None:
    before = """\
        %v: f64 = if true {
          %t: f64 = mul %a, %b
          yield %t
        } else {
          yield %a
        }
        %w: f64 = for %i in 3..3 with (%u: f64 = %v) {
          yield %a
        }
        return %w"""
    expect("fold", before, "%t: f64 = mul %a, %b\nreturn %t")


def test_fold_carried_values_that_do_not_change() -> None:
    before = """\
        %v: f64, %w: f64 = for %i in 0..%k with (%p: f64 = %a, %q: f64 = 0.0) {
          %r: f64 = add %q, %p
          yield %p, %r
        }
        %s: f64 = add %v, %w
        return %s"""
    wanted = """\
        %w: f64 = for %i in 0..%k with (%q: f64 = 0.0) {
          %r: f64 = add %q, %a
          yield %r
        }
        %s: f64 = add %a, %w
        return %s"""
    expect("fold dce", before, wanted)


def test_fold_spread_scalars() -> None:
    before = """\
        %g: f64[n] = broadcast_like %a, %y
        %h: f64[n] = mul %g, %y
        accumulate %x, %h
        accumulate %x, %g
        return %a"""
    wanted = "%h: f64[n] = mul %a, %y\naccumulate %x, %h\naccumulate %x, %a\nreturn %a"
    expect("fold dce", before, wanted)


def test_fold_views_of_all_of_an_array() -> None:
    before = """\
        %n: i64 = dim %x, 0
        %v: f64[:] = view %x[:%n]
        %w: f64[:] = reshape %v, %n
        store %w[0] = %a
        %s: f64 = sum %y
        %t: f64 = load %x[0]
        return %t"""
    wanted = """\
        store %x[0] = %a
        %t: f64 = load %x[0]
        return %t"""
    expect("fold dce", before, wanted)
    for kept in ("f64[:] = view %y[1:]", "f64[:] = view %y[:%k]", "f64[:] = view %y[%k:%n]", "f64[:] = reshape %z, %k"):
        assert kept in after("fold dce", f"%n: i64 = dim %y, 0\n%v: {kept}\n%s: f64 = sum %v\nreturn %s")
    turned = """\
        %u: f64[3] = empty 3
        %v: strided f64[3] = view %u[::-1]
        %w: strided f64[3] = view %v[::-1]
        %t: f64 = load %w[0]
        return %t"""
    assert after("fold dce", turned).count("view") == 2


def test_fold_keeps_memory_apart() -> None:
    """x * 1.0 is fresh memory: it stays a copy where it is written or handed out."""
    written = "%u: f64[n] = mul %y, 1.0\nstore %u[0] = 2.0\nreturn %u"
    expect("fold", written, written, ret="f64[n]")
    expect("fold dce", "%u: f64[n] = mul %y, 1.0\n%s: f64 = sum %u\nreturn %s", "%s: f64 = sum %y\nreturn %s")


def test_cse_merges_reads_between_writes() -> None:
    before = """\
        %p: f64 = load %x[0]
        %q: f64 = load %x[0]
        store %x[%k] = %a
        %r: f64 = load %x[0]
        %s: f64 = mul %p, %q
        %t: f64 = mul %q, %p
        %u: f64 = add %s, %t
        %v: f64 = add %u, %r
        return %v"""
    wanted = """\
        %p: f64 = load %x[0]
        store %x[%k] = %a
        %r: f64 = load %x[0]
        %s: f64 = mul %p, %p
        %u: f64 = add %s, %s
        %v: f64 = add %u, %r
        return %v"""
    expect("cse", before, wanted)


def test_cse_minds_writes_later_in_the_loop() -> None:
    before = """\
        %p: f64 = load %x[0]
        for %i in 0..%k {
          %q: f64 = load %x[0]
          store %x[0] = %a
          update %x[1] += %q
          yield
        }
        return %p"""
    expect("cse", before, before)


def test_cse_keeps_written_memory_apart() -> None:
    before = "%u: f64[n] = zeros_like %y\n%v: f64[n] = zeros_like %y\nstore %u[0] = 1.0\n%s: f64 = sum %v\nreturn %s"
    expect("cse", before, before)


def test_dce_removes_memory_that_nobody_reads() -> None:
    before = """\
        section text="forward"
        %n: i64 = dim %y, 0
        %u: f64[n] = zeros %n
        %s: stack(f64) = stack
        for %i in 0..%n {
          store %u[%i] = %a, safe=True
          push %s, %b
          yield
        }
        section text="reverse"
        %e: f64 = exp %a
        section text="rest"
        return %e"""
    expect("dce", before, 'section text="reverse"\n%e: f64 = exp %a\nreturn %e')


def test_dce_keeps_errors_and_tapes_in_step() -> None:
    before = """\
        %u: f64 = load %y[%k]
        %s: stack(f64) = stack
        push %s, %a
        push %s, %b
        %p: f64 = pop %s
        %q: f64 = pop %s
        return %q"""
    expect("dce", before, before)


def test_dce_drops_carried_values_that_feed_only_themselves() -> None:
    before = """\
        %v: f64, %w: f64 = while with (%p: f64 = %a, %q: f64 = %b) {
          %go: b1 = lt %p, 3.0
          test %go
        } do {
          %r: f64 = mul %p, 2.0
          %s: f64 = add %q, %r
          yield %r, %s
        }
        return %v"""
    wanted = """\
        %v: f64 = while with (%p: f64 = %a) {
          %go: b1 = lt %p, 3.0
          test %go
        } do {
          %r: f64 = mul %p, 2.0
          yield %r
        }
        return %v"""
    expect("dce", before, wanted)


def test_hoist() -> None:
    before = """\
        for %i in 0..%k {
          for %j in 0..%k {
            %p: f64 = exp %a
            %q: i64 = floordiv 7, %k
            %r: f64 = cast %i
            %s: f64 = load %x[0]
            update %x[%j] += %p
            update %x[%q] += %r
            yield
          }
          yield
        }
        return %a"""
    wanted = """\
        %p: f64 = exp %a
        for %i in 0..%k {
          %r: f64 = cast %i
          for %j in 0..%k {
            %q: i64 = floordiv 7, %k
            %s: f64 = load %x[0]
            update %x[%j] += %p
            update %x[%q] += %r
            yield
          }
          yield
        }
        return %a"""
    expect("hoist", before, wanted)


TWO_BRANCHES = """\
        %p: b1 = gt %a, %b
        %u: f64, %v: f64 = if %p {
          %s: f64 = sin %a
          yield %s, %s
        } else {
          yield %b, 0.0
        }
        %w: f64 = mul %a, %b
        %e: f64[3] = zeros 3
        {between}
        %r: f64 = if %p {
          %q: f64 = sin %a
          {inside}
          %t: f64 = add %q, %u
          yield %t
        } else {
          yield %v
        }
        %z0: f64 = add %r, %w
        return %z0"""


def test_branches() -> None:
    wanted = """\
        %p: b1 = gt %a, %b
        %r: f64 = if %p {
          %s: f64 = sin %a
          %t: f64 = mul 2.0, %s
          yield %t
        } else {
          yield 0.0
        }
        %w: f64 = mul %a, %b
        %z0: f64 = add %r, %w
        return %z0"""
    expect("branches cse fold dce", two_branches(), wanted)


def two_branches(between: str = "", inside: str = "") -> str:
    return TWO_BRANCHES.replace("{between}", between).replace("{inside}", inside)


@pytest.mark.parametrize(
    ("between", "inside", "ifs"),
    [
        ("store %e[0] = %u, safe=True", "", 1),
        ("", "store %x[0] = %a", 1),
        ("store %x[0] = %u", "%m: f64 = load %x[0]", 2),  # reads what was written in between
        ("store %x[0] = %u, safe=True", "%m: f64 = load %x[0], safe=True", 2),
        ("%m: f64 = load %x[0]", "store %x[0] = %a, safe=True", 2),  # writes what was read
        ("store %x[0] = %u, safe=True", "store %x[0] = %a, safe=True", 2),
        ("print %u", "print %a", 2),
        ("store %x[0] = %a, safe=True", "%m: f64 = load %y[0]", 2),  # an error that comes before a write that is seen
        ("store %e[0] = %a, safe=True", "%m: f64 = load %y[0]", 1),
        ('raise_if %c, error="ValueError", message="no"', "%m: f64 = load %y[0]", 2),
        ('section text="reverse sweep"', "", 2),
        ("", "%m: f64 = mul %w, %w", 2),  # needs what comes later
    ],
)
def test_branches_stay_apart(between: str, inside: str, ifs: int) -> None:
    assert after("branches", two_branches(between, inside)).count(" if ") == ifs


STENCIL = """\
%n: i64 = dim %x, 0
%e: i64 = sub %n, 1
for %i in 1..%e {
  %l: i64 = sub %i, 1
  %r: i64 = add %i, 1
  %u: f64 = load %x[%l]
  %v: f64 = load %x[%r]
  store %x[%i] = %u
  yield
}
return %a"""


def test_bounds_of_a_stencil() -> None:
    assert after("bounds", STENCIL).count("safe=True") == 3
    assert "raise_if" not in after("bounds", STENCIL)


def test_bounds_leaves_what_may_be_outside() -> None:
    assert "raise_if" in after("bounds", STENCIL.replace("1..%e", "-9..%e"))
    assert "raise_if" in after("bounds", STENCIL.replace("1..%e", "1..%n"))
    assert "safe" not in after("bounds", STENCIL.replace("1..%e", "1..%n step %k"))
    assert "safe" not in after("bounds", "%n: i64 = dim %x, 0\n%l: i64 = sub %n, 1\n%u: f64 = load %x[%l]\nreturn %u")


PACKED = """\
%n: i64 = dim %x, 0
%m: i64 = mul 2, %n
for %i in 0..%n {
  %j: i64 = add %m, %i
  %l: i64 = sub %j, 1
  %u: f64 = load %y[%j]
  %v: f64 = load %y[%l]
  store %x[%i] = %u
  yield
}
return %a"""


def test_bounds_beside_multiples_of_what_does_not_change() -> None:
    """One check for both accesses: of the greatest index, and of whether the loop runs. The least is not negative, or
    an index from the end that is inside."""
    text = after("bounds checks", PACKED)
    head, body = text.split("for %i")
    assert head.count("raise_if") == 1 and "raise_if" not in body and body.count("safe=True") == 3, text


def test_bounds_of_a_multiple_that_changes() -> None:
    """A stride that is computed in the loop, or is not known to be positive, is checked where it is used."""
    text = after("bounds checks", PACKED.replace("add %m, %i", "mul %n, %i"))
    assert "raise_if" in text.split("for %i")[1]
    text = after("bounds checks", PACKED.replace("mul 2, %n", "mul %k, 3"))
    head, body = text.split("for %i")
    assert head.count("raise_if") == 1 and "lt" in head and "raise_if" not in body, text


def test_bounds_of_many_equal_sizes() -> None:
    """Each is bounded by each other: all ways between them are looked at once, not one by one."""
    lines = [f"%n{k}: i64 = add %k, {k}" for k in range(14)]
    for k in range(14):
        lines += [f'%q{k}_{j}: b1 = ne %n{k}, %n{j}\nraise_if %q{k}_{j}, error="E", message=""' for j in range(k)]
    lines += ["for %i in 0..%n0 {", "%u: f64 = load %x[%i]", "yield", "}", "return %a"]
    assert "raise_if" in after("bounds", "\n".join(lines))


def test_bounds_checks_once_before_the_loop() -> None:
    before = """\
        %n: i64 = dim %x, 0
        for %i in 0..%n {
          %u: f64 = load %z[%i]
          update %x[%i] += %u
          yield
        }
        return %a"""
    wanted = """\
        %n: i64 = dim %x, 0
        %t: i64 = dim %z, 0
        %t_1: b1 = gt %n, %t
        raise_if %t_1, error="IndexError", message="index out of bounds for axis 0 of z"
        for %i in 0..%n {
          %u: f64 = load %z[%i], safe=True
          update %x[%i] += %u, safe=True
          yield
        }
        return %a"""
    expect("bounds", before, wanted)


@pytest.mark.parametrize(
    "guard",
    [
        "%g: b1 = and %p, %q\n%s: f64 = if %g {\n%u: f64 = load %x[%k]\nyield %u\n} else {\nyield 0.0\n}",
        "%np: b1 = not %p\n%nq: b1 = not %q\n%g: b1 = or %np, %nq\n"
        'raise_if %g, error="IndexError", message="no"\n%s: f64 = load %x[%k]',
    ],
)
def test_bounds_learns_from_conditions(guard: str) -> None:
    body = f"%n: i64 = dim %x, 0\n%p: b1 = ge %k, 0\n%q: b1 = lt %k, %n\n{guard}\nreturn %s"
    assert "load %x[%k], safe=True" in after("bounds", body)
    assert "safe" not in after("bounds", body.replace("ge %k, 0", "ge %k, -900"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("%v: f64 = load %x[%k]\nreturn %v", IndexError),
        ("%v: i64 = floordiv 3, %c0\n%w: f64 = cast %v\nreturn %w", ZeroDivisionError),
        ("%m: i64 = neg %k\n%u: f64[:] = zeros %m\n%v: f64 = sum %u\nreturn %v", ValueError),
        ("%u: f64[:] = add %x, %z\n%v: f64 = sum %u\nreturn %v", ValueError),
        ("assign %x, %z\nreturn %a", ValueError),
        ("%v: f64 = matmul %x, %z\nreturn %v", ValueError),
        ("%u: f64[:] = view %x[::%c0]\n%v: f64 = sum %u\nreturn %v", ValueError),
    ],
)
def test_checks_raise_what_the_op_would(body: str, error: type[Exception]) -> None:
    text = f"func @f({PARAMS}) -> f64 {{\n%c0: i64 = sub %k, %k\n{body}\n}}"
    args = [np.ones(3), np.ones(3), np.ones(4), 1.0, 2.0, 9, True]
    with pytest.raises(error):
        interpret(parse(text), args)
    checked = PASSES["checks"](parse(text))
    assert "raise_if" in str(checked)
    with pytest.raises(error, match="[a-z]"):
        interpret(checked, args)
