"""What a point of a program under construction can see: names, their kinds, and the concrete sizes of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

Shape = tuple[int, ...]
Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Var:
    """A name: 'f' float, 'i' int, 'a' array of floats, 'c' a function of one float, 't' a tuple of `shape[0]` floats.

    An int with an interval is never assigned again; `fixed` names are never assigned or written to at all.
    """

    name: str
    kind: str
    shape: Shape = ()
    interval: Interval | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Helper:
    """A function of the module: kinds and shapes of its parameters, and of its result."""

    name: str
    params: tuple[Var, ...]
    result: Var
    writes: bool = False


@dataclass
class Scope:
    """The names in sight; `trips` is how often this point runs at most, `loop` says what can be left."""

    names: dict[str, Var] = field(default_factory=dict)
    helpers: tuple[Helper, ...] = ()
    depth: int = 0
    trips: int = 1
    loop: bool = False
    returns: tuple[Var, ...] | None = None
    pure: bool = False

    def child(self, **changes: object) -> Scope:
        return replace(self, names=dict(self.names), depth=self.depth + 1, **changes)  # type: ignore[arg-type]

    def add(self, var: Var) -> None:
        self.names[var.name] = var

    def of(self, kind: str, shape: Shape | None = None) -> list[Var]:
        return [v for v in self.names.values() if v.kind == kind and (shape is None or v.shape == shape)]

    def assignable(self, kind: str, shape: Shape | None = None) -> list[Var]:
        return [v for v in self.of(kind, shape) if not v.fixed and v.interval is None]

    def writable(self, rank: int | None = None) -> list[Var]:
        """Arrays that may be written to."""
        return [v for v in self.of("a") if not v.name.isupper() and (rank is None or len(v.shape) == rank)]

    def arrays(self, rank: int) -> list[Var]:
        return [v for v in self.of("a") if len(v.shape) == rank]

    def meet(self, others: Sequence[Scope]) -> None:
        """Learn the names that every one of several paths has bound, alike."""
        first, *rest = others
        for var in first.names.values():
            if all(o.names.get(var.name) == var for o in rest):
                self.names[var.name] = var
