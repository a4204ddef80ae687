"""The public face: transforms of functions, each a callable that compiles itself for the arguments it meets."""

from __future__ import annotations

import functools
import operator
import sys
import types
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from adcompiler.custom import Custom
from adcompiler.driver import Options
from adcompiler.errors import AdcompilerError, Loc, TypeMismatch, UnsupportedFunction
from adcompiler.frontend.values import Closure, Partial
from adcompiler.transform import Kind, Transform

__all__ = [
    "Transform", "custom_jvp", "custom_vjp", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jit", "jvp",
    "later", "value_and_grad", "vjp",
]  # fmt: skip


def _options(given: dict[str, Any]) -> Options:
    """Options from keyword arguments; unknown ones are refused."""
    unknown = sorted(set(given) - set(Options.__dataclass_fields__))
    if unknown:
        known = ", ".join(Options.__dataclass_fields__)
        raise TypeMismatch(f"unknown option {', '.join(unknown)}", None, f"one of {known}")
    fastmath = given.get("fastmath")
    if isinstance(fastmath, set | list | tuple):
        given = {**given, "fastmath": frozenset(fastmath)}
    if isinstance(given.get("disable"), str):
        given = {**given, "disable": (given["disable"],)}
    if "disable" in given:
        given = {**given, "disable": tuple(given["disable"])}
    if "donate" in given:
        donate = given["donate"]
        given = {**given, "donate": _numbers(donate, "donate") if donate not in ((), []) else ()}
        given["donate"] = (given["donate"],) if isinstance(given["donate"], int) else given["donate"]
    return Options(**given).check()


def _make(kind: Kind, fn: Any, options: dict[str, Any]) -> Any:
    """The transform of fn, or a decorator where fn is still to come."""
    checked = _options(options)
    if fn is None:
        return _static(lambda f: _transform(kind, f, checked))
    return _transform(kind, fn, checked)


def _transform(kind: Kind, fn: Any, options: Options) -> Transform:
    """The transform of what can be one: a Python function, one that Numba compiles, a transform, a partial."""
    function = getattr(fn, "py_func", fn)
    known = types.FunctionType | Transform | Closure
    if isinstance(function, known) or hasattr(fn, "__ad_lower__"):
        return Transform(kind, fn, options)
    partial = isinstance(fn, Partial | functools.partial)
    name = "a functools.partial" if partial else getattr(fn, "__qualname__", None) or f"a {type(fn).__name__}"
    if callable(fn) or isinstance(fn, Partial):
        hint = "a function written in Python, such as lambda x: f(x, a)"
        raise UnsupportedFunction(f"{kind.name} of {name}, which is not a Python function", None, hint)
    raise TypeMismatch(f"{kind.name} takes a function, not {name}", None, f"ad.{kind.name}(f)")


