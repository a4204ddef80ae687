"""The order in which a region's ops run: ops over one index space come together, as far as nothing forbids it.

What stays a call or a statement runs as soon as it can, so that the loops behind it may meet others:

    %a: f64[n] = exp %x  (read twice)        %m: f64[m] = matmul %w, %z
    %m: f64[m] = matmul %w, %z         ->    one nest over n: exp, the sum, the product
    %s: f64 = sum %a
    %b: f64[n] = mul %a, %x
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from adcompiler.analysis.alone import COMPARED
from adcompiler.analysis.effects import Effects, inside, is_ordered, reads, writes
from adcompiler.ir.core import CONTROL, Op, Operand, Region, Value
from adcompiler.ir.walk import free
from adcompiler.lowering.kinds import is_map, is_reduction, is_write
from adcompiler.lowering.plan import Plan
from adcompiler.lowering.sizes import rank
from adcompiler.lowering.trial import Access, Loops, aligned, in_step


@dataclass(eq=False)
class Node:
    """An op of the region, with what it waits for."""

    index: int
    op: Op
    loops: Loops | None
    needs: set[Value] = field(default_factory=set)
    waits: set[Node] = field(default_factory=set)


class Order:
    """Groups of ops in the order in which they run: one that stays, or several that share a nest."""

    def __init__(self, plan: Plan, loops: dict[Op, Loops], effects: Effects):
        self.plan, self.loops, self.effects = plan, loops, effects
        self.params = {p for p in plan.fn.params if p in plan.fn.mut}
        self.loaders: dict[Operand, set[Op]] = {}
        for op, found in loops.items():
            for array, _ in found.loads:
                self.loaders.setdefault(array, set()).add(op)

    def groups(self, region: Region) -> Iterator[list[Op]]:
        nodes = [Node(k, op, self.loops.get(op)) for k, op in enumerate(region.ops) if self.runs(op)]
        if not any(n.loops for n in nodes):
            yield from ([n.op] for n in nodes)
            return
        _Links(self).link(nodes)
        left = dict.fromkeys(nodes)
        while left:
            ready = [n for n in left if not n.waits]
            chosen = next((n for n in ready if n.loops is None), None)
            group = [chosen] if chosen else self.grown(ready[0], list(left))
            yield [n.op for n in group]
            done = set(group)
            for n in group:
                del left[n]
            for n in left:
                n.waits -= done

    def runs(self, op: Op) -> bool:
        return not (len(op.results) == 1 and op.result in self.plan.inlined)

    # Nests.
    def grown(self, first: Node, left: list[Node]) -> list[Node]:
        """The nest that starts with a node: all of its index space that can run with it."""
        if not self.plan.fuse:
            return [first]
        space = self.plan.space(first.op)
        others = [n for n in left if n.loops and n is not first and self.plan.space(n.op) == space]
        whole = self.joined(first, others, limited=False)
        return self.joined(first, others, limited=True) if self.crowded(whole) else whole

    def joined(self, first: Node, others: list[Node], limited: bool) -> list[Node]:
        """Take in node by node; `limited`: none that crowds the nest (more of them together may not)."""
        group = [first]
        waiting = others
        while True:
            late: list[Node] = []
            for n in waiting:
                fits = n.waits <= set(group) and all(self.together(m, n) for m in group)
                if fits and not (limited and self.crowded([*group, n]) and not self.crowded(group)):
                    group.append(n)
                else:
                    late.append(n)
            if len(late) == len(waiting):
                return sorted(group, key=lambda n: n.index)
            waiting = late

    def together(self, a: Node, b: Node) -> bool:
        """May the two run in one nest, element by element?"""
        first, second = (a, b) if a.index < b.index else (b, a)
        if is_reduction(first.op) and first.op.result in second.needs:
            return False
        for array, pattern in self.touched(first):
            for other, its in self.touched(second):
                if not self.plan.aliases.may_alias(array, other) or self.plan.shapes.apart(array, other):
                    continue
                if not (self.written(first, array) or self.written(second, other)):
                    continue
                if not (aligned(self.plan, array, other) and in_step(pattern) and in_step(its)):
                    return False
        return True

    def touched(self, node: Node) -> list[Access]:
        """Memory that the loops of a node read or write, with patterns."""
        assert node.loops is not None
        own = self.target(node.op)
        return node.loops.loads + ([(own, tuple(range(own.type.rank)))] if own else [])  # type: ignore[union-attr]

    def target(self, op: Op) -> Value | None:
        target = op.args[0] if is_write(op) else op.result if is_map(op) else None
        return target if isinstance(target, Value) else None

    def written(self, node: Node, array: Operand) -> bool:
        return array is self.target(node.op)

    def crowded(self, group: list[Node]) -> bool:
        """Would so many arrays keep the loop from being vectorized?"""
        if any(n.loops is None or n.loops.heavy for n in group):
            return False
        ops = {n.op for n in group}
        outs = {t for n in group if (t := self.target(n.op)) and (is_write(n.op) or self.stays(n.op, ops))}
        outs |= {n.op.result for n in group if is_reduction(n.op) and rank(n.op.result)}
        made = {t for n in group if (t := self.target(n.op))}
        ins = {a for n in group if n.loops for a, _ in n.loops.loads if a not in made}
        return len(outs) * len(ins) + len(outs) * (len(outs) - 1) // 2 > COMPARED

    def stays(self, op: Op, group: Iterable[Op]) -> bool:
        """Is the result of a map needed as memory, if these share a nest?"""
        users = self.plan.structure.uses.get(op.result, [])
        wants = (self.plan.wants(u, op.result) for u in users)
        return "memory" in wants or not self.loaders.get(op.result, set()) <= set(group)


class _Links:
    """Who waits for whom: values, memory, errors and effects in the order of the program."""

    def __init__(self, order: Order):
        self.order, self.plan, self.effects = order, order.plan, order.effects
        self.maker: dict[Value, Node] = {}
        self.writer: dict[Value, Node] = {}
        self.readers: dict[Value, set[Node]] = {}
        self.effect: Node | None = None
        self.lasting: set[Node] = set()  # wrote memory of the caller's since the last effect

    def link(self, nodes: list[Node]) -> None:
        for node in nodes:
            node.needs = self.needs(node)
            node.waits = {self.maker[v] for v in node.needs if v in self.maker}
            self.memory(node)
            self.order_effects(node)
            node.waits.discard(node)
            self.maker.update(dict.fromkeys(node.op.results, node))
        for node in nodes[:-1]:  # the terminator comes last
            nodes[-1].waits.add(node)

    def needs(self, node: Node) -> set[Value]:
        if node.loops is not None:
            return set(node.loops.needs)
        found = {a for a in node.op.args if isinstance(a, Value)} | set(free(*node.op.regions))
        for value in [v for v in found if self.plan.maker(v) is not None]:
            found |= self.plan.sizes.sources(value)
        return found

    def memory(self, node: Node) -> None:
        read, written = self.touched(node)
        for root in read | written:
            if root in self.writer:
                node.waits.add(self.writer[root])
        for root in written:
            node.waits |= self.readers.pop(root, set())
            self.writer[root] = node
        for root in read - written:
            self.readers.setdefault(root, set()).add(node)

    def touched(self, node: Node) -> tuple[set[Value], set[Value]]:
        """Roots that are read and written."""
        if node.loops is not None:
            read: Iterable[Operand] = [a for a, _ in node.loops.loads]
            written: Iterable[Operand] = [node.op.args[0]] if is_write(node.op) else []
        else:
            read, written = reads(node.op), writes(node.op)
        roots = self.plan.aliases.roots
        return {r for a in read for r in roots(a)}, {r for a in written for r in roots(a)}

    def order_effects(self, node: Node) -> None:
        """Errors and output keep their order, with what the caller sees written, and before what they allow."""
        lasting = bool(self.touched(node)[1] & self.order.params)
        if self.effect is not None and (lasting or self.has_effect(node) or self.promises(node)):
            node.waits.add(self.effect)
        if self.has_effect(node):
            node.waits |= self.lasting
            self.effect, self.lasting = node, set()
        elif lasting:
            self.lasting.add(node)

    def has_effect(self, node: Node) -> bool:
        op = node.op
        if node.loops is not None:
            return False
        return is_ordered(op) or any(o.name == "while" for o in inside(op)) or self.effects.may_raise(op)

    def promises(self, node: Node) -> bool:
        """Does it take for granted what was checked before?"""
        if node.loops is not None:
            return True
        return any(o.attrs.get("safe") or o.attrs.get("checked") or o.name in CONTROL for o in inside(node.op))
