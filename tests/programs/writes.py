"""Random writes to memory: elements, slices, index arrays and masks."""

from __future__ import annotations

from programs.arrays import Arrays
from programs.fragments import MASKED, PLACED, Table, operands
from programs.scope import Scope, Var

DAMPED = ("math.sin({})", "math.tanh({})", "0.3 * ({})", "({})", "np.cos({})")
FACTORS = ("0.9", "math.cos({})", "np.tanh({})", "1.1")

Lines = list[str]


class Writes(Arrays):
    """Statements that write, as lines; None where nothing of the kind is possible."""

    def damped(self, s: Scope, depth: int = 2) -> str:
        """A float that stays small when it is fed back."""
        text = self.scalar(s, depth)
        return text if s.trips == 1 else self.c.pick(DAMPED).format(text)

    def factor(self, s: Scope) -> str:
        return self.c.pick(FACTORS).format(self.scalar(s, 1))

    def store(self, s: Scope) -> Lines | None:
        arrays = s.writable()
        return [f"{self.element(self.c.pick(arrays), s)} = {self.damped(s)}"] if arrays else None

    def update(self, s: Scope) -> Lines | None:
        arrays = s.writable()
        if not arrays:
            return None
        place = self.element(self.c.pick(arrays), s)
        return [
            self.c.pick(
                (f"{place} += {self.damped(s)}", f"{place} -= {self.damped(s)}", f"{place} *= {self.factor(s)}")
            )
        ]

    def assign(self, s: Scope) -> Lines | None:
        """A slice of an array."""
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
        place = f"{v.name}[...]" if v.fixed else v.name
        options = (
            f"{place} *= {self.factor(s)}",
            f"{place} += {self.array(v.shape, s, 1)}",
            f"{v.name}[:] = {v.name}[::-1]",
        )
        return [self.c.pick(options)]

    def placed(self, s: Scope) -> Lines | None:
        """A write at index arrays."""
        return self.written(PLACED, s)

    def masked(self, s: Scope) -> Lines | None:
        """A write where a mask holds."""
        return self.written(MASKED, s)

    def written(self, table: Table, s: Scope) -> Lines | None:
        """An entry of a table whose first operand is an array that may be written to."""
        c, arrays = self.c, s.writable()
        if not arrays:
            return None
        v = c.pick(arrays)
        text, shape = v.name, v.shape
        if c.chance(20):
            text, shape = self.view(s) or (text, shape)
        options = [signature for signature in table if len(operands(signature)[0][0].axes) == len(shape)]
        signature = c.pick(options)
        (first, *others), _ = operands(signature)
        sizes = self.bound(tuple(others), dict(zip(first.axes, shape, strict=True)), s)
        if sizes is None:
            return None
        texts = [self.damped(s, 1) if o.kind == "f" else self.operand(o, sizes, s, 1) for o in others]
        return [self.filled(c.pick(table[signature]), [text, *texts], sizes, s)]

    # Index arrays and masks by name.
    def new_indices(self, s: Scope) -> Lines:
        c, name = self.c, self.fresh("j")
        (count, *more), size = self.shape(s), c.integer(2, 4)
        shape = (count, *more)[:2] if c.chance(20) else (count,)
        value = self.indices(shape, size, s)
        negative = "-" in value or any(v.name in value for v in s.of("j") if v.interval and v.interval[0] < 0)
        s.add(Var(name, "j", shape, (-size if negative else 0, size - 1)))
        return [f"{name} = {value}"]

    def turn_indices(self, s: Scope) -> Lines | None:
        """Index arrays that change, as in a loop."""
        pool = [v for v in s.of("j") if not v.fixed and v.interval and v.interval[0] >= 0]
        if not pool:
            return None
        v = self.c.pick(pool)
        assert v.interval is not None
        size = v.interval[1] + 1
        return [f"{v.name} = {self.c.pick((f'({v.name} + 1) % {size}', f'{v.name}[::-1]', f'{size - 1} - {v.name}'))}"]

    def new_mask(self, s: Scope) -> Lines:
        name, shape = self.fresh("m"), self.shape(s)
        value = self.mask(shape, s)
        s.add(Var(name, "m", shape))
        return [f"{name} = {value}"]

    def turn_mask(self, s: Scope) -> Lines | None:
        pool = [v for v in s.of("m") if not v.fixed]
        if not pool:
            return None
        v = self.c.pick(pool)
        return [f"{v.name} = {self.mask(v.shape, s)}"]
