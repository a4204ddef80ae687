"""The known functions: one table from Python objects to how they are lowered; the array language adds rows here."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy.special as sp

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.arrays import ARRAY_FUNCTIONS, METHODS, matmul, size_of
from adcompiler.frontend.context import Context
from adcompiler.frontend.fence import refuse
from adcompiler.frontend.iteration import extent, make_range, range_count, reverse, static_items
from adcompiler.frontend.promote import binary, cast, common, elementwise, negated, need_number, truth, unify, wrap
from adcompiler.frontend.values import (
    NONE,
    Arr,
    Each,
    Map,
    Num,
    Obj,
    Range,
    Seq,
    Val,
    children,
    describe,
    is_none,
    number,
    with_children,
)
from adcompiler.ir.build import const
from adcompiler.ir.types import DTYPES, Scalar

Kwargs = dict[str, Val]
Handler = Callable[[Context, list[Val], Kwargs, "ast.Call | None"], Val]

__all__ = ["METHODS", "find", "matmul", "method", "size_of"]

# NumPy functions that are one op, with NumPy's dtype rules.
UNARY = "sin cos tan sinh cosh tanh exp exp2 expm1 log log2 log10 log1p sqrt cbrt square sign " \
    "arcsin arccos arctan arcsinh arccosh arctanh floor ceil trunc rint reciprocal"  # fmt: skip
PAIRS = {
    "add": "Add", "subtract": "Sub", "multiply": "Mult", "divide": "Div", "floor_divide": "FloorDiv",
    "remainder": "Mod", "power": "Pow", "bitwise_and": "BitAnd", "bitwise_or": "BitOr", "bitwise_xor": "BitXor",
    "less": "Lt", "less_equal": "LtE", "greater": "Gt", "greater_equal": "GtE", "equal": "Eq", "not_equal": "NotEq",
}  # fmt: skip
BINARY_OPS = "arctan2 hypot logaddexp logaddexp2 copysign fmod"
EXTREMA = "maximum minimum fmax fmin"
# math functions: on Python floats, in double precision. Those with another name in the op table.
MATH = "sin cos tan sinh cosh tanh exp expm1 log log2 log10 log1p sqrt gamma erf erfc"
MATH_RENAMED = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "atan2": "arctan2", "hypot": "hypot", "copysign": "copysign", "fmod": "fmod", "fabs": "abs", "lgamma": "gammaln",
    "pow": "pow", "exp2": "exp2", "cbrt": "cbrt",
}  # fmt: skip
SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "gammaln": "gammaln", "digamma": "digamma", "psi": "digamma",
           "expit": "expit", "loggamma": "gammaln"}  # fmt: skip


def _plain(cx: Context, kwargs: Kwargs, name: str) -> None:
    if kwargs:
        raise cx.error(f"{name}: the argument '{next(iter(kwargs))}' is not supported", kind=UnsupportedFunction)


def _arity(cx: Context, args: list[Val], count: int, name: str) -> None:
    if len(args) != count:
        raise cx.error(f"{name} takes {count} arguments, not {len(args)}")


def strong(v: Num | Arr) -> Num | Arr:
    """The value as NumPy returns it."""
    return Num(v.op, weak=False) if isinstance(v, Num) else v


def ufunc(op: str, function: np.ufunc) -> Handler:
    """An elementwise NumPy function that is the op `op`."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        _plain(cx, kwargs, f"np.{function.__name__}")
        _arity(cx, args, function.nin, f"np.{function.__name__}")
        numbers = [need_number(cx, a) for a in args]
        rounds = op in ("floor", "ceil", "trunc", "rint")
        if rounds and numbers[0].dtype[0] != "f":
            return strong(numbers[0]) if isinstance(numbers[0], Num) else Arr(cx.op("copy", numbers[0].op))
        return elementwise(cx, op, function, numbers)

    return handler


