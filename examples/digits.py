"""Handwritten digits (scikit-learn's, 8 x 8 pixels): a network with one hidden layer and one with a convolution.

Cross entropy, Adam, a cosine schedule, shuffled batches and early stopping on validation data: one compiled function
runs all of it. `main` prints the accuracy on digits that the training has not seen.
"""

from __future__ import annotations

import sys

import numpy as np

from adcompiler.kernels import init, layers, losses, optim, schedules, train
from adcompiler.kernels.activations import relu

BATCH, RATE, DECAY, ROWS = 32, 5e-3, 1e-4, 1100


def data():
    """Pixels in 0..1 and classes, in a fixed random order: 1100 to train, 300 to validate, 397 to test."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order] / 16.0, y[order].astype(np.int64)
    return [(x[a:b], y[a:b]) for a, b in ((0, ROWS), (ROWS, 1400), (1400, len(x)))]


# One hidden layer of 64 units.
def dense(params, x):
    return layers.linear(relu(layers.linear(x, params["w"], params["b"])), params["v"], params["c"])


def dense_start():
    return {
        "w": init.he_normal(1, (64, 64)), "b": np.zeros(64),
        "v": init.lecun_normal(2, (64, 10)), "c": np.zeros(10),
    }  # fmt: skip


# Eight kernels of 3 x 3, the largest of each 2 x 2, and scores of what is left: 8 x 4 x 4.
def convolved(params, x):
    images = x.reshape(len(x), 1, 8, 8)
    found = layers.max_pool2d(relu(layers.convolve2d(images, params["w"], params["b"], 1, 1)), 2)
    return layers.linear(found.reshape(len(x), 128), params["v"], params["c"])


def convolved_start():
    return {
        "w": init.he_normal(1, (8, 1, 3, 3)), "b": np.zeros(8),
        "v": init.lecun_normal(2, (128, 10)), "c": np.zeros(10),
    }  # fmt: skip


NETWORKS = {"dense": (dense, dense_start, 40), "convolution": (convolved, convolved_start, 15)}


def main(name: str = "dense", progress: bool = False) -> float:
    """Train, and print; returns the accuracy on the test digits."""
    scores, start, epochs = NETWORKS[name]
    steps = epochs * -(-ROWS // BATCH)

    def judged(params, x, y):
        return losses.cross_entropy(scores(params, x), y)

    def loss(params, x, y):
        return judged(params, x, y) + DECAY * losses.l2(params)

    fit = train.trainer(
        loss,
        optim.adam,
        rate=lambda step: schedules.cosine(step, RATE, steps),
        batch=BATCH,
        evaluate=judged,
        patience=8,
    )
    training, validation, (x, y) = data()
    run = fit(start(), training, epochs, validation=validation, key=1, progress=progress)
    accuracy = float(np.mean(np.argmax(scores(run.best, x), axis=1) == y))
    print(f"{name}: {run.status} after {run.counts.epoch} epochs, {run.counts.step} steps")
    print(f"loss {run.losses[0, 0]:.4f} -> {run.losses[-1, 0]:.4f}, validation {run.counts.least:.4f}")
    print(f"accuracy on {len(y)} test digits: {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    for network in sys.argv[1:] or NETWORKS:
        main(network, progress=True)
