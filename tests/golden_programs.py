"""Typical programs whose generated source is kept as golden text: (function, transform, arguments)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import adcompiler as ad

RNG = np.random.default_rng(7)


@dataclass(frozen=True)
class Golden:
    """A transformed function and arguments to call it with."""

    make: Callable[[], Any]
    args: Callable[[], tuple[Any, ...]]


PROGRAMS: dict[str, Golden] = {}


def golden(*args: Any, transform: Callable[[Any], Any] = ad.grad, name: str = "") -> Callable[[Any], Any]:
    """Enter the function into the table, under its own name unless another is given."""

    def enter(fn: Any) -> Any:
        fresh = lambda: tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)  # noqa: E731
        PROGRAMS[name or fn.__name__] = Golden(lambda: transform(fn), fresh)
        return fn

    return enter


def vector(n: int) -> np.ndarray:
    return RNG.standard_normal(n)


def matrix(m: int, n: int) -> np.ndarray:
    return RNG.standard_normal((m, n))


# Scalars.
@golden(2.0, 5.0, transform=lambda f: ad.grad(f, argnums=(0, 1)))
def demo(x0, x1):
    return math.log(x0) + x0 * x1 - math.sin(x1)


@golden(0.7, 1.2, transform=lambda f: ad.value_and_grad(f, argnums=(0, 1)))
def sinusoid(u, v):
    return 0.5 * math.sin(v) * u + u**3 / v


@golden(1.3)
def piecewise(x):
    if x > 1.0:
        y = x * x
    elif x > 0.0:
        y = 2.0 * x - 1.0
    else:
        y = math.exp(x) - 2.0
    return y * y


@golden(0.4)
def ternary(x):
    return (x if x > 0.0 else 0.01 * x) * 3.0


@golden(0.6, 4)
def newton(a, n):
    x = 1.0
    for _ in range(n):
        x = x - (x * x - a) / (2.0 * x)
    return x


@golden(2.0)
def squarings(x):
    while x < 100.0:
        x = x * x
    return x


@golden(1.5, transform=lambda f: ad.grad(ad.grad(f)), name="second_derivative")
def cubic(x):
    return x**3 + math.sin(x) * x


# Vectors, by element.
@golden(np.array([2.0, 2.0, 2.0]), 3)
def product(x, n):
    r = 1.0
    for i in range(n):
        r *= x[i]
    return r


@golden(vector(4))
def sum_of_squares(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


@golden(np.array([1.2, 0.8]))
def rosenbrock(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


@golden(vector(3), vector(3), transform=lambda f: ad.value_and_grad(f, argnums=(0, 1)))
def cosine(a, b):
    dot, na, nb = 0.0, 0.0, 0.0
    for i in range(len(a)):
        dot += a[i] * b[i]
        na += a[i] * a[i]
        nb += b[i] * b[i]
    return dot / math.sqrt(na * nb)


@golden(vector(5), 1.0)
def until_bound(x, bound):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
        if s > bound:
            break
    return s


@golden(np.array([0.3, 0.8]), np.array([0.5, -0.2, 0.9]))
def horner(x, c):
    total = 0.0
    for i in range(len(x)):
        p = 0.0
        for k in range(len(c)):
            p = p * x[i] + c[k]
        total += p
    return total


@golden(vector(4))
def logsumexp(x):
    m = x[0]
    for i in range(1, len(x)):
        m = max(m, x[i])
    s = 0.0
    for i in range(len(x)):
        s += math.exp(x[i] - m)
    return m + math.log(s)


# Memory.
@golden(np.array([2.0, 3.0]))
def overwritten(x):
    x[0] = x[0] * x[1]
    x[0] = x[0] * x[1]
    return x[0]


@golden(np.array([1.0, 2.0, 3.0]))
def through_view(x):
    v = x[1:]
    v[0] = v[0] * x[0]
    return x[1] * x[2]


@golden(vector(4))
def two_bins(x):
    y = np.zeros(2)
    for i in range(len(x)):
        y[i % 2] += x[i] * x[i]
    return y[0] * y[1]


@golden(vector(5))
def prefix_sums(x):
    y = np.empty_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = y[i - 1] + math.sin(x[i])
    return y[-1] * y[0]


@golden(vector(6), 0.1, 3)
def heat(u0, k, steps):
    u = u0.copy()
    v = np.empty_like(u)
    for _ in range(steps):
        v[0], v[-1] = u[0], u[-1]
        for i in range(1, len(u) - 1):
            v[i] = u[i] + k * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
    s = 0.0
    for i in range(len(u)):
        s += u[i] * u[i]
    return s


@golden(vector(6), 0.1, 3, name="heat_slices")
def heat_with_slices(u0, k, steps):
    u = u0.copy()
    for _ in range(steps):
        u[1:-1] = u[1:-1] + k * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return np.sum(u * u)


@golden(1.0, 0.7, 0.05, 20, transform=lambda f: ad.grad(f, argnums=(0, 1)))
def pendulum(angle, speed, dt, steps):
    for _ in range(steps):
        speed = speed - dt * math.sin(angle)
        angle = angle + dt * speed
    return angle


@golden(np.array([1.0, 0.5, 0.2]), 0.01, 5)
def lorenz(state, dt, steps):
    x, y, z = state[0], state[1], state[2]
    for _ in range(steps):
        dx = 10.0 * (y - x)
        dy = x * (28.0 - z) - y
        dz = x * y - 2.6 * z
        x, y, z = x + dt * dx, y + dt * dy, z + dt * dz
    return x * x + y * y + z * z


# Matrices, by element.
@golden(matrix(2, 3), vector(3))
def matvec(a, x):
    s = 0.0
    for i in range(a.shape[0]):
        t = 0.0
        for j in range(a.shape[1]):
            t += a[i, j] * x[j]
        s += t * t
    return s


@golden(matrix(5, 3), np.array([0.5, -0.1, 0.3]), np.array([1.0, 0.0, 1.0, 1.0, 0.0]),
        transform=lambda f: ad.value_and_grad(f, argnums=1))  # fmt: skip
def logistic(x, w, y):
    loss = 0.0
    for i in range(x.shape[0]):
        z = 0.0
        for j in range(x.shape[1]):
            z += x[i, j] * w[j]
        loss += math.log(1.0 + math.exp(z)) - y[i] * z
    return loss / x.shape[0]


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


@golden(vector(4), np.array([0.5, -0.3]), 0.1, 0.2, transform=lambda f: ad.grad(f, argnums=(0, 1)))
def lstm_cell(w, x, h, c):
    forget = sigmoid(w[0] * h + x[0])
    ingate = sigmoid(w[1] * h + x[1])
    change = math.tanh(w[3] * h)
    c = forget * c + ingate * change
    return sigmoid(w[2] * x[0]) * math.tanh(c)


@golden(vector(2), matrix(2, 3), matrix(4, 3), transform=lambda f: ad.grad(f, argnums=(0, 1)))
def mixture(alphas, means, x):
    n, d, k = x.shape[0], x.shape[1], len(alphas)
    total = 0.0
    terms = np.empty(k)
    for i in range(n):
        for j in range(k):
            q = 0.0
            for l in range(d):
                q += (x[i, l] - means[j, l]) ** 2
            terms[j] = alphas[j] - 0.5 * q
        m = terms[0]
        for j in range(1, k):
            m = max(m, terms[j])
        s = 0.0
        for j in range(k):
            s += math.exp(terms[j] - m)
        total += m + math.log(s)
    return total


# Whole arrays.
@golden(vector(4), vector(4), transform=lambda f: ad.grad(f, argnums=(0, 1)))
def least_squares(a, b):
    r = a * a - b
    return np.sum(r * r)


@golden(np.array([1.0, 2.0, 3.0]))
def neighbours(x):
    return np.sum(x[1:] * x[:-1])


@golden(np.array([0.0, 1.0, 4.0]))
def masked_sqrt(x):
    return np.sum(np.where(x > 0.0, np.sqrt(x), 0.0))


@golden(matrix(3, 2), vector(3), vector(2), transform=lambda f: ad.grad(f, argnums=(0, 1)))
def dense(w, b, x):
    return np.sum(np.tanh(w @ x + b) ** 2)


@golden(matrix(4, 3), vector(3), vector(4))
def relu_layer(w, x, b):
    h = np.maximum(w @ x + b, 0.0)
    return np.sum(h * h)


@golden(matrix(3, 2), vector(2), transform=lambda f: ad.grad(f, argnums=(0, 1)))
def add_row(a, b):
    return np.sum(np.exp(a + b))


@golden(vector(4))
def normalized(x):
    y = x / np.sqrt(np.sum(x * x))
    return y[0] * y[1]


@golden(vector(3), vector(3), transform=lambda f: ad.grad(f, argnums=(0, 1)))
def accumulate_in_place(x, w):
    y = np.zeros_like(x)
    for _ in range(3):
        y += w * x
        y *= 0.5
    return np.sum(y)


# The notebook's network: parameters in a dict, integer classes picked from each row.
@golden(
    {"W1": matrix(2, 3), "b1": np.zeros(3), "W2": matrix(3, 2), "b2": np.zeros(2)},
    matrix(6, 2),
    np.array([0, 1, 1, 0, 1, 0]),
    0.01,
    transform=ad.value_and_grad,
)
def moons(params, points, classes, decay):
    hidden = np.tanh(points @ params["W1"] + params["b1"])
    exponentials = np.exp(hidden @ params["W2"] + params["b2"])
    probabilities = exponentials / np.sum(exponentials, axis=1, keepdims=True)
    data = -np.sum(np.log(probabilities[np.arange(len(classes)), classes]))
    penalty = decay / 2.0 * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
    return (data + penalty) / len(classes)


# Products of every rank.
@golden(
    RNG.standard_normal((2, 3, 4)),
    RNG.standard_normal((2, 5, 4)),
    RNG.standard_normal((2, 5, 4)),
    transform=lambda f: ad.grad(f, argnums=(0, 1, 2)),
)
def attention(q, k, v):
    weights = np.exp(np.einsum("hqd,hkd->hqk", q, k) / np.sqrt(q.shape[-1]))
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    return np.sum(np.einsum("hqk,hkd->hqd", weights, v) ** 2)


# The array language.
@golden(matrix(4, 3), matrix(3, 6).reshape(3, 2, 3), transform=lambda f: ad.grad(f, argnums=1))
def bilinear(x, w):
    """A form per output, of a batch: one product of three arrays."""
    y = np.einsum("bi,iok,bk->bo", x, w, x)
    return np.sum(np.tanh(y))


@golden(matrix(4, 3), np.array([0, 2, 1, 1]))
def cross_entropy(z, labels):
    shifted = z - np.max(z, axis=1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(labels)), labels])


@golden(matrix(4, 3), np.array([0, 2, 1, 1]))
def embedding(table, words):
    rows = table[words]
    return np.sum(rows * np.cumsum(rows, axis=0))


@golden(vector(4), 0.5)
def thresholded(x, c):
    y = x * x
    y[x > c] = 0.0
    return np.sum(y[1:] * np.sort(x)[:-1])


# Other transforms.
@golden((vector(3), 1.5), (vector(3), 1.0), transform=ad.jvp, name="jvp_scale")
def scale(x, a):
    s = 0.0
    for i in range(len(x)):
        s += math.exp(a * x[i])
    return s


@golden((vector(3), vector(3)), vector(3), transform=ad.vjp, name="vjp_hadamard")
def hadamard(x, y):
    return np.sin(x) * y


@golden(
    (np.array([0.3, 0.4]),),
    (np.array([1.0, -1.0]),),
    transform=lambda f: ad.jvp(ad.grad(f)),
    name="forward_over_reverse",
)
def quartic(x):
    return x[0] ** 2 * x[1] ** 2


@golden(vector(3), transform=lambda f: ad.grad(lambda x: ad.grad(f)(x)[0]), name="reverse_over_reverse")
def chain(x):
    p = 1.0
    for i in range(len(x)):
        p = p * math.sin(x[i])
    return p


# Recurrences of arrays.
@golden(matrix(4, 4), vector(4), vector(4), vector(6), transform=lambda f: ad.grad(f, argnums=(0, 1)))
def elman(w, b, h, x):
    for t in range(len(x)):
        h = np.tanh(w @ h + b * x[t])
    return np.sum(h * h)


@golden(matrix(6, 4), matrix(4, 4), transform=lambda f: ad.grad(f, argnums=1))
def gated(x, w):
    h = np.zeros(w.shape[0])
    for t in range(len(x)):
        gate = 1.0 / (1.0 + np.exp(-(w @ x[t])))
        h = gate * h + (1.0 - gate) * x[t]
    return np.sum(h * h)
