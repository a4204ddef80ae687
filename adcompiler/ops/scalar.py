"""Elementwise ops: arithmetic, comparisons, transcendental functions. Operands are scalars or arrays, broadcast.

A partial is written once, as `lambda y, *xs: dy/dx`, and serves forward mode, reverse mode and every order.
Where a mask decides, the rule is `lambda g, y, *xs: ...`, which pushes the direction g through by selection
(design: masks act by selection, never by multiplication; a product would turn inf * 0 into nan).
Formulas: DLMF 4 (elementary), 5.4 and 5.15 (gamma), 7 (erf).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.ir.build import apply
from adcompiler.ir.core import Const
from adcompiler.ir.table import OpDef, define
from adcompiler.ir.types import DTYPES
from adcompiler.ops import generic as o
from adcompiler.ops import infer

Rule = Callable[..., Any]


def times(partial: Rule | None) -> Rule | None:
    """The rule g -> g * partial(y, *xs)."""
    if partial is None:
        return None
    return lambda g, y, *xs, **attrs: g * partial(y, *xs, **attrs)


def elementwise(
    name: str,
    evaluate: Callable[..., Any],
    emit: str,
    *partials: Rule | None,
    masked: tuple[Rule | None, ...] = (),
    rule: Callable[..., Any] = infer.floating,
    samples: tuple[Any, ...] = (),
    **properties: Any,
) -> None:
    rules = masked or tuple(times(p) for p in partials)
    define(OpDef(name, rule, evaluate, partials=rules or None, emit=emit, samples=samples, **properties))


def special(name: str) -> Callable[..., Any]:
    """A function of scipy.special, which is imported when it is first called: it takes longer than all of ours."""

    def function(*args: Any) -> Any:
        return getattr(importlib.import_module("scipy.special"), name)(*args)

    return function


def zero(name: str, evaluate: Callable[..., Any], emit: str, rule: Callable[..., Any], **properties: Any) -> None:
    """An op whose derivative is zero wherever it has one."""
    define(OpDef(name, rule, evaluate, zero=True, emit=emit, **properties))


def _literal(op: Any, holds: Callable[[float], bool]) -> bool:
    """Is operand 1 a literal for which this holds?"""
    return isinstance(op.args[1], Const) and holds(op.args[1].value)


ANY = ((0.7,), (-1.3,), (2.1,))
POSITIVE = ((0.3,), (1.7,), (4.2,))
UNIT = ((0.3,), (-0.6,))
PAIRS = ((0.7, 1.9), (-1.3, 0.4), (2.1, -0.8))

# Arithmetic.
elementwise("neg", np.negative, "-{0}", lambda y, x: -1.0, masked=(lambda g, y, x: -g,), rule=infer.numeric,
            samples=ANY, cheap=True)  # fmt: skip
elementwise("add", np.add, "{0} + {1}", masked=(lambda g, y, a, b: g, lambda g, y, a, b: g), rule=infer.numeric,
            samples=PAIRS, cheap=True)  # fmt: skip
elementwise("sub", np.subtract, "{0} - {1}", masked=(lambda g, y, a, b: g, lambda g, y, a, b: -g), rule=infer.numeric,
            samples=PAIRS, cheap=True)  # fmt: skip
elementwise("mul", np.multiply, "{0} * {1}", lambda y, a, b: b, lambda y, a, b: a, rule=infer.numeric,
            samples=PAIRS, cheap=True, scales=True)  # fmt: skip
elementwise("div", np.true_divide, "{0} / {1}",
            masked=(lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * y) / b),
            samples=PAIRS, cheap=True, singular=lambda op: not _literal(op, lambda b: b != 0.0))  # fmt: skip


def _power_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    n = o.literal(b)
    if n is not None:
        return g * (n * a ** (n - 1.0)) if n != 0.0 else g * 0.0
    return o.select(o.eq(b, 0.0), 0.0 * g, g * (b * a ** (b - 1.0)))


def _power_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    return o.select(o.eq(a, 0.0), 0.0 * g, g * (y * o.log(a)))


def _power(a: Any, b: Any) -> Any:
    if np.issubdtype(np.result_type(a), np.integer) and np.any(np.less(b, 0)):
        raise ValueError("integers to negative integer powers")
    return np.power(a, b)


def _negative_exponent(op: Any) -> bool:
    exponent = op.args[1]
    return op.args[0].type.dtype[0] in "iu" and not (isinstance(exponent, Const) and exponent.value >= 0)


elementwise("pow", _power, "{0} ** {1}", masked=(_power_base, _power_exponent), rule=infer.numeric,
            samples=((1.3, 2.1), (0.4, -1.5), (2.0, 3.0)), singular=lambda op: not _literal(op, lambda b: b >= 1.0),
            scales=True, may_raise=_negative_exponent, vector="power")  # fmt: skip


def _zero_divisor(op: Any) -> bool:
    divisor = op.args[1]
    return divisor.type.dtype[0] in "iu" and not (isinstance(divisor, Const) and divisor.value != 0)


def _checked(divide: Callable[..., Any]) -> Callable[..., Any]:
    def function(a: Any, b: Any) -> Any:
        if np.result_type(b).kind in "iub" and np.any(np.equal(b, 0)):
            raise ZeroDivisionError("integer division or modulo by zero")
        return divide(a, b)

    return function


zero("floordiv", _checked(np.floor_divide), "{0} // {1}", infer.numeric, cheap=True, may_raise=_zero_divisor)
elementwise("mod", _checked(np.mod), "{0} % {1}",
            masked=(lambda g, y, a, b: g, lambda g, y, a, b: -(g * apply("floordiv", a, b))), rule=infer.numeric,
            samples=((5.3, 2.0), (-1.3, 0.7), (4.1, -1.5)), cheap=True, may_raise=_zero_divisor, singular=True,
            steps=True)  # fmt: skip
elementwise("fmod", np.fmod, "np.fmod({0}, {1})",
            masked=(lambda g, y, a, b: g, lambda g, y, a, b: -(g * apply("rint", (a - y) / b))),
            samples=((5.3, 2.0), (-1.3, 0.7), (4.1, -1.5)))  # fmt: skip

# Casts and copies.
define(OpDef("cast", infer.casting, lambda x, dtype: np.asarray(x).astype(DTYPES[dtype])[()],
             partials=(lambda g, y, x, dtype: o.cast_across(g, y, x),), emit="cast", cheap=True))  # fmt: skip
define(OpDef("copy", infer.numeric, lambda x: np.copy(x, order="C"), partials=(lambda g, y, x: g,), emit="{0}.copy()",
             element=lambda b, op, at, read, size: read(0, at)))  # fmt: skip

# Comparisons and logic: no derivative.
_fn: Any
for _name, _fn, _sign in (
    ("lt", np.less, "<"), ("le", np.less_equal, "<="), ("gt", np.greater, ">"),
    ("ge", np.greater_equal, ">="), ("eq", np.equal, "=="), ("ne", np.not_equal, "!="),
):  # fmt: skip
    zero(_name, _fn, f"{{0}} {_sign} {{1}}", infer.comparison, cheap=True)
zero("and", np.logical_and, "{0} and {1}", infer.boolean, cheap=True)
zero("or", np.logical_or, "{0} or {1}", infer.boolean, cheap=True)
zero("not", np.logical_not, "not {0}", infer.boolean, cheap=True)
zero("isnan", np.isnan, "np.isnan({0})", infer.predicate, cheap=True)
zero("isinf", np.isinf, "np.isinf({0})", infer.predicate, cheap=True)
# Not np.isfinite, which is x - x == 0 to Numba: LLVM, allowed to reassociate sums, takes that for true.
zero("isfinite", np.isfinite, "np.abs({0}) < np.inf", infer.predicate, cheap=True)
zero("bitand", np.bitwise_and, "{0} & {1}", infer.integral, cheap=True)
zero("bitor", np.bitwise_or, "{0} | {1}", infer.integral, cheap=True)
zero("bitxor", np.bitwise_xor, "{0} ^ {1}", infer.integral, cheap=True)
zero("shl", np.left_shift, "{0} << {1}", infer.integral, cheap=True)
zero("shr", np.right_shift, "{0} >> {1}", infer.integral, cheap=True)
zero("invert", np.invert, "~{0}", infer.integral, cheap=True)

# Rounding: zero (design: kinks).
zero("floor", np.floor, "np.floor({0})", infer.floating, cheap=True)
zero("ceil", np.ceil, "np.ceil({0})", infer.floating, cheap=True)
zero("trunc", np.trunc, "np.trunc({0})", infer.floating, cheap=True)
zero("rint", np.rint, "np.rint({0})", infer.floating, cheap=True)
zero("sign", np.sign, "np.sign({0})", infer.numeric, cheap=True)

# Kinks and masks.
define(OpDef("select", infer.selection, np.where,
             partials=(None, lambda g, y, m, a, b: o.select(m, g, 0.0), lambda g, y, m, a, b: o.select(m, 0.0, g)),
             emit="where", cheap=True, mask=True))  # fmt: skip
elementwise("abs", np.abs, "abs({0})",
            masked=(lambda g, y, x: o.select(o.gt(x, 0.0), g, o.select(o.lt(x, 0.0), -g, 0.0)),),
            rule=infer.numeric, samples=ANY, cheap=True)  # fmt: skip


def _extremum(wins: Callable[[Any, Any], Any], first: bool) -> Rule:
    """The rule of maximum and minimum for one operand; `tie` says who gets what where both are equal."""

    def rule(g: Any, y: Any, a: Any, b: Any, tie: str = "half") -> Any:
        mine, other = (a, b) if first else (b, a)
        at_tie = 0.0 if tie == "zero" else o.select(o.eq(mine, other), 0.5 * g, 0.0)
        return o.select(wins(mine, other), g, at_tie)

    return rule


def _pairwise(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b, tie="half": function(a, b)


for _name, _fn, _wins in (("maximum", np.maximum, o.gt), ("minimum", np.minimum, o.lt)):
    elementwise(_name, _pairwise(_fn), f"np.{_name}({{0}}, {{1}})",
                masked=(_extremum(_wins, True), _extremum(_wins, False)), rule=infer.numeric,
                samples=PAIRS, cheap=True, mask=True, vector=_name)  # fmt: skip
for _name, _fn, _wins in (("fmax", np.fmax, o.gt), ("fmin", np.fmin, o.lt)):

    def _side(wins: Any, first: bool) -> Rule:
        def rule(g: Any, y: Any, a: Any, b: Any, tie: str = "half") -> Any:
            mine, other = (a, b) if first else (b, a)
            alone = apply("isnan", other)
            at_tie = 0.0 if tie == "zero" else o.select(o.eq(mine, other), 0.5 * g, 0.0)
            return o.select(alone, g, o.select(wins(mine, other), g, at_tie))

        return rule

    elementwise(_name, _pairwise(_fn), f"np.{_name}({{0}}, {{1}})", masked=(_side(_wins, True), _side(_wins, False)),
                samples=PAIRS, mask=True)  # fmt: skip
elementwise("clip", np.clip, "np.clip({0}, {1}, {2})",
            masked=(lambda g, y, x, lo, hi: o.select(o.both(o.gt(x, lo), o.lt(x, hi)), g, 0.0),
                    lambda g, y, x, lo, hi: o.select(o.both(o.le(x, lo), o.lt(lo, hi)), g, 0.0),
                    lambda g, y, x, lo, hi: o.select(o.gt(lo, hi), g, o.select(o.ge(x, hi), g, 0.0))),
            rule=infer.numeric, samples=((0.5, -1.0, 1.0), (2.5, -1.0, 1.0), (-2.0, -1.0, 1.0)), mask=True)  # fmt: skip
elementwise("copysign", np.copysign, "np.copysign({0}, {1})",
            masked=(lambda g, y, a, b: o.select(o.eq(y, a), g, -g), None), samples=PAIRS)  # fmt: skip

# Powers and logarithms.
elementwise("square", np.square, "np.square({0})", lambda y, x: 2.0 * x, rule=infer.numeric, samples=ANY, cheap=True,
            scales=True)  # fmt: skip
elementwise("sqrt", np.sqrt, "np.sqrt({0})", masked=(lambda g, y, x: g / (2.0 * y),), samples=POSITIVE, singular=True)
# The length of a vector, from the sum of its squares: a square root whose derivative at 0 is 0 (design: kinks).
elementwise("length", np.sqrt, "np.sqrt({0})",
            masked=(lambda g, y, x: o.select(o.eq(y, 0.0), 0.0, g / (2.0 * y)),), samples=POSITIVE,
            singular=True)  # fmt: skip
elementwise("cbrt", np.cbrt, "np.cbrt({0})", masked=(lambda g, y, x: g / (3.0 * (y * y)),), samples=ANY, singular=True)
elementwise("reciprocal", np.reciprocal, "np.reciprocal({0})", lambda y, x: -(y * y), samples=ANY, singular=True)
elementwise("exp", np.exp, "np.exp({0})", lambda y, x: y, samples=ANY, vector="exp", singular=True)
elementwise("exp2", np.exp2, "np.exp2({0})", lambda y, x: y * math.log(2.0), samples=ANY, vector="exp2", singular=True)
elementwise("expm1", np.expm1, "np.expm1({0})", lambda y, x: y + 1.0, samples=ANY, vector="expm1", singular=True)
elementwise(
    "log", np.log, "np.log({0})", masked=(lambda g, y, x: g / x,), samples=POSITIVE, vector="log", singular=True
)
elementwise("log2", np.log2, "np.log2({0})", masked=(lambda g, y, x: g / (x * math.log(2.0)),), samples=POSITIVE,
            vector="log2", singular=True)  # fmt: skip
elementwise("log10", np.log10, "np.log10({0})", masked=(lambda g, y, x: g / (x * math.log(10.0)),), samples=POSITIVE,
            vector="log10", singular=True)  # fmt: skip
elementwise("log1p", np.log1p, "np.log1p({0})", masked=(lambda g, y, x: g / (1.0 + x),), samples=POSITIVE,
            vector="log1p", singular=True)  # fmt: skip
elementwise("hypot", np.hypot, "np.hypot({0}, {1})",
            masked=(lambda g, y, a, b: g * o.select(o.eq(y, 0.0), 0.0, a / y),
                    lambda g, y, a, b: g * o.select(o.eq(y, 0.0), 0.0, b / y)),
            samples=PAIRS, vector="hypot", singular=True)  # fmt: skip
elementwise("logaddexp", np.logaddexp, "np.logaddexp({0}, {1})",
            lambda y, a, b: o.exp(a - y), lambda y, a, b: o.exp(b - y), samples=PAIRS,
            vector="logaddexp", singular=True)  # fmt: skip
elementwise("logaddexp2", np.logaddexp2, "np.logaddexp2({0}, {1})",
            lambda y, a, b: o.exp2(a - y), lambda y, a, b: o.exp2(b - y), samples=PAIRS, singular=True)  # fmt: skip

# Trigonometric and hyperbolic functions.
elementwise("sin", np.sin, "np.sin({0})", lambda y, x: o.cos(x), samples=ANY, vector="sin")
elementwise("cos", np.cos, "np.cos({0})", lambda y, x: -o.sin(x), samples=ANY, vector="cos")
elementwise("tan", np.tan, "np.tan({0})", lambda y, x: 1.0 + y * y, samples=ANY, vector="tan", singular=True)
elementwise("arcsin", np.arcsin, "np.arcsin({0})", masked=(lambda g, y, x: g / o.sqrt(1.0 - x * x),), samples=UNIT,
            vector="arcsin", singular=True)  # fmt: skip
elementwise("arccos", np.arccos, "np.arccos({0})", masked=(lambda g, y, x: -(g / o.sqrt(1.0 - x * x)),), samples=UNIT,
            vector="arccos", singular=True)  # fmt: skip
elementwise(
    "arctan", np.arctan, "np.arctan({0})", masked=(lambda g, y, x: g / (1.0 + x * x),), samples=ANY, vector="arctan"
)
elementwise("arctan2", np.arctan2, "np.arctan2({0}, {1})",
            masked=(lambda g, y, a, b: g * b / (a * a + b * b), lambda g, y, a, b: -(g * a) / (a * a + b * b)),
            samples=PAIRS, vector="arctan2", singular=True)  # fmt: skip
elementwise("sinh", np.sinh, "np.sinh({0})", lambda y, x: o.cosh(x), samples=ANY, vector="sinh", singular=True)
elementwise("cosh", np.cosh, "np.cosh({0})", lambda y, x: o.sinh(x), samples=ANY, vector="cosh", singular=True)
elementwise("tanh", np.tanh, "np.tanh({0})", lambda y, x: 1.0 - y * y, samples=ANY, vector="tanh")
elementwise("arcsinh", np.arcsinh, "np.arcsinh({0})", masked=(lambda g, y, x: g / o.sqrt(x * x + 1.0),), samples=ANY)
elementwise("arccosh", np.arccosh, "np.arccosh({0})",
            masked=(lambda g, y, x: g / (o.sqrt(x - 1.0) * o.sqrt(x + 1.0)),), samples=((1.7,), (3.2,)),
            singular=True)  # fmt: skip
elementwise("arctanh", np.arctanh, "np.arctanh({0})", masked=(lambda g, y, x: g / (1.0 - x * x),), samples=UNIT,
            singular=True)  # fmt: skip

# Special functions: emitted as helpers of adcompiler.runtime.
TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)
elementwise(
    "erf", special("erf"), "erf({0})", lambda y, x: TWO_OVER_SQRT_PI * o.exp(-(x * x)), samples=ANY, vector="erf"
)
elementwise("erfc", special("erfc"), "erfc({0})", lambda y, x: -TWO_OVER_SQRT_PI * o.exp(-(x * x)), samples=ANY)
elementwise("gamma", special("gamma"), "gamma({0})", lambda y, x: y * o.digamma(x), samples=POSITIVE, singular=True)
elementwise("gammaln", special("gammaln"), "gammaln({0})", lambda y, x: o.digamma(x), samples=POSITIVE, singular=True)
elementwise(
    "digamma", special("digamma"), "digamma({0})", lambda y, x: o.polygamma(x, n=1), samples=POSITIVE, singular=True
)
elementwise("polygamma", lambda x, n: special("polygamma")(n, x), "polygamma({n}, {0})",
            lambda y, x, n: o.polygamma(x, n=n + 1), samples=POSITIVE, singular=True)  # fmt: skip
elementwise("expit", special("expit"), "expit({0})", lambda y, x: y * (1.0 - y), samples=ANY, vector="expit")
