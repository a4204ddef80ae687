"""Random expressions: floats, conditions, indices and arrays, with values kept in sane ranges."""

from __future__ import annotations

from programs.choices import Choices
from programs.scope import Helper, Scope, Shape, Var

CONSTANTS = ("0.5", "1.0", "2.0", "-0.7", "1.3", "3", "2", "0.25")
SMOOTH = (
    "math.sin({})", "math.tanh({})", "np.cos({})", "math.exp(-({}) ** 2)", "math.exp(math.sin({}))", "math.sqrt(1.0 + ({}) ** 2)",
    "math.log(2.0 + math.cos({}))", "np.arctan({})", "np.tanh({})", "1.0 / (1.5 + np.sin({}))", "math.cos({}) ** 3",
    "abs({})", "max({}, 0.3)", "min(0.4, {})", "np.maximum({}, 0.0)", "({}) ** 2 / 4.0", "(1.2 + math.sin({})) ** 1.5", "np.square({}) / 3",
    "np.hypot({}, 1.0)", "0.5 * ({})", "math.erf({})", "math.fabs({})", "np.log1p(np.exp(-np.abs({})))", "float({})",
)  # fmt: skip
WHOLE = (
    "np.sin({})", "np.tanh({})", "np.cos({})", "0.5 * {}", "-{}", "np.exp(-({}) ** 2)", "np.sqrt(1.0 + {} * {})",
    "np.maximum({}, 0.1)", "{} / 2", "abs({})", "np.where({} > 0.2, {}, 0.3)", "np.arctan({})",
)  # fmt: skip


