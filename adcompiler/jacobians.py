"""Jacobians of lowered programs, each one program: all columns by forward mode, several directions in one sweep,
or all rows by reverse mode, whose forward sweep runs once where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import inside, is_ordered, own_writes
from adcompiler.analysis.shapes import Extent, Shapes
from adcompiler.derive import finish, gradient, place, spans
from adcompiler.driver import Observer, Options, fresh_copy, protect
from adcompiler.entries import Part, block, fill, fitted, mapped, name_of, partial_name, parts
from adcompiler.errors import NotDifferentiable
from adcompiler.frontend import Lowered
from adcompiler.frontend.spec import Leaf, Spec, Tuple
from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.types import Array, Scalar, Type, is_float
from adcompiler.ir.walk import Env, clone_op, resolve, values, walk
from adcompiler.transforms.forward import forward
from adcompiler.transforms.reverse import Pullback, reverse

DIRECT = 8  # up to so many scalar inputs have a tangent each in one sweep, without a loop
WIDTHS = (4, 2)  # directions in one sweep, as many as the length of the program allows
LENGTH = 240  # ops: compile time grows with them
WHOLE = 3  # what a whole-array op counts: it takes longer to compile, and has less of the primal's work to share
SEED, ENTRY = 6, 3  # ops that make the seed of an argument, and that write an entry of the result


class Jacobian:
    """The derivative of all float results of a program by the leaves of some of its arguments."""

    def __init__(
        self, low: Lowered, positions: Sequence[int], options: Options, integers: bool, observer: Observer | None
    ):
        self.low, self.options, self.observer = low, options, observer
        self.loc = place(low.function)
        self.primal = protect(fresh_copy(low))
        self.rows = [k for p in positions for k in spans(low)[p]]
        self.wrt = [k for k in self.rows if is_float(self.primal.params[k].type)]
        self.returns = list(self.primal.returns)
        self.outs = [out for out in self.returns if is_float(out.type)]
        if len(self.outs) < len(self.returns) and not integers:
            other = next(out for out in self.returns if not is_float(out.type))
            text = f"{low.function.name} returns {other.type}: integers have no derivative"
            raise NotDifferentiable(text, self.loc, "return floats")
        self.params = [Value(p.name, p.type) for p in self.primal.params]
        self.b = Builder(Region(list(self.params)), self.loc)
        self.ordered = any(map(is_ordered, self.primal.body.ops))

    def inline(self, b: Builder, ops: Sequence[Op], env: Env) -> None:
        for op in ops:
            if op.name != "section":
                b.add(clone_op(op, env))

    def env(self) -> Env:
        return dict(zip(self.primal.params, self.params, strict=True))

    # Sizes.
    def in_extents(self, b: Builder) -> list[list[Operand]]:
        return [self.dims(b, self.params[k]) for k in self.wrt]

    def dims(self, b: Builder, value: Operand) -> list[Operand]:
        rank = value.type.rank if isinstance(value.type, Array) else 0
        return [b.op("dim", value, axis=axis, hint="n") for axis in range(rank)]

    def out_extents(self, b: Builder) -> list[list[Operand]]:
        """The extents of the results: from those of the arguments where they say it, else by running the primal."""
        return self.sizes(b, self.outs)

    def sizes(self, b: Builder, outs: Sequence[Operand]) -> list[list[Operand]]:
        shapes = Shapes(self.primal)
        rows = [shapes.shape(out) if isinstance(out.type, Array) else () for out in outs]
        known = [[self.extent(b, e) for e in row] for row in rows]
        if all(e is not None for row in known for e in row):
            return [[e for e in row if e is not None] for row in known]
        env = self.env()
        self.inline(b, self.primal.body.ops[:-1], env)
        return [self.dims(b, resolve(env, out)) for out in outs]

    def extent(self, b: Builder, extent: Extent) -> Operand | None:
        """An extent as an operand, None where the arguments don't say it."""
        params = dict(zip(self.primal.params, self.params, strict=True))
        if isinstance(extent, int):
            return integer(extent)
        if isinstance(extent, str):  # the name of one in the types of the parameters
            typed = [(p, p.type.dims) for p in self.params if isinstance(p.type, Array)]
            named = next(((p, dims.index(extent)) for p, dims in typed if extent in dims), None)
            return b.op("dim", named[0], axis=named[1], hint="n") if named else None
        if isinstance(extent, Value):
            return params.get(extent)
        if isinstance(extent, tuple) and extent[0] == "axis" and extent[1] in params:
            return b.op("dim", params[extent[1]], axis=extent[2], hint="n")
        if isinstance(extent, tuple) and extent[0] == "times":
            unit = self.extent(b, extent[2])
            return None if unit is None else b.op("mul", integer(extent[1]), unit, hint="n")
        if isinstance(extent, tuple) and extent[0] == "less":
            base = self.extent(b, extent[1])
            less = None if base is None else b.op("sub", base, integer(extent[2]))
            return None if less is None else b.op("maximum", less, integer(0), tie="half")
        return None

    def blanks(
        self, b: Builder, outs: Sequence[Sequence[Operand]], ins: Sequence[Sequence[Operand]], dtype: str
    ) -> list[list[Value]]:
        """Memory for the entries of each result by each argument."""
        return [
            [
                b.op("empty", *out, *into, dtype=self.dtype(o, k, dtype), hint=partial_name(o, self.params[k]))
                for k, into in zip(self.wrt, ins, strict=True)
            ]
            for o, out in zip(self.outs, outs, strict=True)
        ]

    def dtype(self, out: Operand, k: int, which: str) -> str:
        t: Type = out.type if which == "out" else self.params[k].type
        assert isinstance(t, Scalar | Array)
        return t.dtype

    def read(self, b: Builder, blanks: list[list[Value]]) -> list[list[Operand]]:
        """What was filled in, scalars by scalars as scalars."""
        return [
            [
                b.op("load", blank, safe=True, hint=blank.name) if self.scalar(out, k) else blank
                for k, blank in zip(self.wrt, row, strict=True)
            ]
            for out, row in zip(self.outs, blanks, strict=True)
        ]

    def scalar(self, out: Operand, k: int) -> bool:
        return isinstance(out.type, Scalar) and isinstance(self.params[k].type, Scalar)

    # Forward mode.
    def columns(self, b: Builder, dtype: str) -> list[list[Operand]]:
        """Entries by forward mode; each has the dtype of its result ("out") or of its argument ("in")."""
        if len(self.wrt) <= DIRECT and all(isinstance(self.params[k].type, Scalar) for k in self.wrt):
            return self.direct(b, dtype)
        ins = self.in_extents(b)
        blanks = self.blanks(b, self.out_extents(b), ins, dtype)
        leaves_, count = parts(b, ins)
        fn, width = self.forward()
        first, body = Value("first", integer(0).type), Region()
        body.params.append(first)
        with b.inside(body):
            last = b.op("sub", count, integer(1), hint="last")
            flat: list[Operand] = [first]
            flat += [
                b.op("minimum", b.op("add", first, integer(j)), last, tie="half", hint="column")
                for j in range(1, width)
            ]  # beyond the last column it is computed again
            seeds = [
                self.seed(b, self.params[k], leaf, at) for k, leaf in zip(self.wrt, leaves_, strict=True) for at in flat
            ]
            dots = self.swept(b, fn, seeds)
            for j, at in enumerate(flat):
                for k, leaf in enumerate(leaves_):
                    column = [(row[k], dots[i][j]) for i, row in enumerate(blanks)]
                    leaf.where(b, at, lambda leaf=leaf, at=at, column=column: fill(b, column, [], leaf.entry(b, at)))  # type: ignore[misc]
            b.yield_()
        b.for_(integer(0), count, integer(width), [], [], body)
        return self.read(b, blanks)

    def forward(self) -> tuple[Function, int]:
        """The forward-mode program, as wide as its length allows."""
        fn = forward(self.primal, self.wrt)
        before, after = map(_length, (self.primal, fn))
        each = after - before + SEED * len(self.wrt) + ENTRY * len(self.wrt) * len(self.outs)
        for width in WIDTHS:
            if before + width * each <= LENGTH:
                return forward(self.primal, self.wrt, width=width), width
        return fn, 1

    def swept(self, b: Builder, fn: Function, seeds: Sequence[Operand]) -> list[list[Operand]]:
        """The tangents of each result for these tangents of the arguments."""
        env: Env = dict(zip(fn.params, [*self.params, *seeds], strict=True))
        self.inline(b, fn.body.ops[:-1], env)
        dots = [resolve(env, r) for r in fn.returns[len(self.returns) :]]
        width = len(seeds) // len(self.wrt)
        return [dots[i * width : (i + 1) * width] for i in range(len(self.outs))]

    def direct(self, b: Builder, dtype: str) -> list[list[Operand]]:
        """One sweep with a direction for each of a few scalars."""
        width = len(self.wrt)
        fn = forward(self.primal, self.wrt, width=width)
        types = [self.params[k].type for k in self.wrt]
        seeds = [const(float(j == k), t) for k, t in enumerate(types) if isinstance(t, Scalar) for j in range(width)]
        dots = self.swept(b, fn, seeds)
        return [
            [fitted(b, dot, self.dtype(out, k, dtype)) for k, dot in zip(self.wrt, row, strict=True)]
            for out, row in zip(self.outs, dots, strict=True)
        ]

    def seed(self, b: Builder, like: Operand, leaf: Part, at: Operand, suffix: str = "dot") -> Operand:
        """The leaf's part of the direction with this number."""
        if isinstance(like.type, Scalar):
            one, zero = const(1.0, like.type), const(0.0, like.type)
            return (
                one
                if leaf.alone
                else b.op("select", b.op("eq", at, leaf.start), one, zero, hint=f"{name_of(like)}_{suffix}")
            )
        assert isinstance(like.type, Array)
        made = b.op("zeros_like", like, hint=f"{name_of(like)}_{suffix}")
        one = const(1.0, Scalar(like.type.dtype))
        leaf.where(b, at, lambda: fill(b, [(made, one)], leaf.entry(b, at), []))
        return made

    # Reverse mode.
    def pullback(self, single: bool) -> Function:
        kind = "one" if single else "param"
        kept = tuple(k for k, out in enumerate(self.returns) if is_float(out.type))
        seeds = tuple(kind if k in kept else None for k in range(len(self.returns)))
        fn = reverse(self.primal, Pullback(tuple(self.wrt), seeds, kept))
        if self.observer is not None:
            self.observer("reverse", fn)
        return fn

    def lines(self, b: Builder, dtype: str, alone: bool = True) -> list[list[Operand]]:
        """Entries by reverse mode. `alone`: nothing else has run the primal's effects."""
        if len(self.outs) == 1 and isinstance(self.outs[0].type, Scalar):
            return [self.gradient(b, dtype)]
        fn = self.pullback(False)
        at = max(k for k, op in enumerate(fn.body.ops) if op.name == "section")  # the primal may have sections too
        sweeps = fn.body.ops[:at], fn.body.ops[at:-1]
        once = not _spoils(fn, *sweeps)
        if self.ordered and not (once and alone):
            self.refuse()
        env: Env = dict(zip(fn.params, self.params, strict=False))
        if once:
            self.inline(b, sweeps[0], env)
            extents = [self.dims(b, resolve(env, r)) for r in fn.returns[: len(self.outs)]]
        else:
            extents = self.out_extents(b)
        blanks = self.blanks(b, extents, self.in_extents(b), dtype)
        leaves_, count = parts(b, extents)
        row, body = Value("row", integer(0).type), Region()
        body.params.append(row)
        with b.inside(body):
            if not once:
                self.inline(b, sweeps[0], env)
            outs = [resolve(env, r) for r in fn.returns[: len(self.outs)]]
            seeds = [self.seed(b, out, leaf, row, "bar") for out, leaf in zip(outs, leaves_, strict=True)]
            env.update(zip(fn.params[len(self.params) :], seeds, strict=True))
            self.inline(b, sweeps[1], env)
            grads = [resolve(env, r) for r in fn.returns[len(self.outs) :]]
            for leaf, blank in zip(leaves_, blanks, strict=True):
                line = list(zip(blank, grads, strict=True))
                leaf.where(b, row, lambda leaf=leaf, line=line: fill(b, line, leaf.entry(b, row), []))  # type: ignore[misc]
            b.yield_()
        b.for_(integer(0), count, integer(1), [], [], body)
        return self.read(b, blanks)

    def gradient(self, b: Builder, dtype: str) -> list[Operand]:
        """The one row of a scalar result."""
        fn = self.pullback(True)
        env: Env = dict(zip(fn.params, self.params, strict=True))
        self.inline(b, fn.body.ops[:-1], env)
        grads = [resolve(env, r) for r in fn.returns[1:]]
        return [fitted(b, g, self.dtype(self.outs[0], k, dtype)) for k, g in zip(self.wrt, grads, strict=True)]

    def refuse(self) -> None:
        """The primal would have to run several times."""
        op = next(o for top in self.primal.body.ops for o in inside(top) if is_ordered(o) and not o.regions)
        text = f"the jacobian of {self.low.function.name} runs it several times, and it has effects (such as {op.name})"
        raise NotDifferentiable(text, op.loc, "ad.random(key, i) for random numbers; print outside of it")

    # The cheaper of both.
    def cheaper(self, b: Builder) -> list[list[Operand]]:
        """Forward mode for few inputs, reverse mode for few results; decided by the sizes at run time."""
        arrays_in = any(isinstance(self.params[k].type, Array) for k in self.wrt)
        arrays_out = any(isinstance(out.type, Array) for out in self.outs)
        if not arrays_in and len(self.wrt) <= DIRECT and not self.ordered:
            return self.columns(b, "in")
        if not arrays_out or self.ordered:
            return self.lines(b, "in")
        outs, ins = (parts(b, e)[1] for e in (self.out_extents(b), self.in_extents(b)))
        few = b.op("le", ins, outs, hint="few_inputs")
        sides, found = [Region(), Region()], []
        for region, build in zip(sides, (self.columns, self.lines), strict=True):
            with b.inside(region):
                found = [x for row in build(b, "in") for x in row]
                b.yield_(*found)
        results = [Value(getattr(x, "name", "entry"), x.type) for x in found]
        b.if_(few, results, *sides)
        rest = iter(results)
        return [[next(rest) for _ in self.wrt] for _ in self.outs]

    # The result.
    def finish(self, entries: list[list[Operand]], name: str, which: str) -> Function:
        """The function that returns them, zeros by integers among them."""
        b, returns, rest = self.b, list[Operand](), iter(entries)
        for out in self.returns:
            found = dict(zip(self.wrt, next(rest), strict=True)) if is_float(out.type) else {}
            returns += [found[k] if k in found else self.zeros(out, k) for k in self.rows]
        b.return_(*returns)
        fn = Function(f"{self.low.function.name}_{name}", b.region)
        if self.observer is not None:
            self.observer(which, fn)
        return finish(fn, self.options, self.observer)

    def zeros(self, out: Operand, k: int) -> Operand:
        """The derivative of an integer, or by one: zeros of its dtype."""
        t = self.params[k].type if is_float(out.type) else out.type
        assert isinstance(t, Scalar | Array)
        if isinstance(self.params[k].type, Scalar) and isinstance(out.type, Scalar):
            return const(0, Scalar(t.dtype))
        (outs,) = self.sizes(self.b, [out])
        return self.b.op("zeros", *outs, *self.dims(self.b, self.params[k]), dtype=t.dtype)


