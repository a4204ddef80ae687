"""LLVM instructions written as arithmetic: a formula over `Lanes` runs when a kernel is compiled, and leaves its
instructions in the kernel.

Numba would take 10 ms for each line of such a formula written in Python, and once more in every module.

A kernel's floating-point mode must not reach these instructions: `reassoc` would undo an exact sum. Numba gives its
flags to those that have none, so each has one that means nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

F64, F32, I64 = ir.DoubleType(), ir.FloatType(), ir.IntType(64)
KEPT = {"fdiv": ("contract",)}
MEANINGLESS = ("arcp",)


class Lanes:
    """A float64, an int64 or a truth value, or a vector of them."""

    __slots__ = ("builder", "value")

    def __init__(self, builder: Any, value: Any):
        self.builder, self.value = builder, value

    @property
    def width(self) -> int:
        return self.value.type.count if isinstance(self.value.type, ir.VectorType) else 1

    @property
    def element(self) -> Any:
        return self.value.type.element if self.width > 1 else self.value.type

    def of(self, scalar: Any) -> Any:
        """The vector type of as many lanes."""
        return ir.VectorType(scalar, self.width) if self.width > 1 else scalar

    def operand(self, other: Any) -> Any:
        """Another one's value, or a number in every lane."""
        if isinstance(other, Lanes):
            return other.value
        return ir.Constant(self.value.type, [other] * self.width if self.width > 1 else other)

    def made(self, value: Any) -> Lanes:
        return Lanes(self.builder, value)

    def every(self, number: float) -> Lanes:
        """The number in as many lanes."""
        return self.made(ir.Constant(self.of(F64), [number] * self.width if self.width > 1 else number))

    def _binary(self, name: str, other: Any) -> Lanes:
        a, b = self.value, self.operand(other)
        if self.element == F64:
            name = "f" + name
            return self.made(getattr(self.builder, name)(a, b, flags=KEPT.get(name, MEANINGLESS)))
        return self.made(getattr(self.builder, name)(a, b))

    def _swapped(self, name: str, other: Any) -> Lanes:
        return self.made(self.operand(other))._binary(name, self)

    def _compared(self, sign: str, other: Any) -> Lanes:
        a, b = self.value, self.operand(other)
        if self.element == F64:
            return self.made(self.builder.fcmp_ordered(sign, a, b, flags=MEANINGLESS))
        return self.made(self.builder.icmp_signed(sign, a, b))

    def __add__(self, other: Any) -> Lanes:
        return self._binary("add", other)

    def __sub__(self, other: Any) -> Lanes:
        return self._binary("sub", other)

    def __mul__(self, other: Any) -> Lanes:
        return self._binary("mul", other)

    def __truediv__(self, other: Any) -> Lanes:
        return self._binary("div", other)

    def __rsub__(self, other: Any) -> Lanes:
        return self._swapped("sub", other)

    def __rtruediv__(self, other: Any) -> Lanes:
        return self._swapped("div", other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Lanes:
        return self.made(self.builder.fneg(self.value))

    def __lt__(self, other: Any) -> Lanes:
        return self._compared("<", other)

    def __gt__(self, other: Any) -> Lanes:
        return self._compared(">", other)

    def equals(self, other: Any) -> Lanes:
        return self._compared("==", other)

    def unlike(self, other: Any) -> Lanes:
        """Are they different, or not numbers?"""
        return self.made(self.builder.fcmp_unordered("!=", self.value, self.operand(other), flags=MEANINGLESS))

    # Bits.
    def __and__(self, other: Any) -> Lanes:
        return self.made(self.builder.and_(self.value, self.operand(other)))

    def __or__(self, other: Any) -> Lanes:
        return self.made(self.builder.or_(self.value, self.operand(other)))

    def __xor__(self, other: Any) -> Lanes:
        return self.made(self.builder.xor(self.value, self.operand(other)))

    def __lshift__(self, count: int) -> Lanes:
        return self.made(self.builder.shl(self.value, self.operand(count)))

    def __rshift__(self, count: int) -> Lanes:
        """Zeros come in from the left."""
        return self.made(self.builder.lshr(self.value, self.operand(count)))

    @property
    def bits(self) -> Lanes:
        """The float64's bits as an int64."""
        return self.made(self.builder.bitcast(self.value, self.of(I64)))

    @property
    def number(self) -> Lanes:
        """The float64 that has these bits."""
        return self.made(self.builder.bitcast(self.value, self.of(F64)))

    @property
    def wide(self) -> Lanes:
        """float32 as float64."""
        return self.made(self.builder.fpext(self.value, self.of(F64)))

    @property
    def narrow(self) -> Lanes:
        """float64 rounded to float32."""
        return self.made(self.builder.fptrunc(self.value, self.of(F32)))


class Unflagged(set[str]):
    """The flags of a call that Numba's are not added to: `nsz` would lose the sign of sin(-0.0)."""

    def add(self, flag: str) -> None:
        """No flag."""


def intrinsic(name: str, *args: Any) -> Lanes:
    """A function of LLVM's, in every lane."""
    model = next(a for a in args if isinstance(a, Lanes))
    t = model.value.type
    suffix = (f"v{model.width}" if model.width > 1 else "") + ("f64" if model.element == F64 else "f32")
    function = declared(model.builder.module, f"llvm.{name}.{suffix}", ir.FunctionType(t, [t] * len(args)))
    call = model.builder.call(function, [model.operand(a) for a in args])
    call.fastmath = Unflagged()
    return model.made(call)


def declared(module: Any, name: str, signature: Any) -> Any:
    """The module's function of that name."""
    found = module.globals.get(name)
    return found if found is not None else ir.Function(module, signature, name)


def fma(a: Any, b: Any, c: Any) -> Lanes:
    """a * b + c, rounded once where the CPU can: formulas must be right either way."""
    return intrinsic("fmuladd", a, b, c)


def magnitude(x: Lanes) -> Lanes:
    """|x|"""
    return intrinsic("fabs", x)


def signed_as(x: Any, sign: Lanes) -> Lanes:
    """|x| with the sign of the other."""
    return intrinsic("copysign", x, sign)


def choose(condition: Lanes, a: Any, b: Any) -> Lanes:
    """a where it holds, else b."""
    model = next((x for x in (a, b) if isinstance(x, Lanes)), None) or condition.every(a)
    return model.made(model.builder.select(condition.value, model.operand(a), model.operand(b)))


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """The sum of coefficients[k] * x ** k, two of them at least, in pairs (Estrin's scheme): a scalar loop waits for
    the longest chain."""
    terms: list[Any] = list(coefficients)
    while len(terms) > 1:
        pairs = [fma(x, b, a) for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
        x = x * x
    return terms[0]


Formula = Callable[..., Lanes]
