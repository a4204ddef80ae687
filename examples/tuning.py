"""Tuning by hypergradients against random search: a learning rate for each part of a run, momentum and weight decay.

The run is a compiled function; `ad.grad` of its validation loss by the logarithms of all twelve goes through all of its
steps (Maclaurin et al. 2015). Steps of gradient descent on them are held against as many runs with hyper-parameters
drawn at random (log-uniform; Bergstra and Bengio 2012), by what they cost: a gradient counts as the time it takes.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import adcompiler as ad
from adcompiler.kernels import optim

STEPS, HIDDEN, PARTS = 150, 12, 10
LOW = np.log(np.array([1e-3] * PARTS + [1e-1, 1e-6]))  # rates, momentum, decay
HIGH = np.log(np.array([0.5] * PARTS + [0.99, 1e-1]))


def network(params, x):
    return np.tanh(x @ params["w"] + params["b"]) @ params["v"]


def loss(params, x, y):
    return np.mean((network(params, x) - y) ** 2)


def trained(logs, params, x, y):
    """The parameters after the run; logs are those of the rates, momentum and decay."""
    momentum, decay = np.exp(logs[PARTS]), np.exp(logs[PARTS + 1])
    state = optim.momentum.init(params)
    for step in range(STEPS):
        rate = np.exp(logs[step * PARTS // STEPS])
        grads = ad.grad(loss)(params, x, y)
        params, state = optim.momentum.update(params, grads, state, lr=rate, momentum=momentum, weight_decay=decay)
    return params


def judged(logs, params, training, validation):
    """The validation loss of the run."""
    return loss(trained(logs, params, *training), *validation)


objective = ad.jit(judged)
hypergradient = ad.value_and_grad(judged)


def by_gradient(start, problem, count):
    """Adam on the logarithms, kept within their bounds; all values on the way."""
    logs, values = start.copy(), []
    state = optim.adam.init(logs)
    for _ in range(count):
        value, grad = hypergradient(logs, *problem)
        values.append(float(value))
        logs, state = optim.adam.update(logs, grad, state, lr=0.08)
        logs = np.clip(logs, LOW, HIGH)
    return logs, values


def by_chance(problem, count, seed=0):
    """The least of values found so far, by random search."""
    rng = np.random.default_rng(seed)
    values = [float(objective(rng.uniform(LOW, HIGH), *problem)) for _ in range(count)]
    return np.minimum.accumulate(np.nan_to_num(values, nan=np.inf, posinf=np.inf))


def problem(seed=0):
    """Noisy samples of a wavy function: few to train, more to validate; the weights to begin with."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, size=(90, 2))
    y = np.sin(2.0 * x[:, 0]) * np.cos(x[:, 1]) + 0.1 * rng.normal(size=90)
    params = {
        "w": rng.normal(size=(2, HIDDEN)),
        "b": rng.normal(size=HIDDEN),
        "v": rng.normal(size=HIDDEN) / HIDDEN**0.5,
    }
    return params, (x[:30], y[:30]), (x[30:], y[30:])


def seconds(call, count=5):
    best = np.inf
    for _ in range(count):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def main(picture: str | None = None, count: int = 40) -> tuple[float, float]:
    """Print both courses, and save them as a picture; returns the validation losses of gradient and chance."""
    given, start = problem(), np.log(np.array([0.03] * PARTS + [0.8, 1e-4]))
    logs, values = by_gradient(start, given, count)
    ratio = seconds(lambda: hypergradient(start, *given)) / seconds(lambda: objective(start, *given))
    chance = by_chance(given, int(count * ratio))
    along = np.minimum.accumulate(values)
    print(f"a hypergradient costs {ratio:.1f} runs")
    print(f"{'runs':>6}{'by gradient':>14}{'by chance':>14}")
    for k in range(4, count, 5):
        runs = int((k + 1) * ratio)
        print(f"{runs:6}{along[k]:14.5f}{chance[runs - 1]:14.5f}")
    found = np.exp(logs)
    print(f"rates {np.round(found[:PARTS], 3)}, momentum {found[PARTS]:.3f}, decay {found[PARTS + 1]:.2e}")
    if picture is not None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.0, 3.5), layout="constrained")
        axes = figure.subplots()
        axes.plot(ratio * np.arange(1, count + 1), along, label="by hypergradient")
        axes.plot(np.arange(1, len(chance) + 1), chance, label="by random search")
        axes.set(xlabel="cost, in training runs", ylabel="validation loss", yscale="log")
        axes.legend()
        figure.savefig(picture)
    return float(along[-1]), float(chance[-1])


if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "build" / "tuning.png"
    path.parent.mkdir(exist_ok=True)
    main(str(path))
