"""A transformed function: compiles itself for the arguments it meets, and shows what it compiled."""

from __future__ import annotations

import functools
import html
import inspect
import threading
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adcompiler import along, derive, jacobians, warm
from adcompiler.analysis.extents import hold
from adcompiler.binding import ALONG, Binding, signature_of
from adcompiler.driver import Built, Observer, Options, primal
from adcompiler.errors import AdcompilerError, InternalError, Loc, TypeMismatch, brief
from adcompiler.frontend import Lowered, spec_of, specs_from_annotations
from adcompiler.frontend.spec import Spec, Tuple
from adcompiler.frontend.values import Closure
from adcompiler.trees import arrays, overlap, plain, sizes_of, write_out
from adcompiler.wrapper import DECLINES, MISS, NONE, buffered, wrapper

Call = Callable[..., Any]  # a method of the arguments, and of buffers as `out` for those that take them
MANY = 3  # so many arrays NumPy makes faster than Numba returns them
JACOBIANS = ("jacfwd", "jacrev", "jacobian", "hessian")
Sizes = Sequence[tuple[int, ...]]
VARIANTS = 4  # specializations of one signature that differ in what they know of extents


@dataclass(frozen=True, slots=True)
class Kind:
    """Which transform, and its own arguments."""

    name: str
    argnums: int | tuple[int, ...] = 0
    has_aux: bool = False

    @property
    def label(self) -> str:
        extra = f", argnums={self.argnums}" if self.argnums != 0 else ""
        return self.name + extra

    @property
    def bare(self) -> bool:
        """Is the result the derivative and nothing else?"""
        return self.name in ("grad", "hvp", *JACOBIANS) and not self.has_aux

    def with_gradient(self, result: Any, change: Callable[[Any], Any]) -> Any:
        """The result with `change` applied to its gradient."""
        if self.name in ("value_and_grad", "vjp"):
            return result[0], change(result[1])
        return (change(result[0]), result[1]) if self.has_aux else change(result)


