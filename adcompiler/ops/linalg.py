"""Linear algebra: solve, inverse, determinants, factorizations. Operands are matrices, of which LAPACK is asked.

A rule is given once, as what becomes of a direction d of an operand; what it builds is linear in d, and reverse mode
transposes it. Formulas: M. B. Giles, "An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008); I. Murray, "Differentiation of the Cholesky decomposition" (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adcompiler import runtime
from adcompiler.errors import MissingRule
from adcompiler.ir.build import apply, const, integer
from adcompiler.ir.table import Attrs, OpDef, define
from adcompiler.ir.types import Array, Dim, Scalar, Type
from adcompiler.ops import generic as o
from adcompiler.ops import infer


# Building blocks of the rules.
def mm(a: Any, b: Any) -> Any:
    return apply("matmul", a, b)


def t(a: Any) -> Any:
    """The transpose."""
    return apply("transpose", a)


def tril(a: Any, k: int = 0) -> Any:
    return given("tril", a, k=k)


def always(op: Any) -> bool:
    return True


def loud(op: Any) -> bool:
    """Raises unless it is asked to answer with nan."""
    return not op.attrs.get("quiet")


def given(name: str, *args: Any, **attrs: Any) -> Any:
    """Op `name` with those attributes that are not their defaults, which are all false."""
    return apply(name, *args, **{k: v for k, v in attrs.items() if v})


def of_runtime(name: str) -> Any:
    """The meaning of an op that is a helper of ours."""

    def function(*args: Any, **attrs: Any) -> Any:
        return getattr(runtime, name)(*args, **attrs)

    return function


def none_yet(what: str) -> Any:
    """A rule that nobody wrote yet."""

    def rule(*args: Any, **attrs: Any) -> Any:
        raise MissingRule(f"{what} has no rule")

    return rule


# Type rules.
def matrix(t: Type) -> Array:
    a = infer.array(t)
    if a.dtype[0] != "f":
        raise TypeError(f"needs floats, not {a}")
    if a.rank != 2:
        raise TypeError(f"needs a matrix, not {a}")
    return a


def square(t: Type) -> Array:
    a = matrix(t)
    rows, columns = a.dims
    if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise ValueError(f"{a} is not a square matrix")
    return a


def _same(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = square(types[0])
    return (Array(a.dtype, a.dims),)


def _number(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (Scalar(square(types[0]).dtype),)


def _two_numbers(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (Scalar(square(types[0]).dtype),) * 2


def _solution(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a, b = square(types[0]), infer.array(types[1])
    dtype = infer.same(types)
    if b.rank not in (1, 2):
        raise TypeError(f"a right side is a vector or a matrix, not {b}")
    sizes: list[Dim] = [a.dims[0], b.dims[0]]
    if all(isinstance(d, int) for d in sizes) and sizes[0] != sizes[1]:
        raise ValueError(f"{a} and the right side {b} differ in their number of rows")
    return (Array(dtype, b.dims),)


# Triangles of matrices.
def _part(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    if a.rank != 2:
        raise TypeError(f"needs a matrix, not {a}")
    return (Array(a.dtype, a.dims),)


def _kept(lower: bool) -> Any:
    """An element of a triangle: itself, or zero."""

    def element(b: Any, op: Any, at: Any, read: Any, size: Any) -> Any:
        shifted = b.op("add", at[0], integer(op.attrs["k"])) if op.attrs.get("k") else at[0]
        value = read(0, at)
        return b.op("select", b.op("ge" if lower else "le", shifted, at[1]), value, const(0, value.type))

    return element


for _name, _fn in (("tril", np.tril), ("triu", np.triu)):
    define(OpDef(_name, _part, _fn, kind="linear", linear=(0,),
                 transpose=(lambda g, y, x, k=0, name=_name: given(name, g, k=k),), element=_kept(_name == "tril"),
                 emit=f"np.{_name}({{0}}{{**}})", kernel=f"{_name}({{0}}{{**}})"))  # fmt: skip

# Solving and inverting.
define(OpDef("solve", _solution, np.linalg.solve, kind="linalg", linear=(1,), may_raise=always,
             transpose=(None, lambda g, y, a, b: apply("solve", t(a), g)),
             pushforward=(lambda d, y, a, b: apply("solve", a, mm(d, -y)), None),
             emit="np.linalg.solve({0}, {1})", kernel="solve({0}, {1}, place={place})"))  # fmt: skip
define(OpDef("inv", _same, np.linalg.inv, kind="linalg", may_raise=always,
             pushforward=(lambda d, y, a: mm(mm(y, d), -y),),
             emit="np.linalg.inv({0})", kernel="inv({0}, place={place})"))  # fmt: skip
define(OpDef("inv_or_nan", _same, of_runtime("inv_or_nan"), kind="linalg", may_raise=always,
             pushforward=(lambda d, y, a: mm(mm(y, d), -y),),
             emit="inv_or_nan({0})", kernel="inv_or_nan({0}, place={place})"))  # fmt: skip


def _triangle(d: Any, lower: bool, unit_diagonal: bool, trans: int) -> Any:
    """What solve_triangular reads of a direction of its matrix."""
    read = given("tril", d, k=-1 if unit_diagonal else 0) if lower else given("triu", d, k=int(unit_diagonal))
    return t(read) if trans else read


def _solve_triangular_dot(d: Any, y: Any, a: Any, b: Any, trans: int = 0, lower: bool = False,
                          unit_diagonal: bool = False, quiet: bool = False) -> Any:  # fmt: skip
    right = mm(_triangle(d, lower, unit_diagonal, trans), -y)
    return given("solve_triangular", a, right, trans=trans, lower=lower, unit_diagonal=unit_diagonal, quiet=quiet)


define(OpDef("solve_triangular", _solution, of_runtime("solve_triangular"), kind="linalg", linear=(1,), may_raise=loud,
             transpose=(None, lambda g, y, a, b, trans=0, **how:
                        given("solve_triangular", a, g, trans=1 - trans, **how)),
             pushforward=(_solve_triangular_dot, None),
             emit="solve_triangular({0}, {1}{**})",
             kernel="solve_triangular({0}, {1}, place={place}{**})"))  # fmt: skip

# Determinants. The derivative of det is the matrix of cofactors, finite for singular matrices too; so is the second
# derivative, a symmetric bilinear form in two directions.
define(OpDef("det", _number, np.linalg.det, kind="linalg",
             pushforward=(lambda d, y, a: apply("sum", apply("cofactor", a) * d),),
             emit="np.linalg.det({0})", kernel="det({0}, place={place})"))  # fmt: skip


define(OpDef("cofactor", _same, of_runtime("cofactor"), kind="linalg", may_raise=always,
             pushforward=(lambda d, y, a: apply("cofactor_dot", a, d),),
             emit="cofactor({0})", kernel="cofactor({0}, place={place})"))  # fmt: skip
define(OpDef("cofactor_dot", _same, of_runtime("cofactor_dot"), kind="linalg", linear=(1,), may_raise=always,
             transpose=(None, lambda g, y, a, d: apply("cofactor_dot", a, g)),
             pushforward=(none_yet("the third derivative of a determinant"), None),
             emit="cofactor_dot({0}, {1})", kernel="cofactor_dot({0}, {1}, place={place})"))  # fmt: skip


def _slogdet(a: Any) -> Any:
    return tuple(np.linalg.slogdet(a))


define(OpDef("slogdet", _two_numbers, _slogdet, kind="linalg", singular=True,
             pushforward=(lambda d, y, a: (None, apply("sum", t(apply("inv_or_nan", a)) * d)),),
             emit="np.linalg.slogdet({0})", kernel="slogdet({0}, place={place})"))  # fmt: skip


# Factorizations.
def _cholesky_dot(d: Any, y: Any, a: Any) -> Any:
    """y @ half(inv(y) s inv(y).T): s is the direction of the matrix that NumPy reads, which is the lower triangle and
    its mirror image; half takes the lower triangle, and half of the diagonal (Giles 2008, 2.2.6; Murray 2016)."""
    how = {"lower": True, "quiet": True}
    s = tril(d) + t(tril(d, -1))
    inner = apply("solve_triangular", y, t(apply("solve_triangular", y, s, **how)), **how)
    return mm(y, 0.5 * (tril(inner) + tril(inner, -1)))


define(OpDef("cholesky", _same, np.linalg.cholesky, kind="linalg", may_raise=always, pushforward=(_cholesky_dot,),
             emit="np.linalg.cholesky({0})", kernel="cholesky({0}, place={place})"))  # fmt: skip


def _read(d: Any, upper: bool) -> Any:
    """The direction of the symmetric matrix of which one triangle is read."""
    if upper:
        return given("triu", d) + t(given("triu", d, k=1))
    return tril(d) + t(tril(d, -1))


def _eigenvalues(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = square(types[0])
    return (Array(a.dtype, a.dims[:1]),)


def _eigh(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = square(types[0])
    return (Array(a.dtype, a.dims[:1]), Array(a.dtype, a.dims))


def _eigh_dot(d: Any, y: Any, a: Any, upper: bool = False) -> Any:
    """Giles 2008, 3.1. Where eigenvalues are equal their vectors have no derivative (nan, see `gaps`); what depends on
    the eigenvalues alone, and on equal ones alike, has the right one."""
    w, v = y
    inner = mm(mm(t(v), _read(d, upper)), v)
    return apply("diag", inner), mm(v, apply("gaps", w) * inner)


def _eigvalsh_dot(d: Any, y: Any, a: Any, upper: bool = False) -> Any:
    v = given("eigh", a, upper=upper)[1]
    return apply("diag", mm(mm(t(v), _read(d, upper)), v))


define(OpDef("eigh", _eigh, of_runtime("eigh"), kind="linalg", may_raise=always, pushforward=(_eigh_dot,),
             emit="np.linalg.eigh({0}{**})", kernel="eigh({0}, place={place}{**})"))  # fmt: skip
define(OpDef("eigvalsh", _eigenvalues, of_runtime("eigvalsh"), kind="linalg", may_raise=always,
             pushforward=(_eigvalsh_dot,),
             emit="np.linalg.eigvalsh({0}{**})", kernel="eigvalsh({0}, place={place}{**})"))  # fmt: skip


# The singular value decomposition: J. Townsend, "Differentiating the singular value decomposition" (2016), with
# 1 / (s_j^2 - s_i^2) split into 1 / (s_j - s_i) and 1 / (s_j + s_i).
def _smaller(a: Array) -> Dim:
    rows, columns = a.dims
    if isinstance(rows, int) and isinstance(columns, int):
        return min(rows, columns)
    return rows if rows == columns else None


def _svd(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a, k = matrix(types[0]), _smaller(matrix(types[0]))
    return (Array(a.dtype, (a.dims[0], k)), Array(a.dtype, (k,)), Array(a.dtype, (k, a.dims[1])))


def _singular_values(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = matrix(types[0])
    return (Array(a.dtype, (_smaller(a),)),)


def _svd_dot(d: Any, y: Any, a: Any) -> Any:
    u, s, vt = y
    v = t(vt)
    inner = mm(mm(t(u), d), v)
    even, odd = apply("gaps", s) * (inner + t(inner)), apply("gaps", s, plus=True) * (inner - t(inner))
    scale = apply("view", 1.0 / s, index=("n", "000"))
    # What leaves the column and row spaces: nothing, where they are all there is.
    rows, columns = apply("dim", a, axis=0), apply("dim", a, axis=1)
    left, right = mm(d, v) - mm(u, inner), mm(t(d), u) - mm(v, t(inner))
    du = mm(u, 0.5 * (even + odd)) + o.select(o.le(rows, columns), 0.0, left * scale)
    dv = mm(v, 0.5 * (even - odd)) + o.select(o.le(columns, rows), 0.0, right * scale)
    return du, apply("diag", inner), t(dv)


def _svdvals_dot(d: Any, y: Any, a: Any) -> Any:
    u, _, vt = apply("svd", a)
    return apply("diag", mm(mm(t(u), d), t(vt)))


define(OpDef("svd", _svd, of_runtime("svd"), kind="linalg", may_raise=always, pushforward=(_svd_dot,),
             emit="np.linalg.svd({0}, full_matrices=False)", kernel="svd({0}, place={place})"))  # fmt: skip
define(OpDef("svdvals", _singular_values, of_runtime("svdvals"), kind="linalg", may_raise=always,
             pushforward=(_svdvals_dot,),
             emit="np.linalg.svd({0}, compute_uv=False)", kernel="svdvals({0}, place={place})"))  # fmt: skip


# QR: S. F. Walter, L. Lehmann, R. Lamour, "On evaluating higher-order derivatives of the QR decomposition" (2012);
# for wide matrices from the square part in front.
def _qr(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a, k = matrix(types[0]), _smaller(matrix(types[0]))
    return (Array(a.dtype, (a.dims[0], k)), Array(a.dtype, (k, a.dims[1])))


def _qr_dot(d: Any, y: Any, a: Any) -> Any:
    q, r = y
    front = apply("leading", r, q)
    x = t(apply("solve_triangular", front, t(apply("leading", d, q)), trans=1, quiet=True))
    c = mm(t(q), x)
    lower = tril(c, -1)
    turn = lower - t(lower)
    return x + mm(q, turn - c), mm(t(q), d) - mm(turn, r)


define(OpDef("qr", _qr, of_runtime("qr"), kind="linalg", may_raise=always, pushforward=(_qr_dot,),
             emit="np.linalg.qr({0})", kernel="qr({0}, place={place})"))  # fmt: skip


# G. H. Golub, V. Pereyra, "The differentiation of pseudo-inverses" (1973): where the rank stays the same.
def _pinv_type(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = matrix(types[0])
    return (Array(a.dtype, a.dims[::-1]),)


def _pinv_dot(d: Any, y: Any, a: Any, **how: Any) -> Any:
    left, right = mm(mm(y, t(y)), t(d)), mm(t(d), mm(t(y), y))
    return left - mm(mm(left, a), y) + (right - mm(y, mm(a, right))) - mm(mm(y, d), y)


define(OpDef("pinv", _pinv_type, of_runtime("pinv"), kind="linalg", may_raise=always, pushforward=(_pinv_dot,),
             emit="np.linalg.pinv({0}{**})", kernel="pinv({0}, place={place}{**})"))  # fmt: skip


# What these rules are made of.
def _pairs(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    w = infer.array(types[0])
    if w.rank != 1:
        raise TypeError(f"needs a vector, not {w}")
    return (Array(w.dtype, w.dims * 2),)


def _diagonal(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    a = infer.array(types[0])
    if a.rank != 1:
        a = square(a)
    return (Array(a.dtype, a.dims * 2 if a.rank == 1 else a.dims[:1]),)


def _columns(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    x, like = matrix(types[0]), matrix(types[1])
    return (Array(x.dtype, (x.dims[0], like.dims[1])),)


def _like_other(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    return (Array(matrix(types[0]).dtype, matrix(types[1]).dims),)


def _sums(g: Any, sign: int) -> Any:
    columns, rows = apply("sum", g, axis=(0,)), apply("sum", g, axis=(1,))
    return columns + rows if sign > 0 else columns - rows


define(OpDef("diag", _diagonal, of_runtime("diag"), kind="linear", linear=(0,), emit="diag({0})",
             transpose=(lambda g, y, x: apply("diag", g),)))  # fmt: skip
define(OpDef("gaps", _pairs, of_runtime("gaps"), kind="linalg", emit="gaps({0}{**})",
             pushforward=(lambda d, y, w, plus=False: -(y * y) * given("differences", d, plus=plus),)))  # fmt: skip
define(OpDef("differences", _pairs, of_runtime("differences"), kind="linear", linear=(0,), emit="differences({0}{**})",
             transpose=(lambda g, y, w, plus=False: _sums(g, 1 if plus else -1),)))  # fmt: skip
define(OpDef("leading", _columns, of_runtime("leading"), kind="linear", linear=(0,), reads=(0,),
             transpose=(lambda g, y, x, like: apply("padded", g, x), None), emit="leading({0}, {1})"))  # fmt: skip
define(OpDef("padded", _like_other, of_runtime("padded"), kind="linear", linear=(0,), reads=(0,),
             transpose=(lambda g, y, x, like: apply("leading", g, x), None), emit="padded({0}, {1})"))  # fmt: skip
