"""What a gradient keeps of its forward sweep: the storage report (`g.lower(...).residuals`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from adcompiler.errors import Loc
from adcompiler.ir.core import CONTROL, Function, Op, Operand, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import DTYPES, Array, Scalar, Stack, Type, is_int
from adcompiler.ir.walk import Structure, walk


@dataclass(frozen=True)
class Residual:
    """One value that is kept for the reverse sweep in each iteration of the loops around it.

    name    the user's name of the value, or that of what it was made of
    type    its type; `bytes` of it are kept in an iteration (None: an array, whose size the program decides)
    loops   the user's places of the loops around it, outermost first
    place   the user's place of the value
    slots   True: a slot of an array allocated before the loops; False: pushed on a tape that grows
    why     why it is not recomputed
    """

    name: str
    type: Type
    bytes: int | None
    loops: tuple[str, ...]
    place: str
    slots: bool
    why: str

    def __str__(self) -> str:
        size = "an array" if self.bytes is None else f"{self.bytes} bytes"
        how = "an iteration" if self.slots else "an iteration, on a tape"
        return f"{self.name}: {self.type}  {size} {how}  {self.place}  {self.why}"


@dataclass(frozen=True)
class Report:
    """All that is kept, in the order of the program. str() is one line for each, under the loops around it."""

    residuals: tuple[Residual, ...]

    def __iter__(self) -> Iterator[Residual]:
        return iter(self.residuals)

    def __len__(self) -> int:
        return len(self.residuals)

    def __str__(self) -> str:
        if not self.residuals:
            return "nothing is kept of any iteration"
        lines: list[str] = []
        before: tuple[str, ...] = ()
        for r in self.residuals:
            for depth, loop in enumerate(r.loops):
                if before[: depth + 1] != r.loops[: depth + 1]:
                    lines.append("    " * depth + f"loop at {loop}")
            before = r.loops
            lines.append("    " * len(r.loops) + str(r))
        return "\n".join(lines)


def report(fn: Function) -> Report:
    """What a derived function keeps in the slots and tapes that reverse mode made."""
    structure = Structure(fn)
    found = []
    for op in walk(fn.body):
        if op.name not in ("store", "push", "assign") or not _is_tape(_whole(op.args[0], structure), structure):
            continue
        value = op.args[-1]
        if isinstance(value, Value) and _is_tape(value, structure):
            continue  # the slots of an iteration, which are kept with it
        loops = tuple(_place(loop.loc) for loop in reversed(structure.loops(op)))
        name = value.name if isinstance(value, Value) else str(value.value)
        why = _why(value, structure)
        found.append(Residual(name, value.type, _size(value.type), loops, _place(op.loc), op.name != "push", why))
    return Report(tuple(found))


def _whole(handle: Operand, structure: Structure) -> Operand:
    """The array of slots of which a handle is one."""
    op = structure.definer.get(handle) if isinstance(handle, Value) else None
    return op.args[0] if op is not None and op.name == "view" else handle


def _size(t: Type) -> int | None:
    """Bytes, where the type says how many elements there are."""
    dims = t.dims if isinstance(t, Array) else ()
    if isinstance(t, Stack) or not all(isinstance(d, int) for d in dims):
        return None
    return DTYPES[t.dtype].itemsize * math.prod(dims)  # type: ignore[arg-type]


def _is_tape(handle: Operand, structure: Structure) -> bool:
    op = structure.definer.get(handle) if isinstance(handle, Value) else None
    return op is not None and (op.name == "stack" or bool(op.attrs.get("tape")))


def _why(value: Operand, structure: Structure) -> str:
    op: Op | None = structure.definer.get(value) if isinstance(value, Value) else None
    if isinstance(value.type, Scalar) and value.type.dtype == "b1":
        return "a decision: it is not taken again from numbers computed again"
    if op is None or op.name in CONTROL:
        return "carried by a loop or made in a branch"
    if is_int(value.type):
        return "a count or index that depends on data"
    if OPS[op.name].kind == "memory":
        return "an element that is written again"
    if OPS[op.name].kind == "alloc" or op.name == "copy":
        return "memory that is written"
    if op.name == "keep":
        return "ad.store asks for it"
    if not OPS[op.name].cheap:
        return f"{op.name} costs more than a load"
    return "made of numbers that are not kept"


def _place(loc: Loc | None) -> str:
    return loc.short if loc is not None else "?"
