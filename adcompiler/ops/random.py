"""Random numbers: functions of a key and a counter, which are pure, and draws, an ordered effect.

A draw has no derivative: a program is differentiated for the numbers that it drew, which the reverse sweep keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adcompiler import runtime
from adcompiler.ir.table import Attrs, OpDef, define
from adcompiler.ir.types import Array, Scalar, Type
from adcompiler.ops import infer


def _keyed(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    if any(dtype[0] not in "iu" for dtype in infer.dtypes(types)):
        raise TypeError("needs an integer key and an integer counter")
    return (infer.shaped("f64", types),)


for _name in ("random", "random_normal"):
    define(OpDef(_name, _keyed, getattr(runtime, _name), zero=True, emit=f"{_name}({{0}}, {{1}})"))


def _drawn(dtype: str, first: int) -> Callable[..., tuple[Type, ...]]:
    """The result of a draw whose operands after the first ones are extents."""

    def infer_types(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
        for t in types:
            infer.index(t)
        rank = len(types) - first
        if rank < 0:
            raise TypeError("bounds are missing")
        return (Array(dtype, attrs.get("dims", (None,) * rank)) if rank else Scalar(dtype),)

    return infer_types


def _draw(function: Callable[..., Any], first: int) -> Callable[..., Any]:
    def evaluate(*operands: Any, dims: Any = None) -> Any:
        shape = tuple(int(n) for n in operands[first:])
        return function(*(int(a) for a in operands[:first]), size=shape if shape else None)

    return evaluate


# draw_uniform %n, ...: on [0, 1), of that shape. draw_integer %lo, %hi, %n, ...: below hi.
for _name, _dtype, _first, _function in (
    ("draw_uniform", "f64", 0, np.random.random),
    ("draw_normal", "f64", 0, np.random.standard_normal),
    ("draw_integer", "i64", 2, np.random.randint),
):
    define(OpDef(_name, _drawn(_dtype, _first), _draw(_function, _first), kind="draw", reads=(), zero=True,
                 ordered=True, emit=f"np.random.{_function.__name__}", doc="0; kept, never drawn again"))  # fmt: skip


def _seed(types: Sequence[Type], attrs: Attrs) -> tuple[Type, ...]:
    infer.index(types[0])
    return ()


# seed %n: of the generator that draws.
define(OpDef("seed", _seed, kind="effect", reads=(), ordered=True, emit="np.random.seed({0})"))
