"""First-order optimizers: pairs of pure functions that compile into the training loop that calls them.

    state = adam.init(params)
    params, state = adam.update(params, grads, state, lr=0.001)

`params`, `grads` and what a state holds are structures of one form: arrays or floats in tuples, dicts, dataclasses.
Hyper-parameters are arguments of `update`, so a schedule may change them at every step and `ad.grad` of a function that
trains gives their gradients. float32 parameters stay float32. Everywhere, `weight_decay` adds `weight_decay * params`
to the gradients (coupled, L2), but in `adamw`. Formulas are those of PyTorch 2 where it has the optimizer; what differs
between libraries is said at each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import adcompiler as ad

Tree = Any  # a structure of arrays and floats


class Optimizer(NamedTuple):
    """`init(params) -> state`, `update(params, grads, state, **hyper) -> (params, state)`."""

    init: Callable[..., Any]
    update: Callable[..., Any]


def using(optimizer: Optimizer, **hyper: Any) -> Optimizer:
    """The optimizer with hyper-parameters of its own: `using(adam, b1=0.95)`."""
    return Optimizer(optimizer.init, functools.partial(optimizer.update, **hyper))


class Steps(NamedTuple):
    """The state of an optimizer that keeps nothing: the number of steps taken."""

    steps: int


class Velocity(NamedTuple):
    steps: int
    velocity: Tree


class Moments(NamedTuple):
    """Running means of gradients and of their squares; as they are, never corrected for their bias."""

    steps: int
    first: Tree
    second: Tree


class Largest(NamedTuple):
    steps: int
    first: Tree
    second: Tree
    largest: Tree


class Schedule(NamedTuple):
    """Moments, and the product of the momenta so far."""

    steps: int
    first: Tree
    second: Tree
    product: float


class Squares(NamedTuple):
    steps: int
    squares: Tree


class Scaled(NamedTuple):
    steps: int
    squares: Tree
    means: Tree
    velocity: Tree


class Deltas(NamedTuple):
    steps: int
    squares: Tree
    deltas: Tree


class Averaged(NamedTuple):
    """`average` is the mean of parameters: what to use when training is done."""

    steps: int
    average: Tree


def zeros(params: Tree) -> Tree:
    """Zeros of the form of the parameters."""
    return ad.tree_map(lambda p: 0.0 * p, params)


def decayed(params: Tree, grads: Tree, weight_decay: Any) -> Tree:
    """The gradients with that of weight_decay / 2 |params|^2 added."""
    if weight_decay is None:
        return grads
    return ad.tree_map(lambda p, g: g + weight_decay * p, params, grads)


# Gradient descent.
def _steps(params: Tree) -> Steps:
    return Steps(0)


def _sgd(params: Tree, grads: Tree, state: Steps, lr: Any = 0.01, weight_decay: Any = None) -> Any:
    """p -= lr g"""
    grads = decayed(params, grads, weight_decay)
    return ad.tree_map(lambda p, g: p - lr * g, params, grads), Steps(state.steps + 1)


def _velocity(params: Tree) -> Velocity:
    return Velocity(0, zeros(params))


def _momentum(
    params: Tree,
    grads: Tree,
    state: Velocity,
    lr: Any = 0.01,
    momentum: Any = 0.9,
    dampening: Any = 0.0,
    nesterov: bool = False,
    weight_decay: Any = None,
) -> Any:
    """v = momentum v + (1 - dampening) g; p -= lr v. The first step is not dampened: v = g.

    `nesterov`: p -= lr (g + momentum v), the gradient at the parameters themselves (Bengio et al. 2012); for the form
    that looks ahead (Sutskever et al. 2013) see `lookahead`.
    """
    grads = decayed(params, grads, weight_decay)
    scale = 1.0 if state.steps == 0 else 1.0 - dampening
    velocity = ad.tree_map(lambda v, g: momentum * v + scale * g, state.velocity, grads)
    if nesterov:
        params = ad.tree_map(lambda p, g, v: p - lr * (g + momentum * v), params, grads, velocity)
    else:
        params = ad.tree_map(lambda p, v: p - lr * v, params, velocity)
    return params, Velocity(state.steps + 1, velocity)


def _nesterov(
    params: Tree, grads: Tree, state: Velocity, lr: Any = 0.01, momentum: Any = 0.9, weight_decay: Any = None
) -> Any:
    return _momentum(params, grads, state, lr, momentum, 0.0, True, weight_decay)


def ahead(params: Tree, state: Velocity, momentum: Any = 0.9) -> Tree:
    """Where `lookahead` wants the gradient: params + momentum velocity."""
    return ad.tree_map(lambda p, v: p + momentum * v, params, state.velocity)


def _lookahead(params: Tree, grads: Tree, state: Velocity, lr: Any = 0.01, momentum: Any = 0.9) -> Any:
    """v = momentum v - lr g(p + momentum v); p += v (Sutskever et al. 2013); the gradients are those at `ahead`."""
    velocity = ad.tree_map(lambda v, g: momentum * v - lr * g, state.velocity, grads)
    return ad.tree_map(lambda p, v: p + v, params, velocity), Velocity(state.steps + 1, velocity)


# Running means of squares.
def _moments(params: Tree) -> Moments:
    return Moments(0, zeros(params), zeros(params))


def _means(grads: Tree, first: Tree, second: Tree, b1: Any, b2: Any) -> Any:
    return (
        ad.tree_map(lambda m, g: b1 * m + (1.0 - b1) * g, first, grads),
        ad.tree_map(lambda v, g: b2 * v + (1.0 - b2) * g * g, second, grads),
    )


def _adam(
    params: Tree,
    grads: Tree,
    state: Moments,
    lr: Any = 0.001,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = None,
) -> Any:
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr m' / (sqrt(v') + eps), m' = m / (1 - b1^t), v' likewise
    (Kingma and Ba 2015). eps is outside of the root."""
    grads = decayed(params, grads, weight_decay)
    count = state.steps + 1
    first, second = _means(grads, state.first, state.second, b1, b2)
    c1, c2 = 1.0 - b1**count, 1.0 - b2**count
    params = ad.tree_map(lambda p, m, v: p - lr * (m / c1) / (np.sqrt(v / c2) + eps), params, first, second)
    return params, Moments(count, first, second)


