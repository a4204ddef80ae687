"""Programs on which a pass that goes one step too far shows: each, run before and after, gives the same."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.driver import AFTER, BEFORE
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.passes import PASSES, run_passes

PARAMS = "%x: mut f64[n], %y: mut f64[n], %z: f64[m], %a: f64, %b: f64, %k: i64, %n: i64, %c: b1"

# Name -> (passes that are tempted, result type, body).
PROGRAMS: dict[str, tuple[str, str, str]] = {
    "element that a branch writes": ("cse elements", "(f64, f64)", """
        %u: f64 = load %x[0]
        if %c {
          store %x[0] = 5.0
          yield
        } else {
          yield
        }
        %v: f64 = load %x[0]
        return %u, %v"""),
    "element that a loop writes": ("cse elements hoist", "(f64, f64)", """
        %u: f64 = load %x[0]
        %r: f64 = for %i in 0..3 with (%s: f64 = %a) {
          %v: f64 = load %x[0]
          %w: f64 = mul %v, 2.0
          store %x[0] = %w
          %t: f64 = add %s, %v
          yield %t
        }
        return %u, %r"""),
    "what was stored before a loop": ("elements cse", "f64", """
        store %x[0] = %a
        %r: f64 = for %i in 0..3 with (%s: f64 = %b) {
          %v: f64 = load %x[0]
          %w: f64 = add %v, 1.0
          store %x[0] = %w
          %t: f64 = add %s, %v
          yield %t
        }
        return %r"""),
    "differences both ways": ("cse", "(f64, f64)", """
        %u: f64 = sub %a, %b
        %v: f64 = sub %b, %a
        return %u, %v"""),
    "sums along two axes": ("cse", "(f64[:], f64[:])", """
        %w: f64[:,:] = outer %x, %y
        %u: f64[:] = sum %w, axis=(0,)
        %v: f64[:] = sum %w, axis=(1,)
        return %u, %v"""),
    "two results of one content": ("cse fold", "(f64[n], f64[n])", """
        %u: f64[n] = mul %x, 2.0
        %v: f64[n] = mul %x, 2.0
        return %u, %v"""),
    "equal arrays, one written": ("cse fold", "(f64, f64)", """
        %u: f64[n] = mul %x, 2.0
        %v: f64[n] = mul %x, 2.0
        store %u[0] = 9.0
        %s: f64 = load %u[0]
        %t: f64 = load %v[0]
        return %s, %t"""),
    "branches that ask the same": ("branches", "(f64, f64)", """
        %u: f64 = if %c {
          store %x[0] = %a
          %p: f64 = load %y[1]
          yield %p
        } else {
          %h: f64 = load %z[%n]
          yield %h
        }
        %o: f64 = load %y[0]
        %v: f64, %w: f64 = if %c {
          %q: f64 = load %x[0]
          %r: f64 = mul %u, %q
          yield %r, %u
        } else {
          store %x[0] = %u
          %g: f64 = load %y[2]
          yield %g, %u
        }
        %s: f64 = add %v, %o
        return %s, %w"""),
    "branches with a write in between": ("branches", "(f64, f64)", """
        if %c {
          store %x[0] = %a
          yield
        } else {
          yield
        }
        store %x[0] = %b
        %v: f64 = if %c {
          %q: f64 = load %x[0]
          yield %q
        } else {
          store %x[1] = %b
          yield %a
        }
        %w: f64 = load %x[1]
        return %v, %w"""),
    "index of an empty array": ("hoist", "f64", """
        %m: i64 = sub %k, %k
        %e: f64[:] = zeros %m
        %r: f64 = for %i in 0..%m with (%s: f64 = %a) {
          %v: f64 = load %e[0]
          %t: f64 = add %s, %v
          yield %t
        }
        return %r"""),
    "promise of a loop that does not run": ("hoist", "f64", """
        %m: i64 = sub %k, %k
        %e: f64[:] = zeros %m
        %r: f64 = for %i in 0..%m with (%s: f64 = %a) {
          %v: f64 = load %e[0], safe=True
          %t: f64 = add %s, %v
          yield %t
        }
        return %r"""),
    "memory of each trip": ("hoist", "f64", """
        %r: f64 = for %i in 0..3 with (%s: f64 = %a) {
          %e: f64[:] = zeros 3
          store %e[%i] = 1.0
          %v: f64 = sum %e
          %t: f64 = add %s, %v
          yield %t
        }
        return %r"""),
    "written argument": ("dce elements", "f64", """
        store %x[0] = %a
        update %y[1] += %b
        return %a"""),
    "error that nobody waits for": ("dce", "f64", """
        %v: f64 = load %x[7]
        return %a"""),
    "two writes to local memory": ("dce elements", "f64", """
        %e: f64[:] = zeros 3
        store %e[0] = %a
        store %e[1] = %b
        %s: f64 = sum %e
        return %s"""),
    "increments of local memory": ("dce elements cse", "f64", """
        %e: f64[:] = zeros 3
        store %e[%k] = %a
        update %e[%k] += %b
        update %e[%k] += %b
        %s: f64 = load %e[%k]
        return %s"""),
    "array written into itself": ("dce elements cse fold", "(f64, f64)", """
        %e: f64[:] = mul %x, 2.0
        %f: f64[:] = zeros 3
        assign %f, %e
        %s: f64 = sum %f
        store %e[0] = 7.0
        assign %f, %e
        %t: f64 = sum %f
        return %s, %t"""),
    "what a loop starts from": ("dce", "f64", """
        %u: f64 = mul %a, 2.0
        %r: f64 = for %i in 0..3 with (%s: f64 = %u) {
          %t: f64 = mul %s, %b
          yield %t
        }
        return %r"""),
    "negated difference": ("fold", "f64", """
        %u: f64 = sub %a, %b
        %v: f64 = neg %u
        return %v"""),
    "zero times infinity": ("fold", "f64", """
        %u: f64 = log 0.0
        %t: f64 = add %u, %a
        %v: f64 = mul %t, 0.0
        return %v"""),
    "not less than nan": ("fold", "f64", """
        %u: f64 = sqrt -1.0
        %t: f64 = add %u, %a
        %l: b1 = lt %t, %b
        %m: b1 = not %l
        %v: f64 = select %m, 1.0, 2.0
        return %v"""),
    "rounded by a cast": ("fold", "f64", """
        %u: i64 = cast %a
        %v: f64 = cast %u
        return %v"""),
    "narrowed by a cast": ("fold", "f64", """
        %u: f32 = cast %a
        %v: f64 = cast %u
        return %v"""),
    "shifted back and forth": ("fold", "(i64, i64)", """
        %u: i64 = sub %k, 1
        %v: i64 = add %u, 3
        %w: i64 = sub %v, 5
        return %v, %w"""),
    "choice by a negation": ("fold", "f64", """
        %m: b1 = not %c
        %v: f64 = select %m, %a, %b
        return %v"""),
    "copy of what changes": ("fold", "f64", """
        %e: f64[n] = copy %x
        store %x[0] = 9.0
        %v: f64 = load %e[0]
        return %v"""),
    "copy read after the write": ("fold", "f64", """
        %e: f64[n] = copy %x
        store %x[0] = 9.0
        %d: f64[n] = mul %e, 2.0
        %v: f64 = sum %d
        return %v"""),
    "condition in its else": ("fold", "f64", """
        %r: f64 = if %c {
          %u: f64 = select %c, %a, %b
          yield %u
        } else {
          %v: f64 = select %c, %a, %b
          yield %v
        }
        return %r"""),
    "ends that differ": ("fold", "f64", """
        %r: f64 = if %c {
          yield %a
        } else {
          yield %b
        }
        return %r"""),
    "one element from both ends": ("elements", "f64", """
        store %x[2] = %a
        store %x[-1] = %b
        %v: f64 = load %x[2]
        return %v"""),
    "one element by two names": ("elements", "f64", """
        %j: i64 = add %k, 0
        store %x[%k] = %a
        store %x[%n] = %b
        %v: f64 = load %x[%k]
        return %v"""),
    "read before it is overwritten": ("elements", "f64", """
        %e: f64[:] = zeros 3
        store %e[0] = %a
        store %e[1] = %b
        %v: f64 = load %e[%k]
        store %e[1] = 7.0
        store %e[0] = 8.0
        %s: f64 = sum %e
        %t: f64 = add %v, %s
        return %t"""),
    "adjoint broadcast from one": ("fresh", "f64", """
        %x_bar: f64[n] = zeros_like %x
        %o: f64[:] = full %a, 1
        accumulate %x_bar, %o
        %s: f64 = sum %x_bar
        return %s"""),
    "adjoint broadcast from one at run time": ("fresh", "f64", """
        %p: i64 = sub %k, %k
        %q: i64 = add %p, 1
        %e_bar: f64[:] = zeros %n
        %o: f64[:] = full %a, %q
        accumulate %e_bar, %o
        %s: f64 = sum %e_bar
        return %s"""),
    "adjoint read before its first contribution": ("fresh", "(f64, f64)", """
        %x_bar: f64[n] = zeros_like %x
        %s: f64 = sum %x_bar
        %v_bar: f64[n] = mul %x, 2.0
        accumulate %x_bar, %v_bar
        %t: f64 = sum %x_bar
        return %s, %t"""),
    "start that is used elsewhere": ("fresh", "(f64, f64)", """
        %w_bar: f64[n] = mul %x, 2.0
        %r_bar: f64[n] = for %i in 0..3 with (%u_bar: f64[n] = %w_bar) {
          %v_bar: f64[n] = add %u_bar, %y
          yield %v_bar
        }
        %s: f64 = sum %r_bar
        %t: f64 = sum %w_bar
        return %s, %t"""),
    "tapes of two values": ("tapes", "f64", """
        %p: f64[:] = empty 3
        %q: f64[:] = empty 3
        for %i in 0..3 {
          %v: f64 = load %x[%i]
          %w: f64 = mul %v, %v
          store %p[%i] = %v, safe=True
          store %q[%i] = %w, safe=True
          yield
        }
        %r: f64 = for %j in 0..3 with (%s: f64 = %a) {
          %v2: f64 = load %p[%j], safe=True
          %w2: f64 = load %q[%j], safe=True
          %d: f64 = sub %v2, %w2
          %t: f64 = add %s, %d
          yield %t
        }
        return %r"""),
    "differences of adjoints": ("arrange", "f64", """
        %u_bar: f64 = mul %a, 2.0
        %v_bar: f64 = mul %b, 3.0
        %w_bar: f64 = sub %u_bar, %v_bar
        %r_bar: f64 = sub %w_bar, %a
        return %r_bar"""),
    "quotients by two divisors": ("arrange", "f64", """
        %u_bar: f64 = div 2.0, %a
        %v_bar: f64 = div 2.0, %b
        %w_bar: f64 = add %u_bar, %v_bar
        return %w_bar"""),
    "array read before a write": ("arrange", "f64", """
        %u_bar: f64[n] = mul %x, 2.0
        store %x[0] = 9.0
        %v_bar: f64[n] = mul %u_bar, 3.0
        %s: f64 = sum %v_bar
        return %s"""),
    "next value read before a write": ("schedule", "f64", """
        %r: f64 = for %i in 0..2 with (%s: f64 = %a) {
          %v: f64 = load %x[%i], safe=True
          store %x[%i] = %s, safe=True
          yield %v
        }
        return %r"""),
    "neighbours of the last": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %r: f64 = for %i in 0..%m with (%s: f64 = %a) {
          %u: f64 = load %x[%i]
          %j: i64 = add %i, 1
          %v: f64 = load %x[%j]
          %t: f64 = add %u, %v
          %w: f64 = add %s, %t
          yield %w
        }
        return %r"""),
    "neighbours in range": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %l: i64 = sub %m, 1
        %r: f64 = for %i in 0..%l with (%s: f64 = %a) {
          %j: i64 = add %i, 1
          %v: f64 = load %x[%j]
          %w: f64 = add %s, %v
          yield %w
        }
        return %r"""),
    "neighbours of an unknown last": ("bounds checks", "f64", """
        %r: f64 = for %i in 0..%k with (%s: f64 = %a) {
          %u: f64 = load %x[%i]
          %j: i64 = add %i, 2
          %v: f64 = load %x[%j]
          %t: f64 = add %u, %v
          %w: f64 = add %s, %t
          yield %w
        }
        return %r"""),
    "error before the index error": ("bounds checks", "f64", """
        %r: f64 = for %i in 0..9 with (%s: f64 = %a) {
          %late: b1 = gt %i, 1
          raise_if %late, error="ZeroDivisionError", message="too late"
          %v: f64 = load %x[%i]
          %w: f64 = add %s, %v
          yield %w
        }
        return %r"""),
    "index just outside": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %v: f64 = load %x[%m]
        return %v"""),
    "index after a test in its else": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %low: b1 = lt %n, %m
        %pos: b1 = ge %n, 0
        %r: f64 = if %pos {
          %q: f64 = if %low {
            yield %a
          } else {
            %v: f64 = load %x[%n]
            yield %v
          }
          yield %q
        } else {
          yield %b
        }
        return %r"""),
    "index after one test of two": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %low: b1 = lt %n, %m
        %any: b1 = or %low, %c
        %pos: b1 = ge %n, 0
        %both: b1 = and %any, %pos
        %r: f64 = if %both {
          %v: f64 = load %x[%n]
          yield %v
        } else {
          yield %a
        }
        return %r"""),
    "difference of two indices": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %r: f64 = for %i in 0..%m with (%s: f64 = %a) {
          %q: f64 = for %j in 0..%m with (%p: f64 = %s) {
            %h: i64 = sub %i, %j
            %v: f64 = load %x[%h]
            %w: f64 = add %p, %v
            yield %w
          }
          yield %q
        }
        return %r"""),
    "difference of two indices and two more": ("bounds checks", "f64", """
        %e: f64[5] = full %a, 5
        %r: f64 = for %i in 0..5 with (%s: f64 = %a) {
          %q: f64 = for %j in 0..5 with (%p: f64 = %s) {
            %h: i64 = sub %i, %j
            %g: i64 = sub %h, 2
            %v: f64 = load %e[%g]
            %w: f64 = add %p, %v
            yield %w
          }
          yield %q
        }
        return %r"""),
    "elements of an array that shrinks in a loop": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %r: f64, %e: strided f64[:] = for %i in 0..2 with (%s: f64 = %a, %f: strided f64[:] = %x) {
          %q: f64 = for %j in 0..%m with (%p: f64 = %s) {
            %v: f64 = load %f[%j]
            %w: f64 = add %p, %v
            yield %w
          }
          %g: strided f64[:] = view %f[1:]
          yield %q, %g
        }
        return %r"""),
    "index beside what does not change": ("bounds checks", "f64", """
        %h: i64 = dim %x, 0
        %o: i64 = sub %n, %h
        %m: i64 = mul 2, %o
        %r: f64 = for %i in 0..%k with (%s: f64 = %a) {
          %j: i64 = add %m, %i
          %l: i64 = sub %i, %o
          %v: f64 = load %x[%j]
          %w: f64 = load %y[%l]
          %p: f64 = mul %v, %w
          %t: f64 = add %s, %p
          yield %t
        }
        return %r"""),
    "window of a window": ("bounds checks", "f64", """
        %m: i64 = dim %x, 0
        %e: f64[:] = view %x[1:-1]
        %l: i64 = sub %m, 1
        %r: f64 = for %i in 0..%l with (%s: f64 = %a) {
          %v: f64 = load %e[%i]
          %w: f64 = add %s, %v
          yield %w
        }
        return %r"""),
    "array that shrinks in a loop": ("bounds checks", "f64", """
        %r: f64, %e: strided f64[:] = for %i in 0..2 with (%s: f64 = %a, %f: strided f64[:] = %x) {
          %g: strided f64[:] = view %f[1:]
          %v: f64 = load %f[2]
          %w: f64 = add %s, %v
          yield %w, %g
        }
        return %r"""),
    "step that is zero": ("checks", "f64", """
        %m: i64 = sub %k, %k
        %e: strided f64[:] = view %x[::%m]
        %v: f64 = sum %e
        return %v"""),
    "product that does not fit": ("checks", "f64", """
        %v: f64 = matmul %x, %z
        return %v"""),
    "arrays that do not fit": ("dce checks", "f64", """
        %e: f64[:] = add %x, %z
        return %a"""),
}  # fmt: skip

