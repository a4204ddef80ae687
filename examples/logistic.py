"""Logistic regression: the loss as plain loops, and a training run whose gradient is taken inside the compiled loop."""

from __future__ import annotations

import math

import numpy as np

import adcompiler as ad

INPUTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.3], [0.74, -2.49, 1.39]])
TARGETS = np.array([1.0, 1.0, 0.0, 1.0])


def loss(weights, inputs, targets):
    """The negative log likelihood of the targets."""
    total = 0.0
    for i in range(inputs.shape[0]):
        score = 0.0
        for j in range(inputs.shape[1]):
            score += inputs[i, j] * weights[j]
        p = 1.0 / (1.0 + math.exp(-score))
        total -= targets[i] * math.log(p) + (1.0 - targets[i]) * math.log(1.0 - p)
    return total


@ad.jit
def train(weights, inputs, targets, steps, rate):
    """Gradient descent, one compiled function: (losses before each step and at the end, final weights)."""
    weights = weights.copy()
    losses = np.zeros(steps + 1)
    for step in range(steps):
        losses[step], gradient = ad.value_and_grad(loss)(weights, inputs, targets)
        weights -= rate * gradient
    losses[steps] = loss(weights, inputs, targets)
    return losses, weights
