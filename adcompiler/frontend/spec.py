"""What the frontend knows of an argument or a result: its structure, and the type of each leaf.

A spec is hashable and is part of the specialization key. `flatten` order is the order of the IR's parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adcompiler.ir.types import Array, Scalar


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


def leaves(spec: Spec) -> Iterator[Leaf]:
    """The run-time leaves, in order."""
    if isinstance(spec, Leaf):
        yield spec
    elif not isinstance(spec, Static):
        for item in spec.items:
            yield from leaves(item)
