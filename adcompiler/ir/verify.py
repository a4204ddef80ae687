"""The verifier: what every well-formed function keeps, checked after each pass in tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adcompiler.ir.core import CONTROL, TERMINATORS, Const, Function, Op, Operand, Region, Value, yielded
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, Stack, Type, b1, i64
from adcompiler.ir.walk import walk


class VerifyError(AssertionError):
    """A malformed function: a bug of ours."""


def verify(fn: Function) -> None:
    """Raise VerifyError unless the function is well formed."""
    if not fn.mut <= set(fn.params):
        raise VerifyError("a mut value is no parameter")
    _Verifier().region(fn.body, frozenset(), "return", None)
    _writes(fn)


class _Verifier:
    def __init__(self) -> None:
        self.bound: set[Value] = set()

    def bind(self, values: Iterable[Value], where: str) -> None:
        for value in values:
            if value in self.bound:
                raise VerifyError(f"{where}: {value} is bound twice")
            self.bound.add(value)

    def region(self, region: Region, outside: frozenset[Value], end: str, types: Sequence[Type] | None) -> set[Value]:
        """Check a region that ends in `end` with values of `types`; returns what it binds."""
        self.bind(region.params, "params")
        if not region.ops or region.ops[-1].name != end:
            raise VerifyError(f"a region ends in {region.ops[-1].name if region.ops else 'nothing'}, not in {end}")
        visible = set(outside) | set(region.params)
        for op in region.ops:
            _expect(op.name not in TERMINATORS or op is region.ops[-1], op, "stands before the end of its region")
            for arg in op.args:
                _expect(isinstance(arg, Const) or arg in visible, op, f"{arg} is not visible here")
                if isinstance(arg, Const):
                    _literal(op, arg)
            self.op(op, frozenset(visible) if op.regions else frozenset())
            self.bind(op.results, op.name)
            visible.update(op.results)
        self.terminator(region, types)
        return visible - outside

    def terminator(self, region: Region, types: Sequence[Type] | None) -> None:
        op = region.terminator
        if op.name == "test":
            _expect(len(op.args) == 1 and op.args[0].type == b1, op, "needs one b1")
        elif types is not None:
            _agree(op, "yield", yielded(region), types)
            if op.attrs.get("until"):
                _expect(op.args[-1].type == b1, op, "the stop predicate is no b1")

    def op(self, op: Op, visible: frozenset[Value]) -> None:
        if op.name in TERMINATORS:
            return
        if op.name in CONTROL:
            getattr(self, f"{op.name}_")(op, visible)
            return
        _expect(op.name in OPS, op, "is not in the op table")
        _expect(not op.regions, op, "has regions")
        try:
            types = OPS[op.name].infer([a.type for a in op.args], op.attrs)
        except (TypeError, ValueError, KeyError) as error:
            raise VerifyError(f"{describe(op)}: {error!r}") from error
        _agree(op, "result", op.results, types)

    def for_(self, op: Op, visible: frozenset[Value]) -> None:
        _expect(len(op.regions) == 1 and len(op.args) >= 3, op, "needs lo, hi, step and one region")
        _expect(all(a.type == i64 for a in op.args[:3]), op, "bounds and step are i64")
        _expect(op.args[2] != Const(0, i64), op, "step is 0")
        params = op.body.params
        _expect(bool(params) and params[0].type == i64, op, "the index is an i64")
        self.loop(op)
        self.region(op.body, visible, "yield", [p.type for p in op.carried])

    def while_(self, op: Op, visible: frozenset[Value]) -> None:
        _expect(len(op.regions) == 2 and not op.body.params, op, "needs a cond region and a body without params")
        self.loop(op)
        self.region(op.regions[0], visible, "test", None)
        _expect(not op.body.terminator.attrs.get("until"), op, "a while has no until")
        self.region(op.body, visible | set(op.carried), "yield", [p.type for p in op.carried])

    def loop(self, op: Op) -> None:
        types = [p.type for p in op.carried]
        _agree(op, "init", op.inits, types)
        _agree(op, "result", op.results, types)

    def if_(self, op: Op, visible: frozenset[Value]) -> None:
        _expect(len(op.regions) == 2 and len(op.args) == 1, op, "needs a condition and two regions")
        _expect(op.args[0].type == b1, op, "the condition is no b1")
        for region in op.regions:
            _expect(not region.params, op, "regions of an if have no params")
            _expect(not (region.ops and region.ops[-1].attrs.get("until")), op, "an if has no until")
            self.region(region, visible, "yield", [r.type for r in op.results])


def describe(op: Op) -> str:
    place = f" at {op.loc.short}" if op.loc else ""
    return f"{', '.join(map(repr, op.results))}{' = ' if op.results else ''}{op.name} {op.args}{place}"


def _expect(holds: bool, op: Op, message: str) -> None:
    if not holds:
        raise VerifyError(f"{describe(op)}: {message}")


def _literal(op: Op, literal: Const) -> None:
    kind = {"b": bool, "i": int, "u": int, "f": float}[literal.type.dtype[0]]
    _expect(type(literal.value) is kind, op, f"literal {literal.value!r} as {literal.type}")


def _agree(op: Op, what: str, operands: Sequence[Operand], types: Sequence[Type]) -> None:
    _expect(len(operands) == len(types), op, f"{len(operands)} {what}s for {len(types)}")
    for operand, type in zip(operands, types, strict=True):
        _expect(compatible(operand.type, type), op, f"{what} {operand}: expected {type}")


def compatible(a: Type, b: Type) -> bool:
    """Equal up to what is known of extents and strides."""
    if isinstance(a, Stack) and isinstance(b, Stack):
        return compatible(a.elem, b.elem)
    if isinstance(a, Array) and isinstance(b, Array):
        sizes = zip(a.dims, b.dims, strict=False)
        clash = any(isinstance(x, int) and isinstance(y, int) and x != y for x, y in sizes)
        return a.dtype == b.dtype and a.rank == b.rank and not clash
    return isinstance(a, Scalar) and a == b


def _writes(fn: Function) -> None:
    """Memory is written only where it is an allocation or a mut parameter."""
    reaches = _parameters_behind(fn)
    for op in walk(fn.body):
        entry = OPS.get(op.name)
        for position in entry.writes if entry else ():
            target = op.args[position]
            _expect(isinstance(target, Value), op, "writes to a literal")
            frozen = reaches.get(target, set()) - fn.mut  # type: ignore[arg-type]
            _expect(not frozen, op, f"writes to {frozen}, which is not mut")


def _parameters_behind(fn: Function) -> dict[Value, set[Value]]:
    """Array value -> the parameters whose memory it may be."""
    reaches: dict[Value, set[Value]] = {p: {p} for p in fn.params if isinstance(p.type, Array)}
    edges = [pair for op in walk(fn.body) for pair in _flows(op)]
    changed = True
    while changed:
        changed = False
        for source, target in edges:
            new = reaches.get(source, set()) - reaches.get(target, set())
            if new:
                reaches.setdefault(target, set()).update(new)
                changed = True
    return reaches


def _flows(op: Op) -> list[tuple[Value, Value]]:
    """(a, b): handle b may be the memory of handle a after this op."""
    pairs: list[tuple[Operand, Value]] = []
    if op.name == "if":
        for region in op.regions:
            pairs += zip(yielded(region), op.results, strict=True)
    elif op.name in CONTROL:
        for operand, param, result in zip(op.inits, op.carried, op.results, strict=True):
            pairs += [(operand, param), (operand, result)]
        for operand, param, result in zip(op.yields, op.carried, op.results, strict=True):
            pairs += [(operand, param), (operand, result)]
    elif op.name in OPS and not OPS[op.name].allocates and op.args and op.results:
        pairs.append((op.args[0], op.results[0]))
    return [(a, b) for a, b in pairs if isinstance(a, Value) and isinstance(a.type, Array) and a is not b]
