"""Elementary functions as kernels call them: NumPy's in plain Python, in Numba those of `elementary`, which vectorize.

Numba's own are calls of libm, one number at a time: exp 3 ns, tanh 9 ns an element, where these take 0.5 and 0.8.

Most are inlined into the loop that calls them. Those with arguments for which they have no formula (`sin` of large
ones is libm's) are functions with versions for vectors, which LLVM finds by the call's attribute
`vector-function-abi-variant` (https://llvm.org/docs/LangRef.html, "Call Site Attributes"); where an LLVM does not
know it, they are called for one number at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable

from adcompiler.runtime import elementary, powers, special
from adcompiler.runtime.lanes import F32, F64, Formula, Lanes, choose, declared, intrinsic, magnitude

settings: Any = config
USED = "llvm.compiler.used"
FORMATS = {types.float64: (F64, "f64"), types.float32: (F32, "f32")}
FUNCTIONS: dict[str, int] = {}  # the names of all that vectorize, and how many arguments they take
NARROW = {powers.power: powers.power_of_narrow}  # where less is enough for float32
LARGE = dict.fromkeys(("sin", "cos", "tan"), elementary.FAR)  # from here on, libm


# Functions of the module that the kernel's code is in.
def _begun(module: Any, name: str, formula: Formula, type: Any, attributes: tuple[str, ...]) -> tuple[Any, Any]:
    """A new function that takes as many arguments as the formula, and a builder for its body."""
    function = ir.Function(module, ir.FunctionType(type, [type] * formula.__code__.co_argcount), name)
    function.linkage = "internal"
    for attribute in attributes:
        set.add(function.attributes, attribute)
    return function, ir.IRBuilder(function.append_basic_block())


def _value(formula: Formula, args: list[Lanes]) -> Lanes:
    """The formula's value, computed in float64 and rounded to the arguments' format."""
    if args[0].element == F64:
        return formula(*args)
    return NARROW.get(formula, formula)(*(a.wide for a in args)).narrow


def _inlined(module: Any, name: str, formula: Formula, type: Any) -> Any:
    function, builder = _begun(module, name, formula, type, ("alwaysinline", "nounwind"))
    builder.ret(_value(formula, [Lanes(builder, a) for a in function.args]).value)
    return function


def vector_bits() -> int:
    """The size of vectors on the CPU that Numba compiles for."""
    features = llvm.get_host_cpu_features().flatten() if settings.CPU_FEATURES is None else settings.CPU_FEATURES
    known = features.split(",")
    return 512 if "+avx512f" in known else 256 if "+avx" in known or "+avx2" in known else 128


def _widths(size: int) -> tuple[int, ...]:
    """Into how many numbers of so many bits LLVM may cut a loop: as many as fit into a vector; half of that on CPUs of
    Intel's, which it spares the widest vectors, and for float32 among float64."""
    whole = vector_bits() // size
    spared = vector_bits() == 512 and not (settings.CPU_NAME or llvm.get_host_cpu_name()).startswith("znver")
    return (whole, whole // 2) if size == 32 or spared else (whole,)


def _guarded(module: Any, name: str, formula: Formula, type: Any) -> Any:
    """The function for one number, with its versions for vectors."""
    plain = ("noinline", "nounwind", "willreturn", "memory(none)")
    size, versions = 64 if type == F64 else 32, []
    for width in _widths(size):
        vector, builder = _begun(module, f"{name}_{width}", formula, ir.VectorType(type, width), plain)
        _checked(formula, Lanes(builder, vector.args[0]))
        versions.append((width, vector))
    function, builder = _begun(module, name, formula, type, plain)
    _checked(formula, Lanes(builder, function.args[0]))
    names = ",".join(f"_ZGV_LLVM_N{width}v_{name}({vector.name})" for width, vector in versions)
    set.add(function.attributes, f'"vector-function-abi-variant"="{names}"')
    _keep(module, [vector for _, vector in versions])
    return function


def _checked(formula: Formula, x: Lanes) -> None:
    """Return the formula's value, and libm's in those lanes where the argument is large."""
    builder, near = x.builder, _value(formula, [x])
    far = magnitude(x.wide if x.element == F32 else x) > LARGE[formula.__name__]
    some = far.value if x.width == 1 else builder.bitcast(far.value, ir.IntType(x.width))
    if x.width > 1:
        some = builder.icmp_unsigned("!=", some, ir.Constant(some.type, 0))
    with builder.if_then(some, likely=False):
        builder.ret(choose(far, _one_by_one(formula.__name__, x), near).value)
    builder.ret(near.value)


def _one_by_one(name: str, x: Lanes) -> Lanes:
    """LLVM's function of that name, which calls libm, lane by lane."""
    if x.width == 1:
        return intrinsic(name, x)
    values = ir.Constant(x.value.type, ir.Undefined)
    for k in range(x.width):
        place = ir.Constant(ir.IntType(32), k)
        one = intrinsic(name, x.made(x.builder.extract_element(x.value, place)))
        values = x.builder.insert_element(values, one.value, place)
    return x.made(values)


def _keep(module: Any, functions: list[Any]) -> None:
    """Keep functions that nobody calls until loops are vectorized."""
    pointer = ir.IntType(8).as_pointer()
    known = module.globals.get(USED)
    kept = [*(known.initializer.constant if known else []), *(f.bitcast(pointer) for f in functions)]
    t = ir.ArrayType(pointer, len(kept))
    if known is None:
        known = ir.GlobalVariable(module, t, USED)
        known.linkage, known.section = "appending", "llvm.metadata"
    known.type, known.value_type, known.initializer = t.as_pointer(), t, ir.Constant(t, kept)


# Functions of Python.
def _compiled(function: Callable[..., Any], count: int, build: Callable[..., Any]) -> Callable[..., Any]:
    """Teach Numba to call for the function what `build` gives for a module, a name and a type: in float32 where all
    arguments are, else in float64."""

    def chosen(*xs: Any) -> Any:
        if not all(isinstance(x, types.Number | types.Boolean) for x in xs):
            return None
        t = types.float32 if all(x == types.float32 for x in xs) else types.float64
        return signature(t, *[t] * count)

    @type_callable(function)
    def typed(context: Any) -> Any:
        return (lambda x: chosen(x)) if count == 1 else (lambda x, y: chosen(x, y))

    for t in FORMATS:

        @lower_builtin(function, *[t] * count)
        def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            type, suffix = FORMATS[sig.return_type]
            name = f"adcompiler_{function.__name__}_{suffix}"
            return builder.call(builder.module.globals.get(name) or build(builder.module, name, type), args)

    return function


def _public(name: str, reference: Callable[..., Any], source: Any = elementary) -> Callable[..., Any]:
    formula = getattr(source, name)
    count = formula.__code__.co_argcount
    build = _guarded if name in LARGE else _inlined

    def function(*args: Any) -> Any:
        return reference(*args)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name} of {'a number' if count == 1 else 'two numbers'}, element by element."
    FUNCTIONS[name] = count
    return _compiled(function, count, lambda module, at, type: build(module, at, formula, type))


