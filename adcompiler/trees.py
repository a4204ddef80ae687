"""Arguments and results as trees: their leaves, values put together from leaves, odd values made plain, `out=`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from adcompiler.errors import Loc, ShapeMismatch, TypeMismatch
from adcompiler.frontend.spec import Dict, Leaf, Record, Spec, Static, Tuple

OVERLAP_WORK = 100_000  # beyond it, telling interleaved arrays apart is given up, and they count as overlapping
PLAIN = (float, int, bool, str, type(None))


def arrays(value: Any, spec: Spec) -> Iterator[Any]:
    """The leaves of a value, in the order of the kernel's parameters."""
    if isinstance(spec, Leaf):
        yield value
    elif isinstance(spec, Dict):
        for k, item in zip(spec.keys, spec.items, strict=True):
            yield from arrays(value[k], item)
    elif isinstance(spec, Record):
        for f, item in zip(fields(spec.cls), spec.items, strict=True):
            yield from arrays(getattr(value, f.name), item)
    elif isinstance(spec, Tuple):
        for v, item in zip(value, spec.items, strict=True):
            yield from arrays(v, item)


def sizes_of(values: Sequence[Any], specs: Sequence[Spec]) -> tuple[tuple[int, ...], ...]:
    """The shape of each leaf, () for scalars."""
    return tuple(np.shape(leaf) for v, spec in zip(values, specs, strict=True) for leaf in arrays(v, spec))


def rebuilt(spec: Spec, parts: Iterator[Any]) -> Any:
    """A value of the given structure from its leaves."""
    if isinstance(spec, Leaf):
        return next(parts)
    if isinstance(spec, Static):
        return spec.value
    items = [rebuilt(item, parts) for item in spec.items]
    if isinstance(spec, Dict):
        return dict(zip(spec.keys, items, strict=True))
    if isinstance(spec, Record):
        return record(spec.cls, *items)
    return tuple.__new__(spec.cls, items) if spec.cls is not None else tuple(items)


def record(cls: type, *items: Any) -> Any:
    """A dataclass instance from its fields, whatever its constructor wants (a gradient need not pass its checks)."""
    value: Any = object.__new__(cls)
    for f, item in zip(fields(cls), items, strict=True):
        object.__setattr__(value, f.name, item)
    return value


