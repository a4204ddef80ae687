"""What holds of every program: Python, the interpreter, both modes, the passes and the backend agree."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from harness import Case, close, optimizer, pullback, round_trip, run

import adcompiler as ad
from adcompiler.driver import AFTER, BEFORE
from adcompiler.errors import AdcompilerError, InternalError
from adcompiler.frontend import Lowered, lower, spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Leaf
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.types import Array, is_float
from adcompiler.ir.verify import verify
from adcompiler.ir.walk import clone
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse
from adcompiler.trees import rebuilt
from programs.program import Program, finite

optimized, finished = optimizer(names=BEFORE), optimizer(names=AFTER)


class Discard(Exception):
    """The program raises, or its numbers run away: nothing can be learned from it."""


class Refused(Exception):
    """adcompiler refuses the program, with an error of its own."""


def copied(args: Sequence[Any]) -> list[Any]:
    return copy.deepcopy(list(args))


def leaves(values: Sequence[Any]) -> list[Any]:
    return [leaf for v in values for leaf in flatten(v)]


def check(p: Program, orders: int = 1, compiled: bool = False) -> set[str]:
    """Raises AssertionError (or whatever went wrong) where two of them differ; what could be checked."""
    fn, args = p.function(), p.args()
    results, contents, globals_ = python(fn, args)
    low = lowered(fn, args)
    hidden = [c.read() for c in low.captures if isinstance(c.spec, Leaf)]
    verify(low.function)
    round_trip(low.function)
    contents += [globals_[id(h)] for h in hidden]
    given = leaves(args)
    flat = copied([*given, *hidden])
    mine = [np.asarray(r) for r in interpret(low.function, flat)]
    with steady(fn, args):
        alike(mine, results, "the interpreter against Python")
        alike([a for a in flat if isinstance(a, np.ndarray)], contents, "written arguments")
    done = {"primal"}
    case = Case(low.function, [*given, *hidden], seed=p.seed)
    if not case.floats or not case.wrt:
        return done
    done |= derivatives(case, fn, args, orders)
    with steady(fn, args):
        backend(fn, args, case, compiled)
    return done | ({"text", "backend"} if compiled else {"text"})


@contextmanager
def steady(fn: Any, args: Sequence[Any]) -> Iterator[None]:
    """Where results differ, the last bits of the arguments must not decide what Python makes of them: int(4.0 * a)."""
    try:
        yield
    except AssertionError as error:
        specs = [spec_of(a) for a in args]

        def moved(by: float) -> list[np.ndarray]:
            rows = iter([a * by if np.asarray(a).dtype.kind == "f" else a for a in leaves(args)])
            return python(fn, [rebuilt(spec, rows) for spec in specs])[0]

        for by in (1.0 - 1e-11, 1.0 + 1e-11):
            try:
                alike(moved(by), python(fn, args)[0], "what the last bits decide", 1e-7)
            except AssertionError:
                raise Discard("its last bits decide") from error
        raise


def python(fn: Any, args: Sequence[Any]) -> tuple[list[np.ndarray], list[np.ndarray], dict[int, np.ndarray]]:
    """The results of the program run by Python, flat, and what its arrays hold afterwards: given and captured."""
    given = copied(args)
    captured = [(a, a.copy()) for a in fn.__globals__.values() if isinstance(a, np.ndarray)]
    try:
        with np.errstate(all="ignore"):
            results = [np.array(r) for r in flatten(fn(*given))]
    except (OverflowError, ZeroDivisionError, ValueError, UnboundLocalError) as error:
        raise Discard(repr(error)) from error
    except TypeError as error:  # floats added into an array of integers
        if "Cannot cast" not in str(error):
            raise
        raise Discard(repr(error)) from error
    finally:
        globals_ = {id(a): a.copy() for a, _ in captured}
        for array, content in captured:
            array[...] = content
    contents = [a for a in leaves(given) if isinstance(a, np.ndarray)]
    if not finite([*results, *contents]):
        raise Discard("numbers run away")
    return results, contents, globals_


def lowered(fn: Any, args: Sequence[Any]) -> Lowered:
    try:
        return lower(fn, tuple(spec_of(a) for a in args))
    except InternalError:
        raise
    except AdcompilerError as error:
        raise Refused(str(error)) from error


def alike(mine: Sequence[Any], other: Sequence[Any], what: str, tol: float = 1e-10) -> None:
    assert len(mine) == len(other), what
    for a, b in zip(mine, other, strict=True):
        close(np.asarray(a), np.asarray(b), tol, what)


def derivatives(case: Case, fn: Any, args: Sequence[Any], orders: int) -> set[str]:
    """Forward against differences, reverse against forward, passes on and off."""
    done = {"reverse"}
    v = case.direction()
    primal = optimized(clone(case.fn))
    alike(run(primal, case.args), run(case.fn, case.args), "passes on the primal")
    raw = forward(case.fn, case.wrt)
    verify(raw)
    dot = case.jvp(raw, v)
    alike([case.jvp(finished(forward(primal, case.wrt)), v)], [dot], "passes in forward mode")
    numeric = difference(case, fn, v, args)
    if numeric is not None:
        close(dot, numeric, 1e-6, "forward mode against differences")
        done.add("differences")
    adjoints(case, primal, dot, v)
    if orders > 1:
        second(case, primal)
        done.add("second order")
    return done


def adjoints(case: Case, primal: Function, dot: np.ndarray, v: list[Any]) -> None:
    """Reverse mode against forward mode by dot product; the passes change nothing."""
    bars = seeds(case)
    plain = run(pullback(case, case.fn, clone), [*case.args, *bars])
    clean = run(pullback(case, primal, finished), [*case.args, *bars])
    assert [a.shape for a in plain] == [np.shape(case.args[k]) for k in case.wrt], "the adjoints' shapes"
    flat = np.concatenate([np.ravel(b) for b in bars])
    left, right = float(flat @ dot), sum(float(np.sum(a * x)) for a, x in zip(plain, v, strict=True))
    scale = (
        1.0
        + float(np.abs(flat) @ np.abs(dot))
        + sum(float(np.sum(np.abs(a * x))) for a, x in zip(plain, v, strict=True))
    )
    overflow = not np.isfinite(left) and not np.isfinite(right)
    assert overflow or abs(left - right) <= 1e-10 * scale, f"reverse against forward: {right} and {left}"
    alike(clean, plain, "passes in reverse mode")


def seeds(case: Case) -> list[Any]:
    """An adjoint for each float result."""
    outs, rows = run(case.fn, case.args), []
    for k in case.floats:
        b = np.asarray(case.rng.standard_normal(outs[k].shape))
        rows.append(b if isinstance(case.fn.returns[k].type, Array) else b[()])
    return rows


def difference(case: Case, fn: Any, v: list[Any], args: Sequence[Any]) -> np.ndarray | None:
    """The derivative along v by differences of the function itself; None where a step crosses a branch or a kink."""
    specs = [spec_of(a) for a in args]

    def outs(h: float) -> np.ndarray:
        moved = iter(case.shifted(v, h))
        rows, _, _ = python(fn, [rebuilt(spec, moved) for spec in specs])
        return np.concatenate([np.ravel(rows[k]) for k in case.floats])

    def central(h: float) -> np.ndarray:
        return (outs(h) - outs(-h)) / (2 * h)

    if len(case.args) > len(leaves(args)):  # captured arrays: Python sees those as they are
        return None
    try:
        a, b, c, d = (central(1e-3 / 2**k) for k in range(4))
    except (Discard, ValueError):
        return None
    one, two, three = (4 * b - a) / 3, (4 * c - b) / 3, (4 * d - c) / 3
    first, second = (16 * two - one) / 15, (16 * three - two) / 15
    error = np.max(np.abs(first - second) / (1.0 + np.abs(second)), initial=0.0)
    return second if error < 1e-8 else None


def second(case: Case, primal: Function) -> None:
    """Reverse and forward mode of a gradient agree."""
    raw = finished(
        reverse(primal, Pullback(tuple(case.wrt), tuple("param" if is_float(r.type) else None for r in primal.returns)))
    )
    outer = Case(raw, [*case.args, *seeds(case)], seed=1)
    verify(raw)
    v = outer.direction()
    d = forward(raw, outer.wrt)
    verify(d)
    dot = outer.jvp(finished(d), v)
    steps = [outer.difference(raw, v)]
    outer.step /= 2
    steps.append(outer.difference(raw, v))
    if np.max(np.abs(steps[0] - steps[1]) / (1 + np.abs(steps[1])), initial=0.0) < 1e-7:
        close(dot, steps[1], 1e-5, "second order, forward mode against differences")
    adjoints(outer, raw, dot, v)


def backend(fn: Any, args: list[Any], case: Case, compiled: bool) -> None:
    """The adjoint as text, run by Python, against the interpreter; and what Numba makes of it."""
    bars, given = seeds(case), leaves(args)
    count = len(given)
    outs = run(case.fn, case.args)
    adjoints = run(pullback(case, case.fn, clone), [*case.args, *bars])
    expected = [*outs, *(e for e, k in zip(adjoints, case.wrt, strict=True) if k < count)]
    left = iter(bars)
    flat = [
        next(left) if is_float(r.type) else o if o.ndim else o.item()
        for r, o in zip(case.fn.returns, outs, strict=True)
    ]
    flat = [b if np.ndim(b) else type(b)(b) if isinstance(b, int | bool) else float(b) for b in flat]
    out_bar = tuple(flat) if len(flat) > 1 else flat[0]
    g = ad.vjp(fn)
    try:
        built = g.lower(tuple(args), out_bar)
    except InternalError:
        raise
    except AdcompilerError as error:
        raise Refused(str(error)) from error
    for text in dict.fromkeys((built.source, built.kernel)):
        space: dict[str, Any] = {}
        exec(text.replace("from numba import njit", "njit = lambda **_: lambda f: f"), space)
        with np.errstate(all="ignore"):
            found = space[built.function.name](*copied([*given, *flat, *case.args[count:]]))
        alike(found if isinstance(found, tuple) else (found,), expected, f"the text, run by Python: {text}", 1e-9)
    if compiled:
        out, found = g(tuple(copied(args)), out_bar)
        alike([*flatten(out), *leaves(found)], expected, "the compiled kernel", 1e-9)
