"""Arrays whose memory is kept for the next ones.

What the C library frees of blocks of megabytes it gives back to the operating system, which hands out zeroed pages one
by one when they are touched again: a kernel with large temporaries would spend more time on that than on its work.
Blocks of at least 64 KiB are kept instead, up to 256 MiB of them in the process: eight of each size class, four classes
from a power of two to the next, lent to any thread by exchanging a word.
"""

from __future__ import annotations

from math import prod
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen
from numba.core.imputils import impl_ret_new_ref
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, type_callable
from numba.np import arrayobj

SMALLEST, MOST = 2**16, 2**28  # bytes of a block that is kept, and of all of them
CLASSES, PLACES = 52, 8  # class k: up to (5 + k % 4) * 2 ** (13 + k // 4) bytes

KEEPER = f"""
@kept = internal global [{CLASSES * PLACES} x i64] zeroinitializer
@bytes = internal global i64 0

declare ptr @malloc(i64)
declare void @free(ptr)
declare ptr @NRT_get_api()  ; its third function makes a NRT_MemInfo of data and of what to call when nobody needs it
declare ptr @NRT_MemInfo_alloc_aligned(i64, i32)
declare i64 @llvm.ctlz.i64(i64, i1)

define ptr @adcompiler_allocate(i64 %size) {{
; A NRT_MemInfo with so many bytes, or null.
  %small = icmp ult i64 %size, {SMALLEST}
  %large = icmp ugt i64 %size, {MOST}
  %other = or i1 %small, %large
  br i1 %other, label %plain, label %search
plain:
  %own = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 64)
  ret ptr %own
search:  ; the class: the first three bits of size - 1, and how many follow
  %last = sub i64 %size, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %last, i1 true)
  %rest = sub i64 61, %zeros
  %head = lshr i64 %last, %rest
  %most = add i64 %head, 1
  %capacity = shl i64 %most, %rest
  %doublings = sub i64 %rest, 13
  %above = shl i64 %doublings, 2
  %class = add i64 %above, %head
  %first.class = sub i64 %class, 4
  %first = mul i64 %first.class, {PLACES}
  %end = add i64 %first, {PLACES}
  br label %next
next:
  %i = phi i64 [%first, %search], [%i.next, %missed]
  %done = icmp eq i64 %i, %end
  br i1 %done, label %fresh, label %look
look:
  %place = getelementptr i64, ptr @kept, i64 %i
  %seen = load atomic i64, ptr %place monotonic, align 8
  %empty = icmp eq i64 %seen, 0
  br i1 %empty, label %missed, label %take
take:
  %taken = atomicrmw xchg ptr %place, i64 0 acq_rel
  %gone = icmp eq i64 %taken, 0
  br i1 %gone, label %missed, label %found
missed:
  %i.next = add i64 %i, 1
  br label %next
found:
  %held = atomicrmw sub ptr @bytes, i64 %capacity monotonic
  %known = inttoptr i64 %taken to ptr
  br label %give
fresh:  ; before the data: where it is kept, its capacity, and the block
  %total = add i64 %capacity, 128
  %block = call ptr @malloc(i64 %total)
  %none = icmp eq ptr %block, null
  br i1 %none, label %failed, label %made
failed:
  ret ptr null
made:
  %address = ptrtoint ptr %block to i64
  %past = add i64 %address, 127
  %aligned = and i64 %past, -64
  %new = inttoptr i64 %aligned to ptr
  %at.first = getelementptr i64, ptr %new, i64 -3
  store i64 %first, ptr %at.first
  %at.capacity = getelementptr i64, ptr %new, i64 -2
  store i64 %capacity, ptr %at.capacity
  %at.block = getelementptr i64, ptr %new, i64 -1
  store i64 %address, ptr %at.block
  br label %give
give:
  %data = phi ptr [%known, %found], [%new, %made]
  %api = call ptr @NRT_get_api()
  %at.manage = getelementptr ptr, ptr %api, i64 2
  %manage = load ptr, ptr %at.manage
  %info = call ptr %manage(ptr %data, ptr @keep)
  ret ptr %info
}}

define internal void @keep(ptr %data) {{
; Nobody refers to the data any more.
  %at.capacity = getelementptr i64, ptr %data, i64 -2
  %capacity = load i64, ptr %at.capacity
  %before = atomicrmw add ptr @bytes, i64 %capacity monotonic
  %after = add i64 %before, %capacity
  %full = icmp ugt i64 %after, {MOST}
  br i1 %full, label %clear, label %search
clear:  ; whatever was kept longest may never be asked for again
  call void @adcompiler_release()
  br label %search
search:
  %at.first = getelementptr i64, ptr %data, i64 -3
  %first = load i64, ptr %at.first
  %end = add i64 %first, {PLACES}
  %value = ptrtoint ptr %data to i64
  br label %next
next:
  %i = phi i64 [%first, %search], [%i.next, %try]
  %done = icmp eq i64 %i, %end
  br i1 %done, label %drop, label %try
try:
  %place = getelementptr i64, ptr @kept, i64 %i
  %pair = cmpxchg ptr %place, i64 0, i64 %value acq_rel monotonic
  %put = extractvalue {{i64, i1}} %pair, 1
  %i.next = add i64 %i, 1
  br i1 %put, label %kept, label %next
kept:
  ret void
drop:
  call void @forget(ptr %data)
  ret void
}}

define internal void @forget(ptr %data) {{
  %at.capacity = getelementptr i64, ptr %data, i64 -2
  %capacity = load i64, ptr %at.capacity
  %held = atomicrmw sub ptr @bytes, i64 %capacity monotonic
  %at.block = getelementptr i64, ptr %data, i64 -1
  %address = load i64, ptr %at.block
  %block = inttoptr i64 %address to ptr
  call void @free(ptr %block)
  ret void
}}

define void @adcompiler_release() {{
; Free all that is kept.
  br label %next
next:
  %i = phi i64 [0, %0], [%i.next, %after]
  %place = getelementptr i64, ptr @kept, i64 %i
  %taken = atomicrmw xchg ptr %place, i64 0 acq_rel
  %empty = icmp eq i64 %taken, 0
  br i1 %empty, label %after, label %found
found:
  %data = inttoptr i64 %taken to ptr
  call void @forget(ptr %data)
  br label %after
after:
  %i.next = add i64 %i, 1
  %done = icmp eq i64 %i.next, {CLASSES * PLACES}
  br i1 %done, label %end, label %next
end:
  ret void
}}

define i64 @adcompiler_kept() {{
  %now = load atomic i64, ptr @bytes monotonic, align 8
  ret i64 %now
}}
"""


