"""Random IR programs for tests: scalars, loops, branches, arrays, views, tapes of writes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

import adcompiler.ops  # noqa: F401  (fills the op table)
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Operand, Region, Value
from adcompiler.ir.types import Array, Scalar, b1, f64, i64

VECTOR = Array("f64", ("n",))
NUMBERS = (0.0, 1.0, -1.0, 2.0, 0.5, -3.0)
UNARY = ("neg", "sin", "abs", "tanh", "square", "copy")
BINARY = ("add", "sub", "mul", "maximum", "div", "minimum")


@dataclass
class Pool:
    """The values that a new op may use."""

    floats: list[Operand] = field(default_factory=list)
    ints: list[Operand] = field(default_factory=list)
    bools: list[Operand] = field(default_factory=list)
    arrays: list[Operand] = field(default_factory=list)
    writable: list[Operand] = field(default_factory=list)

    def copy(self) -> Pool:
        return Pool(*(list(v) for v in (self.floats, self.ints, self.bools, self.arrays, self.writable)))


class Maker:
    """Draws one program."""

    def __init__(self, draw: st.DrawFn):
        self.draw = draw
        self.left = draw(st.integers(3, 25))

    def pick(self, options: object) -> object:
        return self.draw(st.sampled_from(options))  # type: ignore[arg-type]

    def float(self, p: Pool) -> Operand:
        return const(self.pick(NUMBERS), f64) if self.pick((0, 1, 2)) == 0 else self.pick(p.floats)

    def int(self, p: Pool) -> Operand:
        return const(self.pick((0, 1, 2, 3, -1)), i64) if self.pick((0, 1)) else self.pick(p.ints)

    def bool(self, p: Pool) -> Operand:
        return const(self.pick((True, False)), b1) if self.pick((0, 1, 2)) == 0 else self.pick(p.bools)

    def function(self) -> Function:
        x, y = Value("x", VECTOR), Value("y", VECTOR)
        a, k, c = Value("a", f64), Value("k", i64), Value("c", b1)
        fn = Function("f", Region([x, y, a, k, c]), {x})
        b = Builder(fn.body)
        n = b.op("dim", x, axis=0, hint="n")
        w = b.op("zeros", n, dtype="f64", dims=(self.pick(("n", None)),), hint="w")
        p = Pool([a], [k, n], [c], [x, y, w], [x, w])
        self.block(b, p, 0)
        b.return_(self.float(p), self.pick(p.floats), self.pick(p.ints), self.pick(p.arrays))
        return fn

    def block(self, b: Builder, p: Pool, depth: int) -> None:
        for _ in range(self.draw(st.integers(1, 6))):
            if self.left <= 0:
                return
            self.left -= 1
            kinds = [self.scalar, self.integer, self.memory, self.memory, self.array]
            nested = [self.loop, self.branch, self.while_] if depth < 3 else []
            self.pick(kinds + nested)(b, p, depth)

    def scalar(self, b: Builder, p: Pool, depth: int) -> None:
        kind = self.pick(("unary", "binary", "binary", "select", "compare", "logic", "sum"))
        if kind == "unary":
            p.floats.append(b.op(self.pick(UNARY), self.float(p)))
        elif kind == "binary":
            p.floats.append(b.op(self.pick(BINARY), self.float(p), self.float(p)))
        elif kind == "select":
            p.floats.append(b.op("select", self.bool(p), self.float(p), self.float(p)))
        elif kind == "compare":
            p.bools.append(b.op(self.pick(("lt", "ge", "eq")), self.float(p), self.float(p)))
        elif kind == "logic":
            p.bools.append(b.op(self.pick(("and", "or")), self.bool(p), b.op("not", self.bool(p))))
        else:
            p.floats.append(b.op("sum", self.pick(p.arrays)))

    def integer(self, b: Builder, p: Pool, depth: int) -> None:
        kind = self.pick(("arith", "arith", "compare", "dim", "divide", "cast"))
        if kind == "arith":
            p.ints.append(b.op(self.pick(("add", "sub", "mul", "minimum")), self.int(p), self.int(p)))
        elif kind == "compare":
            p.bools.append(b.op(self.pick(("lt", "le", "ne")), self.int(p), self.int(p)))
        elif kind == "dim":
            p.ints.append(b.op("dim", self.pick(p.arrays), axis=0))
        elif kind == "divide":
            p.ints.append(b.op(self.pick(("floordiv", "mod")), self.int(p), self.int(p)))
        else:
            p.floats.append(b.op("cast", self.int(p), dtype="f64"))

    def memory(self, b: Builder, p: Pool, depth: int) -> None:
        kind = self.pick(("load", "load", "store", "update", "assign", "accumulate", "view", "zeros"))
        if kind == "load":
            p.floats.append(b.op("load", self.pick(p.arrays), self.int(p)))
        elif kind in ("store", "update"):
            b.do(kind, self.pick(p.writable), self.int(p), self.float(p))
        elif kind in ("assign", "accumulate"):
            b.do(kind, self.pick(p.writable), self.pick((self.float(p), self.pick(p.arrays))))
        elif kind == "view":
            spec, count = self.pick((("000", 0), ("100", 1), ("010", 1), ("110", 2)))
            base = self.pick(p.arrays)
            view = b.op("view", base, *(self.int(p) for _ in range(count)), index=(spec,), hint="v")
            p.arrays.append(view)
            if base in p.writable:
                p.writable.append(view)
        else:
            fresh = b.op("zeros", self.int(p), dtype="f64", dims=(None,), hint="z")
            p.arrays.append(fresh)
            p.writable.append(fresh)

    def array(self, b: Builder, p: Pool, depth: int) -> None:
        kind = self.pick(("unary", "binary", "scalar", "spread", "like"))
        if kind == "unary":
            new = b.op(self.pick(UNARY), self.pick(p.arrays), hint="u")
        elif kind == "binary":
            new = b.op(self.pick(BINARY), self.pick(p.arrays), self.pick(p.arrays), hint="u")
        elif kind == "scalar":
            new = b.op(self.pick(BINARY), self.pick(p.arrays), self.float(p), hint="u")
        elif kind == "spread":
            new = b.op("broadcast_like", self.float(p), self.pick(p.arrays), hint="g")
        else:
            new = b.op("zeros_like", self.pick(p.arrays), hint="z")
        p.arrays.append(new)
        p.writable.append(new)

    def loop(self, b: Builder, p: Pool, depth: int) -> None:
        lo, hi = self.int(p), self.pick(p.ints)
        step = const(self.pick((1, 1, 1, -1, 2)), i64)
        if step.value < 0:
            lo, hi = hi, lo
        if self.pick((0, 1, 2)):  # as programs do: over an array, or a part of it
            lo, hi = const(self.pick((0, 0, 1, 2, -1)), i64), b.op("dim", self.pick(p.arrays), axis=0, hint="n")
            hi = b.op("sub", hi, const(1, i64)) if self.pick((0, 1)) else hi
            (lo, hi), step = ((hi, lo), const(-1, i64)) if self.pick((0, 0, 1)) else ((lo, hi), const(1, i64))
        inits = [self.float(p), self.float(p), self.pick(p.arrays)][: self.pick((0, 1, 2, 3))]
        body = Region([Value("i", i64), *(Value("c", self.widest(a)) for a in inits)])
        inner = p.copy()
        inner.ints += [body.params[0]] * 3
        self.carry(inner, body.params[1:], inits, p)
        until = None
        with b.inside(body):
            if self.pick((0, 1)):
                self.guard(b, body.params[0])
            for _ in range(self.pick((0, 0, 1, 2))):
                self.sweep(b, inner, body.params[0])
            self.block(b, inner, depth + 1)
            if self.pick((0, 0, 0, 1)):
                until = self.bool(inner)
            b.yield_(*(self.successor(inner, a) for a in inits), until=until)
        results = [Value("r", self.widest(a)) for a in inits]
        b.for_(lo, hi, step, inits, results, body, reversed=self.pick((False, False, True)))
        self.carry(p, results, inits, p)

    def sweep(self, b: Builder, p: Pool, i: Value) -> None:
        """An access near the loop's index."""
        near = b.op(self.pick(("add", "sub")), i, const(self.pick((1, 1, 2)), i64)) if self.pick((0, 1)) else i
        if self.pick((0, 1)):
            p.floats.append(b.op("load", self.pick(p.arrays), near))
        else:
            b.do(self.pick(("store", "update")), self.pick(p.writable), near, self.float(p))

    def guard(self, b: Builder, i: Value) -> None:
        """Programs whose loops run away end with an error."""
        b.do("raise_if", b.op("gt", i, const(40, i64)), error="ValueError", message="too long")

    def while_(self, b: Builder, p: Pool, depth: int) -> None:
        count, acc = Value("count", i64), Value("acc", f64)
        cond, body = Region([count, acc]), Region()
        with b.inside(cond):
            b.test(b.op("lt", count, const(self.pick((0, 2, 3)), i64)))
        inner = p.copy()
        inner.ints.append(count)
        inner.floats.append(acc)
        with b.inside(body):
            self.block(b, inner, depth + 1)
            b.yield_(b.op("add", count, const(1, i64)), self.float(inner))
        results = [Value("k", i64), Value("r", f64)]
        b.while_([const(0, i64), self.float(p)], results, cond, body)
        p.ints.append(results[0])
        p.floats.append(results[1])

    def branch(self, b: Builder, p: Pool, depth: int) -> None:
        kinds = [self.float(p), self.pick(p.arrays)][: self.pick((0, 1, 2))]
        arms = []
        fixed: list[Operand] = []
        for _ in range(2):
            arm, inner = Region(), p.copy()
            with b.inside(arm):
                self.block(b, inner, depth + 1)
                b.yield_(*(self.successor(inner, a) for a in kinds))
            arms.append(arm)
            fixed += [a for a in arm.terminator.args if isinstance(a.type, Array) and a not in inner.writable]
        results = [Value("r", self.widest(a)) for a in kinds]
        b.if_(self.bool(p), results, *arms)
        for r in results:
            (p.arrays if isinstance(r.type, Array) else p.floats).append(r)
            if isinstance(r.type, Array) and not fixed:
                p.writable.append(r)

    def widest(self, a: Operand) -> Scalar | Array:
        return Array("f64", (None,), True) if isinstance(a.type, Array) else f64

    def successor(self, p: Pool, a: Operand) -> Operand:
        return self.pick(p.arrays) if isinstance(a.type, Array) else self.float(p)

    def carry(self, into: Pool, values: list[Value], inits: list[Operand], p: Pool) -> None:
        """Carried handles are read only: they may be the parameter that is not mut."""
        for value in values:
            (into.arrays if isinstance(value.type, Array) else into.floats).append(value)


@st.composite
def programs(draw: st.DrawFn) -> Function:
    return Maker(draw).function()


def arguments(seed: int = 0, n: int = 4) -> list[object]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=n), rng.normal(size=n), np.float64(0.7), np.int64(2), np.bool_(seed % 2)]
