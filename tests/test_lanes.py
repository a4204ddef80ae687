"""Loops whose iterations know nothing of each other: both sweeps in one (`sums`), and side by side (`lanes`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from programs import Discard, Refused, check, program
from programs.choices import Choices

import adcompiler as ad
from adcompiler.passes import lanes, strips

OFF = ("sums", "lanes")


def linear(w, x):
    """One sum, of which the result is linear: nothing is kept."""
    total = 0.0
    for i in range(len(x)):
        score = 0.0
        for j in range(x.shape[1]):
            score += w[j] * x[i, j]
        total += math.log(1.0 + math.exp(-score))
    return 0.5 * total / len(x) if len(x) else 0.0


def nonlinear(w, x):
    """What is made of the sums decides what each iteration is worth: they run once more."""
    total = 0.0
    squares = 0.0
    for i in range(len(x)):
        score = 0.0
        for j in range(x.shape[1]):
            score += math.sin(w[j] * x[i, j])
        total += score
        squares += score * score
    return math.log(2.0 + squares) * total


def array_sums(w, x):
    """Sums in an array, and a private array that each iteration fills."""
    sums = np.zeros(len(w))
    row = np.zeros(len(w))
    for i in range(len(x)):
        for j in range(len(w)):
            row[j] = math.tanh(w[j] * x[i, j])
        for j in range(len(w)):
            sums[j] += row[j] * row[len(w) - 1 - j]
    return np.sum(sums**2)


def nested(w, x):
    total = 0.0
    for i in range(len(x)):
        inner = 0.0
        for k in range(len(x)):
            for j in range(len(w)):
                inner += math.exp(-((w[j] * x[i, j] - x[k, j]) ** 2))
        total += math.sqrt(1.0 + inner)
    return total


def own_rows(w, x):
    """Rows of an array that each belong to one iteration, and are read again behind the loop."""
    kept = np.zeros_like(x)
    total = 0.0
    for i in range(len(x)):
        for j in range(len(w)):
            kept[i, j] = w[j] * x[i, j] ** 2
        for j in range(len(w)):
            total += kept[i, j] * math.cos(kept[i, j])
    return total + np.sum(kept)


def packed_triangle(w, x):
    """An index that counts through a packed triangle."""
    total = 0.0
    for i in range(len(x)):
        at = 0
        squares = 0.0
        for j in range(x.shape[1]):
            for k in range(j, x.shape[1]):
                squares += w[at % len(w)] * x[i, j] * x[i, k]
                at += 1
        total += math.exp(-squares * squares)
    return total


def stencil(w, x):
    """Neighbours add to the same elements."""
    total = 0.0
    for i in range(1, len(w) - 1):
        total += (w[i - 1] - 2.0 * w[i] + w[i + 1]) ** 2 * w[i]
    return total + np.sum(x)


def nearest(w, x):
    total = 0.0
    for i in range(len(x)):
        best = np.inf
        for k in range(len(w)):
            distance = (w[k] - x[i, 0]) ** 2 + math.sin(w[k])
            if distance < best:
                best = distance
        total += best
    return total


def labels(w, x):
    """Iterations that add at places that depend on the data."""
    total = 0.0
    for i in range(len(x)):
        k = int(abs(x[i, 0]) * 10.0) % len(w)
        scale = 0.0
        for j in range(x.shape[1]):
            scale += math.exp(-(x[i, j] ** 2))
        total += w[k] ** 2 * scale
    return total


def half_filled(w, x):
    """All but the last element is filled before it is read: that one goes on from iteration to iteration."""
    row = np.zeros(len(w))
    total = 0.0
    for i in range(len(x)):
        for j in range(len(w) - 1):
            row[j] = w[j] * x[i, j]
        for j in range(len(w)):
            total += row[j] * math.sin(row[j] + x[i, j])
        row[len(w) - 1] = 0.5 * row[len(w) - 1] + row[0]
    return total


def left_over(w, x):
    """What is cleared at the end of an iteration is not quite cleared."""
    row = np.zeros(len(w))
    total = 0.0
    for i in range(len(x)):
        for j in range(len(w)):
            row[j] += w[j] * x[i, j]
        for j in range(len(w)):
            total += row[j] * math.sin(row[j])
            row[j] = 0.25 * x[i, j]
    return total


def seen_after(w, x):
    """What the last iteration has left is read behind the loop."""
    row = np.zeros(len(w))
    total = 0.0
    for i in range(len(x)):
        for j in range(len(w)):
            row[j] = w[j] * math.exp(-(x[i, j] ** 2))
        for j in range(len(w)):
            total += row[j] * row[len(w) - 1 - j]
    return total + row[0] * row[1]


def product(w, x):
    """A carried product is no sum."""
    p = 1.0
    for i in range(len(x)):
        inner = 0.0
        for j in range(len(w)):
            inner += math.tanh(w[j] * x[i, j])
        p = p * (1.0 + 0.01 * inner)
    return p


def roots(w, x):
    """A `while` for each iteration, some without a trip."""
    total = 0.0
    for i in range(len(x)):
        a = 1.0 + (w[0] * x[i, 1]) ** 2
        y = 1.0 if i % 3 else math.sqrt(a)
        steps = 0
        while abs(y * y - a) > 1e-13 * a and steps < 40:
            y = 0.5 * (y + a / y)
            steps += 1
        total += y * math.exp(0.1 * x[i, 0]) + 0.01 * steps * w[1]
    return total


def settled(w, x):
    """A `while` in a loop that all iterations go through together, and one in it that reads what they share."""
    total = 0.0
    for i in range(len(x)):
        for j in range(len(w)):
            z = 1.0 + abs(w[j] * x[i, j])
            while z > 0.3:
                z = z * 0.7 + 0.05 * math.sin(w[j])
            total += math.sin(z * x[i, 0])
    return total


def hopeless(w, x):
    """One that never runs, for it compares with what is not a number, and one that ends at once for some."""
    total = 0.0
    for i in range(len(x)):
        y = x[i, 0] * w[0]
        bound = math.nan if i % 2 else 0.5
        while y > bound:
            y = 0.5 * y
        total += y * w[1]
    return total


def marching(w, x):
    """A `while` that reads memory: no lane may go on with it when it has finished."""
    total = 0.0
    for i in range(len(x)):
        k = 0
        while k < 4 and x[i, k] < 0.5:
            k += 1
        total += x[i, k] * math.exp(w[k])
    return total


def gates(w, x):
    """Loops without a loop in them, among rows of one array that LLVM can't tell apart."""
    state = np.zeros((2, len(x)))
    total = 0.0
    for t in range(3):
        cell, hidden = state[0], state[1]
        for i in range(len(x)):
            forget = 1.0 / (1.0 + math.exp(-(hidden[i] * w[0] + x[i, t])))
            gate = math.tanh(hidden[i] * w[1] + x[i, t + 1])
            cell[i] = cell[i] * forget + gate * w[2]
            hidden[i] = forget * math.tanh(cell[i] * w[3])
        for i in range(len(x)):
            total += hidden[i] * x[i, t]
    return total


