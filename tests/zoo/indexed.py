"""Index arrays, masks and decisions in programs: in loops and branches, written and read, repeated."""

from __future__ import annotations

import numpy as np

from zoo.registry import mat, pos, program, vec

PLACES = np.array([2, 0, 2, 1])
LABELS = np.array([1, 0, 2])


@program((mat(3, 3), LABELS))
def cross_entropy(z, y):
    """Integer-array pairs."""
    shifted = z - np.max(z, axis=1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(y)), y])


@program((vec(3), vec(4, 1)))
def scatter_and_gather(x, v):
    y = np.zeros(5)
    y[PLACES + 1] = v * v
    y[PLACES] += x[:1] * v
    np.add.at(y, PLACES, v)
    return np.sum(y * y)


@program((vec(4), vec(2, 1), 3))
def written_in_a_loop(x, v, n):
    """Each round reads what the one before wrote."""
    total = 0.0
    for i in range(n):
        at = (PLACES[:2] + i) % 4
        x[at] = np.sin(x[at]) * v
        total += np.sum(x[at[::-1]] * x[i])
    return total


@program((vec(5), 0.4))
def masked_updates(x, c):
    y = x * x
    y[x > 0] -= c
    y[y < 0.0] *= 0.5
    y[y > 1.0] = c * x[y > 1.0]
    return np.sum(y * x)


@program((mat(3, 4),), (mat(2, 4, 5),))
def masked_rows(a):
    keep = np.sum(a, axis=1) > 0.2
    picked = a[keep]
    rest = a[~keep, 1:]
    return np.sum(picked * picked) + np.sum(np.sin(rest))


@program((vec(6),))
def largest_of_branches(x):
    if np.argmax(x) > 2:
        y = np.sort(x)[-2:]
    else:
        y = x[np.argsort(x)][:2] * 2.0
    return y[0] * y[1] + np.max(x[1:]) * np.min(x)


@program((vec(6), vec(3, 1)))
def segment_sums(x, w):
    sums = np.zeros(3)
    for i in range(len(x)):
        np.add.at(sums, i % 3, x[i] * x[i])
    other = np.bincount(np.arange(6) % 3, weights=x)
    return np.sum(sums * w * other)


@program((vec(4), 2))
def carried_choice(x, n):
    """An index array that changes from round to round, kept for the reverse sweep."""
    order = np.arange(4)
    for _ in range(n):
        x = x[order] * 1.5 + 0.1
        order = np.argsort(x)[::-1]
    return np.sum(x * np.arange(4))


@program((vec(5),))
def repeated_last_wins(x):
    y = np.cos(x)
    y[np.array([1, 1, 3])] = x[:3] * x[1]
    return np.sum(y * y)


@program((vec(4), pos(4)))
def interpolated(x, y):
    grid = np.cumsum(y)
    return np.sum(np.interp(np.array([0.7, 1.4, 2.9]), grid, x)) * x[0]


APART = np.array([[2.0, -1.0, 4.0], [-3.0, 6.0, 1.0], [5.0, -5.0, 3.0]], np.float32)


@program((APART,), single=True)
def single_rows(a):
    b = a[LABELS] * np.float32(0.5)
    b[b > 0.2] *= 2.0
    return np.sum(np.sort(b, axis=1)[:, 0]) + np.max(b)


@program((vec(4),))
def places_written(x):
    """The index array changes while its gathers are still to be reversed."""
    k = np.zeros(3, np.int64)
    s = 0.0
    for i in range(3):
        k[i] = (i * 2) % 3
        y = x[k]
        x[k[:2]] = y[1:] * 2.0
        s += np.sum(y * y)
    return s


@program((vec(4),))
def table_by_columns(x):
    m = np.zeros((3, 4))
    for i in range(3):
        m[i, np.array([i, 3 - i])] += x[:2] * x[i]
        m[:, i] = np.cumsum(m[:, i])
    return np.sum(np.sort(m, axis=1)[:, -1]) + np.sum(m[:, [0, 0, 3]] ** 2)


@program((vec(4),), (-vec(4),))
def prefix_until(x):
    """A size that depends on where the loop is left."""
    for i in range(len(x)):
        y = x[np.arange(i + 1)]
        if np.sum(y) > 0.5:
            return np.prod(y)
    return np.max(x)


@program((vec(4),))
def until_small(x):
    y = x * 1.0
    n = 0
    while np.max(np.abs(y)) > 0.1 and n < 6:
        y = y * 0.6
        y[np.argmax(y)] *= 0.5
        n += 1
    return np.sum(y**2)


@program((mat(3, 4),))
def normalized_where(a):
    m = a > 0
    b = a * a
    b[m] = b[m] / np.sum(b[m])
    b[~m] -= 1.0
    return np.sum(b * a)
