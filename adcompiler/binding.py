"""The parameters of a transformed function: keyword arguments and defaults are put in their places."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from adcompiler.errors import Loc, TypeMismatch
from adcompiler.frontend import spec_of
from adcompiler.frontend.convert import to_spec
from adcompiler.frontend.spec import Spec
from adcompiler.frontend.values import Closure

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
ALONG = {
    "jvp": inspect.signature(lambda primals, tangents: None),
    "hvp": inspect.signature(lambda primals, tangents: None),
    "vjp": inspect.signature(lambda primals, out_bar: None),
}


def signature_of(fn: Any) -> inspect.Signature:
    """The signature of a Python function, a transform, a partial or a function inside of a program."""
    if isinstance(fn, Closure):
        return _of_closure(fn)
    return inspect.signature(getattr(fn, "py_func", fn))


def _of_closure(fn: Closure) -> inspect.Signature:
    a, kinds = fn.node.args, inspect.Parameter
    rows: list[tuple[str, Any]] = [(p.arg, kinds.POSITIONAL_ONLY) for p in a.posonlyargs]
    rows += [(p.arg, kinds.POSITIONAL_OR_KEYWORD) for p in a.args]
    rows += [(a.vararg.arg, kinds.VAR_POSITIONAL)] if a.vararg else []
    rows += [(p.arg, kinds.KEYWORD_ONLY) for p in a.kwonlyargs]
    rows += [(a.kwarg.arg, kinds.VAR_KEYWORD)] if a.kwarg else []
    return inspect.Signature([kinds(name, kind, default=fn.defaults.get(name, kinds.empty)) for name, kind in rows])


class Binding:
    """Calls of a function with this signature, as tuples: positional arguments, then keyword-only ones."""

    def __init__(self, signature: inspect.Signature, name: str, loc: Loc | None):
        self.signature, self.name, self.loc = signature, name, loc
        parameters = signature.parameters.values()
        self.positional = [p.name for p in parameters if p.kind in POSITIONAL]
        self.keywords = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
        self.variable = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments by position, defaults filled in; TypeMismatch where they don't fit."""
        try:
            return self._quick(*args, **kwargs)
        except TypeError:
            pass  # said better below
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeMismatch(f"{self.name}: {error}", self.loc) from None
        bound.apply_defaults()
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in self.signature.parameters.values()):
            self._refuse_variable_keywords()
        return (*bound.args, *(bound.kwargs[k] for k in self.keywords))

    @functools.cached_property
    def _quick(self) -> Callable[..., tuple[Any, ...]]:
        """A function with the same parameters that returns them: Python binds faster than inspect."""
        texts, names, scope = [], [], {}
        for k, p in enumerate(self.signature.parameters.values()):
            if p.kind is inspect.Parameter.VAR_KEYWORD:
                raise TypeError(p.name)
            starred = p.kind is inspect.Parameter.VAR_POSITIONAL
            if p.kind is inspect.Parameter.KEYWORD_ONLY and not self.variable and "*" not in texts:
                texts.append("*")
            scope[f"d{k}"] = p.default
            default = "" if p.default is inspect.Parameter.empty else f"=d{k}"
            texts.append(f"*{p.name}" if starred else p.name + default)
            names.append(f"*{p.name}" if starred else p.name)
            if p.kind is inspect.Parameter.POSITIONAL_ONLY and not self._positional_only_after(p.name):
                texts.append("/")
        made: Callable[..., tuple[Any, ...]] = eval(
            f"lambda {', '.join(texts)}: ({''.join(f'{n}, ' for n in names)})", scope
        )
        return made

    def _positional_only_after(self, name: str) -> bool:
        names = [p.name for p in self.signature.parameters.values() if p.kind is inspect.Parameter.POSITIONAL_ONLY]
        return names[-1] != name

    def split(self, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A complete call as positional and keyword arguments again."""
        n = len(args) - len(self.keywords)
        return args[:n], dict(zip(self.keywords, args[n:], strict=True))

    def specs(self, args: tuple[Spec, ...], kwargs: dict[str, Spec], fn: Any) -> tuple[Spec, ...]:
        """As a call, on specs: an omitted argument has the spec of its default."""
        try:
            bound = self.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeMismatch(f"{self.name}: {error}", self.loc) from None
        found: list[Spec] = []
        for p in self.signature.parameters.values():
            if p.kind is inspect.Parameter.VAR_POSITIONAL:
                found += bound.get(p.name, ())
            elif p.kind is inspect.Parameter.VAR_KEYWORD:
                self._refuse_variable_keywords()
            elif p.name in bound:
                found.append(bound[p.name])
            else:
                inside = isinstance(fn, Closure)
                found.append(to_spec(fn.frame.context, p.default) if inside else spec_of(p.default, p.name))
        return tuple(found)

    def _refuse_variable_keywords(self) -> None:
        message = f"{self.name}: ** parameters are not supported in a transformed function"
        raise TypeMismatch(message, self.loc, "named parameters")

    def label(self, position: int) -> str:
        """What an error calls the argument at this position."""
        names = self.positional if self.variable else [*self.positional, *self.keywords]
        return names[position] if position < len(names) else f"argument {position}"
