"""The passes that make gradients read well: what each does, and where it must not."""

from __future__ import annotations

import numpy as np
import pytest
from test_passes import PARAMS, after, expect

from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.passes import run_passes


def test_arrange_flattens_sums_and_products() -> None:
    before = """\
        %t: f64 = mul %a, %b
        %t_1: f64 = mul %t, 2.0
        %t_2: f64 = neg %t_1
        %t_3: f64 = add %b, %t_2
        %t_4: f64 = sub %t_3, %t_1
        %a_bar: f64 = add %t_4, %b
        return %a_bar"""
    text = after("arrange", before)
    assert text.count("sub") == 1 and "neg" not in text and text.count("= ") < before.count("= ")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("%t: f64 = mul %a, %b\n%x_bar: f64 = mul %t, 2.0", "2.0, %a"),
        ("%t: f64 = div 1.0, %a\n%x_bar: f64 = mul %t, %b", "div %b, %a"),
        ("%t: f64 = neg %a\n%t_1: f64 = neg %b\n%x_bar: f64 = add %t, %t_1", "neg"),
        ("%t: f64 = add %a, %b\n%x_bar: f64 = add %t, %b", "mul 2.0, %b"),
    ],
)
def test_arrange_cases(body: str, wanted: str) -> None:
    text = f"{body}\nreturn %x_bar"
    arranged = after("arrange", text)
    assert wanted in arranged and text != arranged
    whole = [f"func @f({PARAMS}) -> f64 {{\n{b}\n}}" for b in (text, arranged)]
    args = [np.ones(3), np.ones(3), np.ones(4), 1.7, -0.3, 1, True]
    one, two = (interpret(parse(w), args)[0] for w in whole)
    np.testing.assert_allclose(one, two, rtol=1e-14)


def test_arrange_leaves_the_users_formulas_and_strict_programs() -> None:
    users = "%t: f64 = mul %a, %b\n%t_1: f64 = mul %t, 2.0\nreturn %t_1"
    assert after("arrange", users) == users
    fn = parse(f"func @f({PARAMS}) -> f64 {{\n%t: f64 = mul %a, %b\n%a_bar: f64 = mul %t, 2.0\nreturn %a_bar\n}}")
    assert str(run_passes(fn, ["arrange"], strict=True)).count("mul %t, 2.0") == 1


def test_arrange_keeps_reads_before_writes() -> None:
    body = "%t: f64[n] = mul %x, 2.0\nassign %x, 0.0\n%x_bar: f64[n] = mul %t, 3.0\n%s: f64 = sum %x_bar\nreturn %s"
    fn = parse(f"func @f({PARAMS}) -> f64 {{\n{body}\n}}")
    args = [np.ones(3), np.ones(3), np.ones(4), 1.7, -0.3, 1, True]
    assert interpret(run_passes(fn, ["arrange"], verify=True), args)[0] == 18.0


def test_elements_forwards_and_drops() -> None:
    before = """\
        %x_bar: f64[n] = zeros_like %y
        update %x_bar[0] += %a
        %t: f64 = load %x_bar[0]
        store %x_bar[0] = 0.0, safe=True
        %t_1: f64 = mul %t, %b
        update %x_bar[1] += %t_1, safe=True
        return %x_bar"""
    text = after("elements fold dce", before, ret="f64[n]")
    assert "load" not in text and "store %x_bar[1]" in text and "mul %a, %b" in text


def test_elements_keeps_apart_what_may_be_one() -> None:
    before = """\
        store %x[0] = %a, safe=True
        store %x[-1] = %b, safe=True
        %t: f64 = load %x[0], safe=True
        store %x[%k] = %a, safe=True
        %t_1: f64 = load %x[-1], safe=True
        %t_2: f64 = add %t, %t_1
        return %t_2"""
    assert after("elements", before).count("load") == 2


def test_elements_knows_what_a_loop_writes() -> None:
    before = """\
        store %x[0] = %a
        for %i in 0..%k {
          %t: f64 = load %x[0]
          update %x[%i] += %t
          yield
        }
        %t_1: f64 = load %x[0]
        return %t_1"""
    assert after("elements", before) == "\n".join(row[8:] for row in before.splitlines())


