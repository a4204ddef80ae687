"""The known functions: one table from Python objects to how they are lowered; the array language adds rows here."""

from __future__ import annotations

import ast
import math
import sys
from functools import cache
from typing import Any

import numba
import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend import random
from adcompiler.frontend.arguments import Handler, Kwargs
from adcompiler.frontend.arrays import ARRAY_FUNCTIONS, size_of
from adcompiler.frontend.arrays import METHODS as ARRAY_METHODS
from adcompiler.frontend.asking import is_callable, is_instance
from adcompiler.frontend.composed import COMPOSED, COMPOSED_METHODS
from adcompiler.frontend.context import Context, Unreachable
from adcompiler.frontend.elementwise import (
    absolute,
    clip,
    converter,
    extremum,
    logical,
    negative,
    of_math,
    pair,
    plain,
    predicate,
    scalar,
    ufunc,
    where,
)
from adcompiler.frontend.fence import refuse
from adcompiler.frontend.gathering import add_at, slice_, withdraw
from adcompiler.frontend.iteration import extent, make_range, range_count, reverse, static_items
from adcompiler.frontend.linalg import LINALG_FUNCTIONS, OF_RUNTIME, SCIPY_LINALG
from adcompiler.frontend.making import MAKE_METHODS, MAKING
from adcompiler.frontend.pointwise import POINTWISE, POINTWISE_METHODS
from adcompiler.frontend.products import PRODUCT_METHODS, PRODUCTS, matmul
from adcompiler.frontend.promote import binary, cast, common, need_number, truth, unify, wrap
from adcompiler.frontend.random import RANDOM
from adcompiler.frontend.reducing import REDUCE_METHODS, REDUCING, nonzero
from adcompiler.frontend.shaping import SHAPE_METHODS, SHAPING
from adcompiler.frontend.special import ELEMENTWISE, SPECIAL_FUNCTIONS
from adcompiler.frontend.trees import TREES
from adcompiler.frontend.values import (
    NONE,
    Arr,
    Each,
    Map,
    Num,
    Obj,
    Range,
    Seq,
    Tape,
    Val,
    children,
    describe,
    number,
    with_children,
)
from adcompiler.ir.build import boolean
from adcompiler.ir.types import DTYPES, Array, Stack, i64

METHODS: dict[str, Handler] = ARRAY_METHODS | SHAPE_METHODS | REDUCE_METHODS | PRODUCT_METHODS | MAKE_METHODS
METHODS |= COMPOSED_METHODS | POINTWISE_METHODS | {"clip": clip}
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


def rounding(op: str) -> Handler:
    """math.floor and friends, round: a Python int."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        if len(args) != 1:
            raise cx.error("rounding to digits is not built yet", "np.rint(x * 100) / 100", UnsupportedFunction)
        x = scalar(cx, args[0], "rounding")
        rounded = cx.op(op, x.op) if x.dtype[0] == "f" else x.op
        return Num(cast(cx, rounded, "i64"))

    return handler


def extreme(kind: str) -> Handler:
    """Python's max and min: the branch taken, the first among equals."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        plain(cx, kwargs, "max and min")
        if len(args) == 1 and isinstance(args[0], Arr):
            return _of_array(cx, "max" if kind == "Gt" else "min", args[0])
        items = static_items(cx, args[0]) if len(args) == 1 else tuple(args)
        if not items:
            cx.raise_if(boolean(True), "ValueError", f"{'max' if kind == 'Gt' else 'min'}() of nothing")
            raise Unreachable
        best = scalar(cx, items[0], "max and min")
        for item in items[1:]:
            best = _better(cx, kind, best, scalar(cx, item, "max and min"))
        return best

    return handler


def _of_array(cx: Context, name: str, a: Arr) -> Num:
    """Python's max and min of a vector: an element, the first among equals."""
    if a.type.rank != 1:
        raise cx.error(f"{name} of an array with several axes", f"np.{name}(a)")
    return Num(cx.op(name, a.op), weak=False)


def _better(cx: Context, kind: str, a: Num, b: Num) -> Num:
    wins = binary(cx, kind, b, a)
    if isinstance(wins, Num) and wins.known:
        return b if wins.value else a
    dtype = common(cx, (a, b))
    x, y = unify(cx, (a, b), dtype)
    if x.type == y.type == i64:
        return Num(cx.op("maximum" if kind == "Gt" else "minimum", x, y, tie="half"), a.weak and b.weak)
    return Num(cx.op("select", wins.op, y, x), a.weak and b.weak)


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
        return added if start == number(0) else binary(cx, "Add", need_number(cx, start), added)
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
    return lambda cx, args, kwargs, node: wrap(cx, cx.op(op, *(need_number(cx, a).op for a in args[:2])))


