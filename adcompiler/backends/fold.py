"""Which values need no variable: single-use expressions are printed inside the expression that uses them.

Before:  %t = load %x[%i];  %u = mul %t, 2.0;  store %y[%i] = %u
After:   y[i] = x[i] * 2.0

Folding moves an op's evaluation down to its use, so nothing that it conflicts with may stand in between:
a write to memory that it reads, or another effect or possible error where it may raise itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from adcompiler.analysis.alias import Aliases
from adcompiler.backends.conflicts import Effects, effects_of
from adcompiler.errors import InternalError
from adcompiler.ir.core import CONTROL, TERMINATORS, Const, Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.naming import is_adjoint, is_temporary, load_name
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Scalar
from adcompiler.ir.walk import Structure, walk

WIDTH = 76  # the longest expression that folding builds, in columns
_UNFOLDABLE = frozenset({"alloc", "tape", "undef", "effect", "comment"})
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
OFFSETS = ("add", "sub", "mul")
SUFFIXES = {"view": "_view", "transpose": "_T", "copy": "_copy"}  # of values that the frontend names
REPEATS = 4  # an element is read again up to so often instead of being given a name
SHOWN = ("axis", "keepdims", "spec")  # attributes that are printed
ATOM = 14  # the longest element, view or size that is repeated, in columns


def is_unnamed(value: Value, definer: Op | None) -> bool:
    """Is the name the compiler's, so that the value may go without a variable?"""
    if is_temporary(value.name):
        return True
    if definer is None or not definer.args or not isinstance(array := definer.args[0], Value):
        return False
    if definer.name == "load":
        return value.name == load_name(array, definer.args[1:])
    return value.name == f"{array.name}{SUFFIXES.get(definer.name, '?')}"


@dataclass
class Plan:
    """`folded`: values printed at their use (`repeated`: at each of several). `choices`: `if` ops printed as
    `a if c else b`."""

    structure: Structure
    aliases: Aliases
    folded: set[Value] = field(default_factory=set)
    repeated: set[Value] = field(default_factory=set)
    choices: set[Op] = field(default_factory=set)
    width: dict[Value, int] = field(default_factory=dict)  # of folded expressions, in columns

    def definer(self, operand: Operand) -> Op | None:
        """The op behind a folded operand."""
        if isinstance(operand, Value) and operand in self.folded:
            return self.structure.definer[operand]
        return None

    def leaves(self, *operands: Operand) -> list[Value]:
        """The variables that evaluating the operands reads."""
        found: list[Value] = []
        for operand in operands:
            inner = self.definer(operand)
            if inner is not None:
                found += self.reads(inner)
            elif isinstance(operand, Value):
                found.append(operand)
        return found

    def reads(self, op: Op) -> list[Value]:
        """The variables that a one-expression op reads, arms of a choice included."""
        found = self.leaves(*op.args)
        if op in self.choices:
            for region in op.regions:
                found += self.leaves(*region.terminator.args)
        return found