def test_fresh_starts_with_the_first_contribution() -> None:
    before = """\
        %x_bar: f64[n] = zeros_like %y
        %x_view_bar: f64[:] = view %x_bar[1:]
        %t: f64[n] = mul %y, %a
        accumulate %x_bar, %t
        accumulate %x_view_bar, %b
        return %x_bar"""
    wanted = """\
        %x_bar: f64[n] = mul %y, %a
        %x_view_bar: f64[:] = view %x_bar[1:]
        accumulate %x_view_bar, %b
        return %x_bar"""
    expect("fresh", before, wanted, ret="f64[n]")


SUM_IN_LOOP = """\
%w_bar: f64[n] = zeros_like %y
%r: f64[n] = for %i in 0..%k with (%p: f64[n] = %w_bar) {
  %t: f64[n] = mul %y, 2.0
  %q: f64[n] = add %p, %t
  yield %q
}
return %r"""


def test_fresh_adds_in_place_in_loops() -> None:
    text = after("fresh", SUM_IN_LOOP, ret="f64[n]")
    assert "accumulate %w_bar, %t" in text and "with" not in text


def test_fresh_does_not_add_in_place_to_what_another_trip_starts_from() -> None:
    body = """\
        %w_bar: f64[n] = zeros_like %y
        %s: f64 = for %j in 0..3 with (%c: f64 = 0.0) {
          %r: f64[n] = for %i in 0..%k with (%p: f64[n] = %w_bar) {
            %q: f64[n] = add %p, %y
            yield %q
          }
          %u: f64 = sum %r
          %d: f64 = add %c, %u
          yield %d
        }
        return %s"""
    fn = parse(f"func @f({PARAMS}) -> f64 {{\n{body}\n}}".replace("%c: b1", "%flag: b1"))
    args = [np.ones(3), np.ones(3), np.ones(4), 1.7, -0.3, 2, True]
    assert interpret(run_passes(fn, ["fresh"], verify=True), args)[0] == 18.0


def test_schedule_moves_the_next_value_behind_the_last_use() -> None:
    before = """\
        %s: f64 = for %i in 0..%k with (%r: f64 = %a) {
          %q: f64 = mul %r, %b
          %t: f64 = mul %r, 2.0
          store %x[%i] = %t
          yield %q
        }
        return %s"""
    wanted = """\
        %s: f64 = for %i in 0..%k with (%r: f64 = %a) {
          %t: f64 = mul %r, 2.0
          store %x[%i] = %t
          %q: f64 = mul %r, %b
          yield %q
        }
        return %s"""
    expect("schedule", before, wanted)
    assert after("schedule", before.replace("mul %r, %b", "load %x[%i], safe=True")).index("load") < 120


def test_tapes_of_equal_content_become_one() -> None:
    before = """\
        %p: f64[:] = empty %k
        %q: f64[:] = empty %k
        for %i in 0..%k {
          store %p[%i] = %a, safe=True
          store %q[%i] = %a, safe=True
          yield
        }
        %t: f64 = load %p[0]
        %u: f64 = load %q[0]
        %v: f64 = add %t, %u
        return %v"""
    text = after("tapes", before)
    assert text.count("empty") == 1 and text.count("store") == 1
    assert after("tapes", before.replace("store %q[%i] = %a", "store %q[%i] = %b")).count("empty") == 2


def test_tapes_of_equal_rows_become_one() -> None:
    before = """\
        %p: f64[:, :] = empty %k, 3
        %q: f64[:, :] = empty %k, 3
        %v: f64[:] = mul %x, 2.0
        %w: f64[:] = mul %x, 3.0
        for %i in 0..%k {
          %q_row: f64[:] = view %q[%i, :], safe=True
          assign %q_row, %v, checked=True
          %p_row: f64[:] = view %p[%i, :], safe=True
          assign %p_row, %v, checked=True
          yield
        }
        %t: f64 = load %p[0, 0]
        %u: f64[:] = view %q[1, :]
        %s: f64 = sum %u
        %r: f64 = add %t, %s
        return %r"""
    text = after("tapes", before)
    assert text.count("empty") == 1 and text.count("assign") == 1
    for other in (
        before.replace("assign %p_row, %v", "assign %p_row, %w"),  # other rows
        before.replace("view %p[%i, :], safe", "view %p[0, :], safe"),  # another place
        before.replace("  yield\n", "  store %v[0] = %a, safe=True\n  yield\n"),  # rows that change
        before.replace("  %p_row: ", "  %early: f64 = load %q[%i, 0]\n  %p_row: "),  # read before the other is filled
    ):
        assert after("tapes", other).count("empty") == 2
