"""Extents of arrays as symbols: two extents that are equal here are equal at run time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adcompiler.ir.core import Const, Function, Op, Operand, Value, yielded
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Dim, i64, multiple
from adcompiler.ir.walk import Structure
from adcompiler.ops.array import permutation
from adcompiler.ops.einsum import letters
from adcompiler.ops.indexed import arranged
from adcompiler.ops.memory import sliced

# An integer; a dim's name; an i64 value; ("axis", array, k); ("times", k, extent): a multiple of a named one or of an
# axis; ("less", extent, c): max(extent - c, 0); ("slice", extent, lo, hi, step): any other slice; ("either", extents):
# what these broadcast to.
Extent = Any
Shape = tuple[Extent, ...]
MANY = 2**15  # times an extent, and no more: that may be too large for an i64


def members(extent: Extent) -> frozenset[Extent]:
    """The extents that broadcast to this one: itself, unless it is not known which."""
    found: frozenset[Extent] = extent[1] if isinstance(extent, tuple) and extent[0] == "either" else frozenset([extent])
    return found


def joined(extents: Iterable[Extent]) -> Extent:
    """The extent that these broadcast to."""
    found = frozenset(m for e in extents for m in members(e) if m != 1)
    known = [m for m in found if isinstance(m, int)]
    if known or len(found) < 2:
        return known[0] if known else next(iter(found), 1)
    return ("either", found)


def meets(a: Extent, b: Extent) -> bool:
    """Is it certain that these broadcast: equal, 1, or one made by broadcasting the other before?"""
    return 1 in (a, b) or members(a) <= members(b) or members(b) <= members(a)


def times(count: int, extent: Extent) -> Extent:
    """So many times an extent."""
    factor, unit = factors(extent)
    total = count * factor
    return total if unit is None or total == 0 else unit if total == 1 else ("times", total, unit)


def factors(extent: Extent) -> tuple[int, Extent]:
    """A number and the extent that it multiplies, None for a number alone."""
    if isinstance(extent, int):
        return extent, None
    return extent[1:] if isinstance(extent, tuple) and extent[0] == "times" else (1, extent)


def _named(dim: Dim) -> Extent:
    return times(*multiple(dim)) if isinstance(dim, str) else dim


class Shapes:
    """Asks for the extents of handles, following allocations, views and elementwise ops to where they come from."""

    def __init__(self, fn: Function, structure: Structure | None = None, hopeful: bool = False):
        """`hopeful`: what goes round a loop is taken to keep its extents, which is a guess."""
        self.fn, self.structure = fn, structure or Structure(fn)
        self.hopeful = hopeful
        self._known: dict[Value, Shape] = {}
        self._asked: set[Value] = set()  # what is being found out

    def shape(self, operand: Operand) -> Shape:
        """The extents of an array; () for scalars."""
        if not isinstance(operand, Value) or not isinstance(operand.type, Array):
            return ()
        if operand not in self._known:
            self._known[operand] = self._opaque(operand)  # until we know better: ends recursion through loops
            self._asked.add(operand)
            self._known[operand] = self._declared(operand, self._derive(operand))
            self._asked.remove(operand)
        return self._known[operand]

    def integer(self, operand: Operand) -> Extent:
        """An i64 operand as an extent: `dim %x, 0` is x's, a literal its number, `mul 2, %n` twice that of %n."""
        if isinstance(operand, Const):
            return operand.value
        definer = self.structure.definer.get(operand)
        if definer is not None and definer.name == "dim":
            return self.shape(definer.args[0])[definer.attrs["axis"]]
        found = self._multiple(definer) if definer is not None and definer.name in ("add", "mul") else None
        return operand if found is None else found

    def _multiple(self, op: Op) -> Extent | None:
        """The sum of multiples of one extent, or a multiple of one: not so large that it could wrap."""
        if op.result.type != i64:
            return None
        (i, a), (j, b) = (factors(self.integer(x)) for x in op.args)
        if op.name == "mul":
            count, units = i * j, [u for u in (a, b) if u is not None]
        else:
            count, units = i + j, [a] if a == b else []
        certain = len(units) == 1 and not isinstance(units[0], Value | None) and min(i, j) >= 0
        return times(count, units[0]) if certain and count <= MANY else None

    def same(self, a: Operand, b: Operand) -> bool:
        return self.shape(a) == self.shape(b)

    def columns(self, operands: Iterable[Operand]) -> list[tuple[Extent, ...]]:
        """The extents that meet on each axis where these are broadcast together."""
        return _columns([s for s in map(self.shape, operands) if s])

    def summed(self, product: Op) -> list[tuple[Extent, ...]]:
        """The extents that an einsum takes for one another, letter by letter."""
        inputs, _ = letters(product.attrs["spec"])
        found: dict[str, list[Extent]] = {}
        for names, arg in zip(inputs, product.args, strict=True):
            for name, extent in zip(names, self.shape(arg), strict=True):
                found.setdefault(name, []).append(extent)
        return [tuple(row) for row in found.values()]

    def inner(self, product: Op) -> list[tuple[Extent, ...]]:
        """The extents that a product sums over: equal, or it raises."""
        a, b = map(self.shape, product.args)
        return [(a[-1], b[max(len(b) - 2, 0)])]

    def may_clash(self, operands: Iterable[Operand]) -> bool:
        """Is it open whether these arrays broadcast together?"""
        columns = self.columns(operands)
        return not all(any(all(e == 1 or members(e) <= members(o) for e in c) for o in c) for c in columns)

    def fits(self, value: Operand, target: Operand) -> bool:
        """Is it certain that `value` can be written into `target`?"""
        extents, places = self.shape(value), self.shape(target)
        return all(e in (1, p) for e, p in zip(reversed(extents), reversed(places), strict=False))

    def apart(self, a: Operand, b: Operand) -> bool:
        """Are these views of one array that have no element in common, whatever its extents are?"""
        first, second = (self.structure.definer.get(v) if isinstance(v, Value) else None for v in (a, b))
        if first is None or second is None or {first.name, second.name} != {"view"}:
            return False
        if first.args[0] is not second.args[0]:
            return False
        return any(_behind(x, y) or _behind(y, x) for x, y in zip(self._spans(first), self._spans(second), strict=True))

    def _spans(self, view: Op) -> list[tuple[Extent, Extent] | None]:
        """What a view takes of each axis of its base: from where to where, None where that is not known."""
        rest = iter(view.args[1:])
        found: list[tuple[Extent, Extent] | None] = []
        for item in view.attrs["index"]:
            if item == "n":
                continue
            if item == "i":
                at = self.integer(next(rest))
                found.append((at, at + 1) if isinstance(at, int) and at >= 0 else None)
                continue
            lo, hi, step = (self.integer(next(rest)) if given == "1" else None for given in item)
            counted = [e for e in (lo, hi) if isinstance(e, Value) or (isinstance(e, int) and e < 0)]
            found.append((lo or 0, hi) if not counted and step in (None, 1) else None)
        return found

    def _opaque(self, value: Value) -> Shape:
        assert isinstance(value.type, Array)
        return tuple(("axis", value, k) if d is None else _named(d) for k, d in enumerate(value.type.dims))

    def _declared(self, value: Value, found: Shape | None) -> Shape:
        """What the type says of each extent, else what was found."""
        assert isinstance(value.type, Array)
        if found is None:
            return self._opaque(value)
        return tuple(e if d is None else _named(d) for d, e in zip(value.type.dims, found, strict=True))

    def _derive(self, value: Value) -> Shape | None:
        definer = self.structure.definer.get(value)
        if definer is None:
            owner = self.structure.owner.get(self.structure.home[value]) if value in self.structure.home else None
            return None if owner is None else self._carried(owner, owner.carried.index(value))
        if definer.name in ("for", "while"):
            return self._carried(definer, definer.results.index(value))
        if definer.name == "if":
            k = definer.results.index(value)
            then, orelse = (self.shape(yielded(r)[k]) for r in definer.regions)
            return then if then == orelse else None
        if definer.name == "pop":
            return self._popped(definer.args[0])
        rule = RULES.get(definer.name)
        if rule is not None:
            return rule(self, definer)
        entry = OPS[definer.name]
        if entry.kind == "elementwise" and entry.allocates:
            return self._broadcast(definer)
        return None

    def _carried(self, loop: Op, k: int) -> Shape | None:
        """A handle that goes round a loop keeps its first extents if every round, assuming so, keeps them: of this
        one and of all others that do."""
        if self.hopeful:
            return self.shape(loop.inits[k])
        first = {j: self.shape(v) for j, v in enumerate(loop.inits) if isinstance(v.type, Array)}
        while k in first:
            attempt = self._supposing({v[j]: s for j, s in first.items() for v in (loop.carried, loop.results)})
            changed = [j for j, s in first.items() if attempt.shape(loop.yields[j]) != s]
            if not changed:
                self._known |= attempt._known  # it is so
                return first[k]
            first = {j: s for j, s in first.items() if j not in changed}
        return None

    def _supposing(self, known: dict[Value, Shape]) -> Shapes:
        attempt = Shapes(self.fn, self.structure)
        attempt._known = {v: s for v, s in self._known.items() if v not in self._asked} | known
        return attempt

    def _popped(self, tape: Operand) -> Shape | None:
        """All that is pushed on the tape has one shape, if it is made of what never changes."""
        pushed = [op for op in self.structure.uses.get(tape, ()) if op.name == "push"]  # type: ignore[call-overload]
        shapes = {self.shape(op.args[1]) for op in pushed}
        found = shapes.pop() if len(shapes) == 1 else None
        return found if found is not None and all(map(self._lasting, found)) else None

    def _lasting(self, extent: Extent) -> bool:
        """Is the extent the same number wherever it is named?"""
        if isinstance(extent, Value):
            home = self.structure.home.get(extent)
            return home is not None and self.structure.owner[home] is None
        if not isinstance(extent, tuple):
            return True
        return all(map(self._lasting, members(extent) if extent[0] == "either" else extent[1:]))

    def _broadcast(self, op: Op) -> Shape | None:
        return tuple(map(joined, self.columns(op.args)))


