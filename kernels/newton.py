"""Optimizers that use the Hessian of the loss, and what solves their equations: `init` and `update` as in
`second_order`.

Whole Hessians (`newton`), products with vectors (`newton_cg`, `krylov`), the metric of a model's outputs
(`natural_gradient`), one coordinate at a time (`coordinate_descent`). Products are those of `ad.hvp`, forward over
reverse: the work of a few gradients, and no matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import adcompiler as ad
from adcompiler.kernels.flat import evaluated, of_vectors, ravel, unravel
from adcompiler.kernels.search import strong_wolfe
from adcompiler.kernels.second_order import Method

Tree = Any  # a structure of arrays and floats
Loss = Callable[[Tree], Any]
Product = Callable[[Any], Any]
Search = Callable[..., Any]


# Linear equations.
class Solved(NamedTuple):
    x: Any
    residual: Any
    steps: int


def cg(product: Product, right: Any, start: Any = None, steps: Any = None, tolerance: Any = 0.0) -> Solved:
    """A x = right by conjugate gradients, `product` being x -> A x, with A symmetric and positive definite (Hestenes
    and Stiefel 1952): vectors only; exact after as many steps as there are unknowns, but for rounding.

    Ends after `steps` (as many as unknowns), where |residual| <= tolerance, and before a direction p with p'A p <= 0,
    in which the equations are not those of a minimum.
    """
    most = len(right) if steps is None else steps
    x = np.zeros_like(right) if start is None else start
    residual = right - product(x)
    direction, square, count = residual, residual @ residual, 0
    while count < most and square > tolerance * tolerance:
        turned = product(direction)
        curvature = direction @ turned
        if not curvature > 0.0:
            break
        size = square / curvature
        x = x + size * direction
        residual = residual - size * turned
        before, square = square, residual @ residual
        direction = residual + square / before * direction
        count += 1
    return Solved(x, residual, count)


# The Hessian.
class Known(NamedTuple):
    """The loss and its gradient at the parameters, `size` of the last step, along its direction."""

    steps: int
    size: float
    value: Any
    grad: Any


def _known(loss: Loss, params: Tree) -> Known:
    value, grad = evaluated(loss, params)
    return Known(0, 1.0, value, grad)


def _searched(search: Search, f: Loss, params: Tree, state: Known, direction: Any) -> Any:
    point = search(f, ravel(params), state.value, state.grad, direction)
    return unravel(point.x, params), Known(state.steps + 1, point.size, point.value, point.grad)


def _newton(loss: Loss, params: Tree, state: Known, search: Search = strong_wolfe, damping: Any = 0.0) -> Any:
    """d = -(H + damping I)^-1 g, or -g where that goes uphill. `search=full` is Newton's method as it is in books.

    A singular matrix raises LinAlgError; damping helps (Levenberg 1944).
    """
    f, x = of_vectors(loss, params), ravel(params)
    matrix = ad.hessian(f)(x) + damping * np.eye(len(x), dtype=x.dtype)
    direction = -np.linalg.solve(matrix, state.grad)
    if direction @ state.grad > 0.0:
        direction = -state.grad
    return _searched(search, f, params, state, direction)


def _newton_cg(
    loss: Loss,
    params: Tree,
    state: Known,
    search: Search = strong_wolfe,
    damping: Any = 0.0,
    inner: Any = None,
    forcing: Any = 0.5,
) -> Any:
    """Newton's direction by at most `inner` steps of conjugate gradients (as many as parameters) on products with
    H + damping I, to a residual of min(forcing, sqrt |g|) |g|; where curvature is negative, what they had found by
    then, or -g (Nocedal and Wright 2006, algorithm 7.1; Martens 2010)."""
    f, x = of_vectors(loss, params), ravel(params)
    norm = np.sqrt(state.grad @ state.grad)
    found = cg(
        lambda v: ad.hvp(f)((x,), (v,))[0] + damping * v,
        -state.grad,
        steps=inner,
        tolerance=np.minimum(forcing, np.sqrt(norm)) * norm,
    )
    direction = found.x if found.steps > 0 else -state.grad
    return _searched(search, f, params, state, direction)


# A subspace.
class Subspace(NamedTuple):
    """`move` is the last step."""

    steps: int
    size: float
    value: Any
    grad: Any
    move: Any


def _subspace(loss: Loss, params: Tree) -> Subspace:
    value, grad = evaluated(loss, params)
    return Subspace(0, 1.0, value, grad, 0.0 * grad)


def _krylov(loss: Loss, params: Tree, state: Subspace, search: Search = strong_wolfe, size: int = 5) -> Any:
    """Newton's step in the space of g, H g, ..., H^(size - 1) g and the step before (Vinyals and Povey 2012), with the
    absolute values of the curvatures there, so that it goes downhill. Exact for a quadratic loss in that space."""
    f, x = of_vectors(loss, params), ravel(params)
    basis = np.zeros((size + 1, len(x)), dtype=x.dtype)
    turned = np.zeros((size + 1, len(x)), dtype=x.dtype)
    v = state.grad
    for k in range(size + 1):
        length = np.sqrt(v @ v)
        for _ in range(2):  # once more, for what rounding left of it
            v = v - (basis @ v) @ basis
        norm = np.sqrt(v @ v)
        if norm > 1e-10 * length:  # else it is in the space already, and its row stays zero
            basis[k] = v / norm
        turned[k] = ad.hvp(f)((x,), (basis[k],))[0]
        v = turned[k] if k < size - 1 else state.move
    curvatures, axes = np.linalg.eigh(basis @ turned.T)
    sizes = np.abs(curvatures)
    slopes = axes.T @ (basis @ state.grad)
    direction = -(axes @ (slopes / np.maximum(sizes, 1e-10 * np.max(sizes)))) @ basis
    point = search(f, x, state.value, state.grad, direction)
    state = Subspace(state.steps + 1, point.size, point.value, point.grad, point.size * direction)
    return unravel(point.x, params), state


# A metric.
def gauss_newton(model: Callable[[Tree], Any], criterion: Callable[[Any], Any], params: Tree, vector: Tree) -> Tree:
    """J' C J vector, J being the Jacobian of `model` and C the Hessian of `criterion`, a function of its outputs
    (Schraudolph 2002). It is the Fisher information where `criterion` is the negative log likelihood of a distribution
    of the exponential family, in its natural parameters: cross entropy of logits, squared error."""
    outputs, moved = ad.jvp(model)((params,), (vector,))
    (turned,) = ad.hvp(criterion)((outputs,), (moved,))
    return ad.vjp(model)((params,), turned)[1][0]


def _natural(
    loss: Loss,
    params: Tree,
    state: Known,
    metric: Callable[[Tree, Tree], Tree],
    lr: Any = 1.0,
    damping: Any = 0.0,
    inner: Any = None,
    tolerance: Any = 1e-12,
) -> Any:
    """d = -lr (F + damping I)^-1 g, `metric(params, v)` being F v, as `gauss_newton` gives it (Amari 1998).

    It is solved by at most `inner` steps of conjugate gradients (as many as parameters), to a residual of tolerance
    |g|; there is no search.
    """
    f, x = of_vectors(loss, params), ravel(params)
    found = cg(
        lambda v: ravel(metric(params, unravel(v, params))) + damping * v,
        state.grad,
        steps=inner,
        tolerance=tolerance * np.sqrt(state.grad @ state.grad),
    )
    x = x - lr * found.x
    value, grad = ad.value_and_grad(f)(x)
    return unravel(x, params), Known(state.steps + 1, lr, value, grad)


# Coordinates.
def along(f: Loss, x: Any, direction: Any) -> Any:
    """(slope, curvature) of the loss at x along a direction: forward mode twice, so nothing is kept."""
    return ad.jvp(lambda p: ad.jvp(f)((p,), (direction,))[1])((x,), (direction,))


def _coordinates(loss: Loss, params: Tree, state: Known, least: Any = 1e-12) -> Any:
    """A Newton step along each coordinate in turn: x_i -= f_i / |f_ii|, exact where the loss is quadratic in it. The
    size of curvatures is taken to be `least` or more."""
    f, x = of_vectors(loss, params), ravel(params)
    for i in range(len(x)):
        axis = np.zeros_like(x)
        axis[i] = 1.0
        slope, curvature = along(f, x, axis)
        x = x - slope / max(abs(curvature), least) * axis
    value, grad = ad.value_and_grad(f)(x)
    return unravel(x, params), Known(state.steps + 1, 1.0, value, grad)


newton = Method(_known, _newton)
newton_cg = Method(_known, _newton_cg)
krylov = Method(_subspace, _krylov)
natural_gradient = Method(_known, _natural)
coordinate_descent = Method(_known, _coordinates)
