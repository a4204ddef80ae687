"""Which extents of arguments decide how a program broadcasts: what compiling asks of the arrays of a call.

`x + y` of two vectors adds element by element, or spreads one of them if it is of size 1. Where the program leaves
that open, the arrays of the call say which: the extents that meet get one name in the types of the parameters
(`f64[n]`, `f64[n]`), or are known to be 1, and a call with other extents is another specialization.

An axis that is cut at literal places (`camera[3:6]`) is a record of fields. How long the fields are depends on the
axis, for NumPy clips slices; so the call says how long it is, if it is short. And it says what the extents of a matrix
are that a loop multiplies with others, if both are tiny; and whether an axis that is cut at multiples of another one's
extent (`gates[n : 2 * n]`) is a multiple of it (`f64[4*n]`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from adcompiler.analysis.effects import inside
from adcompiler.analysis.shapes import Extent, Shapes, factors, members
from adcompiler.ir.core import CONTROL, Function, Op, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Dim, multiple
from adcompiler.ir.walk import walk

Axis = tuple[int, int]  # (position of a parameter, its axis)
LETTERS = "nmkdhpqrst"
SHORT = 16  # extents of records that are known as numbers
PIECES = 16  # of one extent, of which an axis consists
TINY = 4  # and of matrices that are multiplied in a loop: passes/small.py writes their products out


def _atoms(column: Iterable[Extent]) -> frozenset[Extent]:
    """The extents in a column that may be other than 1."""
    return frozenset().union(*map(members, column)) - {1}


@dataclass(frozen=True)
class Meeting:
    """Extents that are broadcast together: axes of parameters, and numbers. Or axes that count if none is long. Or axes
    of which the question is how many times a unit they are."""

    axes: frozenset[Axis]
    numbers: frozenset[int] = frozenset()
    most: int = 0  # up to which the extent itself counts
    unit: Axis | None = None


def meetings(fn: Function, count: int) -> tuple[Meeting, ...]:
    """The meetings that are open, among the first `count` parameters."""
    shapes = Shapes(fn, hopeful=True)  # what is asked may be a guess, not what is compiled
    places = {p: k for k, p in enumerate(fn.params[:count])}

    def met(ops: Iterable[Op], columns: Callable[[Op], Iterable[tuple[Extent, ...]]]) -> dict[Meeting, None]:
        every = (_atoms(column) for op in ops for column in columns(op))
        return {m: None for atoms in every if len(atoms) > 1 and (m := _meeting(atoms, places)).axes}

    ops = list(walk(fn.body))
    found = met(filter(_broadcasts, ops), lambda op: shapes.columns(op.args))
    found |= met((op for op in ops if op.name == "einsum"), shapes.summed)
    found |= met((op for op in ops if op.name in ("for", "while")), lambda op: _rounds(op, shapes))
    if found:  # what is equal because a product needs it helps to say what else is
        found |= met((op for op in ops if op.name == "matmul"), shapes.inner)
    return (*found, *_records(ops, shapes, places), *_products(ops, shapes, places), *_cuts(ops, shapes, places))


def _rounds(loop: Op, shapes: Shapes) -> Iterator[tuple[Extent, ...]]:
    """The extents of what a loop carries, where it begins and after a round: equal, most likely."""
    for first, after in zip(loop.inits, loop.yields, strict=True):
        yield from zip(shapes.shape(first), shapes.shape(after), strict=True)


def _records(ops: Iterable[Op], shapes: Shapes, places: Mapping[Value, int]) -> Iterator[Meeting]:
    """The axes of parameters that are cut into fields."""
    extents = dict.fromkeys(e for op in ops if op.name == "view" for e in shapes.shape(op.result) if _is_field(e))
    for axis in dict.fromkeys(_axis(extent[1], places) for extent in extents):
        if axis is not None:
            yield Meeting(frozenset([axis]), most=SHORT)


def _products(ops: Iterable[Op], shapes: Shapes, places: Mapping[Value, int]) -> Iterator[Meeting]:
    """The two axes of each parameter that a matrix is multiplied with in a loop."""
    repeated = (op for loop in ops if loop.name in ("for", "while") for op in inside(loop))
    pairs = [tuple(map(shapes.shape, op.args)) for op in dict.fromkeys(repeated) if op.name == "matmul"]
    for shape in dict.fromkeys(shape for a, b in pairs if len(a) == len(b) == 2 for shape in (a, b)):
        axes = frozenset(a for e in shape for atom in members(e) if (a := _axis(atom, places)) is not None)
        if len(axes) == 2:
            yield Meeting(axes, most=TINY)


def _cuts(ops: Iterable[Op], shapes: Shapes, places: Mapping[Value, int]) -> Iterator[Meeting]:
    """The axes of parameters that are cut at multiples of another one's extent."""
    extents = dict.fromkeys(e for op in ops if op.name == "view" for e in shapes.shape(op.result))
    for extent in extents:
        if not (isinstance(extent, tuple) and extent[0] == "slice" and extent[4] in (None, 1)):
            continue
        units = {unit for bound in extent[2:4] if bound is not None for k, unit in [factors(bound)] if k}
        unit = _axis(units.pop(), places) if len(units) == 1 else None
        axes = frozenset(a for e in members(extent[1]) if (a := _axis(e, places)) is not None)
        if axes and unit is not None:
            yield Meeting(axes, unit=unit)


