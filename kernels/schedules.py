"""Learning rates as functions of the step: numbers in, a number out, to be called inside a compiled loop.

`t` counts from 0 where nothing else is said, as the epochs of PyTorch's schedulers do; `rate` is the rate at its full
size. What the rate depends on may be differentiated.
"""

from __future__ import annotations

import math
from typing import Any


def constant(t: Any, rate: Any) -> Any:
    return rate


def inverse(t: Any, rate: Any, tau: Any) -> Any:
    """rate tau / max(t, tau), for t = 1, 2, ...: constant for tau steps, then as 1/t (Bengio 2012, section 3.2)."""
    return rate * tau / max(t, tau)


def inverse_root(t: Any, rate: Any) -> Any:
    """rate / sqrt(t), for t = 1, 2, ..."""
    return rate / math.sqrt(t)


def step(t: Any, rate: Any, every: Any, factor: Any) -> Any:
    """rate factor^floor(t / every)"""
    return rate * factor ** (t // every)


def steps(t: Any, rate: Any, milestones: tuple[Any, ...], factor: Any) -> Any:
    """The rate times `factor` at each of the milestones."""
    for milestone in milestones:
        if t >= milestone:
            rate = rate * factor
    return rate


def exponential(t: Any, rate: Any, factor: Any) -> Any:
    """rate factor^t"""
    return rate * factor**t


def cosine(t: Any, rate: Any, span: Any, least: Any = 0.0) -> Any:
    """From `rate` at t = 0 to `least` at t = span, along half a cosine (Loshchilov and Hutter 2017)."""
    return least + 0.5 * (rate - least) * (1.0 + math.cos(math.pi * t / span))


def cosine_restarts(t: Any, rate: Any, span: Any, growth: Any = 1, least: Any = 0.0) -> Any:
    """A cosine that starts anew after `span` steps, then after `growth` times as many, and so on: with span 10 and
    growth 2, at 0, 10, 30, 70 (Loshchilov and Hutter 2017)."""
    while t >= span:
        t = t - span
        span = span * growth
    return cosine(t, rate, span, least)


def warm_up(t: Any, rate: Any, span: Any, start: Any = 0.1) -> Any:
    """From `start` times the rate at t = 0, in a straight line, to the rate at t = span and after."""
    return rate * (start + (1.0 - start) * min(t, span) / span)
