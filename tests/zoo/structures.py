"""Tuples, named tuples, dicts, dataclasses: arguments, locals and results."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from zoo.registry import mat, program, vec


class Point(NamedTuple):
    x: float
    y: float


@dataclass
class Layer:
    w: np.ndarray
    b: np.ndarray


@program(((0.7, 1.9), 2.0))
def tuple_argument(p, c):
    x, y = p
    return x * y * c + p[0] ** 2


@program(((vec(3), (0.5, vec(2, 1))),))
def nested_tuple(p):
    a, (c, b) = p
    return np.sum(a) * c + np.sum(b * b) * p[1][0]


@program((vec(3), 0.4))
def tuple_result(x, c):
    return x * c, (np.sum(x), c * c)


@program((Point(0.3, 1.2), 4))
def named_tuple(p, n):
    for _ in range(n):
        p = Point(p.x + 0.1 * p.y, p.y - 0.1 * math.sin(p.x))
    return p.x * p.y


@program((Point(0.3, 1.2),))
def replaced(p):
    q = p._replace(x=p.x * p.y)
    return q.x * q.y + p[0]


@program(({"w": mat(2, 3), "b": vec(2)}, vec(3, 1)))
def dict_argument(params, x):
    h = np.tanh(params["w"] @ x + params["b"])
    return np.sum(h * h)


@program((Layer(mat(2, 2), vec(2)), vec(2, 1)))
def dataclass_argument(layer, x):
    for _ in range(2):
        x = np.tanh(layer.w @ x + layer.b)
    return np.sum(x)


@program((Layer(mat(2, 2), vec(2)), 0.5))
def dataclass_replaced(layer, c):
    other = replace(layer, b=layer.b * c)
    return np.sum(other.w @ other.b) + layer.b[0] ** 2


@program((0.7, 0.2))
def local_dict(x, y):
    state = {"p": x, "q": y}
    for _ in range(3):
        state["p"], state["q"] = state["p"] + 0.1 * state["q"], state["q"] - state["p"]
    return state["p"] * state["q"]


@program((0.7, 0.2, 3))
def swap_numbers(x, y, n):
    for i in range(n):
        x, y = y * 1.1, x + y
        if i == 1:
            x, y = y, x
    return x - y * x


@program((0.7, 1.2))
def sums_of_tuples(x, y):
    t = (x, y) + (x * y,)
    return sum(t) * t[-1] + t[1:][0] + len(t) * x


@program(((0.5, 1.5, 2.5), 1), ((0.5, 1.5, 2.5), 2))
def tuple_indexed_at_run_time(t, k):
    return t[k] * t[0] + t[k] ** 2


@program((((mat(3, 2), vec(3)), (mat(1, 3, 1), vec(1, 1))), vec(2)))
def list_of_layers(layers, x):
    for w, b in layers:
        x = np.tanh(w @ x + b)
    return x[0]


@program(((vec(2), vec(2, 1)),))
def tuple_written(p):
    p[0][0] = p[1][1] * p[0][1]
    a, b = p
    a[1] = b[0] * a[0]
    return np.sum(a * b)


@program((0.4, vec(2)))
def dict_result(x, a):
    return {"value": x * np.sum(a), "array": a * x}


@program(({"w": mat(2, 3), "b": vec(3)}, vec(2)))
def dict_comprehensions(p, x):
    scaled = {k: 0.5 * v for k, v in p.items()}
    velocity = {k: np.zeros_like(p[k]) for k in p}
    for step in range(3):
        for k in p:
            velocity[k] = 0.9 * velocity[k] + np.sin(scaled[k]) * (step + 1.0)
        scaled = {k: v - 0.1 * velocity[k] for k, v in scaled.items() if k != "x"}
    return np.sum((x @ scaled["w"] + scaled["b"]) ** 2) + sum([v.size for v in velocity.values()])
