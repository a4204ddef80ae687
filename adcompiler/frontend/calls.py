"""Calls: Python functions are inlined; library functions, constructors and transforms are looked up."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.errors import AdcompilerError, TypeMismatch, UnsupportedFunction
from adcompiler.frontend import spec as s
from adcompiler.frontend.capture import captured, hidden_array, hidden_operand
from adcompiler.frontend.context import DEAD, MAX_DEPTH, RESULT, RETURN, Context, Frame, Unreachable
from adcompiler.frontend.convert import Outer, field_names, from_spec, from_static, to_python, to_spec
from adcompiler.frontend.fence import refuse
from adcompiler.frontend.functions import find, method
from adcompiler.frontend.iteration import static_items
from adcompiler.frontend.liveness import Liveness, assigned, liveness
from adcompiler.frontend.places import Default
from adcompiler.frontend.source import Source, parameters, source_of, unwrap
from adcompiler.frontend.values import (
    NONE,
    Arr,
    Bound,
    Closure,
    Map,
    Num,
    Obj,
    Partial,
    Rec,
    Seq,
    Val,
    describe,
    expose,
    operands,
)
from adcompiler.ir.build import boolean
from adcompiler.ir.core import Operand, Value
from adcompiler.ir.types import Array, Scalar
from adcompiler.ir.walk import clone_op, resolve

Kwargs = dict[str, Val]


def call_node(cx: Context, node: ast.Call) -> Val:
    """The value of a call."""
    fn = cx.expr(cx, node.func)
    if isinstance(fn, Obj) and fn.value is print:
        return _print(cx, node)
    args: list[Val] = []
    for a in node.args:
        if isinstance(a, ast.Starred):
            args.extend(static_items(cx, cx.expr(cx, a.value)))
        elif isinstance(a, ast.GeneratorExp):
            args.append(cx.expr(cx, ast.copy_location(ast.ListComp(a.elt, a.generators), a)))
        else:
            args.append(cx.expr(cx, a))
    kwargs: Kwargs = {}
    for k in node.keywords:
        value = cx.expr(cx, k.value)
        if k.arg is not None:
            kwargs[k.arg] = value
            continue
        content = cx.content(value)
        if not isinstance(content, Map):
            raise cx.error(f"** needs a dict, not {describe(content)}")
        kwargs.update(zip(content.keys, content.items, strict=True))
    return call(cx, fn, args, kwargs, node)


def call(cx: Context, fn: Val, args: list[Val], kwargs: Kwargs, node: ast.Call | None = None) -> Val:
    """fn(*args, **kwargs)."""
    if isinstance(fn, Obj):
        return _call_object(cx, fn.value, args, kwargs, node)
    if isinstance(fn, Closure):
        return _inline_closure(cx, fn, args, kwargs)
    if isinstance(fn, Partial):
        return call(cx, fn.fn, [*fn.args, *args], dict(fn.kwargs) | kwargs, node)
    if isinstance(fn, Bound):
        found = method(cx, fn.owner, fn.name, args, kwargs)
        return _ordered(cx, fn.name in METHODS_IN_ORDER, found, [fn.owner, *args, *kwargs.values()])
    raise cx.error(f"{describe(cx.content(fn))} can't be called", "a function")


def _call_object(cx: Context, fn: Any, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    handler = find(fn)
    if handler is not None:
        found = handler(cx, args, kwargs, node)
        matrix = isinstance(found, Arr) and found.type.rank == 2
        in_order = fn in IN_ORDER or (fn in OF_MATRICES and matrix)
        return _ordered(cx, in_order, found, [*args, *kwargs.values()])
    if hasattr(fn, "__ad_lower__"):
        return _inline_lowered(cx, fn, args, kwargs)
    if getattr(fn, "__ad_static__", False):
        return _call_now(cx, fn, args, kwargs)
    if fn is functools.partial:
        return Partial(args[0], tuple(args[1:]), tuple(kwargs.items()))
    if isinstance(fn, functools.partial):
        fixed = {k: from_static(v) for k, v in fn.keywords.items()}
        return call(cx, from_static(fn.func), [*map(from_static, fn.args), *args], fixed | kwargs, node)
    if fn is dataclasses.replace:
        return _replace(cx, args[0], kwargs)
    if isinstance(fn, type):
        return _construct(cx, fn, args, kwargs)
    function = unwrap(fn)
    if isinstance(function, types.FunctionType) and not _of_library(function):
        return inline(cx, function, args, kwargs)
    raise cx.error(f"{_name(fn)} is not known to adcompiler, or not built yet", _hint(fn), UnsupportedFunction)


# Of these NumPy makes an array in C's order, whatever that of the arguments; of OF_MATRICES a matrix, not a stack.
IN_ORDER = frozenset([np.diag, np.dot, np.inner, np.outer, np.repeat, np.take, np.tensordot, np.vander])
OF_MATRICES = frozenset([np.linalg.cholesky, np.linalg.inv, np.linalg.solve, np.matmul])
METHODS_IN_ORDER = ("copy", "dot", "repeat", "take")


def _ordered(cx: Context, in_order: bool, made: Val, given: list[Val]) -> Val:
    """What a library function made of these, in an order of elements that is noted."""
    arrays = [op for v in given for op in operands(expose(v, cx.heap)) if isinstance(op.type, Array)]
    for op in operands(expose(made, cx.heap)) if arrays else ():
        if isinstance(op, Value) and op not in arrays:
            cx.orders.setdefault(op, () if in_order else tuple(arrays))
    return made


def _of_library(function: types.FunctionType) -> bool:
    return (function.__module__ or "").split(".")[0] in ("numpy", "scipy", "numba")


def _name(fn: Any) -> str:
    module = getattr(fn, "__module__", None) or ""
    name = getattr(fn, "__name__", None) or repr(fn)
    return name if module in ("", "builtins") else f"{module}.{name}"


def _hint(fn: Any) -> str | None:
    name = _name(fn)
    if name.startswith("numpy.random"):
        return "random numbers as an argument"
    if name in ("hasattr", "getattr", "type"):
        return "an argument that says which case it is"
    return (
        "loops over elements"
        if name.startswith("numpy")
        else "arithmetic, math and NumPy functions, or call it outside"
    )


# Python functions.
LIBRARY = ("adcompiler.frontend.library", "adcompiler.frontend.stacks")


@functools.lru_cache(maxsize=1024)
def _facts(node: ast.FunctionDef | ast.Lambda) -> tuple[Liveness, frozenset[str]]:
    body = node.body if isinstance(node.body, list) else [node.body]
    return liveness(node), frozenset([*parameters(node), *assigned(body)])


def frame_of(cx: Context, source: Source) -> Frame:
    """The frame of one activation of a Python function."""
    fn = source.function
    live, names = _facts(source.node)
    cells = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True))
    frame = Frame(fn.__name__, source.file, {}, names, live, cx, fn.__globals__, cells, function=fn)
    if fn.__module__ in LIBRARY:
        frame.called_at = cx.b.loc
    return frame


def inline(cx: Context, fn: types.FunctionType, args: list[Val], kwargs: Kwargs) -> Val:
    """The body of a Python function, in place of its call."""
    try:
        source = source_of(fn)
    except AdcompilerError as error:
        raise type(error)(error.message, error.loc or cx.b.loc, error.hint) from None
    frame = frame_of(cx, source)
    frame.env = bind(cx, source.node.args, fn.__name__, args, kwargs, lambda name: default(cx, fn, name))
    return run(cx, frame, source.node)


def default(cx: Context, fn: types.FunctionType, name: str) -> Val | None:
    """The default of a parameter, None where it has none."""
    p = inspect.signature(fn).parameters[name]
    if p.default is inspect.Parameter.empty:
        return None
    return captured(cx, name, Default(fn, name), (fn, name))


def _inline_closure(cx: Context, fn: Closure, args: list[Val], kwargs: Kwargs) -> Val:
    live, names = _facts(fn.node)
    outer = fn.frame
    frame = Frame(
        fn.__name__, outer.file, {}, names, live, cx, outer.globals, outer.cells, outer, function=outer.function
    )
    frame.env = bind(cx, fn.node.args, fn.__name__, args, kwargs, fn.defaults.get)
    return run(cx, frame, fn.node)


def run(cx: Context, frame: Frame, node: ast.FunctionDef | ast.Lambda) -> Val:
    """Lower a function's body in its frame; its result."""
    if cx.depth >= MAX_DEPTH:
        raise cx.error(
            f"calls nest deeper than {MAX_DEPTH}", "recursion whose depth is known when compiling, or a loop"
        )
    caller, cx.frame = cx.frame, frame
    cx.depth += 1
    try:
        if isinstance(node, ast.Lambda):
            return cx.expr(cx, node.body)
        try:
            cx.block(cx, node.body, frozenset())
        except Unreachable:
            cx.env[DEAD] = Num(boolean(True))
        return _result(cx, node)
    finally:
        cx.depth -= 1
        cx.frame = caller


