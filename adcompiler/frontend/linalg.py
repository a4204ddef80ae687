"""np.linalg and scipy.linalg: their functions as ops, or as compositions of ops."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.arguments import Handler, Kwargs, arguments
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import array_of, static_int
from adcompiler.frontend.promote import binary, cast, common, need_number, wrap
from adcompiler.frontend.reducing import REDUCING
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Val, describe, is_none, number
from adcompiler.ir.build import const
from adcompiler.ir.types import Scalar


def floats(cx: Context, name: str, *values: Val) -> list[Arr]:
    """Array arguments in their common floating dtype: integers are read as float64."""
    arrays = []
    for v in values:
        a = array_of(cx, v) if isinstance(v, Seq) else need_number(cx, v, "an array")
        if not isinstance(a, Arr):
            raise cx.error(f"{name} needs an array, not {describe(a)}")
        arrays.append(a)
    dtype = common(cx, arrays)
    dtype = dtype if dtype[0] == "f" else "f64"
    return [a if a.dtype == dtype else Arr(cx.op("cast", a.op, dtype=dtype)) for a in arrays]


def of_matrix(op: str) -> Handler:
    """A function of one matrix that is the op `op`."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        (a,) = floats(cx, f"linalg.{op}", *arguments(cx, f"linalg.{op}", "a", args, kwargs))
        return wrap(cx, cx.op(op, a.op))

    return handler


