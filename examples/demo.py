"""`make demo`: gradients of real programs, with their IR and generated source, held to reference values."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gmm
import logistic
import lstm
import notebook
import numpy as np

import adcompiler as ad

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "adbench"
PICTURE = ROOT / "build" / "moons.png"
TOLERANCE = 1e-10
failures: list[str] = []


def heading(text: str) -> None:
    print(f"\n{'=' * 100}\n{text}\n{'=' * 100}")


def code(text: str, lines: int | None = None) -> None:
    """Print code, its first lines where there are too many; in colours on a terminal."""
    rows = text.rstrip().split("\n")
    if lines is not None and len(rows) > lines:
        rows = [*rows[:lines], f"# ... {len(rows) - lines} more lines"]
    text = "\n".join(rows)
    if sys.stdout.isatty():
        from pygments import highlight
        from pygments.formatters import TerminalFormatter
        from pygments.lexers import PythonLexer

        text = highlight(text, PythonLexer(), TerminalFormatter()).rstrip("\n")
    print(text)


def error(value: Any, reference: Any) -> float:
    """ADBench's measure: the largest |x - y| / max(1, |x| + |y|)."""
    x, y = np.asarray(value), np.asarray(reference)
    return float(np.max(np.abs(x - y) / np.maximum(1.0, np.abs(x) + np.abs(y))))


def hold(what: str, value: Any, reference: Any, tolerance: float = TOLERANCE) -> None:
    """Compare with a reference and say so."""
    wrong = error(value, reference)
    right = wrong <= tolerance
    print(f"  {'ok ' if right else 'BAD'} {what}: error {wrong:.1e}")
    if not right:
        failures.append(what)


def timed(f: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = f(*args)
    return result, time.perf_counter() - start


def textbook() -> None:
    heading("f(x) = log(x0) + x0*x1 - sin(x1) at (2, 5): the gradient is (5.5, 1.7163378145)")

    def f(x):
        return np.log(x[0]) + x[0] * x[1] - np.sin(x[1])

    g = ad.grad(f)
    gradient = g(np.array([2.0, 5.0]))
    code(g.source)
    print(f"\n  gradient: ({gradient[0]:.10f}, {gradient[1]:.10f})")
    hold("against the closed form", gradient, [1.0 / 2.0 + 5.0, 2.0 - np.cos(5.0)])


def adbench(name: str, objective: Callable[..., Any], read: Callable[..., Any], argnums: tuple, *files: str) -> None:
    heading(f"ADBench's {name}, written as plain loops: value and gradient on ADBench's own data")
    g = ad.value_and_grad(objective, argnums=argnums)
    for file in files:
        args = read(DATA / f"{file}.txt")
        (value, gradients), first = timed(g, *args)
        _, again = timed(g, *args)
        if file == files[0]:
            print("the program as typed IR:\n")
            code(g.lower(*args).primal_ir, 40)
            print("\nits value and gradient as derived:\n")
            code(g.source)
            print()
        reference = np.load(DATA / f"{file}_ref.npz")
        print(f"  {file}: first call {first:.2f} s, then {again * 1e3:.3f} ms")
        hold(f"{file} value", value, reference["objective"])
        hold(f"{file} gradient", np.concatenate([v.ravel() for v in gradients]), reference["gradient"])


def training() -> None:
    heading("Logistic regression: 100 gradient steps in one compiled function, the gradient taken inside its loop")
    (losses, weights), seconds = timed(logistic.train, np.zeros(3), logistic.INPUTS, logistic.TARGETS, 100, 0.01)
    code(logistic.train.source)
    print(f"\n  loss {losses[0]:.12f} -> {losses[-1]:.12f}, weights {weights}, {seconds:.2f} s with compilation")
    hold("initial loss", losses[0], 2.772588722239781)
    hold("final loss", losses[-1], 1.0672706757870165)
    hold("weights", weights, [0.4830736619199681, -0.3705721743179022, 1.0693739506125794])


def svm() -> None:
    heading("A support vector machine: 10,000 subgradient steps in one compiled function")
    points, labels = notebook.clouds()
    (w, b, losses), seconds = timed(notebook.train_svm, np.zeros(2), 0.0, points, labels, 10_000, 0.05)
    code(notebook.train_svm.source)
    print(f"\n  loss {losses[0]:.6f} -> {losses[-1]:.6f}, w {w}, b {b:.6f}, {seconds:.2f} s with compilation")
    expected_w, expected_b = notebook.svm_by_hand(points, labels, 10_000, 0.05)
    hold("weights against the subgradient written by hand in NumPy", w, expected_w)
    hold("offset", b, expected_b)


def network() -> None:
    heading("The network on two moons: parameters in a dict, 20,000 steps in one compiled function")
    reference = json.loads((ROOT / "tests" / "data" / "notebook.json").read_text())
    points, classes = notebook.moons()
    start, decay = notebook.initial(), 0.01
    gradient = ad.grad(notebook.loss)
    hold("gradient at the start, W1", gradient(start, points, classes, decay)["W1"], reference["grad_at_init"]["W1"])
    print("\nthe gradient of the loss:\n")
    code(gradient.source)
    (params, losses), seconds = timed(notebook.train_network, start, points, classes, decay, 0.05, 20_000, 1_000)
    (_, again), warm = timed(notebook.train_network, start, points, classes, decay, 0.05, 20_000, 1_000)
    print()
    for k, value in enumerate(losses):
        print(f"  loss after iteration {k * 1000:5d}: {value:.6f}")
    print(f"  {seconds:.2f} s with compilation, {warm:.2f} s without")
    hold("all twenty losses, to 6 decimals", losses, reference["mean_losses"], 5e-7)
    hold("the same when run again", again, losses, 0.0)
    try:
        notebook.picture(params, points, classes, PICTURE)
    except ImportError:
        print("  no picture of the decision boundary: matplotlib is not installed (pip install adcompiler[viz])")
    else:
        print(f"  the decision boundary: {PICTURE}")


def main() -> int:
    start = time.perf_counter()
    textbook()
    adbench("gmm", gmm.gmm, gmm.read, (0, 1, 2), "gmm_d2_K5", "gmm_d10_K25")
    adbench("lstm", lstm.lstm, lstm.read, (0, 1), "lstm_l2_c1024")
    training()
    svm()
    network()
    heading(f"{len(failures)} failures in {time.perf_counter() - start:.1f} s" + "".join(f"\n  {f}" for f in failures))
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