def _columns(shapes: list[Shape]) -> list[tuple[Extent, ...]]:
    rank = max(map(len, shapes), default=0)
    return list(zip(*((1,) * (rank - len(s)) + s for s in shapes), strict=True))


def _view(shapes: Shapes, op: Op) -> Shape:
    """None makes a 1, an integer takes its axis away, a slice keeps or cuts it."""
    rest, axes = iter(op.args[1:]), iter(shapes.shape(op.args[0]))
    found: list[Any] = []
    for item in op.attrs["index"]:
        if item == "n":
            found.append(1)
        elif item == "i":
            next(rest), next(axes)
        else:
            lo, hi, step = (shapes.integer(next(rest)) if given == "1" else None for given in item)
            extent = next(axes)
            found.append(extent if item == "000" else _cut(extent, lo, hi, step))
    return tuple(found)


def _cut(extent: Extent, lo: Extent, hi: Extent, step: Extent) -> Extent:
    """The extent of x[lo:hi:step]: a number where all of these are; x[1:-1] and x[2:] are equally long, x[:len(x)] is
    as long as x, and of 4n elements x[n:3n] are 2n."""
    length = sliced(extent, (lo, hi, step)) if isinstance(extent, int) else _pieces(extent, lo, hi, step)
    if length is not None:
        return length
    first = 0 if lo is None else lo if isinstance(lo, int) and lo >= 0 else None
    last = 0 if hi is None or hi == extent else -hi if isinstance(hi, int) and hi < 0 else None
    if first is None or last is None or step not in (None, 1):
        return ("slice", extent, lo, hi, step)
    base, cut = (extent[1], extent[2]) if isinstance(extent, tuple) and extent[0] == "less" else (extent, 0)
    cut += first + last
    if isinstance(base, int):
        return max(base - cut, 0)
    return ("less", base, cut) if cut else base


