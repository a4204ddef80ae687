"""The reference interpreter: runs any IR in plain NumPy, the oracle for passes, transforms and backends."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adcompiler import errors
from adcompiler.errors import InternalError
from adcompiler.ir.core import CONTROL, Const, Function, Op, Operand, Region
from adcompiler.ir.table import OPS
from adcompiler.ir.types import DTYPES, Array, Scalar, Type

Trace = Callable[[Op, Sequence[Any]], None]


class _Undefined:
    """The value of a variable on a path where it has none: may be carried about, not looked at."""

    def __repr__(self) -> str:
        return "undef"


UNDEF = _Undefined()


def interpret(fn: Function, args: Sequence[Any], trace: Trace | None = None) -> tuple[Any, ...]:
    """Run `fn` on numbers and arrays; arrays are used as they are, so the caller sees what is written to them.

    `trace(op, results)` is called after each op, control ops included.
    """
    if len(args) != len(fn.params):
        raise TypeError(f"{fn.name} takes {len(fn.params)} arguments, not {len(args)}")
    machine = Machine(trace)
    for param, arg in zip(fn.params, args, strict=True):
        machine.values[param] = arg if isinstance(param.type, Array) else exact(arg, param.type)
    with np.errstate(all="ignore"):
        results = machine.run(fn.body)
    machine.leave()
    if any(r is UNDEF for r in results):
        raise InternalError(f"{fn.name} returns a value that was never defined")
    return tuple(results)


class Machine:
    def __init__(self, trace: Trace | None):
        self.values: dict[Any, Any] = {}
        self.trace = trace
        self.stack: dict[Op, np.ndarray] = {}  # arrays that end with the call

    def read(self, operand: Operand) -> Any:
        return exact(operand.value, operand.type) if isinstance(operand, Const) else self.values[operand]

    def run(self, region: Region) -> list[Any]:
        """Run a region; what its terminator hands on."""
        for op in region.ops[:-1]:
            results = getattr(self, f"{op.name}_")(op) if op.name in CONTROL else self.plain(op)
            self.values.update(zip(op.results, results, strict=True))
            if self.trace:
                self.trace(op, results)
        return [self.read(a) for a in region.terminator.args]

    def plain(self, op: Op) -> Sequence[Any]:
        args = [self.read(a) for a in op.args]
        if op.name in MEMORY:
            results = MEMORY[op.name](op, *args)
            if op.attrs.get("local"):
                self.enter(op, results[0])
            return results
        entry = OPS[op.name]
        assert entry.evaluate is not None, f"{op.name} has no meaning"
        if any(a is UNDEF for a in args):
            if entry.kind == "memory":
                _defined(op, *args)
            return self.undefined(op, args)
        result = entry.evaluate(*args, **{k: v for k, v in op.attrs.items() if k not in ("safe", "checked")})
        if not op.results or not entry.allocates:
            return [result] if op.results else []
        parts = [result] if len(op.results) == 1 else result
        return [fresh(part, args, r.type) for part, r in zip(parts, op.results, strict=True)]

    def enter(self, op: Op, array: np.ndarray) -> None:
        """An array on the stack, where there is one for each place that makes it."""
        if op in self.stack:
            raise InternalError("an array on the stack is made twice", op.loc)
        self.stack[op] = array

    def leave(self) -> None:
        """Whoever looks at the stack's arrays from now on notices."""
        for op, array in self.stack.items():
            array[...] = _garbage(op.result.type.dtype)  # type: ignore[union-attr]

    def undefined(self, op: Op, args: list[Any]) -> Sequence[Any]:
        """An undefined value stays one through arithmetic (which may be speculated); a choice may drop it."""
        mask = args[0]
        if op.name == "select" and isinstance(mask, np.bool_):
            return [args[1] if mask else args[2]]
        return [UNDEF] * len(op.results)

    def condition(self, op: Op, value: Any) -> bool:
        if value is UNDEF:
            raise InternalError(f"{op.name} depends on a value that was never defined", op.loc)
        return bool(value)

    def if_(self, op: Op) -> Sequence[Any]:
        then, orelse = op.regions
        return self.run(then if self.condition(op, self.read(op.args[0])) else orelse)

    def for_(self, op: Op) -> Sequence[Any]:
        lo, hi, step = (int(self.read(a)) for a in op.args[:3])
        if step == 0:
            raise ValueError("range() arg 3 must not be zero")
        indices = range(lo, hi, step)
        carried: Sequence[Any] = [self.read(a) for a in op.inits]
        for i in reversed(indices) if op.attrs.get("reversed") else indices:
            self.values.update(zip(op.body.params, [np.int64(i), *carried], strict=True))
            carried = self.run(op.body)
            if op.until is not None:
                *carried, stop = carried
                if self.condition(op, stop):
                    break
        return carried

    def while_(self, op: Op) -> Sequence[Any]:
        carried: Sequence[Any] = [self.read(a) for a in op.inits]
        while True:
            self.values.update(zip(op.carried, carried, strict=True))
            (go,) = self.run(op.regions[0])
            if not self.condition(op, go):
                return carried
            carried = self.run(op.body)


def exact(value: Any, type: Type) -> Any:
    """A NumPy scalar of exactly the type's dtype."""
    if value is UNDEF or not isinstance(type, Scalar):
        return value
    return np.asarray(value).astype(DTYPES[type.dtype])[()]


