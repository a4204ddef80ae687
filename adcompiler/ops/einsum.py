"""einsum: one op for the products that are no matrix product; linear in each operand, its adjoint an einsum again.

An axis of the result may be 1 in some operands, and is stretched there. One that is summed over must have one size
(NumPy would stretch it too): else an adjoint would have to know which operand was the wide one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adcompiler.errors import ShapeMismatch
from adcompiler.ir.build import apply
from adcompiler.ir.table import MANY, Attrs, OpDef, define
from adcompiler.ir.types import Array, Scalar, Type, broadcast
from adcompiler.ops import infer


def letters(spec: str) -> tuple[list[str], str]:
    """`ij,jk->ik` taken apart: a letter per axis of each operand, and of the result."""
    inputs, out = spec.split("->")
    return inputs.split(","), out


def _einsum(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    inputs, out = letters(attrs["spec"])
    if len(inputs) != len(types):
        raise TypeError(f"{attrs['spec']} has {len(inputs)} operands, not {len(types)}")
    dims: dict[str, Any] = {}
    for t, names in zip(types, inputs, strict=True):
        mine = t.dims if isinstance(t, Array) else ()
        if len(mine) != len(names) or len(set(names)) != len(names):
            raise TypeError(f"{t} has not the axes {names!r}")
        for name, d in zip(names, mine, strict=True):
            dims[name] = broadcast((dims[name],), (d,))[0] if name in dims else d
    if len(set(out)) != len(out) or not set(out) <= set(dims):
        raise TypeError(f"{attrs['spec']} has axes in its result that no operand has")
    dtype = infer.same(types)
    return (Array(dtype, tuple(dims[name] for name in out)) if out else Scalar(dtype),)


def _evaluate(*xs: Any, spec: str) -> Any:
    inputs, out = letters(spec)
    sizes: dict[str, set[int]] = {}
    for x, names in zip(xs, inputs, strict=True):
        for name, n in zip(names, np.shape(x), strict=True):
            sizes.setdefault(name, set()).add(n)
    if any(len(found) > 1 for name, found in sizes.items() if name not in out):
        raise ShapeMismatch(f"{spec}: shapes do not match")
    return np.einsum(spec, *xs)


def _adjoint(k: int) -> Any:
    """The rule of operand k: the adjoint takes its place, and is copied along the axes that only it has."""

    def rule(g: Any, y: Any, *xs: Any, spec: str) -> Any:
        inputs, out = letters(spec)
        mine = inputs[k]
        terms = [(out, g), *((names, x) for j, (names, x) in enumerate(zip(inputs, xs, strict=True)) if j != k)]
        known = {c for names, _ in terms for c in names}
        kept = "".join(c for c in mine if c in known)
        pushed = _product(terms, kept)
        if kept != mine and kept:
            pushed = apply("view", pushed, index=tuple("000" if c in known else "n" for c in mine))
        x = xs[k]
        if kept != mine:
            return apply("broadcast_like", pushed, x)
        # Stretched may be what other operands have in the result too.
        others = "".join(names for j, names in enumerate(inputs) if j != k)
        wide = any(c in out and c in others for c in mine)
        return apply("sum_to", pushed, x) if wide else pushed

    return rule


def _product(terms: list[tuple[str, Any]], kept: str) -> Any:
    """An einsum, without the numbers among its operands, which multiply it."""
    numbers = [x for names, x in terms if not names]
    arrays = [(names, x) for names, x in terms if names]
    result: Any = None
    if len(arrays) == 1 and arrays[0][0] == kept:
        result = arrays[0][1]
    elif arrays:
        result = apply("einsum", *(x for _, x in arrays), spec=f"{','.join(n for n, _ in arrays)}->{kept}")
    for x in numbers:
        result = x if result is None else x * result
    return result


define(OpDef("einsum", _einsum, _evaluate, kind="array", linear=tuple(range(MANY)),
             transpose=tuple(map(_adjoint, range(MANY))), may_raise=lambda op: True, emit="np.einsum"))  # fmt: skip
