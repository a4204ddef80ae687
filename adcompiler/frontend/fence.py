"""The fence: what the restricted language leaves out, why, and what to write instead."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from adcompiler.errors import Loc, UnsupportedSyntax


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a construct is refused, and what to write instead."""

    what: str
    instead: str | None = None


FENCE: dict[type[ast.AST] | str, Refusal] = {
    ast.Try: Refusal("`try` has no meaning in compiled code", "test the condition beforehand with `if`"),
    ast.With: Refusal("`with` is not supported", "do it outside of the function"),
    ast.AsyncWith: Refusal("`async with` is not supported", "do it outside of the function"),
    ast.AsyncFor: Refusal("`async for` is not supported", "a plain `for`"),
    ast.AsyncFunctionDef: Refusal("async functions are not supported", "a plain `def`"),
    ast.Await: Refusal("`await` is not supported", "a plain call"),
    ast.Delete: Refusal("`del` is not supported: a name keeps its type and value", "leave the name alone"),
    ast.Import: Refusal("`import` inside a function is not supported", "import at the top of the file"),
    ast.ImportFrom: Refusal("`import` inside a function is not supported", "import at the top of the file"),
    ast.Global: Refusal("writing to globals is not supported", "pass the value in and return the new one"),
    ast.Nonlocal: Refusal("writing to an outer function's names is not supported", "return the new value"),
    ast.ClassDef: Refusal("classes inside a function are not supported", "a dataclass at the top of the file"),
    ast.Yield: Refusal("generators are not supported", "a loop that writes into an array"),
    ast.YieldFrom: Refusal("generators are not supported", "a loop that writes into an array"),
    ast.GeneratorExp: Refusal("generator expressions are supported only in sum, min, max and tuple", "a loop"),
    ast.Set: Refusal("sets are not supported", "a tuple or an array"),
    ast.SetComp: Refusal("sets are not supported", "a tuple or an array"),
    ast.JoinedStr: Refusal(
        "f-strings are supported only in messages: print, raise, assert", "do it outside of the function"
    ),
    ast.Starred: Refusal("`*` is supported only in calls, tuples and lists", "each item by itself"),
    ast.In: Refusal("`in` is not supported on run-time values", "compare with each, or loop"),
    ast.NotIn: Refusal("`not in` is not supported on run-time values", "compare with each, or loop"),
    "append": Refusal("growing lists have no static type", "np.zeros(n) before the loop, and a[i] = value in it"),
    "complex": Refusal("complex numbers are not supported yet", "separate real and imaginary parts"),
    "bytes": Refusal("bytes are not supported", "an array of integers"),
    "string": Refusal("strings are not data here", "do it outside of the function"),
    "starred target": Refusal("starred targets are not supported", "slices of the tuple"),
}
for _name in ("Match", "TryStar", "TypeAlias", "TemplateStr"):
    if hasattr(ast, _name):
        FENCE[getattr(ast, _name)] = Refusal(
            f"`{_name.lower()}` is not supported", "`if` and `elif`" if _name == "Match" else None
        )


def refuse(construct: type[ast.AST] | str, loc: Loc | None) -> UnsupportedSyntax:
    """The error for a construct outside the fence."""
    entry = FENCE.get(construct)
    if entry is None:
        name = construct if isinstance(construct, str) else construct.__name__
        return UnsupportedSyntax(f"{name} is not supported", loc)
    return UnsupportedSyntax(entry.what, loc, entry.instead)
