"""Which arrays share memory, and in which order NumPy lays out their elements: what a later write makes of it is what
NumPy makes of it, or the program is refused."""

from __future__ import annotations

import linecache
import re
import textwrap

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.driver import Options, primal
from adcompiler.errors import TypeMismatch
from adcompiler.frontend import spec_of
from adcompiler.frontend.spec import Leaf
from adcompiler.ir.interpret import interpret

A = np.arange(12.0).reshape(3, 4) + 0.5
T = np.arange(24.0).reshape(2, 3, 4)
S = A[:, :3] @ A[:, :3].T + np.eye(3)
I = np.array([1, 0])

SHARED = """
np.diagonal(A) | np.diag(A) | A.diagonal(1) | np.diagonal(T, axis1=1, axis2=2) | np.broadcast_to(A[0], (3, 4))
np.split(A, 3)[0] | np.asarray(A) | np.atleast_3d(A) | np.squeeze(A[None], axis=0) | np.moveaxis(A, 0, 1)
np.rollaxis(A, 1) | np.rot90(A) | np.flip(A) | np.real(A) | np.conj(A) | A.conj() | np.positive(A) | +A | A.real
np.real_if_close(A) | A.ravel() | A.flatten() | np.tile(A, 1) | np.roll(A, 0) | np.roll(A, 0, axis=1)
A.astype(np.float64) | np.linalg.matrix_power(S, 1) | np.linalg.matrix_power(S, 2) | np.pad(A, 0)
np.pad(A, 0, mode="edge") | np.pad(A, ((1, 0), (0, 0)), mode="edge") | np.sum(A, axis=()) | np.repeat(A, 1, axis=0)
np.concatenate((A,)) | np.diff(A, n=0) | np.expand_dims(A, 0) | np.nan_to_num(A) | np.linalg.multi_dot((A, A.T))
A[...] | np.reshape(A, (4, 3)) | np.round(A) | A.clip(None, 1e9) | np.array_split(A, 2, axis=1)[0] | np.copy(A)
np.array(A) | A.T | A.swapaxes(0, 1) | np.einsum("ij->ji", A) | np.einsum("ij->ij", A) | np.einsum("ii->i", S)
np.einsum("i...->...i", T) | np.einsum("ij,->ij", A, 1.0) | np.vstack((A,)) | np.hstack((A,)) | np.stack((A,))
np.column_stack((A,)) | np.where(A > 0, A, A) | np.take(A, I, axis=0) | A[I] | A[:, I] | A[A[:, 0] > 0]
np.meshgrid(A[0])[0] | np.maximum(A, A) | np.abs(A) | np.cumsum(A, axis=0) | np.sort(A) | A[:2] | A[::-1] | A[:, 1:]
np.max(A, axis=()) | np.prod(A, axis=()) | np.mean(A, axis=()) | np.nansum(A, axis=()) | np.triu(A)
np.atleast_2d(A[0]) | A[None] | np.round(I) | np.nan_to_num(I) | np.trunc(I) | np.conj(I) | np.abs(I)
np.asarray(I) | np.float64(A) | np.asarray(A, dtype=np.float64)
"""
LAID_OUT = """
np.zeros_like(A.T) | np.ones_like(A.T) | np.full_like(A.T, 2.0) | A.T.copy() | np.copy(A.T) | np.array(A.T)
np.roll(A.T, 1, axis=0) | np.tile(A.T, 2) | np.pad(A.T, 1) | np.pad(A.T * 2, 1, mode="edge") | np.pad(A, 1)
np.append(A.T, A.T, axis=0) | np.roll(A.T, 1) | np.gradient(A.T, axis=0) | np.gradient(A.T)[0] | np.gradient(A)[1]
np.cumsum(A.T, axis=0) | np.cumprod(A.T, axis=1) | np.flip(A.T) * 1 | np.rot90(A) * 1 | np.sort(A.T, axis=1)
np.clip(A.T, 0.1, 0.2) | np.round(A.T) | np.vander(A[0], 3) | np.diag(A[0]) | np.triu(A.T) | np.outer(A.T, A)
A.T @ A | A @ A.T | (A.T @ A).T * 1 | np.dot(A.T, A) | np.tensordot(A, A, ((0,), (0,))) | np.kron(A, A)
np.einsum("ij->ji", A) * 1 | np.einsum("ij,kj->ki", A, A) | np.einsum("ij,ik->jk", A, A)
np.einsum("ij,j->ji", A, A[0]) | np.einsum("ij,jk->ik", A, A.T) | np.einsum("ij,jk->ik", A.T, A[::1])
np.einsum("abc->ca", T) | np.einsum("abc->ac", T) | np.einsum("abc,cd->dab", T, A.T)
np.einsum("ij,jk->ik", A, T[0].T, optimize=True) | np.einsum("i,j->ji", A[0], A[1]) | np.sum(T.T, axis=0)
np.sum(T.transpose(1, 2, 0), axis=2) | np.sum(T, axis=1) | np.mean(T.T, axis=1) | np.max(T.T, axis=1)
np.var(T.T, axis=1) | np.median(T.T, axis=1) | np.linalg.norm(T.T, axis=1) | np.prod(T.T, axis=1)
np.linalg.solve(S, A) | np.linalg.inv(S.T) | np.linalg.cholesky(S) | np.linalg.pinv(A)
np.linalg.matrix_power(S.T, 3) | np.linalg.matrix_power(S.T, 1) | np.where(A.T > 1, A.T, 0.0)
np.repeat(A.T, 2, axis=1) | np.take(A.T, I, axis=0) | np.take(A.T, I, axis=1) | A.T[I] | A.T[:, I] | A[I] | A[:, I]
A[:, I] * 2.0 | A[:, A[0] > 1.0] | A[I][:, I] | T[:, I, I] | T[:, :, I] | T[I, :, I]
np.take_along_axis(A.T, I[None], axis=1) | np.broadcast_to(A[0], (3, 4)) * 1 | np.stack((A.T[0], A.T[1]), axis=1)
np.column_stack((A[0], A[1])) | np.vstack((A.T, A.T)) | np.concatenate((A.T, A[:, :3].T * 1), axis=0)
np.maximum(A.T, A[:, 0]) | A.T + 1.0 | -A.T | np.expand_dims(A.T, 0) * 1 | np.moveaxis(T, 0, 2) * 1
np.swapaxes(T, 0, 1) * T.transpose(1, 0, 2) | T.transpose(1, 0, 2) + np.zeros(4) | np.diff(A.T, axis=0)
np.trapezoid(T.T, axis=1) | np.cross(A[:, :3], A[:, 1:]) | np.split(A.T, 2)[0] * 1 | np.array([A[0], A[1]])
np.fliplr(A.T) * 1 | np.ptp(T.T, axis=1) | np.average(T.T, axis=1) | np.cov(A) | np.nansum(T.T, axis=1)
np.reshape(A.T, (4, 3)) * 1 | A.T.reshape(2, 6) * 1 | np.reshape(A, (4, 3)) * 1 | np.unwrap(A.T) | np.sinc(A.T)
A[::-1] * 1 | A[:, ::-1] * 1 | np.ravel(A.T).reshape(4, 3) | A.T.ravel().reshape(4, 3) | np.full(A.T.shape, 1.0)
np.zeros_like(A[:, I]) | np.linalg.qr(S)[0] | np.linalg.svd(S)[0] | np.linalg.eigh(S)[1] | np.float64(A.T) * 1
"""


