"""Activation functions, of numbers or arrays, element by element.

relu'(0) = 0; where another has a kink at 0, its derivative there is that of the left side. None overflows, nor does a
derivative.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import erf, expit

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # of selu: Klambauer et al. 2017


def identity(x: Any) -> Any:
    return x


def tanh(x: Any) -> Any:
    return np.tanh(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))"""
    return expit(x)


def relu(x: Any) -> Any:
    """max(x, 0)"""
    return np.maximum(x, 0.0)


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where it is positive, else slope x"""
    return np.where(x > 0.0, x, slope * x)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where it is positive, else alpha (exp(x) - 1) (Clevert et al. 2016)"""
    return np.where(x > 0.0, x, alpha * np.expm1(np.where(x > 0.0, 0.0, x)))


def selu(x: Any) -> Any:
    """elu scaled so that layers keep mean 0 and variance 1 (Klambauer et al. 2017)"""
    return SCALE * elu(x, ALPHA)


def softplus(x: Any) -> Any:
    """log(1 + exp(x))"""
    return np.logaddexp(x, 0.0)


def gelu(x: Any) -> Any:
    """x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016)"""
    return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))


def log_softmax(x: Any) -> Any:
    """x - log sum exp(x) along the last axis."""
    top = np.max(x, axis=-1, keepdims=True)
    return x - top - np.log(np.sum(np.exp(x - top), axis=-1, keepdims=True))


def softmax(x: Any) -> Any:
    """exp(x) / sum exp(x) along the last axis."""
    return np.exp(log_softmax(x))
