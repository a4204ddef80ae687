"""A character model: an LSTM learns this repository's licence, and goes on from a word of it.

Windows of the text are the examples; backpropagation through time is truncated, the gradients clipped. The trainer runs
all of it as one compiled function. `main` prints the loss per character and what the network writes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adcompiler.kernels import clip, init, losses, optim, recurrent, train

TEXT = (Path(__file__).resolve().parent.parent / "LICENSE").read_text(encoding="utf-8")
CHARACTERS = sorted(set(TEXT))
CODE = {c: k for k, c in enumerate(CHARACTERS)}
HIDDEN, EMBEDDED, WINDOW, CUT = 64, 16, 32, 16


COUNT = len(CHARACTERS)
GATES = 4 * HIDDEN
SIZES = (COUNT * EMBEDDED, GATES * EMBEDDED, GATES * HIDDEN, GATES, GATES, HIDDEN * COUNT)


def start(key=0):
    """All weights, one after the other."""
    open_to_the_past = np.repeat([0.0, 1.0, 0.0, 0.0], HIDDEN)
    parts = (
        init.normal(key, (COUNT, EMBEDDED), 0.3),
        init.glorot_uniform(key + 1, (GATES, EMBEDDED)),
        init.glorot_uniform(key + 2, (GATES, HIDDEN)),
        np.zeros(GATES),
        open_to_the_past,
        init.glorot_uniform(key + 3, (HIDDEN, COUNT)),
    )
    return np.concatenate([p.ravel() for p in parts])


def unpacked(params):
    """The embedding, the weights of the cell, and those of the scores: views."""
    a, b, c, d, e, f = PLACES
    return (
        params[a:b].reshape(COUNT, EMBEDDED),
        recurrent.Weights(
            params[b:c].reshape(GATES, EMBEDDED), params[c:d].reshape(GATES, HIDDEN), params[d:e], params[e:f]
        ),
        params[f:].reshape(HIDDEN, COUNT),
    )


PLACES = tuple(int(n) for n in np.cumsum((0, *SIZES[:5])))


def loss(params, windows):
    """The mean cross entropy of each character but the first of windows (n, WINDOW + 1), given those before."""
    n = len(windows)
    embedding, cell, out = unpacked(params)
    xs = embedding[windows[:, :WINDOW].T]
    state = (np.zeros((n, HIDDEN)), np.zeros((n, HIDDEN)))
    hs, _ = recurrent.unrolled(recurrent.lstm, xs, state, cell, CUT)
    return losses.cross_entropy(hs.reshape(WINDOW * n, HIDDEN) @ out, windows[:, 1:].T.copy().reshape(-1))


def windows():
    """All windows of the text, every third of them."""
    codes = np.array([CODE[c] for c in TEXT])
    return np.stack([codes[k : k + WINDOW + 1] for k in range(0, len(codes) - WINDOW, 3)])


def written(params, begin: str, count: int) -> str:
    """The text that the network finds most likely after `begin`."""
    embedding, cell, out = unpacked(params)
    state = (np.zeros((1, HIDDEN)), np.zeros((1, HIDDEN)))
    text = begin
    for c in begin:
        state = recurrent.lstm(embedding[[CODE[c]]], state, cell)
    for _ in range(count):
        best = int(np.argmax(state[0] @ out))
        text += CHARACTERS[best]
        state = recurrent.lstm(embedding[[best]], state, cell)
    return text


fit = train.trainer(loss, optim.momentum, rate=0.5, batch=32, clip=lambda grads: clip.by_norm(grads, 1.0))


def main(epochs: int = 60, progress: bool = False) -> tuple[float, str]:
    """Train, and print; returns the loss per character, in nats, and a text."""
    run = fit(start(), (windows(),), epochs, key=1, progress=progress)
    text = written(run.params, "Permission is", 120)
    print(f"{len(TEXT)} characters, {len(CHARACTERS)} of them different; {run.counts.step} steps")
    print(f"nats per character: {run.losses[0, 0]:.3f} -> {run.losses[-1, 0]:.3f}\n{text!r}")
    return float(run.losses[-1, 0]), text


if __name__ == "__main__":
    main(progress=True)
