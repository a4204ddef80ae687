"""The public face: transforms of functions, each a callable that compiles itself for the arguments it meets."""

from __future__ import annotations

import functools
import html
import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adcompiler import derive
from adcompiler.driver import Built, Observer, Options, primal
from adcompiler.errors import AdcompilerError, Loc, TypeMismatch, UnsupportedFunction
from adcompiler.frontend import Lowered, spec_of, specs_from_annotations
from adcompiler.frontend.spec import Spec, Tuple
from adcompiler.wrapper import MISS, arrays, overlap, prepared, wrapper, write_out


@dataclass(frozen=True, slots=True)
class Kind:
    """Which transform, and its own arguments."""

    name: str
    argnums: int | tuple[int, ...] = 0
    has_aux: bool = False

    @property
    def label(self) -> str:
        extra = f", argnums={self.argnums}" if self.name in ("grad", "value_and_grad") and self.argnums != 0 else ""
        return self.name + extra


class Transform:
    """A transformed function. Call it; `lower(*args)` shows what a call compiles."""

    def __init__(self, kind: Kind, fn: Callable[..., Any], options: Options):
        functools.update_wrapper(self, getattr(fn, "py_func", fn), updated=())
        self.kind, self.fn, self.options = kind, fn, options.check()
        self._built: dict[Any, tuple[Callable[..., Any], Built]] = {}
        self._wrappers: list[Callable[..., Any]] = []
        self._latest: Built | None = None
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<adcompiler {self.kind.label} of {getattr(self.fn, '__name__', self.fn)}>"

    def __reduce__(self) -> Any:
        name = getattr(self.fn, "__qualname__", None)
        module = inspect.getmodule(getattr(self.fn, "py_func", self.fn))
        if module is not None and name is not None and getattr(module, name, None) is self:
            return name  # a decorated module-level function pickles by its name
        return Transform, (self.kind, self.fn, self.options)

    # Calling.
    def __call__(self, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        if kwargs:
            args = self._bind(args, kwargs)
        for known in self._wrappers:
            result = known(args)
            if result is not MISS:
                return result if out is None else self._into(out, result)
        result = self._first_call(args)
        return result if out is None else self._into(out, result)

    def _into(self, out: Any, result: Any) -> Any:
        if self.kind.name == "value_and_grad":
            return result[0], write_out(out, result[1])
        if self.kind.name == "grad" and self.kind.has_aux:
            return write_out(out, result[0]), result[1]
        if self.kind.name in ("jit", "jvp"):
            raise TypeMismatch(f"out= takes gradients; {self.kind.name} has none", self._loc)
        if self.kind.name == "vjp":
            return result[0], write_out(out, result[1])
        return write_out(out, result)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments by position, defaults filled in."""
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeMismatch(f"{self.__name__}: {error}", self._loc) from None
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeMismatch(f"{self.__name__}: keyword-only arguments are not supported", self._loc)
        return bound.args

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        if self.kind.name == "jvp":
            return inspect.signature(lambda primals, tangents: None)
        if self.kind.name == "vjp":
            return inspect.signature(lambda primals, out_bar: None)
        fn = self.fn
        return fn._signature if isinstance(fn, Transform) else inspect.signature(getattr(fn, "py_func", fn))

    @property
    def _loc(self) -> Loc | None:
        code = getattr(inspect.unwrap(getattr(self.fn, "py_func", self.fn)), "__code__", None)
        return Loc(code.co_filename, code.co_firstlineno, 1) if code is not None else None

    def _first_call(self, args: tuple[Any, ...]) -> Any:
        args = self._bind(args, {})
        specs = tuple(self._spec(k, v) for k, v in enumerate(args))
        ready = tuple(prepared(v, s) for v, s in zip(args, specs, strict=True))
        call, built = self._specialized(specs)
        self._refuse_overlap(built, ready, specs)
        result = call(ready)
        if result is MISS:
            raise AdcompilerError(f"{self.__name__}: a captured value changed while it was being compiled", self._loc)
        return result

    def _spec(self, position: int, value: Any) -> Spec:
        names = [p for p in self._signature.parameters]
        name = names[position] if position < len(names) else f"argument {position}"
        try:
            return spec_of(value, name)
        except AdcompilerError as error:
            if error.loc is not None:
                raise
            raise type(error)(error.message, self._loc, error.hint) from None

    def _refuse_overlap(self, built: Built, values: Sequence[Any], specs: Sequence[Spec]) -> None:
        """Two arguments that share memory, one of them written, mean something else than two arrays."""
        written = built.written
        if not written:
            return
        flat = [v for value, spec in zip(values, specs, strict=True) for v in arrays(value, spec)]
        for k in written:
            for j, other in enumerate(flat):
                if j != k and hasattr(other, "flags") and overlap(flat[k], other):
                    raise TypeMismatch(
                        f"{self.__name__}: two arguments share memory and one of them is written to",
                        self._loc,
                        "pass a copy of one of them",
                    )

    # Building.
    def _specialized(self, specs: tuple[Spec, ...]) -> tuple[Callable[..., Any], Built]:
        with self._lock:
            for key, (call, built) in self._built.items():
                if key[0] == specs and built.current():
                    return call, built
            built = self._build(specs)
            compiled = built.compiled()
            low = built.lowered
            taken = [spec for _, spec in low.signature]
            call = wrapper(specs, taken, low.result, len(low.function.returns), low.captures, compiled.function)
            if built.written:
                call = self._overlap_checked(call, built, specs)
            self._built[(specs, len(self._built))] = call, built
            self._wrappers.insert(0, call)
            self._latest = built
            return call, built

    def _overlap_checked(self, call: Callable[..., Any], built: Built, specs: tuple[Spec, ...]) -> Callable[..., Any]:
        def checked(args: tuple[Any, ...]) -> Any:
            if len(args) == len(specs):
                try:
                    self._refuse_overlap(built, args, specs)
                except TypeMismatch:
                    raise
                except Exception:
                    return MISS
            return call(args)

        return checked

    def _build(self, specs: tuple[Spec, ...], observer: Observer | None = None) -> Built:
        base, low = self._derive(specs, {}, observer)
        return Built(low, base, self.options)

    def __ad_lower__(self, args: tuple[Spec, ...], kwargs: dict[str, Spec]) -> Lowered:
        """How the frontend sees a transform that a program calls."""
        return self._derive(args, kwargs, None)[1]

    def _derive(
        self, args: tuple[Spec, ...], kwargs: dict[str, Spec], observer: Observer | None
    ) -> tuple[Lowered, Lowered]:
        """(the primal, the transformed program)."""
        name, options = self.kind.name, self.options
        if name in ("jvp", "vjp"):
            return self._derive_along(args, kwargs, observer)
        if name == "jit":
            low = primal(self.fn, args, kwargs, options, allow_none=True, observer=observer)
            return low, low
        args = self._floats(args)
        base = primal(self.fn, args, kwargs, options, observer=observer)
        derived = derive.gradient(
            base,
            self.kind.argnums,
            options,
            has_aux=self.kind.has_aux,
            with_value=name == "value_and_grad",
            observer=observer,
        )
        return base, derived

    def _floats(self, args: tuple[Spec, ...]) -> tuple[Spec, ...]:
        """Differentiated arguments with Python ints read as floats."""
        names = [*self._signature.parameters]
        filled = list(args)
        for k in derive.wanted(self.kind.argnums, max(len(names), len(args)), self._loc):
            if k < len(filled):
                filled[k] = derive.as_float(filled[k], names[k] if k < len(names) else f"argument {k}", self._loc)
        return tuple(filled)

    def _derive_along(
        self, args: tuple[Spec, ...], kwargs: dict[str, Spec], observer: Observer | None
    ) -> tuple[Lowered, Lowered]:
        names = ("primals", "tangents" if self.kind.name == "jvp" else "out_bar")
        both = [*args, *(kwargs[n] for n in names[len(args) :] if n in kwargs)]
        if len(both) != 2:
            raise TypeMismatch(f"{self.kind.name} takes ({names[0]}, {names[1]})", self._loc)
        primals, other = both
        if not isinstance(primals, Tuple) or primals.cls is not None:
            raise TypeMismatch("primals is a tuple with one entry per argument", self._loc, "(x,) for one argument")
        base = primal(self.fn, primals.items, {}, self.options, observer=observer)
        if self.kind.name == "vjp":
            return base, derive.vjp(base, other, self.options, observer)
        if not isinstance(other, Tuple):
            raise TypeMismatch("tangents is a tuple with one entry per argument", self._loc, "(x_dot,) for one argument")
        return base, derive.jvp(base, other.items, self.options, observer)

    # Looking.
    def lower(self, *args: Any, **kwargs: Any) -> Built:
        """What a call with such arguments compiles: `.primal_ir`, `.ir`, `.source`, `.kernel`, `.signature`, `.path`."""
        bound = self._bind(args, kwargs)
        built = self._build(tuple(self._spec(k, v) for k, v in enumerate(bound)))
        self._latest = built
        return built

    def lower_specs(self, specs: Sequence[Spec], observer: Observer | None = None) -> Built:
        """As `lower`, from types."""
        return self._build(tuple(specs), observer)

    @property
    def latest(self) -> Built:
        if self._latest is None:
            specs = specs_from_annotations(getattr(self.fn, "py_func", self.fn)) if inspect.isfunction(self.fn) else None
            if specs is None or self.kind.name in ("jvp", "vjp"):
                raise AdcompilerError(
                    f"{self!r} has not been specialized yet", self._loc, "call it, or lower(*example_args), first"
                )
            self._latest = self._build(specs)
        return self._latest

    @property
    def source(self) -> str:
        """The derived program as Python text, for the latest specialization."""
        return self.latest.source

    @property
    def kernel(self) -> str:
        return self.latest.kernel

    @property
    def ir(self) -> str:
        return self.latest.ir

    def _repr_html_(self) -> str:
        try:
            text = self.source
        except AdcompilerError:
            return f"<code>{html.escape(repr(self))}</code>"
        try:
            from pygments import highlight
            from pygments.formatters import HtmlFormatter
            from pygments.lexers import PythonLexer
        except ImportError:
            return f"<pre>{html.escape(text)}</pre>"
        return str(highlight(text, PythonLexer(), HtmlFormatter(noclasses=True)))


def _options(given: dict[str, Any]) -> Options:
    """Options from keyword arguments; unknown ones are refused."""
    fastmath = given.get("fastmath")
    if isinstance(fastmath, set | list | tuple):
        given = {**given, "fastmath": frozenset(fastmath)}
    for name in ("donate", "disable"):
        if isinstance(given.get(name), int | str):
            given = {**given, name: (given[name],)}
        elif name in given:
            given = {**given, name: tuple(given[name])}
    try:
        return Options(**given)
    except TypeError:
        unknown = sorted(set(given) - set(Options.__dataclass_fields__))
        raise TypeMismatch(f"unknown option {', '.join(unknown)}", None, ", ".join(Options.__dataclass_fields__)) from None


def _make(kind: Kind, fn: Any, options: dict[str, Any]) -> Any:
    """The transform of fn, or a decorator where fn is still to come."""
    checked = _options(options)
    if fn is None:
        return lambda f: Transform(kind, f, checked)
    if not callable(fn):
        raise TypeMismatch(f"{kind.name} takes a function, not {fn!r}")
    return Transform(kind, fn, checked)


def _static(function: Any) -> Any:
    """Mark a function that programs may call while they are being compiled."""
    function.__ad_static__ = True
    return function


def _numbers(argnums: Any) -> int | tuple[int, ...]:
    if isinstance(argnums, int) and not isinstance(argnums, bool):
        return argnums
    if isinstance(argnums, tuple | list) and argnums and all(isinstance(n, int) for n in argnums):
        return tuple(argnums)
    raise TypeMismatch(f"argnums is an int or a tuple of ints, not {argnums!r}")


@_static
def grad(
    fn: Any = None, argnums: int | Sequence[int] = 0, has_aux: bool = False, **options: Any
) -> Any:
    """The gradient of a function with a scalar float result, with respect to the arguments `argnums`.

    An int gives one gradient, a tuple a tuple of them; each has the structure, dtypes and shapes of its argument.
    With `has_aux` the function returns (value, aux) and the result is (gradient, aux).
    Raises TypeMismatch, NotDifferentiable, UnsupportedSyntax, UnsupportedFunction at the user's line.
    """
    return _make(Kind("grad", _numbers(argnums), has_aux), fn, options)


@_static
def value_and_grad(
    fn: Any = None, argnums: int | Sequence[int] = 0, has_aux: bool = False, **options: Any
) -> Any:
    """As `grad`, returning (value, gradient), or ((value, aux), gradient) with `has_aux`."""
    return _make(Kind("value_and_grad", _numbers(argnums), has_aux), fn, options)


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


def later(name: str) -> Callable[..., Any]:
    @_static
    def function(*args: Any, **kwargs: Any) -> Any:
        raise UnsupportedFunction(f"ad.{name} is not built yet")

    function.__name__ = name
    function.__doc__ = "Not built yet."
    return function