def _pieces(extent: Extent, lo: Extent, hi: Extent, step: Extent) -> Extent | None:
    """The extent between two multiples of a unit that divides the whole."""
    bounds = [factors(e) for e in (extent, 0 if lo is None else lo, extent if hi is None else hi)]
    units = {unit for k, unit in bounds if k}
    if len(units) != 1 or units & {None} or any(isinstance(u, Value) for u in units) or step not in (None, 1):
        return None
    whole, first, last = (k for k, _ in bounds)
    return times(max(min(last, whole) - min(first, whole), 0), units.pop())


def _behind(a: tuple[Extent, Extent] | None, b: tuple[Extent, Extent] | None) -> bool:
    """Does the first span end where the second begins, or before?"""
    if a is None or b is None or a[1] is None:
        return False
    (end, unit), (start, other) = factors(a[1]), factors(b[0])
    return end <= start and (unit == other or end == 0)


def _indexed(shapes: Shapes, op: Op) -> Shape:
    """The extents of the index arrays together, and of the axes that are taken whole."""
    arrays = [shapes.shape(a) for a in op.args[1:] if isinstance(a.type, Array)]
    together = tuple(map(joined, _columns(arrays)))
    places = arranged(op.attrs["index"], len(together))
    return tuple(together[k] if kind == "a" else shapes.shape(op.args[0])[k] for kind, k in places)


