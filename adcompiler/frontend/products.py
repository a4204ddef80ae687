"""Products: matrix products where BLAS has one, einsum for every other."""

from __future__ import annotations

import ast
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from adcompiler.frontend.arguments import Handler, Kwargs, arguments, array_like, static_axis
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import static_int
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.promote import binary, need_number, unify, wrap
from adcompiler.frontend.shaping import Table, calculated, flattened, reshaped
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Val, describe, is_none, number
from adcompiler.ir.build import integer
from adcompiler.ir.core import Const, Operand, Value

LETTERS = string.ascii_lowercase


def matmul(cx: Context, a: Val, b: Val) -> Val:
    """a @ b"""
    for v in (a, b):
        if not isinstance(v, Arr):
            raise cx.error(f"@ needs arrays, not {describe(cx.content(v))}", "*")
    assert isinstance(a, Arr) and isinstance(b, Arr)
    if a.type.rank <= 2 and b.type.rank <= 2:
        return wrap(cx, cx.op("matmul", *unify(cx, (need_number(cx, a), need_number(cx, b)))))
    if a.type.rank == 1:
        batch = LETTERS[: b.type.rank - 2]
        return contracted(cx, ["y", f"{batch}yz"], f"{batch}z", [a, b])
    if b.type.rank == 1:
        batch = LETTERS[: a.type.rank - 2]
        return contracted(cx, [f"{batch}xy", "y"], f"{batch}x", [a, b])
    batch = LETTERS[: max(a.type.rank, b.type.rank) - 2]
    left, right = batch[len(batch) - a.type.rank + 2 :], batch[len(batch) - b.type.rank + 2 :]
    return contracted(cx, [f"{left}xy", f"{right}yz"], f"{batch}xz", [a, b])


def contracted(cx: Context, inputs: Sequence[str], out: str, arrays: Sequence[Num | Arr], given: bool = False) -> Val:
    """einsum of a spelled out spec, in the letters `given` by the user; a plain matrix product stays one."""
    operands = unify(cx, arrays)
    written = f"{','.join(inputs)}->{out}"
    spec = _renamed(written)
    if spec in ("ij,jk->ik", "ij,j->i", "i,ij->j", "i,i->"):
        return wrap(cx, cx.op("matmul", *operands))
    if spec == "i,j->ij":
        return wrap(cx, cx.op("outer", *operands))
    return wrap(cx, cx.op("einsum", *operands, spec=written if given else spec))


def _renamed(spec: str) -> str:
    """The same spec in the letters i, j, k ... in their order."""
    names = list(dict.fromkeys(c for c in spec if c.isalpha()))
    if len(names) > 18:
        return spec
    return "".join(LETTERS[8 + names.index(c)] if c.isalpha() else c for c in spec)


def dot(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_like(cx, v) for v in arguments(cx, "np.dot", "a b", args, kwargs, 2))
    if isinstance(a, Num) or isinstance(b, Num):
        return binary(cx, "Mult", a, b)
    if a.type.rank <= 2 and b.type.rank <= 2:
        return matmul(cx, a, b)
    left = LETTERS[: a.type.rank - 1]
    right = LETTERS[len(left) : len(left) + b.type.rank - 1]
    inner = right[:-1] + "z" + right[-1:] if b.type.rank > 1 else "z"
    return contracted(cx, [f"{left}z", inner], left + right, [a, b])


def inner(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_like(cx, v) for v in arguments(cx, "np.inner", "a b", args, kwargs, 2))
    if isinstance(a, Num) or isinstance(b, Num):
        return binary(cx, "Mult", a, b)
    left = LETTERS[: a.type.rank - 1]
    right = LETTERS[len(left) : len(left) + b.type.rank - 1]
    return contracted(cx, [f"{left}z", f"{right}z"], left + right, [a, b])


def _flat(cx: Context, v: Val) -> Num | Arr:
    return v if isinstance(v, Num) else flattened(cx, array_like(cx, v))


