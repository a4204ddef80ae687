"""The checks of ops on whole arrays: index arrays inside, sizes that agree, something to choose from."""

from __future__ import annotations

from typing import Any

from adcompiler.analysis.shapes import Extent
from adcompiler.ir.build import boolean, integer
from adcompiler.ir.core import Const, Op, Operand
from adcompiler.ir.types import Array, Scalar
from adcompiler.ops.einsum import letters
from adcompiler.ops.indexed import arranged
from adcompiler.passes.access import bounds_message, place

# A Checker of passes/checks.py, which holds what is known and builds conditions.
Checker = Any


def found(c: Checker, mask: Operand) -> Operand:
    """Is it true anywhere?"""
    return mask if isinstance(mask.type, Scalar) else c.make.build.op("gt", c.make.build.op("sum", mask), integer(0))


def indexed(c: Checker, op: Op) -> None:
    """Every index inside; index arrays that broadcast together; a value that fits."""
    x, rest = op.args[0], iter(op.args[1:])
    arrays: list[Operand] = []
    extents = c.shapes.shape(x)
    for axis, item in enumerate(op.attrs["index"]):
        if item == "0":
            continue
        at = next(rest)
        arrays += [at] if item == "a" else []
        if not op.attrs.get("safe") and not _counts_to(c, at, extents[axis]):
            _inside(c, op, at, axis, extents[axis])
    for k, a in enumerate(arrays):
        for b in arrays[:k]:
            c.meet(op, b, a, both=True)
    if not op.results and isinstance(op.args[-1].type, Array):
        _fits(c, op, arrays, op.args[-1])


def _counts_to(c: Checker, index: Operand, size: Extent) -> bool:
    """Are these 0, 1, ... as many as the axis is long?"""
    definer = c.shapes.structure.definer.get(index)
    while definer is not None and definer.name == "view":
        definer = c.shapes.structure.definer.get(definer.args[0])
    return definer is not None and definer.name == "iota" and bool(c.shapes.integer(definer.args[0]) == size)


def _inside(c: Checker, op: Op, at: Operand, axis: int, extent: Extent) -> None:
    b, size = c.make.build, c.make.size(op.args[0], axis, extent)
    if isinstance(at, Const):
        value = int(at.value)
        beyond = c.make.compare("le", size, integer(value if value >= 0 else -value - 1))
        c.raise_if(beyond, "IndexError", bounds_message(op, axis))
        return
    at = at if at.type.dtype == "i64" else b.op("cast", at, dtype="i64")  # type: ignore[union-attr]
    low = integer(-int(size.value)) if isinstance(size, Const) else b.op("neg", size)
    name = "or" if isinstance(at.type, Scalar) else "bitor"
    outside = b.op(name, b.op("lt", at, low), b.op("ge", at, size))
    c.raise_if(found(c, outside), "IndexError", bounds_message(op, axis))


def _fits(c: Checker, op: Op, arrays: list[Operand], value: Operand) -> None:
    """The value of a scatter: extents of its place, or 1."""
    rank = max(a.type.rank for a in arrays)  # type: ignore[union-attr]
    places = arranged(op.attrs["index"], rank)
    extents = c.shapes.shape(value)
    for back in range(1, len(extents) + 1):
        kind, k = places[-back]
        axis = len(extents) - back
        if kind == "0":
            c.agree(op, (op.args[0], k), (value, axis), stretch_a=False, stretch_b=True)
            continue
        mine = [(a, a.type.rank - rank + k) for a in arrays if a.type.rank - rank + k >= 0]  # type: ignore[union-attr]
        wide = [(a, j) for a, j in mine if c.shapes.shape(a)[j] != 1]
        for side in (wide or mine)[:1]:
            c.agree(op, side, (value, axis), stretch_a=len(mine) > 1, stretch_b=True)


def reshaped(c: Checker, op: Op) -> None:
    """As many elements before as after; one extent of -1 takes what is left."""
    x, extents = op.args[0], op.args[1:]
    assert isinstance(x.type, Array)
    before = _product(c, [c.make.size(x, k, e) for k, e in enumerate(c.shapes.shape(x))])
    after = _product(c, [e for e in extents if e != integer(-1)])
    message = f"can't reshape {getattr(x, 'name', '?')}: the number of elements differs{place(op)}"
    if integer(-1) not in extents:
        if c.shapes.shape(x) != c.shapes.shape(op.result):
            c.raise_if(c.make.compare("ne", before, after), "ShapeMismatch", message)
    elif after == integer(0):
        c.raise_if(boolean(True), "ShapeMismatch", message)
    elif after != integer(1):
        b = c.make.build
        positive = after if isinstance(after, Const) else b.op("maximum", after, integer(1), tie="half")
        rest = b.op("mod", before, positive, safe=True)
        wrong = b.op("ne", rest, integer(0))
        if not isinstance(after, Const):
            wrong = b.op("or", wrong, b.op("eq", after, integer(0)))
        c.raise_if(wrong, "ShapeMismatch", message)


def _product(c: Checker, sizes: list[Operand]) -> Operand:
    total: Operand = integer(1)
    for n in sizes:
        if isinstance(n, Const) and isinstance(total, Const):
            total = integer(int(n.value) * int(total.value))
        else:
            total = n if total == integer(1) else total if n == integer(1) else c.make.build.op("mul", total, n)
    return total


def joined(c: Checker, op: Op) -> None:
    """What is concatenated: the same extents but for the axis."""
    first, *others = op.args
    for other in others:
        for k in range(first.type.rank):  # type: ignore[union-attr]
            if k != op.attrs["axis"]:
                c.agree(op, (first, k), (other, k), stretch_a=False, stretch_b=False)


def contracted(c: Checker, op: Op) -> None:
    """One extent for each letter; 1 is stretched for those of the result only."""
    inputs, out = letters(op.attrs["spec"])
    seen: dict[str, tuple[Operand, int]] = {}
    for a, names in zip(op.args, inputs, strict=True):
        for k, name in enumerate(names):
            if name in seen:
                c.agree(op, seen[name], (a, k), stretch_a=name in out, stretch_b=name in out)
            else:
                seen[name] = a, k


def chosen(c: Checker, op: Op) -> None:
    """An extremum of nothing raises."""
    x, axis = op.args[0], op.attrs.get("axis")
    shape = c.shapes.shape(x)
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    empty = [c.make.compare("eq", c.make.size(x, k, shape[k]), integer(0)) for k in axes]
    message = f"zero-size array to reduction operation {op.name} which has no identity{place(op)}"
    c.raise_if(c.make.any([e for e in empty if e != boolean(False)]), "ValueError", message)


WHOLE = {
    "gather": indexed, "withdraw": indexed, "scatter": indexed, "scatter_add": indexed, "reshape": reshaped,
    "concatenate": joined, "einsum": contracted, "max": chosen, "min": chosen, "argmax": chosen, "argmin": chosen,
}  # fmt: skip
