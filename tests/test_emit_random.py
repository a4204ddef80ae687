"""Random IR, printed as Python and run, against the interpreter: copies, swaps, live ranges, folding, breaks."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.backends import numba_cpu
from adcompiler.backends.python import Options, emit, imports_of, module
from adcompiler.ir.build import Builder, boolean, const, integer
from adcompiler.ir.core import Function, Operand, Region, Value
from adcompiler.ir.interpret import interpret
from adcompiler.ir.types import Array, b1, f64, i64
from adcompiler.ir.verify import verify

SIZE = 4
NAMES = ("x", "y", "s", "t", "t", "t", "x_bar", "for", "np")


class Programs:
    """Draws a program: scalars are small floats, one array is written through two views."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.left = 40

    def function(self) -> Function:
        array = Value("a", Array("f64", (SIZE,)))
        params = [Value("x", f64), Value("y", f64), array]
        body = Region(list(params))
        builder = Builder(body)
        back = builder.op("view", array, integer(-1), index=("001",), hint="back")
        self.handles = [array, back]
        scope: list[Operand] = [params[0], params[1]]
        self.block(builder, scope, 0)
        picked = [self.rng.choice(scope) for _ in range(self.rng.randint(1, 3))]
        builder.return_(*picked)
        return Function("f", body, {array})

    def name(self) -> str:
        return self.rng.choice(NAMES)

    def pick(self, scope: list[Operand]) -> Operand:
        if self.rng.random() < 0.1:
            return const(self.rng.choice((-1.0, 0.5, 2.0)), f64)
        return self.rng.choice(scope[-6:] if self.rng.random() < 0.7 else scope)

    def block(self, b: Builder, scope: list[Operand], depth: int) -> None:
        for _ in range(self.rng.randint(0, 5)):
            self.left -= 1
            if self.left < 0:
                return
            kinds = [self.arithmetic, self.arithmetic, self.memory, self.memory, self.chosen, self.raising]
            kinds += [self.branch, self.branch, self.counted, self.counted, self.open, self.tape] if depth < 3 else []
            self.rng.choice(kinds)(b, scope, depth)

    def arithmetic(self, b: Builder, scope: list[Operand], depth: int) -> None:
        op = self.rng.choice(("add", "sub", "maximum", "neg", "half"))
        x, y = self.pick(scope), self.pick(scope)
        if op == "neg":
            scope.append(b.op("neg", x, hint=self.name()))
        elif op == "half":
            scope.append(b.op("mul", x, const(0.5, f64), hint=self.name()))
        else:
            scope.append(b.op(op, x, y, hint=self.name()))

    def memory(self, b: Builder, scope: list[Operand], depth: int) -> None:
        handle, place = self.rng.choice(self.handles), integer(self.rng.randrange(SIZE))
        kind = self.rng.choice(("load", "load", "store", "update", "assign", "accumulate"))
        if kind == "load":
            scope.append(b.op("load", handle, place, hint=self.name(), safe=self.rng.random() < 0.5))
        elif kind in ("store", "update"):
            b.do(kind, handle, place, self.pick(scope), safe=self.rng.random() < 0.5)
        else:
            value: Operand = self.rng.choice((self.rng.choice(self.handles), self.pick(scope)))
            b.do("assign" if kind == "assign" else "accumulate", handle, value)
            # keep numbers bounded
            b.do("assign", handle, b.op("mul", handle, const(0.5, f64)))

    def predicate(self, b: Builder, scope: list[Operand]) -> Value:
        test = b.op(self.rng.choice(("lt", "ge")), self.pick(scope), self.pick(scope), hint=self.rng.choice(("c", "t")))
        if self.rng.random() < 0.3:
            other = b.op("gt", self.pick(scope), const(0.0, f64), hint="t")
            test = b.op(self.rng.choice(("and", "or")), test, other, hint="t")
        return b.op("not", test) if self.rng.random() < 0.2 else test

    def chosen(self, b: Builder, scope: list[Operand], depth: int) -> None:
        scope.append(b.op("select", self.predicate(b, scope), self.pick(scope), self.pick(scope), hint=self.name()))

    def raising(self, b: Builder, scope: list[Operand], depth: int) -> None:
        huge = b.op("gt", self.pick(scope), const(self.rng.choice((5.0, 40.0)), f64))
        b.do("raise_if", huge, error="ValueError", message=f"large {self.left}")

    def branch(self, b: Builder, scope: list[Operand], depth: int) -> None:
        count = self.rng.randint(0, 3)
        test = self.predicate(b, scope)
        regions = []
        for _ in range(2):
            region, inner = Region(), list(scope)
            with b.inside(region):
                self.block(b, inner, depth + 1)
                b.yield_(*(self.pick(inner) for _ in range(count)))
            regions.append(region)
        op = b.if_(test, [Value(self.name(), f64) for _ in range(count)], *regions)
        scope += op.results

    def carried(self, scope: list[Operand]) -> tuple[list[Operand], list[Value], list[Value]]:
        count = self.rng.randint(0, 3)
        inits = [self.pick(scope) for _ in range(count)]
        return inits, [Value(self.name(), f64) for _ in range(count)], [Value(self.name(), f64) for _ in range(count)]

    def nexts(self, inner: list[Operand], params: list[Value]) -> list[Operand]:
        """Permutations of the carried values, and anything else."""
        return [self.rng.choice(params) if self.rng.random() < 0.4 else self.pick(inner) for _ in params]

    def end(self, b: Builder, inner: list[Operand], nexts: list[Operand]) -> None:
        if self.rng.random() < 0.4:
            b.yield_(*nexts, until=self.stop(b, inner))
        else:
            b.yield_(*nexts)

    def stop(self, b: Builder, inner: list[Operand]) -> Operand:
        return boolean(True) if self.rng.random() < 0.1 else self.predicate(b, inner)

    def counted(self, b: Builder, scope: list[Operand], depth: int) -> None:
        inits, params, results = self.carried(scope)
        index = Value(self.rng.choice(("i", "x", "j")), i64)
        body, inner = Region([index, *params]), [*scope, *params]
        with b.inside(body):
            inner.append(b.op("cast", index, dtype="f64"))
            self.block(b, inner, depth + 1)
            if self.rng.random() < 0.4:
                self.leaving(b, inner, params)
            else:
                self.end(b, inner, self.nexts(inner, params))
        lo, hi, step = self.rng.choice(((0, 3, 1), (0, 0, 1), (1, 6, 2), (5, -1, -2), (2, 4, 1), (0, 7, 3)))
        backwards = self.rng.random() < 0.4
        bounds = [integer(v) for v in (lo, hi, step)]
        if self.rng.random() < 0.3:
            bounds[1] = b.op("add", bounds[1], integer(0), hint="t")  # type: ignore[call-overload]
        op = b.for_(*bounds, inits, results, body, reversed=backwards)
        scope += op.results

    def leaving(self, b: Builder, inner: list[Operand], params: list[Value]) -> None:
        """An `if` that decides whether the loop goes on."""
        regions = []
        for flag in self.rng.choice(((True, False), (False, True), (None, False), (True, None))):
            region, scope = Region(), list(inner)
            with b.inside(region):
                self.block(b, scope, 3)
                stop = self.predicate(b, scope) if flag is None else boolean(flag)
                b.yield_(*self.nexts(scope, params), stop)
            regions.append(region)
        results = [*(Value(self.name(), f64) for _ in params), Value("t", b1)]
        op = b.if_(self.predicate_before(b, inner), results, *regions)
        order = list(op.results[:-1])
        self.rng.shuffle(order)
        b.yield_(*order, until=op.results[-1])

    def predicate_before(self, b: Builder, inner: list[Operand]) -> Operand:
        return self.predicate(b, inner)

    def open(self, b: Builder, scope: list[Operand], depth: int) -> None:
        inits, params, results = self.carried(scope)
        count, total = Value("k", f64), Value("k", f64)
        cond, body = Region([count, *params]), Region()
        with b.inside(cond):
            inner = [*scope, *params]
            if self.rng.random() < 0.4:
                self.block(b, inner, 3)
            go = b.op("lt", count, const(float(self.rng.randint(0, 3)), f64), hint="t")
            b.test(go)
        with b.inside(body):
            inner = [*scope, *params]
            self.block(b, inner, depth + 1)
            up = b.op("add", count, const(1.0, f64), hint="t")
            b.yield_(up, *self.nexts(inner, params))
        op = b.while_([const(0.0, f64), *inits], [total, *results], cond, body)
        scope += op.results

    def tape(self, b: Builder, scope: list[Operand], depth: int) -> None:
        stack = b.op("stack", elem=f64, hint="tape")
        b.do("push", stack, self.pick(scope))
        b.do("push", stack, self.pick(scope))
        self.block(b, scope, depth + 1)
        scope.append(b.op("pop", stack, hint=self.name()))
        if self.rng.random() < 0.5:
            scope.append(b.op("pop", stack, hint=self.name()))


