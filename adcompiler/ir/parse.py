"""Reads the text form of the IR: recursive descent over tokens (grammar: ir/core.py)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from adcompiler.errors import Loc
from adcompiler.ir.build import const
from adcompiler.ir.context import RESTORED, implied, literal_types
from adcompiler.ir.core import Const, Function, Op, Operand, Region, Value
from adcompiler.ir.table import OPS
from adcompiler.ir.tokens import PLACE, ParseError, Token, tokenize
from adcompiler.ir.types import DTYPES, Array, Dim, Scalar, Stack, Type, b1, i64


class Literal(NamedTuple):
    """A number whose type may still have to come from its context."""

    value: bool | int | float
    type: Scalar | None


def parse(text: str) -> Function:
    """The function that `text` spells. Literals take the type of their context, ops the place of the op before."""
    return Parser(text).function()


class Parser:
    def __init__(self, text: str):
        self.tokens, self.at = tokenize(text), 0
        self.values: dict[str, Value] = {}
        self.loc: Loc | None = None

    # Tokens.
    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def fail(self, message: str) -> ParseError:
        return ParseError(message, self.token.line)

    def sees(self, *texts: str) -> bool:
        return self.token.kind not in ("string", "end") and self.token.text in texts

    def take(self, text: str) -> bool:
        """Step over `text` if it comes next."""
        found = self.sees(text)
        self.at += found
        return found

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.fail(f"expected {text!r}, found {self.token.text!r}")

    def next(self, kind: str) -> str:
        if self.token.kind != kind:
            raise self.fail(f"expected a {kind}, found {self.token.text!r}")
        self.at += 1
        return self.tokens[self.at - 1].text

    def blank(self) -> None:
        while self.token.kind in ("newline", "comment"):
            self.at += 1

    def end_line(self) -> Loc | None:
        """The end of an op's (first) line, with the place that its comment names."""
        if self.token.kind == "comment":
            comment = self.next("comment")
            if match := PLACE.match(comment):
                self.loc = Loc(match["file"], int(match["line"]))
            elif comment.strip("# ") == "-":
                self.loc = None
        if self.token.kind != "newline":
            raise self.fail(f"unexpected {self.token.text!r} at the end of a line")
        self.blank()
        return self.loc

    def several(self, item: Callable[[], Any], close: str) -> list[Any]:
        """`item, item, ... close`."""
        found: list[Any] = []
        while not self.take(close):
            if found:
                self.expect(",")
            found.append(item())
        return found

    # Types, names, literals.
    def type(self) -> Type:
        strided = self.take("strided")
        word = self.next("word")
        if word == "stack":
            self.expect("(")
            elem = self.type()
            self.expect(")")
            assert not isinstance(elem, Stack)
            return Stack(elem)
        if word not in DTYPES:
            self.at -= 1
            raise self.fail(f"{word!r} is not a type")
        return Array(word, tuple(self.several(self.dim, "]")), strided) if self.take("[") else Scalar(word)

    def dim(self) -> Dim:
        if self.take(":"):
            return None
        if self.token.kind == "number" and self.token.text.isdigit():
            number = self.next("number")
            return f"{number}*{self.next('word')}" if self.take("*") else int(number)
        return self.next("word")

    def bind(self, type: Type | None = None) -> Value:
        """`%name: type`, or `%name` where the type is known."""
        name = self.next("value")[1:]
        if name in self.values:
            self.at -= 1
            raise self.fail(f"%{name} is bound twice")
        if type is None:
            self.expect(":")
            type = self.type()
        value = self.values[name] = Value(name, type)
        return value

    def raw(self) -> Value | Literal:
        """An operand, as it stands."""
        if self.token.kind == "value":
            name = self.next("value")[1:]
            if name not in self.values:
                self.at -= 1
                raise self.fail(f"%{name} is not defined here")
            return self.values[name]
        if self.sees("true", "false"):
            number: bool | int | float = self.next("word") == "true"
        else:
            text = self.next("number")
            number = int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        following = self.tokens[self.at + 1]
        if self.sees(":") and following.kind == "word" and following.text in DTYPES:
            self.at += 1
            return Literal(number, Scalar(self.next("word")))
        return Literal(number, None)

    def typed(self, raw: Value | Literal, context: Type | None) -> Operand:
        """The operand, a bare literal with its context's type."""
        if isinstance(raw, Value):
            return raw
        value, type = raw
        if type is None:
            default = "b1" if isinstance(value, bool) else "i64" if isinstance(value, int) else "f64"
            type = context if isinstance(context, Scalar) else Scalar(default)
        if isinstance(value, bool) != (type.dtype == "b1") or (isinstance(value, float) and type.dtype[0] in "iu"):
            raise self.fail(f"{value} is not of type {type}")
        return const(value, type)

    def operand(self, context: Type | None) -> Operand:
        return self.typed(self.raw(), context)

    # Functions, regions, ops.
    def function(self) -> Function:
        self.blank()
        self.expect("func")
        name = self.next("func")[1:]
        mut: set[Value] = set()
        self.expect("(")
        params = self.several(lambda: self.parameter(mut), ")")
        self.expect("->")
        returns = self.several(self.type, ")") if self.take("(") else [self.type()]
        self.expect("{")
        self.end_line()
        body = self.region(params, returns)
        self.blank()
        if self.token.kind != "end":
            raise self.fail(f"unexpected {self.token.text!r} after the function")
        return Function(name, body, mut)

    def parameter(self, mut: set[Value]) -> Value:
        name = self.next("value")[1:]
        self.expect(":")
        written = self.take("mut")
        if name in self.values:
            raise self.fail(f"%{name} is bound twice")
        value = self.values[name] = Value(name, self.type())
        if written:
            mut.add(value)
        return value

    def region(self, params: list[Value], yields: Sequence[Type]) -> Region:
        """Ops up to the closing brace, which is taken."""
        region = Region(params)
        while not self.take("}"):
            region.ops.append(self.op(yields))
        return region

    def op(self, yields: Sequence[Type]) -> Op:
        binders: list[tuple[str, Type]] = []
        while self.token.kind == "value":
            name = self.next("value")[1:]
            self.expect(":")
            binders.append((name, self.type()))
            if not self.take(","):
                self.expect("=")
                break
        types = [t for _, t in binders]
        name = self.next("word")
        if name in ("for", "while", "if"):
            op = getattr(self, f"{name}_")(types)
            self.blank_line()
        elif name in ("yield", "return", "test"):
            op = self.terminator(name, yields)
            op.loc = self.end_line()
        elif name in OPS:
            op = self.plain(name, types)
            op.loc = self.end_line()
        else:
            self.at -= 1
            raise self.fail(f"there is no op {name!r}")
        op.results = [self.result(n, t) for n, t in binders]
        return op

    def result(self, name: str, type: Type) -> Value:
        if name in self.values:
            raise self.fail(f"%{name} is bound twice")
        value = self.values[name] = Value(name, type)
        return value

    def blank_line(self) -> None:
        """After a closing brace: nothing more on the line."""
        if self.token.kind not in ("newline", "comment", "end"):
            raise self.fail(f"unexpected {self.token.text!r} after a region")
        self.blank()

    # Control flow.
    def for_(self, types: list[Type]) -> Op:
        index = self.bind(i64)
        self.expect("in")
        lo = self.operand(i64)
        self.expect("..")
        hi = self.operand(i64)
        step = self.operand(i64) if self.take("step") else Const(1, i64)
        attrs: dict[str, Any] = {"reversed": True} if self.take("reversed") else {}
        params, inits = self.carried()
        loc = self.header(attrs)
        body = self.region([index, *params], [p.type for p in params])
        return Op("for", [lo, hi, step, *inits], [], attrs, [body], loc)

    def while_(self, types: list[Type]) -> Op:
        attrs: dict[str, Any] = {}
        params, inits = self.carried()
        loc = self.header(attrs)
        carried = [p.type for p in params]
        cond = self.region(params, carried)
        self.expect("do")
        self.expect("{")
        self.blank_line()
        return Op("while", inits, [], attrs, [cond, self.region([], carried)], loc)

    def if_(self, types: list[Type]) -> Op:
        attrs: dict[str, Any] = {}
        cond = self.operand(b1)
        loc = self.header(attrs)
        then = self.region([], types)
        orelse = Region([], [Op("yield", [], loc=self.loc)])
        if self.take("else"):
            self.expect("{")
            self.blank_line()
            orelse = self.region([], types)
        return Op("if", [cond], [], attrs, [then, orelse], loc)

    def carried(self) -> tuple[list[Value], list[Operand]]:
        if not self.take("with"):
            return [], []
        self.expect("(")
        pairs = self.several(self.initial, ")")
        for param, _ in pairs:
            if param.name in self.values:
                raise self.fail(f"%{param.name} is bound twice")
            self.values[param.name] = param
        return [p for p, _ in pairs], [init for _, init in pairs]

    def initial(self) -> tuple[Value, Operand]:
        """`%p: type = init`; the params are not visible in the inits."""
        name = self.next("value")[1:]
        self.expect(":")
        type = self.type()
        self.expect("=")
        return Value(name, type), self.operand(type)

    def header(self, attrs: dict[str, Any]) -> Loc | None:
        """The rest of a control op's first line."""
        while self.take(","):
            self.attribute(attrs)
        self.expect("{")
        return self.end_line()

    def terminator(self, name: str, yields: Sequence[Type]) -> Op:
        if name == "test":
            return Op("test", [self.operand(b1)])
        args: list[Operand] = []
        while self.token.kind not in ("newline", "comment", "end") and not self.sees("until"):
            if args:
                self.expect(",")
            args.append(self.operand(yields[len(args)] if len(args) < len(yields) else None))
        if self.take("until"):
            return Op(name, [*args, self.operand(b1)], attrs={"until": True})
        return Op(name, args)

    # Plain ops.
    def plain(self, name: str, results: list[Type]) -> Op:
        attrs: dict[str, Any] = {}
        raws: list[Value | Literal] = []
        if name in ("load", "store", "update", "view"):
            raws = self.brackets(name, attrs)
        while self.token.kind not in ("newline", "comment", "end"):
            if raws or attrs:
                self.expect(",")
            if self.token.kind == "word" and self.tokens[self.at + 1].text == "=":
                self.attribute(attrs)
            else:
                raws.append(self.raw())
        if name == "dim":
            axis = raws.pop()
            assert isinstance(axis, Literal)
            attrs["axis"] = axis.value
        for key in RESTORED.get(name, ()):
            if results and key not in attrs:
                attrs[key] = implied(key, results[0])
        types = literal_types(name, [r.type if isinstance(r, Value) else None for r in raws], results)
        args = [self.typed(r, t) for r, t in zip(raws, types, strict=True)]
        return Op(name, args, [], attrs)

    def brackets(self, name: str, attrs: dict[str, Any]) -> list[Value | Literal]:
        """`%x[%i, ...]`, and what is stored there."""
        raws = [self.raw()]
        self.expect("[")
        if name == "view":
            attrs["index"] = tuple(self.several(lambda: self.index_item(raws), "]"))
        else:
            raws += self.several(self.raw, "]")
        if name in ("store", "update"):
            self.expect("=" if name == "store" else "+=")
            raws.append(self.raw())
        return raws

    def index_item(self, raws: list[Value | Literal]) -> str:
        """One item of a view's brackets; its operands go to `raws`."""
        if self.take("None"):
            return "n"
        given = ""
        while True:
            if self.sees(":", ",", "]"):
                given += "0"
            else:
                raws.append(self.raw())
                given += "1"
            if not self.take(":"):
                break
        return "i" if given == "1" else given.ljust(3, "0")

    def attribute(self, attrs: dict[str, Any]) -> None:
        key = self.next("word")
        self.expect("=")
        attrs[key] = self.attr_value()

    def attr_value(self) -> Any:
        if self.token.kind == "string":
            return json.loads(self.next("string"))
        if self.token.kind == "number":
            text = self.next("number")
            return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        for word, value in (("None", None), ("True", True), ("False", False)):
            if self.take(word):
                return value
        return self.tuple() if self.take("(") else self.type()

    def tuple(self) -> tuple[Any, ...]:
        """The rest of a Python tuple, trailing comma allowed."""
        items: list[Any] = []
        while not self.take(")"):
            items.append(self.attr_value())
            if not self.sees(")"):
                self.expect(",")
        return tuple(items)
