"""Elementary functions in kernels: right to 2 ulp and at every edge, the same bits everywhere, in vectors."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from test_cache import folder  # noqa: F401

import adcompiler as ad
from adcompiler import standalone
from adcompiler.frontend import spec_of
from adcompiler.ops import OPS
from adcompiler.runtime import simd

LONG = np.longdouble
DEFAULT = {"contract", "nsz", "reassoc"}
needs_long = pytest.mark.skipif(np.finfo(LONG).nmant < 63, reason="no longer floats to compare with")

HALF_PI = np.arange(-2000, 2000) * (np.pi / 2)
EDGES = np.array([
    0.0, 1.0, 0.5, 2.0, 0.25, np.inf, np.nan, 5e-324, 1e-310, 2.2250738585072014e-308, 1.7976931348623157e308, 709.78,
    709.79, 710.4, 710.5, 744.4, 745.13, 745.2, 708.4, 1023.9, 1024.0, 1074.9, 1075.1, 1e-8, 1e-17, 88.7, 88.8, 103.9,
    104.0, 1e5, 1e22, 2.0**20, 2.0**53, 0.41421356, 0.29289321, 0.625, 6.0,
])  # fmt: skip
EDGES = np.concatenate([EDGES, -EDGES])


def numbers(count: int = 6000) -> np.ndarray:
    """Of every size, around zero, around one, and near what is singular or awkward."""
    rng = np.random.default_rng(1)
    anything = rng.integers(0, 2**64, count, dtype=np.uint64).view(float)
    anything = np.where(np.isnan(anything), np.nan, anything)  # no signalling ones
    sized = rng.choice([-1.0, 1.0], count) * rng.uniform(1, 2, count) * 2.0 ** rng.integers(-60, 60, count)
    one = 1.0 + rng.uniform(-1, 1, count) * 2.0 ** rng.integers(-50, 0, count)
    spread = [rng.uniform(-s, s, count) for s in (1.0, 10.0, 760.0, 1100.0, 1e6)]
    tiny = rng.uniform(1, 2, count) * 2.0 ** rng.integers(-1070, -1000, count)
    return np.concatenate([anything, sized, one, *spread, tiny, np.nextafter(HALF_PI, 9e9), HALF_PI, EDGES])


def operands(name: str, count: int = 6000) -> tuple[np.ndarray, ...]:
    """Arguments of the function, all pairs of edges among them."""
    x = numbers(count)
    if simd.FUNCTIONS[name] == 1:
        return (x,)
    rng = np.random.default_rng(2)
    a, b = (part.ravel() for part in np.meshgrid(EDGES, EDGES))
    base, exponent = np.exp(rng.uniform(-9, 9, len(x))), rng.uniform(-90, 90, len(x))
    return np.concatenate([a, x, base]), np.concatenate([b, rng.permutation(x), exponent])


def reference(name: str, *args: np.ndarray) -> np.ndarray:
    """The function in longer floats."""
    x, *_ = args = tuple(x.astype(LONG) for x in args)
    with np.errstate(all="ignore"):
        if name == "expit":
            return 1 / (1 + np.exp(-x))
        if name == "erf":
            return series_of_erf(np.clip(x, -7, 7))
        return getattr(np, name)(*args)


def series_of_erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) exp(-x**2) times the sum of 2**k x**(2k + 1) / (2k + 1)!! (DLMF 7.6.2): no cancellation."""
    term = total = x * np.exp(-x * x) / np.sqrt(np.arctan(LONG(1)))
    for k in range(1, 200):
        term = term * (2 * x * x) / (2 * k + 1)
        total = total + term
    return total


def looped(name: str, fastmath: object = DEFAULT):
    """Numba's loop over the function."""
    function = getattr(simd, name)

    def one(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    def two(x, y, out):
        for i in range(len(x)):
            out[i] = function(x[i], y[i])

    loop = njit(one if simd.FUNCTIONS.get(name) == 1 else two, error_model="numpy", fastmath=fastmath)

    def run(*args: np.ndarray) -> np.ndarray:
        out = np.empty_like(args[0])
        loop(*args, out)
        return out

    return run


def ulps(got: np.ndarray, exact: np.ndarray, added: np.ndarray) -> float:
    """The largest error in units of the last place, of the value or of what was `added` for it; infinite where one is
    finite and the other is not."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        error = np.abs(got.astype(LONG) - exact) / np.spacing(np.maximum(np.abs(rounded), np.abs(added))).astype(LONG)
    return float(np.max(np.where(same, 0.0, np.where(np.isfinite(error), error, np.inf))))


@needs_long
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", simd.FUNCTIONS)
def test_two_ulp(name: str, dtype: str) -> None:
    with np.errstate(all="ignore"):
        args = [x.astype(dtype) for x in operands(name)]
        added = parts_of_sum(*args) if name == "logaddexp" else np.zeros(1, dtype)
    assert ulps(looped(name)(*args), reference(name, *args), added) <= 2.0


def parts_of_sum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What logaddexp adds: the larger one, which may cancel, and exp(-d), wrong by what d = |x - y| loses."""
    d = np.abs(x - y)
    return np.nan_to_num(np.abs(np.maximum(x, y)) + d * np.exp(-d))


@pytest.mark.parametrize("name", simd.FUNCTIONS)
def test_signs_of_zero(name: str) -> None:
    x = np.array([0.0, -0.0, 1e-40, -1e-40] * 4)
    args = (x,) if simd.FUNCTIONS[name] == 1 else (x, np.repeat([0.0, -0.0, 1.0, -1.0], 4))
    with np.errstate(all="ignore"):
        want = getattr(simd, name)(*args)
    for dtype in (np.float64, np.float32):
        got = looped(name)(*(a.astype(dtype) for a in args))
        number = ~np.isnan(got)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(want[number]))


