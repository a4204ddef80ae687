"""Arrays made in the memory of arrays that nobody needs any more."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_new_ref
from numba.core.typing.templates import signature
from numba.extending import intrinsic, overload
from numba.np import arrayobj

from adcompiler.runtime.memory import array_of, new_array


def renewed(spare: Any, shape: tuple[int, ...]) -> Any:
    """An array of open elements: in the memory of the spare one if that is of this shape, else a new one."""
    return spare if spare.shape == shape else np.empty(shape, spare.dtype)


@intrinsic
def _renewed(typingctx, spare, shape):
    if not isinstance(spare, types.Array) or spare.layout != "C" or len(shape) != spare.ndim:
        raise TypingError(f"no array of shape {shape} can be made of {spare}")
    return signature(spare, spare, shape), _build


def _build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Either memory, and the shape as it was asked for: LLVM sees extents and strides, not whose they were."""
    kind = sig.args[0]
    spare = arrayobj.make_array(kind)(context, builder, args[0])
    given, shape = (cgutils.unpack_tuple(builder, x) for x in (spare.shape, args[1]))
    same = cgutils.true_bit
    for old, new in zip(given, shape, strict=True):
        same = builder.and_(same, builder.icmp_signed("==", old, new))
    slots = [cgutils.alloca_once_value(builder, x) for x in (spare.data, spare.meminfo)]
    with builder.if_else(same, likely=True) as (kept, made):
        with kept:
            context.nrt.incref(builder, kind, spare._getvalue())
        with made:
            new = new_array(context, builder, kind, shape)
            for slot, value in zip(slots, (new.data, new.meminfo), strict=True):
                builder.store(value, slot)
    data, meminfo = map(builder.load, slots)
    out = array_of(context, builder, kind, shape, data, meminfo)
    return impl_ret_new_ref(context, builder, kind, out._getvalue())


@overload(renewed)
def _overload(spare, shape):
    return lambda spare, shape: _renewed(spare, shape)  # type: ignore[call-arg]
