"""JAX, PyTorch and autograd, each on one core and in float64: how an objective becomes their value and gradient."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.problem import Args, Call

FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
Maker = Callable[[Any], Call]  # of the tool's array module: the objective, written with it


class Missing(Exception):
    """A tool that is not installed."""


def installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Missing(f"{name} is not installed") from None


def the_jax() -> Any:
    """JAX on one core: its pools of threads are as wide as the cores that it sees when it starts."""
    os.environ["XLA_FLAGS"] = FLAGS
    os.environ["JAX_PLATFORMS"] = "cpu"
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        tool = installed("jax")
        tool.config.update("jax_enable_x64", True)
        tool.config.update("jax_cpu_enable_async_dispatch", False)
        tool.devices()
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    return tool


def the_torch() -> Any:
    tool = installed("torch")
    tool.set_num_threads(1)
    return tool


def jax(maker: Maker, argnums: int | Sequence[int] = 0, static: Sequence[int] = ()) -> Callable[[Args], Call]:
    """The jitted value and gradient of the objective that `maker(jax.numpy)` gives; its inputs lie on the device."""

    def entry(args: Args) -> Call:
        tool = the_jax()
        gradient = tool.jit(tool.value_and_grad(maker(tool.numpy), argnums=argnums), static_argnums=tuple(static))
        held = [a if k in static else tool.tree.map(tool.numpy.asarray, a) for k, a in enumerate(args)]
        return lambda: tool.block_until_ready(gradient(*held))

    return entry


def torch(maker: Maker, argnums: int | Sequence[int] = 0) -> Callable[[Args], Call]:
    """Value and gradient of the objective that `maker(torch)` gives, recorded anew at each call as PyTorch does."""

    def entry(args: Args) -> Call:
        tool = the_torch()
        objective = maker(tool)
        live = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        wanted: list[Any] = []

        def tensors(tree: Any, active: bool) -> Any:
            if isinstance(tree, dict):
                return {key: tensors(tree[key], active) for key in sorted(tree)}
            if not isinstance(tree, np.ndarray) and not active:
                return tree
            dtype = None if isinstance(tree, np.ndarray) else tool.float64
            leaf = tool.tensor(tree, dtype=dtype).requires_grad_(active)
            if active:
                wanted.append(leaf)
            return leaf

        held = [tensors(a, k in live) for k, a in enumerate(args)]

        def call() -> Any:
            value = objective(*held)
            return value.detach(), tool.autograd.grad(value, wanted)

        return call

    return entry


def autograd(maker: Maker, argnums: int | Sequence[int] = 0) -> Callable[[Args], Call]:
    """Value and gradient of the objective that `maker(autograd.numpy)` gives."""

    def entry(args: Args) -> Call:
        tool = installed("autograd")
        gradient = tool.value_and_grad(maker(installed("autograd.numpy")), argnums)
        return lambda: gradient(*args)

    return entry


def jax_function(maker: Maker, static: Sequence[int] = ()) -> Callable[[Args], Call]:
    """A function that is jitted as it stands: it returns value and gradient itself."""

    def entry(args: Args) -> Call:
        tool = the_jax()
        function = tool.jit(maker(tool.numpy), static_argnums=tuple(static))
        held = [a if k in static else tool.tree.map(tool.numpy.asarray, a) for k, a in enumerate(args)]
        return lambda: tool.block_until_ready(function(*held))

    return entry
