"""From a function and the specs of its arguments to IR, source text and a compiled kernel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from adcompiler import lowering, passes
from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import own_writes, writes
from adcompiler.analysis.extents import dims, meetings
from adcompiler.analysis.layout import strides_vary
from adcompiler.analysis.storage import Report, report
from adcompiler.backends import into, numba_cpu, python
from adcompiler.backends.naming import entry_of
from adcompiler.errors import TypeMismatch, UnsupportedFunction
from adcompiler.frontend import Capture, Lowered, spec_of
from adcompiler.frontend import lower as lower_python
from adcompiler.frontend.spec import Spec, Static, leaves, with_dims
from adcompiler.ir.build import Builder
from adcompiler.ir.core import TERMINATORS, Function, Op, Operand, Value
from adcompiler.ir.naming import is_temporary
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array
from adcompiler.ir.walk import Env, Structure, clone, substitute, walk
from adcompiler.ops.memory import INDEXED
from adcompiler.trees import plain

FASTMATH = frozenset({"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc", "fast"})


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
            raise UnsupportedFunction(f"no target is called {self.target!r}", hint='target="cpu" or target="cuda"')
        if self.target == "cuda":
            raise UnsupportedFunction('target="cuda" is not built yet', hint='target="cpu"')
        if self.parallel:
            raise UnsupportedFunction("parallel=True is not built yet", hint="leave it out: loops run on one core")
        if self.precision is not None:
            raise UnsupportedFunction("precision= is not built yet", hint="use float32 arrays for float32 arithmetic")
        for name in ("parallel", "cache", "boundscheck"):
            if not isinstance(getattr(self, name), bool):
                raise TypeMismatch(f"{name} is True or False, not {getattr(self, name)!r}")
        self._check_fastmath()
        _known(self.disable)
        return self

    def _check_fastmath(self) -> None:
        if self.fastmath is None or isinstance(self.fastmath, bool):
            return
        hint = f"None, True, False or a set of {', '.join(sorted(FASTMATH))}"
        if not isinstance(self.fastmath, frozenset):
            raise TypeMismatch(f"fastmath={self.fastmath!r}", hint=hint)
        unknown = sorted(map(str, self.fastmath - FASTMATH))
        if unknown:
            raise TypeMismatch(f"no fastmath flag is called {unknown[0]!r}", hint=hint)

    @property
    def strict(self) -> bool:
        """Must the order of floating-point operations stay?"""
        return self.fastmath is False or (isinstance(self.fastmath, frozenset) and "reassoc" not in self.fastmath)

    @property
    def disabled(self) -> frozenset[str]:
        env = os.environ.get("ADCOMPILER_DISABLE", "")
        return frozenset(self.disable) | _known(filter(None, env.replace(",", " ").split()))


def _known(names: Iterable[str]) -> frozenset[str]:
    """Names of passes that can be switched off."""
    found = frozenset(names)
    optional = [
        *(name for name in passes.PASSES if name != "checks"),
        "fuse",
        "vector",
        "along",
    ]  # errors are no optimization
    for name in found:
        if name not in optional:
            raise UnsupportedFunction(f"no pass is called {name!r}", hint=f"one of {', '.join(optional)}")
    return found


Observer = Callable[[str, Function], None]
BEFORE = (
    *("fold", "cse", "branches", "dce", "bounds", "hoist"),
    *("fold", "cse", "branches", "elements", "cse", "fold", "cse", "dce"),
)
DERIVED = ("induction", "elements", "fold", "cse", "hoist", "bounds", "dce")  # what is going to be differentiated
AFTER = (
    *("fold", "cse", "branches", "hoist", "fold", "cse", "dce"),
    *("elements", "fresh", "tapes", "fold", "cse", "dce"),
    *("arrange", "cse", "dce", "arrange", "schedule"),
)
LOWERED = ("cse", "hoist", "cse", "dce", "sums", "cse", "dce", "lanes", "buffers", "reuse", "stack")


def optimize(fn: Function, names: Sequence[str], options: Options, observer: Observer | None = None) -> Function:
    """Run passes by name, less the disabled ones; verified after each where ADCOMPILER_VERIFY is set."""
    check = bool(os.environ.get("ADCOMPILER_VERIFY"))
    return passes.run_passes(fn, names, options.disabled, check, observer, strict=options.strict)


def primal(
    fn: Callable[..., Any],
    args: tuple[Spec, ...],
    kwargs: dict[str, Spec] | None,
    options: Options,
    *,
    sizes: Sequence[tuple[int, ...]] = (),
    allow_none: bool = False,
    observer: Observer | None = None,
) -> Lowered:
    """The IR of a function (or of a transform of one), cleaned up.

    With the sizes of the arguments' leaves, it is lowered again for the extents that decide how it broadcasts.
    """
    kwargs = kwargs or {}
    lowered = _lowered(fn, args, kwargs, options, allow_none, observer)
    if not sizes:
        return lowered
    count = sum(1 for _, spec in lowered.signature for _ in leaves(spec))
    lowered.meetings = meetings(lowered.function, count)
    known = dims(lowered.meetings, sizes)
    if not known:
        return lowered
    refined = with_dims((*args, *kwargs.values()), known)
    args, kwargs = refined[: len(args)], dict(zip(kwargs, refined[len(args) :], strict=True))
    again = _lowered(fn, args, kwargs, options, allow_none, observer)
    return replace(again, meetings=lowered.meetings, extents=known)


def _lowered(
    fn: Callable[..., Any],
    args: tuple[Spec, ...],
    kwargs: dict[str, Spec],
    options: Options,
    allow_none: bool,
    observer: Observer | None,
) -> Lowered:
    low = getattr(fn, "__ad_lower__", None)
    if low is not None:
        return low(args, kwargs)
    lowered = lower_python(fn, args, kwargs, allow_none=allow_none)
    refuse_unclear(lowered)
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


def refuse_unclear(lowered: Lowered) -> None:
    """Where a later write would tell a copy from a view, a program is refused in which NumPy decides that at run time,
    by the strides (reshape, ascontiguousarray), or has a view where we make a copy (diagonal, broadcast_to)."""
    fn, shadows = lowered.function, lowered.copies_of_views
    if not shadows and not any(op.name in ("contiguous", "reshape") for op in walk(fn.body)):
        return
    structure = Structure(fn)
    aliases = Aliases(fn, structure)
    for op in walk(fn.body):
        unclear = op.name == "reshape" and strides_vary(op.args[0], structure, lowered.orders)
        if not unclear and op.name != "contiguous" and op not in shadows:
            continue
        made, base = (op.result, op.args[0]) if op.results else (op.args[0], op.args[1])
        through = op.name != "reshape" and aliases.written_after(op, aliases.roots(made))
        roots = aliases.roots(base)
        if through or (aliases.written_after(op, roots) and _outlives(op, made, roots, structure, aliases)):
            what = "an array is written to of which it depends on strides whether it shares memory with this one"
            if op in shadows:
                what = (
                    "this shares memory with another array in NumPy, and is a copy here: a write would tell them apart"
                )
            raise TypeMismatch(what, op.loc, "make a copy first: a.copy().reshape(...), np.array(a)")


def _outlives(op: Op, made: Operand, roots: frozenset[Value], structure: Structure, aliases: Aliases) -> bool:
    """Does a write show whether `made` has memory of its own: one through it, or to the roots before its last use?"""
    place, users, handles = structure.place[op], set[Op](), [made]
    for handle in handles:
        for user in structure.uses.get(handle, ()) if isinstance(handle, Value) else ():
            if user is op:
                continue
            if user.name in TERMINATORS or user.regions or handle in own_writes(user):
                return True  # (a loop may do anything with what it carries)
            handles += user.results if user.name in OPS and OPS[user.name].kind == "view" else []
            users.add(next(o for o in (user, *structure.ancestors(user)) if structure.place[o].region is place.region))
    last = max((structure.place[o].index for o in users), default=place.index)
    before = [o for o in place.region.ops[place.index + 1 : last + 1] if o.regions or structure.place[o].index < last]
    return any(roots & aliases.roots(a) for o in before for a in writes(o))


def trust_indices(fn: Function) -> None:
    """boundscheck=False: every index is taken to be inside."""
    for op in walk(fn.body):
        if op.name in INDEXED:
            op.attrs["safe"] = True


def granted(fn: Function) -> Function:
    """Without wishes for reverse sweeps: there are none to come."""
    env: Env = {op.result: op.args[0] for op in walk(fn.body) if op.name in ("keep", "redo")}
    for result, operand in env.items():
        if isinstance(operand, Value) and is_temporary(operand.name):
            operand.name = result.name
    for region in [fn.body, *(r for op in walk(fn.body) for r in op.regions)] if env else ():
        region.ops = [op for op in region.ops if not (len(op.results) == 1 and op.result in env)]
    substitute(fn.body, env)
    return fn


def to_loops(fn: Function, options: Options, observer: Observer | None = None) -> Function:
    """What is compiled of a function: every check explicit, whole arrays as loops over their elements."""
    fn = granted(clone(fn))
    if not options.boundscheck:
        trust_indices(fn)
    fn = optimize(fn, ("checks", "small"), options, observer)
    fn = lowering.lower(fn, fuse="fuse" not in options.disabled)
    if observer is not None:
        observer("lowering", fn)
    return optimize(fn, LOWERED, options, observer)


def fresh_copy(lowered: Lowered) -> Function:
    """The lowered function, free to be changed."""
    return clone(lowered.function)


@dataclass
class Built:
    """One specialization: the texts at each stage, and the compiled kernel once it is asked for."""

    lowered: Lowered
    primal: Callable[[], Lowered]
    options: Options
    # (return, param): the gradients that are arrays, each of the shape of a parameter.
    gradients: tuple[tuple[int, int], ...] = ()
    _compiled: Any = field(default=None, repr=False)
    _into: Any = field(default=None, repr=False)

    @property
    def function(self) -> Function:
        return self.lowered.function

    @cached_property
    def primal_ir(self) -> str:
        """The IR of the function as the user wrote it."""
        return str(self.primal().function)

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
        """What is compiled: every check explicit, whole arrays as loops."""
        return python.module([to_loops(self.function, self.options)], kernel=True, options=self._emission)

    @cached_property
    def residuals(self) -> Report:
        """What the gradient keeps of the forward sweep: per loop which values, how many bytes of each, and why."""
        return report(self.function)

    @property
    def _emission(self) -> python.Options:
        vector = not self.options.strict and "vector" not in self.options.disabled
        return python.Options(self.options.fastmath, self.options.cache, vector=vector, native=True)

    @property
    def signature(self) -> str:
        """The types that the kernel takes and returns, flattened."""
        args = ", ".join(str(p.type) for p in self.function.params)
        results = ", ".join(str(r.type) for r in self.function.returns)
        return f"({args}) -> ({results})"

    def compiled(self) -> Any:
        if self._compiled is None:
            signature = numba_cpu.signature_of(self.function)
            entry, text = entry_of(self.function.name), self.kernel
            if self.gradients:
                places = [k for k, _ in self.gradients]
                params, returns = len(self.function.params), len(self.function.returns)
                text += into.text(text, entry, self.signature, params, returns, places, self.lowered.extents)
            self._compiled = numba_cpu.compile(text, entry, signature=signature, ir=self.ir, stored=self.options.cache)
        return self._compiled

    def direct(self) -> Any:
        """The machine code of the kernel: it looks at nothing that it is given."""
        return self.compiled().direct(numba_cpu.signature_of(self.function))

    def into(self) -> Any:
        """The machine code that takes a buffer for each of `gradients` after the arguments of the kernel, and returns
        its other results; it compares all arrays that it is given with what it is for."""
        if self._into is None:
            made, fn = self.compiled(), self.function
            outs = [Array(t.dtype, t.dims) for k, _ in self.gradients if isinstance(t := fn.returns[k].type, Array)]
            self._into = numba_cpu.guarded(
                made, made.entry + into.SUFFIX, (*(p.type for p in fn.params), *outs), self.ir
            )
        return self._into

    @property
    def path(self) -> str | None:
        """The file of the kernel in the cache; None where there is none."""
        path = self.compiled().path
        return str(path) if path is not None else None

    @property
    def mutated(self) -> tuple[int, ...]:
        """Positions of the leaves that a call changes for its caller."""
        return tuple(k for k, p in enumerate(self.function.params) if p in self.function.mut)

    def current(self) -> bool:
        """Would the captured values compile to the same program now?"""
        return all(map(_unchanged, self.lowered.captures))


def _unchanged(capture: Capture) -> bool:
    try:
        value = capture.read()
    except (KeyError, ValueError, AttributeError):  # the name is gone
        return False
    if isinstance(capture.spec, Static):
        return same_static(value, capture.spec.value)
    return isinstance(value, np.ndarray) and spec_of(plain(value)) == capture.spec


def same_static(value: Any, known: Any) -> bool:
    """Equal and of one type (1 is not 1.0, nan is itself)."""
    if value is known:
        return True
    if type(value) is not type(known):
        return False
    if isinstance(known, tuple):
        return len(value) == len(known) and all(map(same_static, value, known))
    return repr(value) == repr(known) if isinstance(known, float) else bool(value == known)
