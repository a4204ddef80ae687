"""What array programs mean where NumPy and others differ: ties, masks, repeats, views, dtypes, sizes, errors."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from harness import check
from test_frontend import build, copied

import adcompiler as ad
from adcompiler.cli import main
from adcompiler.errors import ShapeMismatch, TypeMismatch, UnsupportedFunction
from adcompiler.frontend import lower, spec_of
from adcompiler.frontend.capture import flatten
from adcompiler.frontend.spec import Leaf
from adcompiler.ir.interpret import interpret

V = np.array([0.5, -1.2, 0.7])
A = np.array([[0.3, -0.4, 1.1], [0.9, 0.2, -0.6]])
PLACES = np.array([2, 0, 2, 1])


def lowered(fn, *args):
    """The IR, and flat arguments for it, captured arrays last."""
    low = lower(fn, tuple(spec_of(a) for a in args))
    return low, [*flatten(copied(args)), *(c.read() for c in low.captures if isinstance(c.spec, Leaf))]


def interpreted(fn, *args):
    """The result on the interpreter, and what became of the arguments."""
    low, flat = lowered(fn, *args)
    return build(low.result, iter(interpret(low.function, flat))), flat[: len(flatten(args))]


def agrees(fn, *args, order=2):
    """As in NumPy, memory included; both modes, both orders."""
    theirs = copied(args)
    with np.errstate(all="ignore"):
        expected = fn(*theirs)
    result, changed = interpreted(fn, *args)
    np.testing.assert_allclose(result, expected, rtol=1e-12)
    assert np.asarray(result).dtype == np.asarray(expected).dtype
    for a, b in zip(changed, flatten(theirs), strict=True):
        np.testing.assert_array_equal(a, b)
    low, flat = lowered(fn, *args)
    check(low.function, flat, order=order, passes=False)


def gradient(fn, *args):
    """The gradient as compiled, held to the interpreter of the forward mode elsewhere."""
    return ad.grad(fn)(*args)


# Kinks: the first among equals, in every order.
def test_ties_go_to_the_first():
    def largest(x):
        return np.max(x) + np.min(x * 2.0)

    def by_rows(x):
        return np.sum(np.max(x, axis=1)) + np.max(x)

    def ordered(x):
        return np.sort(x)[1] * 3.0 + np.sum(x[np.argsort(x)][:1])

    x = np.array([1.0, 2.0, 2.0, 1.0])
    np.testing.assert_array_equal(gradient(largest, x), [2.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(gradient(by_rows, np.ones((2, 2))), [[2.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(gradient(ordered, x), [1.0, 0.0, 0.0, 3.0])


def test_nan_is_the_extremum():
    def f(x):
        return np.max(x), np.min(x, axis=0), np.argmax(x, axis=1), np.sort(x, axis=1), np.argsort(x, axis=1)

    x = np.array([[1.0, np.nan, 0.0], [np.nan, 2.0, -np.inf]])
    for mine, theirs in zip(ad.jit(f)(x), f(x), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_masks_select():
    def f(x):
        y = np.zeros_like(x)
        y[x > 0] = np.sqrt(x[x > 0])
        return np.sum(y) + np.sum(np.sqrt(x), where=x > 0)

    np.testing.assert_allclose(gradient(f, np.array([4.0, 0.0, -1.0])), [0.5, 0.0, 0.0])


# Repeats.
def test_repeated_places():
    def once(x):
        x[PLACES] += 1.0
        return x * x

    def each(x):
        np.add.at(x, PLACES, np.sin(x[PLACES]))
        return x * x

    def last(x, v):
        x[PLACES] = v * v
        return x * x

    def moved(x):
        x[PLACES[:3]] = x[::-1]
        return x * x

    def rows(x, v):
        x[PLACES - 3] *= v[:, None]
        np.add.at(x, (slice(None), PLACES), v)
        return x * x

    for fn, *args in ((once, V), (each, V), (last, V, np.arange(4.0)), (moved, V)):
        agrees(fn, *args)
    agrees(rows, np.vander(V), np.array([0.3, 0.2, -0.4, 1.5]))


def test_masks_write():
    def chosen(x, v):
        x[x > 0.5] = 2.0
        x[x < 0] *= v[:2]
        x[v[None, :] > x] += v[0]
        return x * x

    def of_arrays(x):
        mask = x > 0
        x[mask] = (x * x)[mask]
        x[~mask] += x[~mask]
        return x * x

    def of_rows(x, keep):
        x[keep] = 0.5
        x[keep, 1:] -= x[keep, :2]
        return x * x

    agrees(chosen, A, V)
    agrees(of_arrays, A)
    agrees(of_rows, A, np.array([True, False]))


def test_integers_beside_arrays():
    """NumPy's placement: an integer counts as an index array."""

    def f(x):
        return x[0, :, PLACES] * 2.0, x[:, 0, PLACES], x[PLACES[:2] - 1, None, 1:], x[..., PLACES, None]

    x = np.cos(np.arange(24.0)).reshape(2, 3, 4)
    for mine, theirs in zip(interpreted(f, x)[0], f(x), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_lists_are_index_arrays():
    def f(x):
        chosen = [0, 2]
        return x[chosen] * x[[1, 1]] + x[[True, False, True]]

    agrees(f, V)


# Views and copies.
def test_reshape_is_a_view():
    def through(x):
        y = x * 1.0
        z = y.reshape(3, 2)
        z[0, 1] = 5.0
        w = z.ravel()
        w[-1] *= 3.0
        return y * y

    def copied_first(x):
        y = x.T.copy().reshape(-1)
        y[0] = 2.0
        z = x.flatten()
        z[1] = 3.0
        return y * z

    agrees(through, A)
    agrees(copied_first, A)


def test_unclear_views_are_refused():
    def written(x):
        y = x.T.reshape(-1)
        y[0] = 2.0
        return np.sum(y)

    def source_written(x):
        y = np.ravel(x[:, ::2])
        x[0, 0] = 2.0
        return np.sum(y)

    def fortran(x):
        y = x.T * 2.0
        z = y.reshape(-1)
        z[0] = 1.0
        return np.sum(y)

    def summed(x):
        y = np.cumsum(x.T, axis=1)
        z = y.reshape(-1)
        z[0] = 1.0
        return np.sum(y)

    for fn in (written, source_written, fortran, summed):
        with pytest.raises(TypeMismatch, match="depends on strides"):
            ad.grad(fn)(A)


# Sizes that are known at run time only.
def test_a_dimension_that_is_one():
    def f(x, y):
        return np.sum(np.einsum("bij,bjk->bik", x, y) ** 2) + np.sum((x @ y)[0] * np.outer(x[0, :, 0], y[0, 0]))

    g = ad.grad(f, argnums=(0, 1))
    x, y = np.cos(np.arange(12.0)).reshape(2, 2, 3), np.sin(np.arange(6.0)).reshape(1, 3, 2)
    for a, b in ((x, y), (x[:1], y)):
        dx, dy = g(a, b)
        assert dx.shape == a.shape and dy.shape == b.shape
        h = 1e-6
        u, v = np.cos(a), np.sin(b + 1)
        slope = (f(a + h * u, b + h * v) - f(a - h * u, b - h * v)) / (2 * h)
        assert np.sum(dx * u) + np.sum(dy * v) == pytest.approx(slope, rel=1e-7)


def test_nothing():
    def f(x):
        return (
            np.sum(np.cumsum(x, axis=0)) + np.sum(np.sort(x, axis=1)) + np.prod(x) + np.sum(x[x > 0])
            + np.sum(np.concatenate((x, x), axis=1)) + np.sum(np.roll(x, 1)) + np.sum(np.einsum("ij,kj->ik", x, x))
            + np.sum(np.pad(x, 1, constant_values=0.0))
        )  # fmt: skip

    for shape in ((0, 3), (3, 0)):
        agrees(f, np.zeros(shape))
        assert gradient(f, np.zeros(shape)).shape == shape


def test_single_precision_stays():
    def f(x, v):
        y = x[PLACES] * np.linspace(0.0, 1.0, 4, dtype=np.float32) + np.cumsum(v)
        y[y > 1] *= 2.0
        return np.sum(np.sort(y)) + np.prod(x) + np.var(v) + np.max(x) + np.mean(np.diff(v)) + np.einsum("i,i", v, v)

    x, v = V.astype(np.float32), np.array([0.5, 0.25, 0.125, 1.0], np.float32)
    result = interpreted(f, x, v)[0]
    assert result.dtype == np.float32 and f(x, v).dtype == np.float32
    assert [g.dtype for g in ad.grad(f, argnums=(0, 1))(x, v)] == [np.float32, np.float32]


# Errors at run time keep Python's class, in compiled code too.
def outside(x, k):
    return np.sum(x[k])


def written_outside(x, k):
    y = x * 1.0
    y[k] = 2.0
    return np.sum(y)


def nothing_to_choose(x, k):
    return np.max(x[: k[0]])


def does_not_fit(x, k):
    return np.sum(x.reshape(2, -1)) + k[0]


def wrong_mask(x, k):
    return np.sum(x[k > 0])


def unequal(x, k):
    return np.sum(np.concatenate((x[None, :], np.ones((1, k[0])))))


@pytest.mark.parametrize(
    ("fn", "k", "kind"),
    [
        (outside, [0, 3], IndexError), (outside, [-4], IndexError), (written_outside, [5], IndexError),
        (nothing_to_choose, [0], ValueError), (does_not_fit, [1], ShapeMismatch), (wrong_mask, [1, 1], IndexError),
        (unequal, [2], ShapeMismatch),
    ],
)  # fmt: skip
def test_errors_at_run_time(fn, k, kind):
    for call in (ad.jit(fn), ad.grad(fn)):
        with pytest.raises(kind, match=r"test_numpy_rules.py"):
            call(V, np.array(k))
    with pytest.raises((kind, ValueError)):
        fn(V, np.array(k))


# Signatures are NumPy's.
def test_arguments_by_position():
    def f(x):
        return (
            np.sum(x, 0, None, None, True),
            np.max(x, 1, None, True),
            np.mean(x, 0, None),
            np.var(x, 0, None, None, 1),
        )

    def reduced(x):
        return np.add.reduce(x), np.multiply.reduce(x, axis=1), np.maximum.reduce(x), np.minimum.reduce(x, None)

    def in_place(x):
        y = x * 1.0
        y.sort()
        y[:, 1:].sort(axis=0)
        return y.mT * 2.0, y.argsort(1), x[np.newaxis].size, y.ndim, np.pi

    for fn in (f, reduced, in_place):
        for mine, theirs in zip(interpreted(fn, A)[0], fn(A), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-14)
            assert np.shape(mine) == np.shape(theirs)


# Refusals name the line.
def test_refusals():
    def axis(x, k):
        return np.sum(x, axis=k)  # !

    def subscripts(x, k):
        return np.einsum(x, x)  # !

    def letters(x, k):
        return np.einsum("ij,jk", x)  # !

    def unknown_mode(x, k):
        return np.pad(x, 1, mode="mean")  # !

    def of_library(x, k):
        return np.var(x, where=k)  # !

    def single(x, k):
        return np.var(x, None, np.float32)  # !

    def into(x, k):
        return np.sum(x, 0, out=x[0])  # !

    def beyond(x, k):
        return np.swapaxes(x, 0, 5)  # !

    def half(x, k):
        return x[np.array([0.5])]  # !

    for fn, kind, message in (
        (axis, TypeMismatch, "literal"), (subscripts, TypeMismatch, "subscripts"), (letters, TypeMismatch, "operands"),
        (unknown_mode, UnsupportedFunction, "mean"), (of_library, TypeMismatch, "where"),
        (beyond, TypeMismatch, "out of bounds"), (single, UnsupportedFunction, "dtype"), (into, TypeMismatch, "out="),
        (half, TypeMismatch, "integers"),
    ):  # fmt: skip
        with pytest.raises(kind, match=message) as info:
            lower(fn, (spec_of(A), spec_of(1)))
        lines, first = inspect.getsourcelines(fn)
        assert info.value.loc.line == first + next(k for k, row in enumerate(lines) if "# !" in row)


def test_errors_inside_the_library_name_the_call():
    def f(x):
        return np.gradient(x)

    with pytest.raises(ValueError, match=r"too small .*test_numpy_rules.py"):
        ad.jit(f)(np.ones(1))


SORTED = """
import numpy as np

K = np.array([2, 0, 2])


def f(x: "f64[:]", a: "f64[:,:]"):
    y = np.sort(x)[1] * np.max(a, axis=1)
    z = np.einsum("ij,kj->ik", a, a)
    np.add.at(x, K, y[0])
    z[K - 1] = np.cumsum(a, axis=0)[0, 0]
    return np.sum(z) + np.sum(x[K] * x[x > 0][0])
"""


def test_a_module_of_its_own(tmp_path):
    """`adcompiler emit` pastes the helpers of the array language."""
    (tmp_path / "model.py").write_text(SORTED)
    assert main(["emit", f"{tmp_path}/model.py:f", "-o", f"{tmp_path}/alone.py"]) == 0
    text = (tmp_path / "alone.py").read_text()
    assert "import adcompiler" not in text and "from adcompiler" not in text
    model, alone = {}, {}
    exec(SORTED, model)
    exec(text.replace("cache=True, ", ""), alone)
    x, a = np.array([0.3, -1.2, 2.0]), np.sqrt(np.arange(6.0)).reshape(3, 2)
    h, d = 1e-6, np.array([0.3, -0.7, 0.2])
    slope = (model["f"](x + h * d, a) - model["f"](x - h * d, a)) / (2 * h)
    assert alone["f_grad"](x.copy(), a.copy()) @ d == pytest.approx(slope, rel=1e-7)


def test_index_arrays_compiled() -> None:
    """Entries that count from the end, axes that NumPy moves to the front, repeats of which the last wins."""

    def f(x, v):
        picked = x[np.array([-1, 0, -2])] ** 2
        apart = x[np.array([0, 2]), :, np.array([1, -1])]
        y = np.zeros(3)
        y[np.array([1, 1, -3])] = v
        weights = (np.arange(3.0) * 0.5 + v)[np.array([-1, 0, 1])]
        return np.sum(picked[:, 0, 1] * y * weights) + np.sum(apart[:, 1] * apart[:, 0])

    rng = np.random.default_rng(5)
    x, v = rng.standard_normal((3, 2, 4)), rng.standard_normal(3)
    value, (x_bar, v_bar) = ad.value_and_grad(f, argnums=(0, 1))(x, v)
    assert value == pytest.approx(f(x, v), rel=1e-13)
    step = 1e-6
    for bar, k, given in ((x_bar, 0, x), (v_bar, 1, v)):
        for place in np.ndindex(given.shape):
            up, down = [x.copy(), v.copy()], [x.copy(), v.copy()]
            up[k][place] += step
            down[k][place] -= step
            assert bar[place] == pytest.approx((f(*up) - f(*down)) / (2 * step), rel=1e-6, abs=1e-8)


def test_negative_entries_of_index_arrays_count_from_the_end():
    """Of memory, and of an array of one element, which compiled code computes where it is read."""

    def f(x, idx):
        squares = x * np.arange(1.0, 5.0)
        return x[1:][idx] * squares[::-1][idx + 1] + (np.arange(1) + 5)[np.array([-1, 0, -1])] * x[0]

    x, idx = np.array([0.5, -1.2, 0.7, 2.0]), np.array([-1, 0, -2])
    np.testing.assert_allclose(ad.jit(f)(x, idx), f(x, idx), rtol=1e-12)
    _, dot = ad.jvp(f)((x, idx), (np.ones(4), None))
    step = 1e-6
    np.testing.assert_allclose(dot, (f(x + step, idx) - f(x - step, idx)) / (2 * step), rtol=1e-6)


def test_index_arrays_of_other_extents_compiled():
    """They broadcast as arrays do: missing axes come first, and a single row is repeated."""

    def f(x, row, column, rows, n):
        return x[column, row] * x[rows, row] + x[row, column] + x[column, row[:n]] * x[row[:n], row]

    x = np.arange(12.0).reshape(4, 3) ** 1.5
    row, column, rows = np.array([2, 0]), np.array([[1], [2], [-1]]), np.array([[1, 2], [0, 0], [2, 1]])
    np.testing.assert_allclose(ad.jit(f)(x, row, column, rows, 1), f(x, row, column, rows, 1), rtol=1e-12)


def test_known_index_beside_an_index_array_is_checked():
    def f(x, at):
        u = np.full((2, 3), 0.5)
        return np.sum(u[2, at] * x)

    with pytest.raises(IndexError, match="axis 0 of u"):
        ad.grad(f)(1.5, np.array([0, 1]))


def test_parts_that_are_not_equal():
    """The first ones are longer, also where the size is known."""

    def f(x):
        a, b, c = np.array_split(x * np.ones(5), 3)
        return np.concatenate((a * b, c * 3.0))

    np.testing.assert_allclose(ad.jit(f)(2.0), f(2.0), rtol=1e-12)
