"""check_grads: forward mode against differences, reverse mode against forward mode, and so on for higher orders."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adcompiler import api
from adcompiler.errors import GradientMismatch, NotDifferentiable, TypeMismatch
from adcompiler.frontend import spec_of
from adcompiler.frontend.convert import leaf_names
from adcompiler.frontend.spec import Spec, leaves
from adcompiler.ir.types import is_float, np_dtype
from adcompiler.trees import arrays, rebuilt

EXHAUSTIVE = 40  # up to so many inputs every entry is tested by itself, above it random directions are


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    rtol: float | None = None,
    seed: int = 0,
) -> None:
    """Test the derivatives of f at `args`, up to the given order; silent when they are right.

    "fwd": the derivative along a direction against central differences, extrapolated to fourth order.
    "rev": <out_bar, J x_dot> against <J' out_bar, x_dot>, to rounding.
    Raises GradientMismatch, naming the worst entry. `rtol` defaults to 1e-6 in float64, 2e-2 in float32.
    """
    wrong = [found for found in findings(f, args, order, modes, rtol=rtol, seed=seed) if not found.right]
    if wrong:
        raise GradientMismatch(str(max(wrong, key=lambda found: found.severity)))


@dataclass(frozen=True)
class Finding:
    """One derivative tested: what and where, its value and what it should be, the relative error and its bound."""

    what: str
    where: str
    value: float
    expected: float
    error: float
    bound: float

    @property
    def right(self) -> bool:
        return self.error <= self.bound

    @property
    def severity(self) -> float:
        return math.inf if math.isnan(self.error) else self.error / self.bound

    def __str__(self) -> str:
        numbers = f"{self.value:.15g}, expected {self.expected:.15g} (error {self.error:.2g})"
        return f"{self.what} {self.where}: {numbers}"


def findings(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    rtol: float | None = None,
    seed: int = 0,
) -> list[Finding]:
    """What check_grads tests: the worst entry of each test, right or wrong."""
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    for mode in modes:
        if mode not in ("fwd", "rev"):
            raise TypeMismatch(f"check_grads: no mode {mode!r}", hint='"fwd" or "rev"')
    if not modes or not isinstance(order, int) or order < 1:
        raise TypeMismatch(f"check_grads: order={order!r}, modes={modes!r}", hint='order=1, modes=("fwd", "rev")')
    if not isinstance(args, tuple | list):
        raise TypeMismatch("check_grads: args is a tuple with one entry per argument", hint="(x,) for one argument")
    case = _Case(f, tuple(args), rtol, np.random.default_rng(seed))
    found: list[Finding] = []
    if "fwd" in modes:
        found += case.forward()
    if "rev" in modes:
        found += case.reverse()
    if order > 1:
        # The derivative along a direction is itself a function of point and direction.
        tangents = case.direction(case.random())
        found += findings(api.jvp(f), (case.args, tangents), order - 1, modes, rtol=rtol, seed=seed + 1)
        if "rev" in modes and case.is_scalar:
            floats = tuple(k for k, s in enumerate(case.specs) if any(is_float(x.type) for x in leaves(s)))
            found += findings(api.grad(f, argnums=floats), case.args, order - 1, modes, rtol=rtol, seed=seed + 2)
    return found


class _Case:
    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], rtol: float | None, rng: np.random.Generator):
        self.f, self.args, self.rng = f, args, rng
        self.specs: tuple[Spec, ...] = tuple(spec_of(a, f"argument {k}") for k, a in enumerate(args))
        self.jit, self.jvp, self.vjp = api.jit(f), api.jvp(f), api.vjp(f)
        flat = [leaf for s in self.specs for leaf in leaves(s)]
        self.flat = [np.asarray(x) for a, s in zip(args, self.specs, strict=True) for x in arrays(a, s)]
        self.floats = [k for k, leaf in enumerate(flat) if is_float(leaf.type)]
        if not self.floats:
            raise NotDifferentiable("check_grads: no argument holds a floating-point number")
        self.types = [leaf.type for leaf in flat]
        single = any(flat[k].type.dtype == "f32" for k in self.floats)
        self.rtol = rtol if rtol is not None else (2e-2 if single else 1e-6)
        self.exact = 1e-3 if single else 1e-10
        self.step = 2e-2 if single else 2e-3
        self.size = sum(self.flat[k].size for k in self.floats)
        result = self.call(np.zeros(self.size))
        if not any(is_float(leaf.type) for leaf in leaves(spec_of(result, "result"))):
            raise NotDifferentiable("check_grads: the result holds no floating-point number")
        self.is_scalar = isinstance(result, float | np.floating)
        self.names = list(_names(f, self.specs))

    # Points and directions as one vector over all float entries.
    def _spread(self, base: Sequence[np.ndarray], v: np.ndarray) -> tuple[Any, ...]:
        parts, at = list(base), 0
        for k in self.floats:
            n = self.flat[k].size
            parts[k] = (base[k] + v[at : at + n].reshape(self.flat[k].shape)).astype(np_dtype(self.types[k]))
            at += n
        leaves_ = iter(p if p.ndim else _scalar(p, t) for p, t in zip(parts, self.types, strict=True))
        return tuple(rebuilt(s, leaves_) for s in self.specs)

    def call(self, v: np.ndarray) -> Any:
        return self.jit(*self._spread([np.array(x) for x in self.flat], v))

    def direction(self, v: np.ndarray) -> tuple[Any, ...]:
        return self._spread([np.zeros_like(x) for x in self.flat], v)

    def random(self) -> np.ndarray:
        return self.rng.standard_normal(self.size)

    def _directions(self) -> list[np.ndarray]:
        return list(np.eye(self.size)) if self.size <= EXHAUSTIVE else [self.random() for _ in range(4)]

    def _difference(self, v: np.ndarray) -> np.ndarray:
        """The derivative along v by central differences, with smaller steps where they do not converge: near a kink."""
        step = self.step / max(1.0, float(np.abs(v).max()))
        best, doubt = self._extrapolated(v, step)
        for h in (step / 10, step / 100):
            if np.all(doubt <= 0.1 * self.rtol * (1.0 + np.abs(best))):
                break
            other, spread = self._extrapolated(v, h)
            closer = ~(doubt <= spread)
            best, doubt = np.where(closer, other, best), np.where(closer, spread, doubt)
        return best

    def _extrapolated(self, v: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
        """(derivative, how far two extrapolations of it differ): Richardson's rule on steps h, h/2, h/4."""

        def central(h: float) -> np.ndarray:
            return (_vector(self.call(h * v)) - _vector(self.call(-h * v))) / (2 * h)

        rows = [central(h), central(h / 2), central(h / 4)]
        first = [(4 * rows[1] - rows[0]) / 3, (4 * rows[2] - rows[1]) / 3]
        with np.errstate(invalid="ignore"):
            return (16 * first[1] - first[0]) / 15, np.abs(first[1] - first[0])

    def forward(self) -> Iterator[Finding]:
        for v in self._directions():
            _, dot = self.jvp(self.args, self.direction(v))
            yield from self._compare("forward mode", v, _vector(dot), self._difference(v), self.rtol)

    def reverse(self) -> Iterator[Finding]:
        for v in self._directions():
            out, dot = self.jvp(self.args, self.direction(v))
            spec = spec_of(out, "result")
            bars = [self.rng.standard_normal(np.shape(x)) for x in arrays(out, spec)]
            types = [leaf.type for leaf in leaves(spec)]
            typed = [
                np.asarray(b).astype(np_dtype(t)) if is_float(t) else np.zeros(np.shape(b), np_dtype(t))
                for b, t in zip(bars, types, strict=True)
            ]
            out_bar = rebuilt(spec, iter(b if b.ndim else _scalar(b, t) for b, t in zip(typed, types, strict=True)))
            _, adjoints = self.vjp(self.args, out_bar)
            bar, tangent = _vector(out_bar), _vector(dot)
            mine = _vector(tuple(a for a in adjoints if a is not None)) @ self._floats_of(v, adjoints)
            expected = float(bar @ tangent)
            scale = 1.0 + float(np.abs(bar) @ np.abs(tangent)) + abs(mine)
            error = abs(mine - expected) / scale
            what = "reverse mode against forward mode, <J' out_bar, x_dot> against <out_bar, J x_dot>"
            yield Finding(what, f"along {self._name(v)}", float(mine), expected, error, self.exact)

    def _floats_of(self, v: np.ndarray, adjoints: tuple[Any, ...]) -> np.ndarray:
        """The direction, entry by entry of the adjoints (whose integer leaves count as zero)."""
        rows = [x for x, a in zip(self.direction(v), adjoints, strict=True) if a is not None]
        return _vector(tuple(rows))

    def _compare(
        self, what: str, v: np.ndarray, mine: np.ndarray, reference: np.ndarray, rtol: float
    ) -> Iterator[Finding]:
        error = np.abs(mine - reference) / (1.0 + np.abs(mine) + np.abs(reference))
        error = np.where((mine == reference) | (np.isnan(mine) & np.isnan(reference)), 0.0, error)
        if error.size:
            worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
            where = f"output {worst} along {self._name(v)}"
            values = float(mine[worst]), float(reference[worst]), float(error[worst])
            yield Finding(f"{what} against differences,", where, *values, rtol)

    def _name(self, v: np.ndarray) -> str:
        hot = np.flatnonzero(v)
        if hot.size != 1:
            return "a random direction"
        at = int(hot[0])
        for k in self.floats:
            if at < self.flat[k].size:
                index = np.unravel_index(at, self.flat[k].shape)
                return self.names[k] + (f"{[int(i) for i in index]}" if index else "")
            at -= self.flat[k].size
        raise AssertionError("an entry outside the inputs")


def _names(f: Callable[..., Any], specs: Sequence[Spec]) -> Iterator[str]:
    """What the leaves of the arguments are called."""
    binding = api.jit(f).binding
    for k, spec in enumerate(specs):
        yield from leaf_names(spec, binding.label(k))


def _scalar(x: np.ndarray, t: Any) -> Any:
    """A 0-d array as the scalar (or 0-d array) that the argument was."""
    if hasattr(t, "dims"):
        return x
    return x.item() if t.dtype in ("f64", "i64", "b1") else x[()]


def _vector(value: Any) -> np.ndarray:
    """All numbers of a structure in float64."""
    spec = spec_of(value, "result")
    rows = [np.ravel(np.asarray(x, dtype=np.float64)) for x in arrays(value, spec)]
    return np.concatenate(rows) if rows else np.zeros(0)
