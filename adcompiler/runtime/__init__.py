"""What generated code may call: helpers that mean the same under plain Python and inside Numba."""

from adcompiler.runtime.arrays import broadcast_like, matmul, stack, stop_gradient, sum_to, where
from adcompiler.runtime.integers import floordiv, int_power, mod
from adcompiler.runtime.special import digamma, erf, erfc, expit, gamma, gammaln, polygamma

prange = range  # iterations that don't depend on each other; run in order for now

__all__ = [
    "broadcast_like",
    "digamma",
    "erf",
    "erfc",
    "expit",
    "floordiv",
    "gamma",
    "gammaln",
    "int_power",
    "matmul",
    "mod",
    "polygamma",
    "prange",
    "stack",
    "stop_gradient",
    "sum_to",
    "where",
]
