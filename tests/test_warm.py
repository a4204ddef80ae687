"""What another process derived is found again, and never when anything that it depends on has changed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adcompiler as ad
from adcompiler import warm
from adcompiler.transform import Transform

HELPER = """
import numpy as np
from numpy import sin as wave
SHIFT = 0.5
def inner(v):
    return v * v + SHIFT
def bend(v, power=2):
    return inner(v) ** power
"""
PROGRAM = """
import dataclasses
import math
from typing import NamedTuple
import numpy as np
import numpy as lib
import adcompiler as ad
import helper
from helper import bend

SCALE = 3.0
WEIGHTS = np.array([1.0, 2.0])

class Pair(NamedTuple):
    a: float
    b: float = 2.0

@dataclasses.dataclass
class Layer:
    w: np.ndarray
    rate: float = 0.5

def layered(pair):
    return np.sum(pair.a.w ** 2) * pair.b.rate

def make(rate):
    def f(x, n=2):
        p = Pair(rate)
        s = 0.0
        for i in range(n):
            s += SCALE * bend(x[i]) * WEIGHTS[i] + helper.wave(x[i]) + p.b * helper.SHIFT
        return abs(s) + lib.cos(x[0])
    return f

def loss(x):
    return SCALE * x[0] ** 2 + x[1]

inner_gradient = ad.grad(loss)

def twice(x):
    return np.sum(inner_gradient(x) * WEIGHTS)

f = make(0.1)
"""
X = np.array([0.4, -0.7])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ADCOMPILER_VERIFY")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("helper", "program"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def load(folder: Path) -> Any:
    """The program as a new process would import it."""
    for name in ("helper", "program"):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules["program"]


@pytest.fixture
def built(monkeypatch) -> list[str]:
    """The names of what is derived rather than found."""
    names: list[str] = []
    build = Transform.build

    def counted(self: Transform, *args: Any) -> Any:
        names.append(self.__name__)
        return build(self, *args)

    monkeypatch.setattr(Transform, "build", counted)
    return names


def test_found_again(folder, built) -> None:
    first = ad.value_and_grad(load(folder).f)
    expected = first(X)
    assert built == ["f"]
    again = ad.value_and_grad(load(folder).f)
    value, gradient = again(X)
    assert built == ["f"]
    assert value == expected[0] and gradient.tolist() == expected[1].tolist()
    assert again.source == first.source and again.ir == first.ir and again.kernel == first.kernel
    assert again.latest.path == first.latest.path
    assert again.latest.primal_ir == first.latest.primal_ir  # derived now, for it was not stored
    assert built == ["f", "f"]


def test_transform_in_a_program_is_found_again(folder, built) -> None:
    gradients = [ad.grad(load(folder).twice)(X).tolist() for _ in range(2)]
    assert built == ["twice"] and gradients == [[6.0, 0.0]] * 2


def test_structures_are_found_again(folder, built) -> None:
    for _ in range(2):
        m = load(folder)
        gradient = ad.grad(m.layered)(m.Pair(m.Layer(X), m.Layer(X)))
        assert type(gradient) is m.Pair and type(gradient.a) is m.Layer
        assert gradient.a.w.tolist() == X.tolist() and gradient.b.rate == pytest.approx(0.65)
    assert built == ["layered"]


def differs(folder: Path, built: list[str], make: Any = lambda m: ad.value_and_grad(m.f)) -> None:
    """The program, as it is now, is derived anew, and its value is that of Python."""
    built.clear()
    module = load(folder)
    value, gradient = make(module)(X)
    assert built == ["f"]
    assert value == pytest.approx(module.f(X), rel=1e-14)
    step = 1e-6
    slope = [(module.f(X + step * e) - module.f(X - step * e)) / (2 * step) for e in np.eye(2)]
    np.testing.assert_allclose(gradient, slope, rtol=1e-6)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("program", "SCALE = 3.0", "SCALE = 4.0"),
        ("program", "SCALE = 3.0", "SCALE = np.float32(3.0)"),
        ("program", "make(0.1)", "make(0.2)"),
        ("program", "n=2", "n=1"),
        ("program", "b: float = 2.0", "b: float = 2.5"),
        ("program", "import numpy as lib", "import math as lib"),
        ("program", "SCALE = 3.0", "SCALE = 3.0\nabs = math.fabs"),
        ("program", "np.array([1.0, 2.0])", "np.array([1, 2])"),
        ("program", "s += SCALE", "s -= SCALE"),
        ("program", "from helper import bend", "from helper import inner as bend"),
        ("helper", "SHIFT = 0.5", "SHIFT = 0.25"),
        ("helper", "v * v +", "v * v * v +"),
        ("helper", "power=2", "power=3"),
        ("helper", "sin as wave", "cos as wave"),
        ("helper", "sin as wave", "sin\ndef wave(x):\n    return 2.0 * x"),
    ],
)
def test_a_change_is_seen(folder, built, file, old, new) -> None:
    ad.value_and_grad(load(folder).f)(X)
    path = folder / f"{file}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    differs(folder, built)


def test_other_options_and_types(folder, built, monkeypatch) -> None:
    ad.value_and_grad(load(folder).f)(X)
    differs(folder, built, lambda m: ad.value_and_grad(m.f, fastmath=False))
    differs(folder, built, lambda m: ad.value_and_grad(m.f, disable=("cse",)))
    monkeypatch.setenv("ADCOMPILER_DISABLE", "hoist")
    differs(folder, built)
    built.clear()
    assert ad.value_and_grad(load(folder).f)(X.astype(np.float32))[1].dtype == np.float32
    assert built == ["f"]


def test_a_content_of_captured_arrays_is_read_at_the_call(folder, built) -> None:
    ad.value_and_grad(load(folder).f)(X)
    module = load(folder)
    module.WEIGHTS[0] = 7.0
    value, _ = ad.value_and_grad(module.f)(X)
    assert built == ["f"] and value == pytest.approx(module.f(X), rel=1e-14)


def test_errors_of_a_found_program_name_the_place(folder, built) -> None:
    ad.value_and_grad(load(folder).f)(X)
    with pytest.raises(IndexError, match=r"program\.py:31"):
        ad.value_and_grad(load(folder).f)(X[:1])
    assert built == ["f"]


def test_broken_records_are_derived_anew(folder, built) -> None:
    ad.value_and_grad(load(folder).f)(X)
    (record,) = (folder / "cache").glob("*.derived")
    record.write_bytes(record.read_bytes()[:-100])
    differs(folder, built)


def test_functions_as_arguments(folder, built) -> None:
    module = load(folder)

    def with_function(x, h):
        return h(x[0])

    made = [ad.grad(with_function)(X, module.helper.inner)[0] for _ in range(2)]
    assert made == [0.8, 0.8] and built == ["with_function"]
    assert ad.grad(with_function)(X, module.bend)[0] == pytest.approx(2 * 0.66 * 0.8)
    assert built == ["with_function"] * 2


def test_what_has_no_name_elsewhere_is_not_stored(folder, built) -> None:
    class Odd:
        def __array__(self, *args: Any) -> np.ndarray:
            return X

    with pytest.raises(warm.Unfit):
        warm.fingerprint(Odd())


def test_fingerprints_tell_types_apart() -> None:
    values = [1, 1.0, True, "1", (1,), None, np.float32(1), np.float64(1), {"a": 1}, {"b": 1}, np, np.sin, np.cos, X]
    assert len({warm.fingerprint(v) for v in values}) == len(values)
