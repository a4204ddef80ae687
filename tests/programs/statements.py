"""Random statements: numbers, control flow, and blocks of all kinds."""

from __future__ import annotations

from programs.choices import Choices
from programs.scope import Scope, Shape, Var
from programs.structures import Structures, indented
from programs.weights import LOOPS, OTHERS, SCALARS, WRITES
from programs.writes import Lines

MOST_TRIPS = 48


class Statements(Structures):
    """Blocks of statements. Each statement gives its lines, and says whether control never passes its end."""

    def __init__(self, c: Choices):
        super().__init__(c)
        self.budget, self.counter, self.exits = 0, 0, 0

    def fresh(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"

    def block(self, s: Scope, count: int) -> tuple[Lines, bool]:
        lines: Lines = []
        for _ in range(count):
            if self.budget <= 0:
                break
            self.budget -= 1
            more, left = self.statement(s)
            lines += more
            if left:
                return lines, True
        return lines or ["pass"], False

    def statement(self, s: Scope) -> tuple[Lines, bool]:
        c = self.c
        nest = s.depth < 4 and self.budget > 0
        table = {kind: weight for group in (SCALARS, WRITES, OTHERS) for kind, weight in group.items()}
        if nest:
            table |= {kind: w for kind, w in LOOPS.items() if kind == "branch" or s.trips * 2 <= MOST_TRIPS}
        if s.depth > 0 and s.loop:
            table |= {"leave": 8}
        if s.depth > 0 and s.returns:
            table |= {"early": 3}
        kind = c.weighted(table)
        made = getattr(self, kind)(s)
        if made is None:  # nothing of the kind is possible here
            return self.new_float(s), False
        return made if isinstance(made, tuple) else (made, False)

    # Scalars.
    def new_float(self, s: Scope) -> Lines:
        name = self.fresh("t")
        value = self.damped(s)
        if self.c.chance(8):
            value = self.c.pick(("0", "0.0", "1"))
        s.add(Var(name, "f"))
        return [f"{name} = {value}"]

    def set_float(self, s: Scope) -> Lines | None:
        names = s.assignable("f")
        return [f"{self.c.pick(names).name} = {self.damped(s)}"] if names else None

    def add_float(self, s: Scope) -> Lines | None:
        names = s.assignable("f")
        if not names:
            return None
        name, c = self.c.pick(names).name, self.c
        return c.pick(
            [[f"{name} += {self.damped(s)}"], [f"{name} -= {self.damped(s)}"], [f"{name} *= {self.factor(s)}"]]
        )

    def pair(self, s: Scope) -> Lines | None:
        names = s.assignable("f")
        if len(names) < 2:
            return None
        a, b = self.c.pick(names).name, self.c.pick(names[::-1]).name
        if a == b:
            return [f"{a} = {self.damped(s)}"]
        return self.c.pick([[f"{a}, {b} = {b}, {a}"], [f"{a}, {b} = {self.damped(s, 1)}, 0.5 * {a}"]])

    def both(self, s: Scope) -> Lines:
        a, b = self.fresh("t"), self.fresh("t")
        value = self.damped(s)
        s.add(Var(a, "f"))
        s.add(Var(b, "f"))
        return [f"{a} = {b} = {value}"]

    def new_int(self, s: Scope) -> Lines:
        name, value = self.fresh("k"), self.integer(s)
        s.add(Var(name, "i"))
        return [f"{name} = {value}"]

    def set_int(self, s: Scope) -> Lines | None:
        names = s.assignable("i")
        if not names:
            return None
        name = self.c.pick(names).name
        return self.c.pick([[f"{name} += 1"], [f"{name} = ({self.integer(s)}) % 5"]])

    def flag(self, s: Scope) -> Lines:
        name, value = self.fresh("b"), self.condition(s)
        s.add(Var(name, "b"))
        return [f"{name} = {value}"]

    # Control flow.
    def branch(self, s: Scope) -> tuple[Lines, bool]:
        c, lines, ends = self.c, [f"if {self.condition(s)}:"], []
        while True:
            inner = s.child()
            body, left = self.block(inner, c.integer(1, 3))
            lines += indented(body)
            if not left:
                ends.append(inner)
            if lines[-1] == "" or lines.count("else:"):
                pass
            if "else:" in [line for line in lines if not line.startswith(" ")]:
                break
            choice = c.weighted({"none": 4, "else": 5, "elif": 3})
            if choice == "none":
                return lines, False
            lines.append("else:" if choice == "else" else f"elif {self.condition(s)}:")
        if ends:
            s.meet(ends)
        return lines, not ends

    def leave(self, s: Scope) -> tuple[Lines, bool]:
        self.exits += 1
        return [self.c.pick(("break", "continue"))], True

    def early(self, s: Scope) -> tuple[Lines, bool]:
        self.exits += 1
        return [self.result(s)], True

    def result(self, s: Scope) -> str:
        assert s.returns is not None
        values = [self.total(s) if v.kind == "f" else self.returned(v.shape, s) for v in s.returns]
        return f"return {', '.join(values)}"

    def total(self, s: Scope) -> str:
        """A number that depends on some of what was computed last."""
        latest = [v.name for v in s.of("a")[-3:] if self.c.chance(40)]
        return " + ".join([self.scalar(s), *(f"0.5 * np.sum(np.sin({name}))" for name in latest)])

    def returned(self, shape: Shape, s: Scope) -> str:
        names = [v.name for v in s.of("a", shape)]
        return self.c.pick([*names, self.array(shape, s, 1)])

    def body(self, s: Scope, lines: Lines, inner: Scope, certain: bool) -> tuple[Lines, bool]:
        """A loop's head, body and perhaps its else; what it certainly binds is in sight afterwards."""
        before = self.exits
        body, left = self.block(inner, self.c.integer(1, 4))
        lines = [*lines, *indented(body)]
        if certain and self.exits == before and not left:
            inner.names = {n: v for n, v in inner.names.items() if v.kind != "c"}
            s.meet([inner])
        if self.c.chance(12):
            otherwise, _ = self.block(s.child(), 1)
            lines += ["else:", *indented(otherwise)]
        return lines, False

    def counted(self, s: Scope) -> tuple[Lines, bool]:
        c = self.c
        head, indices = self.range(s)
        interval = (min(indices), max(indices)) if indices else (0, 0)
        name = self.fresh("i")
        inner = s.child(trips=s.trips * max(2, len(indices)), loop=True)
        inner.add(Var(name, "i", interval=interval))
        certain = bool(indices) and not head.startswith("range((")
        if not c.chance(60):
            certain = False
        return self.body(s, [f"for {name} in {head}:"], inner, certain)

    def range(self, s: Scope) -> tuple[str, range]:
        """A range as text, and the indices that it runs over at most."""
        c = self.c
        sizes = [n for v in s.of("a") for n in v.shape] or [3]
        n = c.pick(sizes)
        if c.chance(12):
            return f"range(({self.integer(s)}) % 4)", range(4)
        lo, hi, step = c.pick(
            [
                (0, n, 1),
                (0, n, 1),
                (1, n, 1),
                (0, n - 1, 1),
                (n - 1, -1, -1),
                (0, n, 2),
                (n - 1, 0, -2),
                (1, 1, 1),
                (0, 3, 1),
                (n, 0, -1),
            ]
        )
        first, last = self.number(lo, s), self.number(hi, s) if hi >= 0 else str(hi)
        if step != 1:
            return f"range({first}, {last}, {step})", range(lo, hi, step)
        text = f"range({last})" if lo == 0 and c.chance(70) else f"range({first}, {last})"
        return text, range(lo, hi)

    def over(self, s: Scope) -> tuple[Lines, bool] | None:
        """A loop over arrays: their elements, with indices, or several at once."""
        c, pool = self.c, s.arrays(1)
        if not pool:
            return None
        v = c.pick(pool)
        e, i, other = self.fresh("e"), self.fresh("i"), self.fresh("e")
        count = v.shape[0]
        inner = s.child(trips=s.trips * max(2, count), loop=True)
        form = c.pick(("plain", "enumerate", "zip", "tuple", "indices"))
        if form == "indices" and s.of("j"):
            return self.over_indices(s)
        inner.add(Var(e, "f"))
        if form == "plain":
            head = f"for {e} in {v.name}:"
        elif form == "enumerate":
            inner.add(Var(i, "i", interval=(0, count - 1)))
            head = f"for {i}, {e} in enumerate({v.name}):"
        elif form in ("tuple", "indices"):
            head = f"for {e} in ({self.scalar(s, 1)}, {self.scalar(s, 1)}, 0.5):"
        else:
            w = c.pick(pool[::-1])
            inner.add(Var(other, "f"))
            head = f"for {e}, {other} in zip({v.name}, {w.name}):"
        return self.body(s, [head], inner, False)

    def over_indices(self, s: Scope) -> tuple[Lines, bool] | None:
        """A loop over an index array."""
        v, k = self.c.pick(s.of("j")), self.fresh("i")
        if len(v.shape) > 1:
            return None
        inner = s.child(trips=s.trips * max(2, v.shape[0]), loop=True)
        inner.add(Var(k, "i", interval=v.interval))
        return self.body(s, [f"for {k} in {v.name}:"], inner, False)

    def rows(self, s: Scope) -> tuple[Lines, bool] | None:
        pool = [v for v in s.arrays(2)]
        if not pool:
            return None
        v = self.c.pick(pool)
        row, text, shape = self.fresh("v"), v.name, v.shape
        if self.c.chance(35):
            text, shape = f"{text}.T", shape[::-1]
        inner = s.child(trips=s.trips * max(2, shape[0]), loop=True)
        inner.add(Var(row, "a", shape[1:]))
        return self.body(s, [f"for {row} in {text}:"], inner, False)

    def condition_loop(self, s: Scope) -> tuple[Lines, bool]:
        """while: a counter bounds it."""
        c, k = self.c, self.fresh("k")
        limit = c.integer(1, 4)
        inner = s.child(trips=s.trips * limit, loop=True)
        start = [f"{k} = 0"]
        condition = self.condition(s)
        count = Var(k, "i", interval=(1, limit + 1), fixed=True)
        inner.add(count)
        form = c.pick(("and", "true", "plain"))
        if form == "true":
            before, head = "True", [f"{k} += 1", f"if {k} > {limit} or {condition}:", "    break"]
        else:
            before, head = (f"{k} < {limit}" if form == "plain" else f"{k} < {limit} and ({condition})"), [f"{k} += 1"]
        lines, _ = self.body(s, [f"while {before}:", *indented(head)], inner, False)
        return [*start, *lines], False