def program(body):
    name = f"<{body}>"
    source = "def f(A, T, S, I):\n" + textwrap.indent(body, "    ") + "\n"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    namespace = {"np": np}
    exec(compile(source, name, "exec"), namespace)
    return namespace["f"]


def agrees(body):
    """Is this program what it is in NumPy? False where it is refused, None where NumPy refuses it."""
    f = program(body)
    try:
        want = f(A.copy(), T.copy(), S.copy(), I.copy())
    except ValueError:
        return None
    try:
        low = primal(f, tuple(map(spec_of, (A, T, S, I))), None, Options())
    except TypeMismatch as error:
        assert "memory with" in error.message, (body, error.message)
        return False
    captured = [c.read() for c in low.captures if isinstance(c.spec, Leaf)]
    got = interpret(low.function, [A.copy(), T.copy(), S.copy(), I.copy(), *captured])
    assert got == pytest.approx(want, rel=1e-12), body
    return True


def expressions(table):
    return [e.strip() for line in table.strip().splitlines() for e in line.split(" | ")]


def base_of(expression):
    """The name of the argument that an expression is about."""
    return next(
        name
        for name, pattern in (("S", "S"), ("T", r"(?<!\.)T"), ("A", "A"), ("I", "I"))
        if re.search(rf"{pattern}\b", expression)
    )


@pytest.mark.parametrize("expression", expressions(SHARED))
def test_what_shares_memory(expression):
    """A write to the array shows in the result, and one to the result in the array, where they do in NumPy."""
    base = (
        "S"
        if "S" in expression
        else "T"
        if "T" in expression.replace(".T", "")
        else "I"
        if "A" not in expression
        else "A"
    )
    made = eval(expression)
    shares = np.shares_memory(made, {"A": A, "T": T, "S": S, "I": I}[base])
    first = ", ".join("0" * np.ndim(made)) or "..."
    later = agrees(f"{base} = {base}.copy()\nb = {expression}\n{base}.ravel()[0] = 100\nreturn np.sum(b)")
    through = agrees(f"{base} = {base}.copy()\nb = {expression}\nb[{first}] = 100\nreturn np.sum({base})")
    kept = agrees(
        f"{base} = {base}.copy()\nb = ({expression}).copy()\n{base}.ravel()[0] = 100\nb[{first}] = 7\nreturn np.sum(b)"
    )
    assert kept
    if not shares:
        assert later and through


