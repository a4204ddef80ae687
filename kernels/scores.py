"""Densities known up to a constant, fitted by their scores, the gradients of log p by x: the constant has none.

`log_density(params, x)` is log p of one example x, a vector, but for what does not depend on x. Gradients of these
losses by the parameters are nested derivatives of it: third ones where a Hessian is part of the loss, second ones in
`denoising`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import adcompiler as ad

Tree = Any  # a structure of arrays and floats


def score(log_density: Callable[[Tree, Any], Any], params: Tree, x: Any) -> Any:
    """The gradient of log p at x, by x."""
    return ad.grad(log_density, argnums=1)(params, x)


def noise(key: Any, first: Any, like: Any) -> Any:
    """Normal numbers of the shape and dtype of a vector: those from number `first` on of the stream `key`."""
    return ad.random_normal(key, first + np.arange(len(like))).astype(like.dtype)


def matching(log_density: Callable[[Tree, Any], Any], params: Tree, xs: Any) -> Any:
    """mean of |score|^2 / 2 + the trace of its Jacobian, over the rows of xs: E |score - that of the data|^2 / 2 but
    for a constant (Hyvarinen 2005). The trace takes one product with the Hessian for each entry of x; see `sliced`."""

    def at(x: Any) -> Any:
        return log_density(params, x)

    total = 0.0
    for i in range(len(xs)):
        for j in range(xs.shape[1]):
            unit = np.zeros_like(xs[i])
            unit[j] = 1.0
            slope, turned = ad.jvp(ad.grad(at))((xs[i],), (unit,))
            total += 0.5 * slope[j] ** 2 + turned[j]
    return total / len(xs)


def sliced(log_density: Callable[[Tree, Any], Any], params: Tree, xs: Any, key: Any) -> Any:
    """`matching` in expectation, with one product for each example: v' H v in the place of the trace, v normal (Song
    et al. 2019, with the score itself in the first term)."""

    def at(x: Any) -> Any:
        return log_density(params, x)

    total = 0.0
    for i in range(len(xs)):
        v = noise(key, i * xs.shape[1], xs[i])
        slope, turned = ad.jvp(ad.grad(at))((xs[i],), (v,))
        total += 0.5 * np.sum(slope**2) + np.sum(v * turned)
    return total / len(xs)


def denoising(log_density: Callable[[Tree, Any], Any], params: Tree, xs: Any, key: Any, sigma: Any) -> Any:
    """mean |score(x + sigma e) + e / sigma|^2 / 2, e normal: the score of the data with noise, without second
    derivatives by x (Vincent 2011)."""
    total = 0.0
    for i in range(len(xs)):
        e = noise(key, i * xs.shape[1], xs[i])
        total += 0.5 * np.sum((score(log_density, params, xs[i] + sigma * e) + e / sigma) ** 2)
    return total / len(xs)


def autoencoder(reconstruct: Callable[[Tree, Any], Any], params: Tree, xs: Any, key: Any, sigma: Any) -> Any:
    """mean |reconstruct(params, x + sigma e) - x|^2 / 2 (Vincent et al. 2008). (reconstruct(x) - x) / sigma^2 in the
    place of the score makes it sigma^4 times `denoising`."""
    total = 0.0
    for i in range(len(xs)):
        e = noise(key, i * xs.shape[1], xs[i])
        total += 0.5 * np.sum((reconstruct(params, xs[i] + sigma * e) - xs[i]) ** 2)
    return total / len(xs)
