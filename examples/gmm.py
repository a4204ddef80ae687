"""ADBench's gmm: the log posterior of a Gaussian mixture, as plain loops. Srajer et al. 2018, section 4.1."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np


def log_wishart_prior(icf, gamma, m):
    """log of the Wishart prior of all components; icf[k] holds log-diagonal (d) and strictly lower part by columns."""
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
    """log(sum(exp(v))), safe for large entries."""
    top = v[0]
    for i in range(1, len(v)):
        top = max(top, v[i])
    total = 0.0
    for i in range(len(v)):
        total += math.exp(v[i] - top)
    return math.log(total) + top


def gmm(alphas, means, icf, x, gamma, m):
    """The log posterior of the mixture; gamma and m are the Wishart prior's parameters."""
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
    normalizer = -n * d * 0.5 * math.log(2.0 * math.pi)
    return normalizer + total - n * logsumexp(alphas) + log_wishart_prior(icf, gamma, m)


def read(path):
    """The arguments of gmm from one of ADBench's files."""
    words = Path(path).read_text().split()
    d, k, n = map(int, words[:3])
    columns = d * (d + 1) // 2
    numbers = np.array(words[3:], dtype=np.float64)
    alphas, means, icf, x, last = np.split(numbers, np.cumsum([k, k * d, k * columns, n * d]))
    return alphas, means.reshape(k, d), icf.reshape(k, columns), x.reshape(n, d), float(last[0]), int(last[1])