class Folder:
    """Makes the plan of a function."""

    def __init__(self, fn: Function):
        structure = Structure(fn)
        self.plan = Plan(structure, Aliases(fn, structure))
        self.effects: dict[Op, Effects] = {}
        self.phis = {v for op in walk(fn.body) if op.name in CONTROL for v in [*op.results]}
        self.phis |= {p for op in walk(fn.body) if op.name in ("for", "while") for p in op.carried}
        self.flows = {a for op in walk(fn.body) for a in _flowing(op) if isinstance(a, Value)}
        self.count: dict[Value, int] = {}
        for op in walk(fn.body):
            for arg in op.args:
                if isinstance(arg, Value):
                    self.count[arg] = self.count.get(arg, 0) + 1

    def run(self, fn: Function) -> Plan:
        self.plan.folded |= {op.result for op in walk(fn.body) if op.name == "undef"}
        for op in walk(fn.body):
            if op.name in ("load", "view", "dim", *COMPARISONS) or self.is_offset(op):
                self.repeat(op)
        self.region(fn.body, returns=True)
        return self.plan

    def effects_of(self, op: Op) -> Effects:
        if op not in self.effects:
            self.effects[op] = effects_of(op, self.plan.aliases)
        return self.effects[op]

    def whole_effects(self, op: Op) -> Effects:
        """The effects of the op and of all that is folded into it."""
        total = Effects()
        for inner in self.tree(op):
            total |= self.effects_of(inner)
        return total

    def region(self, region: Region, yields: bool = False, returns: bool = False) -> None:
        """Fold within a region; `yields`: also into what it yields; `returns`: it ends in a return."""
        for index, op in enumerate(region.ops):
            last = returns and index == len(region.ops) - 2 and op.name == "if"
            returned = last and any(r in region.terminator.args for r in op.results)
            for inner in op.regions:
                self.region(inner, yields=returned, returns=returned)
            if op.name == "if":
                self.try_choice(op, region, index)
            if op.name == "yield" and not yields:
                if op.attrs.get("until"):
                    self.into(op, region, index, [op.args[-1]])
            else:
                self.into(op, region, index, self.places(op))

    def is_offset(self, op: Op) -> bool:
        """`i - 1`, `2 * i`: an integer and a literal."""
        return op.name in OFFSETS and op.result.type == Scalar("i64") and any(isinstance(a, Const) for a in op.args)

    def repeat(self, op: Op) -> None:
        """Print `x[i]`, `x[1:]` or `len(x)` at each of its few uses: shorter than a name for it, and no dearer."""
        uses = self.plan.structure.uses.get(op.result, [])
        few = self.count.get(op.result, 0) <= REPEATS or op.name in OFFSETS
        if not few or self.count.get(op.result, 0) < 2 or not is_unnamed(op.result, op):
            return
        size = self.expression_size(op)
        if size > ATOM or any(not self.takes(u, op.result) for u in uses):
            return
        if op.name == "dim" and op.args[0].type.rank > 1 and self.count[op.result] > 2:  # type: ignore[union-attr]
            return
        if op.name in ("load", "view"):
            stable = self.unchanged(op, uses)
        else:
            stable = all(isinstance(a, Const) or a not in self.flows | self.phis for a in op.args)
            stable = stable and all(isinstance(a.type, Scalar) for a in op.args if op.name != "dim")
            # An operand that is printed as an expression too may read memory.
            stable = stable and (self.whole_effects(op) == Effects() or self.unchanged(op, uses))
        if stable:
            self.plan.folded.add(op.result)
            self.plan.repeated.add(op.result)
            self.plan.width[op.result] = size

    def takes(self, user: Op, value: Value) -> bool:
        """May all uses of the value in `user` be expressions?"""
        places = self.places(user)
        return user.name != "yield" and sum(a is value for a in places) == sum(a is value for a in user.args)

    def unchanged(self, op: Op, uses: list[Op]) -> bool:
        """Is the memory that the op reads the same at all of its uses, which stand in its region or in branches?"""
        place, mine = self.plan.structure.place, self.whole_effects(op)
        here, last = place[op], 0
        for user in uses:
            stands = self.branch_of(user, here.region)
            if stands is None or (stands is not user and (mine.raises or mine.conflicts(self.effects_of(stands)))):
                return False
            last = max(last, place[stands].index)
        return not any(mine.conflicts(self.effects_of(o)) for o in here.region.ops[here.index + 1 : last])

    def branch_of(self, user: Op, region: Region) -> Op | None:
        """The op of the region that is `user`, or an `if` around it with nothing but ifs between."""
        op = user
        while self.plan.structure.place[op].region is not region:
            owner = self.plan.structure.place[op].owner
            if owner is None or owner.name != "if":
                return None
            op = owner
        return op

    def places(self, op: Op) -> list[Operand]:
        """The operands of `op` that may be expressions, in order of evaluation."""
        if op.name == "for":
            return op.args[1:2] if op.attrs.get("reversed") else op.args[:3]
        if op.name == "while":
            return []
        if op.name in ("load", "store", "update"):
            return op.args[1:]
        if op.name in ("push", "pop"):
            return op.args[1:]
        return op.args

    def into(self, op: Op, region: Region, index: int, operands: list[Operand]) -> None:
        """Fold what can be folded into `op`, the rightmost operand first: it is evaluated last."""
        later: set[Op] = set()
        room = WIDTH - sum(self.size(a) for a in op.args)
        for operand in reversed(operands):
            definer = self.candidate(operand, region, op, index)
            if definer is None or not isinstance(operand, Value):
                continue
            grown = self.expression_size(definer)
            if grown - len(operand.name) > room or self.blocked(definer, region, index, later):
                continue
            self.plan.folded.add(operand)
            self.plan.width[operand] = grown
            room -= grown - len(operand.name)
            later |= self.tree(definer)
        if op.results and op.results[0] not in self.plan.repeated:
            self.plan.width[op.results[0]] = len(op.results[0].name)

    def candidate(self, operand: Operand, region: Region, user: Op, index: int) -> Op | None:
        """The op to fold, if the operand is a single-use expression of this region that needs no name."""
        if not isinstance(operand, Value) or self.count.get(operand) != 1 or operand in self.plan.folded:
            return None
        op = self.plan.structure.definer.get(operand)
        if op is None or self.plan.structure.place[op].region is not region or len(op.results) != 1:
            return None
        if op.regions and op not in self.plan.choices:
            return None
        if not op.regions and not self.is_expression(op):
            return None
        if not self.unnamed(operand, op, user):
            return None
        if (
            user.name in ("and", "or")
            and operand is user.args[1]
            and any(self.effects_of(o).raises for o in self.tree(op))
        ):
            return None  # the right side of `and` is not always evaluated
        if user.results and user.results[0] in self.plan.repeated:
            if any(self.effects_of(o) != Effects() for o in self.tree(op)):
                return None  # it is printed further down
        if user.name == "dim" and OPS[op.name].kind != "view":
            return None
        return op

    def is_expression(self, op: Op) -> bool:
        entry = OPS[op.name]
        return not entry.writes and not entry.ordered and entry.kind not in _UNFOLDABLE

    def unnamed(self, value: Value, op: Op, user: Op) -> bool:
        """May the value go without a variable? Conditions, temporaries and adjoints may, and what is returned."""
        if is_unnamed(value, op) or is_adjoint(value.name) or user.name in TERMINATORS:
            return True
        return user.name in ("if", "raise_if") and value.type == Scalar("b1")

    def tree(self, op: Op) -> set[Op]:
        """The op and all that is folded into it."""
        found = {op}
        operands = list(op.args)
        if op in self.plan.choices:
            operands += [a for region in op.regions for a in region.terminator.args]
        for arg in operands:
            inner = self.plan.definer(arg)
            if inner is not None:
                found |= self.tree(inner)
        return found

    def blocked(self, definer: Op, region: Region, index: int, later: set[Op]) -> bool:
        """Does anything between the op and its use forbid to move it, or make it a bad idea?"""
        moved = {o for o in self.tree(definer) if self.plan.structure.place[o].region is region}
        place = self.plan.structure.place
        first = min(place[o].index for o in moved)
        between = [o for o in region.ops[first + 1 : index] if o not in moved and o not in later]
        for op in moved:
            mine = self.effects_of(op)
            if any(place[o].index > place[op].index and mine.conflicts(self.effects_of(o)) for o in between):
                return True
        # Statements in between: a loop's variable read further down could no longer be updated in place.
        statements = [o for o in between if self.is_statement(o) and place[o].index > place[definer].index]
        return bool(statements) and any(leaf in self.phis for leaf in self.plan.reads(definer))

    def is_statement(self, op: Op) -> bool:
        return op.name not in ("undef", "section") and not (op.results and op.results[0] in self.plan.folded)

    # Widths, roughly: enough to keep lines readable.
    def size(self, operand: Operand) -> int:
        if isinstance(operand, Const):
            return len(str(operand.value)) + (12 if operand.type.dtype in ("f32", "i32") else 0)
        return self.plan.width.get(operand, len(operand.name))

    def expression_size(self, op: Op) -> int:
        if op.regions:
            return 11 + self.size(op.args[0]) + sum(self.size(r.terminator.args[0]) for r in op.regions)
        template = len(re.sub(r"{.*?}", "", OPS[op.name].emit)) if op.name in OPS else 0
        around = template + 1 if template else 2 * (len(op.args) - 1)
        around += sum(len(f", {key}={value}") for key, value in op.attrs.items() if key in SHOWN and value)
        return around + sum(self.size(a) for a in op.args)

    def try_choice(self, op: Op, region: Region, index: int) -> None:
        """Print the `if` as a conditional expression where both arms are short expressions."""
        if len(op.results) != 1 or not isinstance(op.results[0].type, Scalar):
            return
        if self.is_update(op) or self.is_guard(op, region, index):
            return
        before = set(self.plan.folded)
        for inner in op.regions:
            self.region(inner, yields=True)
        whole = all(o.result in self.plan.folded for r in op.regions for o in r.ops[:-1] if len(o.results) == 1)
        whole = whole and all(len(o.results) == 1 and not o.regions for r in op.regions for o in r.ops[:-1])
        if whole and self.expression_size(op) <= WIDTH and not self.has_undef(op):
            self.plan.choices.add(op)
        else:
            self.plan.folded = before

    def is_update(self, op: Op) -> bool:
        """`if c: x = ...`, one arm of which leaves the variable as it is."""
        name = op.results[0].name
        outside = [
            y for r in op.regions for y in yielded(r) if isinstance(y, Value) and len(r.ops) == 1 and y.name == name
        ]
        return bool(outside) and not is_temporary(name)

    def is_guard(self, op: Op, region: Region, index: int) -> bool:
        """The last op before `yield ... until`: its branches leave the loop or stay."""
        end = region.terminator
        return index == len(region.ops) - 2 and bool(end.attrs.get("until")) and op.results[0] in end.args

    def has_undef(self, op: Op) -> bool:
        definers = (
            self.plan.structure.definer.get(y) for r in op.regions for y in r.terminator.args if isinstance(y, Value)
        )
        return any(d is not None and d.name == "undef" for d in definers)


def _flowing(op: Op) -> list[Operand]:
    """What the op hands on to a variable of a loop or branch."""
    if op.name in ("for", "while"):
        return op.inits
    return op.args if op.name == "yield" else []


def plan_of(fn: Function) -> Plan:
    """What is folded in `fn`."""
    if not fn.body.ops:
        raise InternalError(f"function {fn.name} has no body")
    return Folder(fn).run(fn)


def fold_yields(plan: Plan, fn: Function, lonely: set[Value]) -> bool:
    """Fold values that a loop or branch yields and that share no variable with what they become."""
    folder = Folder(fn)
    folder.plan, changed = plan, False
    for op in walk(fn.body):
        for region in op.regions:
            if op in plan.choices or region.terminator.name != "yield":
                continue
            end, before = region.terminator, len(plan.folded)
            folder.into(end, region, len(region.ops) - 1, [y for y in yielded(region) if y in lonely])
            changed |= len(plan.folded) > before
    return changed