def fresh(result: Any, args: list[Any], type: Type) -> Any:
    """What an op computed, in the dtype of its result and in memory of its own."""
    if isinstance(type, Scalar):
        return exact(result, type)
    assert isinstance(type, Array)
    shared = any(isinstance(a, np.ndarray) and np.may_share_memory(a, result) for a in args)
    array = np.array(result, dtype=DTYPES[type.dtype], copy=True if shared else None, order="C")
    if array.ndim != type.rank:
        raise InternalError(f"rank {array.ndim} where {type} was declared")
    return array


# Memory: each takes the op and its operands and returns the results.
def _defined(op: Op, *values: Any) -> None:
    if any(v is UNDEF for v in values):
        raise InternalError(f"{op.name} reads a value that was never defined", op.loc)


def _place(op: Op, array: Any, indices: Sequence[Any]) -> tuple[int, ...]:
    """The element's place; an index outside raises, and is our bug where the op promised that it is inside."""
    _defined(op, array, *indices)
    for axis, (i, size) in enumerate(zip(indices, array.shape, strict=True)):
        if not -size <= i < size:
            message = f"index {i} is out of bounds for axis {axis} with size {size}"
            raise InternalError(f"safe {message}", op.loc) if op.attrs.get("safe") else IndexError(message)
    return tuple(int(i) for i in indices)


def _load(op: Op, array: Any, *indices: Any) -> Sequence[Any]:
    return [array[_place(op, array, indices)]]


def _store(op: Op, array: Any, *rest: Any) -> Sequence[Any]:
    *indices, value = rest
    _defined(op, value)
    array[_place(op, array, indices)] = value
    return []


def _update(op: Op, array: Any, *rest: Any) -> Sequence[Any]:
    *indices, value = rest
    _defined(op, value)
    array[_place(op, array, indices)] += value
    return []


def _view(op: Op, array: Any, *operands: Any) -> Sequence[Any]:
    _defined(op, array, *operands)
    rest = iter(operands)
    key: list[Any] = []
    for item in op.attrs["index"]:
        if item == "n":
            key.append(None)
        elif item == "i":
            key.append(int(next(rest)))
        else:
            key.append(slice(*(int(next(rest)) if given == "1" else None for given in item)))
    return [array[tuple(key)]]


def _assign(op: Op, target: Any, value: Any) -> Sequence[Any]:
    _defined(op, target, value)
    target[...] = np.array(value)
    return []


def _accumulate(op: Op, target: Any, value: Any) -> Sequence[Any]:
    _defined(op, target, value)
    target[...] = target + np.array(value)
    return []


def _empty(op: Op, *extents: Any) -> Sequence[Any]:
    """Filled with what is noticed when it is read: nan, or the least integer."""
    return _full(op, _garbage(op.result.type.dtype), *extents)  # type: ignore[union-attr]


def _garbage(dtype: str) -> Any:
    return np.nan if dtype[0] == "f" else True if dtype == "b1" else np.iinfo(DTYPES[dtype]).min


def _full(op: Op, fill: Any, *extents: Any) -> Sequence[Any]:
    _defined(op, fill, *extents)
    return [np.full(tuple(int(n) for n in extents), fill, DTYPES[op.result.type.dtype])]  # type: ignore[union-attr]


def _renew(op: Op, spare: Any, *extents: Any) -> Sequence[Any]:
    """Whoever still reads the spare array notices."""
    _defined(op, *extents)
    if spare.shape != tuple(int(n) for n in extents):
        return _empty(op, *extents)
    spare[...] = _garbage(op.result.type.dtype)  # type: ignore[union-attr]
    return [spare]


def _renewed_product(op: Op, spare: Any, a: Any, b: Any) -> Sequence[Any]:
    product = np.matmul(a, b)
    made = _renew(op, spare, *product.shape)
    made[0][...] = product
    return made


def _full_like(op: Op, like: Any, fill: Any) -> Sequence[Any]:
    return _full(op, fill, *like.shape)


def _push(op: Op, stack: list[Any], value: Any) -> Sequence[Any]:
    stack.append(value)
    return []


def _raise_if(op: Op, condition: Any) -> Sequence[Any]:
    _defined(op, condition)
    if condition:
        name = op.attrs["error"]
        error = getattr(builtins, name, None) or getattr(errors, name)
        raise error(op.attrs.get("message", ""))
    return []


def _print(op: Op, *values: Any) -> Sequence[Any]:
    _defined(op, *values)
    rest = iter(values)
    parts = op.attrs.get("parts", (None,) * len(values))
    print(*(next(rest) if part is None else part for part in parts))
    return []


def _seed(op: Op, n: Any) -> Sequence[Any]:
    np.random.seed(int(n))
    return []


MEMORY: dict[str, Callable[..., Sequence[Any]]] = {
    "empty": _empty,
    "zeros": lambda op, *extents: _full(op, 0, *extents),
    "full": _full,
    "renew": _renew,
    "matmul_renewed": _renewed_product,
    "empty_like": lambda op, x: _full_like(op, x, _garbage(op.result.type.dtype)),
    "zeros_like": lambda op, x: _full_like(op, x, 0),
    "load": _load,
    "store": _store,
    "update": _update,
    "view": _view,
    "assign": _assign,
    "accumulate": _accumulate,
    "stack": lambda op: [[]],
    "push": _push,
    "pop": lambda op, stack: [stack.pop()],
    "undef": lambda op: [UNDEF],
    "section": lambda op: [],
    "raise_if": _raise_if,
    "print": _print,
    "seed": _seed,
    "custom": lambda op, *args: interpret(op.attrs["rule"].primal, args),
    "custom_effect": lambda op, *args: interpret(op.attrs["rule"].primal, args),
}
