"""The examples: ADBench's gmm and lstm against its reference gradients, compiled training, and the demo as a whole."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import adcompiler as ad

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "adbench"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return importlib.import_module


def error(value, reference) -> float:
    x, y = np.asarray(value), np.asarray(reference)
    return float(np.max(np.abs(x - y) / np.maximum(1.0, np.abs(x) + np.abs(y))))


@pytest.mark.parametrize(
    ("name", "argnums", "file"),
    [
        ("gmm", (0, 1, 2), "gmm_test"),
        ("gmm", (0, 1, 2), "gmm_d2_K5"),
        ("gmm", (0, 1, 2), "gmm_d10_K25"),
        ("lstm", (0, 1), "lstm_l2_c1024"),
    ],
)
def test_adbench(example, name, argnums, file):
    module = example(name)
    args = module.read(DATA / f"{file}.txt")
    before = [np.copy(a) for a in args]
    reference = np.load(DATA / f"{file}_ref.npz")
    value, gradients = ad.value_and_grad(getattr(module, name), argnums=argnums)(*args)
    assert error(value, reference["objective"]) <= 1e-10
    assert error(np.concatenate([g.ravel() for g in gradients]), reference["gradient"]) <= 1e-10
    assert all(np.array_equal(a, b) for a, b in zip(args, before, strict=True))
    assert [g.shape for g in gradients] == [args[k].shape for k in argnums]


def test_plain_python_gives_the_same_objective(example):
    gmm = example("gmm")
    args = gmm.read(DATA / "gmm_test.txt")
    assert error(gmm.gmm(*args), np.load(DATA / "gmm_test_ref.npz")["objective"]) <= 1e-10


def test_training_inside_a_compiled_function(example):
    logistic = example("logistic")
    start = np.zeros(3)
    losses, weights = logistic.train(start, logistic.INPUTS, logistic.TARGETS, 100, 0.01)
    assert abs(losses[0] - 2.772588722239781) <= 1e-12 and abs(losses[-1] - 1.0672706757870165) <= 1e-12
    np.testing.assert_allclose(weights, [0.4830736619199681, -0.3705721743179022, 1.0693739506125794], rtol=1e-12)
    assert not start.any() and len(losses) == 101
    # The same program under plain Python, step by step through the compiled gradient.
    again, final = logistic.train.fn(start, logistic.INPUTS, logistic.TARGETS, 100, 0.01)
    np.testing.assert_allclose(again, losses, rtol=1e-12)
    np.testing.assert_allclose(final, weights, rtol=1e-12)


def test_the_network_on_two_moons(example):
    notebook = example("notebook")
    reference = json.loads((ROOT / "tests" / "data" / "notebook.json").read_text())
    points, classes = notebook.moons()
    np.testing.assert_array_equal(points[:3], reference["first_points"])
    np.testing.assert_array_equal(classes[:10], reference["first_classes"])
    start = notebook.initial()
    value, gradient = ad.value_and_grad(notebook.loss)(start, points, classes, 0.01)
    assert abs(value - reference["loss_at_init"]) <= 1e-12
    for key, expected in reference["grad_at_init"].items():
        np.testing.assert_allclose(gradient[key].ravel(), np.ravel(expected), rtol=1e-10, atol=1e-14)
    params, losses = notebook.train_network(start, points, classes, 0.01, 0.05, 20_000, 1_000)
    assert np.round(losses, 6).tolist() == np.round(reference["mean_losses"], 6).tolist()
    for key, expected in reference["mean_params"].items():
        np.testing.assert_allclose(params[key].ravel(), np.ravel(expected), rtol=1e-8)
    # 0.01 times the gradient of the summed loss: it crosses the edge of stability near step 1000.
    _, losses = notebook.train_network(start, points, classes, 0.01, 0.01 * len(points), 20_000, 1_000)
    bound = [5e-7, 5e-7, 1e-2, *[1e-3] * 17]
    assert np.all(np.abs(losses - reference["summed_losses"]) <= bound)


def test_the_support_vector_machine(example):
    notebook = example("notebook")
    points, labels = notebook.clouds()
    w, b, losses = notebook.train_svm(np.zeros(2), 0.0, points, labels, 300, 0.05)
    expected_w, expected_b = notebook.svm_by_hand(points, labels, 300, 0.05)
    np.testing.assert_allclose(w, expected_w, rtol=1e-12)
    assert abs(b - expected_b) <= 1e-12 and losses[0] == 1.0 and losses[-1] < 0.5


def test_the_demo(example, capsys):
    demo = example("demo")
    assert demo.main() == 0
    out = capsys.readouterr().out
    assert "(5.5000000000, 1.7163378145)" in out and "func @gmm(" in out and "def lstm_value_and_grad(" in out
    assert "BAD" not in out and "\x1b" not in out
    assert "19000: 0.0709" in out and (ROOT / "build" / "moons.png").stat().st_size > 10_000
    for name in ("demo", "gmm", "lstm", "logistic", "notebook"):
        sys.modules.pop(name, None)


def test_greeks(example):
    assert example("greeks").main() < 1e-11


def test_calibration(example):
    """The truth lies within the errors that the fit states."""
    assert example("calibration").main() < 3.0


def test_bundle(example):
    """From fifty times the noise to what is left of it when 96 of 200 degrees of freedom are fitted."""
    first, last = example("bundle").main()
    assert first > 20.0 and abs(last - np.sqrt(104 / 200)) < 0.1


@pytest.mark.parametrize("network", ["dense", pytest.param("convolution", marks=pytest.mark.long)])
def test_digits(example, network):
    pytest.importorskip("sklearn")
    assert example("digits").main(network) > 0.97


def test_tuning(example, tmp_path):
    """Hypergradients come further than random search does at the same cost."""
    pytest.importorskip("matplotlib")
    gradient, chance = example("tuning").main(str(tmp_path / "tuning.png"))
    assert gradient < 0.05 and gradient < chance
    assert (tmp_path / "tuning.png").read_bytes().startswith(b"\x89PNG")


def test_characters(example):
    loss, text = example("characters").main()
    assert loss < 0.3 and text.startswith("Permission is hereby granted, free of charge, to any person")
