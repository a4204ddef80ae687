"""Arrays of loops in the memory of earlier ones: nobody reads what was overwritten, and the second step allocates
nothing. The interpreter spoils what is reused, and so does NumPy, which runs the text of the kernel."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

import adcompiler as ad
from adcompiler.driver import to_loops
from adcompiler.ir.interpret import interpret
from adcompiler.ir.text import parse
from adcompiler.ir.walk import clone
from adcompiler.passes import run_passes

X = np.linspace(0.5, 1.5, 4)


def momentum(x, n):
    w, v = x * 1.0, np.zeros(len(x))
    for _ in range(n):
        g = np.sin(w) * x
        v = 0.9 * v + g
        w = w - 0.1 * v
    return w, v


def epochs(x, n):
    """The inner loop goes on where the last one ended."""
    w = x.copy()
    for _ in range(n):
        for k in range(2):
            w = w - 0.1 * np.cos(w * x[k])
        w = w * 0.9
    return w


def looked_back(x, n):
    """What the inner loop begins with is looked at when it runs, and after it."""
    w = x.copy()
    total = 0.0
    for _ in range(n):
        for k in range(3):
            w = w - 0.1 * np.cos(w * x[k])
        total += w[0]
    for _ in range(n):
        start = w
        for _ in range(3):
            w = w + 0.1 * start * w
        total += np.sum(start) + np.sum(w)
    return w, total


def swapped(x, n):
    a, b = x * 2.0, x + 1.0
    for k in range(n):
        a, b = b * a[0], a + k
    return a, b


def previous(x, n):
    """Two iterates are remembered."""
    w, old = x * 1.0, x * 0.5
    for _ in range(n):
        new = w + 0.5 * (w - old)
        old = w
        w = new
    return w, old


def shrinking(x, n):
    w = x * 1.0
    for k in range(n):
        w = w[: len(x) - k % 3] * 1.5 if k % 2 == 0 else np.concatenate((w, x[: k % 3]))
    return w


def best(x, n):
    w, kept, least = x * 1.0, x * 1.0, 1e9
    for k in range(n):
        w = w - 0.3 * np.sin(3.0 * w + k)
        value = np.sum(w * w)
        if value < least:
            least, kept = value, w
    return w, kept


def written(x, n):
    """What the loop carries is written in place, and so is what it began with."""
    w = x * 1.0
    first = w
    for k in range(n):
        w[k % 2] = w[1] + k
        w = w * 0.5
    first[0] = -1.0
    return w, first


def never(x, n):
    """A loop that does not run leaves the array itself."""
    w = x * 1.0
    r = w
    for _ in range(n - n):
        r = r * 2.0
    r[1] = 7.0
    return w, r


def until(x, n):
    w = x * 1.0
    count = 0
    while np.sum(w) < 100.0 and count < n:
        w = w * 1.7 + x
        count += 1
        if w[0] > 30.0:
            break
    return w, count


def branches(x, n):
    total = np.zeros(len(x))
    for k in range(n):
        a = x + k
        if k % 2 == 0:
            b = a * a
            total += b
        else:
            c = np.zeros(len(x))
            c[k % 3] = a[0]
            total += c
    return total


def products(x, n):
    a = np.outer(x, x) * 0.1
    u = np.ones((4, 3))
    for _ in range(n):
        v = a @ u
        w = v.T @ a
        u = np.tanh(v) + w.T @ (w @ v)
    return u


def integers(x, n):
    seen = np.zeros(4, dtype=np.int64)
    for k in range(n):
        order = np.zeros(4, dtype=np.int64)
        order[k % 4] = k
        seen = seen + order
    return seen


def mixed(x, n):
    """Floats are made when integers are done with."""
    total = 0.0
    for k in range(n):
        order = np.zeros(len(x), dtype=np.int64)
        order[k % 4] = k
        total += x[order[1] % 4]
        y = np.zeros(len(x))
        y[k % 3] = 0.5 * x[k % 4]
        total += y[0] * 3.0
    return total


def second(x, k):
    b = np.zeros(len(x))
    b[0] = 2.0
    b[k % 3] += x[1]
    return b[0]


def late(x, n):
    """An element is taken before its array is done with, and used when another has come."""
    total = 0.0
    for k in range(n):
        a = np.zeros(len(x))
        a[k % 2] = x[0] + k
        total += a[0] * second(x, k)
    return total


PROGRAMS = (momentum, epochs, looked_back, swapped, previous, shrinking, best, written, never, until, branches)
PROGRAMS += (products, integers, mixed, late)  # type: ignore[assignment]


def flat(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def ways(f: Callable[..., Any], *args: Any) -> list[list[Any]]:
    """The results of the lowered program by the interpreter, and of its text by NumPy."""
    built = ad.jit(f).lower(*args)
    lowered = to_loops(built.function, built.options)
    space: dict[str, Any] = {}
    exec(built.kernel.replace("@njit", "@(lambda **_: lambda f: f)"), space)
    fresh = [[np.array(a) if isinstance(a, np.ndarray) else a for a in args] for _ in range(2)]
    return [interpret(lowered, fresh[0]), flat(space[built.function.name](*fresh[1]))]


def same(mine: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_programs(f: Callable[..., Any]) -> None:
    for n in (0, 1, 2, 5, 8):
        expected = flat(f(X.copy(), n))
        for found in ways(f, X, n):
            same(found, expected)


@pytest.mark.parametrize("f", (momentum, epochs, shrinking, products), ids=lambda f: f.__name__)
def test_compiled(f: Callable[..., Any]) -> None:
    for disable in ((), ("reuse",)):
        compiled = ad.jit(f, disable=disable)
        for n in (0, 1, 6):
            same(flat(compiled(X, n)), flat(f(X.copy(), n)))


class Texts:
    """Draws a program in which arrays of several lengths are made, carried, swapped and looked back at."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.fresh = 0
        self.lines = ["def f(x, n):", "    a, b, c = x * 1.0, x + 1.0, x", "    total = 0.0"]

    def array(self, names: list[str]) -> str:
        p, q = self.rng.choice(names), self.rng.choice(names)
        forms = (
            f"{p} * np.cos({q}[0])",
            f"np.sin({p})",
            f"{p} * 0.5 + np.tanh(np.sum({q}))",
            f"{p}[::-1] * 0.9",
            f"{p}[np.arange(len({p}))]",
            f"np.zeros(len({p}))",
        )
        return self.rng.choice((*forms, f"{p}[1:] * 0.7" if self.rng.random() < 0.2 else f"np.cos({p}) + 0.1"))

    def block(self, depth: int, indent: str, names: list[str], index: str) -> None:
        names = list(names)
        start = len(self.lines)
        for _ in range(self.rng.randint(2, 5)):
            kind = self.rng.randrange(9)
            if kind < 2:
                self.fresh += 1
                self.lines.append(f"{indent}t{self.fresh} = {self.array(names)}")
                names.append(f"t{self.fresh}")
            elif kind < 4:
                self.lines.append(f"{indent}{self.rng.choice('abc')} = {self.array(names)}")
            elif kind == 4:
                self.lines.append(f"{indent}{self.rng.choice('abc')} = {self.rng.choice(names)}")
            elif kind == 5:
                p = self.rng.choice(names)
                self.lines.append(f"{indent}total += {p}[{index} % len({p})]")
            elif kind == 6 and len(names) > 3:
                p = self.rng.choice(names[3:])
                self.lines.append(f"{indent}{p}[0] = {p}[len({p}) - 1] * 0.5")
            elif kind == 7 and depth < 3:
                self.lines.append(f"{indent}if {index} % 2 == 0:")
                self.block(depth + 1, indent + "    ", names, index)
            elif depth < 3:
                inner = f"k{depth}"
                self.lines.append(f"{indent}for {inner} in range({self.rng.choice(('n', '2', 'n - 2'))}):")
                self.block(depth + 1, indent + "    ", names, inner)

        if len(self.lines) == start:
            self.lines.append(f"{indent}pass")

    def text(self) -> str:
        self.lines.append("    for k in range(n):")
        self.block(1, "        ", ["a", "b", "c"], "k")
        return "\n".join([*self.lines, "    return a * 1.0, b * 1.0, c * 1.0, total", ""])


