"""NumPy 2's dtype rules as casts in the IR: weak Python numbers, strong dtypes, Python's own arithmetic."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from adcompiler.frontend.context import Context
from adcompiler.frontend.values import Arr, Map, Num, Obj, Rec, Seq, Val, _exemplar, array_at, describe, number
from adcompiler.ir.build import boolean, const
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.types import DTYPES, NAMES, Array, Scalar

Number = Num | Arr

# Python operator class name -> op, NumPy function, Python function.
BINARY: dict[str, tuple[str, np.ufunc, Any]] = {
    "Add": ("add", np.add, operator.add),
    "Sub": ("sub", np.subtract, operator.sub),
    "Mult": ("mul", np.multiply, operator.mul),
    "Div": ("div", np.true_divide, operator.truediv),
    "FloorDiv": ("floordiv", np.floor_divide, operator.floordiv),
    "Mod": ("mod", np.remainder, operator.mod),
    "Pow": ("pow", np.power, operator.pow),
    "BitAnd": ("bitand", np.bitwise_and, operator.and_),
    "BitOr": ("bitor", np.bitwise_or, operator.or_),
    "BitXor": ("bitxor", np.bitwise_xor, operator.xor),
    "LShift": ("shl", np.left_shift, operator.lshift),
    "RShift": ("shr", np.right_shift, operator.rshift),
}
COMPARE: dict[str, tuple[str, np.ufunc, Any]] = {
    "Lt": ("lt", np.less, operator.lt),
    "LtE": ("le", np.less_equal, operator.le),
    "Gt": ("gt", np.greater, operator.gt),
    "GtE": ("ge", np.greater_equal, operator.ge),
    "Eq": ("eq", np.equal, operator.eq),
    "NotEq": ("ne", np.not_equal, operator.ne),
}


def need_number(cx: Context, v: Val, what: str = "a number") -> Number:
    """`v` as a number or an array; a tuple of numbers is an array to NumPy, and not built for operators."""
    if isinstance(v, Num | Arr):
        return v
    raise cx.error(f"needs {what}, not {describe(cx.content(v))}")


def kind_of(v: Number) -> Any:
    """What NumPy's promotion sees: a dtype, or a Python type for a weak number."""
    if isinstance(v, Num) and v.weak:
        return type(_exemplar(v))
    return DTYPES[v.dtype]


def dtype_name(cx: Context, dtype: np.dtype) -> str:
    if dtype not in NAMES:
        raise cx.error(f"dtype {dtype} is not supported", "cast to float32 or float64 first")
    return NAMES[dtype]


def resolve(cx: Context, ufunc: np.ufunc, args: Sequence[Number]) -> tuple[list[str], str]:
    """The dtypes in which NumPy computes `ufunc`: of the operands, of the result."""
    # bool among the weak ones: np.add knows int and float only.
    kinds = [np.dtype(bool) if (k := kind_of(a)) is bool else k for a in args]
    try:
        *inputs, out = ufunc.resolve_dtypes((*kinds, None))
    except TypeError:
        raise cx.error(f"{ufunc.__name__} is not defined for {' and '.join(map(describe, args))}") from None
    return [dtype_name(cx, d) for d in inputs], dtype_name(cx, out)


def common(cx: Context, args: Sequence[Number]) -> str:
    """The one dtype that NumPy 2 gives these values together."""
    try:
        return dtype_name(cx, np.result_type(*(_exemplar(a) if isinstance(a, Num) else DTYPES[a.dtype] for a in args)))
    except TypeError:
        raise cx.error(f"no common dtype for {' and '.join(map(describe, args))}") from None


def _weak(v: Number) -> bool:
    return isinstance(v, Num) and v.weak


def cast(cx: Context, v: Operand, dtype: str, hint: str = "t") -> Operand:
    """The operand in another dtype; literals are converted at once."""
    assert isinstance(v.type, Scalar | Array)
    if v.type.dtype == dtype:
        return v
    if isinstance(v, Const):
        with np.errstate(all="ignore"):
            return const(np.asarray(v.value).astype(DTYPES[dtype]).item(), Scalar(dtype))
    return cx.op("cast", v, dtype=dtype, hint=hint)


def wrap(cx: Context, op: Operand, weak: bool = False) -> Number:
    """An operand as a value."""
    return Num(op, weak) if isinstance(op.type, Scalar) else array_at(op)


def unify(cx: Context, args: Sequence[Number], dtype: str | None = None) -> list[Operand]:
    """The operands cast to their common dtype, or to `dtype`."""
    dtype = dtype or common(cx, args)
    return [cast(cx, a.op, dtype) for a in args]


