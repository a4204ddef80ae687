"""Programs on which random testing once found something wrong, made small; each name says what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from programs import Program, check

import adcompiler as ad

Shapes = tuple[float | int | tuple[int, ...], ...]

FOUND: dict[str, tuple[Shapes, str]] = {
    # The frontend.
    "return_that_never_happens_before_a_loop": ((2.7, (2,)), """
def f(a, x):
    while a > 1.0:
        if 0:
            return x * 3.0
        else:
            for i in range(1):
                pass
        x = x * a
        a = a - 1.0
    return x
"""),
    "return_that_never_happens_in_a_loop_that_never_runs": ((0.7, (2,)), """
def f(a, x):
    for i in range(0):
        if 0:
            return x * 2.0
    return x * a
"""),
    "conditions_inside_conditions": ((0.7, (2,)), """
def f(a, x):
    r = 0.5
    if a > 1 or (x[0] > 0 or x[1] > 0):
        r = a
    return r
"""),
    "choice_inside_condition": ((0.7, (2,)), """
def f(a, x):
    k = 0
    while True:
        k += 1
        if k > 1 or (2.0 if x[0] <= 0.0 else x[1]) >= 0.3:
            break
        a *= 0.9
    return a
"""),
    "condition_of_while_writes": (((2,),), """
def h(d, p):
    d[1] = p * d[0]
    return d[1] + d[0]

def f(x):
    k = 0
    while k < 3 and h(x, 0.5) < 100:
        if k == 2:
            break
        k += 1
        x[0] *= 1.1
    return x
"""),
    "condition_of_while_changes_an_object": ((0.7,), """
def h(d):
    d["n"] = d["n"] * 1.5
    return d["n"] < 9.0

def f(a):
    d = {"n": a}
    s = 0.0
    while h(d):
        s += d["n"] ** 2
    return s + d["n"]
"""),
    "condition_of_while_learns_that_a_name_is_bound": ((0.7,), """
def f(a):
    k = 0
    while k < a:
        k += 1
        if k > 2:
            a *= 2
        return a
    return 0.5
"""),
    "object_made_in_a_loop": ((0.7, (3,)), """
def f(a, x):
    for i in range(3):
        o = {"p": a, "v": x.copy()}
        a += o["p"]
    return o["p"] + o["v"][0]
"""),
    "object_made_in_a_loop_behind_an_exit": ((0.7, (3,)), """
def f(a, x):
    k = 0
    while True:
        k += 1
        if k > 2:
            break
        for i in range(2):
            o = {"p": a, "v": x.copy()}
            o["p"] += 1.0
        a += o["p"]
    return a + x[1]
"""),
    "loop_over_a_tuple_left_early": ((0.7, (3,)), """
def f(a, x):
    s = 0.0
    for v in (a, 0.5, x[0]):
        s += v * a
        if s > 0.1:
            break
        s *= 2.0
    return s * v
"""),
    "outer_product_of_a_column_written_later": (((3,), (3, 2)), """
import numpy as np

def f(x, A):
    s = 0.0
    for v in A.T:
        s += np.sum(np.outer(x, v) * np.ravel(v)[0])
        v[1] *= 0.9
    return s + np.sum(A)
"""),
    "one_place_written_twice_at_once": (((3,), (4,)), """
import numpy as np

def f(x, v):
    x[np.array([0, 0, 2, 0])] = v * v
    return np.sum(x * x)
"""),
    "captured_array_written": (((3,),), """
import numpy as np

TABLE = np.array([0.3, 0.9, 1.4])

def f(x):
    u = TABLE
    u[2] += x[1]
    return u
"""),
    # Reverse mode.
    "array_returned_early": ((0.7, (2,)), """
def f(a, x):
    for i in range(1, 1, 1):
        return (0.5, x)
    return (a, x)
"""),
    "writes_to_inactive_memory": (((3,), (3,)), """
def f(x, y):
    for e in (1, 0.5, 0.5):
        if x[1]:
            x = y - x
        else:
            x[:1] += y[1:]
    return y
"""),
    # Identities of folding that looked through an array that had been written to since.
    "negated_array_overwritten": (((3,), (3,)), """