def _result(cx: Context, node: ast.FunctionDef) -> Val:
    if cx.dead:
        raise Unreachable
    returned = cx.flag(RETURN)
    if returned == boolean(False):
        return NONE
    value = cx.env[RESULT]
    if returned != boolean(True) and value != NONE:
        raise TypeMismatch(f"{node.name} returns nothing on some paths", cx.loc(node), "return a value on every path")
    return value


def default_values(cx: Context, a: ast.arguments) -> dict[str, Val]:
    """The defaults of a lambda or nested function, evaluated where it is defined."""
    names = [p.arg for p in (*a.posonlyargs, *a.args)]
    pairs = [*zip(names[len(names) - len(a.defaults) :], a.defaults, strict=True)]
    pairs += [(p.arg, d) for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is not None]
    return {name: cx.expr(cx, d) for name, d in pairs}


def bind(
    cx: Context, a: ast.arguments, name: str, args: list[Val], kwargs: Kwargs, default: Callable[[str], Val | None]
) -> dict[str, Val]:
    """Arguments to parameters, by Python's rules."""
    positional = [p.arg for p in (*a.posonlyargs, *a.args)]
    if len(args) > len(positional) and a.vararg is None:
        raise cx.error(f"{name}() takes {len(positional)} positional arguments but {len(args)} were given")
    bound = dict(zip(positional, args, strict=False))
    if a.vararg is not None:
        bound[a.vararg.arg] = Seq(tuple(args[len(positional) :]))
    names = {p.arg for p in (*a.args, *a.kwonlyargs)}
    extra: Kwargs = {}
    for key, value in kwargs.items():
        if key in bound:
            raise cx.error(f"{name}() got multiple values for argument '{key}'")
        if key in names:
            bound[key] = value
        elif a.kwarg is not None:
            extra[key] = value
        else:
            raise cx.error(f"{name}() got an unexpected keyword argument '{key}'")
    if a.kwarg is not None:
        bound[a.kwarg.arg] = cx.box(Map(tuple(extra), tuple(extra.values())))
    for p in [*positional, *(p.arg for p in a.kwonlyargs)]:
        if p not in bound:
            given = default(p)
            if given is None:
                raise cx.error(f"{name}() is missing the argument '{p}'")
            bound[p] = given
    return bound


