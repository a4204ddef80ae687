"""Line searches: how far to go from x along a direction in which the loss falls.

    point = strong_wolfe(loss, x, value, grad, direction)

`loss` takes a vector; `value` and `grad` are the loss and its gradient at x. All have this form and may be given to the
optimizers of `second_order` and `newton` as `search`. `start` is the first size that is tried. A search that finds
nothing stays at x, with size 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import adcompiler as ad

Loss = Callable[[Any], Any]


class Point(NamedTuple):
    """x + size direction, the loss and its gradient there."""

    size: float
    x: Any
    value: Any
    grad: Any


def full(loss: Loss, x: Any, value: Any, grad: Any, direction: Any, start: Any = 1.0) -> Point:
    """No search: the whole step."""
    x = x + start * direction
    value, grad = ad.value_and_grad(loss)(x)
    return Point(start, x, value, grad)


def armijo(
    loss: Loss,
    x: Any,
    value: Any,
    grad: Any,
    direction: Any,
    start: Any = 1.0,
    c1: float = 1e-4,
    factor: float = 0.5,
    most: int = 60,
) -> Point:
    """The first of start, factor start, factor^2 start, ... at which the loss has fallen enough (Armijo 1966):
    f(x + a d) <= f(x) + c1 a f'(x) d.

    It says nothing of the slope at the end, so what a quasi-Newton method learns of the curvature may be useless.
    """
    slope = grad @ direction
    size = start
    for _ in range(most):
        if loss(x + size * direction) <= value + c1 * size * slope:
            break
        size = size * factor
    else:
        size = 0.0 * size
    x = x + size * direction
    value, grad = ad.value_and_grad(loss)(x)
    return Point(size, x, value, grad)


def strong_wolfe(
    loss: Loss,
    x: Any,
    value: Any,
    grad: Any,
    direction: Any,
    start: Any = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    most: int = 30,
) -> Point:
    """A size at which the loss has fallen enough, as in `armijo`, and its slope has come down to c2 of what it was at
    x: |f'(x + a d) d| <= c2 |f'(x) d| (Nocedal and Wright 2006, algorithms 3.5 and 3.6).

    `low` is the best size so far; a size that fulfils both lies between it and `high`, which is infinite until one that
    is too large was seen.
    """
    slope = grad @ direction
    low, low_value, low_slope, low_grad = 0.0 * start, value, slope, grad
    high, high_value, high_slope = math.inf + 0.0 * start, value, slope
    size = start
    for _ in range(most):
        f, g = ad.value_and_grad(loss)(x + size * direction)
        s = g @ direction
        if not f <= value + c1 * size * slope or f >= low_value:
            high, high_value, high_slope = size, f, s
        else:
            if (s >= 0.0) == (high > low):
                high, high_value, high_slope = low, low_value, low_slope
            low, low_value, low_slope, low_grad = size, f, s, g
            if abs(s) <= -c2 * slope:
                break
        size = 2.0 * size if high == math.inf else between(low, low_value, low_slope, high, high_value, high_slope)
    return Point(low, x + low * direction, low_value, low_grad)


def tight_wolfe(loss: Loss, x: Any, value: Any, grad: Any, direction: Any, start: Any = 1.0) -> Point:
    """The strong Wolfe conditions with c2 = 0.1: what conjugate gradients need for their directions to be downhill."""
    return strong_wolfe(loss, x, value, grad, direction, start, 1e-4, 0.1)


def between(low: Any, low_value: Any, low_slope: Any, high: Any, high_value: Any, high_slope: Any) -> Any:
    """The minimum of the cubic that has these values and slopes at both ends; where that is no tenth of the way away
    from both, the middle."""
    span = high - low
    if math.isfinite(high_value) and math.isfinite(high_slope):
        mean = low_slope + high_slope - 3.0 * (low_value - high_value) / (low - high)
        root = math.sqrt(max(mean * mean - low_slope * high_slope, 0.0)) * (1.0 if span > 0.0 else -1.0)
        bottom = high_slope - low_slope + 2.0 * root
        if bottom != 0.0:
            part = 1.0 - (high_slope + root - mean) / bottom
            if 0.1 <= part <= 0.9:
                return low + part * span
    return low + 0.5 * span
