"""ADBench's gmm: the log posterior of a Gaussian mixture. Srajer et al. 2018, section 4.1."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln

from benchmarks import peers
from benchmarks.adbench import gmm_file, reference
from benchmarks.problem import Problem, differentiated, fast, plain, plain_part
from benchmarks.problems.gmm_strips import gradient_of_points


# As loops.
def log_wishart_prior(icf, gamma, m):
    k = icf.shape[0]
    d = int((math.sqrt(8.0 * icf.shape[1] + 1.0) - 1.0) / 2.0)
    p = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(1, d + 1):
        log_gamma += math.lgamma(0.5 * p + 0.5 * (1 - j))
    constant = p * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma
    total = 0.0
    for c in range(k):
        squares = 0.0
        log_det = 0.0
        for j in range(d):
            log_det += icf[c, j]
            squares += math.exp(icf[c, j]) ** 2
        for j in range(d, icf.shape[1]):
            squares += icf[c, j] ** 2
        total += 0.5 * gamma * gamma * squares - m * log_det
    return total - k * constant


def logsumexp(v):
    top = v[0]
    for i in range(1, len(v)):
        top = max(top, v[i])
    total = 0.0
    for i in range(len(v)):
        total += math.exp(v[i] - top)
    return math.log(total) + top


def loops(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    k = len(alphas)
    log_det = np.zeros(k)
    diagonal = np.zeros((k, d))
    for c in range(k):
        for j in range(d):
            log_det[c] += icf[c, j]
            diagonal[c, j] = math.exp(icf[c, j])
    centered = np.zeros(d)
    scaled = np.zeros(d)
    terms = np.zeros(k)
    total = 0.0
    for i in range(n):
        for c in range(k):
            for j in range(d):
                centered[j] = x[i, j] - means[c, j]
                scaled[j] = diagonal[c, j] * centered[j]
            at = d
            for j in range(d):
                for r in range(j + 1, d):
                    scaled[r] += icf[c, at] * centered[j]
                    at += 1
            squares = 0.0
            for j in range(d):
                squares += scaled[j] * scaled[j]
            terms[c] = alphas[c] + log_det[c] - 0.5 * squares
        total += logsumexp(terms)
    total -= n * logsumexp(alphas)
    return total - 0.5 * n * d * math.log(2.0 * math.pi) + log_wishart_prior(icf, gamma, m)


# As arrays.
def arrays(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    k = len(alphas)
    log_det = np.sum(icf[:, :d], axis=1)
    factor = np.zeros((k, d, d))
    at = d
    for j in range(d):
        factor[:, j, j] = np.exp(icf[:, j])
        factor[:, j + 1 :, j] = icf[:, at : at + d - j - 1]
        at += d - j - 1
    centered = x[:, None, :] - means
    scaled = np.einsum("krj,nkj->nkr", factor, centered)
    terms = alphas + log_det - 0.5 * np.sum(scaled**2, axis=2)
    top = np.max(terms, axis=1)
    total = np.sum(np.log(np.sum(np.exp(terms - top[:, None]), axis=1)) + top)
    total -= n * (np.log(np.sum(np.exp(alphas - np.max(alphas)))) + np.max(alphas))
    p = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * np.log(np.pi) + np.sum(gammaln(0.5 * p - 0.5 * np.arange(d)))
    constant = p * d * (np.log(gamma) - 0.5 * np.log(2.0)) - log_gamma
    squares = np.sum(np.exp(icf[:, :d]) ** 2) + np.sum(icf[:, d:] ** 2)
    prior = 0.5 * gamma**2 * squares - m * np.sum(icf[:, :d]) - k * constant
    return total - 0.5 * n * d * np.log(2.0 * np.pi) + prior


# By hand.
plain_logsumexp = plain(logsumexp)


@plain
def prior_by_hand(alphas, icf, n, d, gamma, m, alphas_bar, icf_bar):
    """What doesn't depend on a point: its value, its gradient added."""
    k = len(alphas)
    top = plain_logsumexp(alphas)
    for c in range(k):
        alphas_bar[c] -= n * math.exp(alphas[c] - top)
    p = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(1, d + 1):
        log_gamma += math.lgamma(0.5 * p + 0.5 * (1 - j))
    total = -k * (p * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma)
    for c in range(k):
        for j in range(d):
            square = math.exp(2.0 * icf[c, j])
            total += 0.5 * gamma * gamma * square - m * icf[c, j]
            icf_bar[c, j] += gamma * gamma * square - m
        for j in range(d, icf.shape[1]):
            total += 0.5 * gamma * gamma * icf[c, j] * icf[c, j]
            icf_bar[c, j] += gamma * gamma * icf[c, j]
    return total - n * top - 0.5 * n * d * math.log(2.0 * math.pi)


