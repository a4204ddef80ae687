"""The companion of a gradient kernel that puts arrays into buffers: what a call with `out=` runs, and one that
returns many arrays, for NumPy makes arrays faster than Numba returns them.

    f_grad_linked = buffers.linked(__name__, f_grad)

    def f_grad_into(a0, a1, o0):
        g0, r0 = f_grad_linked((a0, a1))
        if o0.shape != g0.shape: raise BufferError("shape")
        buffers.copy(o0, g0)
        return r0
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from adcompiler.analysis.extents import Axis
from adcompiler.ir.types import Dim, multiple

SUFFIX = "_into"


def text(
    kernel: str,
    entry: str,
    types: str,
    params: int,
    returns: int,
    buffered: Sequence[int],
    extents: Mapping[Axis, Dim],
) -> str:
    """The function as text; it stands in the module of the kernel, which has so many params and returns; `buffered`:
    which returns go into buffers.

    Buffers that have another shape, or share memory, raise BufferError before anything is written to them; so do
    arguments of other extents than the specialization is for, and what is not of the types at all: it takes arrays as
    they are given to a call (`runtime.given`). The types are part of the text: Numba tells by them what the function
    takes, so that no other specialization may share it.
    """
    decorator = re.search(r"^@njit\(.*\)$", kernel, re.MULTILINE)
    assert decorator is not None, "a kernel is compiled by Numba"
    args = [f"a{k}" for k in range(params)]
    outs = {k: f"o{j}" for j, k in enumerate(buffered)}
    results = [f"g{k}" if k in outs else f"r{k}" for k in range(returns)]
    lines = ["", "", "from adcompiler.runtime import buffers", ""]
    lines += [f"{entry}_linked = buffers.linked(__name__, {entry})"]
    lines += ["", "", decorator[0], f"def {entry}{SUFFIX}({', '.join([*args, *outs.values()])}):"]
    lines += [f'    """For {types}."""']
    if same := extents_as(extents, args):
        lines += [f"    if not ({' and '.join(same)}):", '        raise BufferError("extents")']
    lines += [f"    {', '.join(results)} = {entry}_linked(({', '.join(args)},))"]
    for k, out in outs.items():
        lines += [f"    if {out}.shape != g{k}.shape:", '        raise BufferError("shape")']
    if len(outs) > 1:
        lines += _apart(list(outs.values()))
    lines += [f"    buffers.copy({out}, g{k})" for k, out in outs.items()]
    lines += [f"    return {', '.join(r for r in results if r[0] == 'r')}".rstrip()]
    return "\n".join(lines) + "\n"


def extents_as(known: Mapping[Axis, Dim], names: Sequence[str]) -> list[str]:
    """Comparisons that hold where extents are what the specialization takes them to be."""
    places = {f"{names[k]}.shape[{axis}]": dim for (k, axis), dim in known.items()}
    first = {dim: at for at, dim in reversed(places.items())}
    found = []
    for at, dim in places.items():
        if not isinstance(dim, str):
            found.append(f"{at} == {dim}")
        elif at != first[dim]:
            found.append(f"{at} == {first[dim]}")
        elif (count := multiple(dim)[0]) > 1:
            found.append(f"{at} == {count} * {first[multiple(dim)[1]]}")
    return found


def _apart(outs: Sequence[str]) -> list[str]:
    """Lines that find contiguous arrays that share memory."""
    starts = ", ".join(f"buffers.address({o})" for o in outs)
    sizes = ", ".join(f"{o}.nbytes" for o in outs)
    return [
        f"    starts = ({starts})",
        f"    sizes = ({sizes})",
        f"    for i in range({len(outs)}):",
        "        for j in range(i):",
        "            if starts[i] < starts[j] + sizes[j] and starts[j] < starts[i] + sizes[i]:",
        '                raise BufferError("overlap")',
    ]
