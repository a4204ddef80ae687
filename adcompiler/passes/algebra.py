"""The identities that folding knows, one function per op: what to say instead, or None.

A rule gets a `Scene`, which tells where operands come from and builds ops in front of the one at hand.
Identities keep IEEE values up to the sign of zero (`strict`: and that too, and the order of operations);
`0.0 * x` stays, for x may be inf or nan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Const, Op, Operand, Value
from adcompiler.ir.types import Array, Scalar, b1, is_float, is_int, np_dtype

Rule = Callable[["Scene", Op], Operand | None]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a rule works: `definer` of each value seen so far, `count` of its uses, a builder before the op."""

    definer: dict[Value, Op]
    count: dict[Operand, int]
    build: Builder
    extents: Callable[[Operand], Sequence[object] | None]
    # Do the arrays that an earlier op read still hold what they held? If not, it can't be looked through.
    unchanged: Callable[[Op], bool]
    strict: bool = False

    def made_by(self, operand: Operand, name: str, once: bool = False) -> Op | None:
        """The op `name` that defines the operand; `once`: only if nothing else uses it."""
        if not isinstance(operand, Value):
            return None
        op = self.definer.get(operand)
        if op is None or op.name != name or (once and self.count.get(operand, 0) > 1) or not self.unchanged(op):
            return None
        return op

    def same_shape(self, a: Operand, b: Operand) -> bool:
        extents = self.extents(a)
        return extents is not None and extents == self.extents(b)

    def negated(self, operand: Operand, once: bool = False) -> Operand | None:
        """x where the operand is -x."""
        op = self.made_by(operand, "neg", once)
        return op.args[0] if op else None

    def signless(self, zero: Operand) -> bool:
        """May the sign of this zero be taken for either?"""
        return not (self.strict and is_float(zero.type))

    def new(self, like: Op, name: str, *args: Operand) -> Value:
        """Build an op whose result takes the name of `like`'s."""
        return self.build.op(name, *args, hint=like.result.name)


def is_number(operand: Operand, value: float) -> bool:
    return isinstance(operand, Const) and not isinstance(operand.value, bool) and operand.value == value


def like(operand: Operand, value: float) -> Const:
    """A literal of the operand's dtype."""
    assert isinstance(operand.type, Scalar | Array)
    return const(value, Scalar(operand.type.dtype))


def neg(s: Scene, op: Op) -> Operand | None:
    (x,) = op.args
    if (inner := s.negated(x)) is not None:
        return inner
    if (is_int(x.type) or not s.strict) and (difference := s.made_by(x, "sub", once=True)):
        return s.new(op, "sub", *reversed(difference.args))
    return None


def add(s: Scene, op: Op) -> Operand | None:
    a, b = op.args
    for x, y in ((a, b), (b, a)):
        if is_number(y, 0) and s.signless(y):
            return x
    for x, y in ((a, b), (b, a)):
        if (minus := s.negated(y)) is not None:
            return s.new(op, "sub", x, minus)
    if a is b and is_float(a.type):
        return s.new(op, "mul", like(a, 2.0), a)
    return shifted(s, op, 1)


def sub(s: Scene, op: Op) -> Operand | None:
    a, b = op.args
    if is_number(b, 0):
        return a
    if is_number(a, 0) and s.signless(a):
        return s.new(op, "neg", b)
    if (minus := s.negated(b)) is not None:
        return s.new(op, "add", a, minus)
    if a is b and is_int(a.type) and isinstance(a.type, Scalar):
        return like(a, 0)
    return shifted(s, op, -1)


def shifted(s: Scene, op: Op, sign: int) -> Operand | None:
    """(i + c1) + c2 -> i + c, for integers."""
    base, c2 = op.args if isinstance(op.args[1], Const) else (op.args[1], op.args[0])
    if not (isinstance(c2, Const) and op.result.type == Scalar("i64") and isinstance(base, Value)):
        return None
    if sign < 0 and isinstance(op.args[0], Const):
        return None
    for name, inner_sign in (("add", 1), ("sub", -1)):
        inner = s.made_by(base, name)
        if inner and isinstance(inner.args[1], Const):
            total = sign * c2.value + inner_sign * inner.args[1].value
            if total == 0:
                return inner.args[0]
            return s.new(op, "add" if total > 0 else "sub", inner.args[0], like(base, abs(total)))
    return None


