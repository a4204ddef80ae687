"""`adcompiler emit`: a function and its gradient as a module that needs numpy, math and numba, and nothing of ours."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from adcompiler import api, runtime
from adcompiler.backends import python
from adcompiler.driver import Built, to_loops
from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple
from adcompiler.ir.core import Function
from adcompiler.ir.types import DTYPES, Array, Scalar, Stack, Type, np_dtype
from adcompiler.runtime import along, arrays, indexed, integers, keyed, special
from adcompiler.wrapper import paths

LARGEST = 10_000  # entries of a captured array that is pasted in


Argnums = int | tuple[int, ...]


def module(
    fn: Callable[..., Any], name: str, specs: Sequence[Spec], argnums: Argnums, disable: Sequence[str] = ()
) -> str:
    """The text: FUNC, FUNC_grad and FUNC_value_and_grad, and the helpers that they call."""
    made = [
        _Part(name, fn, specs, api.jit(fn, disable=disable)),
        _Part(f"{name}_grad", fn, specs, api.grad(fn, argnums, disable=disable)),
        _Part(f"{name}_value_and_grad", fn, specs, api.value_and_grad(fn, argnums, disable=disable)),
    ]
    arrays_of = {k: v for part in made for k, v in part.captured.items()}
    body = "\n\n".join(part.text for part in made)
    helpers = _helpers(body)
    if name in runtime.__all__:
        raise UnsupportedFunction(f"a helper of generated code is called {name} too", hint="another name")
    globals_ = "".join(f"{k} = np.{_array(v)}\n" for k, v in arrays_of.items())
    head = f'"""{name} and its gradient with respect to {made[1].wrt(argnums)}, made by adcompiler."""\n'
    text = "\n\n".join(filter(None, [globals_, *helpers, body]))
    return f"{head}\n{_imports(text)}\n\n{text}"


def _imports(text: str) -> str:
    loaded = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    rows = [f"import {m}" for m in ("math",) if m in loaded]
    rows += ["import numpy as np"] if "np" in loaded else []
    rows += ["from numba import njit" + (", types" if "types" in loaded else "")]
    extending = sorted(loaded & {"overload", "register_jitable"})
    rows += [f"from numba.extending import {', '.join(extending)}"] if extending else []
    return "\n".join(rows)


# One function.
@dataclass
class _Part:
    """One of the three functions: its kernel, and FUNC's own arguments around it where they are not flat."""

    name: str
    fn: Callable[..., Any]
    specs: Sequence[Spec]
    transform: api.Transform

    def __post_init__(self) -> None:
        self.built: Built = self.transform.lower_specs(self.specs)
        low = self.built.lowered
        self.signature, self.result = low.signature, low.result
        self.captured = self._captured()

    def wrt(self, argnums: int | tuple[int, ...]) -> str:
        numbers = (argnums,) if isinstance(argnums, int) else argnums
        return " and ".join(self.signature[k][0] for k in numbers)

    def _captured(self) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for k, capture in enumerate(self.built.lowered.captures):
            if isinstance(capture.spec, Leaf):
                value = np.asarray(capture.read())
                if value.size > LARGEST:
                    what = f"{self.name} reads the array {capture.name} of {value.size} entries"
                    raise UnsupportedFunction(what, hint="make it an argument")
                found[f"_{re.sub(r'[^0-9A-Za-z_]', '_', capture.name)}_{k}"] = value
        return found

    @property
    def flat(self) -> bool:
        """Do the kernel's arguments and results need no taking apart?"""
        plain = (
            not self.captured and not self.built.lowered.changes and all(isinstance(s, Leaf) for _, s in self.signature)
        )
        result = self.result.items if isinstance(self.result, Tuple) and self.result.cls is None else (self.result,)
        one = isinstance(self.result, Tuple) and len(result) < 2
        return plain and not one and all(isinstance(s, Leaf) and _bare(s) for s in result)

    @property
    def text(self) -> str:
        fn = to_loops(self.built.function, self.built.options)
        fn.name = self.name if self.flat else f"_{self.name}_kernel"
        text = python.emit(fn, kernel=True)
        decorator = python.Options().decorator.replace("@njit(", f"@njit({_signature(fn)}, ")
        text = f"{decorator}\n{text}"
        return text if self.flat else f"{text}\n\n{self._around(fn.name)}"

    def _around(self, kernel: str) -> str:
        """The function with FUNC's own arguments, taken apart for the kernel and put together after."""
        params = [name for name, _ in self.signature]
        given = [at for name, spec in self.signature for at, _ in paths(spec, name)] + list(self.captured)
        count = len(self.built.function.returns)
        parts = iter(["result"] if count == 1 else [f"result[{k}]" for k in range(count)])
        classes = dict(_classes(self.signature))
        rows = [f"def {self.name}({', '.join(params)}):"]
        doc = self.built.function.doc
        rows += [f'    """{doc}"""'] if doc else []
        rows.append(f"    result = {kernel}({', '.join(given)})")
        value = _put_together(self.result, parts, classes)
        for place, spec in self.built.lowered.changes:  # a0.field or a0['key']: what the function assigns there
            argument, rest = re.fullmatch(r"a(\d+)(.*)", place).groups()  # type: ignore[union-attr]
            rows.append(f"    {params[int(argument)]}{rest} = {_put_together(spec, parts, classes)}")
        rows.append(f"    return {value}")
        return "\n".join(rows) + "\n"


