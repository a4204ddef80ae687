"""The structured SSA IR.

    function ::= 'func @name(' %p: [mut] type, ... ') -> ' type, ... '{' region '}'
    region   ::= op ... terminator
    op       ::= [%r: type, ... '='] name operand, ... [, key=value ...]
               | ... 'for' %i 'in' lo..hi ['step' s] ['reversed'] 'with (' %p: type = init, ... ') {' region '}'
               | ... 'while with (' %p: type = init, ... ') {' cond region '} do {' region '}'
               | ... 'if' %c '{' region '} else {' region '}'
    terminator ::= 'yield' operand, ... ['until' %stop] | 'test' %go | 'return' operand, ...

Scalars are values; arrays are handles to memory (analysis/alias.py knows which). What an op means,
which memory it touches and how it is differentiated stands in its entry of the op table.

`for`: region params are the index and the carried values; `yield a, b until %stop` leaves the loop
after this iteration with those values. `while`: the cond region's params are the carried values and
are seen by the body too; no other value of the cond region is. Regions see all values of enclosing ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adcompiler.errors import Loc
from adcompiler.ir.types import Scalar, Type


class Value:
    """One SSA value: identity is what counts; the name is the user's, made unique when printed."""

    __slots__ = ("name", "type")

    def __init__(self, name: str, type: Type):
        self.name, self.type = name, type

    def __repr__(self) -> str:
        return f"%{self.name}: {self.type}"


@dataclass(frozen=True, slots=True)
class Const:
    """A literal operand: a Python bool, int or float, with the type of its context.

    Equality tells 0.0 from -0.0 and takes nan as itself.
    """

    value: bool | int | float
    type: Scalar

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self.type == other.type and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash((self.type, repr(self.value)))

    def __repr__(self) -> str:
        return f"{self.value}: {self.type}"


Operand = Value | Const


@dataclass(eq=False, slots=True)
class Region:
    """A list of ops, the last a terminator, with the values it binds."""

    params: list[Value] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)

    @property
    def terminator(self) -> Op:
        return self.ops[-1]


@dataclass(eq=False, slots=True)
class Op:
    """One instruction. Mutable while it is being built; passes make new ones."""

    name: str
    args: list[Operand]
    results: list[Value] = field(default_factory=list)
    attrs: dict[str, Any] = field(default_factory=dict)
    regions: list[Region] = field(default_factory=list)
    loc: Loc | None = None

    @property
    def result(self) -> Value:
        (value,) = self.results
        return value

    # The structure of `for`: args are lo, hi, step, inits...; of `while`: inits.
    @property
    def inits(self) -> list[Operand]:
        return self.args[3:] if self.name == "for" else self.args

    @property
    def carried(self) -> list[Value]:
        """The carried params of a loop."""
        params = self.regions[0].params
        return params[1:] if self.name == "for" else params

    @property
    def body(self) -> Region:
        return self.regions[-1]

    @property
    def yields(self) -> list[Operand]:
        """What a loop's body yields for its carried values (`until` apart)."""
        return yielded(self.body)

    @property
    def until(self) -> Operand | None:
        """The stop predicate of a loop's body, if it has one."""
        end = self.body.terminator
        return end.args[-1] if end.attrs.get("until") else None


def yielded(region: Region) -> list[Operand]:
    """The values a region yields, without the stop predicate."""
    end = region.terminator
    return end.args[:-1] if end.attrs.get("until") else end.args


@dataclass(eq=False, slots=True)
class Function:
    """`mut` holds the params that the body may write to."""

    name: str
    body: Region
    mut: set[Value] = field(default_factory=set)
    doc: str = ""

    @property
    def params(self) -> list[Value]:
        return self.body.params

    @property
    def returns(self) -> Sequence[Operand]:
        return self.body.terminator.args

    def __str__(self) -> str:
        from adcompiler.ir.text import to_text

        return to_text(self)


TERMINATORS = frozenset({"yield", "test", "return"})
CONTROL = frozenset({"for", "while", "if"})