def mul(s: Scene, op: Op) -> Operand | None:
    a, b = op.args
    for x, y in ((a, b), (b, a)):
        if is_number(y, 1):
            return x
        if is_number(y, -1):
            return s.new(op, "neg", x)
        if is_number(y, 0) and is_int(x.type) and isinstance(x.type, Scalar):
            return y
    return factor(s, op) or signs(s, op)


def factor(s: Scene, op: Op) -> Operand | None:
    """c1 * (c2 * x) -> c * x, for floats, where c is an ordinary number."""
    c1, rest = _literal_first(op)
    inner = s.made_by(rest, "mul", once=True)
    if s.strict or not (isinstance(c1, Const) and inner and is_float(c1.type)):
        return None
    c2, x = _literal_first(inner)
    if not isinstance(c2, Const):
        return None
    kind = np_dtype(c1.type).type
    product = float(kind(c1.value) * kind(c2.value))
    if not 1e-30 < abs(product) < 1e30:
        return None
    return s.new(op, "mul", const(product, c1.type), x)


def _literal_first(op: Op) -> tuple[Operand, Operand]:
    a, b = op.args
    return (b, a) if isinstance(b, Const) else (a, b)


def signs(s: Scene, op: Op) -> Operand | None:
    """-a * b -> -(a * b), for products and quotients of floats: the sign goes where a sum can take it in."""
    a, b = op.args
    if not is_float(op.result.type):
        return None
    left, right = s.negated(a), s.negated(b)
    if left is not None and right is not None:
        return s.new(op, op.name, left, right)
    if (left := s.negated(a, once=True)) is not None:
        return s.new(op, "neg", s.new(op, op.name, left, b))
    if (right := s.negated(b, once=True)) is not None:
        return s.new(op, "neg", s.new(op, op.name, a, right))
    return None


def div(s: Scene, op: Op) -> Operand | None:
    a, b = op.args
    if is_number(b, 1):
        return a
    if is_number(b, -1):
        return s.new(op, "neg", a)
    return signs(s, op)


def floordiv(s: Scene, op: Op) -> Operand | None:
    a, b = op.args
    if not is_int(op.result.type):
        return None
    if is_number(b, 1):
        return a
    return s.new(op, "neg", a) if is_number(b, -1) else None


def power(s: Scene, op: Op) -> Operand | None:
    a, b = op.args
    if is_number(b, 1):
        return a
    if is_number(b, 0) and isinstance(a.type, Scalar):
        return like(a, 1)
    return None


def select(s: Scene, op: Op) -> Operand | None:
    mask, a, b = op.args
    if isinstance(mask, Const):
        chosen = a if mask.value else b
        return chosen if chosen.type == op.result.type else None
    if a == b and isinstance(op.result.type, Scalar):
        return a
    if a == const(True, b1) and b == const(False, b1) and mask.type == b1:
        return mask
    if inner := s.made_by(mask, "not"):
        return s.new(op, "select", inner.args[0], b, a)
    return None


def not_(s: Scene, op: Op) -> Operand | None:
    (x,) = op.args
    if inner := s.made_by(x, "not"):
        return inner.args[0]
    comparison = s.definer.get(x) if isinstance(x, Value) else None
    if comparison is None or comparison.name not in OPPOSITE:
        return None
    # Not for floats: where one side is nan, both a < b and a >= b are false.
    if comparison.name in ("eq", "ne") or not is_float(comparison.args[0].type):
        return s.new(op, OPPOSITE[comparison.name], *comparison.args)
    return None


OPPOSITE = {"lt": "ge", "ge": "lt", "le": "gt", "gt": "le", "eq": "ne", "ne": "eq"}


MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}


def and_(s: Scene, op: Op) -> Operand | None:
    return _logic(op, unit=True)


def or_(s: Scene, op: Op) -> Operand | None:
    return _logic(op, unit=False)


def _logic(op: Op, unit: bool) -> Operand | None:
    """unit `op` x is x, not-unit `op` x is not-unit, x `op` x is x."""
    a, b = op.args
    if a is b:
        return a
    for x, y in ((a, b), (b, a)):
        if isinstance(y, Const):
            if y.value == unit:
                return x
            return y if isinstance(op.result.type, Scalar) else None
    return None


