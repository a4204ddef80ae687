"""Source-to-source automatic differentiation of numeric Python: gradients of loops, branches and in-place
array code, compiled by Numba and readable as Python."""

from adcompiler import ops as _ops
from adcompiler.api import (
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    later,
    value_and_grad,
    vjp,
)
from adcompiler.errors import (
    AdcompilerError,
    GradientMismatch,
    InternalError,
    MissingRule,
    NotDifferentiable,
    ShapeMismatch,
    TypeMismatch,
    UnsupportedFunction,
    UnsupportedSyntax,
)
from adcompiler.gradcheck import check_grads
from adcompiler.runtime import prange, random, random_normal, recompute, seed, stop_gradient, store
from adcompiler.trees import tree_leaves, tree_map, tree_unflatten

__version__ = "0.1.0"

checkpoint = later("checkpoint")

__all__ = [
    "AdcompilerError", "GradientMismatch", "InternalError", "MissingRule", "NotDifferentiable", "ShapeMismatch",
    "TypeMismatch", "UnsupportedFunction", "UnsupportedSyntax", "check_grads", "checkpoint", "custom_jvp",
    "custom_vjp", "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jit", "jvp", "prange", "random",
    "random_normal", "recompute", "seed", "stop_gradient", "store", "tree_leaves", "tree_map", "tree_unflatten",
    "value_and_grad", "vjp",
]  # fmt: skip
assert _ops