def _extremum(name: str, reference: Callable[..., Any]) -> Callable[..., Any]:
    """LLVM's function of that name (nan if either is), which its vectorizer knows as a reduction."""

    def function(x: Any, y: Any) -> Any:
        return reference(x, y)

    def build(module: Any, at: str, type: Any) -> Any:
        return declared(module, f"llvm.{name}.{'f64' if type == F64 else 'f32'}", ir.FunctionType(type, [type] * 2))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {name} of two numbers; nan where either is."
    return _compiled(function, 2, build)


maximum = _extremum("maximum", np.maximum)
minimum = _extremum("minimum", np.minimum)
exp = _public("exp", np.exp)
exp2 = _public("exp2", np.exp2)
expm1 = _public("expm1", np.expm1)
expit = _public("expit", special.expit)
log = _public("log", np.log)
log1p = _public("log1p", np.log1p)
log2 = _public("log2", np.log2)
log10 = _public("log10", np.log10)
sin = _public("sin", np.sin)
cos = _public("cos", np.cos)
tan = _public("tan", np.tan)
sinh = _public("sinh", np.sinh)
cosh = _public("cosh", np.cosh)
tanh = _public("tanh", np.tanh)
erf = _public("erf", special.erf)
power = _public("power", np.power, powers)
arctan = _public("arctan", np.arctan, powers)
arctan2 = _public("arctan2", np.arctan2, powers)
arcsin = _public("arcsin", np.arcsin, powers)
arccos = _public("arccos", np.arccos, powers)
hypot = _public("hypot", np.hypot, powers)
logaddexp = _public("logaddexp", np.logaddexp, powers)