ARGUMENTS = [
    (3, 4, 1, 1, False),
    (4, 2, 2, 4, False),
    (4, 2, 2, 5, True),
    (4, 2, 3, 3, True),
    (3, 4, 0, 2, True),
    (3, 3, 2, 3, True),
    (4, 1, 2, 1, False),
    (2, 3, 1, 5, False),
]


def outcome(fn: Function, sizes: tuple[int, int, int, int, bool]) -> tuple[str, list[Any]]:
    """Results and the memory that is left, or the error's class."""
    rows, columns, k, n, c = sizes
    rng = np.random.default_rng(rows + k)
    args = [rng.normal(size=rows), rng.normal(size=rows), rng.normal(size=columns), 1.7, -2.3, k, n, c]
    args = [np.int64(a) if type(a) is int else np.bool_(a) if type(a) is bool else a for a in args]
    try:
        results = interpret(fn, args)
    except (IndexError, ValueError, ZeroDivisionError) as error:
        return next(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins"), []
    shared = [np.shares_memory(p, q) for j, p in enumerate(results) for q in results[:j]]
    return "value", [*copy.deepcopy(results), *args[:2], *shared]


@pytest.mark.parametrize("name", PROGRAMS)
def test_meaning_is_kept(name: str) -> None:
    tempted, result, body = PROGRAMS[name]
    text = f"func @f({PARAMS}) -> {result} {{{body}\n}}"
    assert set(tempted.split()) <= set(PASSES)
    ways = [*([p] for p in tempted.split()), tempted.split(), [*BEFORE], [*BEFORE, *AFTER, "checks"]]
    for sizes in ARGUMENTS:
        kind, expected = outcome(parse(text), sizes)
        for names in ways:
            fn = run_passes(parse(text), names, verify=True)
            found, values = outcome(fn, sizes)
            assert found == kind, f"{names}: {found} for {kind}\n{fn}"
            for a, b in zip(values, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=f"{names}\n{fn}")
