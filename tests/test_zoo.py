"""Every program of the zoo: Python, interpreter, both modes, two orders, every pass off; the backend once."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harness import Case, check, optimizer, plain
from test_frontend import build, copied, same
from zoo import PROGRAMS, Program

import adcompiler as ad
from adcompiler.analysis.extents import dims, meetings
from adcompiler.frontend import Lowered, lower, spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Leaf, leaves, with_dims
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.types import Scalar, is_float
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse

zoo = pytest.mark.parametrize("p", PROGRAMS, ids=str)
# Numba takes most of a second for each: every other program, the others in the long suite.
half_of_zoo = pytest.mark.parametrize(
    "p", [pytest.param(p, marks=pytest.mark.long if k % 2 else ()) for k, p in enumerate(PROGRAMS)], ids=str
)


def python(p: Program, args: tuple[Any, ...]) -> Any:
    with np.errstate(all="ignore"):
        return getattr(p.fn, "py_func", p.fn)(*args)


def filled(p: Program, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with defaults."""
    bound = inspect.signature(getattr(p.fn, "py_func", p.fn)).bind(*args)
    bound.apply_defaults()
    return bound.args


def lowered(p: Program, args: tuple[Any, ...], open_: bool = False) -> tuple[Lowered, list[Any]]:
    """The program's IR and its flat arguments, captured arrays last; `open_`: nothing is known of extents."""
    args = filled(p, args)
    specs = tuple(spec_of(a) for a in args)
    low = lower(p.fn, specs)
    leaves_ = [x for a in args for x in flatten(a)]
    known = {} if open_ else dims(meetings(low.function, len(leaves_)), [np.shape(x) for x in leaves_])
    if known:
        low = replace(lower(p.fn, with_dims(specs, known)), extents=known)
    hidden = [c.read() for c in low.captures if isinstance(c.spec, Leaf)]
    return low, [*leaves_, *hidden]


@zoo
def test_interpreted(p: Program) -> None:
    for first, args in ((a is p.args[0], filled(p, a)) for a in p.args):
        low, flat = lowered(p, copied(args))
        reference = copied(args)
        expected = python(p, reference)
        result = build(low.result, iter(interpret(low.function, flat)))
        same(result, expected)
        same(tuple(flat[: len(flatten(reference))]), tuple(flatten(reference)))
        check(low.function, lowered(p, args)[1], order=p.order, passes=first, single=p.single, tol=p.tol)
        if low.extents:
            low, flat = lowered(p, args, open_=True)
            check(low.function, flat, order=p.order, passes=False, single=p.single, tol=p.tol)


def agree(p: Program, mine: Any, theirs: Any) -> None:
    """Equal up to the order of additions."""
    tol = 1e-5 if p.single else 1e-12
    for a, b in zip(flatten(mine), flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol * 1e-2)


def seeds(low: Lowered, flat: list[Any]) -> list[Any]:
    """An adjoint for each result; those of integers are not looked at."""
    rng = np.random.default_rng(7)
    outs = interpret(low.function, copied(tuple(flat)))
    bars = [np.asarray(rng.standard_normal(np.shape(o))).astype(np.asarray(o).dtype) for o in outs]
    return [b[()] if isinstance(r.type, Scalar) else b for b, r in zip(bars, low.function.returns, strict=True)]


def of_interpreter(low: Lowered, flat: list[Any], bars: list[Any]) -> list[Any]:
    """Adjoints of all float arguments: the reverse transform alone, no pass."""
    fn = plain(low.function)
    n = sum(len(list(leaves(s))) for _, s in low.signature)
    wrt = tuple(k for k, q in enumerate(fn.params[:n]) if is_float(q.type))
    ask = Pullback(wrt, tuple("param" if is_float(r.type) else None for r in fn.returns))
    given = [b for b, r in zip(bars, fn.returns, strict=True) if is_float(r.type)]
    return list(interpret(reverse(fn, ask), [*copied(tuple(flat)), *given]))


