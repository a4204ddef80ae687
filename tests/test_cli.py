"""The command line, as a user meets it: text, exit status, stand-alone modules."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.cli import draw, find, main
from adcompiler.frontend import parse_specs
from adcompiler.ir.text import parse

PROGRAMS = """
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.special import digamma, erf, expit, gammaln

import adcompiler as ad

WEIGHTS = np.array([1.0, 0.1, -3e-17])


def wave(x: "f64[:]", n: "i64"):
    s = 0.0
    for i in range(n):
        s += math.sin(x[i % len(x)]) * x[i % len(x)]
    return s


@ad.grad
def decorated(a: "f64", b: "f64"):
    return a * a * b


@njit
def compiled(x: "f64[:]"):
    return np.sum(x * x)


def layer(p: "(f64[:,:], f64[:])", x: "f64[:]"):
    weight, bias = p
    s = 0.0
    for i in range(len(bias)):
        a = bias[i]
        for j in range(len(x)):
            a += weight[i, j] * x[j]
        s += math.tanh(a) + math.lgamma(a * a + 1.0)
    return s


def special(p: "{w: f64[:], b: f64}", x: "f64[:]"):
    s = np.sum(p["w"] * erf(x)) + expit(p["b"]) * digamma(x[0])
    return s + gammaln(x[1]) + np.dot(WEIGHTS, x[:3])


class Pair(NamedTuple):
    start: float
    rest: "f64[:]"


def growth(p: Pair):
    s = p.start
    while s < 100.0:
        s = s * s + np.sum(p.rest)
    return s


@dataclass
class Spring:
    stiffness: float
    rest: np.float32


def energy(spring: Spring, x: float):
    return 0.5 * spring.stiffness * (x - spring.rest) ** 2


def step(spring: Spring, d: "{k: f64, w: f64[:]}"):
    spring.stiffness = spring.stiffness * 2.0
    d["k"] = d["k"] + spring.stiffness
    return d["k"] * d["w"][0]


def single(x: np.float32, y: "f32[:]"):
    return x * np.sum(y)


