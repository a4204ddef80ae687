"""Random numbers: keyed ones are pure and the same bits everywhere; draws happen once, in order, and are kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from test_jacobians import interpreted

import adcompiler as ad
from adcompiler.errors import TypeMismatch, UnsupportedFunction
from adcompiler.ir.interpret import interpret
from adcompiler.runtime.keyed import philox4x32

FULL = 0xFFFFFFFF
# Known answers of the authors' library, Random123, for philox4x32-10: counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL,) * 4, (FULL,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]  # fmt: skip


@pytest.mark.parametrize("counter, key, words", KNOWN)
def test_philox_known_answers(counter, key, words):
    assert philox4x32(*counter, *key) == words


def test_random_is_made_of_the_first_two_words():
    w0, w1, *_ = KNOWN[0][2]
    assert ad.random(0, 0) == ((w1 << 32 | w0) >> 11) * 2.0**-53
    k, c = KNOWN[2][1], KNOWN[2][0]
    assert ad.random(k[1] << 32 | k[0], 5) != ad.random(k[1] << 32 | k[0], 6) != ad.random(0, 6)
    words = philox4x32(c[0], c[1], 0, 0, *k)
    assert ad.random(k[1] << 32 | k[0], c[1] << 32 | c[0]) == ((words[1] << 32 | words[0]) >> 11) * 2.0**-53


def both(key, i):
    return ad.random(key, i), ad.random_normal(key, i)


def test_the_same_bits_everywhere():
    compiled, program = ad.jit(both), ad.jit(both).lower(1, 2).function
    rng = np.random.default_rng(1)
    for n in range(3000):
        key, i = (int(v) for v in rng.integers(-(2**63), 2**63 - 1, 2)) if n % 2 else (n, n // 7)
        expected = both(key, i)
        assert compiled(key, i) == expected
        if n < 300:
            assert tuple(interpret(program, (key, i))) == expected
    i = rng.integers(-(2**63), 2**63 - 1, (5, 4))
    for found, want in zip(compiled(7, i), both(7, i), strict=True):
        np.testing.assert_array_equal(found, want)
        assert found.dtype == np.float64 and found.shape == (5, 4)
    np.testing.assert_array_equal(both(7, i)[0].ravel(), [ad.random(7, int(k)) for k in i.ravel()])


def test_distributions():
    u, z = both(11, np.arange(40_000))
    assert 0.0 <= u.min() and u.max() < 1.0
    assert abs(u.mean() - 0.5) < 0.006 and abs(u.var() - 1 / 12) < 0.002
    assert abs(z.mean()) < 0.02 and abs(z.var() - 1.0) < 0.03
    np.testing.assert_allclose(z, ndtri(u + 2.0**-54), rtol=1e-11, atol=1e-14)
    counts = np.histogram(u, 20, (0, 1))[0]
    assert np.sum((counts - 2000) ** 2 / 2000) < 43.8  # chi square, 19 degrees of freedom, one in a thousand
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(u, ad.random(12, np.arange(40_000)))[0, 1]) < 0.02


def dropout(x, w, key):
    total = 0.0
    for i in range(len(x)):
        if ad.random(key, i) < 0.5:
            total += x[i] * w * ad.random_normal(key + 1, i)
    return total


def test_keyed_numbers_in_programs():
    x = np.arange(1.0, 9.0)
    keep = np.array([(ad.random(3, i) < 0.5) * ad.random_normal(4, i) for i in range(8)])
    assert 0 < np.count_nonzero(keep) < 8
    np.testing.assert_array_equal(ad.grad(dropout)(x, 2.0, 3), 2.0 * keep)
    assert ad.grad(dropout, argnums=1)(x, 2.0, 3) == pytest.approx(keep @ x, rel=1e-14)
    ad.check_grads(dropout, (x, 2.0, 3), order=2)
    np.testing.assert_array_equal(interpreted(ad.jacfwd(dropout), x, 2.0, 3), 2.0 * keep)
    # Key and counter have no derivative, also where they are read as floats.
    assert ad.grad(lambda k: ad.random(int(k), 2) * k)(3.0) == ad.random(3, 2)


def test_keys_that_are_no_integers():
    for call in (lambda: ad.random(1.0, 2), lambda: ad.random_normal(1, 2.5)):
        with pytest.raises(TypeError, match="integer key and an integer counter"):
            call()
    with pytest.raises(TypeMismatch, match=r"test_random\.py:\d+:\d+: ad.random takes an integer key"):
        ad.jit(lambda x: ad.random(x, 1))(1.0)


# Draws.
def estimate(mean, std, n):
    total = 0.0
    for _ in range(n):
        total += np.sin(mean + std * np.random.randn())
    return total / n


def arrays(mean, std, n):
    z = np.random.normal(mean, std, size=(n, 2))
    u = np.random.uniform(-1.0, 2.0, n)
    k = np.random.randint(0, n)
    return np.sum(np.sin(z)) + np.sum(u * mean) + u[k] * std


def walks(mean, std, n):
    x, steps = mean, 0
    while x < 3.0 and steps < n:
        x += std * np.random.random()
        if np.random.rand() > 0.7:
            x = x * mean
        steps += 1
    return x


DRAWING = (estimate, arrays, walks)


def counted(transform, *args):
    """(results, how often each kind of number was drawn), on the interpreter."""
    counts: dict[str, int] = {}

    def trace(op, results):
        if op.name.startswith("draw"):
            counts[op.name] = counts.get(op.name, 0) + 1

    built = transform.lower(*args)
    return interpret(built.function, args, trace), counts


@pytest.mark.parametrize("f", DRAWING)
def test_the_interpreter_draws_what_python_draws(f):
    np.random.seed(5)
    expected = f(0.4, 1.3, 9)
    np.random.seed(5)
    assert counted(ad.jit(f), 0.4, 1.3, 9)[0][0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("f", DRAWING)
def test_gradients_are_of_the_numbers_drawn(f):
    g = ad.value_and_grad(f, argnums=(0, 1))
    np.random.seed(8)
    (value, *bars), drawn = counted(g, 0.4, 1.3, 9)
    np.random.seed(8)
    (same,), once = counted(ad.jit(f), 0.4, 1.3, 9)
    assert value == pytest.approx(same, rel=1e-14) and drawn == once  # kept, not drawn again

    def moved(mean, std):
        np.random.seed(8)
        return f(mean, std, 9)

    h = 1e-6
    assert bars[0] == pytest.approx((moved(0.4 + h, 1.3) - moved(0.4 - h, 1.3)) / (2 * h), rel=1e-7)
    assert bars[1] == pytest.approx((moved(0.4, 1.3 + h) - moved(0.4, 1.3 - h)) / (2 * h), rel=1e-7)
    for make in (ad.jacrev, ad.jacobian, ad.jacfwd, ad.grad):
        np.random.seed(8)
        found, drawn = counted(make(f, argnums=(0, 1)), 0.4, 1.3, 9)
        np.testing.assert_allclose(found, bars, rtol=1e-13)
        assert drawn == once


def test_compiled_draws_replay():
    g, p = ad.value_and_grad(estimate, argnums=(0, 1)), ad.jit(estimate)
    ad.seed(12)
    value, bars = g(0.4, 1.3, 50)
    ad.seed(12)
    assert p(0.4, 1.3, 50) == pytest.approx(value, rel=1e-14)
    ad.seed(12)
    assert g(0.4, 1.3, 50) == (value, bars)
    assert g(0.4, 1.3, 50) != (value, bars)
    ad.seed(12)
    up = p(0.4 + 1e-6, 1.3, 50)
    ad.seed(12)
    assert bars[0] == pytest.approx((up - p(0.4 - 1e-6, 1.3, 50)) / 2e-6, rel=1e-6)


def seeded(x, n):
    np.random.seed(n)
    a = np.random.random()
    ad.seed(n)
    return x * (a - np.random.random()), a - x


def test_seeds_inside_a_program():
    assert ad.jit(seeded)(3.0, 4)[0] == 0.0 and ad.jit(seeded)(3.0, 5)[0] == 0.0
    assert ad.jit(seeded)(3.0, 4)[1] != ad.jit(seeded)(3.0, 5)[1]
    assert interpreted(ad.jit(seeded), 3.0, 4)[0] == 0.0


def minibatches(x, w, n):
    order = np.random.permutation(len(x))
    y = x * w
    np.random.shuffle(y)
    total = 0.0
    for k in range(n):
        total += (k + 1.0) * x[order[k]] + y[k] ** 2
    return total


def test_shuffles_and_permutations():
    x = np.sqrt([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0])
    for transform in (interpreted, lambda t, *args: t(*args)):
        ad.seed(2)
        total, (x_bar, w_bar) = transform(ad.value_and_grad(minibatches, argnums=(0, 1)), x, 0.5, 4)
        # Weights 1 to 4 go to four entries; four, shuffled to the front, have 2 y w = x / 2 added.
        weights, front = np.round(x_bar), x_bar * 0.0
        for k in range(7):
            front[k] = not np.isclose(weights[k], x_bar[k])
            weights[k] = np.round(x_bar[k] - 0.5 * x[k] * front[k], 9)
        assert sorted(weights) == [0, 0, 0, 1, 2, 3, 4] and np.sum(front) == 4
        assert w_bar == pytest.approx(np.sum(2 * 0.5 * front * x**2))
        assert total == pytest.approx(weights @ x + np.sum(front * (0.5 * x) ** 2))
    m = ad.jit(lambda a: np.random.permutation(a))(np.arange(12.0).reshape(4, 3))
    assert sorted(m[:, 0]) == [0.0, 3.0, 6.0, 9.0] and np.all(m[:, 2] - m[:, 0] == 2.0)
    assert sorted(ad.jit(lambda n: np.random.permutation(n))(6)) == [0, 1, 2, 3, 4, 5]


def test_results_of_draws():
    @ad.jit
    def draws(n):
        return (np.random.rand(), np.random.rand(n, 2), np.random.randn(3), np.random.normal(size=n),
                np.random.standard_normal((n, 1)), np.random.uniform(2.0, 3.0), np.random.randint(5),
                np.random.randint(2, 4, size=(n, n)), np.random.normal(np.zeros(n), 1.0),
                np.random.random(0))  # fmt: skip

    found = draws(3)
    shapes = [np.shape(x) for x in found]
    assert shapes == [(), (3, 2), (3,), (3,), (3, 1), (), (), (3, 3), (3,), (0,)]
    assert type(found[0]) is float and 2.0 <= found[5] < 3.0 and 0 <= found[6] < 5
    assert found[7].dtype == np.int64 and set(found[7].ravel()) <= {2, 3}


def test_draws_that_are_refused():
    for program, error, text in (
        (lambda x: np.random.normal(0.0, x), ValueError, "scale < 0"),
        (lambda x: x * np.random.randint(3, 1), ValueError, "low >= high"),
        (lambda x: np.sum(np.random.rand(int(x))), ValueError, "negative dimensions"),
        (lambda x: np.random.default_rng(1).normal() * x, UnsupportedFunction, "default_rng is not supported"),
        (lambda x: np.random.gamma(x), UnsupportedFunction, "not known to adcompiler"),
        (lambda x: np.random.randint(x), TypeMismatch, "takes integers"),
    ):
        with pytest.raises(error, match=text):
            ad.jit(program)(-1.0)


def thrown(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        while np.random.random() < 0.5:
            y[i] = y[i] + x[i] * x[i]
    return y


def test_columns_that_would_have_to_draw_again():
    x = np.arange(1.0, 4.0)
    np.random.seed(3)
    y = interpreted(ad.jit(thrown), x)
    np.random.seed(3)
    np.testing.assert_allclose(interpreted(ad.jacrev(thrown), x), np.diag(2 * y / x))


def emitted(x, key):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * ad.random_normal(key, i) * ad.random(key, -i)
    np.random.seed(key)
    return total + np.sum(x * np.random.normal(0.0, 2.0, len(x)))


def test_a_module_of_its_own_has_the_same_bits(tmp_path):
    from adcompiler.frontend import spec_of
    from adcompiler.standalone import module

    x = np.arange(1.0, 4.0)
    space: dict = {}
    path = tmp_path / "alone.py"
    path.write_text(module(emitted, "emitted", tuple(spec_of(a) for a in (x, 7)), 0), encoding="utf-8")
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    assert "adcompiler" not in path.read_text(encoding="utf-8").split('"""')[2]
    np.testing.assert_array_equal(space["emitted_grad"](x, 7), ad.grad(emitted)(x, 7))
    assert space["random_normal"](7, 1) == ad.random_normal(7, 1)
