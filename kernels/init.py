"""Weights to begin with, of a shape and a key: the same key gives the same weights, in Python and compiled.

They are float64 unless `dtype` says otherwise. Limits and variances depend on how many inputs and outputs a weight has
part in, the fans: of (inputs, outputs) those, of a convolution's (outputs, inputs, height, width) times height * width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adcompiler.kernels.noise import normals, size, uniforms


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan in, fan out)"""
    if len(shape) == 2:
        return shape[0], shape[1]
    area = size(shape[2:])
    return shape[1] * area, shape[0] * area


def uniform(key: int, shape: tuple[int, ...], limit: Any, dtype: Any = np.float64) -> Any:
    """Numbers in -limit..limit, all alike."""
    return (limit * (2.0 * uniforms(key, shape) - 1.0)).astype(dtype)


def normal(key: int, shape: tuple[int, ...], deviation: Any, dtype: Any = np.float64) -> Any:
    """Normal numbers of mean 0."""
    return (deviation * normals(key, shape)).astype(dtype)


def glorot_uniform(key: int, shape: tuple[int, ...], gain: Any = 1.0, dtype: Any = np.float64) -> Any:
    """In +-gain sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010); gain 4 for layers with a sigmoid."""
    inputs, outputs = fans(shape)
    return uniform(key, shape, gain * math.sqrt(6.0 / (inputs + outputs)), dtype)


def glorot_normal(key: int, shape: tuple[int, ...], gain: Any = 1.0, dtype: Any = np.float64) -> Any:
    """Of variance gain^2 2 / (fan in + fan out)."""
    inputs, outputs = fans(shape)
    return normal(key, shape, gain * math.sqrt(2.0 / (inputs + outputs)), dtype)


def he_uniform(key: int, shape: tuple[int, ...], dtype: Any = np.float64) -> Any:
    """In +-sqrt(6 / fan in), for layers with a relu (He et al. 2015)."""
    return uniform(key, shape, math.sqrt(6.0 / fans(shape)[0]), dtype)


def he_normal(key: int, shape: tuple[int, ...], dtype: Any = np.float64) -> Any:
    """Of variance 2 / fan in."""
    return normal(key, shape, math.sqrt(2.0 / fans(shape)[0]), dtype)


def lecun_uniform(key: int, shape: tuple[int, ...], dtype: Any = np.float64) -> Any:
    """In +-sqrt(3 / fan in) (LeCun et al. 1998)."""
    return uniform(key, shape, math.sqrt(3.0 / fans(shape)[0]), dtype)


def lecun_normal(key: int, shape: tuple[int, ...], dtype: Any = np.float64) -> Any:
    """Of variance 1 / fan in."""
    return normal(key, shape, math.sqrt(1.0 / fans(shape)[0]), dtype)
