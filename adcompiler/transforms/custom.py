"""Functions with a rule of their own in forward and reverse mode, and their expansion once nothing is left to do.

The rule's programs take the place of the op: ordinary code, which the next transform differentiates as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcompiler.errors import MissingRule, NotDifferentiable
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Op, Operand, Region, Value
from adcompiler.ir.rule import Rule
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import Env, clone, clone_op, resolve, substitute, walk

if TYPE_CHECKING:
    from adcompiler.transforms.forward import Forward
    from adcompiler.transforms.residuals import Sweep
    from adcompiler.transforms.reverse import Reverse


def is_call(op: Op) -> bool:
    return op.name in OPS and OPS[op.name].kind == "call"


def inline(b: Builder, fn: Function, args: Sequence[Operand]) -> list[Operand]:
    """The function's body built in place of its call; what it returns."""
    env: Env = dict(zip(fn.params, args, strict=True))
    for op in fn.body.ops[:-1]:
        if op.name != "section":
            b.add(clone_op(op, env))
    return [resolve(env, r) for r in fn.returns]


# Expansion.
def expand(fn: Function) -> Function:
    """The function with every call of this kind replaced by its primal (itself where there is none)."""
    while any(map(is_call, walk(fn.body))):
        fn = clone(fn)
        env: Env = {}
        _expand(fn.body, env)
        substitute(fn.body, env)
    return fn


def _expand(region: Region, env: Env) -> None:
    ops, region.ops = region.ops, []
    b = Builder(region)
    for op in ops:
        for inner in op.regions:
            _expand(inner, env)
        if not is_call(op):
            region.ops.append(op)
            continue
        rule = op.attrs["rule"]
        env.update(zip(op.results, inline(b, rule.primal, op.args), strict=True))


# What a rule lacks.
def _only_arguments(op: Op, rule: Rule, moving: Sequence[Operand]) -> None:
    """A rule says nothing of values that its functions capture."""
    captured = op.args[rule.count :]
    for value in moving:
        if any(value is other for other in captured):
            name = getattr(value, "name", "a value")
            text = f"{rule.name} has a rule of its own and captures {name}, which is differentiated"
            raise NotDifferentiable(text, op.loc or rule.loc, f"{name} as an argument of {rule.name}")


def _floats(operands: Sequence[Operand]) -> list[int]:
    return [k for k, a in enumerate(operands) if is_float(a.type)]


def zero_like(b: Builder, operand: Operand, hint: str) -> Operand:
    if isinstance(operand.type, Scalar):
        return const(0, operand.type)
    return b.op("zeros_like", operand, hint=hint)


# Forward mode.
def forward_call(f: Forward, op: Op) -> None:
    """Results and tangents from the author's rule."""
    rule: Rule = op.attrs["rule"]
    _only_arguments(op, rule, [a for a in op.args if f.activity.is_varied(a)])
    if rule.jvp is None:
        raise MissingRule(_says(rule, "forward"), op.loc or rule.loc, _instead(rule, "forward"))
    args = [f._now(a) for a in op.args]
    moving = [op.args[k] for k in _floats(op.args[: rule.count])]
    rows = [inline(f.b, rule.jvp, [*args, *(f._tangent(a, lane) for a in moving)]) for lane in f.lanes]
    n = len(op.results)
    f.env.update(zip(op.results, rows[0][:n], strict=True))
    floats = [r for r in op.results if is_float(r.type)]
    for j, result in enumerate(floats):
        dots = [row[n + j] for row in rows]
        f._known.update(d for d in dots if isinstance(d, Value))
        f.dot[result] = dots


def _says(rule: Rule, mode: str) -> str:
    known = {"forward": rule.pullback, "reverse": rule.jvp}[mode]
    if known is None:
        return f"{rule.name} has been given no rule"
    return f"{rule.name} has a rule for {'reverse' if mode == 'forward' else 'forward'} mode only"


def _instead(rule: Rule, mode: str) -> str:
    if rule.pullback is None and rule.jvp is None:
        return f"{rule.name}.{rule.notes.get('define', 'defvjp')}(...) before it is differentiated"
    return "ad.custom_jvp, whose rule serves both modes, or reverse mode (grad, vjp, jacrev)"