def python(fn: Function) -> Any:
    text = emit(fn)
    space: dict[str, Any] = {}
    exec(imports_of(text) + text, space)
    return space["f"]


def outcome(run: Any, values: list[float]) -> Any:
    array = np.array(values[2:])
    try:
        result = run(values[0], values[1], array)
    except ValueError as error:
        return "raised", str(error).split(" (")[0], None if "large" in str(error) else error
    result = result if isinstance(result, tuple) else (result,)
    return [float(r).hex() for r in result], [float(v).hex() for v in array]


INPUTS = ([0.5, -1.0, 1.0, 2.0, -3.0, 4.0], [-2.0, 3.0, 0.25, -1.0, 7.0, -0.5])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_python_does_what_the_ir_says(rng: random.Random) -> None:
    fn = Programs(rng).function()
    verify(fn)
    run = python(fn)
    for values in INPUTS:
        expected = outcome(lambda *args: interpret(fn, args), values)
        assert outcome(run, values) == expected, f"{fn}\n{emit(fn)}"


@pytest.mark.parametrize("seed", range(8))
def test_numba_does_what_the_ir_says(seed: int, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(tmp_path))
    fn = Programs(random.Random(seed)).function()
    text = module([fn], kernel=True, options=Options(fastmath=False))
    run = numba_cpu.compile(text, "f", signature=numba_cpu.signature_of(fn), ir=str(fn)).function
    for values in INPUTS:
        assert outcome(run, values) == outcome(lambda *args: interpret(fn, args), values), f"{fn}\n{text}"
