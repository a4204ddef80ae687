"""Random expressions: floats, conditions and indices, with values kept in sane ranges."""

from __future__ import annotations

from programs.choices import Choices
from programs.fragments import NUMBERS, Table
from programs.scope import Helper, Scope, Shape, Var

CONSTANTS = ("0.5", "1.0", "2.0", "-0.7", "1.3", "3", "2", "0.25")
SMOOTH = (
    "math.sin({})", "math.tanh({})", "np.cos({})", "math.exp(-({}) ** 2)", "math.exp(math.sin({}))", "math.sqrt(1.0 + ({}) ** 2)",
    "math.log(2.0 + math.cos({}))", "np.arctan({})", "np.tanh({})", "1.0 / (1.5 + np.sin({}))", "math.cos({}) ** 3",
    "abs({})", "max({}, 0.3)", "min(0.4, {})", "np.maximum({}, 0.0)", "({}) ** 2 / 4.0", "(1.2 + math.sin({})) ** 1.5", "np.square({}) / 3",
    "np.hypot({}, 1.0)", "0.5 * ({})", "math.erf({})", "math.fabs({})", "np.log1p(np.exp(-np.abs({})))", "float({})",
)  # fmt: skip


class Expressions:
    """Expressions as text. `c` decides; a depth of 0 gives leaves. What makes arrays is in `Arrays`."""

    def __init__(self, c: Choices):
        self.c = c

    def fragment(self, table: Table, shape: Shape, s: Scope, depth: int) -> str | None:
        raise NotImplementedError

    # Integers and indices.
    def number(self, value: int, s: Scope) -> str:
        """An expression whose value is `value`."""
        options = [str(value)]
        for v in s.names.values():
            if v.kind == "i" and v.interval == (value, value):
                options.append(v.name)
            if v.kind == "a":
                options += [f"len({v.name})"] * (v.shape[0] == value)
                options += [f"{v.name}.shape[{k}]" for k, n in enumerate(v.shape) if n == value]
                options += [f"len({v.name}) - 1"] * (v.shape[0] == value + 1)
                options += [f"{v.name}.shape[-1] - 2"] * (v.shape[-1] == value + 2)
        return self.c.pick(options)

    def ints(self, s: Scope) -> list[Var]:
        return s.of("i")

    def integer(self, s: Scope) -> str:
        """Any integer."""
        names = [v.name for v in self.ints(s)]
        options = ["1", "2", *names, *(f"{n} + 1" for n in names), *(f"2 * {n}" for n in names)]
        options += [f"{a} - {b}" for a in names for b in names[:2]]
        if s.of("f"):
            options.append(f"int(4.0 * {self.c.pick(s.of('f')).name})")
        return self.c.pick(options)

    def index(self, size: int, s: Scope) -> str:
        """An index that is inside an axis of this size."""
        c = self.c
        options: list[str] = [str(c.integer(0, size - 1))]
        for v in self.ints(s):
            if v.interval is None:
                continue
            lo, hi = v.interval
            for text, a, b in (
                (v.name, lo, hi), (f"{v.name} - 1", lo - 1, hi - 1), (f"{v.name} + 1", lo + 1, hi + 1),
                (f"-{v.name} - 1", -hi - 1, -lo - 1), (f"{size - 1} - {v.name}", size - 1 - hi, size - 1 - lo),
                (f"2 * {v.name}", 2 * lo, 2 * hi),
            ):  # fmt: skip
                if -size <= a and b < size:
                    options += [text] * (3 if text == v.name and lo < hi else 1)
        options.append(str(-c.integer(1, size)))
        options.append(f"({self.integer(s)}) % {size}")
        return c.pick(options)

    def element(self, v: Var, s: Scope) -> str:
        text, shape = v.name, v.shape
        if len(shape) == 2 and self.c.chance(15):
            text, shape = f"{text}.T", shape[::-1]
        return f"{text}[{', '.join(self.index(n, s) for n in shape)}]"

    # Floats.
    def leaf(self, s: Scope) -> str:
        c = self.c
        floats, arrays = s.of("f"), s.of("a")
        table = {"name": 40 if floats else 0, "element": 40 if arrays else 0, "constant": 10}
        table["int"] = 6 if self.ints(s) else 0
        table["tuple"] = 10 if s.of("t") else 0
        table["sum"] = 8 if arrays else 0
        table["dot"] = 4 if s.arrays(1) else 0
        kind = c.weighted(table)
        if kind == "name":
            return c.pick(floats).name
        if kind == "element":
            return self.element(c.pick(arrays), s)
        if kind == "int":
            return f"0.5 * {c.pick(self.ints(s)).name}"
        if kind == "tuple":
            t = c.pick(s.of("t"))
            return f"{t.name}[{c.integer(-t.shape[0], t.shape[0] - 1)}]"
        if kind == "sum":
            a = c.pick(arrays).name
            return c.pick([f"np.sum({a})", f"{a}.sum()", f"np.sum({a} * {a})", f"np.sum(np.sin({a}))", f"np.mean({a})"])
        if kind == "dot":
            a = c.pick(s.arrays(1))
            b = c.pick(s.arrays(1)[::-1] if a.shape == s.arrays(1)[-1].shape else [a])
            return c.pick(
                [f"np.dot({a.name}, {b.name})", f"{a.name} @ {b.name}"]
                if b.shape == a.shape
                else [f"{a.name} @ {a.name}"]
            )
        return c.pick(CONSTANTS)

    def scalar(self, s: Scope, depth: int = 2) -> str:
        c = self.c
        if depth <= 0:
            return self.leaf(s)
        table = {"leaf": 20, "add": 18, "mul": 18, "sub": 8, "smooth": 25, "neg": 3, "div": 3, "choice": 5}
        table["call"] = 10 if self.callable(s, "f") else 0
        table["lambda"] = 10 if s.of("c") else 0
        table["reduced"] = 16 if s.of("a") else 0
        kind = c.weighted(table)
        if kind == "leaf":
            return self.leaf(s)
        if kind == "reduced":
            return self.fragment(NUMBERS, (), s, depth) or self.leaf(s)
        if kind == "smooth":
            return c.pick(SMOOTH).format(self.scalar(s, depth - 1))
        if kind == "neg":
            return f"-({self.scalar(s, depth - 1)})"
        if kind == "choice":
            return f"({self.scalar(s, depth - 1)} if {self.condition(s, 1)} else {self.scalar(s, depth - 1)})"
        if kind == "call":
            return self.call(c.pick(self.callable(s, "f")), s, depth)
        if kind == "lambda":
            return f"{c.pick(s.of('c')).name}({self.scalar(s, depth - 1)})"
        a, b = self.scalar(s, depth - 1), self.scalar(s, depth - 1)
        if kind == "div":
            return f"({a}) / (2.0 + ({b}) ** 2)"
        return f"({a}) {dict(add='+', mul='*', sub='-')[kind]} ({b})"

    # Calls of the module's helpers.
    def callable(self, s: Scope, kind: str, shape: Shape = ()) -> list[Helper]:
        found = []
        for h in s.helpers:
            fits = all(p.kind == "f" or self.given(p, h, s) for p in h.params)
            if h.result.kind == kind and h.result.shape == shape and fits and not (s.pure and h.writes):
                found.append(h)
        return found

    def given(self, p: Var, h: Helper, s: Scope) -> list[Var]:
        """What can be given for a parameter that is no number; a record that is changed must be one that may be."""
        found = [v for v in s.of(p.kind, p.shape) if p.kind == "a" or p.fixed or not v.fixed]
        return [v for v in found if not (h.writes and v.name.isupper())] or found

    def call(self, h: Helper, s: Scope, depth: int = 1) -> str:
        args = []
        for p in h.params:
            if p.kind == "f":
                args.append(self.scalar(s, depth - 1))
            else:
                args.append(self.c.pick(self.given(p, h, s)).name)
        if h.params and self.c.chance(15):
            args[-1] = f"{h.params[-1].name}={args[-1]}"
        return f"{h.name}({', '.join(args)})"

    # Conditions.
    def condition(self, s: Scope, depth: int = 1) -> str:
        c = self.c
        table = {"compare": 40, "int": 12 if self.ints(s) else 0, "chain": 8}
        if depth > 0:
            table |= {"and": 8, "or": 8, "not": 4}
        kind = c.weighted(table)
        if kind == "compare":
            return f"{self.scalar(s, 1)} {c.pick(('<', '>', '<=', '>='))} {c.pick(('0.3', '0.0', self.leaf(s)))}"
        if kind == "int":
            v = c.pick(self.ints(s)).name
            return c.pick([f"{v} % 2 == 0", f"{v} > 1", f"{v} != 2", f"{v} == 1", f"{v} < 2"])
        if kind == "chain":
            return f"-0.5 < {self.scalar(s, 1)} <= {self.leaf(s)}"
        if kind == "not":
            return f"not ({self.condition(s, depth - 1)})"
        return f"({self.condition(s, depth - 1)}) {kind} ({self.condition(s, depth - 1)})"