# Transforms inside a program.
def _inline_lowered(cx: Context, fn: Any, args: list[Val], kwargs: Kwargs) -> Val:
    """A transformed function: its IR in place of the call."""
    specs = tuple([to_spec(cx, a, "an argument") for a in args])
    try:
        lowered = fn.__ad_lower__(specs, {k: to_spec(cx, v, "an argument") for k, v in kwargs.items()})
    except AdcompilerError as error:
        if error.loc is not None:
            raise
        raise type(error)(error.message, cx.b.loc, error.hint) from None
    actual: list[Operand] = []
    given = iter(args)
    for name, spec in lowered.signature:
        value = kwargs[name] if name in kwargs else next(given, None)
        if value is None:
            value = _default_of(cx, fn.innermost, name)
        operand = operands(expose(value, cx.heap))
        actual += [_as_taken(cx, op, leaf.type) for op, leaf in zip(operand, s.leaves(spec), strict=True)]
    for capture in lowered.captures:
        if isinstance(capture.spec, s.Leaf):
            actual.append(_captured_operand(cx, capture))
        else:
            cx.captures.setdefault(("inner", capture.key), ([capture], None))
    cx.reads.update({(place, id(value)): (place, value) for place, value in lowered.reads})
    if lowered.written:
        others = [operand for k, operand in enumerate(actual) if k not in lowered.seeds]
        cx.exclusive.append((lowered.function.name, [actual[k] for k in lowered.written], others, cx.b.loc))
    body = lowered.function.body
    assert len(body.params) == len(actual), "arguments and parameters of a transformed function differ in number"
    env = dict(zip(body.params, actual, strict=True))
    for op in body.ops[:-1]:
        copy = cx.b.add(clone_op(op, env))
        copy.loc = copy.loc or cx.b.loc
    return from_spec(cx, lowered.result, iter([resolve(env, r) for r in lowered.function.returns]))


def _default_of(cx: Context, fn: Any, name: str) -> Val:
    """The default of an argument that a call of a transformed function leaves out."""
    value = fn.defaults.get(name) if isinstance(fn, Closure) else default(cx, unwrap(fn), name)
    assert value is not None, f"no default for {name}"
    return value


