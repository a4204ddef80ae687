"""The array language in programs: shapes, products of every rank, prefix sums, statistics, ranges."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, pos, program, spd, vec


@program((mat(2, 6), mat(3, 2, 1)))
def attention(x, w):
    """Heads by reshape and transpose, batched products, a softmax."""
    q = (w @ x).reshape(3, 2, 3)
    k = np.transpose(q, (1, 0, 2)) * 0.5
    s = np.einsum("hid,ihe->hde", q, k)
    p = np.exp(s - s.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return np.sum(p * s)


@program((mat(3, 4), vec(4), pos(4)))
def batch_norm(x, shift, scale):
    y = (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + 0.1)
    return np.sum(np.tanh(y * scale + shift) ** 2) + x.std()


@program((vec(8), vec(3, 1)))
def convolved(x, w):
    patches = np.stack((x[:-2], x[1:-1], x[2:]), axis=1)
    y = np.maximum(patches @ w, 0.1)
    return np.sum(y.reshape(3, 2).max(axis=1)) + np.sum(np.convolve(x, w, "valid"))


@program((mat(3, 3), mat(3, 3, 1)))
def tensors(a, b):
    t = np.multiply.reduce(np.stack((a, b, a + b)), axis=0)
    return (
        np.trace(np.tensordot(a, b, axes=1))
        + np.sum(np.kron(a, b)[::2, 1])
        + np.sum(np.inner(t, a) * np.outer(a[0], b[1]))
    )


@program((vec(6), 0.5))
def prefix(x, c):
    y = np.cumsum(x) * np.cumprod(np.concatenate((x[:2], np.full(4, c))))
    return np.sum(np.diff(y) ** 2) + np.trapezoid(y, dx=c)


@program((vec(3), 4))
def grown(x, n):
    """A view of a view of what a loop fills."""
    rows = np.empty((n, 3))
    for i in range(n):
        rows[i] = np.roll(x, i) * (i + 1)
    flat = rows.reshape(2, -1)
    flat[1] *= flat[0]
    return np.sum(np.flip(flat, axis=1) * flat) + np.prod(rows[:2])


@program((mat(4, 3),))
def split_and_joined(a):
    top, bottom = np.split(a, 2)
    left, right = np.hsplit(np.hstack((top, bottom)), 2)
    return np.sum(np.vstack((left * right, top)) * np.tile(a[:1], (4, 1)))


@program((vec(5), vec(3, 1)))
def grid(x, y):
    u, v = np.meshgrid(x, y)
    z = np.sin(u) * v
    gy, gx = np.gradient(z)
    return np.sum(gx * gy) + np.sum(np.pad(z, 1, mode="edge") ** 2) + np.median(z)


@program((spd(3), vec(3)))
def structured(a, x):
    lower = np.tril(a, -1) + np.diag(x)
    return np.sum(lower @ lower.T * np.eye(3)) + np.linalg.slogdet(a)[1] * np.trace(lower)


@program((mat(2, 3), 1.3))
def swapped_axes(a, c):
    s = 0.0
    for row in np.moveaxis(np.broadcast_to(a, (2, 2, 3)), -1, 0):
        s += np.sum(row * np.swapaxes(row, 0, 1)) * c
    return s + np.sum(a[:, ::-1].T[::-1].ravel() * np.arange(6))


@program((vec(7),))
def statistics(x):
    z = (x - np.average(x, weights=np.abs(x))) / (np.ptp(x) + 1.0)
    return np.percentile(z, 40.0) + np.sum(np.cov(x[:6].reshape(2, 3)))


@program((np.asfortranarray(mat(3, 4)), vec(8)[::-2]))
def odd_layouts(a, x):
    b = a.T.reshape(2, 6)[:, ::2] * x[:3]
    return np.sum(b * b) + np.sum(np.einsum("ij,j->i", a, x) ** 2) + np.max(a[::-1, 1])