class Expressions:
    """Expressions as text. `c` decides; a depth of 0 gives leaves."""

    def __init__(self, c: Choices):
        self.c = c

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
        kind = c.weighted(table)
        if kind == "leaf":
            return self.leaf(s)
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
            fits = all(p.kind == "f" or s.of(p.kind, p.shape) for p in h.params)
            if h.result.kind == kind and h.result.shape == shape and fits and not (s.pure and h.writes):
                found.append(h)
        return found

    def call(self, h: Helper, s: Scope, depth: int = 1) -> str:
        args = []
        for p in h.params:
            if p.kind == "f":
                args.append(self.scalar(s, depth - 1))
            else:
                pool = [v for v in s.of(p.kind, p.shape) if not (h.writes and v.name.isupper())]
                args.append(self.c.pick(pool or s.of(p.kind, p.shape)).name)
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

    # Arrays.
    def bounds(self, size: int, s: Scope) -> tuple[str, int]:
        """A slice of an axis, and how many it takes."""
        c = self.c
        options = [":", "1:", ":-1", "::-1", "::2", "1:-1", ":2", "-2:", "1::2", "-1:0:-1", "-1::-2", f"{size // 2}:"]
        text = c.pick(options)
        parts = [int(p) if p else None for p in text.split(":")]
        count = len(range(size)[slice(*parts)])
        if parts[0] is not None and parts[0] > 0 and c.chance(30):
            text = f"{self.number(parts[0], s)}:" + text.split(":", 1)[1]
        return text, count

    def view(self, s: Scope, rank: int | None = None, shape: Shape | None = None) -> tuple[str, Shape] | None:
        """A part of some array that can be written to, as text and shape; none if no such part was found."""
        c = self.c
        if not s.writable():
            return None
        for _ in range(4):
            v = c.pick(s.writable())
            text, dims = v.name, v.shape
            keys, found = [], []
            whole = len(dims) == 2 and c.chance(25)
            for n in dims:
                if len(dims) > 1 and not whole and c.chance(35):
                    keys.append(self.index(n, s))
                    continue
                key, count = self.bounds(n, s)
                keys.append(key)
                found.append(count)
            text = f"{v.name}[{', '.join(keys)}]"
            if keys[-1] == ":" and len(keys) == 2:
                text = f"{v.name}[{keys[0]}]" if c.chance(50) else text
            if len(found) == 2 and c.chance(40):
                text, found = f"{text}.T", found[::-1]
            ok = found and 0 not in found and (rank is None or len(found) == rank)
            if ok and (shape is None or tuple(found) == shape):
                return text, tuple(found)
        return None

    def array_leaf(self, shape: Shape, s: Scope) -> str:
        c = self.c
        names = [v.name for v in s.of("a", shape)]
        if len(shape) == 2:
            names += [f"{v.name}.T" for v in s.of("a", shape[::-1])] * 2
        for _ in range(2):
            part = self.view(s, len(shape), shape)
            if part is not None:
                names.append(part[0])
        if not names:
            return f"np.full({self.sizes(shape, s)}, {self.leaf(s)})"
        return c.pick(names)

    def sizes(self, shape: Shape, s: Scope) -> str:
        texts = [self.number(n, s) for n in shape]
        return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"

    def array(self, shape: Shape, s: Scope, depth: int = 2) -> str:
        """An expression of this shape: fresh memory, unless it is a leaf."""
        c = self.c
        if depth <= 0:
            return self.array_leaf(shape, s)
        table = {"leaf": 14, "whole": 22, "add": 15, "mul": 15, "sub": 8, "scale": 15, "copy": 4}
        table["product"] = 8 if self.product(shape, s) else 0
        table["broadcast"] = 20 if len(shape) == 2 or self.broadcast(shape, s) else 0
        table["call"] = 8 if self.callable(s, "a", shape) else 0
        kind = c.weighted(table)
        if kind == "leaf":
            return self.array_leaf(shape, s)
        if kind == "copy":
            return f"({self.array(shape, s, depth - 1)}).copy()"
        if kind in ("product", "broadcast"):
            return c.pick(getattr(self, kind)(shape, s))
        if kind == "call":
            return self.call(c.pick(self.callable(s, "a", shape)), s)
        inner = self.array(shape, s, depth - 1)
        if kind == "whole":
            pattern = c.pick(WHOLE)
            return pattern.format(*[f"({inner})"] * pattern.count("{}"))
        if kind == "scale":
            return f"({self.scalar(s, 1)}) * ({inner})"
        other = self.array(shape, s, depth - 1)
        return f"({inner}) {dict(add='+', mul='*', sub='-')[kind]} ({other})"

    def broadcast(self, shape: Shape, s: Scope) -> list[str]:
        """Expressions of this shape that sum along axes, or spread along them."""
        found: list[str] = []
        for a in s.arrays(2):
            rows, columns = a.shape
            if shape == (columns,):
                found += [f"np.sum({a.name}, axis=0)", f"{a.name}.mean(axis=0)", f"0.5 * np.sum({a.name}.T, axis=-1)"]
            if shape == (rows,):
                found += [f"{a.name}.sum(axis=1)", f"np.mean({a.name} * {a.name}, axis=1)"]
            if shape == a.shape:
                found += [f"({a.name} - {a.name}.mean(axis=0))",
                          f"{a.name} / (1.0 + np.sum({a.name} ** 2, axis=1, keepdims=True))"]  # fmt: skip
                found += [f"({a.name} * {x.name})" for x in s.of("a", (columns,))]
                found += [f"({x.name}[:, None] - {a.name})" for x in s.of("a", (rows,))]
        if len(shape) == 2:
            column, whole, row = (self.array_leaf(part, s) for part in (shape[:1], shape, shape[1:]))
            found += [f"({column})[:, None] * ({whole})", f"({row}) + ({whole})"]
            for x in s.of("a", shape[:1]):
                found += [f"0.5 * np.outer({x.name}, {y.name})" for y in s.of("a", shape[1:])]
                found += [f"np.maximum({x.name}[:, None], {y.name})" for y in s.of("a", shape[1:])]
        return found

    def product(self, shape: Shape, s: Scope) -> list[str]:
        """Matrix products of this shape."""
        pairs = []
        if len(shape) == 1:
            for a in s.arrays(2):
                pairs += [
                    f"0.3 * ({a.name} @ {x.name})"
                    for x in s.arrays(1)
                    if (a.shape[0],) == shape and x.shape[0] == a.shape[1]
                ]
                pairs += [
                    f"0.3 * ({x.name} @ {a.name})"
                    for x in s.arrays(1)
                    if (a.shape[1],) == shape and x.shape[0] == a.shape[0]
                ]
                pairs += [
                    f"0.3 * np.dot({a.name}.T, {x.name})"
                    for x in s.arrays(1)
                    if (a.shape[1],) == shape and x.shape[0] == a.shape[0]
                ]
        if len(shape) == 2:
            for a in s.arrays(2):
                pairs += [
                    f"0.3 * ({a.name} @ {b.name})"
                    for b in s.arrays(2)
                    if a.shape[1] == b.shape[0] and (a.shape[0], b.shape[1]) == shape
                ]
                pairs += [f"0.3 * ({a.name} @ {a.name}.T)"] * ((a.shape[0], a.shape[0]) == shape)
        return pairs
