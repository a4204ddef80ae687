"""Pullbacks from pushforwards: what a rule builds that is linear in its direction, transposed op by op, last first.

solve(a, b) has, for a direction d of a,        so an adjoint g of it becomes
  %p = matmul %d, %minus_y                        %s = solve %a_T, %g
  %y_dot = solve %a, %p                           %a_bar = outer %s, %minus_y
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from adcompiler.errors import MissingRule
from adcompiler.ir.build import Builder, Handle
from adcompiler.ir.core import Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Type


@contextmanager
def at_place(op: Op) -> Iterator[None]:
    """A rule that is missing is missing at the user's place."""
    try:
        yield
    except MissingRule as error:
        raise MissingRule(error.message, error.loc or op.loc, error.hint) from None


def pullback(
    rule: Callable[..., Any],
    source: Handle,
    out: Any,
    args: Sequence[Handle],
    bars: Sequence[Operand | None],
    attrs: dict[str, Any],
) -> Handle | None:
    """The adjoint of the operand `source`, whose pushforward is `rule`, from the adjoints of the results.

    What the rule builds of operands and results alone is built; what it builds of the direction only says how.
    """
    b = source.builder
    draft, d = Region(), Value("d", fresh(source.type))
    with b.inside(draft):
        pushed = rule(b.handle(d), out, *args, **attrs)
    linear = {d}
    for op in draft.ops:
        if any(a in linear for a in op.args):
            linear.update(op.results)
        else:
            b.add(op)
    walk = _Transpose(b, draft, d, source, linear)
    for part, g in zip(pushed if isinstance(pushed, tuple) else (pushed,), bars, strict=True):
        if part is not None and g is not None:
            walk.add(part.operand, b.handle(g))
    return walk.run()


def fresh(t: Type) -> Type:
    return Array(t.dtype, t.dims) if isinstance(t, Array) else t


class _Transpose:
    def __init__(self, b: Builder, draft: Region, d: Value, source: Handle, linear: set[Value]):
        self.b, self.d, self.source, self.linear = b, d, source, linear
        self.ops = [op for op in draft.ops if any(r in linear for r in op.results)]
        self.definer = {r: op for op in self.ops for r in op.results}
        self.bars: dict[Value, Handle] = {}

    def run(self) -> Handle | None:
        for op in reversed(self.ops):
            g = self.bars.get(op.result)
            if g is not None:
                self.op(op, g)
        if self.d in self.bars:
            self.add(self.d, self.bars.pop(self.d))
        return self.bars.get(self.d)

    def op(self, op: Op, g: Handle) -> None:
        entry = OPS[op.name]
        if op.name == "sum" and not op.attrs:
            self.bars[op.args[0]] = self._plus(op.args[0], g)  # type: ignore[index]
            return  # a number for all elements, which an elementwise rule takes as it is
        if rank(g.type) < rank(op.result.type) and entry.kind != "elementwise":
            g = g.call("broadcast_like", g, _Shape(self, op.result))
        rules = entry.partials if entry.partials is not None else entry.transpose
        args = [_Shape(self, a) if a in self.linear else self.b.handle(a) for a in op.args]  # type: ignore[arg-type]
        for k, a in enumerate(op.args):
            if a in self.linear:
                rule = rules[k]
                assert rule is not None, f"a pushforward is made of {op.name}, which has no transpose"
                self.add(a, rule(g, _Shape(self, op.result), *args, **op.attrs))

    def add(self, v: Operand, part: Handle) -> None:
        """Add to the adjoint of v, of its shape or broadcast from it."""
        if not isinstance(v, Value) or v not in self.linear:
            return
        here, there = rank(part.type), rank(v.type)
        if here and not there:
            part = part.call("sum", part)
        elif here > there:
            part = part.call("sum_to", part, _Shape(self, v))
        elif here < there:
            part = part.call("broadcast_like", part, _Shape(self, v))
        self.bars[v] = self._plus(v, part)

    def _plus(self, v: Operand, part: Handle) -> Handle:
        old = self.bars.get(v)  # type: ignore[arg-type]
        return part if old is None else old + part

    def like(self, v: Operand) -> Operand:
        """Something of the shape of a linear value, of which nothing else is known: it is never computed."""
        if v is self.d:
            return self.source.take(False)
        if not isinstance(v, Value) or v not in self.linear:
            return v
        op = self.definer[v]
        if op.name == "transpose":
            return self.b.op("transpose", self.like(op.args[0]))
        if OPS[op.name].linear and len(op.args) > 1 and OPS[op.name].reads == (0,):  # brought to the shape of another
            return self.like(op.args[1])
        assert OPS[op.name].kind == "elementwise" or op.name in SHAPELESS, f"the shape of a {op.name} is not known"
        same = [a for a in op.args if rank(a.type) == rank(v.type)]
        return self.like(next((a for a in same if a in self.linear), same[0]))


SHAPELESS = ("tril", "triu")


def rank(t: Type) -> int:
    return t.rank if isinstance(t, Array) else 0


class _Shape(Handle):
    """A value that is linear in the direction: rules of linear ops may ask for its shape, and never read it."""

    __slots__ = ("value", "walk")

    def __init__(self, walk: _Transpose, value: Value):
        self.walk, self.value, self.builder = walk, value, walk.b

    @property
    def operand(self) -> Operand:  # type: ignore[override]
        return self.take(True)

    @property
    def type(self) -> Type:
        return self.value.type

    @property
    def literal(self) -> float | None:
        return None

    def take(self, content: bool) -> Operand:
        assert not content, f"a pushforward is not linear: the transpose reads {self.value}"
        return self.walk.like(self.value)
