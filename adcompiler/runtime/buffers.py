"""What the companion of a gradient kernel calls: the kernel's machine code as it is, and copies into buffers.

Numba would link the kernel into its caller and compile it once more, and takes 1.6 s for `out[...] = value`, whose
error message about shapes is compiled too.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen
from numba.core.errors import TypingError
from numba.core.typing.templates import signature
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from adcompiler.runtime import given


def _symbol(module: str, function: Any) -> str:
    """Under which name the machine code is called, in every process: modules are named by their content."""
    return f"{module}_{function.py_func.__name__}"


def _first(function: Any) -> Any:
    return next(iter(function.overloads.values()))


def publish(module: str, function: Any) -> None:
    """Give the symbol its address: after the function is compiled, before code that calls it is made or loaded."""
    made = _first(function)
    address = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
    codegen.ll.add_symbol(_symbol(module, function), address)


def linked(module: str, function: Any) -> Any:
    """A compiled function, callable from compiled code of its module by its symbol."""

    def call(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        convention = context.call_conv
        there = convention.get_function_type(sig.return_type, sig.args)
        code = cgutils.get_or_insert_function(builder.module, there, _symbol(module, function))
        status, result = convention.call_function(builder, code, sig.return_type, sig.args, args)
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return result

    @intrinsic
    def pointed(typingctx, a):
        made = _first(function).signature
        if tuple(map(given.plain, a)) != made.args:
            raise TypingError(f"{function.py_func.__name__} was compiled for {made.args}")
        return signature(made.return_type, a), lambda context, builder, sig, args: call(
            context, builder, made, cgutils.unpack_tuple(builder, args[0])
        )

    return pointed


@intrinsic
def address(typingctx, a):
    """Where the elements of a contiguous array begin."""

    def begin(context, builder, sig, args):
        data = make_array(sig.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.int64))

    return types.int64(a), begin


@intrinsic
def copy(typingctx, out, value):
    """out[...] = value for arrays of one shape and dtype."""
    if out.dtype != value.dtype or out.ndim != value.ndim:
        raise TypingError(f"{value} can't be copied into {out}")

    def copied(context, builder, sig, args):
        to, come = (make_array(t)(context, builder, a) for t, a in zip(sig.args, args, strict=True))
        if out.layout == value.layout == "C":
            cgutils.raw_memmove(builder, to.data, come.data, to.nitems, to.itemsize)
        else:
            _each(context, builder, sig.args, (to, come))
        return context.get_dummy_value()

    return types.void(out, value), copied


def _each(context: Any, builder: Any, kinds: Any, arrays: Any) -> None:
    """The elements one by one, where they do not lie in one order."""
    shape = cgutils.unpack_tuple(builder, arrays[0].shape)
    with cgutils.loop_nest(builder, shape, ir.IntType(64)) as places:
        to, come = (
            cgutils.get_item_pointer(context, builder, kind, array, places, wraparound=False)
            for kind, array in zip(kinds, arrays, strict=True)
        )
        builder.store(builder.load(come), to)