def pair(kind: str) -> Handler:
    """A NumPy function that is one of Python's operators."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        _plain(cx, kwargs, "this function")
        _arity(cx, args, 2, "this function")
        a, b = (need_number(cx, x) for x in args)
        if isinstance(a, Num) and isinstance(b, Num) and a.weak and b.weak:
            a = Num(a.op, weak=False)
        return strong(binary(cx, kind, a, b))

    return handler


def extremum(op: str, function: np.ufunc) -> Handler:
    """maximum and friends: a tie with a number written in the call gives the varying side nothing."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        _plain(cx, kwargs, f"np.{function.__name__}")
        _arity(cx, args, 2, f"np.{function.__name__}")
        tie = "zero" if node is not None and any(map(_is_literal, node.args)) else "half"
        return strong(elementwise(cx, op, function, [need_number(cx, a) for a in args], tie=tie))

    return handler


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_literal(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def of_math(op: str, function: Callable[..., Any]) -> Handler:
    """A function of `math`: scalars in, a Python float out."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        name = f"math.{function.__name__}"
        _plain(cx, kwargs, name)
        if function is math.log and len(args) == 2:
            return binary(cx, "Div", handler(cx, args[:1], {}, node), handler(cx, args[1:], {}, node))
        numbers = [_scalar(cx, a, name) for a in args]
        _arity(cx, args, 2 if op in ("arctan2", "hypot", "copysign", "fmod", "pow") else 1, name)
        if all(n.known for n in numbers):
            try:
                return number(float(function(*(n.op.value for n in numbers))))
            except (ValueError, OverflowError):
                pass
        return Num(cx.op(op, *unify(cx, numbers, "f64")))

    return handler


def _scalar(cx: Context, v: Val, name: str) -> Num:
    if isinstance(v, Num):
        return v
    hint = "the np function of the same name" if isinstance(v, Arr) else None
    raise cx.error(f"{name} needs a number, not {describe(cx.content(v))}", hint)


def of_scipy(op: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        _plain(cx, kwargs, op)
        _arity(cx, args, 1, op)
        return strong(elementwise(cx, op, np.sin, [need_number(cx, args[0])]))

    return handler


def polygamma(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    n, x = args
    if not (isinstance(n, Num) and n.known):
        raise cx.error("the order of polygamma must be a literal")
    return strong(elementwise(cx, "polygamma", np.sin, [need_number(cx, x)], n=int(n.op.value)))


def predicate(op: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        x = need_number(cx, args[0])
        return wrap(cx, cx.op(op, cast(cx, x.op, "f64" if x.dtype[0] != "f" else x.dtype)))

    return handler


def rounding(op: str) -> Handler:
    """math.floor and friends, round: a Python int."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        if len(args) != 1:
            raise cx.error("rounding to digits is not built yet", "np.rint(x * 100) / 100", UnsupportedFunction)
        x = _scalar(cx, args[0], "rounding")
        rounded = cx.op(op, x.op) if x.dtype[0] == "f" else x.op
        return Num(cast(cx, rounded, "i64"))

    return handler


def converter(dtype: str, weak: bool) -> Handler:
    """float, int, bool, np.float32 ...: a cast."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        x = need_number(cx, args[0]) if args else number(0)
        if weak and isinstance(x, Arr):
            raise cx.error("a number is made of a number, not of an array", "an element of it, or .astype")
        if dtype == "b1" and isinstance(x, Num):
            return Num(truth(cx, x), weak)
        return Num(cast(cx, x.op, dtype), weak) if isinstance(x, Num) else Arr(cx.op("cast", x.op, dtype=dtype))

    return handler


def absolute(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    _plain(cx, kwargs, "abs")
    _arity(cx, args, 1, "abs")
    x = need_number(cx, args[0])
    if isinstance(x, Num) and x.known and x.weak:
        return number(builtins.abs(x.op.value))
    return wrap(cx, cx.op("abs", cast(cx, x.op, "i64" if x.dtype == "b1" else x.dtype)), getattr(x, "weak", False))


def extreme(kind: str) -> Handler:
    """Python's max and min: the branch taken, the first among equals."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        _plain(cx, kwargs, "max and min")
        if len(args) == 1 and isinstance(args[0], Arr):
            raise cx.error("max and min of an array are not built yet", "a loop", UnsupportedFunction)
        items = static_items(cx, args[0]) if len(args) == 1 else tuple(args)
        if not items:
            raise cx.error("max and min of nothing")
        best = _scalar(cx, items[0], "max and min")
        for item in items[1:]:
            best = _better(cx, kind, best, _scalar(cx, item, "max and min"))
        return best

    return handler


def _better(cx: Context, kind: str, a: Num, b: Num) -> Num:
    wins = binary(cx, kind, b, a)
    if isinstance(wins, Num) and wins.known:
        return b if wins.op.value else a
    dtype = common(cx, (a, b))
    x, y = unify(cx, (a, b), dtype)
    return Num(cx.op("select", wins.op, y, x), a.weak and b.weak)


def clip(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    names = ["a", "a_min", "a_max"]
    given = dict(zip(names, args, strict=False))
    for new, old in {"min": "a_min", "max": "a_max"}.items():
        if new in kwargs:
            kwargs = {**kwargs, old: kwargs[new]}
    x, lo, hi = (given.get(n, kwargs.get(n, NONE)) for n in names)
    x = need_number(cx, x)
    if is_none(lo) or is_none(hi):
        bound, op = (hi, "minimum") if is_none(lo) else (lo, "maximum")
        if is_none(bound):
            return x
        return strong(elementwise(cx, op, getattr(np, op), [x, need_number(cx, bound)], tie="zero"))
    parts = [x, need_number(cx, lo), need_number(cx, hi)]
    return strong(wrap(cx, cx.op("clip", *unify(cx, parts))))


def where(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if len(args) != 3:
        raise cx.error("np.where needs three arguments here", "a loop", UnsupportedFunction)
    mask, a, b = (need_number(cx, x) for x in args)
    cond = mask.op if mask.dtype == "b1" else cx.op("ne", mask.op, const(0, Scalar(mask.dtype)))
    return strong(wrap(cx, cx.op("select", cond, *unify(cx, (a, b)))))


def logical(op: str) -> Handler:
    """np.logical_and and friends."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        _plain(cx, kwargs, f"np.logical_{op}")
        numbers = [need_number(cx, a) for a in args]
        arrays = any(isinstance(x, Arr) for x in numbers)
        masks = [x.op if x.dtype == "b1" else cx.op("ne", x.op, const(0, Scalar(x.dtype))) for x in numbers]
        if op == "not":
            return strong(wrap(cx, cx.op("invert", masks[0]) if arrays else negated(cx, masks[0])))
        name = {"and": "bitand", "or": "bitor", "xor": "bitxor"}[op] if arrays or op == "xor" else op
        return strong(wrap(cx, cx.op(name, *masks)))

    return handler


def negative(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    x = need_number(cx, args[0])
    return strong(wrap(cx, cx.op("neg", x.op)))


def length(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    v = cx.content(args[0])
    if isinstance(v, Arr):
        return Num(extent(cx, v, 0))
    if isinstance(v, Range):
        return Num(range_count(cx, v))
    return number(len(static_items(cx, v)))


def total(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """Python's sum."""
    start = args[1] if len(args) > 1 else kwargs.get("start", number(0))
    if isinstance(args[0], Arr):
        if args[0].type.rank != 1:
            raise cx.error("sum of an array with several axes", "np.sum(a, axis=0)")
        added = Num(cx.op("sum", args[0].op), weak=False)
        return added if start == number(0) else binary(cx, "Add", start, added)
    items = static_items(cx, args[0])
    result: Val = start
    for item in items:
        result = binary(cx, "Add", need_number(cx, result), need_number(cx, item)) if result != number(0) else item
    return result


def every(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    result: Val = number(True)
    for item in static_items(cx, args[0]):
        result = cx.short_circuit(cx, True, result, lambda item=item: Num(truth(cx, item)))
    return result


def some(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    result: Val = number(False)
    for item in static_items(cx, args[0]):
        result = cx.short_circuit(cx, False, result, lambda item=item: Num(truth(cx, item)))
    return result


def stop_gradient(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """The identity, leaf by leaf, with derivative zero."""
    def stop(v: Val) -> Val:
        if isinstance(v, Num):
            return v if v.known else Num(cx.op("stop_gradient", v.op), v.weak)
        if isinstance(v, Arr):
            return Arr(cx.op("stop_gradient", v.op))
        content = cx.content(v)
        if not children(content):
            return v
        new = with_children(content, tuple([stop(p) for p in children(content)]))
        return new if content is v else cx.box(new)

    return stop(args[0])


def dict_of(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    content: dict[Any, Val] = {}
    if args:
        source = cx.content(args[0])
        if not isinstance(source, Map):
            raise cx.error("dict(...) needs keyword arguments or a dict")
        content.update(zip(source.keys, source.items, strict=True))
    content |= kwargs
    return cx.box(Map(tuple(content), tuple(content.values())))


def like(op: str) -> Handler:
    """sum_to and broadcast_like of adcompiler.runtime."""
    return lambda cx, args, kwargs, node: wrap(cx, cx.op(op, args[0].op, args[1].op))


def _refuse(name: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        raise refuse(name, cx.b.loc)

    return handler


def _range(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return make_range(cx, args)


def _table() -> dict[Any, Handler]:
    rows: dict[Any, Handler] = dict(ARRAY_FUNCTIONS)
    rows |= {getattr(np, n): ufunc(n, getattr(np, n)) for n in UNARY.split()}
    rows |= {getattr(np, n): ufunc(n, getattr(np, n)) for n in BINARY_OPS.split()}
    rows |= {getattr(np, n): extremum(n, getattr(np, n)) for n in EXTREMA.split()}
    rows |= {getattr(np, n): pair(kind) for n, kind in PAIRS.items()}
    rows |= {getattr(math, n): of_math(n, getattr(math, n)) for n in MATH.split()}
    rows |= {getattr(math, n): of_math(o, getattr(math, n)) for n, o in MATH_RENAMED.items() if hasattr(math, n)}
    rows |= {getattr(sp, n): of_scipy(o) for n, o in SPECIAL.items()}
    rows |= {getattr(np, f"logical_{o}"): logical(o) for o in ("and", "or", "not", "xor")}
    for name in ("isnan", "isinf", "isfinite"):
        rows[getattr(np, name)] = rows[getattr(math, name)] = predicate(name)
    rows |= {math.floor: rounding("floor"), math.ceil: rounding("ceil"), math.trunc: rounding("trunc")}
    rows |= {DTYPES[d].type: converter(d, weak=False) for d in DTYPES}
    rows |= {float: converter("f64", True), int: converter("i64", True), bool: converter("b1", True)}
    rows |= {round: rounding("rint"), abs: absolute, np.abs: absolute, np.fabs: absolute, np.negative: negative}
    rows |= {max: extreme("Gt"), min: extreme("Lt"), np.clip: clip, np.where: where, pow: pair("Pow")}
    rows |= {len: length, sum: total, all: every, any: some, dict: dict_of, sp.polygamma: polygamma}
    rows |= {range: _range, numba.prange: _range, complex: _refuse("complex")}
    rows |= {tuple: _tuple, list: _tuple, zip: _zip, enumerate: _enumerate, reversed: _reversed}
    return rows


def _tuple(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return Seq(static_items(cx, args[0]) if args else ())


def _zip(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if set(kwargs) - {"strict"}:
        _plain(cx, kwargs, "zip")
    return Each("zip", tuple(args))


def _enumerate(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    start = args[1] if len(args) > 1 else kwargs.get("start", number(0))
    return Each("enumerate", (args[0],), _scalar(cx, start, "enumerate"))


def _reversed(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return reverse(cx, args[0])


# Our own functions, found by name: they stand in modules above this one, or are compiled helpers.
OURS: dict[str, Handler] = {
    "prange": _range, "stop_gradient": stop_gradient, "where": where, "sum_to": like("sum_to"),
    "broadcast_like": like("broadcast_like"), "polygamma": polygamma,
    **{n: of_scipy(o) for n, o in SPECIAL.items()},
}  # fmt: skip
TABLE = _table()


def find(fn: Any) -> Handler | None:
    """How a known function is lowered, None for any other."""
    try:
        known = TABLE.get(fn)
    except TypeError:
        return None
    if known is not None:
        return known
    function = getattr(fn, "py_func", fn)
    module = getattr(function, "__module__", None) or ""
    if module == "adcompiler" or module.startswith(("adcompiler.runtime", "adcompiler.api")):
        return OURS.get(getattr(function, "__name__", ""))
    return None


def method(cx: Context, owner: Val, name: str, args: list[Val], kwargs: Kwargs) -> Val:
    """owner.name(*args)"""
    content = cx.content(owner)
    if isinstance(content, Num | Arr):
        return METHODS[name](cx, [content, *args], kwargs, None)
    if isinstance(content, Map):
        return _dict_method(cx, content, name, args)
    if name in ("append", "extend", "insert", "pop", "remove"):
        raise refuse("append", cx.b.loc)
    if isinstance(content, Seq) and content.cls is not None:
        if name == "_replace":
            items = [kwargs.get(f, v) for f, v in zip(content.cls._fields, content.items, strict=True)]
            return Seq(tuple(items), content.cls)
        if name == "_asdict":
            return cx.box(Map(content.cls._fields, content.items))
    raise cx.error(f"{describe(content)} has no method {name!r} here", kind=UnsupportedFunction)


def _dict_method(cx: Context, content: Map, name: str, args: list[Val]) -> Val:
    keys = [Obj(k) if isinstance(k, str) else number(k) for k in content.keys]
    if name == "items":
        return Seq(tuple([Seq(pair) for pair in zip(keys, content.items, strict=True)]))
    if name == "keys":
        return Seq(tuple(keys))
    if name == "values":
        return Seq(content.items)
    if name == "copy":
        return cx.box(content)
    if name == "get" and args and isinstance(args[0], Obj):
        found = dict(zip(content.keys, content.items, strict=True))
        return found.get(args[0].value, args[1] if len(args) > 1 else NONE)
    raise cx.error(f"dict.{name} is not supported", kind=UnsupportedFunction)
