"""Optimizers that learn the curvature of the loss from its gradients: pairs of pure functions, as those of `optim`,
that compute values and gradients themselves.

    state = bfgs.init(loss, params)
    params, state = bfgs.update(loss, params, state)

    params, state = minimize(bfgs, loss, params, steps=100)

`loss` is a function of the parameters alone (`lambda p: loss(p, x, y)`), the same at every call, for a state holds its
value and gradient at the parameters. Parameters are structures of arrays and floats; a state holds them as one vector.
`search` is one of the line searches of `search`, or another function of that form. All of it may run inside a compiled
function, and be differentiated there: decisions of line searches are what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adcompiler.kernels.flat import evaluated, of_vectors, ravel, unravel
from adcompiler.kernels.search import strong_wolfe, tight_wolfe

Tree = Any  # a structure of arrays and floats
Loss = Callable[[Tree], Any]
Search = Callable[..., Any]


class Method(NamedTuple):
    """`init(loss, params) -> state`, `update(loss, params, state, **hyper) -> (params, state)`.

    A state says what the last step has come to: `steps`, the number of steps taken, `size`, that of the last one along
    its direction, and the loss and its gradient as `value` and `grad`.
    """

    init: Callable[..., Any]
    update: Callable[..., Any]


def minimize(
    method: Method, loss: Loss, params: Tree, steps: int = 100, tolerance: float = 1e-8, **hyper: Any
) -> tuple[Tree, Any]:
    """Steps until no entry of the gradient is greater than `tolerance`, or the line search finds nothing better.

    Returns parameters and the last state.
    """
    state = method.init(loss, params)
    while state.steps < steps and state.size > 0.0 and np.max(np.abs(state.grad)) > tolerance:
        params, state = method.update(loss, params, state, **hyper)
    return params, state


# The inverse of the Hessian.
class Inverse(NamedTuple):
    """`inverse` approximates that of the Hessian; `pairs` is the number of differences it has seen."""

    steps: int
    size: float
    value: Any
    grad: Any
    inverse: Any
    pairs: int


def _identity(loss: Loss, params: Tree) -> Inverse:
    value, grad = evaluated(loss, params)
    return Inverse(0, 1.0, value, grad, np.eye(len(grad), dtype=grad.dtype), 0)


def _bfgs(loss: Loss, params: Tree, state: Inverse, search: Search = strong_wolfe, least: float = 1e-12) -> Any:
    """d = -H g; after the search, with s and y the differences of parameters and gradients and r = 1 / y's,
    H = (I - r s y') H (I - r y s') + r s s' (Broyden, Fletcher, Goldfarb, Shanno 1970), which starts as y's / y'y I.

    A pair with y's <= least teaches nothing; the strong Wolfe conditions see to it that there is none.
    """
    x = ravel(params)
    point = search(of_vectors(loss, params), x, state.value, state.grad, -(state.inverse @ state.grad))
    s, y = point.x - x, point.grad - state.grad
    inverse, pairs, curvature = state.inverse, state.pairs, y @ s
    if curvature > least:
        if pairs == 0:
            inverse = inverse * (curvature / (y @ y))
        turned = inverse @ y
        both = np.outer(turned, s)
        inverse = inverse + ((1.0 + y @ turned / curvature) * np.outer(s, s) - both - both.T) / curvature
        pairs = pairs + 1
    state = Inverse(state.steps + 1, point.size, point.value, point.grad, inverse, pairs)
    return unravel(point.x, params), state


# The last few differences.
class History(NamedTuple):
    """The last differences of parameters and gradients as rows, the newest first; `pairs` have been seen."""

    steps: int
    size: float
    value: Any
    grad: Any
    moves: Any
    turns: Any
    pairs: int


def _history(loss: Loss, params: Tree, memory: int = 10) -> History:
    """`memory`: how many differences are kept."""
    value, grad = evaluated(loss, params)
    none = np.zeros((memory, len(grad)), dtype=grad.dtype)
    return History(0, 1.0, value, grad, none, none, 0)


def two_loops(state: History) -> Any:
    """H g without H: the inverse that BFGS would have made of the history, starting from s'y / y'y of the newest
    difference (Nocedal 1980)."""
    known = min(state.pairs, len(state.moves))
    weights = np.zeros_like(state.moves[:, 0])
    q = state.grad
    for i in range(known):
        weights[i] = (state.moves[i] @ q) / (state.moves[i] @ state.turns[i])
        q = q - weights[i] * state.turns[i]
    if known > 0:
        q = q * ((state.moves[0] @ state.turns[0]) / (state.turns[0] @ state.turns[0]))
    for i in range(known - 1, -1, -1):
        back = (state.turns[i] @ q) / (state.moves[i] @ state.turns[i])
        q = q + (weights[i] - back) * state.moves[i]
    return q


def _lbfgs(
    loss: Loss,
    params: Tree,
    state: History,
    search: Search = strong_wolfe,
    least: float = 1e-12,
    careful: bool = False,
) -> Any:
    """BFGS from the last differences, in memory and time linear in the number of parameters (Liu and Nocedal 1989).

    Pairs with y's <= least are not kept. `careful`: the first step starts with a size of min(1, 1 / |g|_1), as PyTorch.
    """
    x, start = ravel(params), 1.0
    if careful and state.steps == 0:
        start = min(1.0, 1.0 / np.sum(np.abs(state.grad)))
    point = search(of_vectors(loss, params), x, state.value, state.grad, -two_loops(state), start)
    s, y = point.x - x, point.grad - state.grad
    moves, turns, pairs = state.moves, state.turns, state.pairs
    if y @ s > least:
        moves = np.concatenate((s[None, :], moves[:-1]))
        turns = np.concatenate((y[None, :], turns[:-1]))
        pairs = pairs + 1
    state = History(state.steps + 1, point.size, point.value, point.grad, moves, turns, pairs)
    return unravel(point.x, params), state


# Conjugate directions.
class Conjugate(NamedTuple):
    """`direction` is where the next search goes, `start` the size it tries first."""

    steps: int
    size: float
    value: Any
    grad: Any
    direction: Any
    start: float


def _conjugate_init(loss: Loss, params: Tree) -> Conjugate:
    value, grad = evaluated(loss, params)
    return Conjugate(0, 1.0, value, grad, -grad, 1.0 / (1.0 + np.sum(np.abs(grad))))


def _conjugate(
    loss: Loss, params: Tree, state: Conjugate, search: Search = tight_wolfe, fletcher_reeves: bool = False
) -> Any:
    """d = -g + beta d_before, beta = max(0, g'(g - g_before) / |g_before|^2) (Polak and Ribiere 1969, made to restart
    by Powell 1984); `fletcher_reeves`: beta = |g|^2 / |g_before|^2 (1964). A direction that goes uphill is replaced by
    -g. A search starts where the last one would have ended, had its slope been this one's."""
    before, direction = state.grad, state.direction
    point = search(of_vectors(loss, params), ravel(params), state.value, before, direction, state.start)
    grad = point.grad
    length = before @ before
    beta = (grad @ grad) / length if fletcher_reeves else max(0.0, grad @ (grad - before) / length)
    turned = beta * direction - grad
    if not turned @ grad < 0.0:
        turned = -grad
    moved = point.size > 0.0 and grad @ grad > 0.0
    start = point.size * (before @ direction) / (turned @ grad) if moved else state.start
    return unravel(point.x, params), Conjugate(state.steps + 1, point.size, point.value, grad, turned, start)


bfgs = Method(_identity, _bfgs)
lbfgs = Method(_history, _lbfgs)
conjugate = Method(_conjugate_init, _conjugate)
