"""Random expressions that are arrays, index arrays or masks."""

from __future__ import annotations

import ast

from programs.expressions import Expressions
from programs.fragments import FAMILIES, Operand, Sizes, Table, completed, consistent, fit, operands, shape_of
from programs.scope import Scope, Shape

WHOLE = (
    "np.sin({})", "np.tanh({})", "np.cos({})", "0.5 * {}", "-{}", "np.exp(-({}) ** 2)", "np.sqrt(1.0 + {} * {})",
    "np.maximum({}, 0.1)", "{} / 2", "abs({})", "np.where({} > 0.2, {}, 0.3)", "np.arctan({})",
)  # fmt: skip


class Arrays(Expressions):
    """Arrays of a given shape as text."""

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
        table["language"] = 80
        kind = c.weighted(table)
        if kind == "leaf":
            return self.array_leaf(shape, s)
        if kind == "copy":
            return f"({self.array(shape, s, depth - 1)}).copy()"
        if kind in ("product", "broadcast"):
            return c.pick(getattr(self, kind)(shape, s))
        if kind == "call":
            return self.call(c.pick(self.callable(s, "a", shape)), s)
        if kind == "language":
            return self.language(shape, s, depth)
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

    # The array language.
    def language(self, shape: Shape, s: Scope, depth: int) -> str:
        """An entry of some family of fragments."""
        c = self.c
        table, _, around = FAMILIES[c.weighted({k: weight for k, (_, weight, _) in enumerate(FAMILIES)})]
        found = self.fragment(table, shape, s, depth)
        return around.format(found) if found else self.array_leaf(shape, s)

    def fragment(self, table: Table, shape: Shape, s: Scope, depth: int) -> str | None:
        """An entry of a table that has this shape; None if none was found."""
        options = [signature for signature in table if fit(operands(signature)[1], shape, {}) is not None]
        for _ in range(3 if options else 0):
            signature = self.c.pick(options)
            parts, output = operands(signature)
            sizes = self.bound(parts, fit(output, shape, {}), s)
            if sizes is not None:
                texts = [self.operand(o, sizes, s, depth - 1) for o in parts]
                return self.filled(self.c.pick(table[signature]), texts, sizes, s)
        return None

    def filled(self, template: str, texts: list[str], sizes: Sizes, s: Scope) -> str:
        extents = {letter: self.number(n, s) for letter, n in sizes.items() if f"{{{letter}}}" in template}
        return template.format(*map(atom, texts), **extents)

    def bound(self, parts: tuple[Operand, ...], sizes: Sizes | None, s: Scope) -> Sizes | None:
        """Extents of all axes, of arrays that are there where possible; None if there are none that fit."""
        for o in parts:
            if sizes is None:
                return None
            if o.kind != "f" and self.c.chance(70):
                known = [fit(o.axes, v.shape, sizes) for v in s.of(o.kind)]
                sizes = self.c.pick([k for k in known if k is not None and consistent(k)] or [sizes])
            sizes = completed(o.axes + o.bound, sizes, lambda _: self.c.integer(2, 3))
        return sizes if sizes is not None and consistent(sizes) else None

    def operand(self, o: Operand, sizes: Sizes, s: Scope, depth: int) -> str:
        shape = shape_of(o.axes, sizes)
        if o.kind == "f":
            return self.scalar(s, min(depth, 1))
        if o.kind == "m":
            return self.mask(shape, s)
        return self.indices(shape, sizes[o.bound], s) if o.kind == "j" else self.array(shape, s, depth)

    def indices(self, shape: Shape, size: int, s: Scope) -> str:
        """An array of indices that are inside an axis of this size."""
        c = self.c
        lo, hi = (-size if c.chance(30) else 0), size - 1
        entries = [[c.integer(lo, hi) for _ in range(shape[-1])] for _ in range(shape[0] if len(shape) > 1 else 1)]
        options = [f"np.array({entries if len(shape) > 1 else entries[0]})"]
        options += [
            v.name for v in s.of("j", shape) if v.interval and -size <= v.interval[0] and v.interval[1] < size
        ] * 3
        options += [f"{v.name} % {size}" for v in s.of("j", shape)]
        if len(shape) == 1:
            (n,) = shape
            options += [f"np.arange({self.number(n, s)})", f"-1 - np.arange({n})"] * (n <= size)
            options += [f"np.argsort({self.array_leaf(shape, s)}, kind='stable')"] * (n == size)
            options.append(f"np.argmax({self.array_leaf((n, size), s)}, axis=1)")
        if c.chance(10):
            return f"np.where({self.mask(shape, s)}, {lo}, {hi})"
        return c.pick(options)

    def mask(self, shape: Shape, s: Scope) -> str:
        """An array of bools."""
        c = self.c
        names = [v.name for v in s.of("m", shape)]
        plain = f"{atom(self.array(shape, s, c.integer(0, 1)))} {c.pick(('>', '<', '>=', '<='))} {c.pick(('0.1', '-0.3', '0.4'))}"
        options = [plain, f"np.abs({self.array_leaf(shape, s)}) > 0.4", *names * 3, *(f"~{n}" for n in names)]
        options += [f"({plain}) {c.pick('&|')} {n}" for n in names]
        options.append(f"({plain}) & ({self.array_leaf(shape, s)} < 0.9)")
        return c.pick(options)


def atom(text: str) -> str:
    """In parentheses, unless it can be called and indexed as it stands."""
    parsed = ast.parse(text, mode="eval").body
    return text if isinstance(parsed, ast.Name | ast.Attribute | ast.Subscript | ast.Call) else f"({text})"
