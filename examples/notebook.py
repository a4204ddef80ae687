"""The notebook: logistic regression, a support vector machine and a small network on two moons, NumPy style.

Every run is one compiled function: the gradient is taken inside its loop, and no Python runs in a step.
"""

from __future__ import annotations

import numpy as np

import adcompiler as ad


# A soft-margin support vector machine, by subgradients.
def clouds():
    """Two clouds of 100 points in the plane, labelled -1 and +1."""
    random = np.random.RandomState(0)
    points = np.concatenate([random.randn(100, 2), random.randn(100, 2) + 5.0])
    return points, np.concatenate([-np.ones(100), np.ones(100)])


def hinge(w, b, points, labels):
    """The mean hinge loss with a penalty on the weights; its subgradient at the hinge is 0."""
    margins = labels * (points @ w + b)
    return np.mean(np.maximum(0.0, 1.0 - margins)) + 0.005 * np.sum(w**2)


@ad.jit
def train_svm(w, b, points, labels, steps, rate):
    """Subgradient descent: the final weights and offset, and the loss before each step."""
    losses = np.zeros(steps)
    for step in range(steps):
        losses[step], (w_bar, b_bar) = ad.value_and_grad(hinge, argnums=(0, 1))(w, b, points, labels)
        w = w - rate * w_bar
        b = b - rate * b_bar
    return w, b, losses


def svm_by_hand(points, labels, steps, rate):
    """The same run in NumPy, its subgradient derived by hand."""
    w, b = np.zeros(2), 0.0
    for _ in range(steps):
        inside = 1.0 - labels * (points @ w + b) > 0.0
        w_bar = 0.01 * w - np.sum(labels[inside, None] * points[inside], axis=0) / len(labels)
        b_bar = -np.sum(labels[inside]) / len(labels)
        w, b = w - rate * w_bar, b - rate * b_bar
    return w, b


# A network with one hidden layer, its parameters a dict.
def moons():
    """Two interleaved half circles of 100 points each, with noise, in scikit-learn's order: points and classes."""
    random = np.random.RandomState(0)
    t = np.linspace(0.0, np.pi, 100)
    outer, inner = np.c_[np.cos(t), np.sin(t)], np.c_[1.0 - np.cos(t), 0.5 - np.sin(t)]
    points, classes = np.concatenate([outer, inner]), np.repeat([0, 1], 100)
    order = np.arange(200)
    random.shuffle(order)
    return points[order] + random.normal(scale=0.2, size=(200, 2)), classes[order]


def initial(hidden=3):
    """Weights drawn from seed 0, scaled by the square root of the number of inputs; biases zero."""
    random = np.random.RandomState(0)
    first = random.randn(2, hidden) / np.sqrt(2)
    second = random.randn(hidden, 2) / np.sqrt(hidden)
    return {"W1": first, "b1": np.zeros(hidden), "W2": second, "b2": np.zeros(2)}


def scores(params, points):
    """The network's two outputs for each point."""
    hidden = np.tanh(points @ params["W1"] + params["b1"])
    return hidden @ params["W2"] + params["b2"]


def loss(params, points, classes, decay):
    """The mean cross entropy, with weight decay on the matrices."""
    exponentials = np.exp(scores(params, points))
    probabilities = exponentials / np.sum(exponentials, axis=1, keepdims=True)
    data = -np.sum(np.log(probabilities[np.arange(len(classes)), classes]))
    penalty = decay / 2.0 * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
    return (data + penalty) / len(classes)


@ad.jit
def train_network(params, points, classes, decay, rate, steps, every):
    """Gradient descent: the final parameters, and the loss after each `every`-th step."""
    losses = np.zeros(steps // every)
    for step in range(steps):
        gradient = ad.grad(loss)(params, points, classes, decay)
        params = {
            "W1": params["W1"] - rate * gradient["W1"],
            "b1": params["b1"] - rate * gradient["b1"],
            "W2": params["W2"] - rate * gradient["W2"],
            "b2": params["b2"] - rate * gradient["b2"],
        }
        if step % every == 0:
            losses[step // every] = loss(params, points, classes, decay)
    return params, losses


def picture(params, points, classes, file):
    """Draw the decision boundary into a file; needs matplotlib."""
    from matplotlib.figure import Figure

    low, high = points.min(axis=0) - 0.5, points.max(axis=0) + 0.5
    x, y = np.meshgrid(np.linspace(low[0], high[0], 300), np.linspace(low[1], high[1], 300))
    out = scores(params, np.c_[x.ravel(), y.ravel()])
    figure = Figure(figsize=(6, 4.5))
    axes = figure.subplots()
    axes.contourf(x, y, (out[:, 1] - out[:, 0]).reshape(x.shape) > 0, cmap="Spectral", alpha=0.5)
    axes.scatter(points[:, 0], points[:, 1], c=classes, cmap="Spectral", edgecolors="black", s=20)
    axes.set_title("The boundary that the network learned")
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, dpi=120)
