"""Memory and effects: allocation, elements, views, whole-array writes, tapes, errors, printing.

Their derivatives are the transforms' business: a shadow mirrors every array and its views (design, section 7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from adcompiler.ir.core import Const, Operand
from adcompiler.ir.table import Attrs, OpDef, define
from adcompiler.ir.types import Array, Dim, Scalar, Stack, Type, i64
from adcompiler.ops import infer


def _extent(op: Any) -> bool:
    """An allocation with a negative size raises."""
    return any(not (isinstance(a, Const) and a.value >= 0) for a in op.args)


def _alloc(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    for t in types:
        infer.index(t)
    dims: tuple[Dim, ...] = attrs.get("dims", (None,) * len(types))
    return (Array(attrs["dtype"], dims),)


def _full(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    fill, *extents = types
    return _alloc(extents, {**attrs, "dtype": infer.scalar(fill).dtype})


def _like(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    t = infer.array(types[0])
    return (Array(attrs.get("dtype", t.dtype), t.dims),)


# `dims` keeps what is known of the extents (integers or names), `dtype` the element type.
define(OpDef("empty", _alloc, kind="alloc", reads=(), emit="np.empty", may_raise=_extent, doc="a shadow of zeros"))
define(OpDef("zeros", _alloc, kind="alloc", reads=(), emit="np.zeros", may_raise=_extent, doc="a shadow of zeros"))
define(OpDef("full", _full, kind="alloc", reads=(), emit="np.full", may_raise=_extent, doc="a: sum(y_bar)"))
define(OpDef("empty_like", _like, kind="alloc", reads=(), emit="np.empty_like({0})", doc="a shadow of zeros"))
define(OpDef("zeros_like", _like, kind="alloc", reads=(), emit="np.zeros_like({0})", doc="a shadow of zeros"))


def _renew(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    """The extents of what is to be new, of the spare's dtype."""
    spare, *extents = types
    made = _alloc(extents, {**attrs, "dtype": infer.array(spare).dtype})
    if infer.array(spare).rank != len(extents):
        raise TypeError(f"{len(extents)} extents for {spare}")
    return made


# renew %spare, extents...: an array of open elements, in the memory of an array that nobody needs any more if that is
# of the same shape.
define(
    OpDef(
        "renew",
        _renew,
        kind="alloc",
        reads=(),
        renews=True,
        may_raise=_extent,
        emit="renewed({0}, {1})",
        doc="none: a late pass",
    )
)


