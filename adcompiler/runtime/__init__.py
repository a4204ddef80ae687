"""What generated code may call: helpers that mean the same under plain Python and inside Numba.

Those that call LAPACK or SciPy's special functions, and what makes machine code of its own, are imported when they are
first asked for: they take long.
"""

from importlib import import_module as _import
from typing import Any

from adcompiler.runtime.along import argmax, argmin, argsort, cumsum, max_along, min_along, sort
from adcompiler.runtime.arrays import broadcast_like, matmul, recompute, stack, stop_gradient, store, sum_to, where
from adcompiler.runtime.indexed import einsum, gather, scatter, scatter_add, withdraw
from adcompiler.runtime.integers import floordiv, int_power, mod
from adcompiler.runtime.keyed import random, random_normal, seed
from adcompiler.runtime.special import digamma, erf, erfc, expit, gamma, gammaln, polygamma

prange = range  # iterations that don't depend on each other; run in order for now

LINALG = "cholesky cofactor cofactor_dot det inv inv_or_nan slogdet solve solve_triangular tril triu"
FACTORS = "diag differences eigh eigvalsh gaps leading padded pinv qr svd svdvals"
SCIPY = (
    "beta betaln entr erfcinv erfcx erfinv gammainc gammaincc i0 i0e i1 i1e iv ive j0 j1 jv kl_div log_expit log_ndtr "
    "loggamma logit ndtr ndtri rel_entr xlog1py xlogy"
)
LATER = {
    name: module
    for module, names in (("linalg", LINALG), ("factors", FACTORS), ("scipy", SCIPY), ("renewal", "renewed"))
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import(f"{__name__}.{LATER[name]}"), name)


__all__ = [
    *LATER,
    "argmax",
    "argmin",
    "argsort",
    "broadcast_like",
    "cumsum",
    "digamma",
    "einsum",
    "erf",
    "erfc",
    "expit",
    "floordiv",
    "gamma",
    "gammaln",
    "gather",
    "int_power",
    "matmul",
    "max_along",
    "min_along",
    "mod",
    "polygamma",
    "prange",
    "random",
    "random_normal",
    "recompute",
    "scatter",
    "scatter_add",
    "seed",
    "sort",
    "stack",
    "stop_gradient",
    "store",
    "sum_to",
    "where",
    "withdraw",
]
