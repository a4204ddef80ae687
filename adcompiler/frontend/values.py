"""What a Python value is while its program is being lowered: IR operands inside static structure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from adcompiler.errors import TypeMismatch
from adcompiler.ir.build import boolean
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.core import Value as IRValue
from adcompiler.ir.types import DTYPES, NAMES, Array, Scalar, b1, f64, i64, join


@dataclass(frozen=True, slots=True)
class Num:
    """A scalar. `weak`: a Python number, which takes the dtype of what it meets; a Const operand is known."""

    op: Operand
    weak: bool = True

    @property
    def dtype(self) -> str:
        assert isinstance(self.op.type, Scalar | Array)
        return self.op.type.dtype

    @property
    def known(self) -> bool:
        return isinstance(self.op, Const)

    @property
    def value(self) -> Any:
        """The number, where it is known."""
        assert isinstance(self.op, Const)
        return self.op.value


@dataclass(frozen=True, slots=True)
class Arr:
    """A handle to an array."""

    op: IRValue

    @property
    def type(self) -> Array:
        assert isinstance(self.op.type, Array)
        return self.op.type

    @property
    def dtype(self) -> str:
        return self.type.dtype


@dataclass(frozen=True, slots=True)
class Seq:
    """A tuple; a named tuple (`cls`); or a list display of static length (`listed`: as an index it is an array)."""

    items: tuple[Val, ...]
    cls: Any = None
    listed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Map:
    """The content of a dict with constant keys."""

    keys: tuple[Any, ...]
    items: tuple[Val, ...]


@dataclass(frozen=True, slots=True)
class Rec:
    """The content of a dataclass instance."""

    cls: type
    keys: tuple[str, ...]
    items: tuple[Val, ...]


@dataclass(eq=False, slots=True)
class Box:
    """The identity of a dict or dataclass instance; `frozen` says why it may not be changed any more."""

    frozen: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """A dict or dataclass instance; its content stands in the state, under its box."""

    box: Box


@dataclass(frozen=True, slots=True)
class Obj:
    """A Python object known when compiling: a function, module, class, None, str, dtype."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Obj) and (self.value is other.value or _same_plain(self.value, other.value))

    def __hash__(self) -> int:
        return id(self.value)


def _same_plain(a: Any, b: Any) -> bool:
    plain = (str, bytes, type(None), type(Ellipsis), np.dtype)
    return isinstance(a, plain) and isinstance(b, plain) and a == b


@dataclass(frozen=True, slots=True)
class Slice:
    lo: Val
    hi: Val
    step: Val


@dataclass(frozen=True, slots=True)
class Range:
    lo: Num
    hi: Num
    step: Num