@plain_part
def diagonals(icf, d):
    """The diagonals of the factors, and the logarithms of their determinants."""
    k = len(icf)
    log_det, diagonal = np.zeros(k), np.empty((k, d))
    for c in range(k):
        for j in range(d):
            log_det[c] += icf[c, j]
            diagonal[c, j] = math.exp(icf[c, j])
    return log_det, diagonal


@plain_part
def squared_distance(point, mean, diagonal, factor, centered, scaled):
    """Of a point to a component's mean, measured by its factor; the differences are kept."""
    d = len(point)
    for j in range(d):
        centered[j] = point[j] - mean[j]
        scaled[j] = diagonal[j] * centered[j]
    at = d
    for j in range(d):
        for r in range(j + 1, d):
            scaled[r] += factor[at] * centered[j]
            at += 1
    squares = 0.0
    for j in range(d):
        squares += scaled[j] * scaled[j]
    return squares


@plain
def objective(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    k = len(alphas)
    total = prior_by_hand(alphas, icf, n, d, gamma, m, np.zeros_like(alphas), np.zeros_like(icf))
    log_det, diagonal = diagonals(icf, d)
    centered, scaled, terms = np.empty(d), np.empty(d), np.empty(k)
    for i in range(n):
        for c in range(k):
            squares = squared_distance(x[i], means[c], diagonal[c], icf[c], centered, scaled)
            terms[c] = alphas[c] + log_det[c] - 0.5 * squares
        total += plain_logsumexp(terms)
    return total


@plain_part
def add_share(share, diagonal, factor, centered, scaled, mean_bar, factor_bar):
    """A component's share of a point goes back to its mean and factor."""
    d = len(centered)
    at = d
    for j in range(d):
        factor_bar[j] += share * (1.0 - scaled[j] * diagonal[j] * centered[j])
        g = scaled[j] * diagonal[j]
        for r in range(j + 1, d):
            g += scaled[r] * factor[at]
            factor_bar[at] -= share * scaled[r] * centered[j]
            at += 1
        mean_bar[j] += share * g


@plain
def by_hand(alphas, means, icf, x, gamma, m):
    """Per point: the scaled differences of all components are kept, then each component's share goes back."""
    n, d = x.shape
    k = len(alphas)
    alphas_bar, means_bar, icf_bar = np.zeros_like(alphas), np.zeros_like(means), np.zeros_like(icf)
    total = prior_by_hand(alphas, icf, n, d, gamma, m, alphas_bar, icf_bar)
    log_det, diagonal = diagonals(icf, d)
    centered, scaled, terms = np.empty((k, d)), np.empty((k, d)), np.empty(k)
    for i in range(n):
        top = -np.inf
        for c in range(k):
            squares = squared_distance(x[i], means[c], diagonal[c], icf[c], centered[c], scaled[c])
            terms[c] = alphas[c] + log_det[c] - 0.5 * squares
            top = max(top, terms[c])
        summed = 0.0
        for c in range(k):
            terms[c] = math.exp(terms[c] - top)
            summed += terms[c]
        total += math.log(summed) + top
        for c in range(k):
            share = terms[c] / summed
            alphas_bar[c] += share
            add_share(share, diagonal[c], icf[c], centered[c], scaled[c], means_bar[c], icf_bar[c])
    return total, alphas_bar, means_bar, icf_bar


@fast
def best(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    alphas_bar, means_bar, icf_bar = np.zeros_like(alphas), np.empty_like(means), np.zeros_like(icf)
    total = prior_by_hand(alphas, icf, n, d, gamma, m, alphas_bar, icf_bar)
    total += gradient_of_points(alphas, means, icf, x, alphas_bar, means_bar, icf_bar)
    return total, alphas_bar, means_bar, icf_bar


def written(np, factors):
    """As array code; `factors(icf, d)` makes the lower triangular matrices in the tool's own way."""

    def objective(alphas, means, icf, x, gamma, m):
        n, d = x.shape
        k = alphas.shape[0]
        centered = x[:, None, :] - means
        scaled = np.einsum("krj,nkj->nkr", factors(icf, d), centered)
        terms = alphas + np.sum(icf[:, :d], 1) - 0.5 * np.sum(scaled**2, 2)
        total = np.sum(log_sum_exp(np, terms)) - n * np.sum(log_sum_exp(np, alphas[None, :]))
        squares = np.sum(np.exp(icf[:, :d]) ** 2) + np.sum(icf[:, d:] ** 2)
        prior = 0.5 * gamma**2 * squares - m * np.sum(icf[:, :d]) - k * wishart_constant(d, gamma, m)
        return total - 0.5 * n * d * math.log(2.0 * math.pi) + prior

    return objective


def log_sum_exp(np, terms):
    top = np.amax(terms, 1)
    return np.log(np.sum(np.exp(terms - top[:, None]), 1)) + top


def wishart_constant(d, gamma, m):
    p = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    log_gamma += sum(math.lgamma(0.5 * p + 0.5 * (1 - j)) for j in range(1, d + 1))
    return p * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma


def in_jax(np):
    def factors(icf, d):
        columns, rows = numpy_indices(d)
        diagonal = np.arange(d)
        lower = np.zeros((icf.shape[0], d, d)).at[:, rows, columns].set(icf[:, d:])
        return lower.at[:, diagonal, diagonal].set(np.exp(icf[:, :d]))

    return written(np, factors)


def in_torch(torch):
    def factors(icf, d):
        columns, rows = numpy_indices(d)
        lower = torch.zeros((icf.shape[0], d, d), dtype=icf.dtype)
        lower[:, rows, columns] = icf[:, d:]
        return lower + torch.diag_embed(torch.exp(icf[:, :d]))

    return written(torch, factors)


def in_autograd(np):
    def factors(icf, d):
        columns, rows = numpy_indices(d)
        place = np.zeros((d, d), dtype=int)
        place[rows, columns] = np.arange(len(rows)) + 1
        padded = np.concatenate([np.zeros((icf.shape[0], 1)), icf[:, d:]], axis=1)
        return padded[:, place] + np.eye(d) * np.exp(icf[:, None, :d])

    return written(np, factors)


def numpy_indices(d):
    return np.triu_indices(d, 1)


def inputs(n, d, k):
    """Where ADBench's file is not at hand: like it, the factors scaled with the dimension."""
    rng = np.random.default_rng(0)
    icf = rng.standard_normal((k, d * (d + 1) // 2)) / np.sqrt(d)
    return rng.standard_normal(k), rng.random((k, d)), icf, rng.standard_normal((n, d)), 1.0, 0


ALL = (0, 1, 2)
PROBLEM = Problem(
    name="gmm",
    text=__doc__,
    ours={"loops": differentiated(loops, argnums=ALL), "numpy": differentiated(arrays, argnums=ALL)},
    sizes={
        **{size: lambda size=size: gmm_file(size) for size in ("d2 K5", "d10 K25", "d32 K25")},
        "d64 K25": lambda: inputs(1_000, 64, 25),
    },
    small=lambda: inputs(37, 3, 4),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax(in_jax, argnums=ALL, static=(4, 5)),
        "torch": peers.torch(in_torch, argnums=ALL),
        "autograd": peers.autograd(in_autograd, argnums=ALL),
    },
    reference=lambda size: reference("gmm", size),
)
