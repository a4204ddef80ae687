"""The state of one lowering: where ops go, which names mean what, and how errors find the user's line."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from adcompiler.errors import AdcompilerError, Loc, ShapeMismatch, TypeMismatch
from adcompiler.frontend.liveness import Liveness, Names
from adcompiler.frontend.places import Place
from adcompiler.frontend.values import Arr, Box, Maybe, Num, Ref, State, Tape, Val
from adcompiler.ir.build import Builder, boolean
from adcompiler.ir.core import Op, Operand, Region, Value
from adcompiler.ir.walk import resolve

MAX_DEPTH = 200
PLACE = re.compile(r"\([^()]+:\d+\)$")

# Pseudo-variables of a frame: how control left the statements lowered so far.
RETURN, RESULT, BREAK, CONTINUE, DEAD, BROKE = "$return", "$result", "$break", "$continue", "$dead", "$broke"
EXITS = (RETURN, BREAK, CONTINUE)


class Unreachable(Exception):
    """Control can't get here: the statements after are not lowered."""


class Unroll(Exception):
    """The loop with this index must be unrolled: the index picks among things that differ in kind."""

    def __init__(self, index: Value):
        self.index = index


@dataclass(eq=False)
class Frame:
    """One activation of a function: its names, and where the others come from."""

    name: str
    file: str
    env: State
    locals: frozenset[str]
    live: Liveness
    context: Context
    globals: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, Any] = field(default_factory=dict)
    outer: Frame | None = None
    function: Any = None  # the Python function that it, or what it is nested in, belongs to
    exit_live: Names = frozenset()
    # The place of everything in it: that of the call, for functions of our library.
    called_at: Loc | None = None