def _adamw(
    params: Tree,
    grads: Tree,
    state: Moments,
    lr: Any = 0.001,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = 0.01,
) -> Any:
    """p *= 1 - lr weight_decay, then Adam: the decay is decoupled from the gradient (Loshchilov and Hutter 2019)."""
    shrunk = ad.tree_map(lambda p: p * (1.0 - lr * weight_decay), params)
    return _adam(shrunk, grads, state, lr, b1, b2, eps)


def _largest(params: Tree) -> Largest:
    return Largest(0, zeros(params), zeros(params), zeros(params))


def _amsgrad(
    params: Tree,
    grads: Tree,
    state: Largest,
    lr: Any = 0.001,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = None,
) -> Any:
    """Adam with the largest v so far in the place of v; of the uncorrected ones (Reddi et al. 2018, as PyTorch)."""
    grads = decayed(params, grads, weight_decay)
    count = state.steps + 1
    first, second = _means(grads, state.first, state.second, b1, b2)
    largest = ad.tree_map(lambda u, v: np.maximum(u, v), state.largest, second)
    c1, c2 = 1.0 - b1**count, 1.0 - b2**count
    params = ad.tree_map(lambda p, m, v: p - lr * (m / c1) / (np.sqrt(v / c2) + eps), params, first, largest)
    return params, Largest(count, first, second, largest)


