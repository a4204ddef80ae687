"""The heat equation: 200 steps of b = a + kappa (5-point Laplacian of a) on the interior, two buffers swapped; then
the squared distance to a target. Differentiated by the initial field and kappa."""

from __future__ import annotations

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain


def heat(field, kappa, target, steps):
    n, m = field.shape
    a = field.copy()
    b = field.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = a[i, j] + kappa * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1] - 4.0 * a[i, j])
        a, b = b, a
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += (a[i, j] - target[i, j]) ** 2
    return total


@plain
def to_rim(inner, rim, kappa):
    """What the interior's adjoint passes to the rim, which the steps keep."""
    n, m = inner.shape
    for j in range(m):
        rim[0, j] += kappa * inner[1, j]
        rim[n - 1, j] += kappa * inner[n - 2, j]
    for i in range(1, n - 1):
        rim[i, 0] += kappa * inner[i, 1]
        rim[i, m - 1] += kappa * inner[i, m - 2]


@plain
def start_back(last, target, inner, rim):
    """The objective, and its adjoint in two parts: interior and rim, each zero elsewhere."""
    n, m = last.shape
    total = 0.0
    for i in range(n):
        for j in range(m):
            difference = last[i, j] - target[i, j]
            total += difference * difference
            if i in (0, n - 1) or j in (0, m - 1):
                rim[i, j] = 2.0 * difference
            else:
                inner[i, j] = 2.0 * difference
    return total


@plain
def add(rim, inner):
    """Both parts in one field."""
    for i in range(rim.shape[0]):
        for j in range(rim.shape[1]):
            rim[i, j] += inner[i, j]


@plain
def by_hand(field, kappa, target, steps):
    """All fields are kept; the interior's adjoint is gathered from its neighbours, as in the step itself."""
    n, m = field.shape
    fields = np.empty((steps + 1, n, m))
    fields[:] = field
    for s in range(steps):
        a, b = fields[s], fields[s + 1]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = a[i, j] + kappa * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1] - 4.0 * a[i, j])
    g, spare, rim = np.zeros((n, m)), np.zeros((n, m)), np.zeros((n, m))
    total = start_back(fields[steps], target, g, rim)
    kappa_bar = 0.0
    for s in range(steps - 1, -1, -1):
        a = fields[s]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                kappa_bar += g[i, j] * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1] - 4.0 * a[i, j])
        to_rim(g, rim, kappa)
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                spare[i, j] = g[i, j] + kappa * (g[i - 1, j] + g[i + 1, j] + g[i, j - 1] + g[i, j + 1] - 4.0 * g[i, j])
        g, spare = spare, g
    add(rim, g)
    return total, rim, kappa_bar


@fast
def forward(a, b, kappa):
    n, m = a.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            b[i, j] = a[i, j] + kappa * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1] - 4.0 * a[i, j])


@fast
def changed(after, before, g):
    """The sum of what a step changed, weighted: kappa times the Laplacian, which isn't computed again."""
    n, m = g.shape
    total = 0.0
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            total += g[i, j] * (after[i, j] - before[i, j])
    return total


@fast
def best(field, kappa, target, steps):
    """Checkpoints every so many steps, so that the fields of one stretch stay in the cache; adjoints gathered from
    the neighbours, the rim apart; the Laplacian of the step by kappa is what the step changed."""
    n, m = field.shape
    stretch = max(1, int(np.sqrt(steps)))
    stretches = (steps + stretch - 1) // stretch
    kept = np.empty((stretches, n, m))
    fields = np.empty((stretch + 1, n, m))
    fields[:] = field
    for c in range(stretches):
        kept[c] = fields[0]
        size = min(stretch, steps - c * stretch)
        for s in range(size):
            forward(fields[s], fields[s + 1], kappa)
        if c < stretches - 1:
            fields[0] = fields[size]
    inner, spare, rim = np.zeros((n, m)), np.zeros((n, m)), np.zeros((n, m))
    total = start_back(fields[steps - (stretches - 1) * stretch], target, inner, rim)
    difference = 0.0
    for c in range(stretches - 1, -1, -1):
        size = min(stretch, steps - c * stretch)
        if c < stretches - 1:
            fields[0] = kept[c]
            for s in range(size):
                forward(fields[s], fields[s + 1], kappa)
        for s in range(size - 1, -1, -1):
            difference += changed(fields[s + 1], fields[s], inner)
            to_rim(inner, rim, kappa)
            forward(inner, spare, kappa)
            inner, spare = spare, inner
    add(rim, inner)
    return total, rim, difference / kappa


def in_jax(np):
    import jax

    def step(kappa, a):
        laplacian = a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] - 4.0 * a[1:-1, 1:-1]
        return a.at[1:-1, 1:-1].add(kappa * laplacian)

    def objective(field, kappa, target, steps):
        last = jax.lax.scan(lambda a, _: (step(kappa, a), None), field, None, length=steps)[0]
        return np.sum((last - target) ** 2)

    return objective


def in_autograd(np):
    def objective(field, kappa, target, steps):
        a = field
        for _ in range(steps):
            laplacian = a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] - 4.0 * a[1:-1, 1:-1]
            a = a + np.pad(kappa * laplacian, 1, "constant")
        return np.sum((a - target) ** 2)

    return objective


def in_torch(torch):
    pad = torch.nn.functional.pad

    def objective(field, kappa, target, steps):
        a = field
        for _ in range(steps):
            laplacian = a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] - 4.0 * a[1:-1, 1:-1]
            a = a + pad(kappa * laplacian, (1, 1, 1, 1))
        return torch.sum((a - target) ** 2)

    return objective


def inputs(n, m, steps):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, m)), 0.2, rng.standard_normal((n, m)), steps


PROBLEM = Problem(
    name="heat",
    text=__doc__,
    ours={"loops": differentiated(heat, argnums=(0, 1))},
    sizes={"128x128 T200": lambda: inputs(128, 128, 200)},
    small=lambda: inputs(6, 7, 10),
    objective=plain(heat),
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax(in_jax, argnums=(0, 1), static=(3,)),
        "torch": peers.torch(in_torch, argnums=(0, 1)),
        "autograd": peers.autograd(in_autograd, argnums=(0, 1)),
    },
)
