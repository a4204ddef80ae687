"""Statements: the regions of the IR as indented lines of Python, with the user's lines as comments."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adcompiler.analysis.alone import alone
from adcompiler.backends.expressions import Expressions, names_called, text_of
from adcompiler.backends.fold import Plan, fold_yields, plan_of
from adcompiler.backends.forms import filled, subscript
from adcompiler.backends.lines import (
    Line,
    added,
    augmented,
    code_of,
    indented,
    is_one_if,
    leaves,
    quoted,
    used_headings,
)
from adcompiler.backends.naming import MODULES, Names
from adcompiler.backends.nodes import negated, number, same, variables
from adcompiler.backends.whole import added_at, element, stored_at
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region, Value
from adcompiler.ir.naming import is_adjoint
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, i64, is_float
from adcompiler.ir.walk import walk

LONGEST_TUPLE = 30  # CPython builds longer ones through a list, which Numba refuses


@dataclass(frozen=True)
class Finish:
    """How a region ends: lines for the operands of its terminator. `jumps`: it may leave a loop or the function."""

    lines: Callable[[Sequence[Operand]], list[Line]]
    jumps: bool = False


def planned(fn: Function) -> tuple[Plan, Names]:
    """What is folded, and the names of the rest."""
    reserved = {"np", "math", "njit", *MODULES}.union(*(names_called(op) for op in walk(fn.body)))
    plan = plan_of(fn)
    names = Names(fn, plan, reserved)
    while fold_yields(plan, fn, names.classes.lonely()):
        names = Names(fn, plan, reserved)
    return plan, names


class Statements:
    """Writes one function."""

    def __init__(self, fn: Function, kernel: bool, comments: bool, materialize: bool = False, **how: bool):
        self.fn, self.comments, self.materialize = fn, comments, materialize
        self.plan, self.names = planned(fn)
        self.x = Expressions(self.names, self.plan, kernel, **how, alone=alone(fn) if how.get("vector") else ())
        self.cite, self.cited = False, 0
        self.unset: set[str] = set()  # variables left without a value on some path
        self.copied: set[str] = set()  # variables whose value is copied to another one
        self.special: dict[str, Callable[[Op], list[Line]]] = {
            "for": self.counted, "while": self.open, "if": self.branch, "store": self.store, "update": self.store,
            "assign": self.assign, "accumulate": self.accumulate, "push": self.push, "raise_if": self.raise_if,
            "print": self.print, "scatter": self.scatter, "scatter_add": self.scatter, "section": self.section,
            "seed": self.effect,
        }  # fmt: skip

    def body(self) -> list[Line]:
        lines = self.block(self.fn.body, Finish(self.leave, jumps=True))
        return list(used_headings(lines))

    def leave(self, operands: Sequence[Operand]) -> list[Line]:
        values = [text_of(self.x.expr(a)) for a in operands]
        if len(values) <= LONGEST_TUPLE:
            return [Line(0, f"return {', '.join(values)}".rstrip())]
        chunks = [values[k : k + LONGEST_TUPLE] for k in range(0, len(values), LONGEST_TUPLE)]
        return [Line(0, "return " + " + ".join(f"({', '.join(chunk)},)" for chunk in chunks))]

    # Blocks.
    def block(self, region: Region, finish: Finish) -> list[Line]:
        lines: list[Line] = []
        for index, op in enumerate(region.ops[:-1]):
            if index == len(region.ops) - 2 and self.is_last_word(op, region.terminator, finish):
                return lines + self.guard(op, region.terminator, finish)
            lines += self.op(op)
        return lines + finish.lines(region.terminator.args)

    def op(self, op: Op) -> list[Line]:
        if op.results and op.results[0] in self.plan.folded:
            return []
        build = self.special.get(op.name)
        if build and op not in self.plan.choices:
            return build(op)
        if len(op.results) > 1:
            targets = ", ".join(self.names[r] for r in op.results)
            return self.stated([Line(0, f"{targets} = {text_of(self.x.op(op))}")], op)
        return self.stated(self.set(op.result, self.x.op(op)), op)

    def stated(self, lines: list[Line], op: Op) -> list[Line]:
        """The lines with the user's statement as a comment, where a new one begins."""
        if not (lines and self.comments and self.cite and op.loc) or op.loc.line == self.cited:
            return lines
        if not self.is_adjoint(op):
            return lines
        self.cited = op.loc.line
        return [replace(lines[0], comment=code_of(op.loc.text)), *lines[1:]]

    def is_adjoint(self, op: Op) -> bool:
        """Does the op belong to the adjoint of a statement, and not just fetch or set up something for it?"""
        if op.regions or (OPS[op.name].kind == "effect" and not op.results):
            return True
        target = op.results[0] if op.results else op.args[0]
        made = OPS[op.name].kind == "alloc"
        return isinstance(target, Value) and not made and is_adjoint(target.name)

    def set(self, target: Value, node: ast.expr) -> list[Line]:
        """`x = e`, or `x += e`."""
        variable = self.names[target]
        if isinstance(node, ast.Name) and node.id == variable:
            return []
        if isinstance(node, ast.IfExp) and variable in (getattr(node.body, "id", ""), getattr(node.orelse, "id", "")):
            return self.kept_or_set(target, node)
        if isinstance(target.type, Scalar):
            return [Line(0, augmented(ast.Name(variable, ast.Load()), node))]
        return [Line(0, f"{variable} = {text_of(node)}")]

    def kept_or_set(self, target: Value, node: ast.IfExp) -> list[Line]:
        """`if c: x = a`, for `x = a if c else x`."""
        variable = ast.Name(self.names[target], ast.Load())
        test, new = node.test, node.body
        if same(node.body, variable):
            test, new = negated(test, exact=False), node.orelse
        return [Line(0, f"if {text_of(test)}:"), Line(1, augmented(variable, new))]

    def moves(self, pairs: Iterable[tuple[Value, Operand]]) -> list[Line]:
        """A parallel assignment, in an order that reads everything before it is overwritten."""
        pending: list[tuple[Value, ast.expr]] = []
        for target, source in pairs:
            definer = self.plan.definer(source)
            if definer is not None and definer.name == "undef" and not self.materialize:
                self.unset.add(self.names[target])
                continue
            node = self.x.expr(source)
            if isinstance(node, ast.Name):
                if node.id == self.names[target]:
                    continue
                self.copied.add(node.id)
            pending.append((target, node))
        lines: list[Line] = []
        while pending:
            ready = next((k for k in range(len(pending)) if self.is_free(pending, k)), None)
            if ready is None:
                targets = ", ".join(self.names[t] for t, _ in pending)
                return [*lines, Line(0, f"{targets} = {', '.join(text_of(n) for _, n in pending)}")]
            lines += self.set(*pending.pop(ready))
        return lines

    def is_free(self, pending: list[tuple[Value, ast.expr]], k: int) -> bool:
        """Does no other pending assignment read the variable that this one overwrites?"""
        target = self.names[pending[k][0]]
        return all(target not in variables(node) for j, (_, node) in enumerate(pending) if j != k)

    # Control flow.
    def branch(self, op: Op) -> list[Line]:
        header = self.stated([Line(0, "if")], op)[0]
        finish = Finish(lambda args: self.moves(zip(op.results, args, strict=True)))
        then, orelse = (self.block(region, finish) for region in op.regions)
        return self.conditional(op, header, then, orelse)

    def is_last_word(self, op: Op, end: Op, finish: Finish) -> bool:
        """Is this `if` all that decides how the region ends? Then its branches end it themselves."""
        if op.name != "if" or op in self.plan.choices or not finish.jumps:
            return False
        if not any(r in end.args for r in op.results):
            return False
        if end.attrs.get("until") and end.args[-1] not in op.results:
            return False
        only = all(self.plan.structure.uses.get(r, [end]) == [end] for r in op.results if r in end.args)
        unread = all(r in end.args or not self.plan.structure.uses.get(r) for r in op.results)
        return only and unread and not any(self.plan.definer(a) for a in end.args)

    def guard(self, op: Op, end: Op, finish: Finish) -> list[Line]:
        header = self.stated([Line(0, "if")], op)[0]

        def through(yields: Sequence[Operand]) -> list[Line]:
            chosen = dict(zip(op.results, yields, strict=True))
            return finish.lines([chosen.get(a, a) if isinstance(a, Value) else a for a in end.args])

        then, orelse = (self.block(region, Finish(through, jumps=True)) for region in op.regions)
        return self.conditional(op, header, then, orelse)

    def conditional(self, op: Op, header: Line, then: list[Line], orelse: list[Line]) -> list[Line]:
        test = self.x.expr(op.args[0])
        if not then and not orelse:
            return []
        if not then or (leaves(orelse) and not leaves(then)):
            test, then, orelse = self.opposite(op.args[0], test), orelse, then
        lines = [replace(header, text=f"if {text_of(test)}:"), *indented(then)]
        if leaves(then) or not orelse:
            return lines + orelse
        if is_one_if(orelse):
            return [*lines, replace(orelse[0], text="el" + orelse[0].text), *orelse[1:]]
        return [*lines, Line(0, "else:"), *indented(orelse)]

    def opposite(self, condition: Operand, test: ast.expr) -> ast.expr:
        definer = self.plan.definer(condition)
        return negated(test, definer is not None and not any(is_float(a.type) for a in definer.args))

    def back(self, op: Op) -> Finish:
        """The end of a loop's body: the next values, and the way out."""

        def lines(args: Sequence[Operand]) -> list[Line]:
            if op.until is None:
                return self.moves(zip(op.carried, args, strict=True))
            *nexts, stop = args
            if isinstance(stop, Const):
                moved = self.moves(zip(op.carried, nexts, strict=True))
                return moved + ([Line(0, "break")] if stop.value else [])
            test = self.x.expr(stop)
            moved = self.moves(zip(op.carried, nexts, strict=True))
            changed = {self.names[c] for c in op.carried}
            kept = {self.names[c] for c, y in zip(op.carried, nexts, strict=True) if self.stays(c, y)}
            saved: list[Line] = []
            if variables(test) & (changed - kept):  # decided before the variables change
                flag = self.names.fresh("stop")
                saved, test = [Line(0, f"{flag} = {text_of(test)}")], ast.Name(flag, ast.Load())
            return [*saved, *moved, Line(0, f"if {text_of(test)}:"), Line(1, "break")]

        return Finish(lines, jumps=op.until is not None)

    def stays(self, carried: Value, source: Operand) -> bool:
        return (
            isinstance(source, Value)
            and self.plan.definer(source) is None
            and (self.names[source] == self.names[carried])
        )

    def counted(self, op: Op) -> list[Line]:
        before = self.moves(zip(op.carried, op.inits, strict=True))
        header = f"for {self.names[op.body.params[0]]} in {text_of(self.range(op))}:"
        lines = [*before, *self.stated([Line(0, header)], op)]
        return lines + indented(self.block(op.body, self.back(op)) or [Line(0, "pass")])

    def range(self, op: Op) -> ast.expr:
        lo, hi, step = op.args[:3]
        a, b, s = self.x.expr(lo), self.x.expr(hi), self.x.expr(step)
        if not op.attrs.get("reversed"):
            if not is_one(step):
                return filled("range({0}, {1}, {2})", a, b, s)
            return filled("range({0})", b) if is_zero(lo) else filled("range({0}, {1})", a, b)
        if is_one(step):
            return filled("range({0}, {1}, -1)", shifted(b, hi, -1), shifted(a, lo, -1))
        if all(isinstance(c, Const) for c in (lo, hi, step)):
            back = range(*(int(c.value) for c in (lo, hi, step) if isinstance(c, Const)))[::-1]
            return filled("range({0}, {1}, {2})", number(back.start), number(back.stop), number(back.step))
        if isinstance(step, Const):
            return self.backwards(lo, hi, int(step.value))
        # The last index is lo + (count - 1) * step, where count = -((lo - hi) // step).
        difference = ast.UnaryOp(ast.USub(), b) if is_zero(lo) else filled("{0} - {1}", a, b)
        last = filled("{0} - ({1} // {2} + 1) * {2}", a, difference, s)
        return filled("range({0}, {1} - {2}, -{2})", last, a, s)

    def backwards(self, lo: Operand, hi: Operand, step: int) -> ast.expr:
        """range(lo, hi, step) from its last index: lo + (hi - lo - 1) // step * step, for a positive step."""
        a, b, size = self.x.expr(lo), self.x.expr(hi), number(abs(step))
        if step < 0:
            if step == -1:
                return filled("range({0}, {1})", shifted(b, hi, 1), shifted(a, lo, 1))
            span = filled("{0} - {1}", a, b) if not is_zero(hi) else a
            first = filled("{0} - {1} // {2} * {2}", a, shifted(span, Value("t", i64), -1), size)
            return filled("range({0}, {1}, {2})", first, shifted(a, lo, 1), size)
        span = filled("{0} - {1}", b, a) if not is_zero(lo) else b
        last = filled("{0} // {1} * {1}", shifted(span, hi if is_zero(lo) else Value("t", i64), -1), size)
        last = last if is_zero(lo) else filled("{0} + {1}", a, last)
        return filled("range({0}, {1}, {2})", last, shifted(a, lo, -1), number(-step))

    def open(self, op: Op) -> list[Line]:
        before = self.moves(zip(op.carried, op.inits, strict=True))
        cite = self.stated([Line(0, "while")], op)[0]
        go = op.regions[0].terminator.args[0]
        head = self.block(op.regions[0], Finish(lambda args: []))
        body = self.block(op.body, self.back(op))
        test = self.x.expr(go)
        if head:
            head += [Line(0, f"if {text_of(self.opposite(go, test))}:"), Line(1, "break")]
            test = ast.Constant(True)
        header = replace(cite, text=f"while {text_of(test)}:")
        return [*before, header, *indented([*head, *body] or [Line(0, "pass")])]

    # Memory and effects.
    def store(self, op: Op) -> list[Line]:
        target = self.x.element(op.args[0], op.args[1:-1])
        value = self.x.expr(op.args[-1])
        if op.name == "store":
            return self.stated([Line(0, augmented(target, value))], op)
        return self.stated([Line(0, added(target, value))], op)

    def scatter(self, op: Op) -> list[Line]:
        """x[i] = v and np.add.at(x, i, v), or the helpers for them."""
        value = self.whole(op.args[0], op.args[-1])
        if op.name == "scatter_add":
            return self.stated([Line(0, text_of(added_at(self.x, op, value)))], op)
        if self.x.kernel:
            return self.stated([Line(0, text_of(stored_at(self.x, op, value)))], op)
        return self.stated([Line(0, f"{text_of(element(self.x, op))} = {text_of(value)}")], op)

    def assign(self, op: Op) -> list[Line]:
        view, value = op.args
        target = self.x.expr(view)
        if not isinstance(target, ast.Subscript):
            target = everything(target, view)
        return self.stated([Line(0, f"{text_of(target)} = {text_of(self.whole(view, value))}")], op)

    def accumulate(self, op: Op) -> list[Line]:
        view, value = op.args
        node, definer = self.whole(view, value), self.plan.definer(value)
        if isinstance(node, ast.UnaryOp) and definer is not None and definer.name == "neg":
            node.operand = self.whole(view, definer.args[0])  # becomes -=: nothing in between holds the value
        target = self.x.expr(view)
        if not isinstance(target, ast.Name | ast.Subscript):
            target = subscript(target, [ast.Slice(None, None, None)])  # a.T += b would set the attribute
        return self.stated([Line(0, added(target, node))], op)

    def whole(self, target: Operand, value: Operand) -> ast.expr:
        """The value; read in full first if it may be memory that the target shares (NumPy's meaning, not Numba's)."""
        node = self.x.expr(value)
        definer = self.plan.definer(value)
        is_handle = definer is None or definer.name in CONTROL or OPS[definer.name].kind == "view"
        if is_handle and value is not target and self.plan.aliases.may_alias(target, value):
            return filled("{0}.copy()", node)
        return node

    def push(self, op: Op) -> list[Line]:
        tape, value = op.args
        return self.stated([Line(0, f"{text_of(self.x.expr(tape))}.append({text_of(self.x.expr(value))})")], op)

    def raise_if(self, op: Op) -> list[Line]:
        error, message = op.attrs["error"], op.attrs.get("message", "")
        if not hasattr(builtins, error):
            error, message = "ValueError", f"{error}: {message}"
        test = text_of(self.x.expr(op.args[0]))
        return self.stated([Line(0, f"if {test}:"), Line(1, f"raise {error}({quoted(message)})")], op)

    def print(self, op: Op) -> list[Line]:
        operands = iter(op.args)
        parts = op.attrs.get("parts", (None,) * len(op.args))
        shown = [text_of(self.x.expr(next(operands))) if p is None else quoted(p) for p in parts]
        return self.stated([Line(0, f"print({', '.join(shown)})")], op)

    def effect(self, op: Op) -> list[Line]:
        """An op without results, by its template."""
        return self.stated([Line(0, text_of(filled(OPS[op.name].emit, *self.x.exprs(op.args))))], op)

    def section(self, op: Op) -> list[Line]:
        text = op.attrs["text"]
        self.cite, self.cited = op.attrs.get("cite", text.startswith("reverse")), 0
        return [Line(0, f"# {text}")]


def everything(target: ast.expr, view: Operand) -> ast.expr:
    """target[:], target[...]"""
    vector = isinstance(view.type, Array) and view.type.rank == 1
    return subscript(target, [ast.Slice(None, None, None) if vector else ast.Constant(...)])


def is_one(operand: Operand) -> bool:
    return isinstance(operand, Const) and operand.value == 1


def is_zero(operand: Operand) -> bool:
    return isinstance(operand, Const) and operand.value == 0


def shifted(node: ast.expr, operand: Operand, by: int) -> ast.expr:
    """operand + by, computed now where it is a literal."""
    if isinstance(operand, Const):
        return number(int(operand.value) + by)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and isinstance(node.right, ast.Constant):
        known: Any = node.right.value
        total = (known if isinstance(node.op, ast.Add) else -known) + by
        return filled(f"{{0}} {'-' if total < 0 else '+'} {abs(total)}", node.left) if total else node.left
    return filled(f"{{0}} {'-' if by < 0 else '+'} {abs(by)}", node)
