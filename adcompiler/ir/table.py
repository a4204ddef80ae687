"""The op table: what an op is, declared once per op (the entries stand in adcompiler/ops)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adcompiler.ir.types import Type

Attrs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpDef:
    """Everything the compiler knows of an op.

    Properties (passes ask for these, never for names):
      reads, writes   operand positions whose memory the op reads or writes; `reads=None`: all arrays among them
      allocates       array results are fresh memory (else they are views of operand 0)
      renews          the result may be in the memory of operand 0, whose content is lost
      ordered         an effect that happens exactly once, in order (print, raise, draws)
      may_raise       (op) -> bool: can it raise a Python error at run time?

    Meaning:
      infer(types, attrs) -> result types, raising TypeError with a reason
      known(operands, attrs, types) -> result types, with what literal operands say of extents
      evaluate(*operands, **attrs) -> NumPy meaning, used by the interpreter and by constant folding

    Derivatives, one of:
      partials   one entry per operand: None (it is zero), or f(g, operands, out) -> the direction or
                 adjoint g pushed through that operand's partial. Operands, out and g are floats, arrays
                 or IR handles alike. For ops that act element by element this is both JVP and VJP.
      linear     operand positions in which the op is linear (jointly multilinear), with
      transpose  one entry per operand: f(g, operands, out) -> adjoint of that operand
      pushforward  one entry per operand: None, or f(d, out, operands) -> the direction d of that operand pushed
                 through to the result (to a tuple of results, None where it is zero), built of ops that are linear
                 in d. Reverse mode transposes what the rule builds (transforms/transposed.py). For matrix functions,
                 whose pullback is no partial and no transpose of the op itself: one rule serves both modes, and
                 what a rule asks of its operands is again what must be kept. `out`: all results, where several
      additive   linear in all operands together, as a sum is, not in each as a product
      expand     (b, op, args) -> the same value made of ops that have derivatives, which take its place in a
                 program that is differentiated: a reduction that decides becomes the decision and an element
      missing    none of them: differentiating raises MissingRule
    singular     a partial may be infinite or nan where the value is not: masked adjoints skip it

    Emission:
      emit       template with {0}, {1} ... for operands, e.g. 'np.sin({0})', '{0} + {1}'; attributes by name,
                 or {**} for all of them as keyword arguments
      prec       Python precedence of the emitted expression (ast node kind is derived from the text)
      kernel     the template in kernels, where what Numba has is slow to compile or does not say where it failed:
                 a helper of the runtime; {place} becomes the user's place, for its errors
      vector     the function of runtime.simd that kernels may call for float scalars: LLVM can vectorize it
      cheap      recomputing costs no more than a load

    Lowering (adcompiler/lowering) computes array results in loops of our own. An elementwise op needs nothing for
    that; another array op gives one of these rules, or stays a call of what `emit` names:
      element    (b, op, at, read, size) -> the scalar that is the result's element at the i64 operands `at`, built
                 with Builder `b`. `read(k, indices)` is an element of operand k (its producer's value, computed
                 there, or a load; the indices are inside, not negative, as many as axes), `size(k, axis)` an extent;
                 with `read(k, indices, stretch=True)` the indices are of `at`, and 0 is read along axes that are 1
      extents    (b, op, size) -> the extents of the result, where it has not those of operand 0
      reduce     (initial value, name of the op that combines) of a reduction over attrs `axis` and `keepdims`, or,
                 without them, to the shape of operand 1; the initial value may be a function of the dtype
    """

    name: str
    infer: Callable[[Sequence[Type], Attrs], tuple[Type, ...]]
    evaluate: Callable[..., Any] | None = None
    kind: str = "elementwise"
    partials: tuple[Callable[..., Any] | None, ...] | None = None
    linear: tuple[int, ...] = ()
    transpose: tuple[Callable[..., Any] | None, ...] = ()
    pushforward: tuple[Callable[..., Any] | None, ...] = ()
    additive: bool = False
    expand: Callable[..., Any] | None = None
    zero: bool = False
    mask: bool = False
    singular: bool | Callable[[Any], bool] = False
    scales: bool = False
    steps: bool = False
    reads: tuple[int, ...] | None = None
    writes: tuple[int, ...] = ()
    allocates: bool = True
    renews: bool = False
    ordered: bool = False
    may_raise: Callable[[Any], bool] | None = None
    emit: str = ""
    kernel: str = ""
    vector: str = ""
    cheap: bool = False
    element: Callable[..., Any] | None = None
    extents: Callable[..., Any] | None = None
    reduce: tuple[Any, str] | None = None
    known: Callable[..., tuple[Type, ...]] | None = None
    samples: tuple[Any, ...] = ()
    doc: str = ""


OPS: dict[str, OpDef] = {}
MANY = 64  # operands at most of an op that takes any number of them


def with_attributes(template: str, attrs: Attrs) -> str:
    """An emission template with its attributes filled in: `{n}` by name, `{**}` as keyword arguments."""
    given = {k: v for k, v in attrs.items() if k not in ("safe", "checked")}
    template = template.replace("{**}", "".join(f", {k}={v!r}" for k, v in given.items()))
    for key, value in given.items():
        template = template.replace(f"{{{key}}}", repr(value))
    return template


def define(entry: OpDef) -> OpDef:
    """Enter an op into the table; a second entry of the same name is a bug."""
    assert entry.name not in OPS, f"op {entry.name} is declared twice"
    OPS[entry.name] = entry
    return entry
