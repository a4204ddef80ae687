"""Arrays of random numbers that are functions of a key (`ad.random`): the same in Python and compiled, and whenever
they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

import adcompiler as ad


def size(shape: tuple[int, ...]) -> int:
    """How many elements an array of this shape has."""
    count = 1
    for n in shape:
        count *= n
    return count


def uniforms(key: int, shape: tuple[int, ...]) -> Any:
    """Numbers between 0 and 1: the first ones of the stream."""
    return np.reshape(ad.random(key, np.arange(size(shape))), shape)


def normals(key: int, shape: tuple[int, ...]) -> Any:
    """Normal numbers of mean 0 and variance 1: the first ones of the stream."""
    return np.reshape(ad.random_normal(key, np.arange(size(shape))), shape)