def _installed() -> Any:
    """The keeper's machine code, under names that kernels call, also those that are loaded from the disk."""
    rtsys.initialize(cpu_target.target_context)  # the names of Numba's own allocator
    module = llvm.parse_assembly(KEEPER)
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    for name in ("adcompiler_allocate", "adcompiler_release", "adcompiler_kept"):
        codegen.ll.add_symbol(name, engine.get_function_address(name))
    return engine


ENGINE = _installed()
release = types.ExternalFunction("adcompiler_release", types.void())
kept = types.ExternalFunction("adcompiler_kept", types.int64())


def empty(shape: Any, dtype: Any = np.float64) -> Any:
    """An array of open elements."""
    return np.empty(shape, dtype)


def zeros(shape: Any, dtype: Any = np.float64) -> Any:
    return np.zeros(shape, dtype)


def _extents(shape: Any) -> list[Any]:
    return list(shape) if isinstance(shape, types.BaseTuple) else [shape]  # type: ignore[call-overload]


def _kind(shape: Any, dtype: Any = None) -> Any:
    extents = _extents(shape)
    if not all(isinstance(n, types.Integer) for n in extents):
        return None
    return types.Array(types.float64 if dtype is None else dtype.dtype, len(extents), "C")


@type_callable(empty)
def _empty(context: Any) -> Any:
    return _kind


@type_callable(zeros)
def _zeros(context: Any) -> Any:
    return _kind


