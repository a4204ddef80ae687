"""Parameters that machine code compares itself: the call of a compiled function that has one raises BufferError
before anything runs, unless the argument is

    an array (of no subclass), of the dtype in the machine's byte order, of the rank, aligned and writeable,
    contiguous (layout C), or not (layout A).

It reads them where NumPy keeps them: in a few nanoseconds, where Numba takes 50 to tell a type, does not look at
alignment, and counts references to the array.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen
from numba.extending import NativeValue, models, register_model, unbox
from numba.np.arrayobj import make_array
from numba.np.numpy_support import as_dtype

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)

# Where the fields of PyArrayObject and PyArray_Descr begin (numpy/ndarraytypes.h), after the head of all objects.
HEAD = object.__basicsize__
CLASS = HEAD - 8
DATA, RANK, SHAPE, STRIDES, DESCR, FLAGS = (HEAD + k for k in (0, 8, 16, 24, 40, 48))
BYTEORDER, NUMBER = HEAD + 10, HEAD + 12
CONTIGUOUS, BEHAVED = 0x1, 0x100 | 0x400  # NPY_ARRAY_C_CONTIGUOUS; NPY_ARRAY_ALIGNED and NPY_ARRAY_WRITEABLE
SWAPPED = ">" if sys.byteorder == "little" else "<"

NDARRAY = "adcompiler_ndarray"  # a symbol, for machine code that is kept on disk meets another address next time
codegen.ll.add_symbol(NDARRAY, id(np.ndarray))


class Given(types.Array):
    """An array as the caller gives it, compared when it is taken; the callee does not own it."""

    def __init__(self, array: Any):
        super().__init__(array.dtype, array.ndim, array.layout)  # type: ignore[no-untyped-call]
        self.name = f"given {self.name}"


register_model(Given)(models.ArrayModel)


def plain(t: Any) -> Any:
    """The type of the same array in compiled code."""
    return types.Array(t.dtype, t.ndim, t.layout) if isinstance(t, Given) else t  # type: ignore[no-untyped-call]


@unbox(Given)
def _taken(t: Any, obj: Any, c: Any) -> NativeValue:
    builder = c.builder
    array = make_array(t)(c.context, builder)
    found = cgutils.alloca_once_value(builder, array._getvalue())
    refused = cgutils.alloca_once_value(builder, cgutils.true_bit)
    ndarray = c.context.get_c_value(builder, I8, NDARRAY)
    is_array = builder.icmp_unsigned("==", _field(builder, obj, CLASS, I8.as_pointer()), ndarray)
    with builder.if_then(is_array, True), builder.if_then(_fits(builder, obj, t), True):
        _fill(builder, array, obj, t)
        builder.store(array._getvalue(), found)
        builder.store(cgutils.false_bit, refused)
    with builder.if_then(builder.load(refused), False):
        c.pyapi.err_set_string("PyExc_BufferError", "an array of another type")
    return NativeValue(builder.load(found), is_error=builder.load(refused))


def _field(builder: Any, obj: Any, offset: int, t: Any) -> Any:
    place = builder.gep(builder.bitcast(obj, I8.as_pointer()), [I64(offset)])
    return builder.load(builder.bitcast(place, t.as_pointer()))


def _fits(builder: Any, obj: Any, t: Any) -> Any:
    """Is this array of this type?"""
    asked, wanted = BEHAVED | CONTIGUOUS, BEHAVED | (CONTIGUOUS if t.layout == "C" else 0)
    flags = builder.and_(_field(builder, obj, FLAGS, I32), I32(asked))
    descr = _field(builder, obj, DESCR, I8.as_pointer())
    number = _field(builder, descr, NUMBER, I32)
    known = (builder.icmp_unsigned("==", number, I32(n)) for n in _numbers(as_dtype(t.dtype)))  # type: ignore[no-untyped-call]
    same = next(known)
    for other in known:
        same = builder.or_(same, other)
    for condition in (
        builder.icmp_unsigned("==", _field(builder, obj, RANK, I32), I32(t.ndim)),
        builder.icmp_unsigned("==", flags, I32(wanted)),
        builder.icmp_unsigned("!=", _field(builder, descr, BYTEORDER, I8), I8(ord(SWAPPED))),
    ):
        same = builder.and_(same, condition)
    return same


def _numbers(dtype: np.dtype) -> Sequence[int]:
    """NumPy's numbers of this dtype: C has several names for some integers."""
    return sorted({other.num for other in map(np.dtype, "?bBhHiIlLqQfdg") if other == dtype})


def _fill(builder: Any, array: Any, obj: Any, t: Any) -> None:
    """What compiled code knows of an array, but nobody who counts references to its memory."""
    shape, strides = (
        [builder.load(builder.gep(row, [I64(k)])) for k in range(t.ndim)]
        for row in (_field(builder, obj, offset, I64.as_pointer()) for offset in (SHAPE, STRIDES))
    )
    items = I64(1)
    for extent in shape:
        items = builder.mul(items, extent)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    array.nitems, array.itemsize = items, I64(as_dtype(t.dtype).itemsize)  # type: ignore[no-untyped-call]
    array.data = builder.bitcast(_field(builder, obj, DATA, I8.as_pointer()), array.data.type)
    array.shape = cgutils.pack_array(builder, shape, I64)
    array.strides = cgutils.pack_array(builder, strides, I64)
