"""Random statements that make arrays, tuples, records and functions, and give them names."""

from __future__ import annotations

from programs.records import FORMS, REPLACED
from programs.scope import Scope, Shape, Var
from programs.writes import Lines, Writes


def indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]


def parts(record: Var) -> tuple[Var, ...]:
    """A record's name, and those of its parts."""
    form = FORMS[record.kind]
    number = Var(form.number.format(record.name), "f", fixed=record.fixed or not form.mutable)
    return record, number, Var(form.array.format(record.name), "a", record.shape, fixed=number.fixed)


class Structures(Writes):
    """Statements that bind names to structured values."""

    # Arrays and their names.
    def shape(self, s: Scope) -> Shape:
        shapes = [v.shape for v in s.of("a")]
        return self.c.pick([*shapes, (3,), (2,), *[self.c.pick([(2, 3), (3, 2), (2, 2, 3), (2, 3, 2)])] * 2])

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

    def flattened(self, s: Scope) -> Lines:
        """Fresh memory, and the same memory in one row."""
        shape, name, flat = self.shape(s), self.fresh("u"), self.fresh("v")
        count = 1
        for n in shape:
            count *= n
        value = self.array(shape, s, 1)
        s.add(Var(name, "a", shape))
        s.add(Var(flat, "a", (count,)))
        view = self.c.pick((f"{name}.reshape(-1)", f"{name}.ravel()", f"np.reshape({name}, {count})"))
        return [f"{name} = ({value}).copy()", f"{flat} = {view}"]

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
        pool = [h for h in s.helpers if all(p.kind == "f" or self.given(p, h, s) for p in h.params)]
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
        """A number and an array in one structure, read and written in place from then on."""
        name, shape, form = self.fresh("o"), self.shape(s), self.c.pick(list(FORMS))
        built = self.built(form, shape, s)
        for var in parts(Var(name, form, shape)):
            s.add(var)
        return [f"{name} = {built}"]

    def built(self, form: str, shape: Shape, s: Scope) -> str:
        return FORMS[form].build.format(self.damped(s), f"({self.array(shape, s, 1)}).copy()")

    def rebuild(self, s: Scope) -> Lines:
        """A structure's name is given another one like it."""
        pool = [v for form in FORMS for v in s.assignable(form)]
        if not pool:
            return self.record(s)
        v = self.c.pick(pool)
        others = [w.name for w in s.of(v.kind, v.shape) if w is not v]
        if v.kind in REPLACED and self.c.chance(75):
            return [f"{v.name} = {REPLACED[v.kind].format(v.name, self.damped(s))}"]
        if others and self.c.chance(30):
            return [f"{v.name} = {self.c.pick(others)}"]
        return [f"{v.name} = {self.built(v.kind, v.shape, s)}"]

    def unpack(self, s: Scope) -> Lines | None:
        tuples = s.of("t")
        if not tuples:
            return None
        t = self.c.pick(tuples)
        names = [self.fresh("t") for _ in range(t.shape[0])]
        for name in names:
            s.add(Var(name, "f"))
        return [f"{', '.join(names)} = {t.name}"]