# Reverse mode.
def reverse_call(r: Reverse, op: Op, sweep: Sweep) -> None:
    """The author's forward sweep in place of the function, the pullback in the reverse sweep."""
    rule: Rule = op.attrs["rule"]
    _only_arguments(op, rule, [a for a in op.args if r.activity.active(a)])
    adjoints = [r.adjoint(res, sweep) if is_float(res.type) else None for res in op.results]
    if all(g is None for g in adjoints):
        return
    if rule.pullback is None:
        transpose(rule)
    if rule.pullback is None:
        raise MissingRule(_says(rule, "reverse"), op.loc or rule.loc, _instead(rule, "reverse"))
    kept = _forward_sweep(r, op, rule, sweep)
    bars = []
    for result, g in zip(op.results, adjoints, strict=True):
        given = g if g is not None else _no_adjoint(r, result, sweep)
        strided = isinstance(given.type, Array) and given.type.strided
        bars.append(sweep.b.op("copy", given, hint=f"{result.name}_bar") if strided else given)
    captured = [r.residuals.fetch(a, sweep) for a in op.args[rule.count :]]
    found = inline(sweep.b, rule.pullback, [*kept, *bars, *captured])
    for k, g in zip(rule.pulled, found, strict=True):
        _contribute(r, op, op.args[k], g, sweep)


def _no_adjoint(r: Reverse, result: Value, sweep: Sweep) -> Operand:
    if isinstance(result.type, Scalar):
        return const(0, result.type)
    return sweep.b.op("zeros_like", r.residuals.like(result, sweep), hint=f"{result.name}_bar")


def _forward_sweep(r: Reverse, op: Op, rule: Rule, sweep: Sweep) -> list[Operand]:
    """Put the author's forward sweep, if there is one, in the place of the op; the residuals in the reverse sweep."""
    site, n, found = r.forward.site[op], len(op.results), list[Operand]()
    if rule.sweep is not None:
        found = inline(r.forward.before(site), rule.sweep, site.args)
        r.forward.replace(site, found[:n])
    home, kept = r.structure.place[op].region, list[Operand]()
    for kind, k in rule.residuals:
        if kind == "new":
            new = found[n + k]
            kept.append(r.residuals.born(new, home, site, sweep) if isinstance(new, Value) else new)
        elif kind == "operand":
            kept.append(r.residuals.content(op.args[k], op, sweep))
        else:
            kept.append(r.residuals.content(op.results[k], op, sweep, result=True))
    return kept


def _contribute(r: Reverse, op: Op, arg: Operand, g: Operand, sweep: Sweep) -> None:
    """Add to the adjoint of an argument, whose shape g must have."""
    if not r.activity.active(arg):
        return
    if isinstance(arg.type, Array):
        like = r.residuals.like(arg, sweep)
        name = getattr(arg, "name", "an argument")
        same_shape(sweep.b, g, like, f"the adjoint that the rule of {op.attrs['rule'].name} gives {name}")
    if r.shadows.has(arg):
        sweep.b.do("accumulate", r.shadows.of(arg, sweep), g)
    else:
        r._add_exact(arg, g, sweep)


def same_shape(b: Builder, given: Operand, like: Operand, what: str) -> None:
    """A check that an array has the shape of another."""
    rank = like.type.rank if isinstance(like.type, Array) else 0
    for axis in range(rank):
        size, other = (b.op("dim", array, axis=axis, hint="n") for array in (like, given))
        differ = b.op("ne", other, size, hint="differ")
        where = f" ({b.loc.short})" if b.loc else ""
        b.do("raise_if", differ, error="ShapeMismatch", message=f"axis {axis} of {what} has another size{where}")


def transpose(rule: Rule) -> None:
    """The pullback of a rule for forward mode: the rule is linear in the tangents, and this is its transpose."""
    from adcompiler.transforms.reverse import Pullback, reverse

    if rule.jvp is None or rule.primal is None:
        return
    n, operands = len(rule.primal.returns), len(rule.primal.params)
    floats = _floats(rule.primal.returns)
    wrt = tuple(range(operands, len(rule.jvp.params)))
    seeds = (None,) * n + ("param",) * len(floats)
    back = reverse(rule.jvp, Pullback(wrt, seeds), f"{rule.name}_pullback")
    residuals = [Value(p.name, p.type) for p in rule.primal.params[: rule.count]]
    bars = [Value(f"{_label(r)}_bar", r.type) for r in rule.primal.returns]
    captured = [Value(p.name, p.type) for p in rule.primal.params[rule.count :]]
    b = Builder(Region([*residuals, *bars, *captured]), rule.loc)
    moving = [residuals[k] for k in _floats(residuals)]
    zeros = [zero_like(b, x, f"{x.name}_dot") for x in moving]
    b.return_(*inline(b, back, [*residuals, *captured, *zeros, *(bars[k] for k in floats)]))
    rule.pullback = Function(f"{rule.name}_pullback", b.region)
    rule.residuals = tuple(("operand", k) for k in range(rule.count))
    rule.pulled = tuple(_floats(residuals))


def _label(operand: Operand) -> str:
    return operand.name if isinstance(operand, Value) else "out"