def _dim(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    t = infer.array(types[0])
    if not 0 <= attrs["axis"] < t.rank:
        raise TypeError(f"no axis {attrs['axis']} in {t}")
    return (i64,)


define(OpDef("dim", _dim, lambda x, axis: x.shape[axis], kind="query", reads=(), emit="{0}.shape[{axis}]", cheap=True))


def _element(types: Sequence[Type]) -> Scalar:
    t, *indices = types
    a = infer.array(t)
    if len(indices) != a.rank:
        raise TypeError(f"{len(indices)} indices for {a}")
    for i in indices:
        infer.index(i)
    return Scalar(a.dtype)


def _load(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (_element(types),)


def _store(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    *place, value = types
    if _element(place) != value:
        raise TypeError(f"a value of type {value} for an element of {place[0]}")
    return ()


def unsafe(op: Any) -> bool:
    """Bounds are checked at the use unless a pass has shown or checked before that the index is inside."""
    return not op.attrs.get("safe")


# Operands: array, indices...[, value]. Indices mean what Python means: negative ones count from the end,
# those outside raise IndexError, unless `safe=True`, which promises that they are inside.
# Ops with a place, which a transform may promise to be inside.
INDEXED = ("load", "store", "update", "view", "gather", "scatter", "scatter_add", "withdraw")


define(
    OpDef("load", _load, kind="memory", reads=(0,), allocates=False, may_raise=unsafe, cheap=True, doc="a_bar[i] += g")
)
define(OpDef("store", _store, kind="memory", reads=(), writes=(0,), may_raise=unsafe, doc="b: a_bar[i], then 0"))
define(OpDef("update", _store, kind="memory", reads=(0,), writes=(0,), may_raise=unsafe, doc="b: a_bar[i]"))


def _view(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    """`index` holds per item 'i' (an integer operand), 'n' (None) or a slice: which of lo, hi, step are operands."""
    a = infer.array(types[0])
    rest = iter(types[1:])
    axes = iter(a.dims)
    dims: list[Dim] = []
    trimmed = False  # anything that breaks C-contiguity
    for item in attrs["index"]:
        if item == "n":
            dims.append(1)
            continue
        size = next(axes, "none")
        if size == "none":
            raise TypeError(f"too many indices for {a}")
        if item == "i":
            infer.index(next(rest))
            trimmed = trimmed or bool(dims)
        else:
            for given in item:
                if given == "1":
                    infer.index(next(rest))
            trimmed = trimmed or item[2] == "1" or (item != "000" and bool(dims))
            dims.append(size if item == "000" else None)
    if next(axes, "none") != "none":
        raise TypeError(f"{attrs['index']} leaves out axes of {a}")
    if next(rest, None) is not None:
        raise TypeError(f"{attrs['index']} has operands left over")
    return (Array(a.dtype, tuple(dims), a.strided or trimmed),)


def _view_known(operands: Sequence[Operand], attrs: Attrs, types: tuple[Type, ...]) -> tuple[Type, ...]:
    """The extents of literal slices of axes whose extents are known."""
    base, made = operands[0].type, types[0]
    assert isinstance(base, Array) and isinstance(made, Array)
    rest, axes, dims = iter(operands[1:]), iter(base.dims), list(made.dims)
    at = 0
    for item in attrs["index"]:
        if item == "i":
            next(rest), next(axes)
            continue
        given = [next(rest) if code == "1" else None for code in item if code != "n"]
        size = next(axes) if item != "n" else None
        if dims[at] is None and isinstance(size, int):
            dims[at] = sliced(size, [a.value if isinstance(a, Const) else a for a in given])
        at += 1
    return (replace(made, dims=tuple(dims)),)


def sliced(size: int, bounds: Sequence[Any]) -> int | None:
    """How many elements [lo:hi:step] leaves of an axis, where all of them are literals."""
    if any(not (a is None or isinstance(a, int)) for a in bounds) or bounds[2] == 0:
        return None
    return len(range(*slice(*bounds).indices(size)))


def _view_raises(op: Any) -> bool:
    return unsafe(op) and any(item == "i" or (item[0] != "n" and item[2] == "1") for item in op.attrs["index"])


define(
    OpDef(
        "view",
        _view,
        kind="view",
        reads=(),
        allocates=False,
        may_raise=_view_raises,
        known=_view_known,
        cheap=True,
        doc="a view of a_bar",
    )
)


def _assign(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    target, value = types
    a = infer.array(target)
    if infer.dtypes([value]) != [a.dtype]:
        raise TypeError(f"{value} written into {a}")
    if isinstance(value, Array) and value.rank > a.rank:
        raise TypeError(f"{value} does not fit into {a}")
    return ()


def _scalar_value(op: Any) -> bool:
    return isinstance(op.args[1].type, Array)


# `assign %v, %b` is v[...] = b and `accumulate %v, %b` is v[...] += b, b broadcast to v.
# If b is memory that v shares, it is as if b were read in full before anything is written.
define(
    OpDef("assign", _assign, kind="memory", reads=(1,), writes=(0,), may_raise=_scalar_value, doc="b: a_bar, then 0")
)
define(OpDef("accumulate", _assign, kind="memory", reads=(0, 1), writes=(0,), may_raise=_scalar_value, doc="b: a_bar"))


# Tapes.
def _stack(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (Stack(attrs["elem"]),)


def _push(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    stack, value = types
    if not isinstance(stack, Stack) or (stack.elem != value and isinstance(stack.elem, Scalar)):
        raise TypeError(f"{value} pushed on {stack}")
    return ()


def _pop(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    if not isinstance(types[0], Stack):
        raise TypeError(f"{types[0]} is not a tape")
    return (types[0].elem,)


define(OpDef("stack", _stack, kind="tape", reads=(), emit="stack", doc="an adjoint tape"))
define(OpDef("push", _push, kind="tape", reads=(), writes=(0,), doc="b: popped from the adjoint tape"))
define(OpDef("pop", _pop, kind="tape", reads=(0,), writes=(0,), allocates=False, doc="g is pushed on the adjoint tape"))


def _undef(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (attrs["type"],)


# The value of a variable on a path where it has none: never read.
define(OpDef("undef", _undef, kind="undef", reads=(), allocates=False, cheap=True))


def _raise(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    infer.condition(types[0])
    return ()


# raise_if %c, error="IndexError", message="...": raises when %c is true.
define(OpDef("raise_if", _raise, kind="effect", reads=(), may_raise=lambda op: True))
# print %a, %b, parts=("x =", None, None): literal texts, and None for the next operand.
define(OpDef("print", infer.nothing, kind="effect", ordered=True))
# The identity, with zero derivative.
define(
    OpDef(
        "stop_gradient",
        infer.numeric,
        lambda x: x,
        zero=True,
        emit="stop_gradient({0})",
        cheap=True,
        element=lambda b, op, at, read, size: read(0, at),
    )
)

# The identity: what a user wants of a number where the reverse sweep needs it, that it is kept, or computed again.
for _name, _cheap in (("keep", False), ("redo", True)):
    define(
        OpDef(
            _name,
            infer.numeric,
            lambda x: x,
            partials=(lambda g, y, x: g,),
            emit="{0}",
            cheap=_cheap,
            element=lambda b, op, at, read, size: read(0, at),
        )
    )


def _along(k: int) -> Callable[..., Any]:
    """The adjoint or direction times operand k: the partial that is known."""
    return lambda g, y, *operands: g * operands[k]


def _attached(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    if any(t != types[0] for t in types):
        raise TypeError("a value, what it depends on and its partials are of one type")
    return (infer.scalar(types[0]),)


# attach1 %y, %a, %p: y, whose derivative by a is known to be p; attach2 %y, %a, %p, %b, %q. (What y itself is made of
# has no part in it.)
for _count in (1, 2):
    define(
        OpDef(
            f"attach{_count}",
            _attached,
            lambda y, *rest: y,
            partials=(None, *(rule for k in range(_count) for rule in (_along(2 + 2 * k), None))),
            singular=True,
            emit="{0}",
            cheap=True,
        )
    )
# section, text="reverse sweep": a heading in the emitted source, nothing else.
define(OpDef("section", infer.nothing, kind="comment", reads=()))
