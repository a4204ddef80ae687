"""Stochastic Newton by a Neumann series (LiSSA; Agarwal, Bullins and Hazan 2017): H^-1 v = sum of (I - H)^j v, term by
term from Hessian-vector products, each of the loss of one example drawn at random.

    params = lissa(loss, params, count=len(x), key=0, steps=4)

`loss(params, i)` is the loss of example i, regularization included; what is minimized is its mean. The series is cut at
a `depth` that is chosen: its error falls as (1 - the least eigenvalue)^depth. (To draw the length of the series, and
weigh its last term by one over its probability, is unbiased, but for a geometric law with parameter q the variance is
finite only where q < 1 - the square of the largest eigenvalue of I - H.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import adcompiler as ad
from adcompiler.kernels.flat import of_vectors, ravel, unravel

Tree = Any  # a structure of arrays and floats


def neumann(product: Callable[[Any], Any], v: Any, depth: Any, scale: Any = 1.0) -> Any:
    """H^-1 v by u = v, then depth times u = v + u - H u, `product` being u -> H u.

    It converges where the eigenvalues of H lie between 0 and 2: `scale` times H has to have such ones. Its error is
    (I - scale H)^(depth + 1) H^-1 v.
    """
    return series(lambda u, j: product(u), v, depth, scale)


def series(product: Callable[[Any, Any], Any], v: Any, depth: Any, scale: Any) -> Any:
    """`neumann` with a product of its own for each step, (u, j) -> H_j u."""
    v = scale * v
    u = v
    for j in range(depth):
        u = v + u - scale * product(u, j)
    return u


def draw(key: Any, i: Any, count: Any) -> Any:
    """Number i of a stream of examples, each drawn from 0, ..., count - 1."""
    return min(int(ad.random(key, i) * count), count - 1)


def chain(
    loss: Callable[[Tree, Any], Any],
    params: Tree,
    v: Any,
    count: Any,
    key: Any,
    first: Any,
    depth: Any,
    scale: Any = 1.0,
) -> Any:
    """H^-1 v by `neumann`, with the Hessian of one example after another, drawn from number `first` on of the stream:
    its mean over draws is that of the whole loss. `v` is a vector."""
    f, x = of_vectors(loss, params), ravel(params)
    return series(lambda u, j: ad.hvp(f)((x, draw(key, first + j, count)), (u, None))[0], v, depth, scale)


def mean(loss: Callable[[Tree, Any], Any], params: Tree, count: Any) -> Any:
    """The loss of all examples."""
    total = 0.0
    for i in range(count):
        total += loss(params, i)
    return total / count


def direction(
    loss: Callable[[Tree, Any], Any],
    params: Tree,
    count: Any,
    key: Any,
    first: Any = 0,
    chains: Any = 10,
    depth: Any = 60,
    scale: Any = 1.0,
) -> Any:
    """The mean of `chains` estimates of H^-1 times the gradient of the whole loss, as a vector. Takes chains * depth
    numbers of the stream, from `first` on."""
    grad = ravel(ad.grad(lambda p: mean(loss, p, count))(params))
    total = 0.0 * grad
    for k in range(chains):
        total += chain(loss, params, grad, count, key, first + k * depth, depth, scale)
    return total / chains


def lissa(
    loss: Callable[[Tree, Any], Any],
    params: Tree,
    count: Any,
    key: Any,
    steps: Any,
    chains: Any = 10,
    depth: Any = 60,
    scale: Any = 1.0,
) -> Tree:
    """`steps` stochastic Newton steps: params -= `direction`. The same key gives the same parameters."""
    for t in range(steps):
        move = direction(loss, params, count, key, t * chains * depth, chains, depth, scale)
        params = unravel(ravel(params) - move, params)
    return params
