"""Gradients into buffers: the kernel writes them itself, and what does not fit goes the general way."""

from __future__ import annotations

import dataclasses
import pickle
import sys
from collections import namedtuple

import numpy as np
import pytest
from test_api import same

import adcompiler as ad
from adcompiler.errors import ShapeMismatch, TypeMismatch
from adcompiler.wrapper import DECLINES, MISS

KEYS = "abcdefghij"
RNG = np.random.default_rng(4)
Pair = namedtuple("Pair", "left right")


@dataclasses.dataclass
class Layer:
    W: np.ndarray
    b: np.ndarray
    scale: float


def ten(p):
    total = 0.0
    for v in (p["a"], p["b"], p["c"], p["d"], p["e"], p["f"], p["g"], p["h"], p["i"], p["j"]):
        total += np.sum(v**3)
    return total


def dicts(n=4):
    return {k: RNG.standard_normal(n) for k in KEYS}


def like(tree, fill=np.nan):
    if isinstance(tree, dict):
        return {k: like(v, fill) for k, v in tree.items()}
    if isinstance(tree, tuple):
        return tuple.__new__(type(tree), [like(v, fill) for v in tree])
    if dataclasses.is_dataclass(tree):
        return type(tree)(*(like(getattr(tree, f.name), fill) for f in dataclasses.fields(tree)))
    return np.full_like(tree, fill) if isinstance(tree, np.ndarray) else None


def written(g, args, out):
    """What the fast path gives; it must not decline."""
    calls = g._writers or g._make_writers()
    results = [r for r in (call(DECLINES, *args, out=out) for call in calls) if r is not MISS]
    assert len(results) == 1
    return results[0]


GTEN = ad.grad(ten)


def test_a_dict_of_ten_arrays():
    p = dicts()
    expected = {k: 3 * v**2 for k, v in p.items()}
    found = GTEN(p)
    assert list(found) == list(KEYS)
    for k in KEYS:
        np.testing.assert_allclose(found[k], expected[k], rtol=1e-15)
        assert found[k].flags.owndata and not np.shares_memory(found[k], p[k])
    again = GTEN(p)
    assert not any(np.shares_memory(again[k], found[k]) for k in KEYS)
    out = like(p)
    result = GTEN(p, out=out)
    for k in KEYS:
        assert result[k] is out[k]
        np.testing.assert_array_equal(out[k], found[k])
    for n in (0, 1, 7):  # another size compiles nothing
        p = dicts(n)
        out = like(p)
        written(GTEN, (p,), out)
        np.testing.assert_allclose(out["j"], 3 * p["j"] ** 2, rtol=1e-15)
        assert GTEN(p)["b"].shape == (n,)
    assert len(GTEN._built) == 1


def nested(layer, pair, k):
    h = layer.W @ pair.left * layer.scale + layer.b
    return np.sum(h * h) * k + np.sum(pair.right[0] ** 2) * pair.right[1], {"h": h}


def arguments():
    layer = Layer(RNG.standard_normal((3, 2)), RNG.standard_normal(3), 0.5)
    return layer, Pair(RNG.standard_normal(2), (RNG.standard_normal((2, 2)), 2.0)), 3.0


@pytest.mark.parametrize("argnums", [0, (1,), (0, 1, 2), (2, 1)])
def test_nested_structures(argnums):
    args = arguments()
    picked = args[argnums] if isinstance(argnums, int) else tuple(args[k] for k in argnums)
    plain = ad.vjp(nested)(args, (1.0, {"h": np.zeros(3)}))[1]
    expected = plain[argnums] if isinstance(argnums, int) else tuple(plain[k] for k in argnums)
    for make, value in ((ad.grad, False), (ad.value_and_grad, True)):
        g = make(nested, argnums=argnums, has_aux=True)
        first = g(*args)
        out = like(picked)
        second = written(g, args, out)
        grads = [(r[1] if value else r[0]) for r in (first, second)]
        for grad in grads:
            _close(grad, expected)
        same(first[0][1]["h"] if value else first[1]["h"], second[0][1]["h"] if value else second[1]["h"])
        _buffers_used(grads[1], out)


