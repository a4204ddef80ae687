"""The cache on disk: where it lies, that another process is warm, and that it can be trusted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import adcompiler as ad
from adcompiler.backends import cache

PROGRAM = """
import sys
import numpy as np
import adcompiler as ad
from adcompiler.backends import cache
from helper import scale

def f(x):
    s = 0.0
    for i in range(len(x)):
        s += scale(x[i]) ** 2
    return s

g = ad.grad(f)
print(g(np.array([1.0, 2.0])).tolist())
stats = g.latest.compiled().function.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
print(g.latest.path)
"""


BUFFERED = """
import numpy as np
import adcompiler as ad

def f(p, most):
    if p["a"][0] > most:
        raise ValueError("too much")
    return np.sum(p["a"] * p["b"]) + np.sum(p["c"]) * p["a"][0]

g = ad.grad(f)
p = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0]), "c": np.array([5.0])}
out = {k: np.empty(len(v)) for k, v in p.items()}
g(p, 9.0, out=out)
print({k: v.tolist() for k, v in out.items()})
try:
    g(p, 0.0, out=out)
except ValueError as error:
    print(error)
g.latest.into()
made = g.latest.compiled()
stats = made.function.py_func.__globals__[made.entry + "_into"].stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "helper.py").write_text("def scale(x):\n    return 2.0 * x\n")
    return tmp_path


def start(folder: Path) -> subprocess.Popen:
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # helper.py is rewritten within a second
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(folder / "program.py")],
        env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> list[str]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.splitlines()


def run(folder: Path) -> list[str]:
    return finish(start(folder))


def test_second_process_is_warm_and_helpers_are_seen(folder):
    value, counts, path = run(folder)
    assert value == "[8.0, 16.0]" and counts == "0 1"
    assert Path(path).parent == folder / "cache" and Path(path).is_file()
    assert run(folder) == [value, "1 0", path]
    (folder / "helper.py").write_text("def scale(x):\n    return 3.0 * x\n")
    value, counts, other = run(folder)
    assert value == "[18.0, 36.0]" and counts == "0 1" and other != path


def test_code_that_fills_buffers_finds_its_kernel_in_a_second_process(folder):
    (folder / "program.py").write_text(BUFFERED)
    first, second = run(folder), run(folder)
    assert first[:-1] == second[:-1]
    assert first[0] == "{'a': [8.0, 4.0], 'b': [1.0, 2.0], 'c': [1.0]}"
    assert first[1].startswith("too much (") and "program.py:7)" in first[1]
    assert (first[-1], second[-1]) == ("0 1", "1 0")


def test_two_processes_at_once(folder):
    both = [start(folder), start(folder)]
    for process in both:
        assert finish(process)[0] == "[8.0, 16.0]"
    assert run(folder)[1] == "1 0"
    assert not list((folder / "cache").glob(".writing*"))


def test_damaged_files_are_made_anew(folder):
    _, _, path = run(folder)
    for stored in (folder / "cache" / "__pycache__").iterdir():
        stored.write_bytes(b"not what was stored")
    assert run(folder)[0] == "[8.0, 16.0]"
    Path(path).write_text("def f_grad(x): return x\n")
    assert run(folder)[0] == "[8.0, 16.0]"


def test_not_writable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="can't write to its cache directory") as caught:
        g = ad.grad(lambda x: x**5)
        assert g(1.0) == 5.0 and g.lower(1.0).path is None
        assert ad.grad(lambda x: x**6)(1.0) == 6.0
    assert len(caught) == 1  # said once


def test_options_have_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(tmp_path))

    def f(x):
        return np.sum(x * x * x)

    paths = {ad.grad(f, fastmath=flags).lower(np.ones(3)).path for flags in (None, False, True, {"nnan"})}
    assert len(paths) == 4 and all(Path(p).parent == tmp_path for p in paths)
    assert ad.grad(f, cache=False).lower(np.ones(3)).path is None
    assert len(list(tmp_path.glob("*.py"))) == 4


def test_what_a_module_is_named_by(monkeypatch):
    """Its text, the key, and the text of the helpers that are compiled into it."""
    name = cache.digest("text", ("a",))
    assert cache.digest("text", ("a",)) == name
    assert len({name, cache.digest("text", ("b",)), cache.digest("other", ("a",)), cache.digest("text")}) == 4
    cache.environment.cache_clear()
    try:
        monkeypatch.setattr(cache, "_helpers", lambda: "def where(c, a, b): return b")
        assert cache.digest("text", ("a",)) != name
    finally:
        monkeypatch.undo()
        cache.environment.cache_clear()
    assert cache.digest("text", ("a",)) == name
