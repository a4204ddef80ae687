"""ADBench's files: their formats, and its reference gradients."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent.parent / "tests" / "data" / "adbench"


def reference(problem: str, size: str) -> np.ndarray | None:
    """ADBench's value and gradient as one vector, where it has published them."""
    file = DATA / f"{problem}_{size.replace(' ', '_')}_ref.npz"
    if not file.is_file():
        return None
    found = np.load(file)
    return np.concatenate([np.ravel(found["objective"]), np.ravel(found["gradient"])])


def ba_reference() -> np.ndarray:
    """ADBench's numbers for the first observation of its first file: residual, its 2 x 15 block, the weight's error
    and what that is by the weight."""
    found = json.loads((DATA / "ba_n49_m7776_p31843_ref.json").read_text())
    parts = found["residual"], found["vals_first_two_rows"], [found["weight_error"]], [found["last_row_val"]]
    return np.concatenate(parts)


def gmm_file(size: str):
    """d k n; alphas; means; factors; points; gamma and m."""
    words = (DATA / f"gmm_{size.replace(' ', '_')}.txt").read_text().split()
    d, k, n = map(int, words[:3])
    numbers = np.array(words[3:], dtype=np.float64)
    columns = d * (d + 1) // 2
    alphas, means, icf, x, last = np.split(numbers, np.cumsum([k, k * d, k * columns, n * d]))
    return alphas, means.reshape(k, d), icf.reshape(k, columns), x.reshape(n, d), float(last[0]), int(last[1])


def lstm_file(size: str):
    """l c b; weights and biases; input and output; state; the sequence."""
    words = (DATA / f"lstm_{size.replace(' ', '_')}.txt").read_text().split()
    layers, characters, bits = map(int, words[:3])
    numbers = np.array(words[3:], dtype=np.float64)
    sizes = np.cumsum([2 * layers * 4 * bits, 3 * bits, 2 * layers * bits])
    main, extra, state, sequence = np.split(numbers, sizes)
    shapes = (2 * layers, 4 * bits), (3, bits), (2 * layers, bits), (characters, bits)
    return tuple(part.reshape(shape) for part, shape in zip((main, extra, state, sequence), shapes, strict=True))


def ba_file(size: str):
    """n m p; one camera, point, weight and feature, repeated: cameras, points, weights, features, observations."""
    words = (DATA / f"ba_{size.replace(' ', '_')}.txt").read_text().split()
    n, m, p = map(int, words[:3])
    numbers = np.array(words[3:], dtype=np.float64)
    camera, point, weight, feature = np.split(numbers, [11, 14, 15])
    which = np.arange(p)
    observations = np.stack([which % n, which % m], axis=1)
    return np.tile(camera, (n, 1)), np.tile(point, (m, 1)), np.tile(weight, p), np.tile(feature, (p, 1)), observations
