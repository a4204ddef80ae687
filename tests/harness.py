"""Checks that every program of the suite goes through, on the IR interpreter: both modes, first and second order,
each pass switched off in turn. The oracle is the primal itself, differenced; reverse mode is held to forward mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

import adcompiler.ops  # noqa: F401
from adcompiler.ir.core import Function
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.types import DTYPES, Array, Scalar, is_float
from adcompiler.ir.verify import verify
from adcompiler.ir.walk import clone
from adcompiler.passes import run_passes
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse

PASSES = (
    "fold",
    "cse",
    "branches",
    "dce",
    "bounds",
    "hoist",
    "elements",
    "fresh",
    "tapes",
    "fold",
    "cse",
    "dce",
    "arrange",
    "schedule",
)

Optimizer = Callable[[Function], Function]


def optimizer(disable: Iterable[str] = (), names: Sequence[str] = PASSES) -> Optimizer:
    """Clone, run the passes less the disabled ones, verify after each."""
    off = tuple(disable)
    return lambda fn: run_passes(clone(fn), names, disable=off, verify=True)


def plain(fn: Function) -> Function:
    """No pass at all."""
    return clone(fn)


def round_trip(fn: Function) -> None:
    """print -> parse -> print is the identity."""
    text = str(fn)
    again = str(parse(text))
    assert again == text, f"the text form does not round-trip:\n{text}\n---\n{again}"


def run(fn: Function, args: Sequence) -> list[np.ndarray]:
    """Results as float64 arrays; arguments are copied first."""
    fresh = [np.array(a) if isinstance(a, np.ndarray) else a for a in args]
    return [np.array(r) for r in interpret(fn, fresh)]


class Case:
    """One primal with arguments: float leaves are differentiated, others held."""

    def __init__(self, fn: Function, args: Sequence, seed: int = 0, single: bool = False):
        self.fn, self.args, self.rng = fn, list(args), np.random.default_rng(seed)
        # float32 anywhere on the way: long steps, loose bounds.
        self.single, self.step, self.exact = single, 4e-2 if single else 1e-3, 2e-4 if single else 1e-11
        self.wrt = [k for k, p in enumerate(fn.params) if is_float(p.type)]
        self.floats = [k for k, r in enumerate(fn.returns) if is_float(r.type)]

    def direction(self) -> list:
        rows = []
        for k in self.wrt:
            t = self.fn.params[k].type
            assert isinstance(t, Scalar | Array)
            v = np.asarray(self.rng.standard_normal(np.shape(self.args[k]))).astype(DTYPES[t.dtype])
            rows.append(v if v.ndim or isinstance(t, Array) else v[()])
        return rows

    def shifted(self, v: Sequence, h: float) -> list:
        args = list(self.args)
        for k, d in zip(self.wrt, v, strict=True):
            args[k] = (args[k] + h * d).astype(d.dtype) if isinstance(d, np.ndarray) else d.dtype.type(args[k] + h * d)
        return args

    def outs(self, fn: Function, args: Sequence) -> np.ndarray:
        rows = run(fn, args)
        return np.concatenate([np.ravel(rows[k]) for k in self.floats]) if self.floats else np.zeros(0)

    def difference(self, fn: Function, v: Sequence) -> np.ndarray:
        h = self.step

        def central(step: float) -> np.ndarray:
            return (self.outs(fn, self.shifted(v, step)) - self.outs(fn, self.shifted(v, -step))) / (2 * step)

        a, b, c = central(h), central(h / 2), central(h / 4)
        first, second = (4 * b - a) / 3, (4 * c - b) / 3
        return (16 * second - first) / 15

    def jvp(self, d: Function, v: Sequence) -> np.ndarray:
        """Tangents of the float results (the last results of a forward-mode function)."""
        rows = run(d, [*self.args, *v])
        return np.concatenate([np.ravel(r) for r in rows[len(self.fn.returns) :]])


def close(a: np.ndarray, b: np.ndarray, tol: float, what: str) -> None:
    a, b = np.asarray(a, float), np.asarray(b, float)
    assert a.shape == b.shape, f"{what}: shapes {a.shape} and {b.shape}"
    same = (a == b) | (np.isnan(a) & np.isnan(b))  # (what overflows does so on both sides)
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0.0, np.abs(a - b) / (1.0 + np.abs(a) + np.abs(b)))
    assert np.all(error <= tol), f"{what}:\n{a}\n{b}\nerror {np.max(error):.3g}"


def first_order(case: Case, optimize: Optimizer, tol: float = 1e-7, numeric: bool = True) -> None:
    """Forward against differences, reverse against forward by dot product."""
    fn = optimize(case.fn)
    close(case.outs(fn, case.args), case.outs(case.fn, case.args), case.exact / 10, "a pass changed the primal")
    raw = forward(fn, case.wrt)
    verify(raw)
    d = optimize(raw)
    v = case.direction()
    dot = case.jvp(d, v)
    if numeric:
        close(dot, case.difference(case.fn, v), 2e-3 if case.single else tol, "forward mode against differences")
    adjoint_against(case, fn, optimize, dot, v)


def pullback(case: Case, fn: Function, optimize: Optimizer) -> Function:
    seeds = tuple("param" if is_float(r.type) else None for r in fn.returns)
    raw = reverse(fn, Pullback(tuple(case.wrt), seeds))
    verify(raw)
    return optimize(raw)


def adjoint_against(case: Case, fn: Function, optimize: Optimizer, dot: np.ndarray, v: Sequence) -> None:
    """<out_bar, J x_dot> = <J' out_bar, x_dot>."""
    g = pullback(case, fn, optimize)
    outs = run(case.fn, case.args)
    bars = [np.asarray(case.rng.standard_normal(outs[k].shape)) for k in case.floats]
    given = [b if isinstance(case.fn.returns[k].type, Array) else b[()] for k, b in zip(case.floats, bars, strict=True)]
    adjoints = run(g, [*case.args, *given])
    shapes = [np.shape(case.args[k]) for k in case.wrt]
    assert [a.shape for a in adjoints] == shapes, f"adjoints of shapes {[a.shape for a in adjoints]} for {shapes}"
    left = sum(float(np.sum(b * t)) for b, t in zip(bars, split(dot, bars), strict=True))
    right = sum(float(np.sum(a * x)) for a, x in zip(adjoints, v, strict=True))
    scale = float(sum(np.sum(np.abs(b)) for b in bars)) * (1 + float(np.max(np.abs(dot), initial=0)))
    assert abs(left - right) <= case.exact * (1 + abs(left) + scale), f"reverse against forward: {right} and {left}"