def _as_taken(cx: Context, operand: Operand, wanted: Any) -> Operand:
    """An argument as a transformed function takes it: ints that are differentiated become floats."""
    if operand.type == wanted or not isinstance(wanted, Scalar):
        return operand
    return cx.op("cast", operand, dtype=wanted.dtype)


def _captured_operand(cx: Context, capture: Any) -> Operand:
    """A hidden argument of an inner program: a value of this one, or a hidden argument of this one too."""
    if isinstance(capture.read, Outer):
        around = capture.read.program
        operand = capture.read.operand
        return operand if around is cx else hidden_operand(cx, around, operand, capture.name)
    if capture.key not in cx.arrays:
        cx.captures["inner", capture.key] = [capture], None
    return hidden_array(cx, capture)


def _call_now(cx: Context, fn: Any, args: list[Val], kwargs: Kwargs) -> Val:
    """A function of functions (`ad.grad`), called while compiling."""
    try:
        values = [to_python(cx, a) for a in args]
        named = {k: to_python(cx, v) for k, v in kwargs.items()}
    except TypeError as error:
        raise cx.error(f"{_name(fn)}: {error}", "functions and constants as arguments") from None
    try:
        return from_static(getattr(fn, "__wrapped__", fn)(*values, **named))
    except AdcompilerError as error:
        raise type(error)(error.message, error.loc or cx.b.loc, error.hint) from None


# Structures.
def _construct(cx: Context, cls: type, args: list[Val], kwargs: Kwargs) -> Val:
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        names, defaults = cls._fields, cls._field_defaults  # type: ignore[attr-defined]
        return Seq(_fields(cx, cls, names, args, kwargs, lambda n: defaults[n] if n in defaults else _MISSING), cls)
    if dataclasses.is_dataclass(cls):
        if hasattr(cls, "__post_init__"):
            raise cx.error(f"{cls.__name__} has a __post_init__", "a plain dataclass", UnsupportedFunction)
        fields = {f.name: f.default for f in dataclasses.fields(cls)}
        names = field_names(cls)
        return cx.box(Rec(cls, names, _fields(cx, cls, names, args, kwargs, fields.__getitem__)))
    if cls is complex:
        raise refuse("complex", cx.b.loc)
    if cls is set or cls is frozenset:
        raise refuse(ast.Set, cx.b.loc)
    raise cx.error(f"{cls.__name__} can't be built in a compiled function", "a tuple, named tuple or dataclass",
                   UnsupportedFunction)  # fmt: skip


_MISSING = dataclasses.MISSING


def _fields(
    cx: Context, cls: type, names: tuple[str, ...], args: list[Val], kwargs: Kwargs, default: Callable[[str], Any]
) -> tuple[Val, ...]:
    if len(args) > len(names):
        raise cx.error(f"{cls.__name__} takes {len(names)} arguments, not {len(args)}")
    found = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        if key not in names or key in found:
            raise cx.error(f"{cls.__name__} has no field '{key}' left to give")
        found[key] = value
    for n in names:
        if n not in found:
            if default(n) is _MISSING:
                raise cx.error(f"{cls.__name__} is missing the field '{n}'")
            found[n] = from_static(default(n))
    return tuple([found[n] for n in names])


def _replace(cx: Context, value: Val, kwargs: Kwargs) -> Val:
    """dataclasses.replace."""
    content = cx.content(value)
    if not isinstance(content, Rec):
        raise cx.error(f"dataclasses.replace needs a dataclass, not {describe(content)}")
    unknown = set(kwargs) - set(content.keys)
    if unknown:
        raise cx.error(f"{content.cls.__name__} has no field '{unknown.pop()}'")
    items = [kwargs.get(k, v) for k, v in zip(content.keys, content.items, strict=True)]
    return cx.box(Rec(content.cls, content.keys, tuple(items)))


# Printing.
def _print(cx: Context, node: ast.Call) -> Val:
    """print(...): literal texts and run-time values."""
    if node.keywords:
        raise cx.error("print takes no keyword arguments here", "plain arguments")
    parts: list[str | None] = []
    values: list[Operand] = []
    for a in node.args:
        pieces = a.values if isinstance(a, ast.JoinedStr) else [a]
        for piece in pieces:
            value = cx.expr(cx, piece.value if isinstance(piece, ast.FormattedValue) else piece)
            for leaf in [value] if isinstance(value, Obj) else operands(expose(value, cx.heap)):
                parts.append(str(leaf.value) if isinstance(leaf, Obj) else None)
                values += [] if isinstance(leaf, Obj) else [leaf]
    cx.do("print", *values, parts=tuple(parts))
    return NONE
