"""The k-means objective: the sum over points of the squared distance to the nearest centroid."""

from __future__ import annotations

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain


def kmeans(centroids, points):
    total = 0.0
    for i in range(len(points)):
        nearest = np.inf
        for c in range(len(centroids)):
            distance = 0.0
            for j in range(points.shape[1]):
                distance += (centroids[c, j] - points[i, j]) ** 2
            if distance < nearest:
                nearest = distance
        total += nearest
    return total


@plain
def by_hand(centroids, points):
    total = 0.0
    centroids_bar = np.zeros_like(centroids)
    for i in range(len(points)):
        nearest = np.inf
        at = 0
        for c in range(len(centroids)):
            distance = 0.0
            for j in range(points.shape[1]):
                distance += (centroids[c, j] - points[i, j]) ** 2
            if distance < nearest:
                nearest = distance
                at = c
        total += nearest
        for j in range(points.shape[1]):
            centroids_bar[at, j] += 2.0 * (centroids[at, j] - points[i, j])
    return total, centroids_bar


@fast
def best(centroids, points):
    """Strips of points side by side: distances of the whole strip to one centroid at a time."""
    k, d = centroids.shape
    n = len(points)
    total = 0.0
    centroids_bar = np.zeros_like(centroids)
    strip = np.zeros((d, 64))
    nearest, distance = np.empty(64), np.empty(64)
    at = np.empty(64, np.int64)
    for start in range(0, n, 64):
        size = min(64, n - start)
        for w in range(size):
            for j in range(d):
                strip[j, w] = points[start + w, j]
        for w in range(len(nearest)):
            nearest[w] = np.inf
            at[w] = 0
        for c in range(k):
            for w in range(len(distance)):
                distance[w] = 0.0
            j = 0
            while j + 4 <= d:
                a, b, e, f = centroids[c, j], centroids[c, j + 1], centroids[c, j + 2], centroids[c, j + 3]
                for w in range(len(distance)):
                    p, q = a - strip[j, w], b - strip[j + 1, w]
                    r, s = e - strip[j + 2, w], f - strip[j + 3, w]
                    distance[w] += (p * p + q * q) + (r * r + s * s)
                j += 4
            while j < d:
                for w in range(len(distance)):
                    p = centroids[c, j] - strip[j, w]
                    distance[w] += p * p
                j += 1
            for w in range(len(distance)):
                closer = distance[w] < nearest[w]
                nearest[w] = distance[w] if closer else nearest[w]
                at[w] = c if closer else at[w]
        for w in range(size):
            total += nearest[w]
            for j in range(d):
                centroids_bar[at[w], j] += 2.0 * (centroids[at[w], j] - strip[j, w])
    return total, centroids_bar


def like_numpy(np):
    """The squares multiplied out, so that the distances are a product."""

    def objective(centroids, points):
        squares = np.sum(points**2, axis=1)[:, None] + np.sum(centroids**2, axis=1)
        return np.sum(np.min(squares - 2.0 * points @ centroids.T, axis=1))

    return objective


def in_torch(torch):
    def objective(centroids, points):
        squares = torch.sum(points**2, dim=1)[:, None] + torch.sum(centroids**2, dim=1)
        return torch.sum(torch.amin(squares - 2.0 * points @ centroids.T, dim=1))

    return objective


def inputs(n, k, d):
    rng = np.random.default_rng(0)
    return rng.standard_normal((k, d)), rng.standard_normal((n, d))


PROBLEM = Problem(
    name="kmeans",
    text=__doc__,
    ours={"loops": differentiated(kmeans)},
    sizes={"1e4 K50 d8": lambda: inputs(10_000, 50, 8)},
    small=lambda: inputs(70, 4, 5),
    objective=plain(kmeans),
    plain=by_hand,
    best=best,
    peers={"jax": peers.jax(like_numpy), "torch": peers.torch(in_torch), "autograd": peers.autograd(like_numpy)},
)