def _adamax(
    params: Tree,
    grads: Tree,
    state: Moments,
    lr: Any = 0.002,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = None,
) -> Any:
    """u = max(b2 u, |g| + eps); p -= lr / (1 - b1^t) m / u (Kingma and Ba 2015, section 7). `second` is u."""
    grads = decayed(params, grads, weight_decay)
    count = state.steps + 1
    first = ad.tree_map(lambda m, g: b1 * m + (1.0 - b1) * g, state.first, grads)
    norm = ad.tree_map(lambda u, g: np.maximum(b2 * u, np.abs(g) + eps), state.second, grads)
    c1 = 1.0 - b1**count
    return ad.tree_map(lambda p, m, u: p - lr / c1 * m / u, params, first, norm), Moments(count, first, norm)


def _schedule(params: Tree) -> Schedule:
    return Schedule(0, zeros(params), zeros(params), 1.0)


def _nadam(
    params: Tree,
    grads: Tree,
    state: Schedule,
    lr: Any = 0.002,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    momentum_decay: Any = 0.004,
    weight_decay: Any = None,
) -> Any:
    """Adam that looks ahead: the momentum of step t is b1 (1 - 0.96^(t momentum_decay) / 2) (Dozat 2016)."""
    grads = decayed(params, grads, weight_decay)
    count = state.steps + 1
    first, second = _means(grads, state.first, state.second, b1, b2)
    now = b1 * (1.0 - 0.5 * 0.96 ** (count * momentum_decay))
    later = b1 * (1.0 - 0.5 * 0.96 ** ((count + 1) * momentum_decay))
    product = state.product * now
    of_gradient, of_mean = lr * (1.0 - now) / (1.0 - product), lr * later / (1.0 - product * later)
    c2 = 1.0 - b2**count
    params = ad.tree_map(
        lambda p, g, m, v: p - (of_gradient * g + of_mean * m) / (np.sqrt(v / c2) + eps), params, grads, first, second
    )
    return params, Schedule(count, first, second, product)


# Steps scaled by the size of gradients.
def _squares(params: Tree, initial: Any = 0.0) -> Squares:
    """`initial`: what the sum of squares starts with."""
    return Squares(0, ad.tree_map(lambda p: 0.0 * p + initial, params))


def _adagrad(
    params: Tree,
    grads: Tree,
    state: Squares,
    lr: Any = 0.01,
    eps: Any = 1e-10,
    eps_inside: bool = False,
    weight_decay: Any = None,
) -> Any:
    """s += g^2; p -= lr g / (sqrt(s) + eps) (Duchi et al. 2011); `eps_inside`: / sqrt(s + eps)."""
    grads = decayed(params, grads, weight_decay)
    squares = ad.tree_map(lambda s, g: s + g * g, state.squares, grads)
    if eps_inside:
        params = ad.tree_map(lambda p, g, s: p - lr * g / np.sqrt(s + eps), params, grads, squares)
    else:
        params = ad.tree_map(lambda p, g, s: p - lr * g / (np.sqrt(s) + eps), params, grads, squares)
    return params, Squares(state.steps + 1, squares)


def _scaled(params: Tree) -> Scaled:
    return Scaled(0, zeros(params), zeros(params), zeros(params))


def _rmsprop(
    params: Tree,
    grads: Tree,
    state: Scaled,
    lr: Any = 0.01,
    alpha: Any = 0.99,
    eps: Any = 1e-8,
    eps_inside: bool = True,
    centered: bool = False,
    momentum: Any = 0.0,
    weight_decay: Any = None,
) -> Any:
    """v = alpha v + (1 - alpha) g^2; p -= lr g / sqrt(v + eps) (Hinton 2012).

    `eps_inside=False`: / (sqrt(v) + eps), as PyTorch. `centered`: v less the square of the mean gradient, which is the
    variance (Graves 2013). With momentum, b = momentum b + the scaled gradient, and p -= lr b.
    """
    grads = decayed(params, grads, weight_decay)
    squares = ad.tree_map(lambda v, g: alpha * v + (1.0 - alpha) * g * g, state.squares, grads)
    means, spread = state.means, squares
    if centered:
        means = ad.tree_map(lambda m, g: alpha * m + (1.0 - alpha) * g, means, grads)
        spread = ad.tree_map(lambda v, m: v - m * m, squares, means)
    if eps_inside:
        steps = ad.tree_map(lambda g, v: g / np.sqrt(v + eps), grads, spread)
    else:
        steps = ad.tree_map(lambda g, v: g / (np.sqrt(v) + eps), grads, spread)
    velocity = ad.tree_map(lambda b, s: momentum * b + s, state.velocity, steps)
    params = ad.tree_map(lambda p, b: p - lr * b, params, velocity)
    return params, Scaled(state.steps + 1, squares, means, velocity)