@dataclass(eq=False)
class Context:
    """One lowering."""

    b: Builder
    frame: Frame = None  # type: ignore[assignment]
    heap: dict[Box, Val] = field(default_factory=dict)
    # Where values outside of the program were read, and what was found: what the program depends on.
    reads: dict[Any, tuple[Place, Any]] = field(default_factory=dict)
    captures: dict[Any, Any] = field(default_factory=dict)
    hidden: list[Value] = field(default_factory=list)
    arrays: dict[Any, Value] = field(default_factory=dict)  # the hidden arguments that are captured arrays
    temps: set[Value] = field(default_factory=set)
    # What decides the order of elements in NumPy's memory, of arrays whose op doesn't tell: () is C's, None any.
    orders: dict[Value, tuple[Operand, ...] | None] = field(default_factory=dict)
    # The ops that copy what NumPy gives a view of: where that shows, the program is refused.
    copies_of_views: set[Op] = field(default_factory=set)
    unrollable: dict[Value, Value] = field(default_factory=dict)
    depth: int = 0
    # The mutually recursive parts of the lowering, filled in by lower.py.
    expr: Callable[..., Val] = None  # type: ignore[assignment]
    block: Callable[..., None] = None  # type: ignore[assignment]
    assign: Callable[..., None] = None  # type: ignore[assignment]
    attribute: Callable[..., Val] = None  # type: ignore[assignment]
    short_circuit: Callable[..., Val] = None  # type: ignore[assignment]
    call: Callable[..., Val] = None  # type: ignore[assignment]
    unbound: AdcompilerError | None = None
    # Loops whose condition writes to memory: it is evaluated at the head of the body.
    writing_tests: set[ast.While] = field(default_factory=set)
    # Arrays that may share no memory with others, as a transform wants it: (its name, the written ones, all, place).
    exclusive: list[tuple[str, list[Operand], list[Operand], Loc | None]] = field(default_factory=list)

    # Places and errors.
    def loc(self, node: Any) -> Loc:
        if self.frame.called_at is not None:
            return self.frame.called_at
        return Loc(self.frame.file, node.lineno, node.col_offset + 1)

    @contextmanager
    def at(self, node: ast.AST) -> Iterator[None]:
        """What is built, and what goes wrong, inside belongs to this node."""
        with self.b.at(self.loc(node) if hasattr(node, "lineno") else self.b.loc):
            try:
                yield
            except AdcompilerError as error:
                if error.loc is not None:
                    raise
                raise type(error)(error.message, self.b.loc, error.hint) from None

    def error(
        self, message: str, hint: str | None = None, kind: type[AdcompilerError] = TypeMismatch
    ) -> AdcompilerError:
        """An error at the place that is being lowered."""
        return kind(message, self.b.loc, hint)

    # Ops.
    def op(self, name: str, *args: Operand, hint: str = "t", **attrs: Any) -> Value:
        """Append a one-result op; trouble with its types becomes an error at the user's place."""
        value = self._emit(name, args, attrs, hint).result
        self.temps.add(value)
        for arg in args:
            if isinstance(arg, Value) and arg in self.unrollable:
                self.unrollable[value] = self.unrollable[arg]
        return value

    def ops(self, name: str, *args: Operand, **attrs: Any) -> list[Value]:
        """Append an op with several results."""
        values: list[Value] = self._emit(name, args, attrs, "t").results
        self.temps.update(values)
        return values

    def do(self, name: str, *args: Operand, **attrs: Any) -> None:
        self._emit(name, args, attrs, "t")

    def rename(self, same: dict[Value, Operand]) -> None:
        """A loop has turned out not to change these: the values they start with stand in their places."""
        for value, decides in self.orders.items():
            if decides:
                self.orders[value] = tuple([resolve(same, d) for d in decides])

    def stands_for_view(self) -> None:
        """What the last op makes is a view in NumPy."""
        self.copies_of_views.add(self.b.region.ops[-1])

    def _emit(self, name: str, args: tuple[Operand, ...], attrs: dict[str, Any], hint: str) -> Any:
        try:
            return self.b.emit(name, args, attrs, hint)
        except AdcompilerError:
            raise
        except TypeError as error:
            raise self.error(f"{name}: {error}") from None
        except ValueError as error:
            raise self.error(str(error), kind=ShapeMismatch) from None

    @contextmanager
    def inside(self, region: Region) -> Iterator[None]:
        with self.b.inside(region):
            yield

    def raise_if(self, cond: Operand, error: str, message: str) -> None:
        """Raise at run time; the message ends with the user's place (unless it does already: generated source)."""
        if self.b.loc is not None and not PLACE.search(message):
            message = f"{message} ({self.b.loc.short})".lstrip()
        self.do("raise_if", cond, error=error, message=message)

    # State: the names of this frame and the contents of boxes.
    @property
    def env(self) -> State:
        return self.frame.env

    def state(self) -> State:
        return {**self.env, **self.heap}

    def restore(self, state: State) -> None:
        self.frame.env = {k: v for k, v in state.items() if isinstance(k, str)}
        self.heap = {k: v for k, v in state.items() if isinstance(k, Box)}

    def bind(self, name: str, value: Val) -> None:
        """Give a name a value; a temporary takes the name."""
        if isinstance(value, Num | Arr) and isinstance(value.op, Value) and value.op in self.temps:
            value.op.name = name
            self.temps.discard(value.op)
        if isinstance(value, Tape):
            value.op.name = name
        self.env[name] = value

    def box(self, content: Val, frozen: str = "") -> Ref:
        """A new dict or dataclass instance."""
        ref = Ref(Box(frozen))
        self.heap[ref.box] = content
        return ref

    def content(self, value: Val) -> Val:
        """What a reference refers to; any other value itself."""
        return self.heap[value.box] if isinstance(value, Ref) else value

    # How control left.
    def flag(self, key: str) -> Operand:
        v = self.env.get(key)
        if isinstance(v, Maybe):
            return v.flag
        assert v is None or isinstance(v, Num)
        return boolean(False) if v is None else v.op

    def leave(self, key: str) -> None:
        self.env[key] = Num(boolean(True))

    @property
    def dead(self) -> bool:
        return DEAD in self.env

    @property
    def gone(self) -> bool:
        """Nothing after this place runs."""
        return self.dead or any(self.flag(k) == boolean(True) for k in EXITS)

    def exited(self) -> Operand | None:
        """The predicate that control has left, None where it certainly has not."""
        flags = [f for f in map(self.flag, EXITS) if f != boolean(False)]
        if not flags:
            return None
        total = flags[0]
        for f in flags[1:]:
            total = self.op("or", total, f, hint="left")
        return total

    def sure(self, name: str, value: Val) -> Val:
        """The value of a variable that is read: where it may be unbound, that is checked now."""
        if not isinstance(value, Maybe):
            return value
        unbound = self.op("not", value.flag, hint=f"{name}_unbound")
        self.raise_if(unbound, "UnboundLocalError", unbound_message(name))
        self.env[name] = value.value
        return value.value


def unbound_message(name: str) -> str:
    return f"cannot access local variable '{name}' where it is not associated with a value"
