"""Handwritten digits (scikit-learn's, 8 x 8 pixels): a network with one hidden layer, by the compiled trainer.

Cross entropy, Adam, a cosine schedule, shuffled batches and early stopping on validation data: one compiled function
runs all of it. `main` prints the accuracy on digits that the training has not seen.
"""

from __future__ import annotations

import numpy as np

from adcompiler.kernels import optim, schedules, train

HIDDEN, EPOCHS, BATCH, RATE, DECAY = 64, 40, 32, 5e-3, 1e-4


def data():
    """Pixels in 0..1 and classes, in a fixed random order: 1100 to train, 300 to validate, 397 to test."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order] / 16.0, y[order].astype(np.int64)
    return [(x[a:b], y[a:b]) for a, b in ((0, 1100), (1100, 1400), (1400, len(x)))]


def start(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "w": rng.normal(size=(64, HIDDEN)) * np.sqrt(2.0 / 64),
        "b": np.zeros(HIDDEN),
        "v": rng.normal(size=(HIDDEN, 10)) * np.sqrt(1.0 / HIDDEN),
        "c": np.zeros(10),
    }


def scores(params, x):
    return np.maximum(x @ params["w"] + params["b"], 0.0) @ params["v"] + params["c"]


def cross_entropy(params, x, y):
    """The mean over examples of log sum exp(scores) - score of the right class."""
    s = scores(params, x)
    top = np.max(s, axis=1)
    total = np.log(np.sum(np.exp(s - top[:, None]), axis=1)) + top
    return np.mean(total - s[np.arange(len(y)), y])


def loss(params, x, y):
    return cross_entropy(params, x, y) + DECAY * (np.sum(params["w"] ** 2) + np.sum(params["v"] ** 2))


STEPS = EPOCHS * -(-1100 // BATCH)
fit = train.trainer(
    loss,
    optim.adam,
    rate=lambda step: schedules.cosine(step, RATE, STEPS),
    batch=BATCH,
    evaluate=cross_entropy,
    patience=8,
)


def accuracy(params, x, y) -> float:
    return float(np.mean(np.argmax(scores(params, x), axis=1) == y))


def main(progress: bool = False) -> float:
    """Train, and print; returns the accuracy on the test digits."""
    training, validation, test = data()
    run = fit(start(), training, EPOCHS, validation=validation, key=1, progress=progress)
    found = accuracy(run.best, *test)
    print(f"{run.status} after {run.counts.epoch} epochs, {run.counts.step} steps; best epoch {run.counts.best_epoch}")
    print(f"loss {run.losses[0, 0]:.4f} -> {run.losses[-1, 0]:.4f}, validation {run.counts.least:.4f}")
    print(f"accuracy on {len(test[1])} test digits: {found:.4f}")
    return found


if __name__ == "__main__":
    main(progress=True)
