"""The text form of the IR: `to_text` prints a function, `parse` reads it back (grammar: ir/core.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from adcompiler.errors import Loc
from adcompiler.ir.context import RESTORED, implied, literal_types
from adcompiler.ir.core import Const, Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.naming import identifier, unique_names
from adcompiler.ir.parse import ParseError, parse
from adcompiler.ir.types import Scalar, Type, b1, i64

__all__ = ["ParseError", "parse", "to_text"]


def to_text(fn: Function) -> str:
    """The function as text; parsing it and printing again gives the same."""
    return Printer(fn).function()


class Printer:
    """Prints one function, line by line."""

    def __init__(self, fn: Function):
        self.fn = fn
        self.names = unique_names(fn)
        self.lines: list[str] = []
        self.loc: Loc | None = None

    def function(self) -> str:
        fn = self.fn
        returns = [a.type for a in fn.returns]
        params = ", ".join(f"%{self.names[p]}: {'mut ' if p in fn.mut else ''}{p.type}" for p in fn.params)
        result = str(returns[0]) if len(returns) == 1 else f"({', '.join(map(str, returns))})"
        self.lines.append(f"func @{identifier(fn.name)}({params}) -> {result} {{")
        self.region(fn.body, "  ", returns)
        self.lines.append("}")
        return "\n".join(self.lines) + "\n"

    def region(self, region: Region, indent: str, yields: Sequence[Type]) -> None:
        """The ops of a region; `yields` are the types that its terminator hands on."""
        for op in region.ops:
            if op.name == "for":
                self.for_(op, indent)
            elif op.name == "while":
                self.while_(op, indent)
            elif op.name == "if":
                self.if_(op, indent)
            else:
                self.line(op, indent, self.plain(op, yields))

    def line(self, op: Op, indent: str, text: str) -> None:
        """One line, with the op's place where it differs from that of the line before."""
        before, here = (loc and loc.short for loc in (self.loc, op.loc))
        note = "" if before == here else f"  # {here or '-'}"
        self.loc = op.loc
        self.lines.append(f"{indent}{text}{note}")

    # Control flow.
    def for_(self, op: Op, indent: str) -> None:
        lo, hi, step = (self.operand(a, i64) for a in op.args[:3])
        index = self.names[op.body.params[0]]
        stride = "" if op.args[2] == Const(1, i64) else f" step {step}"
        way = " reversed" if op.attrs.get("reversed") else ""
        head = f"{self.binder(op)}for %{index} in {lo}..{hi}{stride}{way}{self.carried(op)}"
        self.line(op, indent, f"{head}{self.extras(op, {'reversed'})} {{")
        self.region(op.body, indent + "  ", [p.type for p in op.carried])
        self.lines.append(f"{indent}}}")

    def while_(self, op: Op, indent: str) -> None:
        self.line(op, indent, f"{self.binder(op)}while{self.carried(op)}{self.extras(op)} {{")
        types = [p.type for p in op.carried]
        self.region(op.regions[0], indent + "  ", types)
        self.lines.append(f"{indent}}} do {{")
        self.region(op.body, indent + "  ", types)
        self.lines.append(f"{indent}}}")

    def if_(self, op: Op, indent: str) -> None:
        self.line(op, indent, f"{self.binder(op)}if {self.operand(op.args[0], b1)}{self.extras(op)} {{")
        types = [r.type for r in op.results]
        then, orelse = op.regions
        self.region(then, indent + "  ", types)
        if orelse.ops and (len(orelse.ops) > 1 or orelse.terminator.args):
            self.lines.append(f"{indent}}} else {{")
            self.region(orelse, indent + "  ", types)
        self.lines.append(f"{indent}}}")

    def carried(self, op: Op) -> str:
        pairs = [
            f"%{self.names[p]}: {p.type} = {self.operand(init, p.type)}"
            for p, init in zip(op.carried, op.inits, strict=True)
        ]
        return f" with ({', '.join(pairs)})" if pairs else ""

    def extras(self, op: Op, shown: set[str] = frozenset()) -> str:  # type: ignore[assignment]
        """The attributes of a control op that its syntax does not show."""
        return "".join(f", {k}={attr_text(v)}" for k, v in op.attrs.items() if k not in shown)

    # Plain ops.
    def plain(self, op: Op, yields: Sequence[Type]) -> str:
        if op.name in ("yield", "return", "test"):
            return self.terminator(op, yields)
        types = literal_types(op.name, [None if isinstance(a, Const) else a.type for a in op.args],
                              [r.type for r in op.results])  # fmt: skip
        args = [self.operand(a, t) for a, t in zip(op.args, types, strict=True)]
        shown = {k for k in RESTORED.get(op.name, ()) if k in op.attrs and op.attrs[k] == implied(k, op.result.type)}
        if op.name in ("load", "store", "update"):
            body = element_text(op.name, args)
        elif op.name == "view":
            body, shown = f"view {args[0]}[{index_text(op.attrs['index'], args[1:])}]", {"index"}
        else:
            shown = shown | {"axis"} if op.name == "dim" else shown
            axis = [str(op.attrs["axis"])] if op.name == "dim" else []
            items = [*args, *axis] + [f"{k}={attr_text(v)}" for k, v in op.attrs.items() if k not in shown]
            return f"{self.binder(op)}{op.name} {', '.join(items)}".rstrip()
        return f"{self.binder(op)}{body}{self.extras(op, shown)}"

    def terminator(self, op: Op, types: Sequence[Type]) -> str:
        if op.name == "test":
            return f"test {self.operand(op.args[0], b1)}"
        given = yielded_args(op)
        # A wrong number of operands still prints: the verifier is who complains.
        padded = [*types, *[None] * len(given)]
        text = ", ".join(self.operand(a, t) for a, t in zip(given, padded, strict=False))
        if op.attrs.get("until"):
            text += f" until {self.operand(op.args[-1], b1)}"
        return f"{op.name} {text.strip()}".rstrip()

    def binder(self, op: Op) -> str:
        if not op.results:
            return ""
        return ", ".join(f"%{self.names[r]}: {r.type}" for r in op.results) + " = "

    def operand(self, operand: Operand, context: Type | None) -> str:
        """A value by name, a literal bare where the context gives its type."""
        if isinstance(operand, Value):
            return f"%{self.names.get(operand, identifier(operand.name) + '?')}"
        text = literal_text(operand)
        default = default_type(operand.value) if not isinstance(context, Scalar) else context
        return text if operand.type == default else f"{text}:{operand.type}"


