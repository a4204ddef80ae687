"""np.random and ad.random: draws as an ordered effect, distributions as formulas of them, shuffles as loops."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from adcompiler.errors import UnsupportedFunction
from adcompiler.frontend.arguments import arguments, extents
from adcompiler.frontend.context import Context
from adcompiler.frontend.elementwise import arity
from adcompiler.frontend.iteration import extent
from adcompiler.frontend.promote import binary, cast, need_number, wrap
from adcompiler.frontend.values import NONE, Arr, Num, Obj, Seq, Val, describe, is_none, number
from adcompiler.ir.build import const, integer
from adcompiler.ir.core import Const, Operand
from adcompiler.ir.types import Dim, f64

Kwargs = dict[str, Val]
Handler = Callable[[Context, list[Val], Kwargs, "ast.Call | None"], Val]
Shape = tuple[list[Operand], tuple[Dim, ...]]


# Functions of a key and a counter.
def keyed(op: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        key, i = arguments(cx, f"ad.{op}", "key i", args, kwargs, 2)
        numbers = [need_number(cx, v) for v in (key, i)]
        for n in numbers:
            if n.dtype[0] not in "iu":
                raise cx.error(f"ad.{op} takes an integer key and an integer counter, not {describe(n)}")
        return wrap(cx, cx.op(op, *(cast(cx, n.op, "i64") for n in numbers)), weak=True)

    return handler


# Draws.
def _shape(cx: Context, size: Val | None) -> Shape:
    """The extents that a size argument asks for: none for a number."""
    if size is None or is_none(size):
        return [], ()
    ops, dims = extents(cx, size)
    for op in ops:
        if not isinstance(op, Const):
            negative = cx.op("lt", op, integer(0))
            cx.raise_if(negative, "ValueError", "negative dimensions are not allowed")
    return ops, dims


def _draw(cx: Context, op: str, shape: Shape, *first: Operand) -> Num | Arr:
    ops, dims = shape
    attrs: dict[str, Any] = {"dims": dims} if ops else {}
    value = cx.op(op, *first, *ops, **attrs)
    drawn = wrap(cx, value, weak=True)
    assert isinstance(drawn, Num | Arr)
    return drawn


def by_extents(op: str) -> Handler:
    """np.random.rand(2, 3), np.random.randn(2, 3)."""
    return lambda cx, args, kwargs, node: _draw(cx, op, _shape(cx, Seq(tuple(args)) if args else None))


def by_size(op: str, name: str) -> Handler:
    """np.random.random((2, 3))."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        (size,) = arguments(cx, f"np.random.{name}", "size", args, kwargs, 0)
        return _draw(cx, op, _shape(cx, size))

    return handler


def _common_shape(cx: Context, a: Num | Arr, b: Num | Arr) -> Shape:
    """Where no size is given: the shape of the parameters together."""
    whole = binary(cx, "Add", a, b)
    if not isinstance(whole, Arr):
        return [], ()
    return [extent(cx, whole, k) for k in range(whole.type.rank)], whole.type.dims


def located(op: str, name: str, parameters: str, defaults: tuple[float, float]) -> Handler:
    """np.random.normal(loc, scale, size) as loc + scale * z, np.random.uniform(low, high, size) as low + ... * u."""

    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        a, b, size = arguments(cx, f"np.random.{name}", f"{parameters} size", args, kwargs, 0)
        low = number(defaults[0]) if a is None else need_number(cx, a)
        high = number(defaults[1]) if b is None else need_number(cx, b)
        given = size is not None and not is_none(size)
        shape = _shape(cx, size) if given else _common_shape(cx, low, high)
        span: Val = binary(cx, "Sub", high, low) if name == "uniform" else high
        if name == "normal" and isinstance(high, Num):
            negative = cx.op("lt", cast(cx, high.op, "f64"), const(0.0, f64))
            cx.raise_if(negative, "ValueError", "scale < 0")
        drawn = _draw(cx, op, shape)
        return binary(cx, "Add", low, need_number(cx, binary(cx, "Mult", need_number(cx, span), drawn)))

    return handler


