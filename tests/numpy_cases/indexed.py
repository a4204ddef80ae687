"""Places: gathers, interpolation, ranges and grids."""

from __future__ import annotations

import numpy as np

from numpy_cases.registry import PLACES, X5, A, B, S, V, W, case

case("take", lambda x: np.take(x, PLACES) * 2.0, V)
case("take", lambda x: np.take(x, PLACES, axis=1), A)
case("take", lambda x: x.take(1, axis=0) * x[1], A)
case("take_along_axis", lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1) * x, A)
case("interp", lambda x, t, f: np.interp(x, t, f), np.array([0.2, 1.5, 2.2]), X5, np.sin(X5))
case("interp", lambda x, f: np.interp(x, X5, f, left=-1.0), np.array([-0.2, 1.5, 7.2]), np.sin(X5))
case("bincount", lambda w: np.bincount(PLACES, weights=w, minlength=5), W)
case("add.at", lambda x, v: added(x, v), V, W)
case("linspace", lambda x: np.linspace(x[0], x[1], 5), V)
case("linspace", lambda x: np.linspace(0, 1, 4, endpoint=False) * x + np.linspace(0.0, x[0], 1), W)
case("arange", lambda x: np.arange(4) * x + np.arange(0.0, 1.0, 0.3) * x, W)
case("arange", lambda x, n: np.arange(n, 0, -1) * x, V, 3)
case("eye", lambda x: np.eye(3) * x + np.eye(3, 3, 1) @ x, V)
case("identity", lambda x: np.identity(3) + x, S)
case("tri", lambda x: np.tri(3, 4, -1) * x, B)
case("unwrap", lambda x: np.unwrap(x) * x, 3.0 * X5)


def added(x, v):
    y = np.sin(x)
    np.add.at(y, PLACES, v * v)
    np.add.at(y, 1, v[0])
    return y * y