def integers(a: "f64", n: "i64", m: "i64"):
    return a * (n // m) + a * (n % m)


def refused(x: "f64"):
    try:
        return x
    except ValueError:
        return 0.0


def lies(x: "f64"):
    return ad.stop_gradient(x) * x


def outside(x: "f64[:]"):
    return x[7]


def unannotated(x, y):
    return x * y


def defaults(x: "f64[:]", power=2, scale: float = 3.0):
    return scale * np.sum(x) ** power
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "programs.py"
    path.write_text(PROGRAMS)
    return path


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code = main([str(a) for a in argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


# ir
def test_ir_shows_the_primal_and_parses_back(capsys, file):
    code, out, err = run(capsys, "ir", f"{file}:wave")
    assert (code, err) == (0, "")
    assert out.startswith("func @wave(%x: f64[:], %n: i64) -> f64 {")
    assert "# programs.py:" in out
    assert str(parse(out)) == out


@pytest.mark.parametrize(("mode", "name"), [("primal", "wave"), ("forward", "wave_jvp"), ("reverse", "wave_grad")])
def test_modes(capsys, file, mode, name):
    code, out, _ = run(capsys, "ir", f"{file}:wave", "--mode", mode)
    assert code == 0 and out.startswith(f"func @{name}(")
    code, out, _ = run(capsys, "source", f"{file}:wave", "--mode", mode)
    assert code == 0 and f"def {name}(" in out


def test_stages(capsys, file):
    _, everything, _ = run(capsys, "ir", f"{file}:wave", "--mode", "reverse", "--all-stages")
    names = [line.rsplit(" ", 1)[1] for line in everything.splitlines() if line.startswith("# ")]
    assert names[0] == "frontend" and "reverse" in names and {"fold", "cse", "dce"} <= set(names)
    code, raw, _ = run(capsys, "ir", f"{file}:wave", "--mode", "reverse", "--after", "reverse")
    assert code == 0 and raw.startswith("func @wave_grad(")
    assert raw.strip() in everything
    code, loops, _ = run(capsys, "ir", f"{file}:wave", "--mode", "reverse", "--after", "sums")
    assert code == 0 and loops.strip() in everything
    code, _, err = run(capsys, "ir", f"{file}:wave", "--after", "nonsense")
    assert code == 2 and "nonsense" in err and "frontend" in err


def test_disabled_passes_do_not_run(capsys, file):
    _, out, _ = run(capsys, "ir", f"{file}:wave", "--all-stages", "--disable", "cse,dce")
    names = {line.rsplit(" ", 1)[1] for line in out.splitlines() if line.startswith("# ")}
    assert "fold" in names and not names & {"cse", "dce"}
    code, _, err = run(capsys, "ir", f"{file}:wave", "--disable", "nonsense")
    assert code == 2 and "nonsense" in err


# source
def test_source_is_what_the_api_shows(capsys, file):
    code, out, _ = run(capsys, "source", f"{file}:unannotated", "--args", "f64, f64", "--wrt", "y")
    g = ad.grad(find(f"{file}:unannotated"), argnums=1)
    assert code == 0 and out == g.lower(1.0, 2.0).source
    code, out, _ = run(capsys, "source", f"{file}:unannotated", "--args", "f64[:], f64", "--mode", "forward")
    assert code == 0 and "x_dot" in out and "y_dot" in out
    _, out, _ = run(capsys, "source", f"{file}:unannotated", "--args", "f64, f64", "--mode", "forward", "--wrt", "x")
    assert "y_dot" not in out


def test_kernel_is_what_is_compiled(capsys, file):
    code, out, _ = run(capsys, "source", f"{file}:wave", "--kernel")
    assert code == 0 and "@njit(" in out


def test_without_wrt_the_first_argument_that_holds_floats(capsys, file):
    _, out, _ = run(capsys, "source", f"{file}:unannotated", "--args", "i64, f64")
    assert "with respect to y" in out


def test_decorators_are_taken_off(capsys, file):
    for name in ("decorated", "compiled"):
        code, out, err = run(capsys, "ir", f"{file}:{name}")
        assert (code, err) == (0, "") and out.startswith(f"func @{name}(")


def test_a_pipe_gets_plain_text(file):
    done = subprocess.run(
        [sys.executable, "-m", "adcompiler", "source", f"{file}:wave"], capture_output=True, text=True, check=True
    )
    assert "\x1b" not in done.stdout and "def wave_grad(" in done.stdout


def test_a_terminal_gets_colours(capsys, file, monkeypatch):
    pytest.importorskip("pygments")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    _, out, _ = run(capsys, "source", f"{file}:wave")
    assert "\x1b[" in out


# Errors
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["ir", "{}:refused"], ["UnsupportedSyntax", "programs.py:", "try", "^", "instead"]),
        (["source", "{}:nothing"], ["no function 'nothing'", "wave"]),
        (["ir", "{}:unannotated"], ["unannotated", "--args"]),
        (["ir", "{}:wave", "--args", "f65[:], i64"], ["f65"]),
        (["ir", "{}:wave", "--args", "f64[:]"], ["n"]),
        (["source", "{}:wave", "--wrt", "z"], ["'z'", "x, n"]),
        (["source", "{}:wave", "--wrt", "x,x"], ["twice"]),
        (["ir", "{}"], ["FILE:FUNC"]),
        (["ir", "/no/such/file.py:f"], ["/no/such/file.py"]),
        (["check", "{}:outside"], ["IndexError"]),
        (["graph", "{}:wave", "-o", "x.svg"], ["not built yet"]),
        (["report", "{}:wave", "-o", "x.html"], ["not built yet"]),
    ],
)
def test_errors_go_to_standard_error_with_status_2(capsys, file, argv, words):
    code, out, err = run(capsys, *(a.format(file) for a in argv))
    assert code == 2 and out == ""
    assert all(word in err for word in words), err


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["ir"], ["ir", "a.py:f", "--mode", "sideways"]])
def test_misuse_has_status_2(argv, capsys):
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_file_that_fails_to_import(capsys, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import numpy as np\n1 / 0\n")
    code, _, err = run(capsys, "ir", f"{path}:f")
    assert code == 2 and "ZeroDivisionError" in err and "broken.py" in err


# check
def test_check(capsys, file):
    code, out, err = run(capsys, "check", f"{file}:wave", "--order", "2")
    assert (code, err) == (0, "") and "0 mismatches" in out and "worst: " in out
    again = run(capsys, "check", f"{file}:wave", "--order", "2")
    assert again == (code, out, err)


def test_check_finds_a_mismatch(capsys, file):
    code, out, _ = run(capsys, "check", f"{file}:lies")  # the derivative that the program asks for is not its own
    assert code == 1 and "worst: forward mode against differences" in out


def test_inputs_are_drawn_from_a_seed():
    specs = parse_specs("f64[:,:], f32, i64, i32[:], b1, {a: f64, b: (f64[:], f64)}")
    first, again, other = draw(specs, 0, 3), draw(specs, 0, 3), draw(specs, 1, 3)
    assert repr(first) == repr(again) != repr(other)
    matrix, single, count, index, flag, tree = first
    assert matrix.shape == (3, 3) and type(single) is np.float32 and type(count) is int and type(flag) is bool
    assert index.dtype == np.int32 and index.max() < 3 and list(tree) == ["a", "b"] and len(tree["b"]) == 2


# emit
def imported(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def imports(text: str) -> set[str]:
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in nodes if isinstance(n, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


X = np.array([0.3, 0.7, 1.9])
EMITTED = {
    "wave": (X, 5),
    "decorated": (2.0, 3.0),
    "compiled": (X,),
    "layer": ((np.arange(6.0).reshape(2, 3) / 6, X[:2]), X),
    "special": ({"w": X, "b": 0.4}, X),
    "single": (np.float32(0.5), X.astype(np.float32)),
    "integers": (1.5, 7, 2),
    "defaults": (X, 2, 3.0),
}


def flat(value) -> list:
    if isinstance(value, dict):
        return [x for v in value.values() for x in flat(v)]
    if isinstance(value, tuple):
        return [x for v in value for x in flat(v)]
    return [value]


def same(a, b) -> None:
    assert type(a) is type(b)
    left, right = flat(a), flat(b)
    assert len(left) == len(right)
    for x, y in zip(left, right, strict=True):
        assert type(x) is type(y)
        np.testing.assert_allclose(x, y, rtol=4e-15)  # emitted modules call libm


@pytest.mark.parametrize("name", EMITTED)
def test_emitted_modules_stand_alone(capsys, file, tmp_path, name):
    out = tmp_path / f"emitted_{name}.py"
    assert run(capsys, "emit", f"{file}:{name}", "-o", out) == (0, "", "")
    assert imports(out.read_text()) <= {"numpy", "math", "numba"}
    module, fn, args = imported(out), find(f"{file}:{name}"), EMITTED[name]
    same(getattr(module, name)(*args), ad.jit(fn)(*args))
    same(getattr(module, f"{name}_grad")(*args), ad.grad(fn)(*args))
    same(getattr(module, f"{name}_value_and_grad")(*args), ad.value_and_grad(fn)(*args))


def test_emitted_gradients_of_several_arguments_and_classes(capsys, file, tmp_path):
    out = tmp_path / "emitted_several.py"
    assert run(capsys, "emit", f"{file}:layer", "--wrt", "x,p", "-o", out)[0] == 0
    fn = find(f"{file}:layer")
    same(imported(out).layer_value_and_grad(*EMITTED["layer"]), ad.value_and_grad(fn, (1, 0))(*EMITTED["layer"]))
    programs = sys.modules["programs"]
    for name, args in (
        ("growth", (programs.Pair(1.5, X),)),
        ("energy", (programs.Spring(2.0, np.float32(0.5)), 1.5)),
    ):
        out = tmp_path / f"emitted_{name}.py"
        assert run(capsys, "emit", f"{file}:{name}", "-o", out)[0] == 0
        mine, theirs = getattr(imported(out), f"{name}_grad")(*args), ad.grad(getattr(programs, name))(*args)
        assert type(mine) is type(theirs) and repr(mine) == repr(theirs)


def test_emitted_functions_change_their_arguments_where_the_program_does(capsys, file, tmp_path):
    out = tmp_path / "emitted_step.py"
    assert run(capsys, "emit", f"{file}:step", "-o", out)[0] == 0
    fn, emitted = find(f"{file}:step"), imported(out)
    spring = sys.modules["programs"].Spring
    for name, transform, k in (("step", ad.jit, 6.0), ("step_grad", ad.grad, 2.0)):
        mine, theirs = ((spring(2.0, np.float32(0.5)), {"k": 2.0, "w": X}) for _ in range(2))
        assert repr(getattr(emitted, name)(*mine)) == repr(transform(fn)(*theirs))
        assert repr(mine) == repr(theirs) and mine[1]["k"] == k


def test_emitted_functions_refuse_other_types(capsys, file, tmp_path):
    out = tmp_path / "emitted_strict.py"
    run(capsys, "emit", f"{file}:wave", "-o", out)
    with pytest.raises(TypeError):
        imported(out).wave_grad(np.arange(3), 2)


def test_emit_without_a_file_prints(capsys, file):
    code, out, _ = run(capsys, "emit", f"{file}:wave")
    assert code == 0 and "def wave_value_and_grad(x, n):" in out


# ops and info
def test_ops_names_every_primitive(capsys):
    code, out, _ = run(capsys, "ops")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0 and set(ad._ops.OPS) <= set(rows)
    assert "g * (1.0 - y * y)" in rows["tanh"] and "g * cos(a)" in rows["sin"]
    assert [rows[name].split()[2] for name in ("exp", "sin", "add")] == ["y", "a", "nothing"]


def test_info(capsys):
    code, out, _ = run(capsys, "info")
    assert code == 0
    for word in (
        "adcompiler",
        "numba",
        "numpy",
        "llvmlite",
        "CPU",
        "vector math",
        "libm",
        "BLAS",
        "threads",
        "CUDA",
        "MPI",
    ):
        assert word in out
