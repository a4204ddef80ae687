"""Linear algebra: rules in both modes and two orders, degenerate matrices, what compiled code gives and raises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from harness import Case, check, plain, pullback
from test_ops import array, function

import adcompiler as ad
from adcompiler.frontend import lower, spec_of
from adcompiler.ir.build import Builder, const
from adcompiler.ir.core import Function, Operand
from adcompiler.ir.interpret import interpret
from adcompiler.ir.table import OPS
from adcompiler.ir.types import Array, f64
from adcompiler.transforms.forward import forward

RNG = np.random.default_rng(0)
A3 = RNG.standard_normal((3, 3)) + 2 * np.eye(3)
A4 = RNG.standard_normal((4, 4)) + np.eye(4)
S3 = A3 @ A3.T
V3, B32 = RNG.standard_normal(3), RNG.standard_normal((3, 2))
A23, A42 = RNG.standard_normal((2, 3)), RNG.standard_normal((4, 2))
ONE = np.array([[0.7]])


def whole(name: str, args: Sequence[Any], attrs: dict[str, Any]) -> Function:
    """A number made of all results of one op."""

    def weighed(b: Builder, p: Operand) -> Operand:
        """The sum of p * p * sin(p + 1), so that no entry is like another."""
        waves = b.op("sin", b.op("add", p, const(1.0, f64)))
        terms = b.op("mul", b.op("mul", p, p), waves)
        return b.op("sum", terms) if isinstance(terms.type, Array) else terms

    def body(b: Builder, x: list[Operand]) -> Operand:
        total, *others = [weighed(b, p) for p in b.emit(name, x, attrs).results]
        for p in others:
            total = b.op("add", b.op("mul", p, b.op("cos", total)), total)
        return total

    return function([array(np.ndim(a)) if np.ndim(a) else f64 for a in args], body)


# Samples of every op of kind "linalg", and of the triangles that their rules are made of.
SAMPLES: list[tuple[str, Sequence[Any], dict[str, Any]]] = [
    ("solve", [A3, V3], {}),
    ("solve", [A3, B32], {}),
    ("solve", [ONE, np.array([0.3])], {}),
    ("inv", [A3], {}),
    ("inv", [ONE], {}),
    ("inv_or_nan", [A3], {}),
    ("det", [A3], {}),
    ("det", [A4], {}),
    ("det", [ONE], {}),
    ("cofactor_dot", [A3, S3], {}),
    ("slogdet", [A3], {}),
    ("slogdet", [-A3], {}),
    ("cholesky", [S3], {}),
    ("cholesky", [ONE], {}),
    ("solve_triangular", [A3, V3], {}),
    ("solve_triangular", [A3, B32], {"lower": True}),
    ("solve_triangular", [A3, B32], {"trans": 1}),
    ("solve_triangular", [A3, V3], {"trans": 1, "lower": True, "unit_diagonal": True}),
    ("solve_triangular", [A3, V3], {"unit_diagonal": True}),
    ("eigh", [S3], {}),
    ("eigh", [S3], {"upper": True}),
    ("eigh", [ONE], {}),
    ("eigvalsh", [S3], {}),
    ("eigvalsh", [S3], {"upper": True}),
    ("svd", [A3], {}),
    ("svd", [A42], {}),
    ("svd", [A23], {}),
    ("svdvals", [A42], {}),
    ("svdvals", [A23], {}),
    ("qr", [A3], {}),
    ("qr", [A42], {}),
    ("qr", [A23], {}),
    ("pinv", [A42], {}),
    ("pinv", [A23], {}),
    ("pinv", [A3], {"rcond": 1e-10}),
    ("diag", [A3], {}),
    ("diag", [V3], {}),
    ("gaps", [V3], {}),
    ("gaps", [V3], {"plus": True}),
    ("differences", [V3], {}),
    ("differences", [V3], {"plus": True}),
    ("leading", [A23, A42], {}),
    ("padded", [A42, np.ones((4, 3))], {}),
    ("tril", [A23], {}),
    ("tril", [A42], {"k": -1}),
    ("triu", [A42], {}),
    ("triu", [A23], {"k": 1}),
]
BLOCKS = ("tril", "triu", "diag", "differences", "leading", "padded")
TWICE_ONLY = ("cofactor_dot",)  # the third derivative of a determinant


@pytest.mark.parametrize(("name", "args", "attrs"), SAMPLES, ids=lambda v: v if isinstance(v, str) else "")
def test_rules(name: str, args: Sequence[Any], attrs: dict[str, Any]) -> None:
    if name in TWICE_ONLY:
        pytest.skip("covered as the second order of det")
    check(whole(name, args, attrs), args, passes=False)


def test_every_op_has_samples() -> None:
    names = {n for n, e in OPS.items() if e.kind == "linalg" or e.pushforward} | set(BLOCKS)
    assert names <= {name for name, *_ in SAMPLES} | {"cofactor"}


# Degenerate matrices.
def gradient(fn: Callable[..., Any], *args: Any) -> Any:
    return ad.grad(fn)(*args)


def det(a: Any) -> Any:
    return np.linalg.det(a)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_det_of_singular_matrices(n: int) -> None:
    """Rank n - 1, n - 2 and 0: cofactors, and what becomes of them, by products of minors."""
    base = np.random.default_rng(n).standard_normal((n, n))
    for missing in {min(1, n), min(2, n), n}:
        a = base.copy()
        a[:missing] = 0.0 if missing == n else a[missing] if missing < n else 0.0
        minors = np.array(
            [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) * (-1) ** (i + j) for j in range(n)] for i in range(n)]
        ).reshape(n, n)
        scale = 1.0 + np.abs(minors).max()
        np.testing.assert_allclose(gradient(det, a), minors, atol=1e-12 * scale)
        d = np.random.default_rng(9).standard_normal((n, n))
        h = 1e-3
        bent = (gradient(det, a + h * d) - gradient(det, a - h * d)) / (2 * h)
        second = ad.jvp(ad.grad(det))((a,), (d,))[1]
        np.testing.assert_allclose(second, bent, atol=2e-4 * scale)


def test_third_derivative_of_det_is_refused() -> None:
    def twice(a):
        return np.sum(ad.grad(det)(a) ** 2)

    with pytest.raises(ad.MissingRule, match="third derivative of a determinant") as caught:
        ad.grad(ad.grad(lambda a: np.sum(ad.grad(twice)(a))))(A3)
    assert caught.value.loc is not None


def test_norm_at_zero() -> None:
    zero = np.zeros(3)
    for norm in (
        lambda x: np.linalg.norm(x),
        lambda x: np.linalg.norm(x, 1),
        lambda x: np.linalg.norm(x, ord=3),
        lambda x: np.linalg.norm(x, 2.5),
    ):
        assert gradient(norm, zero).tolist() == [0.0] * 3
    assert ad.jvp(lambda x: np.linalg.norm(x))((zero,), (np.ones(3),))[1] == 0.0
    mixed = np.array([[0.0, 0.0], [3.0, 4.0]])
    rows = gradient(lambda a: np.sum(np.linalg.norm(a, axis=1)), mixed)
    np.testing.assert_allclose(rows, [[0.0, 0.0], [0.6, 0.8]], rtol=1e-15)


def test_slogdet_of_a_singular_matrix() -> None:
    def safe(a):
        sign, logdet = np.linalg.slogdet(a)
        return np.where(sign > 0, logdet, 0.0)

    assert ad.value_and_grad(safe)(np.zeros((2, 2)))[0] == 0.0
    assert not ad.grad(safe)(np.zeros((2, 2))).any()
    value = ad.jit(lambda a: np.linalg.slogdet(a))(np.zeros((2, 2)))
    assert tuple(value) == (0.0, -np.inf)


def test_cholesky_reads_the_lower_triangle() -> None:
    """As NumPy does: the gradient is lower triangular; along symmetric directions it is the symmetric one."""

    def f(a):
        return np.sum(np.linalg.cholesky(a) ** 3)

    g = gradient(f, S3)
    assert not np.triu(g, 1).any()
    noisy = S3 + np.triu(np.full((3, 3), 7.0), 1)
    np.testing.assert_allclose(gradient(f, noisy), g, rtol=1e-12)
    d = B32 @ B32.T
    h = 1e-5
    np.testing.assert_allclose(np.sum(g * d), (f(S3 + h * d) - f(S3 - h * d)) / (2 * h), rtol=1e-8)
    upper = gradient(lambda a: np.sum(np.linalg.cholesky(a, upper=True) ** 3), S3)
    np.testing.assert_allclose(upper, g.T, rtol=1e-12)


def test_equal_eigenvalues() -> None:
    """Symmetric functions of the eigenvalues have their gradient; vectors of equal ones have none, and say so."""
    for a in (np.eye(3), np.zeros((3, 3)), np.diag([2.0, 1.0, 2.0])):
        cubes = gradient(lambda a: np.sum(np.linalg.eigh(a)[0] ** 3), a)
        np.testing.assert_allclose(np.tril(cubes), np.tril(3 * a @ a), atol=1e-14)
        np.testing.assert_allclose(gradient(lambda a: np.sum(np.linalg.eigvalsh(a) ** 3), a), cubes, atol=1e-14)
    rotation = np.linalg.qr(A3)[0]
    nearly = rotation @ np.diag([1.0, 1.0, 2.0]) @ rotation.T  # equal but for rounding
    cubes = gradient(lambda a: np.sum(np.linalg.eigvalsh(a) ** 3), nearly)
    np.testing.assert_allclose(cubes + cubes.T, 6 * nearly @ nearly, atol=1e-13)

    def rebuilt(a):
        w, v = np.linalg.eigh(a)
        return np.sum((v * w) @ v.T * np.array([[1.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 3.0]]))

    for a in (np.eye(3), np.zeros((3, 3)), nearly):
        assert np.isnan(gradient(rebuilt, a)).any()
    g = gradient(rebuilt, S3)
    np.testing.assert_allclose(g + g.T, 2 * np.array([[1.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 3.0]]), atol=1e-11)


def test_equal_singular_values() -> None:
    for a in (np.eye(3), np.diag([2.0, 1.0, 2.0])):
        squares = gradient(lambda a: np.sum(np.linalg.svd(a, compute_uv=False) ** 2), a)
        np.testing.assert_allclose(squares, 2 * a, atol=1e-14)
        assert np.isnan(gradient(lambda a: np.linalg.svd(a)[0][0, 0], a)).any()
    nuclear = gradient(lambda a: np.linalg.norm(a, "nuc"), A42)
    u, _, v = np.linalg.svd(A42, full_matrices=False)
    np.testing.assert_allclose(nuclear, u @ v, rtol=1e-12)


def test_pinv_of_a_matrix_of_lower_rank() -> None:
    """Along directions that keep the rank."""
    low = A42 @ RNG.standard_normal((2, 4))
    turn = RNG.standard_normal((4, 4))
    d = turn @ low - low @ turn
    h = 1e-5

    bent = scipy.linalg.expm(h * turn) @ low @ scipy.linalg.expm(-h * turn)
    back = scipy.linalg.expm(-h * turn) @ low @ scipy.linalg.expm(h * turn)
    expected = (np.linalg.pinv(bent, rcond=1e-8) - np.linalg.pinv(back, rcond=1e-8)) / (2 * h)
    found = ad.jvp(lambda a: np.linalg.pinv(a, rcond=1e-8))((low,), (d,))[1]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


# Compiled code against NumPy and SciPy.
FUNCTIONS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda a, b: np.linalg.solve(a, b), (A3, V3)),
    (lambda a, b: np.linalg.solve(a, b), (A3, B32)),
    (lambda a: np.linalg.inv(a), (A4,)),
    (lambda a: np.linalg.det(a), (A4,)),
    (lambda a: np.linalg.slogdet(a), (A4,)),
    (lambda a: np.linalg.cholesky(a), (S3,)),
    (lambda a: np.tril(a), (A42,)),
    (lambda a: np.triu(a, -1), (A42,)),
    (lambda a, b: scipy.linalg.solve_triangular(a, b, trans="T", lower=True), (A3, B32)),
    (lambda a, b: scipy.linalg.solve_triangular(a, b, unit_diagonal=True), (A3, V3)),
    (lambda a, b: scipy.linalg.cho_solve((a, True), b), (np.linalg.cholesky(S3), B32)),
    (lambda a: scipy.linalg.cholesky(a), (S3,)),
    (lambda a: scipy.linalg.cholesky(a, lower=True), (S3,)),
    (lambda a: np.linalg.eigh(a), (S3,)),
    (lambda a: np.linalg.eigh(a, UPLO="U"), (A3,)),
    (lambda a: np.linalg.eigvalsh(a), (A3,)),
    (lambda a: np.linalg.svd(a, full_matrices=False), (A42,)),
    (lambda a: np.linalg.svd(a), (A3,)),
    (lambda a: np.linalg.svd(a, compute_uv=False), (A23,)),
    (lambda a: np.linalg.qr(a), (A42,)),
    (lambda a: np.linalg.qr(a), (A23,)),
    (lambda a: np.linalg.pinv(a), (A42,)),
    (lambda a: np.linalg.pinv(a @ a.T, rcond=1e-5), (A42,)),
    (lambda a: np.linalg.matrix_power(a, 5) + np.linalg.matrix_power(a, -2), (A3,)),
    (lambda a, b: np.linalg.multi_dot((a, a.T, b)), (A3, B32)),
    (lambda a: np.linalg.cond(a), (A3,)),
    (lambda a: np.linalg.norm(a, "nuc") + np.linalg.norm(a, 2) * np.linalg.norm(a, -2), (A42,)),
    (lambda a: np.linalg.norm(a), (A42,)),
    (lambda a: np.linalg.norm(a, 3, axis=1, keepdims=True), (A42,)),
    (lambda a: np.linalg.norm(a, axis=(1, 0)), (A42,)),
]


def parts(result: Any) -> list[np.ndarray]:
    return [np.asarray(r) for r in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("k", range(len(FUNCTIONS)))
def test_compiled(k: int) -> None:
    """Both dtypes, C and Fortran order, negative strides."""
    fn, args = FUNCTIONS[k]
    run = ad.jit(fn)
    for dtype, tol in ((np.float64, 1e-12), (np.float32, 2e-5)):
        single = [a.astype(dtype) for a in args]
        layouts = [single]
        if dtype == np.float64 and k < 8:  # how a matrix is read, the factorizations have in common
            layouts += [[np.asfortranarray(a) for a in single], [np.ascontiguousarray(a[::-1])[::-1] for a in single]]
        expected = fn(*single)
        for given in layouts:
            found = run(*given)
            for mine, theirs in zip(parts(found), parts(expected), strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=tol, atol=tol)
                assert mine.dtype == dtype


def test_integers_are_read_as_floats() -> None:
    a, b = np.array([[2, 1], [1, 3]]), np.array([1, 2])
    np.testing.assert_allclose(ad.jit(lambda a, b: np.linalg.solve(a, b))(a, b), np.linalg.solve(a, b))
    assert ad.jit(lambda a: np.linalg.norm(a))(b) == np.linalg.norm(b)


def test_empty_matrices() -> None:
    nothing = np.zeros((0, 0))
    assert ad.jit(lambda a: np.linalg.det(a))(nothing) == 1.0
    assert ad.grad(det)(nothing).shape == (0, 0)
    assert ad.jit(lambda a: np.linalg.slogdet(a))(nothing) == (1.0, 0.0)
    assert ad.jit(lambda a: np.linalg.inv(a))(nothing).shape == (0, 0)
    assert ad.jit(lambda a: np.linalg.cholesky(a))(nothing).shape == (0, 0)
    assert ad.jit(lambda a, b: np.linalg.solve(a, b))(nothing, np.zeros(0)).shape == (0,)
    assert ad.jit(lambda a: np.linalg.norm(a))(np.zeros(0)) == 0.0
    assert [p.shape for p in ad.jit(lambda a: np.linalg.eigh(a))(nothing)] == [(0,), (0, 0)]
    assert [p.shape for p in ad.jit(lambda a: np.linalg.qr(a))(np.zeros((3, 0)))] == [(3, 0), (0, 0)]
    thin = ad.jit(lambda a: np.linalg.svd(a, full_matrices=False))(np.zeros((0, 3)))
    assert [p.shape for p in thin] == [(0, 0), (0,), (0, 3)]
    assert ad.jit(lambda a: np.linalg.pinv(a))(np.zeros((0, 3))).shape == (3, 0)


# Errors: NumPy's class, at the user's line.
ERRORS = [
    (lambda a: np.linalg.solve(a, a), np.zeros((2, 2)), "Singular matrix"),
    (lambda a: np.linalg.inv(a), np.ones((3, 3)), "Singular matrix"),
    (lambda a: np.linalg.cholesky(a), -np.eye(2), "not positive definite"),
    (lambda a: scipy.linalg.solve_triangular(a, a), np.zeros((2, 2)), "Singular matrix"),
    (lambda a: np.linalg.svd(a)[0], np.full((2, 2), np.nan), "SVD did not converge"),
]


@pytest.mark.parametrize("k", range(len(ERRORS)))
def test_errors(k: int) -> None:
    fn, a, message = ERRORS[k]
    place = rf"{message} \(test_linalg.py:{fn.__code__.co_firstlineno}\)"
    with pytest.raises(np.linalg.LinAlgError, match=place):
        ad.jit(fn)(a)
    with pytest.raises(np.linalg.LinAlgError, match=place):
        ad.vjp(fn)((a,), a)


def test_shapes() -> None:
    for fn, args in (
        (lambda a, b: np.linalg.solve(a, b), (B32, V3)),
        (lambda a, b: np.linalg.solve(a, b), (A4, V3)),
        (lambda a: np.linalg.inv(a), (B32,)),
        (lambda a: np.linalg.det(a), (B32,)),
        (lambda a: np.linalg.cholesky(a), (B32,)),
        (lambda a: np.linalg.eigh(a), (B32,)),
        (lambda a: np.linalg.svd(a), (B32,)),
    ):
        with pytest.raises(ad.ShapeMismatch) as caught:
            ad.jit(fn)(*args)
        assert caught.value.loc is not None and caught.value.loc.line == fn.__code__.co_firstlineno


def test_refused() -> None:
    for fn, args, message in (
        (lambda a: np.linalg.solve(a, a), (V3,), "needs a matrix"),
        (lambda a: np.linalg.norm(a, "fro"), (V3,), "for matrices"),
        (lambda a: np.linalg.norm(a, 3), (A3,), "no matrix norm of order 3"),
        (lambda a: np.linalg.norm(a, axis=2), (A3,), "axis 2 is out of bounds"),
        (lambda a, p: np.linalg.norm(a, p), (V3, 3.0), "literal number"),
        (lambda a: np.linalg.eig(a), (A3,), "eig is not supported"),
        (lambda a: np.linalg.eigvals(a), (A3,), "eigvals is not supported"),
        (lambda a, b: np.linalg.lstsq(a, b), (A3, V3), "lstsq is not supported"),
        (lambda a: np.linalg.qr(a, mode="complete"), (A3,), "reduced r"),
    ):
        with pytest.raises(ad.AdcompilerError, match=message) as caught:
            ad.jit(fn)(*args)
        assert caught.value.loc is not None


def test_the_lines_of_a_gradient() -> None:
    def f(a, b):
        x = np.linalg.solve(a, b)
        return np.sum(x**2)

    g = ad.grad(f, argnums=(0, 1))
    g(A3, V3)
    assert "t = np.linalg.solve(a.T, 2.0 * x)\n" in g.source
    assert g.source.count("linalg.solve") == 2


def test_values_of_the_interpreter() -> None:
    """A helper's plain Python is the meaning of its op."""
    fn = function([array(2), array(2)], lambda b, x: b.op("solve_triangular", *x, trans=1, lower=True))
    (x,) = interpret(fn, [A3, B32])
    np.testing.assert_allclose(np.tril(A3).T @ x, B32, rtol=1e-12)