@pytest.mark.parametrize("expression", expressions(LAID_OUT))
def test_the_order_of_elements(expression):
    """Whether a reshaped array is a view, and so whether a write to it shows, depends on the order in memory."""
    found = agrees(f"b = {expression}\nv = b.reshape(-1)\nv[1] = 30.5\nreturn np.sum(b)")
    if not eval(expression).flags.c_contiguous:
        assert found is False
    assert agrees(f"b = ({expression}).copy()\nv = b.reshape(-1)\nv[1] = 30.5\nreturn np.sum(b)")


CARRIED = """
b = A.T * 1.0
for k in range(2):
    b = b * 2.0
---
b = np.zeros((4, 3))
for k in range(2):
    b = b + A.T
---
b = A.T * 1.0
if A[0, 0] > 0.0:
    b = np.zeros((4, 3))
---
b = np.zeros((4, 3))
while np.sum(b) < 10.0:
    b = A.T + b
---
c = np.ones_like(A.T)
for k in range(3):
    b = c * 2.0
"""


@pytest.mark.parametrize("text", CARRIED.strip().split("\n---\n"))
def test_the_order_of_what_loops_and_branches_carry(text):
    assert agrees(f"{text}\nv = b.reshape(-1)\nv[1] = 30.5\nreturn np.sum(b)") is False
    assert agrees(text.replace("A.T", "A.T.copy()") + "\nv = b.reshape(-1)\nv[1] = 30.5\nreturn np.sum(b)")


@pytest.mark.parametrize(
    ("body", "what", "place"),
    [
        ("b = A[:, I]\nv = b.reshape(-1)\nv[1] = 3.0\nreturn np.sum(b)", "depends on strides", (3, 9)),
        (
            "b = A.T * 1.0\nfor k in range(2):\n    v = b.reshape(-1)\n    v[1] = 3.0\n    b = b * 2\nreturn np.sum(b)",
            "depends on strides",
            (4, 13),
        ),
        ("b = A.copy()\nd = np.diagonal(b)\nb[0, 0] = 3.0\nreturn np.sum(d)", "is a copy here", (3, 9)),
        ("b = A.copy()\nd = np.einsum('ii->i', S * 1.0)\nd[0] = 3.0\nreturn np.sum(d)", "is a copy here", (3, 9)),
        ("w = np.broadcast_to(A[0], (2, 4))\nA[0, 0] = 3.0\nreturn w[1, 0]", "is a copy here", (2, 9)),
    ],
)
def test_refusals(body, what, place):
    with pytest.raises(TypeMismatch, match=what) as error:
        ad.jit(program(body))(A.copy(), T, S, I)
    assert (error.value.loc.line, error.value.loc.col) == place
    assert "copy" in error.value.hint


def test_the_source_lays_out_as_numpy_does():
    """What is printed like another array is made in C's order where that one is not."""

    def tiled(a, A):
        v = np.tile(np.full((len(A), 1), a), 2).copy()
        return v.ravel()[1] * 2.0

    def turned(a, A):
        return np.full((len(A), 2), a)[..., np.arange(2)].ravel()[1]

    def spread(a, A):
        b = A * a
        v = b.ravel()
        return v[5] + np.sum(b.mean(axis=0) * np.arange(4.0))

    for f, want in ((tiled, 2.0), (turned, 1.0), (spread, A[1, 1] + A.mean(axis=0) @ np.arange(4.0))):
        g = ad.grad(f)
        assert g(0.7, A) == pytest.approx(want)
        namespace = {}
        exec(g.lower(0.7, A).source, namespace)
        assert namespace[f"{f.__name__}_grad"](0.7, A) == pytest.approx(want)


def test_the_order_of_stacks():
    """Two axes of a stack keep their order in memory, where a matrix is in C's order."""

    def inverses(A):
        found = np.linalg.inv(A.reshape(2, 2, 3, 3).transpose(1, 0, 2, 3))
        v = found.reshape(-1)
        v[1] = 30.5
        return np.sum(found)

    def products(A):
        turned = A.reshape(2, 2, 3, 3).transpose(1, 0, 2, 3)
        found = np.matmul(turned, turned)
        v = found.reshape(-1)
        v[1] = 30.5
        return np.sum(found)

    for f in (inverses, products):
        with pytest.raises(TypeMismatch, match="depends on strides"):
            ad.jit(f)(np.stack((S, 2.0 * S, 3.0 * S, S)))
