"""The compiled trainer: batches, schedules, clipping, noise, early stopping, going on, bad losses, no allocations."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_reuse import allocations

import adcompiler as ad
from adcompiler.kernels import clip, display, optim, schedules, train

DATA = Path(__file__).parent / "data"
STOPPING = json.loads((DATA / "misc.json").read_text())["early_stopping"]
RNG = np.random.default_rng(5)
X = RNG.normal(size=(24, 3))
Y = np.sin(X[:, 0]) + 0.1 * RNG.normal(size=24)
VALID = (X[::3] + 0.05, Y[::3])


def start() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    return {"w": 0.5 * rng.normal(size=(3, 4)), "b": np.zeros(4), "v": 0.5 * rng.normal(size=4)}


def predicted(params, x):
    return np.tanh(x @ params["w"] + params["b"]) @ params["v"]


def loss(params, x, y):
    return np.mean((predicted(params, x) - y) ** 2)


def same(a: Any, b: Any, **tolerance: float) -> None:
    for p, q in zip(ad.tree_leaves(a), ad.tree_leaves(b), strict=True):
        np.testing.assert_allclose(p, q, **(tolerance or {"rtol": 0, "atol": 0}))


# All of it against the same steps in Python.
def noisy(params, x, y, key):
    """Dropout of inputs: each is kept with probability .8."""
    mask = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            mask[i, j] = (ad.random(key, i * x.shape[1] + j) < 0.8) / 0.8
    return np.mean((predicted(params, x * mask) - y) ** 2)


def shifted(x, y, key):
    return x + 0.01 * ad.random_normal(key, 0), y


def everything() -> train.Trainer:
    return train.trainer(
        noisy, optim.using(optim.adam, b1=0.8), rate=lambda step: schedules.cosine(step, 0.05, 40), batch=7,
        clip=lambda grads: clip.by_norm(grads, 0.5), augment=shifted, noisy=True, evaluate=loss,
    )  # fmt: skip


FULL = everything()


def test_against_python() -> None:
    run = FULL(start(), (X, Y), 5, validation=VALID, key=3)
    params, step, losses = start(), 0, []
    state = optim.adam.init(params)
    for epoch in range(5):
        order = train.shuffled(24, epoch, 3)
        assert sorted(order) == list(range(24))
        total = 0.0
        for rows in (order[k : k + 7] for k in range(0, 24, 7)):
            key = train.stream(3, 2 * step + 1)
            value, grads = ad.value_and_grad(noisy)(params, *shifted(X[rows], Y[rows], key), key)
            rate = schedules.cosine(step, 0.05, 40)
            params, state = optim.adam.update(params, clip.by_norm(grads, 0.5), state, lr=rate, b1=0.8)
            total += value * len(rows)
            step += 1
        losses.append((total / 24, loss(params, *VALID)))
    same(run.params, params, rtol=1e-10)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-10)
    assert (run.status, run.counts.step, run.counts.epoch) == ("finished", 20, 5)
    least = int(np.argmin(run.losses[:, 1]))
    assert (run.counts.best_epoch, run.counts.least) == (least, run.losses[least, 1])
    same(loss(run.best, *VALID), run.counts.least, rtol=1e-12)


def test_going_on_is_as_if_never_stopped() -> None:
    whole = FULL(start(), (X, Y), 6, validation=VALID, key=4)
    parts = FULL(start(), (X, Y), 2, validation=VALID, key=4)
    parts = FULL(parts, (X, Y), 4, validation=VALID, key=4)
    same(whole[:5], parts[:5])
    np.testing.assert_array_equal(whole.losses, parts.losses)
    other = FULL(start(), (X, Y), 6, validation=VALID, key=5)
    assert np.abs(other.params["w"] - whole.params["w"]).max() > 1e-6


def test_what_was_given_stays() -> None:
    params, x = start(), X.copy()
    FULL(params, (X, Y), 2, validation=VALID)
    same(params, start())
    np.testing.assert_array_equal(x, X)


def test_steps_allocate_nothing() -> None:
    """But for a smaller batch at the end of an epoch and the first one of the next."""
    fit = train.trainer(loss, optim.momentum, batch=6)

    few, many = (allocations(fit, start(), (X, Y), epochs, VALID) for epochs in (1, 50))
    assert few == many


# Early stopping.
def counter(params, x):
    """Each step of rate 1 adds 1 to the parameter."""
    return -np.sum(params)


def looked_up(params, values):
    return values[int(np.round(params[0])) - 1]


@pytest.mark.parametrize("case", [c for c in STOPPING if c.startswith("patience")])
def test_early_stopping(case: str) -> None:
    patience, _, gain = case.removeprefix("patience").partition("_min_delta")
    fit = train.trainer(
        counter, optim.sgd, rate=1.0, evaluate=looked_up, patience=int(patience), least_gain=float(gain or 0)
    )
    values = np.array(STOPPING["val"])
    run = fit(np.zeros(1), (np.zeros(1),), len(values), validation=(values,))
    stop, best, least = STOPPING[case]
    assert (run.counts.epoch - 1, run.counts.best_epoch, run.counts.least) == (stop, best, least)
    assert run.status == ("stopped" if run.counts.wait >= int(patience) else "finished")
    np.testing.assert_array_equal(run.losses[:, 1], values[: stop + 1])
    np.testing.assert_array_equal(run.best, [best + 1.0])


def counter_to_nan(params, x):
    """nan at the fourth step."""
    return -np.sum(params) + np.sum(np.log(2.5 - params)) * 0.0 + 0.0 * np.sum(x)


@pytest.mark.parametrize("batch", [None, 2])
def test_a_bad_loss_stops(batch: int | None) -> None:
    fit = train.trainer(counter_to_nan, optim.sgd, rate=1.0, batch=batch)
    run = fit(np.zeros(1), (np.zeros(8),), 10)
    assert (run.status, run.counts.step) == ("not finite", 4)
    np.testing.assert_array_equal(run.good, [2.0])
    assert math.isnan(run.losses[-1, 0]) or math.isinf(run.losses[-1, 0])
    assert len(run.losses) == (4 if batch is None else 1)


# Around it.
def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm")
    bars = []

    class Bar:
        def __init__(self, total: int, unit: str):
            self.total, self.n, self.closed = total, 0, False
            bars.append(self)

        def update(self, n: int) -> None:
            assert n >= 0
            self.n += n

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    run = FULL(start(), (X, Y), 2, validation=VALID, key=3, progress=True)
    FULL(run, (X, Y), 1, validation=VALID, key=3, progress=True)
    assert [(b.total, b.n, b.closed) for b in bars] == [(8, 8, True), (4, 4, True)]


def test_the_bar_moves_while_it_runs() -> None:
    pytest.importorskip("tqdm")
    seen, counter = [], np.array([0])

    with display.watched(counter, 3):
        for k in range(3):
            counter[0] = k + 1
            seen.append(k)
    assert seen == [0, 1, 2]


def test_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    display.picture(np.array([[2.0, 2.5], [1.0, 1.5]]), tmp_path / "losses.png", best=1)
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="patience=0"):
        train.trainer(loss, optim.sgd, patience=0)
    with pytest.raises(ValueError, match="batch=0"):
        train.trainer(loss, optim.sgd, batch=0)
    with pytest.raises(ValueError, match="validation data, and a noisy loss"):
        train.trainer(noisy, optim.sgd, noisy=True)(start(), (X, Y), 1, validation=VALID)
    with pytest.raises(ValueError, match="23 and 24 rows"):
        FULL(start(), (X, Y[1:]), 1)
    with pytest.raises(ValueError, match="0 rows"):
        FULL(start(), (X[:0], Y[:0]), 1)


def test_order() -> None:
    orders = [train.shuffled(50, epoch, key) for epoch in range(3) for key in range(3)]
    assert len({tuple(o) for o in orders}) == 9
    assert all(sorted(o) == list(range(50)) for o in orders)
    places = np.array([np.flatnonzero(train.shuffled(8, e, 0) == 0)[0] for e in range(400)])
    assert np.abs(np.bincount(places, minlength=8) - 50).max() < 30
    np.testing.assert_array_equal(train.in_order(4, 0, 0), np.arange(4))