def _bare(leaf: Leaf) -> bool:
    """Does Numba return such a result as the wrapper of `grad` would?"""
    return leaf.type.rank > 0 if isinstance(leaf.type, Array) else leaf.type.dtype == "f64" or leaf.weak


def _classes(signature: Sequence[tuple[str, Spec]]) -> Iterator[tuple[type, str]]:
    """Where an argument's class can be read: the user's classes are not pasted."""

    def visit(spec: Spec, at: str) -> Iterator[tuple[type, str]]:
        if isinstance(spec, Tuple | Record) and spec.cls is not None:
            yield spec.cls, f"type({at})"
        if isinstance(spec, Tuple):
            keys = [f"[{k}]" for k in range(len(spec.items))]
        elif isinstance(spec, Dict):
            keys = [f"[{k!r}]" for k in spec.keys]
        elif isinstance(spec, Record):
            keys = [f".{f.name}" for f in fields(spec.cls)]
        else:
            return
        for key, item in zip(keys, spec.items, strict=True):
            yield from visit(item, at + key)

    for name, spec in signature:
        yield from visit(spec, name)


def _put_together(spec: Spec, parts: Iterator[str], classes: dict[type, str]) -> str:
    """The expression of a structured result."""
    if isinstance(spec, Leaf):
        part = next(parts)
        if isinstance(spec.type, Array):
            return part if spec.type.rank else f"np.asarray({part}, np.{np_dtype(spec.type).name})"
        return part if _bare(spec) or spec.type.dtype == "b1" else f"np.{np_dtype(spec.type).name}({part})"
    if isinstance(spec, Static):
        if spec.value is None or isinstance(spec.value, str):
            return repr(spec.value)
        raise UnsupportedFunction("a result that is a function or a class can't be written to a module")
    items = [_put_together(item, parts, classes) for item in spec.items]
    if isinstance(spec, Dict):
        return "{" + ", ".join(f"{k!r}: {item}" for k, item in zip(spec.keys, items, strict=True)) + "}"
    if spec.cls is None:
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if spec.cls not in classes:
        hint = "return a plain tuple, or take an argument of that class"
        raise UnsupportedFunction(f"a result of class {spec.cls.__name__} can't be written to a module", hint=hint)
    if isinstance(spec, Record):
        items = [f"{f.name}={item}" for f, item in zip(fields(spec.cls), items, strict=True)]
    return f"{classes[spec.cls]}({', '.join(items)})"


def _array(value: np.ndarray) -> str:
    """An array as an expression that gives its very bits."""
    with np.printoptions(threshold=value.size + 1, floatmode="unique", linewidth=110):
        text = np.array_repr(value) if value.size else f"zeros({value.shape})"
    text = re.sub(r",\s*(dtype=\w+|shape=\([^)]*\))", "", text).rstrip(")")
    text = text.replace("nan", "np.nan").replace("inf", "np.inf")
    return f"{text}, dtype=np.{value.dtype.name if value.dtype != bool else 'bool_'})"