@lower_builtin(empty, types.Any)
@lower_builtin(empty, types.Any, types.Any)
def _emptied(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return impl_ret_new_ref(context, builder, sig.return_type, _made(context, builder, sig, args)._getvalue())


@lower_builtin(zeros, types.Any)
@lower_builtin(zeros, types.Any, types.Any)
def _zeroed(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    array = _made(context, builder, sig, args)
    cgutils.memset(builder, array.data, builder.mul(array.itemsize, array.nitems), 0)
    return impl_ret_new_ref(context, builder, sig.return_type, array._getvalue())


def _made(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """The array of a shape as it is written: an integer or some, of any type."""
    given = sig.args[0]
    sizes = cgutils.unpack_tuple(builder, args[0]) if isinstance(given, types.BaseTuple) else [args[0]]
    shape = [context.cast(builder, n, kind, types.intp) for n, kind in zip(sizes, _extents(given), strict=True)]
    for n in shape:
        refuse(context, builder, builder.icmp_signed("<", n, n.type(0)), ValueError, "negative dimensions not allowed")
    return new_array(context, builder, sig.return_type, shape)


def new_array(context: Any, builder: Any, kind: Any, shape: Any) -> Any:
    """A C-contiguous array of the Numba type `kind`, its elements open, as LLVM values."""
    total, over = _itemsize(context, kind), cgutils.false_bit
    for extent in reversed(shape):
        product = builder.smul_with_overflow(total, extent)
        total = builder.extract_value(product, 0)
        over = builder.or_(over, builder.extract_value(product, 1))
    refuse(context, builder, over, ValueError, "array is too big")
    allocate = ir.FunctionType(cgutils.voidptr_t, [ir.IntType(64)])
    info = builder.call(cgutils.get_or_insert_function(builder.module, allocate, "adcompiler_allocate"), [total])
    refuse(context, builder, cgutils.is_null(builder, info), MemoryError, f"no memory for an array of rank {kind.ndim}")
    data = builder.bitcast(context.nrt.meminfo_data(builder, info), context.get_data_type(kind.dtype).as_pointer())
    return array_of(context, builder, kind, shape, data, info)


def array_of(context: Any, builder: Any, kind: Any, shape: Any, data: Any, meminfo: Any) -> Any:
    """A C-contiguous array in memory that is there already, which `meminfo` (None: the stack) keeps."""
    size = _itemsize(context, kind)
    strides = [size]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent, flags=["nsw"]))
    array = arrayobj.make_array(kind)(context, builder)
    arrayobj.populate_array(array, data, shape, strides[: len(shape)], size, meminfo)
    return array


def _itemsize(context: Any, kind: Any) -> Any:
    return context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))


def refuse(context: Any, builder: Any, wrong: Any, error: Any, text: str) -> None:
    """Raise the error if the LLVM value `wrong` is true."""
    with builder.if_then(wrong, likely=False):
        context.call_conv.return_user_exc(builder, error, (text,))


def local(shape: Any, dtype: Any = np.float64) -> Any:
    """An array of open elements and of literal extents; in compiled code on the stack, one for each place that makes
    it, so that LLVM sees what is stored where, and can keep its elements in registers. It must not be returned."""
    return np.empty(shape, dtype)


@infer_global(local)
class _Local(AbstractTemplate):
    prefer_literal = True

    def generic(self, args: Any, kws: Any) -> Any:
        kind = _kind(*args)
        literal = kind is not None and all(isinstance(n, types.IntegerLiteral) for n in _extents(args[0]))
        return signature(kind, *args) if literal else None


@lower_builtin(local, types.Any)
@lower_builtin(local, types.Any, types.Any)
def _localized(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    kind, shape = sig.return_type, [n.literal_value for n in _extents(sig.args[0])]
    data = cgutils.alloca_once(builder, context.get_data_type(kind.dtype), size=max(prod(shape), 1))
    known = [context.get_constant(types.intp, n) for n in shape]
    return array_of(context, builder, kind, known, data, None)._getvalue()
