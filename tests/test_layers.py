"""Imports go down the layers only, siblings do not import each other, and the runtime imports nothing of ours."""

from __future__ import annotations

import ast
from pathlib import Path

import adcompiler

ROOT = Path(adcompiler.__file__).parent
LAYERS = (
    "__main__", "cli", "standalone describe suite", "__init__", "gradcheck", "api", "transform custom",
    "along jacobians", "derive wrapper entries", "warm", "driver", "backends",
    "transforms passes lowering binding trees", "frontend analysis", "ops", "ir", "errors",
)  # fmt: skip
RANK = {name: k for k, row in enumerate(LAYERS) for name in row.split()}


def imported(path: Path) -> set[str]:
    """The layers that a file imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{a.name}" for a in node.names]
    return {(name + ".__init__").split(".")[1] for name in names if name.split(".")[0] == "adcompiler"}


def test_imports_go_down():
    for path in ROOT.rglob("*.py"):
        mine = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for other in imported(path) - {mine}:
            if mine == "runtime" or other != "runtime":
                assert mine in RANK, f"{mine} has no layer"
                assert RANK[other] > RANK[mine], f"{path.relative_to(ROOT)} imports {other}"


KERNELS = ("adcompiler", "numpy", "scipy.special", "math", "functools", "typing", "__future__", "collections.abc")
DISPLAY = (*KERNELS, "threading", "contextlib", "tqdm", "matplotlib.figure")


def test_kernels_use_the_public_face():
    """Written in the language as its users write it."""
    files = sorted((ROOT / "kernels").glob("*.py"))
    assert files
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                known = DISPLAY if path.stem == "display" else KERNELS
                assert name in known or name.startswith("adcompiler.kernels."), (path, name)