def _deltas(params: Tree) -> Deltas:
    return Deltas(0, zeros(params), zeros(params))


def _adadelta(
    params: Tree,
    grads: Tree,
    state: Deltas,
    lr: Any = 1.0,
    rho: Any = 0.9,
    eps: Any = 1e-6,
    weight_decay: Any = None,
) -> Any:
    """v = rho v + (1 - rho) g^2; d = sqrt(D + eps) / sqrt(v + eps) g; D = rho D + (1 - rho) d^2; p -= lr d (Zeiler
    2012)."""
    grads = decayed(params, grads, weight_decay)
    squares = ad.tree_map(lambda v, g: rho * v + (1.0 - rho) * g * g, state.squares, grads)
    steps = ad.tree_map(lambda g, v, d: np.sqrt(d + eps) / np.sqrt(v + eps) * g, grads, squares, state.deltas)
    deltas = ad.tree_map(lambda d, s: rho * d + (1.0 - rho) * s * s, state.deltas, steps)
    return ad.tree_map(lambda p, s: p - lr * s, params, steps), Deltas(state.steps + 1, squares, deltas)


# Averages of the parameters.
def _averaged(params: Tree) -> Averaged:
    return Averaged(0, zeros(params))


def _polyak(params: Tree, grads: Tree, state: Averaged, lr: Any = 0.01, weight_decay: Any = None) -> Any:
    """p -= lr g; `average` is the mean of all parameters after the first (Polyak and Juditsky 1992)."""
    grads = decayed(params, grads, weight_decay)
    count = state.steps + 1
    params = ad.tree_map(lambda p, g: p - lr * g, params, grads)
    average = ad.tree_map(lambda a, p: a + (p - a) / count, state.average, params)
    return params, Averaged(count, average)


def _asgd(
    params: Tree,
    grads: Tree,
    state: Averaged,
    lr: Any = 0.01,
    lambd: Any = 1e-4,
    alpha: Any = 0.75,
    t0: Any = 1e6,
    weight_decay: Any = None,
) -> Any:
    """p *= 1 - lambd eta; p -= eta g, where eta = lr / (1 + lambd lr t)^alpha; from step t0 on, `average` is the mean
    of the parameters, before it they themselves (as PyTorch)."""
    grads = decayed(params, grads, weight_decay)
    eta = lr / (1.0 + lambd * lr * state.steps) ** alpha if state.steps > 0 else lr
    weight = 1.0 / max(1.0, state.steps - t0)
    params = ad.tree_map(lambda p, g: p * (1.0 - lambd * eta) - eta * g, params, grads)
    average = ad.tree_map(lambda a, p: a + (p - a) * weight, state.average, params)
    return params, Averaged(state.steps + 1, average)


sgd = Optimizer(_steps, _sgd)
subgradient = sgd  # of a function with kinks: the gradients that `ad.grad` gives there are subgradients of a convex one
momentum = Optimizer(_velocity, _momentum)
nesterov = Optimizer(_velocity, _nesterov)
lookahead = Optimizer(_velocity, _lookahead)
adam = Optimizer(_moments, _adam)
adamw = Optimizer(_moments, _adamw)
amsgrad = Optimizer(_largest, _amsgrad)
adamax = Optimizer(_moments, _adamax)
nadam = Optimizer(_schedule, _nadam)
adagrad = Optimizer(_squares, _adagrad)
rmsprop = Optimizer(_scaled, _rmsprop)
adadelta = Optimizer(_deltas, _adadelta)
polyak = Optimizer(_averaged, _polyak)
asgd = Optimizer(_averaged, _asgd)