def f(x, u):
    t = -u
    u[0] = 5.0
    return t * x
"""),
    "negation_overwritten": (((3,), (3,)), """
def f(x, u):
    t = -u
    t[0] = 5.0 * x[0]
    return x - t
"""),
    "negation_updated_in_the_adjoint": (((4,), (2, 2)), """
import numpy as np

def f(x, A):
    A = A - A + A
    b = A[1, 1] * np.sum(np.sin(A))
    return x / b
"""),
    "copy_of_an_adjoint": (((3,),), """
import numpy as np

def f(v):
    u = np.copy(v)
    u[:] -= v * u - np.sum(u) * v
    return u
"""),
    "copy_of_what_folding_made": (((2,),), """
import numpy as np

def f(x):
    x = np.exp(-x)
    x[:] += x
    return x
"""),
    "places_read_before_the_right_side_writes": (((3,),), """
import numpy as np

def h(d):
    d[0] += 2.0 * d[1]
    return d[0]

def f(x):
    x[np.array([0, 1, 0])] *= h(x)
    x[x > 0.1] -= h(x)
    x[[2, 0]] += x * 1.0 if h(x) > 50.0 else x[:2] * h(x)
    return x
"""),
    "gathered_constants_that_are_written": ((0.7,), """
import numpy as np

def f(a):
    u = np.tile(0.25, 2)
    u[0] *= a
    v = np.array([0.5, 1.5])[np.array([1, 1, 0])]
    v[1:] += u
    return v * v
"""),
    "known_index_beside_an_index_array": (((2,),), """
import numpy as np

def f(x):
    u = np.full((2, 3), 0.5)
    u[1, np.array([0, 0, 2])] = x[0]
    return u[-1, np.array([2, 0])] * x
"""),
    "row_of_an_ordered_copy": (((2, 3),), """
import numpy as np

def f(A):
    B = A.T.copy()
    v = B.reshape(-1)
    v[1] *= v[0]
    return B
"""),
    # The emitter.
    "adjoint_of_an_array_in_another_order": (((2, 3),), """
import numpy as np

def f(A):
    u = np.cumsum(A.T, axis=1)
    return np.sum(u[1]) + np.reshape(u, 6)
"""),
    "variable_called_returned": ((0.7, (3,), 3), """
def h(d):
    for i in range(0, 1):
        return 3
    d[:2] = d
    return 1.3

def f(a, x, n):
    if n:
        x[1:] += a * x[1::2]
    elif h(x):
        pass
    return x
"""),
    "whole_array_and_a_choice": ((0.7, (3, 3)), """
import numpy as np

def f(a, A):
    b = np.sum(A)
    a = b if b else 0.5
    return A[1] * a
"""),
    "comparison_of_an_element_printed_after_a_write": ((0.7, (4,)), """
import numpy as np

def f(b, x):
    v = x[2:]
    b = max(v[1], 0.3)
    x[3] = np.sin(b) - 9.0
    return v
"""),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    shapes, text = FOUND[name]
    for seed in range(2):
        done = check(Program(text, shapes, seed), orders=2, compiled=seed == 0)
        assert {"reverse", "second order", "text"} <= done


def test_shadow_of_a_transposed_product_is_reshaped_in_place() -> None:
    """NumPy gives 2.0 * A.T, and zeros like it, A's order in memory: reshape(-1) of those would be a copy."""

    def f(a):
        scaled = 2.0 * a.T
        flat = scaled.ravel()
        return flat[1] * flat[2] + np.sum(scaled)

    a = np.array([[0.5, 2.0], [3.0, -1.0]])
    space: dict[str, Any] = {}
    exec(ad.grad(f).lower(a).source, space)
    np.testing.assert_allclose(space["f_grad"](a), ad.grad(f)(a))


def test_finite_sums() -> None:
    """LLVM may reassociate sums, and s - s is then 0: how Numba asks whether s is finite."""
    f = ad.jit(lambda x: np.isfinite(np.sum(np.log(x)) * 0.0 - np.sum(x)))
    assert f(np.array([1.0, 2.0])) and not f(np.array([1.0, -2.0])) and not f(np.array([1.0, np.inf]))
