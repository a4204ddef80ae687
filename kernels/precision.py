"""Numbers in few bits: fixed point, rounded to the nearest or by chance, and what is left of float16.

A fixed-point number is a multiple of 2^-bits within +-limit. Rounding by chance goes up with the probability of what
is cut off, so its mean is the number itself: small steps are not lost, they only come seldom (Gupta et al. 2015). The
derivative of a rounding is taken to be 1 where the number was within the limits ("straight through").
"""

from __future__ import annotations

from typing import Any

import numpy as np

import adcompiler as ad
from adcompiler.kernels.noise import uniforms

LARGEST_HALF = 65504.0  # of float16


def straight(x: Any, rounded: Any) -> Any:
    """`rounded`, with the derivative of x."""
    return x + ad.stop_gradient(rounded - x)


def nearest(x: Any, bits: int, limit: Any = np.inf) -> Any:
    """The closest multiple of 2^-bits, ties to even, within +-limit; of numbers or arrays."""
    inside = np.minimum(np.maximum(x, -limit), limit)
    scale = 2.0**bits
    return straight(inside, np.round(inside * scale) / scale)


def by_chance(x: Any, bits: int, key: int, limit: Any = np.inf) -> Any:
    """One of the two multiples of 2^-bits around each element of an array, with the probability that makes x the mean;
    the same for the same key."""
    inside = np.minimum(np.maximum(x, -limit), limit)
    scale = 2.0**bits
    return straight(inside, np.floor(inside * scale + uniforms(key, x.shape)) / scale)


def half(x: Any) -> Any:
    """What float16 keeps of numbers: 11 binary digits, ties to even; beyond +-65504 infinite; below 2^-14 multiples of
    2^-24."""
    size = np.minimum(np.maximum(np.abs(x), 2.0**-14), 2.0**17)
    digit = 2.0 ** (np.floor(np.log2(size)) - 10.0)
    rounded = np.round(x / digit) * digit
    return np.where(np.abs(rounded) > LARGEST_HALF, x * np.inf, straight(x, rounded))
