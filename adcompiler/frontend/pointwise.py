"""NumPy functions of single elements, and questions about arrays, in terms of the elementwise ops."""

from __future__ import annotations

import ast

import numpy as np

from adcompiler.frontend.arguments import Handler, Kwargs, arguments, array_like
from adcompiler.frontend.composed import floats
from adcompiler.frontend.context import Context
from adcompiler.frontend.elementwise import fresh, strong
from adcompiler.frontend.promote import binary, cast, elementwise, kind_of, need_number, wrap
from adcompiler.frontend.reducing import flag
from adcompiler.frontend.shaping import Table, unsupported
from adcompiler.frontend.values import Arr, Num, Obj, Val, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.types import DTYPES, Scalar


def nan_to_num(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x, copy, nan, top, bottom = arguments(cx, "np.nan_to_num", "x copy nan posinf neginf", args, kwargs)
    if copy is not None and not flag(cx, copy):
        raise unsupported(cx, "np.nan_to_num in place is not built", "x[...] = np.nan_to_num(x)")
    x = array_like(cx, x)
    if x.dtype[0] != "f":
        return fresh(cx, x)
    limit = float(np.finfo(DTYPES[x.dtype]).max)
    values = [number(d) if v is None or is_none(v) else v for v, d in ((nan, 0.0), (top, limit), (bottom, -limit))]
    fills = [cast(cx, need_number(cx, v).op, x.dtype) for v in values]
    infinite = [cx.op("eq", x.op, const(v, Scalar(x.dtype))) for v in (np.inf, -np.inf)]
    found = x.op
    for test, fill in zip([cx.op("isnan", x.op), *infinite], fills, strict=True):
        found = cx.op("select", test, fill, found)
    return wrap(cx, found)


def rounded(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, decimals = arguments(cx, "np.round", "a decimals", args, kwargs)
    a = array_like(cx, a)
    if a.dtype[0] != "f":
        return fresh(cx, a)
    if decimals is None or decimals == number(0):
        return wrap(cx, cx.op("rint", a.op))
    scale = binary(cx, "Pow", number(10.0), need_number(cx, decimals))
    scaled = binary(cx, "Mult", a, scale)
    return binary(cx, "Div", wrap(cx, cx.op("rint", scaled.op)), scale)


def scaled(factor: float) -> Handler:
    """deg2rad and its like."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        (x,) = arguments(cx, "this function", "x", args, kwargs)
        x = floats(cx, array_like(cx, x))
        return wrap(cx, cx.op("mul", x.op, const(factor, Scalar(x.dtype))))

    return handler


def same(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """What a complex function is for real numbers: the identity."""
    return strong(array_like(cx, args[0]))


def same_copied(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return fresh(cx, array_like(cx, args[0]))


def nothing(value: float | bool) -> Handler:
    """The imaginary part and its like, of real numbers."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        x = array_like(cx, args[0])
        kind = Scalar("b1" if isinstance(value, bool) else x.dtype)
        fill = const(value, kind)
        return Num(fill, weak=False) if isinstance(x, Num) else Arr(cx.op("broadcast_like", fill, x.op))

    return handler


def angle(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """Of real numbers: 0, or pi of negative ones; no derivative."""
    x, degrees = arguments(cx, "np.angle", "z deg", args, kwargs)
    x = floats(cx, array_like(cx, x))
    below = cx.op("lt", x.op, const(0.0, Scalar(x.dtype)))
    turn = 180.0 if flag(cx, degrees) else np.pi
    return wrap(cx, cx.op("select", below, const(turn, Scalar(x.dtype)), const(0.0, Scalar(x.dtype))))


def compared(kind: str, value: float) -> Handler:
    """isposinf, isneginf, signbit: a comparison with a number."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        (x,) = arguments(cx, "this function", "x", args, kwargs)
        return strong(binary(cx, kind, array_like(cx, x), number(value)))

    return handler


def array_equal(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_like(cx, v) for v in arguments(cx, "np.array_equal", "a1 a2", args, kwargs, 2))
    ranks = [v.type.rank if isinstance(v, Arr) else 0 for v in (a, b)]
    if ranks[0] != ranks[1]:
        return Num(const(False, Scalar("b1")))
    if isinstance(a, Num) or isinstance(b, Num):
        return binary(cx, "Eq", a, b)
    return _equal(cx, a, b)


def array_equiv(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_like(cx, v) for v in arguments(cx, "np.array_equiv", "a1 a2", args, kwargs, 2))
    if isinstance(a, Num) or isinstance(b, Num):
        return cx.call(cx, Obj(np.all), [binary(cx, "Eq", a, b)], {})
    return _equal(cx, a, b, stretch=True)


def _equal(cx: Context, a: Arr, b: Arr, stretch: bool = False) -> Val:
    """One shape (or shapes that broadcast), and then one content."""
    alike: Val = number(True)
    for back in range(1, min(a.type.rank, b.type.rank) + 1):
        m, n = (cx.op("dim", v.op, axis=v.type.rank - back) for v in (a, b))
        fit = cx.op("eq", m, n)
        for size in (m, n) if stretch else ():
            fit = cx.op("or", fit, cx.op("eq", size, integer(1)))
        alike = cx.short_circuit(cx, True, alike, lambda fit=fit: Num(fit))
    content = lambda: cx.call(cx, Obj(np.all), [binary(cx, "Eq", a, b)], {})  # noqa: E731
    return cx.short_circuit(cx, True, alike, content)


def float_power(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    a, b = (array_like(cx, v) for v in arguments(cx, "np.float_power", "x1 x2", args, kwargs, 2))
    return elementwise(cx, "pow", np.float_power, [a, b])


def is_scalar(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return number(isinstance(args[0], Num))


def never(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """np.iscomplexobj: no complex numbers here."""
    return number(False)


def result_type(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    kinds = [a.value if isinstance(a, Obj) else kind_of(array_like(cx, a)) for a in args]
    exemplars = [k(0) if k is int or k is float else np.dtype(k) for k in kinds]
    return Obj(np.result_type(*exemplars))


def fix(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    (x,) = arguments(cx, "np.fix", "x", args, kwargs)
    return elementwise(cx, "trunc", np.trunc, [floats(cx, array_like(cx, x))])


POINTWISE: Table = {
    np.nan_to_num: nan_to_num, np.round: rounded, np.around: rounded, np.fix: fix, np.float_power: float_power,
    np.deg2rad: scaled(np.pi / 180), np.radians: scaled(np.pi / 180), np.rad2deg: scaled(180 / np.pi),
    np.degrees: scaled(180 / np.pi), np.real: same, np.conj: same_copied, np.real_if_close: same,
    np.conjugate: same_copied, np.positive: same_copied, np.imag: nothing(0.0), np.iscomplex: nothing(False),
    np.isreal: nothing(True),
    np.angle: angle, np.isposinf: compared("Eq", np.inf), np.isneginf: compared("Eq", -np.inf),
    np.array_equal: array_equal, np.array_equiv: array_equiv, np.isscalar: is_scalar, np.iscomplexobj: never,
    np.result_type: result_type,
}  # fmt: skip
POINTWISE_METHODS: dict[str, Handler] = {"round": rounded, "conj": same, "conjugate": same}