def _contracted(shapes: Shapes, op: Op) -> Shape:
    inputs, out = letters(op.attrs["spec"])
    pairs = [
        (c, e) for a, names in zip(op.args, inputs, strict=True) for c, e in zip(names, shapes.shape(a), strict=True)
    ]
    return tuple(joined(e for c, e in pairs if c == name) for name in out)


def _reshaped(shapes: Shapes, op: Op) -> Shape:
    """The extents given; one of -1 is whatever is left."""
    given = map(shapes.integer, op.args[1:])
    return tuple(("axis", op.result, k) if e == -1 else e for k, e in enumerate(given))


def _reduced(shapes: Shapes, op: Op) -> Shape:
    shape, axis = shapes.shape(op.args[0]), op.attrs.get("axis")
    gone = set(range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis)
    kept = [1 if k in gone else e for k, e in enumerate(shape) if op.attrs.get("keepdims") or k not in gone]
    return tuple(kept)


RULES: dict[str, Any] = {
    "empty": lambda s, op: tuple(map(s.integer, op.args)),
    "zeros": lambda s, op: tuple(map(s.integer, op.args)),
    "full": lambda s, op: tuple(map(s.integer, op.args[1:])),
    "empty_like": lambda s, op: s.shape(op.args[0]),
    "zeros_like": lambda s, op: s.shape(op.args[0]),
    "broadcast_like": lambda s, op: s.shape(op.args[1]),
    "unspread": lambda s, op: s.shape(op.args[1]),
    "sum_to": lambda s, op: s.shape(op.args[1]),
    "transpose": lambda s, op: tuple(s.shape(op.args[0])[k] for k in permutation(op.attrs, len(s.shape(op.args[0])))),
    "contiguous": lambda s, op: s.shape(op.args[0]),
    "reshape": lambda s, op: _reshaped(s, op),
    "iota": lambda s, op: (s.integer(op.args[0]),),
    "cumsum": lambda s, op: s.shape(op.args[0]),
    "sort": lambda s, op: s.shape(op.args[0]),
    "argsort": lambda s, op: s.shape(op.args[0]),
    "searchsorted": lambda s, op: s.shape(op.args[1]),
    "argmax": lambda s, op: _reduced(s, op),
    "argmin": lambda s, op: _reduced(s, op),
    "max": lambda s, op: _reduced(s, op),
    "min": lambda s, op: _reduced(s, op),
    "outer": lambda s, op: (*s.shape(op.args[0]), *s.shape(op.args[1])),
    "matmul": lambda s, op: (*s.shape(op.args[0])[:-1], *s.shape(op.args[1])[1:]),
    "sum": _reduced,
    **dict.fromkeys(
        ("tril", "triu", "inv", "inv_or_nan", "cofactor", "cofactor_dot", "cholesky"), lambda s, op: s.shape(op.args[0])
    ),
    **dict.fromkeys(("solve", "solve_triangular"), lambda s, op: s.shape(op.args[1])),
    "view": _view,
    "gather": _indexed,
    "withdraw": _indexed,
    "einsum": _contracted,
}