def test_modes_agree_on_several_results() -> None:
    fn = whole("slogdet", [A3], {})
    case = Case(fn, [A3])
    d = case.direction()
    forwards = case.jvp(forward(fn, [0]), d)[0]
    (backwards,) = interpret(pullback(case, fn, plain), [A3, 1.0])
    assert forwards == pytest.approx(float(np.sum(backwards * d[0])), rel=1e-12)


# Stacks of matrices.
STACK = RNG.standard_normal((2, 3, 3)) + 3 * np.eye(3)
DEEP = RNG.standard_normal((2, 1, 2, 2)) + 3 * np.eye(2)
POSITIVE = STACK @ STACK.swapaxes(-1, -2)
STACKED: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda a: np.linalg.inv(a), (STACK,)),
    (lambda a: np.linalg.det(a), (DEEP,)),
    (lambda a: np.linalg.slogdet(a)[1], (STACK,)),
    (lambda a: np.linalg.cholesky(a), (POSITIVE,)),
    (lambda a: np.linalg.eigh(a)[0] + np.linalg.eigvalsh(a), (POSITIVE,)),
    (lambda a: np.linalg.pinv(a), (STACK[:, :2],)),
    (lambda a, b: np.linalg.solve(a, b), (STACK, RNG.standard_normal((2, 3, 2)))),
    (lambda a, b: np.linalg.solve(a, b), (STACK, V3)),
    (lambda a, b: np.linalg.solve(a, b), (A3, RNG.standard_normal((2, 3, 2)))),
    (lambda a, b: np.linalg.solve(a, b), (DEEP, RNG.standard_normal((3, 2, 1)))),
]


@pytest.mark.parametrize("k", range(len(STACKED)))
def test_stacks(k: int) -> None:
    fn, args = STACKED[k]
    low = lower(fn, tuple(spec_of(a) for a in args))
    (value,) = interpret(low.function, list(args))
    np.testing.assert_allclose(value, fn(*args), rtol=1e-12)
    check(low.function, list(args), passes=False)
    np.testing.assert_allclose(ad.jit(fn)(*args), fn(*args), rtol=1e-11)


def test_stacks_that_do_not_fit() -> None:
    with pytest.raises(ad.ShapeMismatch):
        ad.jit(lambda a, b: np.linalg.solve(a, b))(STACK, RNG.standard_normal((4, 3, 1)))
    empty = ad.jit(lambda a: np.linalg.inv(a))(np.zeros((0, 3, 3)))
    assert empty.shape == (0, 3, 3)