def _close(a, b):
    assert type(a) is type(b)
    for x, y in zip(_leaves(a), _leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-13)


def _leaves(tree):
    if isinstance(tree, tuple):
        return [x for t in tree for x in _leaves(t)]
    if dataclasses.is_dataclass(tree):
        return [x for f in dataclasses.fields(tree) for x in _leaves(getattr(tree, f.name))]
    return [tree]


def _buffers_used(grad, out):
    for x, y in zip(_leaves(grad), _leaves(out), strict=True):
        assert y is None or x is y


def total(x, y, z):
    return np.sum(x * y) + np.sum(z * z)


G3 = ad.grad(total, argnums=(0, 1, 2))


def trio(n=4, dtype=np.float64):
    return tuple(RNG.standard_normal(n).astype(dtype) for _ in range(3))


def test_buffers_that_are_arguments():
    x, y, z = trio()
    a, b, c = x.copy(), y.copy(), z.copy()
    found = G3(x, y, z, out=(x, y, z))
    assert found[0] is x
    for got, want in zip(found, (b, a, 2 * c), strict=True):
        np.testing.assert_array_equal(got, want)


def test_buffers_that_do_not_fit():
    args = trio()
    G3(*args)
    good = like(args)
    for bad, error, text in (
        ((good[0], good[1], np.empty(5)), ShapeMismatch, "out.2. has shape"),
        ((good[0], good[1], np.empty(4, np.float32)), TypeMismatch, "has dtype"),
        ((good[0], good[1]), TypeMismatch, "structure of the gradient"),
        ((good[0], good[1], good[1]), TypeMismatch, "share memory"),
        ({"a": good[0]}, TypeMismatch, "structure of the gradient"),
        ((good[0], good[1], np.broadcast_to(0.0, 4)), TypeMismatch, "read-only"),
    ):
        with pytest.raises(error, match=text):
            G3(*args, out=bad)
        assert all(np.isnan(b).all() for b in good)
    wide = np.empty(12)
    with pytest.raises(TypeMismatch, match="share memory"):
        G3(*args, out=(wide[0:4], wide[3:7], wide[8:]))
    G3(*args, out=(wide[0:4], wide[4:8], wide[8:]))
    np.testing.assert_array_equal(wide[:4], args[1])
    strided = np.empty((4, 3))
    found = G3(*args, out=tuple(strided.T))
    assert all(np.shares_memory(f, strided) for f in found)
    np.testing.assert_array_equal(strided[:, 2], 2 * args[2])
    some = G3(*args, out=(good[0], None, good[2]))
    assert some[0] is good[0] and some[2] is good[2]
    np.testing.assert_array_equal(some[1], args[0])
    listed = G3(*args, out=list(good))
    assert type(listed) is tuple and listed[1] is good[1]


def test_other_arguments():
    for dtype in (np.float64, np.float32):
        args = trio(dtype=dtype)
        out = like(args)
        G3(*args)
        assert written(G3, args, out)[0] is out[0] and out[0].dtype == dtype
        np.testing.assert_array_equal(out[2], 2 * args[2])
    wide = RNG.standard_normal((8, 3))
    args = (wide[::2, 0], wide[::2, 1], wide[4:, 2].copy())
    out = tuple(np.empty(4) for _ in range(3))
    assert G3(*args)[0].flags.c_contiguous
    G3(*args, out=out)
    np.testing.assert_array_equal(out[0], args[1])
    frozen = trio()
    frozen[0].flags.writeable = False
    np.testing.assert_array_equal(G3(*frozen)[1], frozen[0])
    big_endian = tuple(a.astype(">f8") for a in trio())
    with pytest.raises(TypeMismatch, match="dtype"):
        G3(*big_endian)
    assert G3(x=args[0], y=args[1], z=args[2])[0].shape == (4,)
    with pytest.raises(ad.AdcompilerError):
        G3(1.0, args[1], "z")


