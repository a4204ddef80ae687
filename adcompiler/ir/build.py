"""The builder: appends typechecked ops to a region; and handles, which let formulas build ops."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from adcompiler.errors import Loc
from adcompiler.ir.core import Const, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, Type, b1, i64


def const(value: bool | int | float, type: Scalar) -> Const:
    """A literal of the given type, held as the Python number that prints and parses back exactly."""
    if type.dtype == "b1":
        return Const(builtins.bool(value), type)
    if type.dtype[0] in "iu":
        return Const(int(value), type)
    return Const(float(np.float32(value)) if type.dtype == "f32" else float(value), type)


def integer(value: int) -> Const:
    return Const(int(value), i64)


def boolean(value: bool) -> Const:
    return Const(builtins.bool(value), b1)


class Builder:
    """Appends ops to `region`; `loc` is stamped on what it builds."""

    def __init__(self, region: Region, loc: Loc | None = None):
        self.region, self.loc = region, loc

    @contextmanager
    def at(self, loc: Loc | None) -> Iterator[Builder]:
        """Build at the user's place `loc` for a while."""
        self.loc, saved = loc, self.loc
        try:
            yield self
        finally:
            self.loc = saved

    @contextmanager
    def inside(self, region: Region) -> Iterator[Builder]:
        """Build into another region for a while."""
        self.region, saved = region, self.region
        try:
            yield self
        finally:
            self.region = saved

    def add(self, op: Op) -> Op:
        self.region.ops.append(op)
        return op

    def emit(self, name: str, args: Sequence[Operand], attrs: dict[str, Any] | None = None, hint: str = "t") -> Op:
        """Append op `name`, its result types inferred from the operands; `hint` names the result."""
        attrs = attrs or {}
        entry = OPS[name]
        types = entry.infer([a.type for a in args], attrs)
        if entry.known is not None:
            types = entry.known(args, attrs, types)
        results = [Value(hint, t) for t in types]
        return self.add(Op(name, list(args), results, attrs, [], self.loc))

    def op(self, name: str, *args: Operand, hint: str = "t", **attrs: Any) -> Value:
        """Append a one-result op and return its value."""
        return self.emit(name, args, attrs, hint).result

    def do(self, name: str, *args: Operand, **attrs: Any) -> Op:
        """Append an op without results."""
        return self.emit(name, args, attrs)

    # Control flow: the caller fills the regions, ending each with a terminator.
    def if_(self, cond: Operand, results: Sequence[Value], then: Region, orelse: Region) -> Op:
        return self.add(Op("if", [cond], list(results), {}, [then, orelse], self.loc))

    def for_(
        self,
        lo: Operand,
        hi: Operand,
        step: Operand,
        inits: Sequence[Operand],
        results: Sequence[Value],
        body: Region,
        reversed: bool = False,
    ) -> Op:
        attrs = {"reversed": True} if reversed else {}
        return self.add(Op("for", [lo, hi, step, *inits], list(results), attrs, [body], self.loc))

    def while_(self, inits: Sequence[Operand], results: Sequence[Value], cond: Region, body: Region) -> Op:
        return self.add(Op("while", list(inits), list(results), {}, [cond, body], self.loc))

    def yield_(self, *args: Operand, until: Operand | None = None) -> Op:
        if until is None or until == boolean(False):
            return self.add(Op("yield", list(args), loc=self.loc))
        return self.add(Op("yield", [*args, until], attrs={"until": True}, loc=self.loc))

    def test(self, go: Operand) -> Op:
        return self.add(Op("test", [go], loc=self.loc))

    def return_(self, *args: Operand) -> Op:
        return self.add(Op("return", list(args), loc=self.loc))

    def handle(self, operand: Operand) -> Handle:
        return Handle(self, operand)


class Handle:
    """An operand with Python's operators, so that one lambda runs on floats, arrays and IR alike.

    A number meeting a handle takes the handle's dtype (house rule: constants have the type of their context).
    """

    __slots__ = ("builder", "operand")
    __array_ufunc__ = None

    def __init__(self, builder: Builder, operand: Operand):
        self.builder, self.operand = builder, operand

    @property
    def type(self) -> Type:
        return self.operand.type

    @property
    def dtype(self) -> str:
        assert isinstance(self.type, Scalar | Array)
        return self.type.dtype

    @property
    def literal(self) -> float | None:
        """The number, where the operand is a literal."""
        return self.operand.value if isinstance(self.operand, Const) else None

    def call(self, name: str, *args: Any, **attrs: Any) -> Handle:
        """Apply op `name` to handles and numbers; numbers take this handle's dtype. Several results: a tuple."""
        entry = OPS[name]
        reads = entry.reads if entry.kind != "view" else None  # who takes a view will read it
        operands = [self.lift(a, content=reads is None or k in reads) for k, a in enumerate(args)]
        made = [Handle(self.builder, r) for r in self.builder.emit(name, operands, attrs).results]
        return made[0] if len(made) == 1 else tuple(made)  # type: ignore[return-value]

    def take(self, content: bool) -> Operand:
        """The operand; `content` says whether its elements will be read, or just its shape."""
        return self.operand

    def lift(self, other: Any, content: bool = True) -> Operand:
        if isinstance(other, Handle):
            return other.take(content)
        assert isinstance(self.type, Scalar | Array), "a number meets a tape"
        return const(other, Scalar(self.type.dtype))

    def __neg__(self) -> Handle:
        return self.call("neg", self)

    def __add__(self, other: Any) -> Handle:
        return self.call("add", self, other)

    def __radd__(self, other: Any) -> Handle:
        return self.call("add", other, self)

    def __sub__(self, other: Any) -> Handle:
        return self.call("sub", self, other)

    def __rsub__(self, other: Any) -> Handle:
        return self.call("sub", other, self)

    def __mul__(self, other: Any) -> Handle:
        return self.call("mul", self, other)

    def __rmul__(self, other: Any) -> Handle:
        return self.call("mul", other, self)

    def __truediv__(self, other: Any) -> Handle:
        return self.call("div", self, other)

    def __rtruediv__(self, other: Any) -> Handle:
        return self.call("div", other, self)

    def __pow__(self, other: Any) -> Handle:
        return self.call("pow", self, other)

    def __lt__(self, other: Any) -> Handle:
        return self.call("lt", self, other)

    def __le__(self, other: Any) -> Handle:
        return self.call("le", self, other)

    def __gt__(self, other: Any) -> Handle:
        return self.call("gt", self, other)

    def __ge__(self, other: Any) -> Handle:
        return self.call("ge", self, other)


def apply(name: str, *args: Any, **attrs: Any) -> Any:
    """Op `name` on handles (builds it) or on numbers and arrays (computes it)."""
    for a in args:
        if isinstance(a, Handle):
            return a.call(name, *args, **attrs)
    evaluate = OPS[name].evaluate
    assert evaluate is not None
    return evaluate(*args, **attrs)
