"""Ops x dtypes: generated code has the dtypes and values of the op table, in plain Python and in Numba."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adcompiler.backends import numba_cpu
from adcompiler.backends.python import Options, emit, imports_of, module
from adcompiler.ir.build import Builder
from adcompiler.ir.core import Function, Region, Value
from adcompiler.ir.interpret import interpret
from adcompiler.ir.types import DTYPES, NAMES, Array, Scalar
from adcompiler.ir.walk import clone
from adcompiler.lowering import lower
from adcompiler.ops import OPS
from adcompiler.passes import run_passes

SCALARS = {"f64": (0.75, 0.5, 0.25), "f32": (0.75, 0.5, 0.25), "i64": (7, 3, 2), "i32": (7, 3, 2), "i16": (300, 3, 2),
           "u8": (250, 7, 2), "u64": (7, 3, 2), "b1": (True, False, True)}  # fmt: skip
ELEMENTWISE = sorted(name for name, op in OPS.items() if op.kind == "elementwise" and op.evaluate and op.emit)
ATTRS: dict[str, dict[str, Any]] = {name: {"n": 1} for name in ("polygamma", "jv", "iv", "ive")}
NOT_FOR_BOOLS = {"shl", "shr", "sub", "neg", "pow", "floordiv", "mod", "sign", "square", "abs", "clip"}


def arity(name: str) -> int:
    emit_text = OPS[name].emit
    if name == "select":
        return 3
    return max(k + 1 for k in range(3) if f"{{{k}}}" in emit_text) if "{" in emit_text else 1


def function(dtype: str, rank: int, names: list[str]) -> tuple[Function, list[str]]:
    """One function that returns the result of each op that takes operands of this dtype."""
    kind: Any = Array(dtype, (3,)) if rank else Scalar(dtype)
    mask: Any = Array("b1", (3,)) if rank else Scalar("b1")
    params = [Value("a", kind), Value("b", kind), Value("c", kind), Value("m", mask)]
    builder, results, used = Builder(Region(list(params))), [], []
    for name in names:
        if dtype == "b1" and name in NOT_FOR_BOOLS:
            continue
        variants = [{"dtype": d} for d in SCALARS] if name == "cast" else [ATTRS.get(name, {})]
        for attrs in variants:
            operands = [params[3], *params[:2]] if name == "select" else params[: arity(name)]
            if dtype == "u8" and attrs.get("dtype") == "i8":
                continue
            try:
                results.append(builder.op(name, *operands, hint="r", **attrs))
                used.append(name)
            except TypeError:
                continue
    builder.return_(*results)
    return Function("f", builder.region), used


def arguments(dtype: str, rank: int) -> list[Any]:
    values = [np.dtype(DTYPES[dtype]).type(v) for v in SCALARS[dtype]]
    mask: Any = np.bool_(True)
    if not rank:
        return [*values, mask]
    arrays = [np.array([v, v, w]) for v, w in zip(values, [*values[1:], values[0]], strict=True)]
    return [*arrays, np.array([True, False, True])]


def check(got: Any, expected: Any, name: str, dtypes: bool) -> None:
    if dtypes:
        assert NAMES[np.result_type(got)] == NAMES[np.asarray(expected).dtype], name
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("rank", (0, 1))
@pytest.mark.parametrize("dtype", SCALARS)
def test_numba_has_the_dtypes_and_values_of_the_table(dtype: str, rank: int, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADCOMPILER_CACHE_DIR", str(tmp_path))
    fn, used = function(dtype, rank, ELEMENTWISE)
    args = arguments(dtype, rank)
    with np.errstate(all="ignore"):
        expected = interpret(fn, args)
    looped = lower(run_passes(clone(fn), ["checks"]))  # as the driver does: SciPy's own functions take numbers only
    text = module([looped], kernel=True, options=Options(fastmath=False))
    compiled = numba_cpu.compile(text, "f", (dtype,), signature=numba_cpu.signature_of(fn), ir=str(fn)).function
    returns = compiled.nopython_signatures[0].return_type
    for name, value, got, t in zip(used, expected, compiled(*args), returns, strict=True):
        check(got, value, f"{name} of {dtype}", dtypes=False)
        compiled_dtype = t.dtype if hasattr(t, "dtype") else t
        assert str(compiled_dtype) == np.asarray(value).dtype.name, f"{name} of {dtype}: {compiled_dtype}"


@pytest.mark.parametrize("rank", (0, 1))
@pytest.mark.parametrize("dtype", SCALARS)
def test_python_has_the_values_of_the_table(dtype: str, rank: int) -> None:
    fn, used = function(dtype, rank, ELEMENTWISE)
    args = arguments(dtype, rank)
    text = emit(fn)
    space: dict[str, Any] = {}
    exec(imports_of(text) + text, space)
    with np.errstate(all="ignore"):
        for name, value, got in zip(used, interpret(fn, args), space["f"](*args), strict=True):
            check(got, value, f"{name} of {dtype}", dtypes=False)
