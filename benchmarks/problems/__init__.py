"""The problems, one file each: the program as a user writes it, gradients by hand, and what other tools are given."""

from __future__ import annotations

import importlib

from benchmarks.problem import Problem

NAMES = (
    "gmm", "lstm", "ba", "rosenbrock", "logistic", "mlp", "llsq", "lse", "kmeans", "rnn", "heat", "ode", "newton",
    "blackscholes", "train", "digits", "tiny", "tiny_buffer",
)  # fmt: skip


def load(name: str) -> Problem:
    """The problem of that name, from its file."""
    problem: Problem = importlib.import_module(f"benchmarks.problems.{name}").PROBLEM
    return problem
