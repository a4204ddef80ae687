"""C functions of SciPy's Cython modules (LAPACK, special functions), called from compiled code by a name of ours.

A name, unlike an address, can stand in machine code that is kept on disk: who imports this module's users has
given the names their addresses before such code is loaded. The functions bring their imports with them, for
`adcompiler emit` pastes them.
"""

from __future__ import annotations

from typing import Any

from numba import types


def external(module: str, name: str, signature: Any) -> Any:
    """The function `name` of a Cython module as Numba calls it."""
    from numba.core import codegen
    from numba.extending import get_cython_function_address

    codegen.ll.add_symbol(f"adcompiler_{name}", get_cython_function_address(module, name))
    return types.ExternalFunction(f"adcompiler_{name}", signature)


def lapack(name: str, count: int) -> Any:
    """A LAPACK routine: all of its arguments are pointers."""
    return external("scipy.linalg.cython_lapack", name, types.void(*[types.voidptr] * count))


def special_function(name: str, count: int) -> Any:
    """A function of scipy.special for doubles; where it has versions for other types, the name is mangled."""
    from scipy.special import cython_special

    wanted = f'"double ({"double, " * count}int '
    for symbol, capsule in cython_special.__pyx_capi__.items():
        if symbol.removeprefix("__pyx_fuse_0").removeprefix("__pyx_fuse_1") == name and wanted in repr(capsule):
            signature = types.float64(*[types.float64] * count, types.intc)
            return external("scipy.special.cython_special", symbol, signature)
    raise ImportError(f"scipy.special.cython_special has no function {name} of {count} doubles")
