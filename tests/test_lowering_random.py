"""Random programs over whole arrays: lowered, fused or not, printed, compiled, they do what the interpreter says."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from test_lowering import as_python, loops

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.backends import numba_cpu
from adcompiler.backends.python import Options, module
from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Function, Operand, Region, Value
from adcompiler.ir.interpret import interpret
from adcompiler.ir.types import DTYPES, Array, Scalar, b1, i64
from adcompiler.ir.verify import verify

Shape = tuple[int, ...]
BINARY = ("add", "sub", "mul", "maximum", "minimum")
UNARY = ("sin", "neg", "tanh", "abs", "square", "copy")
SLICES = ("000", "001", "101", "110", "100", "010")


class Programs:
    """Draws a program for arguments of given shapes: extents that are 1 or equal only at run time are typed `:`."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.dtype = rng.choice(("f64", "f64", "f32"))
        n, m = rng.choice(((4, 3), (1, 3), (4, 1), (0, 3), (5, 5), (1, 1), (2, 0)))
        one = rng.choice((1, m)), rng.choice((1, n))
        self.shapes = [(n, m), (one[1], one[0]), (m,), (one[0],), (n, m), (n,)]
        self.shape: dict[Value, Shape] = {}
        self.params = [Value(name, self.array(s)) for name, s in zip("abxywu", self.shapes, strict=True)]
        self.shape |= dict(zip(self.params, self.shapes, strict=True))
        self.mutable = self.params[4:]
        self.left = 14

    def array(self, shape: Shape) -> Array:
        return Array(self.dtype, tuple(d if self.rng.random() < 0.2 else None for d in shape))

    def inputs(self) -> list[np.ndarray]:
        rng = np.random.default_rng(self.rng.randrange(1000))
        return [np.round(rng.uniform(-2.0, 2.0, s), 2).astype(DTYPES[self.dtype]) for s in self.shapes]

    def function(self) -> Function:
        body = Region(list(self.params))
        builder = Builder(body)
        scope: list[Value] = list(self.params)
        self.block(builder, scope, 0)
        picked = [self.rng.choice(scope) for _ in range(3)]
        fresh = [builder.op("copy", v) if v in self.params else v for v in picked]
        builder.return_(*fresh)
        return Function("f", body, set(self.mutable))

    def block(self, b: Builder, scope: list[Value], depth: int) -> None:
        for _ in range(self.rng.randint(2, 7)):
            self.left -= 1
            if self.left < 0:
                return
            kinds = [self.pair, self.pair, self.single, self.pick, self.total, self.shaped, self.write, self.write]
            kinds += [self.view, self.outer, self.written_view, self.size]
            kinds += [self.loop, self.branch] if depth == 0 else []
            self.rng.choice(kinds)(b, scope)

    def keep(self, scope: list[Value], value: Value, shape: Shape) -> None:
        self.shape[value] = shape
        scope.append(value)

    def any(self, scope: list[Value], arrays: bool = False) -> Value:
        found = [v for v in scope[-8:] if isinstance(v.type, Array) or not arrays]
        return self.rng.choice(found or [v for v in scope if isinstance(v.type, Array)])

    def name(self) -> str:
        return self.rng.choice(("t", "t", "p", "q", "q_bar", "i"))

    # Values.
    def partner(self, scope: list[Value], shape: Shape) -> tuple[Operand, Shape]:
        """An operand that broadcasts with the shape, and the shape of both."""
        for v in self.rng.sample(scope, len(scope)):
            try:
                return v, np.broadcast_shapes(shape, self.shape[v])
            except ValueError:
                continue
        return const(0.5, Scalar(self.dtype)), shape

    def pair(self, b: Builder, scope: list[Value]) -> None:
        a = self.any(scope)
        other, shape = self.partner(scope, self.shape[a])
        operands = self.rng.sample([a, other], 2)
        self.keep(scope, b.op(self.rng.choice(BINARY), *operands, hint=self.name()), shape)

    def single(self, b: Builder, scope: list[Value]) -> None:
        a = self.any(scope)
        self.keep(scope, b.op(self.rng.choice(UNARY), a, hint=self.name()), self.shape[a])

    def pick(self, b: Builder, scope: list[Value]) -> None:
        a = self.any(scope)
        other, shape = self.partner(scope, self.shape[a])
        mask = b.op(self.rng.choice(("gt", "le")), a, other)
        if isinstance(other, Value):
            self.shape[mask] = shape
        self.keep(scope, b.op("select", mask, a, other, hint=self.name()), shape)

    def total(self, b: Builder, scope: list[Value]) -> None:
        a = self.any(scope, arrays=True)
        shape = self.shape[a]
        axis = self.rng.choice((None, tuple(range(len(shape))), (0,), (len(shape) - 1,)))
        keep = self.rng.random() < 0.4 and axis is not None
        attrs = {} if axis is None else {"axis": axis, "keepdims": True} if keep else {"axis": axis}
        gone = set(range(len(shape)) if axis is None else axis)
        left = tuple(1 if k in gone else d for k, d in enumerate(shape) if keep or k not in gone)
        self.keep(scope, b.op("sum", a, hint=self.name(), **attrs), left)

    def shaped(self, b: Builder, scope: list[Value]) -> None:
        """To the shape of another array, up or down."""
        a, like = self.any(scope), self.any(scope, arrays=True)
        mine, its = self.shape[a], self.shape[like]
        try:
            both = np.broadcast_shapes(mine, its)
        except ValueError:
            return
        if both == its:
            self.keep(scope, b.op("broadcast_like", a, like, hint=self.name()), its)
        elif both == mine:
            self.keep(scope, b.op(self.rng.choice(("sum_to", "unspread")), a, like, hint=self.name()), its)

    def outer(self, b: Builder, scope: list[Value]) -> None:
        vectors = [v for v in scope if len(self.shape[v]) == 1]
        x, y = self.rng.choice(vectors), self.rng.choice(vectors)
        self.keep(scope, b.op("outer", x, y, hint=self.name()), (*self.shape[x], *self.shape[y]))

    def size(self, b: Builder, scope: list[Value]) -> None:
        a = self.any(scope, arrays=True)
        n = b.op("dim", a, axis=self.rng.randrange(len(self.shape[a])))
        self.keep(scope, b.op("cast", n, dtype=self.dtype), ())

    # Memory.
    def sliced(self, b: Builder, array: Value) -> tuple[Value, Shape]:
        items, operands, shape = [], [], []  # type: ignore[var-annotated]
        for size in self.shape[array]:
            if size and self.rng.random() < 0.3:
                items.append("i")
                operands.append(integer(self.rng.randrange(-size, size)))
                continue
            item = self.rng.choice(SLICES)
            values = [self.rng.choice(c) for c in ((0, 1), (-1, 2), (-1, 2))]
            given = [v for v, g in zip(values, item, strict=True) if g == "1"]
            rest = iter(given)
            parts = [next(rest) if g == "1" else None for g in item]
            items.append(item)
            operands += map(integer, given)
            shape.append(len(range(size)[slice(*parts)]))
        return b.op("view", array, *operands, index=tuple(items), hint=self.name()), tuple(shape)

    def view(self, b: Builder, scope: list[Value]) -> None:
        a = self.any(scope, arrays=True)
        if self.rng.random() < 0.3:
            self.keep(scope, b.op("transpose", a, hint=self.name()), self.shape[a][::-1])
            return
        view, shape = self.sliced(b, a)
        if shape:
            self.keep(scope, view, shape)

    def write(self, b: Builder, scope: list[Value]) -> None:
        self.written(b, scope, self.rng.choice(self.mutable))

    def written_view(self, b: Builder, scope: list[Value]) -> None:
        array = self.rng.choice(self.mutable)
        view, shape = self.sliced(b, array)
        if shape:
            self.shape[view] = shape
            self.written(b, self.overlapping(b, array, shape) or scope, view)

    def overlapping(self, b: Builder, array: Value, shape: Shape) -> list[Value]:
        """Other parts of the array, of the same shape."""
        found = [self.sliced(b, array) for _ in range(6)]
        if shape == shape[::-1] == self.shape[array]:
            found.append((b.op("transpose", array), shape))
        same = [v for v, its in found if its == shape]
        self.shape |= dict.fromkeys(same, shape)
        return same

    def written(self, b: Builder, scope: list[Value], target: Value) -> None:
        shape = self.shape[target]
        fits = [v for v in scope if self.fits(self.shape[v], shape)]
        value: Operand = self.rng.choice(fits) if fits else const(1.5, Scalar(self.dtype))
        if self.rng.random() < 0.6:
            value = b.op("mul", value, const(0.5, Scalar(self.dtype)))
        b.do(self.rng.choice(("assign", "accumulate")), target, value)

    def fits(self, value: Shape, target: Shape) -> bool:
        try:
            return np.broadcast_shapes(value, target) == target
        except ValueError:
            return False

    # Control flow.
    def loop(self, b: Builder, scope: list[Value]) -> None:
        body = Region([Value("i", i64)])
        with b.inside(body):
            self.block(b, list(scope), 1)
            b.yield_()
        b.for_(integer(0), integer(2), integer(1), [], [], body)

    def branch(self, b: Builder, scope: list[Value]) -> None:
        scalars = [v for v in scope if v.type == Scalar(self.dtype)]
        test: Operand = (
            b.op("gt", self.rng.choice(scalars), const(0.0, Scalar(self.dtype))) if scalars else const(1, b1)
        )
        regions = []
        for _ in range(2):
            region = Region()
            with b.inside(region):
                self.block(b, list(scope), 1)
                b.yield_()
            regions.append(region)
        b.if_(test, [], *regions)