@pytest.mark.parametrize("seed", [pytest.param(k, marks=pytest.mark.long if k >= 25 else ()) for k in range(100)])
def test_random_loops(seed: int, tmp_path: Any) -> None:
    check(seed, tmp_path)


def check(seed: int, folder: Any) -> None:
    text = Texts(seed).text()
    path = folder / "program.py"
    path.write_text("import numpy as np\n\n\n" + text)
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    long = np.linspace(0.5, 1.5, 9)
    for n in (1, 2, 4):
        try:
            with np.errstate(all="ignore"):
                expected = flat(space["f"](long.copy(), n))
        except (IndexError, ZeroDivisionError):  # cut to nothing
            return
        if not all(np.all(np.isfinite(e)) for e in expected):
            return
        for found in ways(space["f"], long, n):
            same(found, expected)


# Allocations.
def allocations(f: Callable[..., Any], *args: Any) -> int:
    f(*args)
    _nrt_python.memsys_enable_stats()
    before = rtsys.get_allocation_stats().mi_alloc
    f(*args)
    return int(rtsys.get_allocation_stats().mi_alloc - before)


def loss(params, x, y):
    hidden = np.tanh(x @ params["w"] + params["b"])
    return np.mean((hidden @ params["v"] - y) ** 2)


@ad.jit
def train(params, x, y, epochs, steps):
    for _ in range(epochs):
        for k in range(steps):
            rows = np.arange(4) + 4 * (k % 2)
            g = ad.grad(loss)(params, x[rows], y[rows])
            params = ad.tree_map(lambda p, d: p - 0.1 * d, params, g)
    return params


def test_steps_allocate_nothing() -> None:
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(3, 5)), "b": np.zeros(5), "v": rng.normal(size=5)}
    x, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    few, many = (allocations(train, params, x, y, *size) for size in ((2, 2), (20, 30)))
    assert few == many


MADE = """func @f(%n: i64, %m: i64) -> (f64) {
  %total: f64 = for %i in 0..%n with (%s: f64 = 0.0) {
    %t: f64[:] = zeros %m
    store %t[0] = 1.0
    %u: f64[:] = empty %m
    store %u[0] = 2.0
    %a: f64 = load %t[0]
    %b: f64 = load %u[0]
    %c: f64 = add %a, %b
    %d: f64 = add %s, %c
    %v: f64[:] = zeros %m
    store %v[1] = %d
    %e: f64 = load %v[1]
    yield %e
  }
  return %total
}
"""


def test_memory_is_shared_when_it_is_free() -> None:
    fn = parse(MADE)
    after = run_passes(clone(fn), ("reuse",), verify=True)
    assert [op.name for op in after.body.ops].count("empty") == 2
    assert interpret(after, [4, 3]) == interpret(fn, [4, 3]) == (12.0,)