@dataclass(frozen=True, slots=True)
class Each:
    """enumerate (one source and its start) or zip."""

    kind: str
    sources: tuple[Val, ...]
    start: Num | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A method with the object it belongs to."""

    owner: Val
    name: str


@dataclass(frozen=True, slots=True)
class Tape:
    """A tape of generated code: `stack(...)`, pushed on with `.append`, taken from with `.pop`."""

    op: IRValue


@dataclass(frozen=True, slots=True)
class Partial:
    """functools.partial."""

    fn: Val
    args: tuple[Val, ...]
    kwargs: tuple[tuple[str, Val], ...]


@dataclass(eq=False, slots=True)
class Closure:
    """A lambda or nested function together with the frame that defines it."""

    node: ast.Lambda | ast.FunctionDef
    frame: Any
    defaults: dict[str, Val] = field(default_factory=dict)

    @property
    def __name__(self) -> str:
        return getattr(self.node, "name", "lambda")


@dataclass(frozen=True, slots=True)
class Maybe:
    """A variable that is bound on some paths only: where `flag` is true."""

    value: Val
    flag: Operand


Val = Num | Arr | Seq | Map | Rec | Ref | Obj | Slice | Range | Each | Bound | Partial | Closure | Maybe | Tape
NONE = Obj(None)
State = dict[Any, Val]


def number(value: bool | int | float) -> Num:
    """A Python number known when compiling."""
    kind = b1 if isinstance(value, bool) else i64 if isinstance(value, int) else f64
    if kind is i64 and not -(2**63) <= value < 2**63:
        raise TypeMismatch(f"the integer {value} does not fit 64 bits", hint="a float")
    return Num(Const(value, kind))


def is_none(v: Val | None) -> bool:
    return isinstance(v, Obj) and v.value is None


def children(v: Val) -> tuple[Val, ...]:
    """The parts of a structured value."""
    if isinstance(v, Seq | Map | Rec):
        return v.items
    if isinstance(v, Slice | Range):
        return (v.lo, v.hi, v.step)
    if isinstance(v, Each):
        return v.sources if v.start is None else (*v.sources, v.start)
    if isinstance(v, Bound):
        return (v.owner,)
    if isinstance(v, Partial):
        return (v.fn, *v.args, *(x for _, x in v.kwargs))
    return ()


def with_children(v: Val, parts: tuple[Val, ...]) -> Val:
    """`v` with other parts."""
    if isinstance(v, Seq | Map | Rec):
        return replace(v, items=parts)
    if isinstance(v, Slice):
        return Slice(*parts)
    if isinstance(v, Range | Each):
        numbers = [p for p in parts if isinstance(p, Num)]
        if isinstance(v, Range):
            return Range(*numbers)
        return Each(v.kind, parts[: len(v.sources)], numbers[-1] if v.start is not None else None)
    if isinstance(v, Bound):
        return Bound(parts[0], v.name)
    if isinstance(v, Partial):
        count = 1 + len(v.args)
        names = [k for k, _ in v.kwargs]
        return Partial(parts[0], parts[1:count], tuple(zip(names, parts[count:], strict=True)))
    return v


def operands(v: Val) -> Iterator[Operand]:
    """The run-time leaves, in order."""
    if isinstance(v, Num | Arr):
        yield v.op
    elif isinstance(v, Maybe):
        yield from operands(v.value)
        yield v.flag
    else:
        for part in children(v):
            yield from operands(part)


def array_at(op: Operand) -> Arr:
    """The array with this handle."""
    assert isinstance(op, IRValue)
    return Arr(op)


def rebuild(v: Val, fresh: Iterator[Operand]) -> Val:
    """`v` with its run-time leaves replaced, in the order of `operands`."""
    if isinstance(v, Num):
        return Num(next(fresh), v.weak)
    if isinstance(v, Arr):
        return array_at(next(fresh))
    if isinstance(v, Maybe):
        return Maybe(rebuild(v.value, fresh), next(fresh))
    parts = children(v)
    return with_children(v, tuple([rebuild(p, fresh) for p in parts])) if parts else v


def label(v: Val, name: str) -> Iterator[str]:
    """A name for each run-time leaf: `p`, `p_x`, `p_0`."""
    if isinstance(v, Num | Arr):
        yield name
    elif isinstance(v, Maybe):
        yield from label(v.value, name)
        yield f"{name}_bound"
    else:
        keys = v.keys if isinstance(v, Map | Rec) else getattr(v.cls, "_fields", None) if isinstance(v, Seq) else None
        for key, part in zip(keys or range(len(children(v))), children(v), strict=True):
            yield from label(part, f"{name}_{key}")


def expose(v: Val, state: State) -> Val:
    """`v` with its references replaced by what they refer to."""
    if isinstance(v, Ref):
        return expose(state[v.box], state)
    if isinstance(v, Maybe):
        return Maybe(expose(v.value, state), v.flag)
    parts = children(v)
    return with_children(v, tuple([expose(p, state) for p in parts])) if parts else v


def skeleton(v: Val) -> Any:
    """What must agree for two structured values to be merged leaf by leaf."""
    if isinstance(v, Seq):
        return Seq, v.cls, len(v.items)
    if isinstance(v, Map):
        return Map, v.keys
    if isinstance(v, Rec):
        return Rec, v.cls
    return type(v), getattr(v, "kind", None), getattr(v, "name", None), len(children(v))


def join_scalars(a: Num, b: Num) -> Num:
    """A number of the least dtype that holds both; Python numbers give way (NumPy 2)."""
    kinds = [_exemplar(a), _exemplar(b)]
    if all(isinstance(k, np.dtype) for k in kinds) or a.weak != b.weak:
        dtype = NAMES[np.result_type(*kinds)]
    else:
        dtype = NAMES[np.result_type(DTYPES[a.dtype], DTYPES[b.dtype])]
    return Num(IRValue("t", Scalar(dtype)), a.weak and b.weak)


def _exemplar(n: Num) -> Any:
    """The dtype of a strong number, a Python number for a weak one."""
    if not n.weak:
        return DTYPES[n.dtype]
    return {"b": False, "i": 0, "u": 0, "f": 0.0}[n.dtype[0]]


def describe(v: Val | None) -> str:
    """How an error calls a value."""
    if v is None:
        return "unbound"
    if isinstance(v, Num | Arr):
        return f"{'a Python number of type ' if isinstance(v, Num) and v.weak else ''}{v.op.type}"
    if isinstance(v, Seq):
        return v.cls.__name__ if v.cls else f"a tuple of {len(v.items)}"
    if isinstance(v, Obj):
        return "None" if v.value is None else f"the {type(v.value).__name__} {getattr(v.value, '__name__', v.value)!r}"
    if isinstance(v, Rec):
        return v.cls.__name__
    if isinstance(v, Maybe):
        return describe(v.value)
    kind: type = type(v)
    return NAMED.get(kind) or kind.__name__.lower()


NAMED: dict[Any, str] = {
    Map: "a dict", Ref: "a dict or dataclass", Range: "a range", Closure: "a function", Slice: "a slice",
    Tape: "a tape",
}  # fmt: skip


def join_values(a: Val | None, b: Val | None, flagged: bool = True) -> Val | None:
    """The template of a value that is `a` on one path and `b` on another; TypeError where there is none.

    Only the types of a template's leaves count. References must have been exposed, unless they are the same.
    """
    if a is None or b is None:
        one = b if a is None else a
        if one is None or isinstance(one, Maybe) or not flagged:
            return one
        return Maybe(one, boolean(False))
    if isinstance(a, Maybe) or isinstance(b, Maybe):
        inner = join_values(_sure(a), _sure(b))
        assert inner is not None
        return Maybe(inner, boolean(False))
    if isinstance(a, Num) and isinstance(b, Num):
        return a if (a.op.type, a.weak) == (b.op.type, b.weak) else join_scalars(a, b)
    if isinstance(a, Arr) and isinstance(b, Arr):
        return a if a.type == b.type else Arr(IRValue("t", join(a.type, b.type)))
    parts, others = children(a), children(b)
    if parts and skeleton(a) == skeleton(b):
        joined = [join_values(x, y) for x, y in zip(parts, others, strict=True)]
        return with_children(a, tuple([v for v in joined if v is not None]))
    if a == b:
        return a
    raise TypeError(f"{describe(a)} on one path and {describe(b)} on another")


def _sure(v: Val) -> Val:
    return v.value if isinstance(v, Maybe) else v


def alike(a: Val | None, b: Val | None) -> bool:
    """Two templates with leaves of the same types."""
    if a is None or b is None:
        return a is b
    x, y = list(operands(a)), list(operands(b))
    return type(a) is type(b) and [o.type for o in x] == [o.type for o in y] and _weakness(a) == _weakness(b)


def _weakness(v: Val) -> list[Any]:
    if isinstance(v, Num):
        return [v.weak]
    inner = [_weakness(v.value)] if isinstance(v, Maybe) else [_weakness(p) for p in children(v)]
    return [type(v).__name__, *inner]
