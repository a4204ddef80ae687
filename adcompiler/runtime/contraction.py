"""einsum by BLAS where a part of the sum is a product of matrices and large, by loops elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from adcompiler.runtime import indexed
from adcompiler.runtime.native import multiply_into

WORTH = 512  # multiplications in a product of matrices from which BLAS is quicker than loops
SMALL = 1024  # elements of a matrix that is turned before BLAS gets it


def einsum(spec: str, *operands: Any) -> Any:
    """np.einsum of one spelled out spec, no letter twice in an operand."""
    return np.einsum(spec, *operands)


@overload(einsum, prefer_literal=True)
def _einsum(spec, *operands):
    inputs, out = spec.literal_value.split("->")
    names = inputs.split(",")
    arrays = all(isinstance(t, types.Array) for t in operands)
    dtypes = {t.dtype for t in operands} if arrays else set()
    floats = len(dtypes) == 1 and isinstance(operands[0].dtype, types.Float)
    rows = ["def einsum(spec, *operands):", *(_by_blas(names, out) if floats else [])]
    given = ", ".join(f"operands[{k}]" for k in range(len(names)))
    space: dict[str, Any] = {"np": np, "by_loops": indexed.einsum, "multiply_into": multiply_into}
    if floats:
        space |= {
            "dtype": operands[0].dtype,
            **dict(zip(("zero", "one"), np.array([0, 1], str(operands[0].dtype)), strict=True)),
        }
    exec("\n".join([*rows, f"    return by_loops({spec.literal_value!r}, {given})"]), space)
    return space["einsum"]


def _by_blas(names: Any, out: Any) -> Any:
    """The sum as products of matrices, one for each index of the other axes: a branch, for where that is worth it.

    BLAS takes a matrix with one axis whose elements are neighbors, so of each array the last axis takes part.
    """
    found = _matrices(names, out)
    if found is None:
        return []
    left, right, p, q, k = found
    rows = []
    for c in dict.fromkeys("".join(names)):
        axes = [(f"x{j}", n.index(c)) for j, n in enumerate(names) if c in n]
        sizes = [f"{x}.shape[{axis}]" for x, axis in axes]
        rows += [f"    n_{c} = {sizes[0]}", *(f"    n_{c} = {size} if n_{c} == 1 else n_{c}" for size in sizes[1:])]
        rows += [f"    {c}_{x} = 1 if {x}.shape[{axis}] != 1 else 0" for x, axis in axes if c not in (p, q, k)]
    others = [c for c in dict.fromkeys(out + "".join(names)) if c not in (p, q, k)]
    added = [c for c in others if c not in out]

    def matrix(x: str, letters: str, rows: str, columns: str) -> str:
        """The part of an array that takes part, with its axes in this order."""
        items = [":" if c in (p, q, k) else c if x == "out" else f"{c} * {c}_{x}" for c in letters]
        return f"{x}[{', '.join(items)}]" + ("" if letters.index(rows) < letters.index(columns) else ".T")

    def neighbors(x: str, letters: str) -> str:
        (other,) = (axis for axis, c in enumerate(letters[:-1]) if c in (p, q, k))
        row, last = f"{x}.strides[{other}]", len(letters) - 1
        return (
            f"{x}.strides[{last}] == {x}.itemsize and {row} % {x}.itemsize == 0 "
            f"and {row} >= {x}.shape[{last}] * {x}.itemsize"
        )

    x, y = f"x{left}", f"x{right}"
    factors = f"{matrix('out', out, p, q)}, {matrix(x, names[left], p, k)}"
    last = matrix(y, names[right], k, q)
    keep = f"zero if {' and '.join(f'{c} == 0' for c in added)} else one" if added else "zero"
    loops = [f"        {'    ' * depth}for {c} in range(n_{c}):" for depth, c in enumerate(others)]
    fits = f"{neighbors(x, names[left])} and {neighbors(y, names[right])}"
    pad = "        " + "    " * len(loops)
    plain = [*loops, f"{pad}multiply_into({factors}, {last}, {keep})", "        return out"]
    if last.endswith(".T"):  # BLAS is slow to turn small matrices
        straight = [f"{pad}turned[...] = {last}", f"{pad}multiply_into({factors}, turned, {keep})"]
        test = f"        if n_{k} * n_{q} <= {SMALL} and n_{p} > 4:"
        once = f"turned = np.empty((n_{k}, n_{q}), dtype)"
        inside = [f"        {once}", *loops, *straight, "        return out"]
        plain = [test, *(f"    {row}" for row in inside), *plain]
    return [
        *(f"    x{j} = operands[{j}]" for j in range(2)),
        *rows,
        f"    if n_{p} * n_{q} * n_{k} >= {WORTH} and {fits}:",
        f"        out = np.{'zeros' if added else 'empty'}(({', '.join(f'n_{c}' for c in out)}), dtype)",
        *plain,
    ]


def _matrices(names: Any, out: Any) -> Any:
    """(left factor, right factor, letters of rows, columns and of what is added up), None where there is no product."""
    if len(names) != 2 or len(out) < 2:
        return None
    q = out[-1]
    right = next((k for k in (0, 1) if q in names[k] and q not in names[1 - k]), None)
    if right is None:
        return None
    x, y = names[1 - right], names[right]
    added = [c for c in x if c in y and c not in out]
    own = [c for c in out if c in x and c not in y]
    ends = {n[-1] for n in (x, y) if n[-1] in added}
    if not added or not own or len(ends) > 1 or y[-1] not in [q, *added] or x[-1] not in [*own, *added]:
        return None
    return 1 - right, right, x[-1] if x[-1] in own else own[-1], q, ends.pop() if ends else added[-1]