def agree(mine: Any, expected: Any, dtype: str, text: Any) -> None:
    tol = 1e-4 if dtype == "f32" else 1e-11
    for a, b in zip(mine, expected, strict=True):
        assert np.shape(a) == np.shape(b), text
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol, err_msg=str(text))


@pytest.mark.parametrize("chunk", range(8))
def test_loops_do_what_the_arrays_say(chunk: int) -> None:
    for seed in range(50):
        same_when_lowered(random.Random(1000 * chunk + seed))


def same_when_lowered(rng: random.Random) -> None:
    programs = Programs(rng)
    fn = programs.function()
    verify(fn)
    given = programs.inputs()
    reference = [np.array(v) for v in given]
    expected = [*interpret(fn, reference), *reference]
    fused, plain = loops(fn), loops(fn, fuse=False)
    for run, low in ((interpret, fused), (interpret, plain), (as_python(fused), fused)):
        args = [np.array(v) for v in given]
        agree([*run(low, args), *args], expected, programs.dtype, low)


@pytest.mark.parametrize("seed", range(12))
def test_compiled_loops_do_too(seed: int) -> None:
    programs = Programs(random.Random(seed))
    fn = programs.function()
    given = programs.inputs()
    reference = [np.array(v) for v in given]
    expected = [*interpret(fn, reference), *reference]
    low = loops(fn)
    text = module([low], kernel=True, options=Options(fastmath=False))
    run = numba_cpu.compile(text, "f", signature=numba_cpu.signature_of(low), ir=str(low)).function
    args = [np.array(v) for v in given]
    agree([*run(*args), *args], expected, programs.dtype, text)
