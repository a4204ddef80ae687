"""gmm's gradient as an expert tunes it: strips of points side by side, a component at a time, exp and log as vectors.

What is linear in a component's factor is added up over all points and multiplied once at the end."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.problem import fast, fast_part
from benchmarks.vector import exp, log


@fast_part
def weigh(terms, top, summed):
    """The log-sum-exp over components, summed over the strip; terms become each component's share of a point."""
    k, lanes = terms.shape
    for w in range(lanes):
        top[w] = terms[0, w]
        summed[w] = 0.0
    for c in range(1, k):
        for w in range(lanes):
            top[w] = max(top[w], terms[c, w])
    for c in range(k):
        for w in range(lanes):
            e = exp(terms[c, w] - top[w])
            terms[c, w] = e
            summed[w] += e
    total = 0.0
    for w in range(lanes):
        total += log(summed[w]) + top[w]
        summed[w] = 1.0 / summed[w]
    for c in range(k):
        for w in range(lanes):
            terms[c, w] *= summed[w]
    return total


@fast_part
def multiply(q, centered, scaled):
    """scaled = q centered for lower triangular q, four columns at a time."""
    d, lanes = centered.shape
    for r in range(d):
        for w in range(lanes):
            scaled[r, w] = q[r, r] * centered[r, w]
        j = 0
        while j + 4 <= r:
            a, b, e, f = q[r, j], q[r, j + 1], q[r, j + 2], q[r, j + 3]
            for w in range(lanes):
                first = a * centered[j, w] + b * centered[j + 1, w]
                scaled[r, w] += first + (e * centered[j + 2, w] + f * centered[j + 3, w])
            j += 4
        while j < r:
            for w in range(lanes):
                scaled[r, w] += q[r, j] * centered[j, w]
            j += 1


@fast_part
def add_products(scaled, centered, q_bar):
    """q_bar += the lower triangle of scaled times centered transposed, four columns at a time."""
    d, lanes = centered.shape
    for r in range(d):
        j = 0
        while j + 4 <= r + 1:
            a = b = e = f = 0.0
            for w in range(lanes):
                v = scaled[r, w]
                a += v * centered[j, w]
                b += v * centered[j + 1, w]
                e += v * centered[j + 2, w]
                f += v * centered[j + 3, w]
            q_bar[r, j] += a
            q_bar[r, j + 1] += b
            q_bar[r, j + 2] += e
            q_bar[r, j + 3] += f
            j += 4
        while j <= r:
            a = 0.0
            for w in range(lanes):
                a += scaled[r, w] * centered[j, w]
            q_bar[r, j] += a
            j += 1


@fast
def factors(alphas, icf, d):
    """The triangular matrices, and what the points don't change of each component's term."""
    k = len(alphas)
    q = np.zeros((k, d, d))
    base = alphas.copy()
    for c in range(k):
        at = d
        for j in range(d):
            base[c] += icf[c, j]
            q[c, j, j] = math.exp(icf[c, j])
            for r in range(j + 1, d):
                q[c, r, j] = icf[c, at]
                at += 1
    return q, base


@fast_part
def strip_terms(q, base, means, points, size, centered, scaled, terms):
    """Forward: each component's term of each point, and the scaled differences. Lanes beyond `size` count nothing."""
    d, lanes = points.shape
    for c in range(len(base)):
        for j in range(d):
            for w in range(lanes):
                centered[j, w] = points[j, w] - means[c, j]
        multiply(q[c], centered, scaled[c])
        for w in range(lanes):
            terms[c, w] = 0.0
        for r in range(d):
            for w in range(lanes):
                terms[c, w] += scaled[c, r, w] * scaled[c, r, w]
        for w in range(lanes):
            terms[c, w] = base[c] - 0.5 * terms[c, w]
        for w in range(size, lanes):
            terms[c, w] = 0.0 if c == 0 else -1e300


@fast_part
def strip_adjoints(means, points, size, centered, scaled, shares, weight, weighted, q_bar):
    """Back: each component's weight, its weighted scaled differences, and their products with the differences."""
    d, lanes = points.shape
    for c in range(len(weight)):
        for w in range(size, lanes):
            shares[c, w] = 0.0
        total = 0.0
        for w in range(lanes):
            total += shares[c, w]
        weight[c] += total
        for r in range(d):
            total = 0.0
            for w in range(lanes):
                centered[r, w] = points[r, w] - means[c, r]
                v = shares[c, w] * scaled[c, r, w]
                scaled[c, r, w] = v
                total += v
            weighted[c, r] += total
        add_products(scaled[c], centered, q_bar[c])


@fast
def gradient_of_points(alphas, means, icf, x, alphas_bar, means_bar, icf_bar):
    """What the points contribute: its value; its gradient by alphas and icf is added, that by means written."""
    n, d = x.shape
    k = len(alphas)
    lanes = 128 if d < 10 else 64
    q, base = factors(alphas, icf, d)
    q_bar, weight, weighted = np.zeros((k, d, d)), np.zeros(k), np.zeros((k, d))
    points, centered, scaled = np.zeros((d, lanes)), np.empty((d, lanes)), np.empty((k, d, lanes))
    terms, top, summed = np.empty((k, lanes)), np.empty(lanes), np.empty(lanes)
    total = 0.0
    for start in range(0, n, lanes):
        size = min(lanes, n - start)
        for w in range(size):
            for j in range(d):
                points[j, w] = x[start + w, j]
        strip_terms(q, base, means, points, size, centered, scaled, terms)
        total += weigh(terms, top, summed)
        strip_adjoints(means, points, size, centered, scaled, terms, weight, weighted, q_bar)
    for c in range(k):
        alphas_bar[c] += weight[c]
        at = d
        for j in range(d):
            mean_bar = q[c, j, j] * weighted[c, j]
            icf_bar[c, j] += weight[c] - q[c, j, j] * q_bar[c, j, j]
            for r in range(j + 1, d):
                mean_bar += q[c, r, j] * weighted[c, r]
                icf_bar[c, at] -= q_bar[c, r, j]
                at += 1
            means_bar[c, j] = mean_bar
    return total