def yielded_args(op: Op) -> list[Operand]:
    return yielded(Region([], [op]))


def default_type(value: bool | int | float) -> Scalar:
    """What a bare literal is where nothing gives its type."""
    return Scalar("b1" if isinstance(value, bool) else "i64" if isinstance(value, int) else "f64")


def literal_text(literal: Const) -> str:
    return str(literal.value).lower() if isinstance(literal.value, bool) else repr(literal.value)


def element_text(name: str, args: list[str]) -> str:
    if name == "load":
        return f"load {args[0]}[{', '.join(args[1:])}]"
    sign = "=" if name == "store" else "+="
    return f"{name} {args[0]}[{', '.join(args[1:-1])}] {sign} {args[-1]}"


def index_text(index: Sequence[str], args: list[str]) -> str:
    """The inside of a view's brackets: `%i, 1:%n:2, None`."""
    rest = iter(args)
    items = []
    for item in index:
        if item == "n":
            items.append("None")
        elif item == "i":
            items.append(next(rest))
        else:
            lo, hi, step = (next(rest) if given == "1" else "" for given in item)
            items.append(f"{lo}:{hi}" + (f":{step}" if step else ""))
    return ", ".join(items)


def attr_text(value: Any) -> str:
    """An attribute as a Python literal; types as they print in the IR."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(attr_text, value))}{',' if len(value) == 1 else ''})"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return str(value)


def quoted(text: str) -> str:
    """A text as the parser reads it."""
    return json.dumps(text, ensure_ascii=False)