def _length(fn: Function) -> int:
    """What compiling a function costs: whole-array ops become loops."""
    return sum(WHOLE if any(isinstance(r.type, Array) for r in op.results) else 1 for op in walk(fn.body))


def _spoils(fn: Function, before: Sequence[Op], after: Sequence[Op]) -> bool:
    """Does the reverse sweep change what the forward sweep left for it? (It pops tapes, and adds into shadows.)"""
    aliases = Aliases(fn)
    mine = values(Region(list(fn.params), list(before)))
    kept = set(mine)
    return any(root in kept for op in after for o in inside(op) for a in own_writes(o) for root in aliases.roots(a))


MODES: dict[str, tuple[Any, str]] = {
    "jacfwd": (lambda j: j.lines(j.b, "out") if j.ordered else j.columns(j.b, "out"), "out"),
    "jacrev": (lambda j: j.lines(j.b, "in"), "in"),
    "jacobian": (lambda j: j.cheaper(j.b), "in"),
}


def jacobian(
    low: Lowered,
    positions: Sequence[int],
    options: Options,
    *,
    mode: str,
    bare: bool,
    name: str | None = None,
    integers: bool = False,
    observer: Observer | None = None,
) -> Lowered:
    """jacfwd, jacrev and jacobian: the structure of the result over that of the arguments.

    With `bare` there is one position, and it is not wrapped in a tuple. With `integers` integer results are
    taken to be constant instead of being refused.
    """
    build, which = MODES[mode]
    j = Jacobian(low, positions, options, integers, observer)
    fn = j.finish(build(j), name or mode, mode)
    names = ", ".join(low.signature[p][0] for p in positions)
    fn.doc = f"Jacobian of {low.function.name} with respect to {names}."
    specs = [low.signature[p][1] for p in positions]
    inner: Spec = specs[0] if bare else Tuple(tuple(specs))
    result = mapped(low.result, lambda out: mapped(inner, lambda into: block(out, into, which)))
    return replace(low, function=fn, result=result)


def hessian(
    low: Lowered, positions: Sequence[int], options: Options, *, bare: bool, observer: Observer | None = None
) -> Lowered:
    """The derivative of the gradient: several directions of forward mode through the reverse-mode program."""
    if isinstance(low.result, Leaf) and isinstance(low.result.type, Scalar):
        first = gradient(low, positions, options, bare=bare, has_aux=False, with_value=False, observer=observer)
    else:
        first = jacobian(low, positions, options, mode="jacrev", bare=bare, observer=observer)
    first = replace(first, function=fresh_copy(first))
    first.function.name = low.function.name
    found = jacobian(
        first, positions, options, mode="jacfwd", bare=bare, name="hessian", integers=True, observer=observer
    )
    names = ", ".join(low.signature[p][0] for p in positions)
    found.function.doc = f"Hessian of {low.function.name} with respect to {names}."
    return found