def elementwise(cx: Context, name: str, ufunc: np.ufunc, args: Sequence[Number], **attrs: Any) -> Number:
    """Op `name` with the dtypes of NumPy's `ufunc`; the result is a NumPy value (strong)."""
    inputs, out = resolve(cx, ufunc, args)
    dtype = np.result_type(*(DTYPES[d] for d in inputs))
    operands = [cast(cx, a.op, NAMES[dtype]) for a in args]
    result = cx.op(name, *operands, **attrs)
    return wrap(cx, cast(cx, result, out))


def binary(cx: Context, kind: str, a: Number, b: Number) -> Number:
    """`a <operator> b`: Python's rules between Python numbers, NumPy's as soon as one is NumPy's."""
    name, ufunc, python = (BINARY | COMPARE)[kind]
    if isinstance(a, Num) and isinstance(b, Num) and a.weak and b.weak:
        return _python_binary(cx, kind, name, python, a, b)
    if kind in ("Add", "Mult", "BitAnd", "BitOr") and a.dtype == b.dtype == "b1":
        array = isinstance(a, Arr) or isinstance(b, Arr) or kind.startswith("Bit")
        logical = {"Add": "or", "Mult": "and", "BitAnd": "and", "BitOr": "or"}[kind]
        return wrap(cx, cx.op(f"bit{logical}" if array else logical, a.op, b.op))
    return elementwise(cx, name, ufunc, (a, b))


def _python_binary(cx: Context, kind: str, name: str, python: Any, a: Num, b: Num) -> Num:
    if a.known and b.known and (folded := _fold(python, a.value, b.value)) is not None:
        return folded
    if kind in COMPARE:
        return Num(cx.op(name, *unify(cx, (a, b), _plain(a, b, floats=False, bools=True))))
    if kind.startswith("Bit") and a.dtype == b.dtype == "b1":
        logical = {"BitAnd": "and", "BitOr": "or", "BitXor": "ne"}[kind]
        return Num(cx.op(logical, a.op, b.op))
    floats = kind == "Div" or (kind == "Pow" and b.known and b.value < 0)
    return Num(cx.op(name, *unify(cx, (a, b), _plain(a, b, floats))))


def _plain(a: Num, b: Num, floats: bool, bools: bool = False) -> str:
    """The Python type of an operation between Python numbers, as a dtype."""
    if floats or "f" in (a.dtype[0], b.dtype[0]):
        return "f64"
    return "b1" if bools and a.dtype == b.dtype == "b1" else "i64"


def _fold(function: Any, *values: bool | int | float) -> Num | None:
    """The result of an operation between literals, None where it is left to run time."""
    try:
        result = function(*values)
    except (ArithmeticError, ValueError, TypeError):
        return None
    if isinstance(result, complex) or (isinstance(result, int) and not -(2**63) <= result < 2**63):
        return None
    return number(result)


def unary(cx: Context, kind: str, a: Number) -> Number:
    """-a, +a, ~a, not a."""
    if kind == "Not":
        return Num(negated(cx, truth(cx, a)))
    weak = _weak(a)
    if weak and a.dtype == "b1":
        a = Num(cast(cx, a.op, "i64"))
    if kind == "UAdd":
        return a if isinstance(a, Num) else Arr(cx.op("copy", a.op))
    python = {"USub": operator.neg, "Invert": operator.invert}[kind]
    if isinstance(a, Num) and weak and a.known and (folded := _fold(python, a.value)) is not None:
        return folded
    if kind == "Invert" and a.dtype[0] == "f":
        raise cx.error(f"~ needs integers or bools, not {describe(a)}")
    if kind == "USub" and a.dtype == "b1":
        raise cx.error("- is not defined for NumPy bools", "use ~ or np.logical_not")
    return wrap(cx, cx.op("neg" if kind == "USub" else "invert", a.op), weak)


def negated(cx: Context, op: Operand) -> Operand:
    return boolean(not op.value) if isinstance(op, Const) else cx.op("not", op)


def truth(cx: Context, v: Val) -> Operand:
    """The value as a condition."""
    if isinstance(v, Num):
        if isinstance(v.op, Const):
            return boolean(bool(v.value))
        return v.op if v.dtype == "b1" else cx.op("ne", v.op, const(0, Scalar(v.dtype)))
    if isinstance(v, Arr):
        raise cx.error("the truth value of an array is ambiguous", "compare elements, or use np.any / np.all")
    inner = cx.content(v)
    if isinstance(inner, Seq | Map | Rec):
        return boolean(isinstance(inner, Rec) or len(inner.items) > 0)
    if isinstance(inner, Obj):
        return boolean(bool(inner.value))
    return boolean(True)