def solve(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = floats(cx, "linalg.solve", *arguments(cx, "linalg.solve", "a b", args, kwargs, 2))
    return wrap(cx, cx.op("solve", a.op, b.op))


def slogdet(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    (a,) = floats(cx, "linalg.slogdet", *arguments(cx, "linalg.slogdet", "a", args, kwargs))
    return results(cx, "slogdet", a, _RESULTS["slogdet"])


def results(cx: Context, op: str, a: Arr, cls: Any, **attrs: Any) -> Seq:
    """An op with several results, as the named tuple that NumPy returns."""
    return Seq(tuple([wrap(cx, r) for r in cx.ops(op, a.op, **attrs)]), cls)


_RESULTS = {"slogdet": type(np.linalg.slogdet(np.eye(1)))}


def cholesky(default: str, names: str) -> Handler:
    """NumPy's and SciPy's: L from the lower triangle; the upper factor is that of the transpose, transposed."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, flag, *_ = arguments(cx, "cholesky", names, args, kwargs)
        flag = flag is not None and bool(static_int(cx, flag))
        (a,) = floats(cx, "cholesky", a)
        if flag == (default == "upper"):
            return Arr(cx.op("cholesky", a.op))
        lower = cx.op("cholesky", cx.op("transpose", a.op))
        return Arr(cx.op("copy", cx.op("transpose", lower)))

    return handler


# Norms.
def _axes(cx: Context, axis: Val | None, rank: int) -> tuple[int, ...] | None:
    """The axes of a norm, in the order given: rows, then columns."""
    if axis is None or is_none(axis):
        return None
    given = [static_int(cx, v) for v in (axis.items if isinstance(axis, Seq) else (axis,))]
    for k in given:
        if not -rank <= k < rank:
            raise cx.error(f"axis {k} is out of bounds for an array with {rank} axes")
    return tuple(k % rank for k in given)


def sum_of(cx: Context, x: Num | Arr, axes: tuple[int, ...] | None, keep: bool) -> Num | Arr:
    attrs: dict[str, Any] = ({} if axes is None else {"axis": tuple(sorted(axes))}) | (
        {"keepdims": True} if keep else {}
    )
    return wrap(cx, cx.op("sum", x.op, **attrs))


def norm(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, order, axis, keepdims = arguments(cx, "linalg.norm", "x ord axis keepdims", args, kwargs)
    if isinstance(x, Num):
        return wrap(cx, cx.op("abs", x.op))
    (x,) = floats(cx, "linalg.norm", x)
    keep = keepdims is not None and bool(static_int(cx, keepdims))
    return _norm(cx, x, _order(cx, order), _axes(cx, axis, x.type.rank), keep)


def _norm(cx: Context, x: Arr, order: Any, axes: tuple[int, ...] | None, keep: bool) -> Val:
    if order is None and (axes is None or len(axes) < 3):
        return _length(cx, x, axes, keep)
    given = tuple(range(x.type.rank)) if axes is None else axes
    if len(given) == 1:
        return _of_vectors(cx, x, order, given, keep)
    if len(given) == 2:
        return _of_matrices(cx, x, order, given, keep)
    raise cx.error("a norm is taken along one axis (of vectors) or two (of matrices)", "axis=", UnsupportedFunction)


def _order(cx: Context, order: Val | None) -> Any:
    """None, a number, 'fro' or 'nuc'."""
    if order is None or is_none(order):
        return None
    if isinstance(order, Num) and order.known:
        return float(order.value)
    if isinstance(order, Obj) and order.value in ("fro", "nuc"):
        return order.value
    raise cx.error(f"the order of a norm is a literal number, 'fro' or 'nuc', not {describe(order)}")


def _length(cx: Context, x: Arr, axes: tuple[int, ...] | None, keep: bool) -> Val:
    squares = sum_of(cx, Arr(cx.op("square", x.op)), axes, keep)
    return wrap(cx, cx.op("length", squares.op))


def _of_vectors(cx: Context, x: Arr, order: Any, axes: tuple[int, ...], keep: bool) -> Val:
    if order == 2:
        return _length(cx, x, axes, keep)
    if isinstance(order, str):
        raise cx.error(f"the order {order!r} is for matrices")
    zero = const(0.0, Scalar(x.dtype))
    if order == 0:
        counted = sum_of(cx, Arr(cx.op("ne", x.op, zero)), axes, keep)
        return wrap(cx, cast(cx, counted.op, x.dtype))
    sizes = Arr(cx.op("abs", x.op))
    if abs(order) == math.inf:
        return extreme(cx, "max" if order > 0 else "min", sizes, axes, keep)
    if order == 1:
        return sum_of(cx, sizes, axes, keep)
    total = sum_of(cx, binary(cx, "Pow", sizes, number(order)), axes, keep)
    # The derivative at 0 is 0: the root is taken of 1 there, and not looked at.
    none = cx.op("eq", total.op, zero)
    one = cx.op("select", none, const(1.0, Scalar(x.dtype)), total.op)
    root = cx.op("pow", one, const(1.0 / order, Scalar(x.dtype)))
    return wrap(cx, cx.op("select", none, zero, root))


def _of_matrices(cx: Context, x: Arr, order: Any, axes: tuple[int, ...], keep: bool) -> Val:
    if order in (None, "fro"):
        return _length(cx, x, axes, keep)
    row, column = axes
    if order == "nuc" or abs(order) == 2:
        raise cx.error("norms by singular values are not built yet", kind=UnsupportedFunction)
    if abs(order) not in (1, math.inf):
        raise cx.error(f"there is no matrix norm of order {order:g}", "1, 2, -1, -2, np.inf, -np.inf, 'fro' or 'nuc'")
    summed, left = (row, column) if abs(order) == 1 else (column, row)
    totals = sum_of(cx, Arr(cx.op("abs", x.op)), (summed,), keep)
    at = left if keep or left < summed else left - 1
    return extreme(cx, "max" if order > 0 else "min", totals, (at,), keep)


def extreme(cx: Context, which: str, x: Num | Arr, axes: tuple[int, ...], keep: bool) -> Val:
    """np.max or np.min along axes."""
    handler = REDUCING.get(getattr(np, which))
    if handler is None:
        raise cx.error("this norm is not built yet", f"np.{which}(np.abs(x))", UnsupportedFunction)
    return handler(cx, [x], {"axis": Seq(tuple([number(k) for k in axes])), "keepdims": number(keep)}, None)


# scipy.linalg.
def solve_triangular(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    names = "a b trans lower unit_diagonal overwrite_b check_finite quiet"
    a, b, trans, lower, unit, _, _, quiet = arguments(cx, "solve_triangular", names, args, kwargs, 2)
    a, b = floats(cx, "solve_triangular", a, b)
    transposed = 0 if trans is None else _transposed(cx, trans)
    attrs: dict[str, Any] = {
        "trans": transposed,
        "lower": _flag(cx, lower),
        "unit_diagonal": _flag(cx, unit),
        "quiet": _flag(cx, quiet),
    }
    return Arr(cx.op("solve_triangular", a.op, b.op, **{k: v for k, v in attrs.items() if v}))


def _flag(cx: Context, v: Val | None) -> bool:
    return v is not None and bool(static_int(cx, v))


def _transposed(cx: Context, trans: Val) -> int:
    value = trans.value if isinstance(trans, Obj) or (isinstance(trans, Num) and trans.known) else None
    if value not in (0, 1, 2, "N", "T", "C"):
        raise cx.error("trans is 0, 1, 2, 'N', 'T' or 'C', as a literal")
    return int(value not in (0, "N"))


def triangle(op: str) -> Handler:
    """np.tril and np.triu."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, k = arguments(cx, f"np.{op}", "m k", args, kwargs)
        a = array_of(cx, a) if isinstance(a, Seq) else need_number(cx, a)
        attrs: dict[str, Any] = {"k": static_int(cx, k)} if k is not None and static_int(cx, k) else {}
        return wrap(cx, cx.op(op, a.op, **attrs))

    return handler


def cofactor_dot(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, d = floats(cx, "cofactor_dot", *args)
    return Arr(cx.op("cofactor_dot", a.op, d.op))


def cho_solve(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """Two triangular solves."""
    factor, b, *_ = arguments(cx, "cho_solve", "c_and_lower b overwrite_b check_finite", args, kwargs, 2)
    if not isinstance(factor, Seq) or len(factor.items) != 2:
        raise cx.error("cho_solve takes a factor and whether it is lower: (L, True)")
    lower = _flag(cx, factor.items[1])
    how: Kwargs = {"lower": number(lower)}
    first = solve_triangular(cx, [factor.items[0], b], how | {"trans": number(int(not lower))}, node)
    return solve_triangular(cx, [factor.items[0], first], how | {"trans": number(int(lower))}, node)


LINALG_FUNCTIONS: dict[Any, Handler] = {
    np.linalg.solve: solve,
    np.linalg.inv: of_matrix("inv"),
    np.linalg.det: of_matrix("det"),
    np.linalg.slogdet: slogdet,
    np.linalg.cholesky: cholesky("lower", "a upper"),
    np.linalg.norm: norm,
    np.tril: triangle("tril"),
    np.triu: triangle("triu"),
}
# Functions of scipy.linalg by name: it is not imported for them.
SCIPY_LINALG: dict[str, Handler] = {
    "solve_triangular": solve_triangular,
    "cho_solve": cho_solve,
    "inv": of_matrix("inv"),
    "det": of_matrix("det"),
    "cholesky": cholesky("upper", "a lower overwrite_a check_finite"),
}
# Helpers of adcompiler.runtime, as generated code uses them.
OF_RUNTIME: dict[str, Handler] = {
    "solve_triangular": solve_triangular,
    "inv_or_nan": of_matrix("inv_or_nan"),
    "cofactor": of_matrix("cofactor"),
    "cofactor_dot": cofactor_dot,
}