def vdot(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (_flat(cx, v) for v in arguments(cx, "np.vdot", "a b", args, kwargs, 2))
    return binary(cx, "Mult", a, b) if isinstance(a, Num) or isinstance(b, Num) else matmul(cx, a, b)


def outer(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = arguments(cx, "np.outer", "a b", args, kwargs, 2)
    flat = [_flat(cx, v) for v in (a, b)]
    lines = [reshaped(cx, v, [integer(1)]) if isinstance(v, Num) else v for v in flat]
    return Arr(cx.op("outer", *unify(cx, [v for v in lines if isinstance(v, Arr)])))


def tensordot(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b, axes = arguments(cx, "np.tensordot", "a b axes", args, kwargs, 2)
    a, b = array_like(cx, a), array_like(cx, b)
    if isinstance(a, Num) or isinstance(b, Num):
        return binary(cx, "Mult", a, b)
    m, n = a.type.rank, b.type.rank
    if isinstance(axes, Seq):
        sides = [side.items if isinstance(side, Seq) else (side,) for side in axes.items]
        left, right = [static_axis(cx, k, m) for k in sides[0]], [static_axis(cx, k, n) for k in sides[1]]
    else:
        count = 2 if axes is None else static_int(cx, axes)
        left, right = list(range(m - count, m)), list(range(count))
    if len(left) != len(right) or min([*left, 0]) < 0 or max([*right, 0]) >= n:
        raise cx.error("the axes of np.tensordot don't fit its arrays")
    names = LETTERS[:m]
    others = iter(LETTERS[m:])
    second = "".join(names[left[right.index(k)]] if k in right else next(others) for k in range(n))
    out = "".join(c for k, c in enumerate(names) if k not in left)
    return contracted(cx, [names, second], out + "".join(c for k, c in enumerate(second) if k not in right), [a, b])


def kron(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_like(cx, v) for v in arguments(cx, "np.kron", "a b", args, kwargs, 2))
    if isinstance(a, Num) or isinstance(b, Num):
        return binary(cx, "Mult", a, b)
    rank = max(a.type.rank, b.type.rank)
    names = LETTERS[: 2 * rank]
    left, right = names[0::2][rank - a.type.rank :], names[1::2][rank - b.type.rank :]
    pairs = zip(names[0::2], names[1::2], strict=True)
    out = "".join(c for pair in pairs for c in pair if c in left + right)
    product = contracted(cx, [left, right], out, [a, b])
    sizes: list[Operand] = []
    for back in range(rank, 0, -1):
        given = [extent(cx, v, v.type.rank - back) for v in (a, b) if v.type.rank >= back]
        sizes.append(given[0] if len(given) == 1 else calculated(cx, "Mult", *given))
    assert isinstance(product, Arr)
    return reshaped(cx, product, sizes)


# einsum.
def einsum(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    for name in kwargs:
        if name != "optimize":
            raise cx.error(f"np.einsum: the argument '{name}' is not supported")
    if not args or not (isinstance(args[0], Obj) and isinstance(args[0].value, str)):
        raise cx.error("np.einsum needs its subscripts as a literal text first", 'np.einsum("ij,jk->ik", a, b)')
    arrays = [array_like(cx, v) for v in args[1:]]
    inputs, out = spelled_out(cx, args[0].value.replace(" ", ""), arrays)
    if len(arrays) == 1 and set(inputs[0]) == set(out):
        return _rearranged(cx, inputs[0], out, arrays[0])
    inputs, arrays = list(inputs), list(arrays)
    for k, names in enumerate(inputs):
        inputs[k], arrays[k] = _without_repeats(cx, names, arrays[k])
    found = contracted(cx, inputs, out, arrays, given=True)
    if isinstance(found, Arr) and isinstance(found.op, Value):
        optimized = kwargs.get("optimize", Obj(False)) != Obj(False)
        cx.orders[found.op] = None if optimized else tuple([a.op for a in arrays])
    return found


def _rearranged(cx: Context, names: str, out: str, a: Num | Arr) -> Val:
    """einsum of one array without a sum: NumPy gives a view."""
    names, a = _without_repeats(cx, names, a, view=True)
    if isinstance(a, Num) or names == out:
        return a
    return Arr(cx.op("transpose", a.op, axes=tuple(names.index(c) for c in out)))


def spelled_out(cx: Context, text: str, arrays: Sequence[Num | Arr]) -> tuple[list[str], str]:
    """The subscripts of each operand and of the result, without `...`, the result given."""
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(arrays):
        raise cx.error(f"{text!r} has {len(inputs)} operands, not {len(arrays)}")
    spare = [c for c in LETTERS[::-1] if c not in text]
    widths = [
        (a.type.rank if isinstance(a, Arr) else 0) - len(n.replace("...", ""))
        for n, a in zip(inputs, arrays, strict=True)
    ]
    dots = max([w for n, w in zip(inputs, widths, strict=True) if "..." in n], default=0)
    ellipsis = "".join(spare[:dots])
    spelled: list[str] = []
    for names, width in zip(inputs, widths, strict=True):
        if width < 0 or (width and "..." not in names):
            raise cx.error(f"the subscripts {names!r} of {text!r} don't fit the axes of their operand")
        spelled.append(names.replace("...", ellipsis[dots - width :] if width else ""))
    if not arrow:
        whole = "".join(spelled)
        right = ellipsis + "".join(sorted(c for c in set(whole) - set(ellipsis) if whole.count(c) == 1))
    out = right.replace("...", ellipsis)
    for names in [*spelled, out]:
        if not all(c in string.ascii_letters for c in names):
            raise cx.error(f"{text!r} has subscripts that are no letters")
    if len(set(out)) < len(out) or not set(out) <= set("".join(spelled)):
        raise cx.error(f"the result of {text!r} has a subscript twice, or one that no operand has")
    return spelled, out


def _without_repeats(cx: Context, names: str, a: Num | Arr, view: bool = False) -> tuple[str, Num | Arr]:
    """ii -> i: the diagonal in place of the array."""
    repeated = next((c for c in names if names.count(c) > 1), None)
    if repeated is None or isinstance(a, Num):
        return names, a
    first = names.index(repeated)
    second = names.index(repeated, first + 1)
    taken = (diagonal_view if view else diagonal_of)(cx, a, first, second, number(0))
    rest = "".join(c for k, c in enumerate(names) if k not in (first, second))
    return _without_repeats(cx, rest + repeated, taken, view)


def diagonal_of(cx: Context, a: Arr, first: int, second: int, offset: Val) -> Arr:
    """The elements with equal indices along two axes (the second one `offset` more), as the last axis."""
    k = static_int(cx, offset)
    rows, columns = extent(cx, a, first), extent(cx, a, second)
    rows = rows if k >= 0 else calculated(cx, "Sub", rows, integer(-k))
    columns = columns if k <= 0 else calculated(cx, "Sub", columns, integer(k))
    count = _least(cx, rows, columns) if rows != columns else rows
    if k and not isinstance(count, Const):
        count = cx.op("maximum", count, integer(0), tie="half")
    elif isinstance(count, Const):
        count = integer(max(int(count.value), 0))
    line = cx.op("iota", count, dims=(int(count.value) if isinstance(count, Const) else None,))
    below = line if k >= 0 else cx.op("add", line, integer(-k))
    right = line if k <= 0 else cx.op("add", line, integer(k))
    order = [j for j in range(a.type.rank) if j not in (first, second)] + [first, second]
    turned = a if order == sorted(order) else Arr(cx.op("transpose", a.op, axes=tuple(order)))
    index = ("0",) * (a.type.rank - 2) + ("a", "a")
    return Arr(cx.op("gather", turned.op, below, right, index=index, safe=True, natural=True, once=True))


def diagonal_view(cx: Context, a: Arr, first: int, second: int, offset: Val) -> Arr:
    """The diagonal where NumPy gives a view of it."""
    found = diagonal_of(cx, a, first, second, offset)
    cx.stands_for_view()
    return found


def _least(cx: Context, a: Operand, b: Operand) -> Operand:
    if isinstance(a, Const) and isinstance(b, Const):
        return integer(min(int(a.value), int(b.value)))
    return cx.op("minimum", a, b, tie="half")


def diagonal(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, offset, axis1, axis2 = arguments(cx, "np.diagonal", "a offset axis1 axis2", args, kwargs)
    a = array_like(cx, a)
    if isinstance(a, Num) or a.type.rank < 2:
        raise cx.error("a diagonal needs at least two axes")
    i = 0 if axis1 is None else static_axis(cx, axis1, a.type.rank)
    j = 1 if axis2 is None else static_axis(cx, axis2, a.type.rank)
    if i == j:
        raise cx.error("axis1 and axis2 cannot be the same")
    return diagonal_view(cx, a, i, j, number(0) if offset is None or is_none(offset) else offset)


def trace(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    line = diagonal(cx, args, kwargs, node)
    assert isinstance(line, Arr)
    attrs: dict[str, Any] = {} if line.type.rank == 1 else {"axis": (line.type.rank - 1,)}
    return wrap(cx, cx.op("sum", line.op, **attrs))


def _matmul(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return matmul(cx, *arguments(cx, "np.matmul", "x1 x2", args, kwargs, 2))


PRODUCTS: Table = {
    np.dot: dot, np.matmul: _matmul, np.inner: inner, np.vdot: vdot, np.outer: outer, np.tensordot: tensordot,
    np.kron: kron, np.einsum: einsum, np.diagonal: diagonal, np.trace: trace,
}  # fmt: skip
PRODUCT_METHODS: dict[str, Handler] = {"dot": dot, "diagonal": diagonal, "trace": trace}