def plain(value: Any) -> Any:
    """The value as kernels take it: subclasses of numbers, arrays and containers become what they stand for;
    read-only and unaligned arrays are copied. A value that is plain already is returned itself."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is np.ndarray:
        return value if value.flags.behaved else np.array(value, order="C")
    if isinstance(value, np.ndarray):
        if isinstance(value, np.matrix | np.ma.MaskedArray):
            raise TypeMismatch(f"values of type {kind.__name__} are not supported", hint="np.asarray of it")
        return plain(np.asarray(value))
    if isinstance(value, np.generic):
        return value
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, tuple | dict) or (is_dataclass(value) and not isinstance(value, type)):
        return _plain_structure(value)
    if hasattr(value, "__array_interface__") and not callable(value):
        return plain(np.asarray(value))
    return value


def _plain_structure(value: Any) -> Any:
    if isinstance(value, dict):
        items = {k: plain(v) for k, v in value.items()}
        return value if type(value) is dict and all(items[k] is v for k, v in value.items()) else items
    if isinstance(value, tuple):
        parts = [plain(v) for v in value]
        same = all(a is b for a, b in zip(parts, value, strict=True))
        if hasattr(value, "_fields"):
            return value if same else tuple.__new__(type(value), parts)
        return value if same and type(value) is tuple else tuple(parts)
    old = [getattr(value, f.name) for f in fields(value)]
    new = [plain(v) for v in old]
    return value if all(a is b for a, b in zip(new, old, strict=True)) else record(type(value), *new)


def overlap(a: Any, b: Any) -> bool:
    """Do two arrays share an element?"""
    if not np.may_share_memory(a, b):
        return False
    try:
        return bool(np.shares_memory(a, b, max_work=OVERLAP_WORK))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


# Buffers given as `out=`.
def write_out(out: Any, result: Any, loc: Loc | None = None) -> Any:
    """Copy a gradient into the buffers given as `out=`: all of them are checked before the first is written.

    A buffer of None, or a number where the gradient is a number, stands for a fresh result.
    """
    if type(out) is np.ndarray and type(result) is np.ndarray:  # the common case, quickly
        if out.shape != result.shape or out.dtype != result.dtype or not out.flags.writeable:
            _check_buffer(out, result, "out", loc)
        out[...] = result
        return out
    pairs = list(_buffers(out, result, "out", loc))
    for k, (buffer, part, name) in enumerate(pairs):
        _check_buffer(buffer, part, name, loc)
        for other, _, other_name in pairs[:k]:
            if overlap(buffer, other):
                raise TypeMismatch(f"{name} and {other_name} share memory", loc, "a buffer for each gradient")
    for buffer, part, _ in pairs:
        buffer[...] = part
    return _filled(out, result)


def _check_buffer(buffer: np.ndarray, part: Any, name: str, loc: Loc | None) -> None:
    shape = np.shape(part)
    if buffer.shape != shape:
        raise ShapeMismatch(f"{name} has shape {buffer.shape}, the gradient {shape}", loc)
    dtype = part.dtype if hasattr(part, "dtype") else np.asarray(part).dtype
    if buffer.dtype != dtype:
        raise TypeMismatch(f"{name} has dtype {buffer.dtype}, the gradient {dtype}", loc)
    if not buffer.flags.writeable:
        raise TypeMismatch(f"{name} is read-only", loc, "a buffer that can be written to")


def _parts(value: Any) -> dict[Any, Any] | None:
    """The children of a structure by key; None for a leaf."""
    if isinstance(value, dict):
        return value
    if isinstance(value, tuple | list):
        return dict(enumerate(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    return None


def _buffers(out: Any, result: Any, name: str, loc: Loc | None) -> Iterator[tuple[np.ndarray, Any, str]]:
    """(buffer, its gradient, its name) for each buffer."""
    if out is None:
        return
    inner, parts = _parts(out), _parts(result)
    if isinstance(out, np.ndarray) and parts is None and result is not None:
        yield out, result, name
        return
    number = isinstance(out, int | float | np.generic) and isinstance(result, int | float | np.generic)
    if number:
        return
    alike = isinstance(out, type(result)) or (isinstance(out, list) and type(result) is tuple)
    if inner is None or parts is None or not alike or set(inner) != set(parts):
        raise TypeMismatch(f"{name} does not have the structure of the gradient", loc, "buffers like the argument")
    for key, part in parts.items():
        label = f"{name}.{key}" if is_dataclass(out) else f"{name}[{key!r}]"
        yield from _buffers(inner[key], part, label, loc)


def _filled(out: Any, result: Any) -> Any:
    """The result with its leaves replaced by the buffers they were written to."""
    parts = _parts(result)
    if parts is None:
        return out if isinstance(out, np.ndarray) else result
    inner = _parts(out) or {}
    items = [_filled(inner.get(k), v) for k, v in parts.items()]
    if isinstance(result, dict):
        return dict(zip(parts, items, strict=True))
    if is_dataclass(result):
        return record(type(result), *items)
    return tuple.__new__(type(result), items)


# What programs do with trees, in plain Python; frontend/trees.py is what it is inside compiled functions.
def tree_map(fn: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """`fn` of each leaf of a structure (tuples, named tuples, dicts, dataclasses), and of the leaves of others of its
    form beside it, in the same structure. None is a structure without leaves.

    Raises TypeMismatch where the structures differ.
    """
    if tree is None:
        return None
    if isinstance(tree, dict):
        _alike(tree, rest, all(isinstance(r, dict) and r.keys() == tree.keys() for r in rest))
        return {k: tree_map(fn, v, *(r[k] for r in rest)) for k, v in tree.items()}
    if isinstance(tree, tuple):
        _alike(tree, rest, all(isinstance(r, tuple) and len(r) == len(tree) for r in rest))
        parts = [tree_map(fn, *row) for row in zip(tree, *rest, strict=True)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    if is_dataclass(tree) and not isinstance(tree, type):
        _alike(tree, rest, all(type(r) is type(tree) for r in rest))
        names = [f.name for f in fields(tree)]
        return type(tree)(**{n: tree_map(fn, getattr(tree, n), *(getattr(r, n) for r in rest)) for n in names})
    return fn(tree, *rest)


def _alike(tree: Any, rest: tuple[Any, ...], alike: bool) -> None:
    if not alike:
        kinds = " and ".join(type(t).__name__ for t in (tree, *rest))
        raise TypeMismatch(f"the structures differ: {kinds}", None, "structures of one form")


def tree_leaves(tree: Any) -> tuple[Any, ...]:
    """The leaves of a structure (tuples, named tuples, dicts, dataclasses), in order."""
    found: list[Any] = []
    tree_map(found.append, tree)
    return tuple(found)


def tree_unflatten(tree: Any, leaves: Sequence[Any]) -> Any:
    """The structure with other leaves, in the order of `tree_leaves`.

    Raises TypeMismatch where their number is not that of its leaves.
    """
    count = len(tree_leaves(tree))
    if len(leaves) != count:
        raise TypeMismatch(f"{len(leaves)} leaves for a structure of {count}")
    rest = iter(leaves)
    return tree_map(lambda _: next(rest), tree)
