"""Square roots by Newton's method, a `while` for each element: the sum of y_i, where y^2 = a to 1e-12 of a."""

from __future__ import annotations

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain


def newton(a):
    total = 0.0
    for i in range(len(a)):
        y = 0.5 * (1.0 + a[i])
        while abs(y * y - a[i]) > 1e-12 * a[i]:
            y = 0.5 * (y + a[i] / y)
        total += y
    return total


@plain
def by_hand(a):
    """Reverse: the iterates of one element are kept."""
    total = 0.0
    a_bar = np.empty_like(a)
    kept = np.empty(64)
    for i in range(len(a)):
        y = 0.5 * (1.0 + a[i])
        n = 0
        while abs(y * y - a[i]) > 1e-12 * a[i]:
            kept[n] = y
            n += 1
            y = 0.5 * (y + a[i] / y)
        total += y
        y_bar = 1.0
        g = 0.0
        for k in range(n - 1, -1, -1):
            g += 0.5 * y_bar / kept[k]
            y_bar *= 0.5 - 0.5 * a[i] / (kept[k] * kept[k])
        a_bar[i] = g + 0.5 * y_bar
    return total, a_bar


@fast
def best(a):
    """Forward, strips of elements side by side: all go on until the last has finished, those that have are masked."""
    n = len(a)
    total = 0.0
    a_bar = np.empty_like(a)
    value, y, y_dot = np.empty(64), np.empty(64), np.empty(64)
    for start in range(0, n, len(y)):
        size = min(len(y), n - start)
        for k in range(len(y)):
            value[k] = 1.0
        for k in range(size):
            value[k] = a[start + k]
        for k in range(len(y)):
            y[k] = 0.5 * (1.0 + value[k])
            y_dot[k] = 0.5
        running = 1
        while running:
            running = 0
            for k in range(len(y)):
                on = abs(y[k] * y[k] - value[k]) > 1e-12 * value[k]
                inverse = 1.0 / y[k]
                quotient = value[k] * inverse
                dot = 0.5 * (y_dot[k] + inverse - quotient * inverse * y_dot[k])
                y_dot[k] = dot if on else y_dot[k]
                y[k] = 0.5 * (y[k] + quotient) if on else y[k]
                running |= on
        for k in range(size):
            total += y[k]
            a_bar[start + k] = y_dot[k]
    return total, a_bar


def in_jax(np):
    """Forward mode, one direction per element at once: JAX's while has no reverse mode."""
    import jax

    def root(a):
        def unfinished(y):
            return np.abs(y * y - a) > 1e-12 * a

        return jax.lax.while_loop(unfinished, lambda y: 0.5 * (y + a / y), 0.5 * (1.0 + a))

    def gradient(a):
        y, y_dot = jax.jvp(jax.vmap(root), (a,), (np.ones_like(a),))
        return np.sum(y), y_dot

    return gradient


def recorded(where, larger):
    def objective(a):
        y = 0.5 * (1.0 + a)
        while True:
            unfinished = larger(abs(y * y - a), 1e-12 * a)
            if not unfinished.any():
                return y.sum()
            y = where(unfinished, 0.5 * (y + a / y), y)

    return objective


def inputs(n):
    return (np.exp(np.random.default_rng(0).uniform(-7.0, 7.0, n)),)


PROBLEM = Problem(
    name="newton",
    text=__doc__,
    ours={"loops": differentiated(newton)},
    sizes={"1e5": lambda: inputs(100_000)},
    small=lambda: inputs(37),
    objective=plain(newton),
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax_function(in_jax),
        "torch": peers.torch(lambda torch: recorded(torch.where, torch.gt)),
        "autograd": peers.autograd(lambda np: recorded(np.where, np.greater)),
    },
)
