"""Carried values of loops that do not really change."""

from __future__ import annotations

from adcompiler.ir.core import Op
from adcompiler.ir.walk import Env


def settled(loop: Op) -> Env:
    """Params and results of a loop that can be replaced: by the value they keep, or by an equal slot.

    A slot keeps its first value if it yields its param, or that first value; two slots are one if they start and
    go on alike. The slots themselves stay, dead, for dce.
    """
    found: Env = {}
    first: dict[object, int] = {}
    for k, (param, result, init, after) in enumerate(
        zip(loop.carried, loop.results, loop.inits, loop.yields, strict=True)
    ):
        if after is param or after == init:
            found[param] = found[result] = init
            continue
        same = first.setdefault((init, after), k)
        if same != k:
            found[param], found[result] = loop.carried[same], loop.results[same]
    return found