class Transform:
    """A transformed function. Call it; `lower(*args)` shows what a call compiles."""

    def __init__(self, kind: Kind, fn: Callable[..., Any], options: Options):
        functools.update_wrapper(self, getattr(fn, "py_func", fn), updated=())
        self.__name__: str = getattr(self, "__name__", "function")
        self.kind, self.fn, self.options = kind, fn, options.check()
        self._built: list[tuple[tuple[Spec, ...], Call, Built]] = []  # latest last
        self._calls: list[Call] = []
        self._latest: Built | None = None
        self._lock = threading.RLock()
        self._writers: list[Call] = []  # what takes buffers, made at the first call with `out=`

    __ad_parts__ = ("kind", "options", "fn")  # what it is: for fingerprints

    def __repr__(self) -> str:
        return f"<adcompiler {self.kind.label} of {self.__name__}>"

    def __reduce__(self) -> Any:
        name = getattr(self.fn, "__qualname__", None)
        module = inspect.getmodule(getattr(self.fn, "py_func", self.fn))
        if module is not None and name is not None and getattr(module, name, None) is self:
            return name  # a decorated module-level function pickles by its name
        return Transform, (self.kind, self.fn, self.options)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As functions do: a method."""
        return self if instance is None else types.MethodType(self, instance)

    # Calling.
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.missed(args, (), kwargs)

    def _install(self, call: Call) -> None:
        """Let this specialization be the method that a call of the transform runs: nothing is quicker in Python.

        A class has the method, so the transform gets one of its own.
        """
        if self.binding.keywords:
            return  # arguments have to be put in their places first
        if type(self) is Transform:
            self.__class__ = type("Transform", (Transform,), {"__module__": __name__, "__doc__": Transform.__doc__})
        type(self).__call__ = call  # type: ignore[method-assign]

    def missed(self, given: tuple[Any, ...], rest: tuple[Any, ...], kwargs: dict[str, Any], out: Any = None) -> Any:
        """A call that the specialization in front does not take as it stands. NONE is an argument not given."""
        if given and given[-1] is NONE:
            given = () if given[0] is NONE else tuple(value for value in given if value is not NONE)
        args = given + rest
        if "out" in kwargs and not self._own_out:
            out = kwargs.pop("out")
        if not kwargs:
            result = self._as_it_stands(args, out)
            if result is not MISS:
                return result
        args = self.binding(args, kwargs)
        result = self._known_call(args)
        if result is MISS:
            result = self._slow_call(args)
        return result if out is None else self._into(out, result)

    def _as_it_stands(self, args: tuple[Any, ...], out: Any) -> Any:
        """A call with positional arguments: of a known specialization, or MISS."""
        if out is not None:
            for call in self._writers or self._make_writers():
                result = call(DECLINES, *args, out=out)
                if result is not MISS:
                    return result
        result = MISS if self.binding.keywords else self._known_call(args)
        return result if out is None or result is MISS else self._into(out, result)

    def _known_call(self, args: tuple[Any, ...]) -> Any:
        args = DECLINES, *args
        for call in self._calls:
            result = call(*args)
            if result is not MISS:
                return result
        return MISS

    @functools.cached_property
    def _own_out(self) -> bool:
        """Is `out` an argument of the function's own?"""
        return "out" in self.binding.signature.parameters

    def _make_writers(self) -> list[Call]:
        """What writes gradients into buffers itself, one for each specialization that can."""
        with self._lock:
            built, exact = self._built if not self.binding.keywords else [], len(self._built) > 1
            self._writers = [self._buffered(specs, b, exact) for specs, _, b in built if b.gradients][::-1]
            if self._writers and self._built[-1][2].gradients:
                self._install(self._writers[0])
        return self._writers

    def _call_of(self, specs: tuple[Spec, ...], built: Built, exact: bool) -> Call:
        """What calls one specialization; `exact` where there are others, so that misses are common."""
        if len(built.gradients) >= MANY:
            return self._buffered(specs, built, exact)
        low = built.lowered
        return wrapper(specs, low, built.direct(), self.__name__, self.loc, low.extents)

    def _buffered(self, specs: tuple[Spec, ...], built: Built, exact: bool) -> Call:
        low, kind = built.lowered, self.kind
        place = None if kind.bare else int(kind.name == "value_and_grad")
        return buffered(specs, low, built.into(), place, built.gradients, self.__name__, self.loc, low.extents, exact)

    def _into(self, out: Any, result: Any) -> Any:
        if self.kind.bare:
            return write_out(out, result, self.loc)
        if self.kind.name in ("jit", "jvp"):
            raise TypeMismatch(f"out= takes gradients; {self.kind.name} has none", self.loc)
        return self.kind.with_gradient(result, lambda gradient: write_out(out, gradient, self.loc))

    def _slow_call(self, given: tuple[Any, ...]) -> Any:
        """A call that no specialization knows as it stands: odd arguments are made plain, or it is compiled."""
        args, specs = self._plain(given)
        call, built = self._specialized(specs, sizes_of(args, specs))
        self._refuse_copies(given, args, specs, built)
        result = call(DECLINES, *args)
        if result is MISS:
            raise InternalError(f"{self.__name__}: no specialization takes these arguments: {specs}", self.loc)
        return result

    def _plain(self, given: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Spec, ...]]:
        """Arguments as kernels take them, and their specs."""
        args, specs = [], []
        for k, value in enumerate(given):
            try:
                args.append(plain(value))
                specs.append(spec_of(args[-1], self.binding.label(k)))
            except AdcompilerError as error:
                if error.loc is not None:
                    raise
                label = self.binding.label(k)
                text = error.message if error.message.startswith(label) else f"{label}: {error.message}"
                raise type(error)(text, self.loc, error.hint) from None
        return tuple(args), tuple(specs)

    def _refuse_copies(self, given: Sequence[Any], args: Sequence[Any], specs: Sequence[Spec], built: Built) -> None:
        """An array that the compiled code writes to must be the caller's own."""
        if not built.function.mut:
            return
        before, after = (
            [x for v, s in zip(values, specs, strict=True) for x in arrays(v, s)] for values in (given, args)
        )
        for k in built.mutated:
            if k < len(after) and after[k] is not before[k] and not overlap(np.asarray(before[k]), after[k]):
                name = built.function.params[k].name
                text = f"{self.__name__} writes to {name}, which is read-only or not aligned"
                raise TypeMismatch(text, self.loc, "pass a copy of it")

    # Building.
    @functools.cached_property
    def binding(self) -> Binding:
        signature = ALONG.get(self.kind.name)
        if signature is None:
            signature = self.fn.binding.signature if isinstance(self.fn, Transform) else signature_of(self.fn)
        return Binding(signature, self.__name__, self.loc)

    @property
    def __signature__(self) -> inspect.Signature:
        return self.binding.signature

    @functools.cached_property
    def loc(self) -> Loc | None:
        """Where the function begins."""
        if isinstance(self.fn, Closure):
            return Loc(self.fn.frame.file, self.fn.node.lineno, self.fn.node.col_offset + 1)
        fn = getattr(self.fn, "func", self.fn)
        code = getattr(inspect.unwrap(getattr(fn, "py_func", fn)), "__code__", None)
        return Loc(code.co_filename, code.co_firstlineno, 1) if code is not None else None

    def _specialized(self, specs: tuple[Spec, ...], sizes: Sizes) -> tuple[Call, Built]:
        with self._lock:
            alike = [(call, built) for known, call, built in self._built if known == specs and built.current()]
            for call, built in alike:
                if hold(built.lowered.extents, sizes):
                    return call, built
            if len(alike) >= VARIANTS:
                sizes = ()  # one that makes no use of extents, for all sizes to come
            try:
                built = warm.recall(self, specs, self.options, sizes) or self.build(specs, sizes)
            except AdcompilerError as error:
                raise brief(error) from None
            low = built.lowered
            if self.kind.name in ("grad", "value_and_grad") and not self._own_out:
                built.gradients = derive.buffers(low, self.kind.argnums, self.kind.name == "grad", self.loc)
            call = self._add(specs, built)
            self._latest = built
            warm.remember(self, specs, built)
            return call, built

    def _add(self, specs: tuple[Spec, ...], built: Built) -> Call:
        """A new specialization: tried first from now on."""
        if len(self._built) == 1:  # the first was alone
            self._built = [(known, self._call_of(known, first, True), first) for known, _, first in self._built]
        call = self._call_of(specs, built, bool(self._built))
        self._built.append((specs, call, built))
        self._writers = []
        self._calls = [call for _, call, _ in reversed(self._built)]
        self._install(call)
        return call

    def build(self, specs: tuple[Spec, ...], sizes: Sizes = (), observer: Observer | None = None) -> Built:
        """Derive the program for arguments of these specs; `sizes`, where known, decide how it broadcasts."""
        args, kwargs = (specs, {}) if self.kind.name in ALONG else self.binding.split(specs)
        base, low = self._derive(args, kwargs, observer, sizes)
        low = derive.expanded(low, self.options, observer)
        return Built(low, lambda: base, self.options)

    def __ad_lower__(self, args: tuple[Spec, ...], kwargs: dict[str, Spec]) -> Lowered:
        """How the frontend sees a transform that a program calls."""
        if self.kind.name not in ALONG:
            args, kwargs = self.binding.split(self.binding.specs(args, kwargs, self.innermost))
        low = self._derive(args, kwargs, None)[1]
        if low.changes:
            text = f"{self.__name__} assigns to a dict or dataclass of its caller"
            raise TypeMismatch(text, self.loc, f"return the new value, or use {self.__name__} without jit")
        return low

    @property
    def innermost(self) -> Any:
        """The function below all transforms."""
        return self.fn.innermost if isinstance(self.fn, Transform) else self.fn

    def _derive(
        self, args: tuple[Spec, ...], kwargs: dict[str, Spec], observer: Observer | None, sizes: Sizes = ()
    ) -> tuple[Lowered, Lowered]:
        """(the primal, the transformed program)."""
        name, options = self.kind.name, self.options
        if name in ALONG:
            return self._derive_along(args, kwargs, observer, sizes)
        if name == "jit":
            low = primal(self.fn, args, kwargs, options, sizes=sizes, allow_none=True, observer=observer)
            return low, derive.compiled(low, options)
        positions = derive.wanted(self.kind.argnums, len(args), self.loc)
        floats = tuple(
            derive.as_float(spec, self.binding.label(k), self.loc) if k in positions else spec
            for k, spec in enumerate(args)
        )
        base = primal(self.fn, floats, kwargs, options, sizes=sizes, observer=observer)
        if name in JACOBIANS:
            return base, self._derive_jacobian(base, positions, observer)
        derived = derive.gradient(
            base,
            positions,
            options,
            bare=isinstance(self.kind.argnums, int),
            has_aux=self.kind.has_aux,
            with_value=name == "value_and_grad",
            observer=observer,
        )
        return base, derived

    def _derive_jacobian(self, base: Lowered, positions: Sequence[int], observer: Observer | None) -> Lowered:
        name, bare = self.kind.name, isinstance(self.kind.argnums, int)
        if name == "hessian":
            return jacobians.hessian(base, positions, self.options, bare=bare, observer=observer)
        return jacobians.jacobian(base, positions, self.options, mode=name, bare=bare, observer=observer)

    def _derive_along(
        self, args: tuple[Spec, ...], kwargs: dict[str, Spec], observer: Observer | None, sizes: Sizes = ()
    ) -> tuple[Lowered, Lowered]:
        """jvp, vjp and hvp."""
        kind, loc = self.kind.name, self.loc
        primals, other = self.binding.specs(args, kwargs, None)
        if not isinstance(primals, Tuple) or primals.cls is not None:
            raise TypeMismatch("primals is a tuple with one entry per argument", loc, "(x,) for one argument")
        base = primal(self.fn, primals.items, {}, self.options, sizes=sizes, observer=observer)
        base = derive.hold(base, len(primals.items), self.default)
        if kind == "vjp":
            return base, along.vjp(base, other, self.options, observer)
        if not isinstance(other, Tuple) or other.cls is not None:
            raise TypeMismatch("tangents is a tuple with one entry per argument", loc, "(x_dot,) for one argument")
        derived = (along.hvp if kind == "hvp" else along.jvp)(base, other.items, self.options, observer)
        return base, derived

    def default(self, name: str) -> Any:
        """The default of a parameter of the function below all transforms."""
        return signature_of(self.innermost).parameters[name].default

    # Looking.
    def lower(self, *args: Any, **kwargs: Any) -> Built:
        """What such a call compiles: `.primal_ir`, `.ir`, `.source`, `.kernel`, `.signature`, `.path`."""
        given, specs = self._plain(self.binding(args, kwargs))
        return self.lower_specs(specs, sizes_of(given, specs))

    def lower_specs(self, specs: Sequence[Spec], sizes: Sizes = (), observer: Observer | None = None) -> Built:
        """As `lower`, from types."""
        try:
            self._latest = self.build(tuple(specs), sizes, observer)
        except AdcompilerError as error:
            raise brief(error) from None
        return self._latest

    @property
    def latest(self) -> Built:
        """The latest specialization; before any call, what the annotations say."""
        if self._latest is None:
            known = inspect.isfunction(getattr(self.fn, "py_func", self.fn)) and self.kind.name not in ALONG
            specs = specs_from_annotations(self.fn) if known else None
            if specs is None:
                raise AdcompilerError(
                    f"{self!r} has not been specialized yet", self.loc, "call it, or lower(*example_args), first"
                )
            self.lower_specs(specs)
        assert self._latest is not None
        return self._latest

    @property
    def source(self) -> str:
        """The derived program as Python text, for the latest specialization."""
        return self.latest.source

    @property
    def kernel(self) -> str:
        """What is compiled, as Python text."""
        return self.latest.kernel

    @property
    def ir(self) -> str:
        """The IR of the derived program."""
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