def read_after_write(w, x):
    """An element that is read again after an array that may be the same was written."""
    state = np.zeros((2, len(x)))
    total = 0.0
    for t in range(3):
        cell, hidden = state[t % 2], state[(t + 1) // 2]
        for i in range(len(x)):
            cell[i] = math.tanh(cell[i] * w[0] + x[i, t]) / (1.5 + hidden[i] * hidden[i])
            gate = math.sin(hidden[i] * w[1]) + math.exp(-(cell[i] ** 2))
            hidden[i] = gate / (2.0 + math.cos(cell[i] + w[2]))
            total += gate * hidden[i]
    return total


def waves(w, x):
    """Three rows that trade places, each made of the neighbours of another."""
    n = len(x)
    u, v, z = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        u[i] = math.sin(x[i, 0])
        v[i] = x[i, 1]
    for t in range(4):
        for i in range(1, n - 1):
            z[i] = w[0] * (u[i - 1] - 2.0 * u[i] + u[i + 1]) + w[1] * v[i] * u[i]
        u, v, z = z, u, v
    total = 0.0
    for i in range(n):
        total += u[i] * v[i] + w[2] * z[i]
    return total


def one_under_two_names(w, x):
    """Names that trade places, both of the same row."""
    u = x[:, 0].copy()
    v = u
    for t in range(3):
        for i in range(1, len(x)):
            v[i] = u[i - 1] * w[t] + x[i, 1]
        u, v = v, u
    return np.sum(u * v)


def named_besides(w, x):
    """Rows that trade places, one of which is read by its first name too."""
    first, v = x[:, 0].copy(), x[:, 1].copy()
    u = first
    for t in range(3):
        for i in range(1, len(x)):
            v[i] = u[i] * w[t] + first[i - 1]
        u, v = v, u
    return np.sum(u * v) + np.sum(first)


PROGRAMS = [
    waves,
    one_under_two_names,
    named_besides,
    gates,
    read_after_write,
    roots,
    settled,
    hopeless,
    marching,
    half_filled,
    left_over,
    seen_after,
    product,
    linear,
    nonlinear,
    array_sums,
    nested,
    own_rows,
    packed_triangle,
    stencil,
    nearest,
    labels,
]


SECOND = (waves, one_under_two_names, gates, roots, array_sums)  # in second order too


def arguments(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=5), rng.normal(size=(n, 5))


def forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every loop that may go in lanes goes, four at a time."""

    def pays(plan: lanes.Plan) -> bool:
        if not any(op.regions for op in plan.loop.body.ops):
            plan.stages = plan._staged()
        return True

    monkeypatch.setattr(lanes.Plan, "pays", pays)
    monkeypatch.setattr(strips, "WIDTH", 4)
    monkeypatch.setattr(strips, "VECTOR", 2)


def alike(fn: Callable[..., Any], n: int, **options: Any) -> None:
    args = arguments(n)
    value, grads = ad.value_and_grad(fn, argnums=(0, 1), **options)(*args)
    expected, wanted = ad.value_and_grad(fn, argnums=(0, 1), disable=OFF)(*args)
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)
    for g, e in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("fn", PROGRAMS, ids=lambda f: f.__name__)
def test_same_gradients(fn: Callable[..., Any]) -> None:
    for n in (0, 1, 63, 64, 130):
        alike(fn, n)
    ad.check_grads(fn, arguments(7), order=2 if fn in SECOND else 1)


@pytest.mark.parametrize("fn", PROGRAMS, ids=lambda f: f.__name__)
def test_values_are_those_of_python(fn: Callable[..., Any]) -> None:
    for n in (1, 70):
        args = arguments(n)
        assert ad.jit(fn)(*args) == pytest.approx(fn(*args), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("fn", PROGRAMS, ids=lambda f: f.__name__)
def test_same_gradients_in_any_lanes(fn: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    forced(monkeypatch)
    for n in (0, 1, 4, 7):
        alike(fn, n, cache=False)


def kernel(fn: Callable[..., Any], **options: Any) -> str:
    return ad.value_and_grad(fn, argnums=(0, 1), **options).lower(*arguments(7)).kernel


class Recorded:
    """NumPy that remembers how much was allocated."""

    def __init__(self) -> None:
        self.elements = 0

    def __getattr__(self, name: str) -> Any:
        if name not in ("empty", "zeros", "full"):
            return getattr(np, name)

        def allocate(shape: Any, *args: Any, **kwargs: Any) -> np.ndarray:
            made = getattr(np, name)(shape, *args, **kwargs)
            self.elements += made.size
            return made

        return allocate


def allocated(fn: Callable[..., Any], n: int) -> int:
    numpy = Recorded()
    space: dict[str, Any] = {}
    exec(kernel(fn).replace("from numba import njit", "njit = lambda **_: lambda f: f"), space)
    space["np"] = numpy
    with np.errstate(all="ignore"):  # (lanes beyond the end hold anything)
        space[f"{fn.__name__}_value_and_grad"](*arguments(n))
    return numpy.elements


@pytest.mark.parametrize("fn", [linear, nonlinear, array_sums, packed_triangle, nearest, labels])
def test_what_is_kept_does_not_grow_with_the_iterations(fn: Callable[..., Any]) -> None:
    assert allocated(fn, 3) == allocated(fn, 80)


def test_sums_that_are_known_are_used_in_one_loop() -> None:
    text = kernel(linear, disable=("lanes",))
    assert text.count("in range(n)") == 1 or text.count("in range(len(x))") == 1
    assert "tape" not in text


def recurrence(w, x):
    state = 0.1
    total = 0.0
    for i in range(len(x)):
        state = math.sin(state * w[0] + x[i, 0])
        total += state
    return total


def printing(w, x):
    total = 0.0
    for i in range(len(x)):
        print(i)
        total += math.exp(w[0] * x[i, 0])
    return total


def test_iterations_that_know_of_each_other_stay_apart() -> None:
    assert kernel(recurrence).count("\n    for i in range") == 2
    assert "for lane in" not in kernel(recurrence) + kernel(printing)


def ragged(w, x):
    """A recurrence through a triangle of iterations: slots for the longest, none allocated inside."""
    s = 0.3
    for i in range(len(w)):
        for j in range(i + 1, len(w)):
            for k in range(j - i, j + 2):
                s = math.sin(s * w[k - 1 - (k > 3)]) + x[0, 0]
    for i in range(2 * len(w), len(w), -1):
        for j in range(i - len(w), len(w)):
            s = math.cos(s * w[j])
    return s


def test_ragged_loops_keep_what_they_need_in_one_array() -> None:
    ad.check_grads(ragged, arguments(2), order=2)
    text = ad.grad(ragged).lower(*arguments(2)).source
    assert "stack" not in text
    assert "        s_tape = " not in text


def test_loops_of_which_lanes_leave_early() -> None:
    """Masked where they compute and nothing else."""
    for fn, masked in ((roots, True), (settled, True), (hopeless, True), (marching, False)):
        assert ("while more > 0" in kernel(fn)) is masked


def test_crowded_loops_are_taken_apart() -> None:
    """Loads, work on lane memory, stores: where no element is read after it may have been written."""
    text = kernel(gates)
    work = text.split("for lane in range(padded):")[1].split("for lane in range(count):")[0]
    assert "simd.exp(lanes[" in work and "hidden" not in work and "state" not in work, text
    assert "lanes[" not in kernel(read_after_write).split("# reverse sweep")[0]
    assert "\n    lanes = memory.zeros(" in text and "renewed" not in text  # once, outside of all loops


def test_rows_that_trade_places_are_apart() -> None:
    """A stencil's adjoint, whose rows swap in each step, goes upwards and in lanes; not where they may be the same."""

    def loops(fn: Callable[..., Any]) -> list[str]:
        text = kernel(fn).split("# reverse sweep")[1]
        return [line for line in text.splitlines() if line.lstrip().startswith("for ")]

    def backwards(fn: Callable[..., Any]) -> int:
        return sum(", -1, -1)" in line or ", 0, -1)" in line for line in loops(fn))

    assert backwards(waves) == 1 and any("lane in" in line for line in loops(waves)), loops(waves)
    assert backwards(one_under_two_names) == backwards(named_besides) == 2


def test_strict_programs_stay_in_order() -> None:
    for fn in PROGRAMS:
        assert kernel(fn, fastmath=False) == kernel(fn, fastmath=False, disable=OFF)


def hardly(w, x):
    """The longest of the inner loops has no iteration."""
    s = 0.4
    for j in range(3):
        for k in range(2, j):
            s = math.sin(s * w[k])
    return s * w[0] + x[0, 0]


def test_ragged_loops_without_an_iteration() -> None:
    ad.check_grads(hardly, arguments(2), order=2)


def decided(w, x):
    total = 0.0
    for i in range(len(x)):
        score = w[0] * x[i, 0]
        total += score if score > 0.3 else 0.1 * score * score
    return math.exp(total)


def test_decisions_are_not_taken_twice() -> None:
    """Loops run once more for what was kept only where nothing in them could fall otherwise by a last bit."""
    text = kernel(decided)
    assert "tape" in text
    alike(decided, 9)


def test_errors_are_those_of_the_program() -> None:
    def beyond(w, x):
        total = 0.0
        for i in range(len(x)):
            for j in range(x.shape[1] + 1):
                total += w[j] * x[i, 0]
        return total

    with pytest.raises(IndexError, match=r"axis 0 of w \(test_lanes\.py:\d+\)"):
        ad.grad(beyond)(*arguments(3))


def test_random_programs_in_any_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    forced(monkeypatch)
    built = []
    build = strips.Strips.build
    monkeypatch.setattr(strips.Strips, "build", lambda self: built.append(self) or build(self))
    checked = 0
    for seed in range(700000, 700070):
        try:
            checked += bool(check(program(Choices.seeded(seed))))
        except (Discard, Refused):
            continue
    assert checked > 45
    assert len(built) > 55