def randint(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """np.random.randint(low, high=None, size=None)."""
    low, high, size = arguments(cx, "np.random.randint", "low high size", args, kwargs)
    if high is None or is_none(high):
        low, high = number(0), low
    bounds = [need_number(cx, v) for v in (low, high)]
    for n in bounds:
        if not isinstance(n, Num) or n.dtype[0] not in "iu":
            raise cx.error(f"np.random.randint takes integers, not {describe(n)}")
    first, last = (cast(cx, n.op, "i64") for n in bounds)
    shape = _shape(cx, size)
    cx.raise_if(cx.op("ge", first, last), "ValueError", "low >= high")
    return _draw(cx, "draw_integer", shape, first, last)


def seed(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    arity(cx, args, 1, "seed")
    n = need_number(cx, args[0])
    if not isinstance(n, Num) or n.dtype[0] not in "iu":
        raise cx.error(f"a seed is an integer, not {describe(n)}")
    cx.do("seed", cast(cx, n.op, "i64"))
    return NONE


# Shuffles: Fisher and Yates, in the language of programs.
def shuffled_elements(x: Any) -> Any:
    for last in range(len(x) - 1, 0, -1):
        other = np.random.randint(0, last + 1)
        element = x[last]
        x[last] = x[other]
        x[other] = element


def shuffled_rows(x: Any) -> Any:
    for last in range(len(x) - 1, 0, -1):
        other = np.random.randint(0, last + 1)
        row = x[last].copy()
        x[last] = x[other]
        x[other] = row


def permuted_numbers(n: Any) -> Any:
    p = np.empty(n, np.int64)
    for k in range(n):
        p[k] = k
    shuffled_elements(p)
    return p


def shuffle(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    """In place, along the first axis."""
    arity(cx, args, 1, "np.random.shuffle")
    (x,) = args
    if not isinstance(x, Arr):
        raise cx.error(f"np.random.shuffle takes an array, not {describe(x)}")
    cx.call(cx, Obj(shuffled_elements if x.type.rank == 1 else shuffled_rows), [x], {})
    return NONE


def permutation(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    arity(cx, args, 1, "np.random.permutation")
    x = need_number(cx, args[0])
    if isinstance(x, Num):
        return cx.call(cx, Obj(permuted_numbers), [x], {})
    copied = Arr(cx.op("copy", x.op, hint="permuted"))
    shuffle(cx, [copied], {}, node)
    return copied


def _refused(name: str, instead: str) -> Handler:
    def handler(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
        raise cx.error(f"np.random.{name} is not supported in a program", instead, UnsupportedFunction)

    return handler


INSTEAD = "np.random.normal, uniform, randint, ... (one ordered stream), or ad.random(key, i)"
RANDOM: dict[Any, Handler] = {
    np.random.rand: by_extents("draw_uniform"), np.random.randn: by_extents("draw_normal"),
    np.random.random: by_size("draw_uniform", "random"), np.random.ranf: by_size("draw_uniform", "ranf"),
    np.random.random_sample: by_size("draw_uniform", "random_sample"),
    np.random.standard_normal: by_size("draw_normal", "standard_normal"),
    np.random.normal: located("draw_normal", "normal", "loc scale", (0.0, 1.0)),
    np.random.uniform: located("draw_uniform", "uniform", "low high", (0.0, 1.0)),
    np.random.randint: randint, np.random.seed: seed, np.random.shuffle: shuffle, np.random.permutation: permutation,
    np.random.default_rng: _refused("default_rng", INSTEAD), np.random.RandomState: _refused("RandomState", INSTEAD),
}  # fmt: skip
OURS: dict[str, Handler] = {"random": keyed("random"), "random_normal": keyed("random_normal"), "seed": seed}
