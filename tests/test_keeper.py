"""Arrays of kernels: NumPy's in shape, dtype and errors; large blocks are kept, for any thread, up to a limit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_array_equal

import adcompiler as ad
from adcompiler.runtime import memory

release = njit(lambda: memory.release())
kept = njit(lambda: memory.kept())
row = njit(lambda n: memory.empty(n))
zeros = njit(lambda n: memory.zeros(n))


@pytest.fixture(autouse=True)
def nothing_kept():
    release()
    yield
    release()
    assert kept() == 0


@pytest.mark.parametrize("shape", [0, 3, (4,), (0, 5), (3, 0), (2, 3), (2, 3, 4), (300, 400), ()])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_arrays(shape, dtype):
    made = njit(lambda shape: (memory.empty(shape, dtype), memory.zeros(shape, dtype)))
    dirty = njit(lambda: memory.empty(200_000, np.int8))()
    dirty[:] = 1
    del dirty
    open_, clear = made(shape)
    wanted = np.zeros(shape, dtype)
    assert_array_equal(clear, wanted, strict=True)
    for array in (open_, clear):
        assert (array.shape, array.dtype, array.flags.c_contiguous) == (wanted.shape, wanted.dtype, True)
        assert array.strides == wanted.strides or not array.size
        array[...] = 1
    assert (open_ == 1).all()


@pytest.mark.parametrize("shape, error", [
    (-1, ValueError), ((3, -2), ValueError), ((2**40, 2**40), ValueError), ((2**25, 2**20), MemoryError),
])  # fmt: skip
def test_shapes_that_cannot_be(shape, error):
    with pytest.raises(error):
        njit(lambda shape: memory.empty(shape))(shape)


def test_a_block_is_lent_again():
    first = row(100_000)
    place = first.ctypes.data
    first[:] = 7
    assert kept() == 0
    del first
    assert kept() >= 800_000
    again = row(99_000)  # of the same class
    assert again.ctypes.data == place
    assert kept() == 0
    assert row(100_000).ctypes.data != place


def test_what_is_lent_is_large_enough():
    """Every size around those where a class begins."""
    classes = [(5 + k % 4) * 2 ** (13 + k // 4) // 8 for k in range(32)]
    for n in [m + d for m in classes for d in (-1, 0, 1)] * 2:
        x, y = row(n), row(n)
        x[:], y[:] = 1, 2
        assert x.sum() == n and y.sum() == 2 * n
        assert x.ctypes.data % 64 == 0 or n * 8 < memory.SMALLEST


def test_small_blocks_are_not_kept():
    row(memory.SMALLEST // 8 - 1)
    assert kept() == 0


def test_no_more_than_the_limit():
    arrays = [row(2_000_000) for _ in range(30)]
    assert kept() == 0
    while arrays:
        arrays.pop()
        assert kept() <= memory.MOST
    for n in range(100_000, 5_000_000, 100_000):
        row(n)
        assert kept() <= memory.MOST
    row(memory.MOST // 8 + 1)
    assert kept() <= memory.MOST


def test_blocks_of_a_class_beyond_its_places_go_back():
    arrays = [row(10_000) for _ in range(3 * memory.PLACES)]
    size = arrays[0].nbytes
    del arrays
    assert memory.PLACES * size <= kept() <= memory.PLACES * size * 5 // 4


def test_threads():
    """Two threads never hold the same block."""
    fill = njit(_fill, nogil=True)
    fill(1, 1)
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(fill, range(1, 9), [4_000] * 8))


def _fill(mark, rounds):
    wrong = 0
    for k in range(rounds):
        a = memory.empty(9_000 + 500 * (k % 7))
        b = memory.zeros(9_000 + 700 * (k % 5))
        a[:] = mark
        for x in a:
            wrong += x != mark
        for x in b:
            wrong += x != 0
        b[:] = mark
    return wrong


def test_results_that_outlive_the_thread():
    made = []
    worker = threading.Thread(target=lambda: made.append(row(50_000)))
    worker.start()
    worker.join()
    made[0][:] = 3
    assert made[0].sum() == 150_000


def test_kernels_take_what_earlier_calls_left():
    @ad.grad
    def f(x):
        y = np.sin(x)
        z = np.sort(y * x)
        return z @ np.sin(z)

    x = np.linspace(0.1, 2.0, 100_000)
    first = f(x)
    before = kept()
    assert before > 0
    assert_array_equal(f(x), first)
    assert f.lower(x).kernel.count("memory.empty(")
    assert "memory" not in f.lower(x).source
