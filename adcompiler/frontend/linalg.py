"""np.linalg and scipy.linalg: their functions as ops, or as compositions of ops."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend import stacks
from adcompiler.frontend.arguments import Handler, Kwargs, arguments
from adcompiler.frontend.context import Context
from adcompiler.frontend.indexing import static_int
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.norms import flag, floats, norm, norm_of, order_of
from adcompiler.frontend.promote import binary, need_number, wrap
from adcompiler.frontend.shaping import reshaped
from adcompiler.frontend.values import Arr, Num, Obj, Seq, Val, is_none, number
from adcompiler.ir.build import integer
from adcompiler.ir.core import Operand


def of_matrix(op: str) -> Handler:
    """A function of one matrix that is the op `op`."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        (a,) = floats(cx, f"linalg.{op}", *arguments(cx, f"linalg.{op}", "a", args, kwargs))
        return stacked(cx, op, a) if a.type.rank > 2 else wrap(cx, cx.op(op, a.op))

    return handler


# Stacks of matrices: axes before the last two are laid out as one, and looped over.
def stacked(cx: Context, op: str, a: Arr) -> Val:
    """A function of each matrix of a stack."""
    function = getattr(stacks, op, None)
    if function is None:
        raise cx.error(f"linalg.{op} of stacks of matrices is not built yet", "a loop", UnsupportedFunction)
    before = [extent(cx, a, k) for k in range(a.type.rank - 2)]
    found = cx.call(cx, Obj(function), [_as_one(cx, a, before)], {})
    return _spread_out(cx, found, before)


def _as_one(cx: Context, a: Arr, before: list[Operand]) -> Val:
    """The array with these axes in front as one."""
    total: Operand = integer(1)
    for n in before:
        total = n if total == integer(1) else cx.op("mul", total, n)
    rest = [extent(cx, a, k) for k in range(len(before), a.type.rank)]
    return reshaped(cx, a, [total, *rest])


def _spread_out(cx: Context, v: Val, before: list[Operand]) -> Val:
    """The other way round, for each result."""
    if isinstance(v, Seq):
        return Seq(tuple([_spread_out(cx, part, before) for part in v.items]))
    assert isinstance(v, Arr)
    rest = [extent(cx, v, k) for k in range(1, v.type.rank)]
    return reshaped(cx, v, [*before, *rest])


def _solve_stacks(cx: Context, a: Arr, b: Arr) -> Val:
    """NumPy's rule: a right side with one axis is a vector, any other holds matrices; stacks are broadcast."""
    own = 1 if b.type.rank == 1 else 2
    fronts = [[extent(cx, x, k) for k in range(x.type.rank - last)] for x, last in ((a, 2), (b, own))]
    depth = max(map(len, fronts))
    before = [_wider(cx, [f[k - depth] for f in fronts if k - depth >= -len(f)]) for k in range(depth)]
    wide: list[Val] = []
    for x, last, other in ((a, 2, fronts[1]), (b, own, fronts[0])):
        shape = [*before, *(extent(cx, x, k) for k in range(x.type.rank - last, x.type.rank))]
        full: Val = x
        if other:
            full = cx.call(cx, Obj(np.broadcast_to), [x, Seq(tuple([Num(n) for n in shape]))], {})
        assert isinstance(full, Arr)
        wide.append(_as_one(cx, full, before))
    return _spread_out(cx, cx.call(cx, Obj(stacks.solve), wide, {}), before)


def _wider(cx: Context, sizes: list[Operand]) -> Operand:
    """The extent of an axis of stacks that are broadcast (where they don't fit, broadcasting says so)."""
    first, *others = sizes
    for other in others:
        if other != first:
            ones = cx.op("eq", first, integer(1))
            first = cx.op("select", ones, other, first)
    return first


