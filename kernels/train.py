"""Training as one compiled function: epochs of shuffled mini-batches, and all that goes with them.

    fit = train.trainer(loss, optim.adam, rate=1e-3, batch=32, clip=lambda g: clip.by_norm(g, 1.0), patience=5)
    run = fit(params, (x, y), epochs=50, validation=(xv, yv), key=1)
    run.best                        # the parameters of the epoch with the least validation loss
    run = fit(run, (x, y), epochs=50, validation=(xv, yv), key=1)      # 50 more, as if it had not been stopped

`loss(params, *rows)` is a program that adcompiler differentiates; `params` any structure of arrays and floats; the data
a tuple of arrays with one row per example. Steps run without Python, and those after the first of an epoch allocate
nothing, unless they make more than 64 arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import adcompiler as ad
from adcompiler.kernels.display import watched
from adcompiler.kernels.optim import Optimizer

Tree = Any  # a structure of arrays and floats


class Counts(NamedTuple):
    """Where a run stands: epochs and steps done, the least validation loss and its epoch, epochs since then."""

    epoch: int
    step: int
    least: float
    best_epoch: int
    wait: int


class Run(NamedTuple):
    """What training came to, and where it can go on.

    params    the parameters after the last step
    best      those at the end of the epoch with the least validation loss, or training loss where nothing is validated
    good      the last ones of which the loss of a step was finite
    state     the optimizer's
    counts    where the run stands
    status    "finished", "stopped" (early), or "not finite": the loss of the last step was nan or infinite
    losses    float64[epochs, 2]: of each epoch the mean loss of its steps and the validation loss, else that mean again
    """

    params: Tree
    best: Tree
    good: Tree
    state: Any
    counts: Counts
    status: str
    losses: np.ndarray


def shuffled(n: int, epoch: int, key: int) -> np.ndarray:
    """A random order of n rows: Fisher and Yates, by the counter-based generator; the same for the same key."""
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = int(ad.random(stream(key, 2 * epoch), i) * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def in_order(n: int, epoch: int, key: int) -> np.ndarray:
    """The rows as they come."""
    return np.arange(n)


def stream(key: int, number: int) -> int:
    """The key of one of the streams of random numbers of a run."""
    return key * 1_000_003 + number


def chosen(condition: Any, a: Tree, b: Tree) -> Tree:
    """`a` where the condition holds, else `b`."""
    return ad.tree_map(lambda p, q: np.where(condition, p, q), a, b)


def judged(counts: Counts, loss: Any, least_gain: Any) -> tuple[Any, Counts]:
    """Is an epoch that comes to this loss the best so far, by more than `least_gain`? And the counts after it."""
    better = loss < counts.least - least_gain
    least, best_epoch, wait = (loss, counts.epoch, 0) if better else (counts.least, counts.best_epoch, counts.wait + 1)
    return better, Counts(counts.epoch + 1, counts.step, least, best_epoch, wait)


def trainer(
    loss: Callable[..., Any],
    optimizer: Optimizer,
    *,
    rate: Any = 0.01,
    batch: int | None = None,
    clip: Callable[[Tree], Tree] | None = None,
    order: Callable[[int, int, int], np.ndarray] = shuffled,
    augment: Callable[..., Any] | None = None,
    noisy: bool = False,
    evaluate: Callable[..., Any] | None = None,
    patience: int | None = None,
    least_gain: float = 0.0,
) -> Trainer:
    """A compiled function that trains.

    loss        `loss(params, *rows)`, a number; with `noisy`, `loss(params, *rows, key)`, where `key` is a new stream
                of random numbers in each step (`ad.random(key, i)`: dropout, noise)
    optimizer   of `kernels.optim`; with hyper-parameters of its own as `optim.using(optim.adam, b1=0.95)`
    rate        the learning rate, or a function of the step, counted from 0
    batch       rows in a step; None: all of them, in their order. What is left of an epoch is a smaller batch
    clip        a function of the gradients
    order       `order(n, epoch, key)`: the rows of an epoch in the order in which they are taken (a curriculum)
    augment     `augment(*rows, key)`: what stands in the place of a batch's rows, a tuple
    evaluate    what validation data is judged by, `evaluate(params, *rows)`; `loss` if it is not noisy
    patience    stop after so many epochs in a row that did not make the least validation loss smaller by more than
                `least_gain`

    Raises ValueError for options that contradict one another.
    """
    if patience is not None and patience < 1:
        raise ValueError(f"patience={patience}: it takes at least one epoch to lose it")
    if batch is not None and batch < 1:
        raise ValueError(f"batch={batch}: a step takes at least one row")
    judge = loss if evaluate is None and not noisy else evaluate
    endless = 2**62 if patience is None else patience

    def given(data: Any, rows: Any, key: Any) -> Any:
        """The examples of a step."""
        part = data if batch is None else ad.tree_map(lambda a: a[rows], data)
        return part if augment is None else augment(*part, key)

    def slope(params: Tree, part: Any, key: Any) -> Any:
        """The loss of a step and its gradient."""
        if noisy:
            return ad.value_and_grad(loss)(params, *part, key)
        return ad.value_and_grad(loss)(params, *part)

    @ad.jit
    def run(
        params: Tree, best: Tree, state: Any, counts: Counts, data: Any, validation: Any,
        losses: Any, progress: Any, key: int, epochs: int,
    ) -> Any:  # fmt: skip
        n = len(ad.tree_leaves(data)[0])
        size = n if batch is None else min(batch, n)
        good, step, finite = params, counts.step, True
        for done in range(epochs):
            rows = order(n, counts.epoch, key) if batch is not None else np.arange(0)
            total, taken = 0.0, 0
            for start in range(0, n, size):
                noise = stream(key, 2 * step + 1)
                part = given(data, rows[start : start + size], noise)
                value, grads = slope(params, part, noise)
                finite = math.isfinite(value)
                good = chosen(finite, params, good)
                grads = grads if clip is None else clip(grads)
                params, state = optimizer.update(params, grads, state, lr=rate(step) if callable(rate) else rate)
                here = min(size, n - start)
                total += value * here
                taken += here
                step += 1
                progress[0] = step
                if not finite:
                    break
            losses[done, 0] = total / taken
            losses[done, 1] = losses[done, 0] if validation is None or judge is None else judge(params, *validation)
            better, counts = judged(counts._replace(step=step), losses[done, 1], least_gain)
            best = chosen(better, params, best)
            if not finite or counts.wait >= endless:
                break
        return params, best, good, state, counts, finite

    return Trainer(run, optimizer, batch, patience, judge is not None)


class Trainer:
    """What `trainer` makes: call it to train, or to go on with a run."""

    def __init__(self, run: Any, optimizer: Optimizer, batch: int | None, patience: int | None, judges: bool):
        self.run, self.optimizer, self.batch, self.patience, self.judges = run, optimizer, batch, patience, judges

    def __call__(
        self,
        start: Any,
        data: tuple[Any, ...],
        epochs: int,
        validation: Any = None,
        key: int = 0,
        progress: bool = False,
    ) -> Run:
        """Train for so many epochs.

        start       parameters, or the `Run` that is to go on: with the same key and data it comes to what one run of
                    all the epochs would have
        data        arrays of one length: a row each per example
        validation  rows to judge the parameters by after each epoch, or None
        key         which random numbers; runs of different keys are independent of each other
        progress    show a progress bar (needs tqdm, which the extra `viz` installs)

        Raises ValueError if the arrays differ in length or have no rows, and if nothing says how to judge validation
        data.
        """
        rows = _rows(data)
        if validation is not None and not self.judges:
            raise ValueError("validation data, and a noisy loss: evaluate=, a loss without noise, is to judge it")
        first = start if isinstance(start, Run) else self.begin(start)
        losses, steps = np.full((epochs, 2), np.nan), np.array([first.counts.step])
        total = epochs * (1 if self.batch is None else -(-rows // self.batch))
        with watched(steps, total, progress):
            params, best, good, state, counts, finite = self.run(
                first.params, first.best, first.state, first.counts, data, validation, losses, steps, key, epochs
            )
        stopped = self.patience is not None and counts.wait >= self.patience
        status = "not finite" if not finite else "stopped" if stopped else "finished"
        losses = np.concatenate((first.losses, losses[: counts.epoch - first.counts.epoch]))
        return Run(params, best, good, state, counts, status, losses)

    def begin(self, params: Tree) -> Run:
        """A run that has not taken a step."""
        counts = Counts(0, 0, math.inf, -1, 0)
        return Run(params, params, params, self.optimizer.init(params), counts, "finished", np.empty((0, 2)))


def _rows(data: tuple[Any, ...]) -> int:
    lengths = sorted({len(a) for a in data})
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"the data has {' and '.join(map(str, lengths)) or 'no'} rows: one length, not 0")
    return lengths[0]