@pytest.mark.parametrize("name", simd.FUNCTIONS)
def test_same_bits_everywhere(name: str) -> None:
    """In vectors, in a loop's rest, alone, and whatever the floating-point mode."""
    args = operands(name, 500)
    run = looped(name)
    whole = run(*args)
    for parts in (range(1, len(whole), 7), [1]):
        pieces = zip(*(np.split(a, parts) for a in args), strict=True)
        np.testing.assert_array_equal(np.concatenate([run(*piece) for piece in pieces]), whole)
    finite = np.all(np.isfinite([whole, *args]), axis=0)  # fastmath=True gives nan and inf away
    for fastmath in (False, True):
        np.testing.assert_array_equal(looped(name, fastmath)(*args)[finite], whole[finite])


def test_no_flag_reaches_a_formula() -> None:
    """With `nsz` LLVM may lose the sign of sin(-0.0), with `reassoc` the bits that a reduction keeps."""
    function = simd.log1p

    @njit(error_model="numpy", fastmath=True)
    def loop(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    loop(np.ones(3), np.ones(3))
    (text,) = loop.inspect_llvm().values()
    fused = [line for line in text.splitlines() if re.search(r"call .*@llvm\.fmuladd", line)]
    assert fused and not any(re.search(r"\b(fast|nsz|reassoc|contract)\b", line) for line in fused)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_angles(name: str) -> None:
    """Single ones among small ones, in each place of a vector."""
    run = looped(name)
    for k in range(16):
        x = np.linspace(0.0, 1.0, 16)
        x[k] = 1e300
        np.testing.assert_allclose(run(x), getattr(np, name)(x), rtol=4e-16)


def test_what_is_no_float() -> None:
    @njit
    def of(x):
        return simd.exp(x)

    assert of(1) == of(True) == of(np.int8(1)) == of(1.0)
    assert of(np.float32(1.0)) == float(np.float32(np.e)) != of(1.0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_extrema(name: str, dtype: str) -> None:
    """nan where either is, as NumPy has it."""
    function = getattr(simd, name)

    @njit(error_model="numpy", fastmath=DEFAULT)
    def loop(x, y, out):
        for i in range(len(x)):
            out[i] = function(x[i], y[i])

    with np.errstate(over="ignore"):
        x, y = (part.ravel() for part in np.meshgrid(EDGES.astype(dtype), EDGES.astype(dtype)))
    out = np.empty_like(x)
    loop(x, y, out)
    np.testing.assert_array_equal(out, getattr(np, name)(x, y))


def test_largest_of_a_row() -> None:
    """The loop over a row is LLVM's reduction; nan wins."""

    def largest(x):
        return np.max(x, axis=1) - np.min(x, axis=1)

    f = ad.jit(largest, cache=False)
    x = np.random.default_rng(0).normal(size=(5, 83))
    np.testing.assert_array_equal(f(x), largest(x))
    x[1, 40], x[2, 0], x[3, 82] = np.nan, np.nan, np.nan
    np.testing.assert_array_equal(f(x), largest(x))
    function = f.latest.compiled().function
    assert "@llvm.vector.reduce.fm" in function.inspect_llvm(function.signatures[0])


# In programs.
def activation(x, w):
    s = 0.0
    for i in range(len(x)):
        s += np.tanh(x[i] * w[i]) + np.log(1.0 + np.exp(x[i])) + np.sin(w[i])
    return s


X, W = np.linspace(-2, 2, 1001), np.linspace(0, 3, 1001)


def test_kernel_and_source() -> None:
    """The kernel calls ours; the source, which people read, calls NumPy's; all give the same numbers."""
    g, plain = ad.value_and_grad(activation, (0, 1)), ad.value_and_grad(activation, (0, 1), disable=("vector",))
    strict = ad.value_and_grad(activation, (0, 1), fastmath=False)
    results = [h(X, W) for h in (g, plain, strict)]
    assert "simd.tanh(" in g.kernel and "= np.tanh(" not in g.kernel.replace("# s += np.", "")
    assert "simd." not in g.source + plain.kernel + strict.kernel
    for other in results[1:]:
        assert other[0] == pytest.approx(results[0][0], rel=1e-13)
        np.testing.assert_allclose(np.hstack(other[1]), np.hstack(results[0][1]), rtol=1e-13, atol=1e-14)


def test_environment_switches_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADCOMPILER_DISABLE", "vector")
    g = ad.grad(activation)
    g(X, W)
    assert "simd." not in g.kernel


def test_user_names_stay_apart() -> None:
    def f(simd):
        exp = np.exp(simd)
        return exp * exp

    assert ad.grad(f)(0.5) == pytest.approx(2 * np.exp(1.0))


def test_emitted_modules_need_numpy_only() -> None:
    text = standalone.module(activation, "activation", [spec_of(X), spec_of(W)], (0, 1))
    assert "simd" not in text and "np.tanh" in text


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_are_vectorized(dtype: str) -> None:
    """The optimized LLVM of the gradient works on vectors, the sum over the loop included."""
    g = ad.value_and_grad(activation, (0, 1), cache=False)
    g(X.astype(dtype), W.astype(dtype))
    function = g.latest.compiled().function
    text = function.inspect_llvm(function.signatures[0])
    width = simd.vector_bits() // 128
    lanes = r"<(\d+) x double>"
    assert re.search(rf"call .*{lanes} @llvm.fmuladd|fmul .*{lanes}", text)
    widths = {int(n) for n in re.findall(rf"fdiv .*{lanes}", text)}
    assert widths and max(widths) >= width
    assert re.search(r"call .*<\d+ x (double|float)> @adcompiler_(sin|cos)_f(64|32)_\d+", text)
    if dtype == "float64":
        assert "@llvm.vector.reduce.fadd" in text


PROGRAM = """
import numpy as np
import adcompiler as ad

def f(x):
    return np.sum(np.sin(x) * np.exp(np.cos(x)))

g = ad.grad(f)
print(g(np.linspace(-3.0, 3.0, 19)).tolist())
stats = g.latest.compiled().function.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_machine_code_on_disk(folder) -> None:  # noqa: F811
    (folder / "angles.py").write_text(PROGRAM)
    runs = [
        subprocess.run(
            [sys.executable, "-W", "error", "angles.py"], cwd=folder, capture_output=True, text=True, timeout=120
        )
        for _ in range(2)
    ]
    assert [r.returncode for r in runs] == [0, 0], runs[0].stderr + runs[1].stderr
    (first, cold), (second, warm) = (r.stdout.splitlines() for r in runs)
    assert first == second and (cold, warm) == ("0 1", "1 0")


def test_table_and_functions_agree() -> None:
    """Each op marked as such has a function of its name, and none is left over."""
    marked = {entry.vector for entry in OPS.values() if entry.vector}
    assert marked == {*simd.FUNCTIONS, "maximum", "minimum"}


# Which functions stay libm's: those that run for one number at a time.
ALONE = {
    "of an argument": ("np.exp(", "s = np.exp(a)"),
    "of what the loop carries": ("np.exp(", "for i in range(len(x)): s = np.exp(s) * 0.1 + x[i]"),
    "of what comes of it": ("np.log(", "for i in range(len(x)):\n  t = s * s\n  s = np.log(1.0 + t) + x[i]"),
    "beside what is carried": ("simd.exp(", "for i in range(len(x)): s = s + np.exp(x[i])"),
    "in a loop around a loop": (
        "np.sin(",
        "for i in range(len(x)):\n  t = np.sin(x[i])\n  for j in range(len(x)):\n   s += t * x[j]",
    ),
    "in a loop around a short loop": (
        "simd.sin(",
        "for i in range(len(x)):\n  t = np.sin(x[i])\n  for j in range(3):\n   s += t * x[j]",
    ),
    "in a while": ("np.cos(", "while s < 5.0: s += 1.1 + np.cos(s)"),
    "in a loop that is left": ("np.exp(", "for i in range(len(x)):\n  s += np.exp(x[i])\n  if s > 9.0:\n   break"),
    "in a loop that raises": (
        "np.exp(",
        "for i in range(len(x)):\n  s += np.exp(x[i])\n  if x[i] > 9.0:\n   raise ValueError('no')",
    ),
    "in a branch of a loop": ("simd.exp(", "for i in range(len(x)):\n  if x[i] > 0.2:\n   s += np.exp(x[i])"),
    "faster of our own": ("simd.tanh(", "s = np.tanh(a)"),
    "of an array": ("simd.exp(", "s = np.sum(np.exp(x))"),
}


@pytest.mark.parametrize("name", ALONE)
def test_what_runs_alone_is_of_libm(name: str, tmp_path: Path) -> None:
    wanted, body = ALONE[name]
    text = "import numpy as np\ndef f(x, a):\n s = a\n " + body.replace("\n", "\n ") + "\n return s\n"
    path = tmp_path / "alone.py"
    path.write_text(text)
    scope = runpy.run_path(str(path))
    g = ad.value_and_grad(scope["f"])
    x = np.array([0.3, -0.2, 0.5, 0.1])
    kernel = g.lower(x, 0.7).kernel
    assert wanted in kernel and ("simd." in kernel) == wanted.startswith("simd."), kernel
    ad.check_grads(scope["f"], (x, 0.7), order=1)
