"""Writes the sums and products of adjoints as a person would: literals first, equal terms once, one minus sign.

    %t: f64 = mul %x_bar, %x               %t: f64 = mul 2.0, %x_bar
    %u: f64 = mul %t, 2.0           ->     %u: f64 = mul %t, %x
    %v: f64 = add %a_bar, %b
    %w: f64 = add %v, %b                   %v: f64 = mul 2.0, %b
                                           %w: f64 = add %a_bar, %v

Reassociates, so it does not run in strict mode. It leaves alone what the user wrote, and stays within a region and
within one dtype and rank; infinities and nans arise as before (but for overflow in between).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from adcompiler.analysis.alias import Aliases
from adcompiler.analysis.effects import own_reads, writes
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Const, Function, Op, Operand, Region, Value
from adcompiler.ir.naming import is_adjoint, is_temporary
from adcompiler.ir.types import Array, Scalar, is_float
from adcompiler.ir.walk import Structure

SUMS, FACTORS, ROOTS = ("add", "sub", "neg"), ("mul", "neg", "div"), ("add", "sub", "neg", "mul")
DEPTH = 40  # of nested expressions; what lies deeper is taken as it is
LARGE = 1e30  # literals beyond, and below its inverse, are left alone


@dataclass(frozen=True, slots=True)
class Product:
    """coefficient * factors ... / divisors ..."""

    coefficient: float
    factors: tuple[Operand, ...] = ()
    divisors: tuple[Operand, ...] = ()

    def times(self, other: Product) -> Product:
        return Product(
            self.coefficient * other.coefficient, self.factors + other.factors, self.divisors + other.divisors
        )

    @property
    def key(self) -> object:
        return frozenset(Counter(self.factors).items()), frozenset(Counter(self.divisors).items())


def run(fn: Function) -> Function:
    """Arrange sums and products of floats that have to do with adjoints."""
    _Arranger(fn).region(fn.body, reverse=False)
    return fn


class _Arranger:
    def __init__(self, fn: Function):
        self.structure = Structure(fn)
        self.aliases = Aliases(fn, self.structure)

    def region(self, region: Region, reverse: bool) -> None:
        swept: dict[Op, bool] = {}
        for op in region.ops:
            if op.name == "section":
                reverse = reverse or op.attrs["text"].startswith("reverse")
            swept[op] = reverse
            for inner in op.regions:
                self.region(inner, reverse)
        absorbed: set[Op] = set()
        made: dict[Op, list[Op]] = {}
        for op in reversed(region.ops):
            if op in absorbed or op.name not in ROOTS or not is_float(op.result.type):
                continue
            tree = _Tree(self, op)
            if (swept[op] or tree.adjoint) and (new := tree.rebuilt()):
                made[op] = new
                absorbed |= tree.absorbed
        region.ops = [new for op in region.ops if op not in absorbed for new in made.get(op, [op])]


class _Tree:
    """A sum or product with what is folded into it."""

    def __init__(self, owner: _Arranger, root: Op):
        self.owner, self.root = owner, root
        self.absorbed: set[Op] = set()
        self.adjoint = is_adjoint(root.result.name)
        self.terms = self.sum_of(root, 1.0, 0) if root.name in SUMS else [self.product_of(root, 0)]

    # Taking apart.
    def inner(self, operand: Operand, kinds: tuple[str, ...], depth: int) -> Op | None:
        """The op behind the operand, if nobody else uses it and it may move to the root."""
        structure, root = self.owner.structure, self.root
        op = structure.definer.get(operand) if isinstance(operand, Value) else None
        if op is None or op.name not in kinds or depth > DEPTH or len(structure.uses[operand]) != 1:
            return None
        if structure.place[op].region is not structure.place[root].region or not _alike(op.result, root.result):
            return None
        named = not (is_temporary(op.result.name) or is_adjoint(op.result.name))
        return None if named or not self.still(op) else op

    def still(self, op: Op) -> bool:
        """Does nothing between the op and the root write to arrays that it reads?"""
        roots = {r for a in own_reads(op) for r in self.owner.aliases.roots(a)}
        if not any(self.owner.aliases.writers.get(r) for r in roots):
            return True
        here, there = self.owner.structure.place[op], self.owner.structure.place[self.root]
        between = here.region.ops[here.index + 1 : there.index]
        return not any(r in roots for o in between for a in writes(o) for r in self.owner.aliases.roots(a))

    def sum(self, operand: Operand, sign: float, depth: int) -> list[Product]:
        op = self.inner(operand, SUMS, depth)
        if op is None:
            return [self.product(operand, depth).times(Product(sign))]
        self.absorbed.add(op)
        return self.sum_of(op, sign, depth)

    def sum_of(self, op: Op, sign: float, depth: int) -> list[Product]:
        self.note(op)
        second = -sign if op.name == "sub" else sign
        if op.name == "neg":
            return self.sum(op.args[0], -sign, depth + 1)
        return self.sum(op.args[0], sign, depth + 1) + self.sum(op.args[1], second, depth + 1)

    def product(self, operand: Operand, depth: int, alone: bool = True) -> Product:
        """`alone`: but for a literal the operand is all of its term, so that a quotient may be taken apart."""
        if isinstance(operand, Const) and abs(operand.value) < LARGE:
            return Product(float(operand.value))
        op = self.inner(operand, FACTORS, depth)
        if op is None or (op.name == "div" and not alone and not isinstance(op.args[0], Const)):
            return Product(1.0, (operand,))
        self.absorbed.add(op)
        return self.product_of(op, depth, alone)

    def product_of(self, op: Op, depth: int, alone: bool = True) -> Product:
        self.note(op)
        if op.name == "neg":
            return self.product(op.args[0], depth + 1, alone).times(Product(-1.0))
        if op.name == "div":
            return self.product(op.args[0], depth + 1).times(Product(1.0, (), (op.args[1],)))
        literal = any(isinstance(a, Const) for a in op.args)
        left, right = (self.product(a, depth + 1, alone and literal) for a in op.args)
        return left.times(right)

    def note(self, op: Op) -> None:
        self.adjoint |= any(isinstance(v, Value) and is_adjoint(v.name) for v in (*op.args, *op.results))

    # Putting together.
    def rebuilt(self) -> list[Op] | None:
        """The ops that replace the tree; None where it is well as it is."""
        backwards = self.root.name == "mul" and isinstance(self.root.args[1], Const)
        terms = _merged(self.terms)
        if not (self.absorbed or backwards or len(terms) < len(self.terms)) or not all(
            1 / LARGE < abs(t.coefficient) < LARGE for t in terms
        ):
            return None
        draft = Region()
        total = self.total(Builder(draft, self.root.loc), terms)
        if not draft.ops or total is not draft.ops[-1].result or total.type != self.root.result.type:
            return None
        draft.ops[-1].results = [self.root.result]
        return draft.ops

    def total(self, b: Builder, terms: list[Product]) -> Operand:
        """Positive terms before negative ones; a variable that is updated before everything else."""
        old = next((t for t in terms if self.continues(t)), None)
        if old is not None and len(terms) > 1:
            rest = [t for t in terms if t is not old]
            if all(t.coefficient < 0 for t in rest):
                return b.op("sub", old.factors[0], self.total(b, [t.times(Product(-1.0)) for t in rest]))
            return b.op("add", old.factors[0], self.total(b, rest))
        if self.leads(terms):
            terms = [Product(1.0, (self.built(b, terms[0]),)), *terms[1:]]
        positive = [self.built(b, t) for t in terms if t.coefficient > 0]
        negative = [self.built(b, t.times(Product(-1.0))) for t in terms if t.coefficient < 0]
        result = (positive or negative).pop(0)
        for term in positive:
            result = b.op("add", result, term)
        for term in negative:
            result = b.op("sub" if positive or any(t.coefficient > 0 for t in terms) else "add", result, term)
        return result if any(t.coefficient > 0 for t in terms) else b.op("neg", result)

    def leads(self, terms: list[Product]) -> bool:
        """-2.0 * x - y, where nothing takes in the minus sign of -(2.0 * x + y)."""
        if len(terms) < 2 or any(t.coefficient > 0 for t in terms):
            return False
        users = self.owner.structure.uses.get(self.root.result, ())
        return not any(u.name in ("update", "accumulate", "add", "sub", "neg") for u in users)

    def continues(self, term: Product) -> bool:
        """Is the term just the scalar variable that the result will be stored in?"""
        if term.coefficient != 1.0 or len(term.factors) != 1 or term.divisors:
            return False
        (old,) = term.factors
        result = self.root.result
        return isinstance(old, Value) and old.name == result.name and isinstance(result.type, Scalar)

    def built(self, b: Builder, term: Product) -> Operand:
        """Literal, scalars, arrays; the variable that is updated before everything else."""
        if term.coefficient == -1.0 and term.factors:
            return b.op("neg", self.built(b, term.times(Product(-1.0))))
        factors = sorted(term.factors, key=lambda f: isinstance(f.type, Array))
        old = next((f for f in factors if self.continues(Product(1.0, (f,)))), None)
        if old is not None and len(self.terms) == 1 and (len(factors) > 2 or term.coefficient != 1.0):
            factors.remove(old)
            if factors and not term.divisors:
                return b.op("mul", old, self.built(b, Product(term.coefficient, tuple(factors))))
            factors.insert(0, old)
        assert isinstance(self.root.result.type, Scalar | Array)
        literal = const(term.coefficient, Scalar(self.root.result.type.dtype))
        chain: list[Operand] = [literal, *factors] if term.coefficient != 1.0 or not factors else factors
        result = chain[0]
        for factor in chain[1:]:
            result = b.op("mul", result, factor)
        for divisor in term.divisors:
            result = b.op("div", result, divisor)
        return result


def _alike(a: Value, b: Value) -> bool:
    """One dtype, and both scalars or both arrays of one rank."""
    if isinstance(a.type, Array) and isinstance(b.type, Array):
        return (a.type.dtype, a.type.rank) == (b.type.dtype, b.type.rank)
    return a.type == b.type


def _merged(terms: list[Product]) -> list[Product]:
    """Terms with the same factors added up."""
    found: dict[object, Product] = {}
    for term in terms:
        old = found.get(term.key)
        total = term.coefficient + (old.coefficient if old else 0.0)
        found[term.key] = Product(total, term.factors, term.divisors)
    return list(found.values())