def comparison(s: Scene, op: Op) -> Operand | None:
    """An integer compared with itself; a literal goes to the right."""
    a, b = op.args
    if isinstance(a, Const) and not isinstance(b, Const):
        return s.new(op, MIRRORED[op.name], b, a)
    if a is not b or is_float(a.type) or not isinstance(a.type, Scalar):
        return None
    return const(op.name in ("eq", "le", "ge"), b1)


def extremum(s: Scene, op: Op) -> Operand | None:
    """max(x, x); max(n, 0) of an extent n."""
    a, b = op.args
    if a is b:
        return a
    for x, y in ((a, b), (b, a)):
        if op.name == "maximum" and s.made_by(x, "dim") and isinstance(y, Const) and y.value <= 0:
            return x
    return None


def cast(s: Scene, op: Op) -> Operand | None:
    (x,) = op.args
    if x.type == op.result.type:
        return x
    inner = s.made_by(x, "cast")
    if inner is None or not isinstance(x.type, Scalar | Array):
        return None
    source = inner.args[0]
    assert isinstance(source.type, Scalar | Array)
    lossless = _holds(x.type.dtype, source.type.dtype)
    if not lossless:
        return None
    if source.type == op.result.type:
        return source
    return s.build.op("cast", source, hint=op.result.name, dtype=op.attrs["dtype"])


def _holds(wide: str, narrow: str) -> bool:
    """Does dtype `wide` hold every value of `narrow` exactly?"""
    bits = {"f64": 53, "f32": 24}
    if narrow == "b1" or wide == narrow:
        return True
    if wide == "b1" or narrow[0] == "f":
        return wide[0] == "f" and bits[wide] >= bits.get(narrow, 99)
    size = int(narrow[1:])
    if wide[0] == "f":
        return size <= bits[wide]
    return int(wide[1:]) > size and (wide[0] == "i" or narrow[0] == "u")


def shape_like(s: Scene, op: Op) -> Operand | None:
    """A value brought to the shape that it has."""
    value, model = op.args
    if isinstance(value.type, Scalar) and isinstance(model.type, Scalar):
        return value
    if isinstance(value, Value) and isinstance(value.type, Array) and s.same_shape(model, value):
        return value
    return None


def summed_to(s: Scene, op: Op) -> Operand | None:
    """A value summed to a shape: over axes, where it is known which."""
    value, model = op.args
    same = shape_like(s, op)
    if same is not None or op.attrs or not is_float(value.type) or not isinstance(value.type, Array):
        return same
    if isinstance(model.type, Scalar):
        return s.new(op, "sum", value)
    given, wanted = s.extents(value), s.extents(model)
    if given is None or wanted is None:
        return None
    lead = len(given) - len(wanted)
    differ = [k for k, (a, b) in enumerate(zip(given[lead:], wanted, strict=True)) if a != b]
    if any(wanted[k] != 1 for k in differ):
        return None
    if lead:
        value = s.build.op("sum", value, hint=op.result.name, axis=tuple(range(lead)))
    return s.build.op("sum", value, hint=op.result.name, axis=tuple(differ), keepdims=True) if differ else value


def total(s: Scene, op: Op) -> Operand | None:
    """sum(-x) -> -sum(x)"""
    x = s.negated(op.args[0], once=True)
    if x is None or not is_float(op.result.type):
        return None
    return s.new(op, "neg", s.build.op("sum", x, hint=op.result.name, **op.attrs))


def copy(s: Scene, op: Op) -> Operand | None:
    """The array itself, where nobody writes to either."""
    return op.args[0]


RULES: dict[str, Rule] = {
    "copy": copy,
    "sum": total,
    "neg": neg, "add": add, "sub": sub, "mul": mul, "div": div, "floordiv": floordiv, "pow": power,
    "select": select, "not": not_,
    "and": and_, "or": or_, "cast": cast, "maximum": extremum, "minimum": extremum,
    "broadcast_like": shape_like, "unspread": summed_to, "sum_to": summed_to,
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), comparison),
}  # fmt: skip