def close(mine: list[Any], other: list[Any], single: bool = False) -> None:
    assert len(mine) == len(other)
    single = single or any(np.asarray(v).dtype == np.float32 for v in [*mine, *other])
    for a, b in zip(mine, other, strict=True):
        assert np.shape(a) == np.shape(b)
        error = np.abs(np.subtract(a, b, dtype=float)) / (1.0 + np.abs(b))
        assert np.all(error <= (2e-5 if single else 1e-11)), f"{a}\n{b}"


def backwards(fn: Function, wrt: tuple[int, ...], flat: list[Any], bars: dict[int, Any]) -> list[Any]:
    """Adjoints of `wrt`, for adjoints given to some of the results."""
    ask = Pullback(wrt, tuple("param" if k in bars else None for k in range(len(fn.returns))))
    improve = optimizer()
    return list(interpret(improve(reverse(improve(fn), ask)), [*copied(tuple(flat)), *bars.values()]))


@zoo
def test_subsets(p: Program) -> None:
    """Each argument alone and each result alone: less is active, the numbers are the same."""
    low, flat = lowered(p, p.args[-1])
    fn = low.function
    bars = {k: b for k, (b, r) in enumerate(zip(seeds(low, flat), fn.returns, strict=True)) if is_float(r.type)}
    wrt = tuple(k for k, q in enumerate(fn.params) if is_float(q.type))
    full = backwards(fn, wrt, flat, bars)
    for k, expected in zip(wrt, full, strict=True):
        close(backwards(fn, (k,), flat, bars), [expected], p.single)
    parts = [backwards(fn, wrt, flat, {k: b}) for k, b in bars.items()]
    close([sum(rows) for rows in zip(*parts, strict=True)], full, p.single)


def directional(fn: Function, wrt: tuple[int, ...], flat: list[Any], dots: list[Any]) -> list[Any]:
    """The results' tangents."""
    improve = optimizer()
    return list(interpret(improve(forward(improve(fn), wrt)), [*copied(tuple(flat)), *copied(tuple(dots))]))[
        len(fn.returns) :
    ]


@zoo
def test_tangents_add_up(p: Program) -> None:
    """The tangent along all arguments is the sum of those along each, the others held."""
    low, flat = lowered(p, p.args[-1])
    fn = low.function
    case = Case(fn, flat)
    dots = case.direction()
    full = directional(fn, tuple(case.wrt), flat, dots)
    parts = [directional(fn, (k,), flat, [d]) for k, d in zip(case.wrt, dots, strict=True)]
    close([sum(rows) for rows in zip(*parts, strict=True)], full, p.single)


@half_of_zoo
def test_compiled(p: Program) -> None:
    args = filled(p, p.args[0])
    low, flat = lowered(p, args)
    bars = seeds(low, flat)
    expected = of_interpreter(low, flat, bars)
    out_bar = build(low.result, iter(b.item() if isinstance(b, np.float64) else b for b in bars))
    untouched = copied(args)
    value, adjoints = ad.vjp(p.fn)(args, out_bar)
    same(args, untouched)
    agree(p, value, python(p, copied(args)))
    floats = [s for _, spec in low.signature for s in leaves(spec)]
    mine = [a for a, s in zip(flatten_all(adjoints, args), floats, strict=True) if is_float(s.type)]
    close(mine, expected, p.single)


def flatten_all(adjoints: tuple[Any, ...], args: tuple[Any, ...]) -> list[Any]:
    """A leaf for each leaf of the arguments, None where the whole argument is inactive."""
    return [x for a, arg in zip(adjoints, args, strict=True) for x in (flatten(a) or [None] * len(flatten(arg)))]


@pytest.mark.long
@zoo
def test_jit(p: Program) -> None:
    for args in (filled(p, a) for a in p.args):
        mine, theirs = copied(args), copied(args)
        agree(p, ad.jit(p.fn)(*mine), python(p, theirs))
        agree(p, mine, theirs)


def test_size() -> None:
    assert len(PROGRAMS) >= 400
    assert len({p.name for p in PROGRAMS}) == len(PROGRAMS)
    assert all(p.args for p in PROGRAMS)