def test_types_that_a_kernel_is_not_for_are_told_apart():
    """The kernel of one dtype must never run on another: float32 results have float32 arithmetic."""
    g = ad.grad(lambda x, y, z: np.sum(x * 1e-9 + y * y) + np.sum(z * z), argnums=(0, 1, 2))
    for dtype in (np.float64, np.float32, np.float64):
        args = trio(dtype=dtype)
        for _ in range(2):
            for found in (g(*args), g(*args, out=like(args))):
                assert all(f.dtype == dtype for f in found)
                np.testing.assert_array_equal(found[2], 2 * args[2])
    rows = tuple(RNG.standard_normal((2, 3)) for _ in range(3))
    assert g(*rows)[0].shape == (2, 3)
    assert len(g._built) == 3
    calls = g._writers or g._make_writers()
    for odd in (
        rows[0].astype(int),
        rows[0].astype(complex),
        rows[0].astype(">f8"),
        rows[0].T,
        rows[0].view(np.matrix),
    ):
        assert all(call(DECLINES, odd, *rows[1:]) is MISS for call in calls)


def unaligned(values):
    found = np.zeros(8 * len(values) + 1, np.uint8)[1:].view(np.float64)
    found[:] = values
    return found


class Mine(np.ndarray):
    pass


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def test_arrays_that_machine_code_refuses():
    """In the place of an argument, in that of a buffer, and by themselves."""
    g = ad.grad(lambda x, y, z: np.sum(x * y) + np.sum(z * z), argnums=(0, 1, 2))
    args, out = trio(), trio()
    g(*args)
    g(*args, out=out)
    (call,) = g._make_writers()
    odd = unaligned(args[0])
    before = [a.copy() for a in out]
    for other in (
        odd, args[0].astype(">f8"), np.ones((4, 1)), np.float64(2.0), args[0].astype(np.float32), args[0].view(Mine),
        args[0].astype(np.int64), args[0].astype(complex), read_only(args[0]), np.ones(8)[::2], np.array(1.0), 1.0,
        None, "text", object(), [1.0] * 4, np.ndarray, memoryview(args[0]), args[0].view("M8[s]"), args[0].view("V8"),
    ):  # fmt: skip
        for k in range(3):
            row = (*args[:k], other, *args[k + 1 :])
            assert call(DECLINES, *row, out=out) is MISS and call(DECLINES, *row) is MISS
            assert call(DECLINES, *args, out=(*out[:k], other, *out[k + 1 :])) is MISS
    for a, b in zip(out, before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert g(*args, out=(odd, *out[1:]))[0] is odd
    np.testing.assert_array_equal(odd, args[1])
    np.testing.assert_array_equal(g(unaligned(args[0]), *args[1:])[1], args[0])
    np.testing.assert_array_equal(g(*args[:2], unaligned(args[2]), out=out)[2], 2 * args[2])
    assert len(g._built) == 1


@pytest.mark.parametrize("same", [np.dtype("f8", metadata={"unit": "m"}), pickle.loads(pickle.dumps(np.dtype("f8")))])
def test_dtypes_that_are_the_same(same):
    """NumPy has more than one object for a dtype."""
    args, out = trio(), trio()
    G3(*args, out=out)
    args = tuple(np.frombuffer(bytearray(a), same) for a in args)
    assert args[0].dtype is not np.dtype("f8") and written(G3, args, out)[1] is out[1]
    np.testing.assert_array_equal(out[1], args[0])


def test_integers_that_c_has_two_names_for():
    g = ad.grad(lambda x, k: np.sum(x * k))
    x, out = np.ones(3), np.empty(3)
    for code in "lq":
        k = np.arange(3).astype(code)
        g(x, k, out=out)
        written(g, (x, k), out)
        np.testing.assert_array_equal(out, k)
    assert len(g._built) == 1


def test_strided_and_rank_0_arguments():
    g = ad.value_and_grad(lambda x, s, m: np.sum(x * m[:, 0]) * s[()], argnums=0)
    x, s, m, out = np.arange(3.0), np.array(2.0), np.arange(12.0).reshape(2, 6).T[::2], np.empty(3)
    value, _ = g(x, s, m, out=out)
    written(g, (x, s, m), out)
    assert value == 2.0 * np.sum(x * m[:, 0])
    np.testing.assert_array_equal(out, 2.0 * m[:, 0])
    (call,) = g._make_writers()
    for other in (m.copy(), m.astype(np.float32), read_only(m)[:, ::-1], m[0]):
        assert call(DECLINES, x, s, other, out=out) is MISS
    assert call(DECLINES, x, np.ones(1), m, out=out) is MISS


def test_arguments_keep_their_references():
    args, out = trio(), trio()
    G3(*args, out=out)
    before = [sys.getrefcount(a) for a in (*args, *out)]
    for _ in range(10):
        G3(*args, out=out)
        with pytest.raises(TypeMismatch):
            G3(*args, out=(*out[:2], 1))
    assert [sys.getrefcount(a) for a in (*args, *out)] == before


def test_other_extents_are_another_specialization():
    """The first one takes x and w for equally long: the companion says so itself, where no other is known."""
    for into in (False, True):
        g = ad.grad(lambda w, x, y, z: np.sum(x * (x * w)) + np.sum(y * y) + np.sum(z * z), argnums=(1, 2, 3))
        args, w = trio(), trio()[0]
        g(w, *args)
        (call,) = g._make_writers()
        for _ in range(2):
            short, out = w[:1].copy(), like(args)
            assert call(DECLINES, short, *args) is MISS and call(DECLINES, short, *args, out=out) is MISS
            found = g(short, *args, out=out) if into else g(short, *args)
            np.testing.assert_allclose(found[0], 2 * args[0] * short[0])
        np.testing.assert_allclose(g(w, *args)[0], 2 * args[0] * w)
        assert len(g._built) == 2
        assert all(c(DECLINES, w, w, *args) is MISS for c in (*g._calls, *g._make_writers()))


def checked(x, y, z, k):
    if y[k] < 0.0:
        raise KeyError("negative")
    return np.sum(x * y) * z[k]


def test_errors_of_the_program():
    g = ad.grad(checked, argnums=(0, 1, 2))
    x, y, z = np.ones(3), np.ones(3), np.ones(3)
    out = like((x, y, z))
    g(x, y, z, 1, out=out)
    for call in (lambda k: g(x, y, z, k), lambda k: g(x, y, z, k, out=out)):
        with pytest.raises(IndexError, match=r"test_buffers\.py"):
            call(3)
        y[2] = -1.0
        with pytest.raises(KeyError, match="negative"):
            call(2)
        y[2] = 1.0


def printing(x, y, z):
    print("once")
    return np.sum(x * y * z)


def test_effects_happen_once(capsys):
    g = ad.grad(printing, argnums=(0, 1, 2))
    args = trio()
    out = like(args)
    for _ in range(3):
        g(*args, out=out)
        assert capsys.readouterr().out == "once\n"
    np.testing.assert_allclose(out[0], args[1] * args[2])


def captures(x, y, z):
    return np.sum(x * TABLE) + np.sum(y * z)


TABLE = np.arange(4.0)


def test_captured_arrays_and_writes():
    g = ad.grad(captures, argnums=(0, 1, 2))
    args = trio()
    out = like(args)
    g(*args, out=out)
    TABLE[:] = 7.0
    written(g, args, out)
    np.testing.assert_array_equal(out[0], np.full(4, 7.0))
    np.testing.assert_array_equal(g(*args)[0], np.full(4, 7.0))


def overwrites(x, y, z):
    x *= 2.0
    return np.sum(x * y * z)


def test_written_arguments():
    g = ad.grad(overwrites, argnums=(0, 1, 2))
    args = trio()
    before = [a.copy() for a in args]
    out = like(args)
    for _ in range(2):
        found = g(*args, out=out)
        np.testing.assert_allclose(found[1], 2 * args[0] * args[2])
    for a, b in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(TypeMismatch, match="share memory"):
        g(args[0], args[0], args[2])