def split(flat: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
    rows, at = [], 0
    for x in like:
        rows.append(flat[at : at + x.size].reshape(x.shape))
        at += x.size
    return rows


def second_order(case: Case, optimize: Optimizer, tol: float = 1e-6) -> None:
    """Forward over reverse against differences of the gradient, reverse over reverse against forward over reverse."""
    fn = optimize(case.fn)
    if len(case.floats) != 1 or not isinstance(fn.returns[case.floats[0]].type, Scalar):
        outer = Case(optimize(forward(fn, case.wrt)), [*case.args, *case.direction()], 3, case.single)
    else:
        seeds = tuple("one" if k in case.floats else None for k in range(len(fn.returns)))
        outer = Case(optimize(reverse(fn, Pullback(tuple(case.wrt), seeds))), case.args, 3, case.single)
    first_order(outer, optimize, tol)


def check(
    fn: Function, args: Sequence, order: int = 2, passes: bool = True, single: bool = False, tol: float = 1e-7
) -> None:
    """Everything, on the interpreter."""
    verify(fn)
    round_trip(fn)
    case = Case(fn, args, single=single)
    for optimize in (plain, optimizer()):
        first_order(case, optimize, tol)
        if order > 1:
            second_order(case, optimize, 10 * tol)
    if passes:
        for name in dict.fromkeys(PASSES):
            first_order(case, optimizer([name]), numeric=False)
