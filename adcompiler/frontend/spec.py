"""What the frontend knows of an argument or a result: its structure, and the type of each leaf.

A spec is hashable and is part of the specialization key. `flatten` order is the order of the IR's parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adcompiler.ir.types import Array, Dim, Scalar


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value at run time. `weak`: a Python scalar, which takes the dtype of what it meets (NumPy 2)."""

    type: Scalar | Array
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple or a named tuple (then `cls` is its class)."""

    items: tuple[Spec, ...]
    cls: Any = None


@dataclass(frozen=True, slots=True)
class Dict:
    """A dict with string keys, in the argument's order."""

    keys: tuple[str, ...]
    items: tuple[Spec, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A dataclass instance."""

    cls: type
    items: tuple[Spec, ...]


@dataclass(frozen=True, slots=True)
class Static:
    """Something known when compiling: None, a string, a function, a dtype, a module."""

    value: Any


Spec = Leaf | Tuple | Dict | Record | Static


def with_dims(specs: Sequence[Spec], known: Mapping[tuple[int, int], Dim]) -> tuple[Spec, ...]:
    """The specs with dims that are known, by (leaf, axis)."""
    count = iter(range(1_000_000))

    def visit(spec: Spec) -> Spec:
        if isinstance(spec, Static):
            return spec
        if not isinstance(spec, Leaf):
            return replace(spec, items=tuple([visit(item) for item in spec.items]))
        at, t = next(count), spec.type
        if not isinstance(t, Array):
            return spec
        return replace(spec, type=replace(t, dims=tuple(known.get((at, k), d) for k, d in enumerate(t.dims))))

    return tuple([visit(spec) for spec in specs])


def leaves(spec: Spec) -> Iterator[Leaf]:
    """The run-time leaves, in order."""
    if isinstance(spec, Leaf):
        yield spec
    elif not isinstance(spec, Static):
        for item in spec.items:
            yield from leaves(item)
