import numpy as np


def moons_value_and_grad(params_W1, params_b1, params_W2, params_b2, points, classes, decay):
    """Value and gradient of moons with respect to params."""
    hidden = np.tanh(points @ params_W1 + params_b1)
    exponentials = np.exp(hidden @ params_W2 + params_b2)
    t = np.sum(exponentials, axis=1, keepdims=True)
    probabilities = exponentials / t
    n = len(classes)
    t_1 = np.arange(n)
    probabilities_at = probabilities[t_1, classes]
    t_2 = decay / 2.0
    penalty = t_2 * (np.sum(params_W1 ** 2) + np.sum(params_W2 ** 2))
    t_3 = float(n)
    t_4 = (penalty - np.sum(np.log(probabilities_at))) / t_3

    # reverse sweep
    probabilities_bar = np.zeros_like(probabilities)
    t_bar = 1.0 / t_3  # return (data + penalty) / len(classes)
    # data = -np.sum(np.log(probabilities[np.arange(len(classes)), classes]))
    np.add.at(probabilities_bar, (t_1, classes), -(t_bar / probabilities_at))
    t_5 = probabilities_bar / t
    # probabilities = exponentials / np.sum(exponentials, axis=1, keepdims=True)
    exponentials_bar = t_5 - np.sum(probabilities_bar * probabilities / t, axis=1, keepdims=True)
    # exponentials = np.exp(hidden @ params["W2"] + params["b2"])
    t_bar_1 = exponentials_bar * exponentials
    hidden_bar = t_bar_1 @ params_W2.T
    t_2 *= 2.0 * t_bar
    params_W2_bar = t_2 * params_W2 + hidden.T @ t_bar_1
    # hidden = np.tanh(points @ params["W1"] + params["b1"])
    t_bar_2 = hidden_bar * (1.0 - hidden * hidden)
    params_b1_bar = np.sum(t_bar_2, axis=0)
    params_W1_bar = t_2 * params_W1 + points.T @ t_bar_2
    return t_4, params_W1_bar, params_b1_bar, params_W2_bar, np.sum(t_bar_1, axis=0)
