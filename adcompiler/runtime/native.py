"""Products of matrices as kernels make them: calls of BLAS, written into the kernel while it is compiled.

Numba's own product is seven functions in Numba, compiled anew for each type: .4 s for the first, .2 s for the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_new_ref
from numba.core.typing.templates import signature
from numba.extending import intrinsic, lower_builtin, overload, type_callable
from numba.np import arrayobj, linalg

from adcompiler.runtime.memory import new_array, refuse
from adcompiler.runtime.renewal import renewed

SIZE, CHAR = ir.IntType(64), ir.IntType(8)
POINTER = CHAR.as_pointer()
LARGEST = 2**31 - 1  # BLAS counts in 32 bits


def matmul(a: Any, b: Any) -> Any:
    """a @ b of float arrays of one dtype."""
    return np.matmul(a, b)


@type_callable(matmul)
def _product(context: Any) -> Any:
    def typed(a: Any, b: Any) -> Any:
        if not isinstance(a, types.Array) or not isinstance(b, types.Array) or a.dtype != b.dtype:
            return None
        rank = a.ndim + b.ndim - 2
        return types.Array(a.dtype, rank, "C") if rank else a.dtype

    return typed


def _any(builder: Any, conditions: Any) -> Any:
    found = cgutils.false_bit
    for condition in conditions:
        found = builder.or_(found, condition)
    return found


@lower_builtin(matmul, types.Array, types.Array)
def _multiplied(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """By BLAS, as Numba does it; what is in no order is copied first."""
    made = []

    def new(shape: Any) -> Any:
        made.append(new_array(context, builder, sig.return_type, shape))
        return made[0]

    number = _multiply(context, builder, sig, args, new)
    return number or impl_ret_new_ref(context, builder, sig.return_type, made[0]._getvalue())


def _multiply(context: Any, builder: Any, sig: Any, args: Any, place: Any) -> Any:
    """The product in the array that `place(shape)` gives; a number is returned."""
    linalg.ensure_blas()
    with linalg.make_contiguous(context, builder, sig, args) as (ordered, args):
        kinds = ordered.args
        x, y = (arrayobj.make_array(t)(context, builder, a) for t, a in zip(kinds, args, strict=True))
        rows, columns = (cgutils.unpack_tuple(builder, a.shape) for a in (x, y))
        differ = builder.icmp_signed("!=", rows[-1], columns[0])
        refuse(context, builder, differ, ValueError, "incompatible array sizes for a @ b")
        sizes = [*rows, *columns[1:]]
        too_many = _any(builder, [builder.icmp_signed(">", n, SIZE(LARGEST)) for n in sizes])
        refuse(context, builder, too_many, OverflowError, "array size too large to fit in C int")
        if sig.return_type == kinds[0].dtype:
            return _inner(context, builder, sig.return_type, rows[0], x, y)
        nothing = _any(builder, [builder.icmp_signed("==", n, SIZE(0)) for n in sizes])
        shape = [*rows[:-1], *columns[1:]]
        out = place(shape)
        with builder.if_else(nothing, likely=False) as (without, within):
            with without:
                cgutils.memset(builder, out.data, builder.mul(out.itemsize, out.nitems), 0)
            with within:
                _call(context, builder, (*kinds, sig.return_type), (rows, columns, shape), (x.data, y.data, out.data))
    return None


def matmul_renewed(spare: Any, a: Any, b: Any) -> Any:
    """a @ b, in the memory of `spare` if it is of that shape."""
    return np.matmul(a, b)


@overload(matmul_renewed)
def _matmul_renewed(spare, a, b):
    @intrinsic
    def multiply(typingctx, out, a, b):
        def fill(context, builder, sig, args):
            array = arrayobj.make_array(out)(context, builder, args[0])
            _multiply(context, builder, signature(out, a, b), args[1:], lambda shape: array)
            return context.get_dummy_value()

        return types.none(out, a, b), fill

    def product(spare, a, b):
        out = renewed(spare, a.shape[:-1] + b.shape[1:])
        multiply(out, a, b)  # type: ignore[call-arg]
        return out

    return product


def multiply_into(out: Any, a: Any, b: Any, keep: Any) -> None:
    """out = a @ b + keep * out, of matrices in each of which the elements of one axis are neighbors."""
    out[...] = a @ b + keep * out


@type_callable(multiply_into)
def _multiplies_into(context: Any) -> Any:
    return lambda out, a, b, keep: types.none


@lower_builtin(multiply_into, types.Array, types.Array, types.Array, types.Float)
def _multiplied_into(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """By BLAS, to whom the rows of our matrices are columns: the transposed product of the transposed factors."""
    linalg.ensure_blas()
    dtype = sig.args[0].dtype
    kind = ir.Constant(CHAR, ord(linalg.get_blas_kind(dtype)))
    out, a, b = (arrayobj.make_array(t)(context, builder, v) for t, v in zip(sig.args[:3], args[:3], strict=True))
    (m, n), (_, k) = (cgutils.unpack_tuple(builder, x.shape) for x in (out, a))

    def oriented(x: Any) -> Any:
        """Whether BLAS is to turn the matrix, and how far its lines are apart."""
        shape, strides = cgutils.unpack_tuple(builder, x.shape), cgutils.unpack_tuple(builder, x.strides)
        straight = builder.icmp_signed("==", strides[1], x.itemsize)
        along, across = builder.select(straight, shape[1], shape[0]), builder.select(straight, strides[0], strides[1])
        apart = builder.sdiv(across, x.itemsize)  # of a single line it is anything
        apart = builder.select(builder.icmp_signed("<", apart, along), along, apart)
        return builder.select(straight, ir.Constant(CHAR, ord("n")), ir.Constant(CHAR, ord("t"))), apart

    (turn_b, apart_b), (turn_a, apart_a), (_, apart) = map(oriented, (b, a, out))
    one = linalg.make_constant_slot(context, builder, dtype, 1.0)
    keep = cgutils.alloca_once_value(builder, args[3])
    data = [builder.bitcast(x, POINTER) for x in (one, b.data, a.data, keep, out.data)]
    kinds = [CHAR, CHAR, CHAR, SIZE, SIZE, SIZE, POINTER, POINTER, SIZE, POINTER, SIZE, POINTER, POINTER, SIZE]
    blas = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), kinds), "numba_xxgemm")
    given = (kind, turn_b, turn_a, n, m, k, data[0], data[1], apart_b, data[2], apart_a, data[3], data[4], apart)
    linalg.check_blas_return(context, builder, builder.call(blas, given))
    return context.get_dummy_value()


def _inner(context: Any, builder: Any, dtype: Any, n: Any, x: Any, y: Any) -> Any:
    out = cgutils.alloca_once(builder, context.get_value_type(dtype))
    linalg.call_xxdot(context, builder, False, dtype, n, x.data, y.data, out)
    return builder.load(out)


def _call(context: Any, builder: Any, kinds: Any, shapes: Any, data: Any) -> None:
    """The product of two matrices, or of a matrix and a vector."""
    (a, b, _), (rows, columns, _), (x, y, z) = kinds, shapes, data
    if a.ndim == 1:
        linalg.call_xxgemv(context, builder, b.layout == "F", b, columns, y, x, z)
    elif b.ndim == 1:
        linalg.call_xxgemv(context, builder, a.layout == "C", a, rows, x, y, z)
    else:
        _matrices(context, builder, kinds, shapes, data)


def _matrices(context: Any, builder: Any, kinds: Any, shapes: Any, data: Any) -> None:
    """The product of two matrices; one of a single row or column is a vector to BLAS, which is faster."""
    (a, b, c), (rows, columns, out), (x, y, z) = kinds, shapes, data
    row, column = (builder.icmp_signed("==", n, SIZE(1)) for n in out)
    with builder.if_else(column) as (narrow, wide):
        with narrow:
            linalg.call_xxgemv(context, builder, a.layout == "C", a, rows, x, y, z)
        with wide, builder.if_else(row) as (low, high):
            with low:
                linalg.call_xxgemv(context, builder, b.layout == "F", b, columns, y, x, z)
            with high:
                linalg.call_xxgemm(context, builder, a, rows, x, b, columns, y, c, out, z)