def _static(function: Any) -> Any:
    """A function that programs may call while they are being compiled; its errors name the line of the call."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except AdcompilerError as error:
            if error.loc is not None:
                raise
            raise type(error)(error.message, _caller(), error.hint) from None
        except TypeError as error:
            raise TypeMismatch(f"ad.{error}", _caller()) from None

    called.__ad_static__ = True  # type: ignore[attr-defined]
    return called


def _caller() -> Loc | None:
    """The user's place: the innermost frame that is not ours."""
    frame = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "adcompiler":
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return None
    positions = getattr(frame.f_code, "co_positions", None)  # new in Python 3.11
    column = next(islice(positions(), frame.f_lasti // 2, None), (None,) * 4)[2] if positions else None
    return Loc(frame.f_code.co_filename, frame.f_lineno, 0 if column is None else column + 1)


def _numbers(given: Any, name: str = "argnums") -> int | tuple[int, ...]:
    """An argument number, or a tuple of them."""

    def number(n: Any) -> int:
        if isinstance(n, bool):
            raise TypeError
        return operator.index(n)

    try:
        if isinstance(given, tuple | list):
            if not given:
                raise TypeError
            return tuple(map(number, given))
        return number(given)
    except TypeError:
        raise TypeMismatch(f"{name} is an int or a tuple of ints, not {given!r}", None, f"{name}=(0, 1)") from None


def _flag(given: Any, name: str) -> bool:
    if not isinstance(given, bool):
        raise TypeMismatch(f"{name} is True or False, not {given!r}")
    return given


@_static
def grad(fn: Any = None, argnums: int | Sequence[int] = 0, has_aux: bool = False, **options: Any) -> Any:
    """The gradient of a function with a scalar float result, with respect to the arguments `argnums`.

    An int gives one gradient, a tuple a tuple of them; each has the structure, dtypes and shapes of its argument.
    With `has_aux` the function returns (value, aux) and the result is (gradient, aux).
    Raises TypeMismatch, NotDifferentiable, UnsupportedSyntax, UnsupportedFunction at the user's line.
    """
    return _make(Kind("grad", _numbers(argnums), _flag(has_aux, "has_aux")), fn, options)


@_static
def value_and_grad(fn: Any = None, argnums: int | Sequence[int] = 0, has_aux: bool = False, **options: Any) -> Any:
    """As `grad`, returning (value, gradient), or ((value, aux), gradient) with `has_aux`."""
    return _make(Kind("value_and_grad", _numbers(argnums), _flag(has_aux, "has_aux")), fn, options)


@_static
def jit(fn: Any = None, **options: Any) -> Any:
    """The function itself, compiled. It writes to its arguments where the function does."""
    return _make(Kind("jit"), fn, options)


@_static
def jvp(fn: Any = None, **options: Any) -> Any:
    """(primals, tangents) -> (out, out_dot): the derivative along a direction, forward mode.

    Both are tuples with an entry per argument; a tangent of None holds its argument constant.
    """
    return _make(Kind("jvp"), fn, options)


@_static
def vjp(fn: Any = None, **options: Any) -> Any:
    """(primals, out_bar) -> (out, adjoints): reverse mode for any result.

    `out_bar` has the structure of the result; adjoints is a tuple with an entry per argument, None for those
    that hold no floats.
    """
    return _make(Kind("vjp"), fn, options)


@_static
def jacfwd(fn: Any = None, argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """The Jacobian by forward mode, for few inputs: the structure of the result over that of the arguments `argnums`.

    Each leaf has the shape of the result's leaf, then that of the argument's, and the dtype of the result.
    """
    return _make(Kind("jacfwd", _numbers(argnums)), fn, options)


@_static
def jacrev(fn: Any = None, argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """As `jacfwd`, by reverse mode, for few results; the dtype of a leaf is that of the argument."""
    return _make(Kind("jacrev", _numbers(argnums)), fn, options)


@_static
def jacobian(fn: Any = None, argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """As `jacrev`, in the mode that costs less for the sizes met."""
    return _make(Kind("jacobian", _numbers(argnums)), fn, options)


@_static
def hessian(fn: Any = None, argnums: int | Sequence[int] = 0, **options: Any) -> Any:
    """The second derivatives: the structure of the result over that of the arguments, twice."""
    return _make(Kind("hessian", _numbers(argnums)), fn, options)


@_static
def hvp(fn: Any = None, **options: Any) -> Any:
    """(primals, tangents) -> the Hessian of a scalar function times the tangents, in the structure of the primals.

    Both are tuples with an entry per argument; a tangent of None holds its argument constant, and its entry
    in the result is None.
    """
    return _make(Kind("hvp"), fn, options)


def _custom(kind: str, fn: Any) -> Any:
    if fn is None:
        return _static(lambda f: _custom(kind, f))
    function = getattr(fn, "py_func", fn)
    if not isinstance(function, types.FunctionType | Closure):
        raise TypeMismatch(f"{kind} takes a Python function, not {type(fn).__name__}", None, f"ad.{kind}(f)")
    return Custom(kind, fn)


@_static
def custom_vjp(fn: Any = None) -> Any:
    """A function whose reverse mode you give: `.defvjp(fwd, bwd)`.

    fwd(*args) -> (out, residuals); bwd(residuals, out_bar) -> a tuple, one adjoint per argument, None for one that has
    none. Both are programs in the same language, and are themselves differentiated for higher orders.
    """
    return _custom("custom_vjp", fn)


@_static
def custom_jvp(fn: Any = None) -> Any:
    """A function whose forward mode you give: `.defjvp(rule)`; reverse mode is the transpose of the rule.

    rule(primals, tangents) -> (out, out_dot), linear in the tangents.
    """
    return _custom("custom_jvp", fn)


def later(name: str) -> Callable[..., Any]:
    @_static
    def function(*args: Any, **kwargs: Any) -> Any:
        raise UnsupportedFunction(f"ad.{name} is not built yet")

    function.__name__ = name
    function.__doc__ = "Not built yet."
    return function