def solve(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = floats(cx, "linalg.solve", *arguments(cx, "linalg.solve", "a b", args, kwargs, 2))
    if a.type.rank > 2 or (a.type.rank == 2 and b.type.rank > 2):
        return _solve_stacks(cx, a, b)
    return wrap(cx, cx.op("solve", a.op, b.op))


def slogdet(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    (a,) = floats(cx, "linalg.slogdet", *arguments(cx, "linalg.slogdet", "a", args, kwargs))
    if a.type.rank > 2:
        return _named(cx, "slogdet", a)
    return results(cx, "slogdet", a, _RESULTS["slogdet"])


def _named(cx: Context, op: str, a: Arr) -> Val:
    found = stacked(cx, op, a)
    assert isinstance(found, Seq)
    return Seq(found.items, _RESULTS[op])


def results(cx: Context, op: str, a: Arr, cls: Any, **attrs: Any) -> Seq:
    """An op with several results, as the named tuple that NumPy returns."""
    return Seq(tuple([wrap(cx, r) for r in cx.ops(op, a.op, **attrs)]), cls)


_RESULTS: dict[str, Any] = {
    name: type(getattr(np.linalg, name)(np.eye(1))) for name in ("slogdet", "eigh", "svd", "qr")
}


def text(cx: Context, v: Val | None, default: str, allowed: str) -> str:
    """A literal string."""
    value = default if v is None else v.value if isinstance(v, Obj) else None
    if value not in allowed.split():
        raise cx.error(f"this is one of {allowed}, as a literal", kind=UnsupportedFunction)
    return str(value)


def eigh(vectors: bool) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, uplo, upper = arguments(cx, "linalg.eigh", "a UPLO upper", args, kwargs)
        (a,) = floats(cx, "linalg.eigh", a)
        up = text(cx, uplo, "L", "L U") == "U" or flag(cx, upper)
        attrs: dict[str, Any] = {"upper": True} if up else {}
        if a.type.rank > 2 and not up:
            return _named(cx, "eigh", a) if vectors else stacked(cx, "eigvalsh", a)
        if vectors:
            return results(cx, "eigh", a, _RESULTS["eigh"], **attrs)
        return Arr(cx.op("eigvalsh", a.op, **attrs))

    return handler


def svd(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """The thin decomposition; the full one of square matrices is the same."""
    a, full, vectors = arguments(cx, "linalg.svd", "a full_matrices compute_uv", args, kwargs)
    (a,) = floats(cx, "linalg.svd", a)
    if not flag(cx, vectors, True):
        return Arr(cx.op("svdvals", a.op))
    if flag(cx, full, True) and a.type.rank == 2:
        rows, columns = (cx.op("dim", a.op, axis=k) for k in (0, 1))
        message = "the full decomposition of a matrix that is not square is not built: full_matrices=False"
        cx.raise_if(cx.op("ne", rows, columns), "ShapeMismatch", message)
    return results(cx, "svd", a, _RESULTS["svd"])


def qr(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, mode = arguments(cx, "linalg.qr", "a mode", args, kwargs)
    (a,) = floats(cx, "linalg.qr", a)
    found = results(cx, "qr", a, _RESULTS["qr"])
    return found.items[1] if text(cx, mode, "reduced", "reduced r") == "r" else found


def pinv(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, rcond = arguments(cx, "linalg.pinv", "a rcond", args, kwargs)
    (a,) = floats(cx, "linalg.pinv", a)
    attrs: dict[str, Any] = {}
    if rcond is not None and not is_none(rcond):
        if not (isinstance(rcond, Num) and rcond.known):
            raise cx.error("rcond must be a literal")
        attrs["rcond"] = float(rcond.value)
    if a.type.rank > 2 and not attrs:
        return stacked(cx, "pinv", a)
    return Arr(cx.op("pinv", a.op, **attrs))


def matrix_power(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """By squaring; negative powers of the inverse."""
    a, n = arguments(cx, "linalg.matrix_power", "a n", args, kwargs, 2)
    (x,), power = floats(cx, "linalg.matrix_power", a), static_int(cx, n)
    if power < 0:
        x, power = Arr(cx.op("inv", x.op)), -power
    if power == 0:
        raise cx.error("the power 0 of a matrix is not built", "np.eye(n)", UnsupportedFunction)
    total: Any = None
    while power:
        if power % 2:
            total = x.op if total is None else cx.op("matmul", total, x.op)
        power //= 2
        if power:
            x = Arr(cx.op("matmul", x.op, x.op))
    return Arr(total)


def multi_dot(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """Products from left to right."""
    (arrays,) = arguments(cx, "linalg.multi_dot", "arrays", args, kwargs)
    if not isinstance(arrays, Seq) or len(arrays.items) < 2:
        raise cx.error("multi_dot takes a tuple of two arrays or more")
    factors = floats(cx, "linalg.multi_dot", *arrays.items)
    total: Any = factors[0].op
    for factor in factors[1:]:
        total = cx.op("matmul", total, factor.op)
    return wrap(cx, total)


def cond(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """The ratio of extreme singular values, or the norm of a matrix times that of its inverse."""
    x, p = arguments(cx, "linalg.cond", "x p", args, kwargs)
    (a,), order = floats(cx, "linalg.cond", x), order_of(cx, p)
    if order in (None, 2, -2):
        s = cx.op("svdvals", a.op)
        largest, least = (cx.op("load", s, integer(k)) for k in (0, -1))
        return wrap(cx, cx.op("div", *((least, largest) if order == -2 else (largest, least))))
    inverse = Arr(cx.op("inv", a.op))
    norms = [need_number(cx, norm_of(cx, m, order, None, False)) for m in (a, inverse)]
    return binary(cx, "Mult", *norms)


def refused(name: str, hint: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        raise cx.error(f"np.linalg.{name} is not supported", hint, UnsupportedFunction)

    return handler


def cholesky(default: str, names: str) -> Handler:
    """NumPy's and SciPy's: L from the lower triangle; the upper factor is that of the transpose, transposed."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, other, *_ = arguments(cx, "cholesky", names, args, kwargs)
        (a,) = floats(cx, "cholesky", a)
        if a.type.rank > 2 and not flag(cx, other) and default == "lower":
            return stacked(cx, "cholesky", a)
        if flag(cx, other) == (default == "upper"):
            return Arr(cx.op("cholesky", a.op))
        lower = cx.op("cholesky", cx.op("transpose", a.op))
        return Arr(cx.op("copy", cx.op("transpose", lower)))

    return handler


# scipy.linalg.
def solve_triangular(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    names = "a b trans lower unit_diagonal overwrite_b check_finite quiet"
    a, b, trans, lower, unit, _, _, quiet = arguments(cx, "solve_triangular", names, args, kwargs, 2)
    a, b = floats(cx, "solve_triangular", a, b)
    transposed = 0 if trans is None else _transposed(cx, trans)
    attrs: dict[str, Any] = {
        "trans": transposed,
        "lower": flag(cx, lower),
        "unit_diagonal": flag(cx, unit),
        "quiet": flag(cx, quiet),
    }
    return Arr(cx.op("solve_triangular", a.op, b.op, **{k: v for k, v in attrs.items() if v}))


def _transposed(cx: Context, trans: Val) -> int:
    value = trans.value if isinstance(trans, Obj) or (isinstance(trans, Num) and trans.known) else None
    if value not in (0, 1, 2, "N", "T", "C"):
        raise cx.error("trans is 0, 1, 2, 'N', 'T' or 'C', as a literal")
    return int(value not in (0, "N"))


def pair(op: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, b = floats(cx, op, *args)
        return Arr(cx.op(op, a.op, b.op))

    return handler


def of_pairs(op: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        w, plus = arguments(cx, op, "w plus", args, kwargs)
        attrs: dict[str, Any] = {"plus": True} if flag(cx, plus) else {}
        return Arr(cx.op(op, floats(cx, op, w)[0].op, **attrs))

    return handler


def cho_solve(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """Two triangular solves."""
    factor, b, *_ = arguments(cx, "cho_solve", "c_and_lower b overwrite_b check_finite", args, kwargs, 2)
    if not isinstance(factor, Seq) or len(factor.items) != 2:
        raise cx.error("cho_solve takes a factor and whether it is lower: (L, True)")
    lower = flag(cx, factor.items[1])
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
    np.linalg.eigh: eigh(True),
    np.linalg.eigvalsh: eigh(False),
    np.linalg.svd: svd,
    np.linalg.qr: qr,
    np.linalg.pinv: pinv,
    np.linalg.matrix_power: matrix_power,
    np.linalg.multi_dot: multi_dot,
    np.linalg.cond: cond,
    np.linalg.eig: refused("eig", "np.linalg.eigh, for symmetric matrices: other eigenvalues may be complex"),
    np.linalg.eigvals: refused("eigvals", "np.linalg.eigvalsh, for symmetric matrices: other ones may be complex"),
    np.linalg.lstsq: refused("lstsq", "np.linalg.pinv(a) @ b: how many results lstsq has depends on the rank"),
}
# Functions of scipy.linalg by name: it is not imported for them.
SCIPY_LINALG: dict[str, Handler] = {
    "solve_triangular": solve_triangular,
    "cho_solve": cho_solve,
    "inv": of_matrix("inv"),
    "det": of_matrix("det"),
    "cholesky": cholesky("upper", "a lower overwrite_a check_finite"),
    "svdvals": of_matrix("svdvals"),
}
# Helpers of adcompiler.runtime, as generated code uses them.
OF_RUNTIME: dict[str, Handler] = {
    "solve_triangular": solve_triangular,
    "inv_or_nan": of_matrix("inv_or_nan"),
    "cofactor": of_matrix("cofactor"),
    "cofactor_dot": pair("cofactor_dot"),
    "leading": pair("leading"),
    "padded": pair("padded"),
    "diag": of_matrix("diag"),  # of square matrices, unlike np.diag
    "gaps": of_pairs("gaps"),
    "differences": of_pairs("differences"),
}
