"""From a function and the specs of its arguments to IR, source text and a compiled kernel."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from adcompiler import passes
from adcompiler.analysis.alias import Aliases
from adcompiler.backends import numba_cpu, python
from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend import Lowered
from adcompiler.frontend import lower as lower_python
from adcompiler.frontend.spec import Spec, Static
from adcompiler.ir.build import Builder
from adcompiler.ir.core import Function, Value
from adcompiler.ir.types import Array
from adcompiler.ir.walk import clone, substitute


@dataclass(frozen=True, slots=True)
class Options:
    """What every transform takes; see the README for their meaning."""

    target: str = "cpu"
    parallel: bool = False
    fastmath: bool | frozenset[str] | None = None
    cache: bool = True
    precision: Any = None
    donate: tuple[int, ...] = ()
    boundscheck: bool = True
    disable: tuple[str, ...] = ()

    def check(self) -> Options:
        """Refuse what is not built yet, and what makes no sense."""
        if self.target not in ("cpu", "cuda"):
            raise UnsupportedFunction(f"target={self.target!r}", hint='target="cpu" or target="cuda"')
        if self.target == "cuda":
            raise UnsupportedFunction('target="cuda" is not built yet', hint='target="cpu"')
        if self.parallel:
            raise UnsupportedFunction("parallel=True is not built yet", hint="leave it out: loops run on one core")
        if self.precision is not None:
            raise UnsupportedFunction("precision= is not built yet", hint="use float32 arrays for float32 arithmetic")
        unknown = [name for name in self.disable if name not in passes.PASSES]
        if unknown:
            raise UnsupportedFunction(f"no pass is called {unknown[0]!r}", hint=", ".join(passes.PASSES))
        return self

    @property
    def disabled(self) -> frozenset[str]:
        env = os.environ.get("ADCOMPILER_DISABLE", "")
        return frozenset(self.disable) | frozenset(filter(None, env.replace(",", " ").split()))


Observer = Callable[[str, Function], None]
BEFORE = ("fold", "cse", "dce", "bounds", "fold", "dce")
AFTER = ("fold", "cse", "hoist", "fold", "cse", "dce")


def optimize(fn: Function, names: Sequence[str], options: Options, observer: Observer | None = None) -> Function:
    """Run passes by name, less the disabled ones; verified after each where ADCOMPILER_VERIFY is set."""
    check = bool(os.environ.get("ADCOMPILER_VERIFY"))
    return passes.run_passes(fn, names, disable=options.disabled, verify=check, observer=observer)


def primal(
    fn: Callable[..., Any],
    args: tuple[Spec, ...],
    kwargs: dict[str, Spec] | None,
    options: Options,
    *,
    allow_none: bool = False,
    observer: Observer | None = None,
) -> Lowered:
    """The IR of a function (or of a transform of one), cleaned up."""
    low = getattr(fn, "__ad_lower__", None)
    if low is not None:
        return low(args, kwargs or {})
    lowered = lower_python(fn, args, kwargs or {}, allow_none=allow_none)
    if observer is not None:
        observer("frontend", lowered.function)
    return replace(lowered, function=optimize(lowered.function, BEFORE, options, observer))


def protect(fn: Function, donated: Sequence[Value] = ()) -> Function:
    """Copy written parameters on entry, so that a gradient call never changes its caller's arrays."""
    for param in [p for p in fn.params if p in fn.mut and p not in donated]:
        outer = Value(param.name, param.type)
        b = Builder(type(fn.body)())
        inner = b.op("copy", outer, hint=param.name)
        substitute(fn.body, {param: inner})
        fn.body.params[fn.body.params.index(param)] = outer
        fn.body.ops[:0] = b.region.ops
        fn.mut.discard(param)
    return fn


def separate(fn: Function) -> Function:
    """Results share no memory with arguments or with each other: copy those that would."""
    aliases = Aliases(fn)
    taken = {p for p in fn.params if isinstance(p.type, Array)}
    end = fn.body.terminator
    b = Builder(type(fn.body)(), end.loc)
    for k, value in enumerate(end.args):
        if not (isinstance(value, Value) and isinstance(value.type, Array)):
            continue
        roots = aliases.roots(value)
        if roots & taken:
            end.args[k] = b.op("copy", value, hint=value.name)
        taken |= roots
    fn.body.ops[-1:-1] = b.region.ops
    return fn


def fresh_copy(lowered: Lowered) -> Function:
    """The lowered function, free to be changed."""
    return clone(lowered.function)


@dataclass
class Built:
    """One specialization: the texts at each stage, and the compiled kernel once it is asked for."""

    lowered: Lowered
    base: Lowered
    options: Options
    _compiled: Any = field(default=None, repr=False)

    @property
    def function(self) -> Function:
        return self.lowered.function

    @cached_property
    def primal_ir(self) -> str:
        """The IR of the function as the user wrote it."""
        return str(self.base.function)

    @cached_property
    def ir(self) -> str:
        """The IR of the transformed function."""
        return str(self.function)

    @cached_property
    def source(self) -> str:
        """The transformed function as Python, at the level the user wrote."""
        return python.module([self.function], options=self._emission)

    @cached_property
    def kernel(self) -> str:
        """What is compiled: every check explicit."""
        names = ("checks",) if self.options.boundscheck else ()
        fn = optimize(clone(self.function), names, self.options)
        return python.module([fn], kernel=True, options=self._emission)

    @property
    def _emission(self) -> python.Options:
        return python.Options(fastmath=self.options.fastmath, cache=self.options.cache)

    @property
    def signature(self) -> str:
        """The types that the kernel takes and returns, flattened."""
        args = ", ".join(str(p.type) for p in self.function.params)
        results = ", ".join(str(r.type) for r in self.function.returns)
        return f"({args}) -> ({results})"

    def compiled(self) -> Any:
        if self._compiled is None:
            signature = numba_cpu.signature_of(self.function)
            self._compiled = numba_cpu.compile(self.kernel, self.function.name, signature=signature, ir=self.ir)
        return self._compiled

    @property
    def path(self) -> str | None:
        """The file of the kernel in the cache; None where there is none."""
        path = self.compiled().path
        return str(path) if path is not None else None

    @cached_property
    def written(self) -> tuple[int, ...]:
        """Positions of the leaves that the user's function writes to."""
        fn = self.base.function
        return tuple(k for k, p in enumerate(fn.params) if p in fn.mut)

    def current(self) -> bool:
        """Have the captured values that were compiled in still the same value?"""
        statics = [c for c in self.lowered.captures if isinstance(c.spec, Static)]
        return all(same_static(c.read(), c.spec.value) for c in statics)


def same_static(value: Any, known: Any) -> bool:
    """Equal and of one type (1 is not 1.0, nan is itself)."""
    if value is known:
        return True
    if type(value) is not type(known):
        return False
    if isinstance(known, tuple):
        return len(value) == len(known) and all(map(same_static, value, known))
    return repr(value) == repr(known) if isinstance(known, float) else bool(value == known)
