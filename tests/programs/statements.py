"""Random statements and whole programs."""

from __future__ import annotations

from programs.choices import Choices
from programs.expressions import Expressions
from programs.program import HEAD, Program
from programs.scope import Helper, Scope, Shape, Var
from programs.weights import LOOPS, OTHERS, SCALARS, WRITES

DAMPED = ("math.sin({})", "math.tanh({})", "0.3 * ({})", "({})", "np.cos({})")
MOST_TRIPS = 48

Lines = list[str]


def indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]


class Statements(Expressions):
    """Blocks of statements. Each statement gives its lines, and says whether control never passes its end."""

    def __init__(self, c: Choices):
        super().__init__(c)
        self.budget, self.counter, self.exits = 0, 0, 0

    def fresh(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"

    def damped(self, s: Scope, depth: int = 2) -> str:
        """A float that stays small when it is fed back."""
        text = self.scalar(s, depth)
        return text if s.trips == 1 else self.c.pick(DAMPED).format(text)

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
        name, c = c_name(self.c, names), self.c
        return c.pick(
            [[f"{name} += {self.damped(s)}"], [f"{name} -= {self.damped(s)}"], [f"{name} *= {SMALL(self, s)}"]]
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

    # Writes to memory.
    def store(self, s: Scope) -> Lines | None:
        arrays = s.writable()
        return [f"{self.element(self.c.pick(arrays), s)} = {self.damped(s)}"] if arrays else None

    def update(self, s: Scope) -> Lines | None:
        arrays = s.writable()
        if not arrays:
            return None
        place = self.element(self.c.pick(arrays), s)
        return self.c.pick(
            [[f"{place} += {self.damped(s)}"], [f"{place} -= {self.damped(s)}"], [f"{place} *= {SMALL(self, s)}"]]
        )

    def assign(self, s: Scope) -> Lines | None:
        part = self.view(s)
        if part is None:
            return None
        text, shape = part
        if "[" not in text or text.endswith(".T"):
            text += "[:]"
        value = self.c.pick(
            [self.array(shape, s, 1), self.array(shape, s, 2), self.damped(s, 1), self.array_leaf(shape, s)]
        )
        if len(shape) == 2 and self.c.chance(20):
            value = self.array(shape[1:], s, 1)
        return [f"{text} {self.c.pick(('=', '+=', '-='))} {value}"]

    def scale(self, s: Scope) -> Lines | None:
        arrays = s.writable()
        if not arrays:
            return None
        v = self.c.pick(arrays)
        return [
            self.c.pick(
                [
                    f"{v.name} *= {SMALL(self, s)}",
                    f"{v.name} += {self.array(v.shape, s, 1)}",
                    f"{v.name}[:] = {v.name}[::-1]",
                ]
            )
        ]

    # Arrays and their names.
    def shape(self, s: Scope) -> Shape:
        shapes = [v.shape for v in s.of("a")]
        return self.c.pick([*shapes, (3,), (2,), *[self.c.pick([(2, 3), (3, 2)])] * 2])

    def allocate(self, s: Scope) -> Lines:
        shape, c = self.shape(s), self.c
        name, sizes = self.fresh("u"), self.sizes(shape, s)
        lines = [
            [f"{name} = np.zeros({sizes})"],
            [f"{name} = np.full({sizes}, {self.damped(s, 1)})"],
            [f"{name} = np.ones({sizes})"],
        ]
        models = s.of("a", shape)
        if models:
            model = c.pick(models).name
            lines += [
                [f"{name} = np.zeros_like({model})"],
                [f"{name} = {model}.copy()"],
                [f"{name} = np.copy({model})"],
            ]
        if len(shape) == 1:
            index = self.fresh("i")
            inner = s.child()
            inner.add(Var(index, "i", interval=(0, shape[0] - 1)))
            fill = f"    {name}[{index}] = {self.damped(inner)}"
            lines += 3 * [[f"{name} = np.empty({sizes})", f"for {index} in range({self.number(shape[0], s)}):", fill]]
        made = c.pick(lines)
        s.add(Var(name, "a", shape))
        return made

    def compute(self, s: Scope) -> Lines:
        shape, name = self.shape(s), self.fresh("u")
        value = self.array(shape, s, 2)
        s.add(Var(name, "a", shape))
        return [f"{name} = {value}"]

    def alias(self, s: Scope) -> Lines | None:
        part = self.view(s)
        if part is None:
            return None
        text, shape = part
        if self.c.chance(30):
            v = self.c.pick(s.writable())
            text, shape = v.name, v.shape
        name = self.fresh("v")
        s.add(Var(name, "a", shape))
        return [f"{name} = {text}"]

    def rebind(self, s: Scope) -> Lines | None:
        """A name for an array is given another: fresh memory, or now and then an alias."""
        pool = s.assignable("a")
        if not pool:
            return None
        v = self.c.pick(pool)
        if self.c.chance(20):
            return [f"{v.name} = {self.array_leaf(v.shape, s)}"]
        value = self.array(v.shape, s, 2)
        return [f"{v.name} = {value if '(' in value else f'np.sin({value})'}"]

    def swap(self, s: Scope) -> Lines | None:
        pool = s.assignable("a")
        for v in pool:
            others = [w.name for w in pool if w.shape == v.shape and w is not v]
            if others:
                other = self.c.pick(others)
                return [f"{v.name}, {other} = {other}, {v.name}"]
        return None

    # Functions and tuples.
    def call_statement(self, s: Scope) -> Lines | None:
        pool = [
            h
            for h in s.helpers
            if all(p.kind == "f" or any(not v.name.isupper() for v in s.of(p.kind, p.shape)) for p in h.params)
        ]
        return [self.call(self.c.pick(pool), s)] if pool else None

    def function(self, s: Scope) -> Lines:
        name, arg = self.fresh("g"), self.fresh("z")
        inner = s.child(loop=False, pure=True, trips=max(2, s.trips), returns=(Var("", "f"),))
        inner.names = {n: Var(v.name, v.kind, v.shape, v.interval, True) for n, v in s.names.items()}
        inner.add(Var(arg, "f"))
        if self.c.chance(60):
            value = self.damped(inner)
            lines = [f"{name} = lambda {arg}: {value}"]
        else:
            saved, self.exits = self.exits, 0
            body, left = self.block(inner, self.c.integer(1, 2))
            self.exits = saved
            if not left:
                body.append(f"return {self.damped(inner)}")
            lines = [f"def {name}({arg}):", *indented(body)]
        s.add(Var(name, "c"))
        return lines

    def pack(self, s: Scope) -> Lines:
        name, count = self.fresh("w"), self.c.integer(2, 3)
        items = [self.damped(s, 1) for _ in range(count)]
        s.add(Var(name, "t", (count,)))
        return [f"{name} = ({', '.join(items)})"]

    def record(self, s: Scope) -> Lines:
        """A dict, or an instance of a dataclass: a number and an array, read and written in place from then on."""
        name, shape, dict_ = self.fresh("o"), self.shape(s), self.c.chance(50)
        number, array = self.damped(s), f"({self.array(shape, s, 1)}).copy()"
        for key, kind, dims in (("p", "f", ()), ("v", "a", shape)):
            s.add(Var(f'{name}["{key}"]' if dict_ else f"{name}.{key}", kind, dims))
        text = f'{{"p": {number}, "v": {array}}}' if dict_ else f"State({number}, {array})"
        return [f"{name} = {text}"]

    def unpack(self, s: Scope) -> Lines | None:
        tuples = s.of("t")
        if not tuples:
            return None
        t = self.c.pick(tuples)
        names = [self.fresh("t") for _ in range(t.shape[0])]
        for name in names:
            s.add(Var(name, "f"))
        return [f"{', '.join(names)} = {t.name}"]

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
        values = [self.scalar(s) if v.kind == "f" else self.returned(v.shape, s) for v in s.returns]
        return f"return {', '.join(values)}"

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
        form = c.pick(("plain", "enumerate", "zip", "tuple"))
        inner.add(Var(e, "f"))
        if form == "plain":
            head = f"for {e} in {v.name}:"
        elif form == "enumerate":
            inner.add(Var(i, "i", interval=(0, count - 1)))
            head = f"for {i}, {e} in enumerate({v.name}):"
        elif form == "tuple":
            head = f"for {e} in ({self.scalar(s, 1)}, {self.scalar(s, 1)}, 0.5):"
        else:
            w = c.pick(pool[::-1])
            inner.add(Var(other, "f"))
            head = f"for {e}, {other} in zip({v.name}, {w.name}):"
        return self.body(s, [head], inner, False)

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


def SMALL(self: Statements, s: Scope) -> str:
    return self.c.pick(("0.9", "math.cos({})", "np.tanh({})", "1.1")).format(self.scalar(s, 1))


def c_name(c: Choices, names: list[Var]) -> str:
    return c.pick(names).name


def helper(g: Statements, s: Scope, size: int) -> tuple[Lines, Helper]:
    """A function of the module."""
    c = g.c
    name = g.fresh("h")
    params = [Var("p", "f")]
    if c.chance(50):
        params.insert(0, Var("d", "a", (size,)))
    if c.chance(30):
        params.append(Var("q", "f"))
    result = Var("", "a", (size,)) if params[0].kind == "a" and c.chance(40) else Var("", "f")
    inner = Scope(dict(s.names), s.helpers, depth=1, trips=2, returns=(result,))
    for p in params:
        inner.add(p)
    g.budget = c.integer(1, 4)
    body, left = g.block(inner, 3)
    if not left:
        body.append(g.result(inner))
    lines = ["", "", f"def {name}({', '.join(p.name for p in params)}):", *indented(body)]
    return lines, Helper(name, tuple(params), result, writes=params[0].kind == "a")


def program(c: Choices, statements: int = 12) -> Program:
    """A module: some helpers, and a function `f`."""
    g, lines = Statements(c), [HEAD.rstrip()]
    size, width = c.integer(2, 4), c.integer(2, 3)
    top = Scope()
    for var in (Var("SCALE", "f", fixed=True), Var("COUNT", "i", interval=(3, 3)), Var("PAIR", "t", (2,), fixed=True),
                Var("TABLE", "a", (3,), fixed=True)):  # fmt: skip
        if c.chance(30):
            top.add(var)
    for _ in range(c.weighted({0: 5, 1: 3, 2: 2})):
        more, made = helper(g, top, size)
        lines += more
        top.helpers = (*top.helpers, made)
    pool = [(Var("a", "f"), 0.7), (Var("x", "a", (size,)), (size,)), (Var("b", "f"), -0.6), (Var("n", "i", interval=(size, size)), size),
            (Var("y", "a", (size,)), (size,)), (Var("A", "a", (size, width)), (size, width))]  # fmt: skip
    chosen = [p for k, p in enumerate(pool) if k < 2 or c.chance(70 if p[0].name == "A" else 50)]
    s = Scope(dict(top.names), top.helpers)
    for var, _ in chosen:
        s.add(var)
    f, v = Var("", "f"), Var("", "a", (size,))
    s.returns = c.weighted({(f,): 70, (f, f): 8, (f, v): 10, (v,): 12})
    g.budget = c.integer(1, statements)
    body, left = g.block(s, g.budget)
    if not left:
        body.append(g.result(s))
    lines += ["", "", f"def f({', '.join(var.name for var, _ in chosen)}):", *indented(body)]
    return Program("\n".join(lines) + "\n", tuple(shape for _, shape in chosen), c.integer(0, 9))