def stack(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """The tape of adcompiler.runtime, as generated code uses it."""
    if len(args) != 1 or not isinstance(args[0], Num | Arr):
        raise cx.error("stack(...) of adcompiler.runtime takes a number or an array: what it will hold")
    elem = args[0].op.type
    if isinstance(elem, Array):
        elem = Array(elem.dtype, (None,) * elem.rank, elem.strided)
    return Tape(cx.op("stack", elem=elem))


def _of_tape(cx: Context, tape: Tape, name: str, args: list[Val]) -> Val:
    if name == "pop" and not args:
        return wrap(cx, cx.op("pop", tape.op))
    if name != "append" or len(args) != 1 or not isinstance(args[0], Num | Arr):
        raise cx.error(f"a tape has no method {name!r} with {len(args)} arguments", "tape.append(x), tape.pop()")
    assert isinstance(tape.op.type, Stack)
    cx.do("push", tape.op, cast(cx, args[0].op, tape.op.type.elem.dtype))
    return NONE


def _refuse(name: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        raise refuse(name, cx.b.loc)

    return handler


def _range(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return make_range(cx, args)


def _table() -> dict[Any, Handler]:
    rows: dict[Any, Handler] = ARRAY_FUNCTIONS | LINALG_FUNCTIONS | RANDOM
    rows |= {getattr(np, n): ufunc(n, getattr(np, n)) for n in UNARY.split()}
    rows |= {getattr(np, n): ufunc(n, getattr(np, n)) for n in BINARY_OPS.split()}
    rows |= {getattr(np, n): extremum(n, getattr(np, n)) for n in EXTREMA.split()}
    rows |= {getattr(np, n): pair(kind) for n, kind in PAIRS.items()}
    rows |= {getattr(math, n): of_math(n, getattr(math, n)) for n in MATH.split()}
    rows |= {getattr(math, n): of_math(o, getattr(math, n)) for n, o in MATH_RENAMED.items() if hasattr(math, n)}
    rows |= {getattr(np, f"logical_{o}"): logical(o) for o in ("and", "or", "not", "xor")}
    for name in ("isnan", "isinf", "isfinite"):
        rows[getattr(np, name)] = predicate(name, weak=False)
        rows[getattr(math, name)] = predicate(name, weak=True)
    rows |= {math.floor: rounding("floor"), math.ceil: rounding("ceil"), math.trunc: rounding("trunc")}
    rows |= {DTYPES[d].type: converter(d, weak=False) for d in DTYPES}
    rows |= {float: converter("f64", True), int: converter("i64", True), bool: converter("b1", True)}
    rows |= {round: rounding("rint"), abs: absolute, np.abs: absolute, np.fabs: absolute, np.negative: negative}
    rows |= {max: extreme("Gt"), min: extreme("Lt"), np.clip: clip, np.where: where_, pow: pair("Pow")}
    rows |= {len: length, sum: total, all: every, any: some, dict: dict_of}
    rows |= SHAPING | REDUCING | PRODUCTS | MAKING | COMPOSED | POINTWISE | {np.add.at: add_at, slice: slice_}
    rows |= {range: _range, numba.prange: _range, complex: _refuse("complex")}
    rows |= {
        callable: is_callable,
        isinstance: is_instance,
        tuple: _tuple,
        list: _list,
        zip: _zip,
        enumerate: _enumerate,
        reversed: _reversed,
    }
    return rows


def _tuple(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return Seq(static_items(cx, args[0]) if args else ())


def where_(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """np.where: with a mask alone, the places where it is true."""
    return nonzero(cx, args, kwargs, node) if len(args) == 1 else where(cx, args, kwargs, node)


def _list(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return Seq(static_items(cx, args[0]) if args else (), listed=True)


def _zip(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if set(kwargs) - {"strict"}:
        plain(cx, kwargs, "zip")
    return Each("zip", tuple(args))


def _enumerate(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    start = args[1] if len(args) > 1 else kwargs.get("start", number(0))
    return Each("enumerate", (args[0],), scalar(cx, start, "enumerate"))


def hint(name: str, op: str) -> Handler:
    """The identity, with a wish for the reverse sweep."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        value = cx.content(args[0]) if len(args) == 1 and not kwargs else None
        if not isinstance(value, Num):
            what = "one number" if value is None else f"a number, not {describe(value)}"
            raise cx.error(
                f"ad.{name} takes {what}", "hints for elements, in a loop: arrays are kept", UnsupportedFunction
            )
        return value if value.known else Num(cx.op(op, value.op), value.weak)

    return handler


def _reversed(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    return reverse(cx, args[0])


# Our own functions, found by name: they stand in modules above this one, or are compiled helpers.
OURS: dict[str, Handler] = {
    "prange": _range, "stop_gradient": stop_gradient, "store": hint("store", "keep"),
    "recompute": hint("recompute", "redo"), "where": where, "sum_to": like("sum_to"),
    "broadcast_like": like("broadcast_like"),
    "floordiv": pair("FloorDiv"), "mod": pair("Mod"), "int_power": pair("Pow"),
    "stack": stack, "withdraw": withdraw,
    "matmul": lambda cx, args, kwargs, node: matmul(cx, *args),
    **ELEMENTWISE, **OF_RUNTIME, **random.OURS, **TREES,
}  # fmt: skip
TABLE = _table()


@cache
def _of_scipy() -> None:
    """Enter the functions of scipy.special, once a program has imported it."""
    sp = sys.modules["scipy.special"]
    TABLE.update({getattr(sp, n): handler for n, handler in SPECIAL_FUNCTIONS.items()})


@cache
def _of_scipy_linalg() -> None:
    TABLE.update({getattr(sys.modules["scipy.linalg"], n): handler for n, handler in SCIPY_LINALG.items()})


def find(fn: Any) -> Handler | None:
    """How a known function is lowered, None for any other."""
    if "scipy.linalg" in sys.modules:
        _of_scipy_linalg()
    if "scipy.special" in sys.modules:
        _of_scipy()
    try:
        known = TABLE.get(fn)
    except TypeError:
        return None
    if known is not None:
        return known
    function = getattr(fn, "py_func", fn)
    module = getattr(function, "__module__", None) or ""
    if module == "adcompiler" or module.startswith(("adcompiler.runtime", "adcompiler.api", "adcompiler.trees")):
        return OURS.get(getattr(function, "__name__", ""))
    return None


def method(cx: Context, owner: Val, name: str, args: list[Val], kwargs: Kwargs) -> Val:
    """owner.name(*args)"""
    content = cx.content(owner)
    if isinstance(content, Tape):
        return _of_tape(cx, content, name, args)
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
