import numpy as np
from adcompiler.runtime import where


def mixture_grad(alphas, means, x):
    """Gradient of mixture with respect to alphas and means."""

    # forward sweep
    n = x.shape[0]
    d = x.shape[1]
    k = len(alphas)
    terms = np.empty(k)
    if n > 0 and d > 0 and k > means.shape[0]:
        raise IndexError("index out of bounds for axis 0 of means (golden_programs.py:278)")
    if n > 0 and k > 0 and d > means.shape[1]:
        raise IndexError("index out of bounds for axis 1 of means (golden_programs.py:278)")
    if n > 0 and len(terms) <= 0:
        raise IndexError("index out of bounds for axis 0 of terms (golden_programs.py:280)")
    s_tape = np.empty(n)
    t_tape = np.empty((n, k))
    t_tape_1 = np.empty((n, max(k - 1, 0)), dtype=np.bool_)
    for i in range(n):
        for j in range(k):
            q = 0.0
            for l in range(d):
                q += (x[i, l] - means[j, l]) ** 2
            terms[j] = alphas[j] - 0.5 * q
        m = terms[0]
        for j in range(1, k):
            t = terms[j] > m
            t_tape_1[i, j - 1] = t
            if t:
                m = terms[j]
        s = 0.0
        for j in range(k):
            t_1 = np.exp(terms[j] - m)
            t_tape[i, j] = t_1
            s += t_1
        s_tape[i] = s

    # reverse sweep
    terms_bar = np.zeros(k)
    alphas_bar = np.zeros_like(alphas)
    means_bar = np.zeros_like(means)
    for i in range(n - 1, -1, -1):  # for i in range(n):
        s = s_tape[i]
        s_bar = 1.0 / s  # total += m + math.log(s)
        m_bar = 1.0
        for j in range(k - 1, -1, -1):  # for j in range(k):
            t_bar = s_bar * t_tape[i, j]  # s += math.exp(terms[j] - m)
            m_bar -= t_bar
            terms_bar[j] += t_bar
        for j in range(k - 1, 0, -1):  # for j in range(1, k):
            terms_j_bar = m_bar if t_tape_1[i, j - 1] else 0.0  # m = max(m, terms[j])
            if t_tape_1[i, j - 1]:
                m_bar = 0.0
            terms_bar[j] += terms_j_bar
        terms_bar[0] += m_bar  # m = terms[0]
        for j in range(k - 1, -1, -1):  # for j in range(k):
            t_bar = terms_bar[j]  # terms[j] = alphas[j] - 0.5 * q
            terms_bar[j] = 0.0
            t_bar_1 = -t_bar
            q_bar = where(t_bar_1 == 0.0, 0.0, 0.5 * t_bar_1)
            alphas_bar[j] += t_bar
            for l in range(d - 1, -1, -1):  # for l in range(d):
                # q += (x[i, l] - means[j, l]) ** 2
                means_bar[j, l] -= 2.0 * q_bar * (x[i, l] - means[j, l])
    return alphas_bar, means_bar