# Signatures: a kernel takes the types it was made for and refuses all others (a wrong dtype would be a wrong gradient).
def _signature(fn: Function) -> str:
    types_ = [_type(p.type) for p in fn.params]
    if any(t is None for t in types_):
        rows = ", ".join(_expression(p.type) for p in fn.params)
        return f"({rows}{',' if len(fn.params) == 1 else ''})"
    return f'"({", ".join(map(str, types_))}{"," if len(types_) == 1 else ""})"'


def _dtype(t: Scalar | Array) -> str:
    return "boolean" if t.dtype == "b1" else np.dtype(DTYPES[t.dtype]).name


def _type(t: Type) -> str | None:
    """`float64[:, ::1]`; None for what has no such spelling."""
    assert not isinstance(t, Stack)
    if not isinstance(t, Array):
        return _dtype(t)
    if t.rank == 0:
        return None
    return f"{_dtype(t)}[{', '.join([':'] * (t.rank - 1) + [':' if t.strided else '::1'])}]"


def _expression(t: Type) -> str:
    assert not isinstance(t, Stack)
    if not isinstance(t, Array):
        return f"types.{_dtype(t)}"
    return f'types.Array(types.{_dtype(t)}, {t.rank}, "{"A" if t.strided else "C"}")'


# Helpers of adcompiler.runtime, pasted by their source.
def _helpers(body: str) -> list[str]:
    """The statements of the runtime that `body` needs, in their order."""
    called = {n.func.id for n in ast.walk(ast.parse(body)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    wanted = called & set(runtime.__all__)
    texts: list[str] = []
    later = LATER if wanted & runtime.LATER.keys() else ()
    for sources in (later, (arrays,), (along,), (indexed,), (integers,), (special,), (keyed,)):
        texts += _closure([s for source in sources for s in _statements(source)], set(wanted))
    return texts


@dataclass(frozen=True)
class _Statement:
    """A top-level statement: the names it defines, those it reads, and the helper whose Numba version it is."""

    text: str
    defines: frozenset[str]
    reads: frozenset[str]
    serves: str | None = None


def _closure(statements: list[_Statement], wanted: set[str]) -> list[str]:
    chosen: set[_Statement] = set()
    while True:
        more = [s for s in statements if s not in chosen and (s.defines & wanted or s.serves in wanted)]
        if not more:
            return [s.text for s in statements if s in chosen]
        for s in more:
            chosen.add(s)
            wanted |= s.reads


LATER = tuple(f"adcompiler.runtime.{module}" for module in ("external", "matrices", "factors", "linalg", "scipy"))


@lru_cache
def _statements(source: Any) -> list[_Statement]:
    found = []
    source = import_module(source) if isinstance(source, str) else source
    for node in ast.parse(inspect.getsource(source)).body:
        if isinstance(node, ast.For):
            found += _unrolled(node)
        elif isinstance(node, ast.FunctionDef):
            found.append(_function(node))
        elif isinstance(node, ast.Assign):
            targets = frozenset(t.id for t in node.targets if isinstance(t, ast.Name))
            found.append(_Statement(ast.unparse(node) + "\n", targets, _names(node)))
    return found


def _unrolled(loop: ast.For) -> list[_Statement]:
    """`for function, kernel in ((erf, _erf), ...): _of_one(function, kernel)`, one row at a time."""
    (call,) = loop.body
    assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call) and isinstance(loop.iter, ast.Tuple)
    rows = []
    for row in loop.iter.elts:
        names = [n.id for n in ast.walk(row) if isinstance(n, ast.Name)]
        of = ast.unparse(call.value.func)
        rows.append(_Statement(f"{of}({', '.join(names)})\n", frozenset(), frozenset([of, *names]), names[0]))
    return rows


def _function(node: ast.FunctionDef) -> _Statement:
    """A function without annotations; where it calls SciPy, by the kernel that Numba compiles."""
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            part.annotation = None
        elif isinstance(part, ast.FunctionDef):
            part.returns = None
    if any(isinstance(n, ast.Name) and n.id == "sp" for n in ast.walk(node)):
        params = ", ".join(p.arg for p in node.args.args)
        node.body[1:] = ast.parse(f"return np.vectorize(_{node.name})({params})[()]").body
    serves = None
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "overload":
            serves = ast.unparse(decorator.args[0])
    return _Statement(ast.unparse(node) + "\n", frozenset([node.name]), _names(node), serves)


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
