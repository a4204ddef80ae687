"""Helpers that read and write at index arrays, and einsum: loop nests made for the index or the spec at hand.

`index` has a letter per axis: 'a' an index array, 'i' an integer, '0' the whole axis (ops/indexed.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload


def gather(x: Any, index: str, *given: Any) -> Any:
    """x[given...]"""
    return x[_key(index, given)]


def scatter(x: Any, index: str, *given: Any) -> None:
    """x[given...] = the last operand."""
    x[_key(index, given)] = given[-1]


def scatter_add(x: Any, index: str, *given: Any) -> None:
    """The last operand added at each place, repeated ones too."""
    np.add.at(x, _key(index, given), given[-1])


def withdraw(x: Any, index: str, *given: Any) -> Any:
    """What is at these places, for the last of each; zeros stay behind."""
    at = _key(index, given)
    places = np.arange(x.size).reshape(x.shape)[at]
    backwards = places.ravel()[::-1]
    last = np.zeros(backwards.size, np.bool_)
    last[np.unique(backwards, return_index=True)[1]] = True
    taken = np.where(last[::-1].reshape(places.shape), x[at], 0).astype(x.dtype)
    x[at] = 0
    return taken


def einsum(spec: str, *operands: Any) -> Any:
    """np.einsum of one spelled out spec, no letter twice in an operand."""
    return np.einsum(spec, *operands)


def _key(index: Any, given: Any) -> Any:
    rest = iter(given)
    return tuple([slice(None) if item == "0" else next(rest) for item in index])


def _made(name: Any, rows: Any, **given: Any) -> Any:
    """The function with this text."""
    space: dict[str, Any] = {"np": np, **given}
    exec("\n".join(rows), space)
    return space[name]


def _nest(loops: Any, body: Any, back: bool = False) -> Any:
    """Loops around the body: (variable, extent), outermost first."""
    rows, pad = [], "    "
    for variable, extent in loops:
        turn = f"range({extent} - 1, -1, -1)" if back else f"range({extent})"
        rows.append(f"{pad}for {variable} in {turn}:")
        pad += "    "
    return rows + [pad + row for row in body]


def _plan(index: Any, given: Any) -> Any:
    """(statements before, the loops over the result, statements that find the place, the place)."""
    ranks = [getattr(t, "ndim", 0) for t in given]
    rank = max(ranks)
    before = [f"    i{k} = given[{k}]" for k in range(len(given))]
    for axis in range(rank):
        before.append(f"    n{axis} = 1")
        for k, r in enumerate(ranks):
            if axis - (rank - r) >= 0:
                size = f"i{k}.shape[{axis - (rank - r)}]"
                before.append(f"    n{axis} = {size} if n{axis} == 1 else n{axis}")
    find, place, number = [], [], 0
    for axis, item in enumerate(index):
        if item == "0":
            place.append(f"s{axis}")
            continue
        r = ranks[number]
        at = [f"a{rank - r + j} if i{number}.shape[{j}] != 1 else 0" for j in range(r)]
        find.append(f"k{axis} = np.int64(i{number}{'[' + ', '.join(at) + ']' if r else ''})")
        find.append(f"k{axis} = k{axis} + x.shape[{axis}] if k{axis} < 0 else k{axis}")
        place.append(f"k{axis}")
        number += 1
    advanced = [k for k, item in enumerate(index) if item != "0"]
    lines = [(f"a{k}", f"n{k}") for k in range(rank)]
    whole = [(k, (f"s{k}", f"x.shape[{k}]")) for k, item in enumerate(index) if item == "0"]
    joined = len(advanced) == advanced[-1] - advanced[0] + 1
    ahead = [loop for k, loop in whole if joined and k < advanced[0]]
    loops = ahead + lines + [loop for k, loop in whole if not (joined and k < advanced[0])]
    return before, loops, find, ", ".join(place)


def _shape(loops: Any) -> Any:
    return "(" + "".join(f"{extent}, " for _, extent in loops) + ")"


@overload(gather, prefer_literal=True)
def _gather(x, index, *given):
    before, loops, find, place = _plan(index.literal_value, given)
    at = ", ".join(variable for variable, _ in loops)
    rows = ["def gather(x, index, *given):", *before, f"    out = np.empty({_shape(loops)}, x.dtype)"]
    rows += [*_nest(loops, [*find, f"out[{at}] = x[{place}]"]), "    return out"]
    return _made("gather", rows)


@overload(withdraw, prefer_literal=True)
def _withdraw(x, index, *given):
    before, loops, find, place = _plan(index.literal_value, given)
    at = ", ".join(variable for variable, _ in loops)
    rows = ["def withdraw(x, index, *given):", *before, f"    out = np.empty({_shape(loops)}, x.dtype)"]
    rows += _nest(loops, [*find, f"out[{at}] = x[{place}]", f"x[{place}] = 0"], back=True)
    return _made("withdraw", [*rows, "    return out"])


def _written(name: Any, sign: Any, index: Any, given: Any) -> Any:
    """The text of scatter and scatter_add."""
    *indices, value = given
    before, loops, find, place = _plan(index.literal_value, indices)
    rank = getattr(value, "ndim", 0)
    last = loops[len(loops) - rank :]
    at = [f"{v} if value.shape[{k}] != 1 else 0" for k, (v, _) in enumerate(last)]
    element = f"value[{', '.join(at)}]" if rank else "value"
    rows = [f"def {name}(x, index, *given):", *before, f"    value = given[{len(indices)}]"]
    return _made(name, rows + _nest(loops, [*find, f"x[{place}] {sign} {element}"]))


@overload(scatter, prefer_literal=True)
def _scatter(x, index, *given):
    return _written("scatter", "=", index, given)


@overload(scatter_add, prefer_literal=True)
def _scatter_add(x, index, *given):
    return _written("scatter_add", "+=", index, given)


@overload(einsum, prefer_literal=True)
def _einsum(spec, *operands):
    inputs, out = spec.literal_value.split("->")
    names = inputs.split(",")
    dtype = operands[0].dtype if isinstance(operands[0], types.Array) else operands[0]
    rows = ["def einsum(spec, *operands):", *(f"    x{k} = operands[{k}]" for k in range(len(names)))]
    letters = list(dict.fromkeys(out + "".join(names)))
    for c in letters:
        sizes = [f"x{k}.shape[{n.index(c)}]" for k, n in enumerate(names) if c in n]
        rows += [f"    n_{c} = {sizes[0]}", *(f"    n_{c} = {s} if n_{c} == 1 else n_{c}" for s in sizes[1:])]
    factors, shared = [], [c for c in letters if sum(c in n for n in names) > 1]
    rows += [f"    u{k}_{c} = 1 if x{k}.shape[{n.index(c)}] != 1 else 0" for k, n in enumerate(names) for c in n
             if c in shared]  # fmt: skip
    for k, n in enumerate(names):
        at = ", ".join(f"{c} * u{k}_{c}" if c in shared else c for c in n)
        factors.append(f"x{k}[{at}]" if n else f"x{k}")
    loops = [(c, f"n_{c}") for c in letters]
    inner = loops[len(out) :]
    if _adds_rows(names, out, inner):
        first, last = loops[: len(out) - 1] + inner, loops[len(out) - 1]
        fixed = [f for f, n in zip(factors, names, strict=True) if last[0] not in n] or ["one"]
        moving = [f for f, n in zip(factors, names, strict=True) if last[0] in n]
        row = _nest([last], [f"out[{', '.join(out)}] += factor * {' * '.join(moving)}"])
        rows.append(f"    out = np.zeros({_shape(loops[: len(out)])}, dtype)")
        rows += [*_nest(first, [f"factor = {' * '.join(fixed)}", *(r[4:] for r in row)]), "    return out"]
        return _made("einsum", rows, dtype=dtype, one=np.ones(1, str(dtype))[0])
    body = ["total = zero", *[r[4:] for r in _nest(inner, [f"total += {' * '.join(factors)}"])]]
    if out:
        rows.append(f"    out = np.empty({_shape(loops[: len(out)])}, dtype)")
        rows += [*_nest(loops[: len(out)], [*body, f"out[{', '.join(out)}] = total"]), "    return out"]
    else:
        rows += [*("    " + r for r in body), "    return total"]
    return _made("einsum", rows, dtype=dtype, zero=np.zeros(1, str(dtype))[0])


def _adds_rows(names: Any, out: Any, inner: Any) -> Any:
    """Is the last axis of the result the last one of more operands than any axis that is summed over?"""
    last = [n[-1:] for n in names]
    return bool(out) and bool(inner) and 1 + last.count(out[-1]) > max(last.count(c) for c, _ in inner)