def _is_field(extent: Extent) -> bool:
    """Is it a slice between two places counted from the start?"""
    if not (isinstance(extent, tuple) and extent[0] == "slice"):
        return False
    _, _, lo, hi, step = extent
    return isinstance(hi, int) and 0 <= hi <= SHORT and (lo is None or isinstance(lo, int)) and step in (None, 1)


def _meeting(atoms: frozenset[Extent], places: Mapping[Value, int]) -> Meeting:
    axes = frozenset(a for e in atoms if (a := _axis(e, places)) is not None)
    return Meeting(axes, frozenset(e for e in atoms if isinstance(e, int)))


def _broadcasts(op: Op) -> bool:
    """Are the operands brought to one shape?"""
    if op.name in CONTROL or op.name not in OPS:
        return False
    entry = OPS[op.name]
    return (entry.kind == "elementwise" and entry.allocates) or op.name in (
        "assign", "accumulate", "broadcast_like", "sum_to", "unspread",
    )  # fmt: skip


def _axis(extent: object, places: Mapping[Value, int]) -> Axis | None:
    if not (isinstance(extent, tuple) and extent[0] == "axis" and extent[1] in places):
        return None
    return places[extent[1]], extent[2]


def dims(open_: Sequence[Meeting], sizes: Sequence[tuple[int, ...]]) -> dict[Axis, Dim]:
    """What the sizes of a call say: axes that are 1, short, or a number that they meet, names of equal ones, multiples
    of such names."""
    fixed: dict[Axis, int] = {}
    groups: list[set[Axis]] = []
    pieces: dict[Axis, tuple[int, Axis]] = {}  # how many of which unit
    for meeting in open_:
        if meeting.unit is not None:
            if count := _count(meeting, sizes):
                pieces |= dict.fromkeys(meeting.axes, (count, meeting.unit)) if count > 1 else {}
                apart = [{*meeting.axes}, {meeting.unit}] if count > 1 else [{*meeting.axes, meeting.unit}]
                for axes in apart:
                    groups = [*_merged(groups, axes)]
            continue
        if meeting.most:
            known = {a: _size(sizes, a) for a in meeting.axes}
            fixed |= known if max(known.values()) <= meeting.most else {}
            continue
        largest = max((*(sizes[p][k] for p, k in meeting.axes), *meeting.numbers))
        if any(n not in (1, largest) for n in meeting.numbers):
            continue
        alike = {a for a in meeting.axes if _size(sizes, a) == largest}
        if any(_size(sizes, a) not in (1, largest) for a in meeting.axes):
            continue  # they don't go together: the program says so when it runs
        fixed |= dict.fromkeys(meeting.axes - alike, 1)
        if meeting.numbers:
            fixed |= dict.fromkeys(alike, largest)
        groups = [*_merged(groups, alike)]
    found: dict[Axis, Dim] = {}
    names = _names()
    units = {unit for _, unit in pieces.values()}
    for group in groups:
        numbers = {fixed[a] for a in group if a in fixed}
        named = (len(group) > 1 or group & units) and not group & pieces.keys()
        found |= dict.fromkeys(group, numbers.pop() if numbers else next(names) if named else None)
    for axis, (count, unit) in sorted(pieces.items(), key=lambda item: _size(sizes, item[0])):  # units come first
        group = next(g for g in groups if axis in g)
        dim = found[unit]
        if found[axis] is None and dim is not None:
            found |= dict.fromkeys(group, count * dim if isinstance(dim, int) else _times(count, dim))
    return {axis: dim for axis, dim in sorted((found | fixed).items()) if dim is not None}


def _count(meeting: Meeting, sizes: Sequence[tuple[int, ...]]) -> int:
    """How many times the unit the axes are; 0 where they are no multiple, or of too many."""
    assert meeting.unit is not None
    unit, wholes = _size(sizes, meeting.unit), {_size(sizes, a) for a in meeting.axes}
    count, rest = divmod(wholes.pop(), max(unit, 1))
    return count if not (wholes or rest or unit == 0) and count <= PIECES else 0


def _times(count: int, dim: str) -> str:
    factor, name = multiple(dim)
    return f"{count * factor}*{name}"


def _size(sizes: Sequence[tuple[int, ...]], axis: Axis) -> int:
    return sizes[axis[0]][axis[1]]


def _merged(groups: list[set[Axis]], new: set[Axis]) -> Iterator[set[Axis]]:
    """The groups with one more; those that share an axis are one."""
    for group in groups:
        if group & new:
            new = new | group
        else:
            yield group
    if new:
        yield new


def _names() -> Iterator[str]:
    yield from LETTERS
    yield from (f"n_{k}" for k in range(1, 10_000))


def hold(known: Mapping[Axis, Dim], sizes: Sequence[tuple[int, ...]]) -> bool:
    """Are these sizes as the dims say?"""
    named: dict[str, int] = {}
    for (p, k), dim in known.items():
        size = sizes[p][k]
        count, name = multiple(dim) if isinstance(dim, str) else (1, None)
        unit, rest = divmod(size, count)
        if rest or unit != (dim if name is None else named.setdefault(name, unit)):
            return False
    return True
