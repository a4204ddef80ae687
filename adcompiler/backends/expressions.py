"""IR ops as Python expressions (ast nodes) that have exactly the IR's dtypes, in plain Python and in Numba."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Collection
from functools import partial

from adcompiler.analysis.layout import strides_vary
from adcompiler.backends.fold import Plan
from adcompiler.backends.forms import filled, subscript
from adcompiler.backends.naming import Names
from adcompiler.backends.nodes import (
    constant,
    flat,
    name,
    negated,
    number,
    numpy_type,
    prototype,
    tidied,
    zero_of,
)
from adcompiler.backends.whole import HELPERS as WHOLE_HELPERS
from adcompiler.backends.whole import WHOLE
from adcompiler.errors import InternalError
from adcompiler.ir.core import Const, Op, Operand, Value
from adcompiler.ir.table import OPS, OpDef, with_attributes
from adcompiler.ir.types import Array, Scalar, Stack, Type, is_float
from adcompiler.passes.access import place

with warnings.catch_warnings():  # astor asks for names that ast has deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import astor

NARROW = frozenset({"i32", "i16", "i8", "u32", "u16", "u8"})  # Numba computes these in 64 bits
SMALL = range(-8, 9)  # exponents that stay integers
INTEGER_HELPERS = frozenset({"floordiv", "mod", "int_power"})
# Helpers of adcompiler.runtime that ops need besides those that their template names.
HELPERS = {
    "select": ("where",),
    "floordiv": ("floordiv",),
    "mod": ("mod",),
    "pow": ("int_power",),
    "matmul": ("matmul",),
    "unspread": ("sum_to",),
    "cast": ("float", "int", "bool"),
    "for": ("range",),
    "dim": ("len",),
    "print": ("print",),
    "maximum": ("max",),
    "minimum": ("min",),
    **WHOLE_HELPERS,
}


def text_of(node: ast.expr) -> str:
    """The expression as source, on one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        text = str(astor.to_source(ast.Expr(node), pretty_source="".join)).strip()
    return text if '"' in text or "\\" in text else text.replace("'", '"')


def names_called(op: Op) -> set[str]:
    """The global names that the text of `op` may use."""
    emit = OPS[op.name].emit if op.name in OPS else ""
    kernel = OPS[op.name].kernel if op.name in OPS else ""
    called = set(re.findall(r"(?<![.\w])([a-z_]\w*)\(", emit + kernel)) | set(HELPERS.get(op.name, ()))
    return called | ({emit} if emit.isidentifier() else set())


class Expressions:
    """Operands and ops of one function as expressions."""

    def __init__(
        self,
        names: Names,
        plan: Plan,
        kernel: bool,
        vector: bool = False,
        native: bool = False,
        alone: Collection[Op] = (),
    ):
        """`alone`: the ops that stay libm's."""
        self.names, self.plan, self.kernel, self.vector = names, plan, kernel, vector
        self.native, self.alone = native, alone
        self.special: dict[str, Callable[[Op], ast.expr]] = {
            "load": self.load, "view": self.view, "dim": self.dim, "cast": self.cast, "select": self.select,
            "renew": self.renew,
            "empty": self.alloc, "zeros": self.alloc, "full": self.alloc, "empty_like": self.like,
            "zeros_like": self.like, "sum": self.sum, "broadcast_like": self.spread, "unspread": self.unspread,
            "stack": self.stack, "pop": self.pop, "if": self.choice, "copy": self.copy, "clip": self.clip,
            "contiguous": self.copy,
            "abs": self.abs, "pow": self.power, "floordiv": self.division, "mod": self.division,
            "matmul": self.matmul, "and": self.logic, "or": self.logic, "not": self.logic, "invert": self.logic,
            "add": self.plain, "mul": self.plain, "sign": self.sign,
            "maximum": self.extremum, "minimum": self.extremum,
            "draw_uniform": self.draw, "draw_normal": self.draw, "draw_integer": self.draw,
            **{name: partial(build, self) for name, build in WHOLE.items()},
        }  # fmt: skip

    def expr(self, operand: Operand) -> ast.expr:
        if isinstance(operand, Const):
            return constant(operand)
        inner = self.plan.definer(operand)
        return name(self.names[operand]) if inner is None else self.op(inner)

    def exprs(self, operands: list[Operand]) -> list[ast.expr]:
        return [self.expr(a) for a in operands]

    def op(self, op: Op) -> ast.expr:
        """The value of a one-result op."""
        if op.name == "undef":
            return zero_of(op.result.type)
        build = self.special.get(op.name)
        node = build(op) if build else self.template(op, self.written(OPS[op.name], op))
        return filled("np.ascontiguousarray({0})", node) if not self.kernel and self._out_of_order(op) else node

    def _out_of_order(self, op: Op) -> bool:
        """Is it new memory that NumPy may lay out as that of a transposed operand, and are views of it written to
        that there are in C's order only?"""
        if op.name not in OPS or OPS[op.name].kind != "elementwise" or not self.reordered(op.result):
            return False
        views, reshaped = [op.result], False
        for view in views:
            for user in self.plan.structure.uses.get(view, ()):
                if user.name in OPS and OPS[user.name].kind == "view":
                    reshaped |= user.name == "reshape"
                    views.append(user.result)
        return reshaped and bool(self.plan.aliases.writers.get(op.result))

    def written(self, entry: OpDef, op: Op) -> str:
        """The op's template."""
        if (
            self.vector
            and entry.vector
            and op not in self.alone
            and is_float(op.result.type)
            and isinstance(op.result.type, Scalar)
        ):
            return f"simd.{entry.vector}({', '.join(f'{{{k}}}' for k in range(len(op.args)))})"
        return (
            entry.kernel.replace("{place}", repr(place(op).strip(" ()")))
            if self.kernel and entry.kernel
            else entry.emit
        )

    def template(self, op: Op, template: str) -> ast.expr:
        """The op's template, its result brought back to the op's dtype where Numba widens."""
        if not template:
            raise InternalError(f"op {op.name} has no emission")
        template = with_attributes(template, op.attrs)
        node = tidied(filled(template, *self.exprs(op.args)))
        widened = isinstance(node, ast.BinOp) or (isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not))
        helper = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in INTEGER_HELPERS
        t = op.results[0].type
        if (widened or helper) and isinstance(t, Scalar) and t.dtype in NARROW:
            return filled(f"{numpy_type(t.dtype)}({{0}})", node)
        return node

    # Arithmetic with a twist.
    def plain(self, op: Op) -> ast.expr:
        if op.result.type == Scalar("b1"):
            return self.template(op, "{0} or {1}" if op.name == "add" else "{0} and {1}")
        return self.template(op, OPS[op.name].emit)

    def logic(self, op: Op) -> ast.expr:
        if isinstance(op.result.type, Array):
            return self.template(op, {"and": "{0} & {1}", "or": "{0} | {1}"}.get(op.name, "~{0}"))
        if op.name == "not":
            a = op.args[0]
            inner = self.plan.definer(a)
            exact = inner is not None and bool(inner.args) and not is_float(inner.args[0].type)
            return negated(self.expr(a), exact)
        if isinstance(op.result.type, Scalar) and op.name in ("and", "or"):
            return flat(ast.And() if op.name == "and" else ast.Or(), self.exprs(op.args))
        inverted = op.name == "invert" and op.result.type == Scalar("b1")
        return self.template(op, "not {0}" if inverted else OPS[op.name].emit)

    def division(self, op: Op) -> ast.expr:
        """Numba divides integers by zero without a word: unproven divisors go through a helper that raises."""
        entry = OPS[op.name]
        unproven = entry.may_raise is not None and entry.may_raise(op) and not op.attrs.get("safe")
        if unproven and (self.kernel or isinstance(op.result.type, Array)):
            return self.template(op, f"{op.name}({{0}}, {{1}})")
        return self.template(op, entry.emit)

    def power(self, op: Op) -> ast.expr:
        base, exponent = op.args
        entry = OPS["pow"]
        if entry.may_raise is not None and entry.may_raise(op) and not op.attrs.get("safe"):
            return self.template(op, "int_power({0}, {1})")
        if isinstance(exponent, Const) and is_float(base.type) and exponent.value in SMALL:
            # A literal integer exponent: products instead of a call of pow, in the dtype of the base.
            return ast.BinOp(self.expr(base), ast.Pow(), number(int(exponent.value)))
        whole = not all(is_float(a.type) for a in op.args)  # Numba multiplies
        return self.template(op, entry.emit if whole else self.written(entry, op))

    def abs(self, op: Op) -> ast.expr:
        return self.template(op, "np.abs({0})" if isinstance(op.result.type, Array) else "abs({0})")

    def extremum(self, op: Op) -> ast.expr:
        if op.result.type == Scalar("i64") and all(a.type == op.result.type for a in op.args):
            return self.template(op, "max({0}, {1})" if op.name == "maximum" else "min({0}, {1})")
        return self.template(op, self.written(OPS[op.name], op))

    def sign(self, op: Op) -> ast.expr:
        unsigned = Scalar(op.result.type.dtype) if not isinstance(op.result.type, Stack) else None
        if unsigned is not None and unsigned.dtype[0] == "u":  # Numba's np.sign gives -1 for large ones
            return filled("np.minimum({0}, {1})", self.expr(op.args[0]), constant(Const(1, unsigned)))
        return self.template(op, OPS["sign"].emit)

    def clip(self, op: Op) -> ast.expr:
        # Numba's np.clip takes no notice of a bound that is nan.
        if isinstance(op.result.type, Array):
            return self.template(op, OPS["clip"].emit)
        module = "simd" if self.vector and is_float(op.result.type) else "np"
        return self.template(op, f"{module}.minimum({module}.maximum({{0}}, {{1}}), {{2}})")

    def copy(self, op: Op) -> ast.expr:
        return self.template(op, "{0}.copy()") if isinstance(op.result.type, Array) else self.expr(op.args[0])

    def select(self, op: Op) -> ast.expr:
        test, a, b = self.exprs(op.args)
        atoms = all(inner is None or inner.name == "load" for inner in map(self.plan.definer, op.args[1:]))
        if isinstance(op.result.type, Scalar) and atoms:
            return ast.IfExp(test, a, b)
        return filled("where({0}, {1}, {2})", test, a, b)

    def choice(self, op: Op) -> ast.expr:
        """An `if` whose arms are expressions; with a literal arm it is `and` or `or`."""
        test = self.expr(op.args[0])
        a, b = (r.terminator.args[0] for r in op.regions)
        if isinstance(b, Const) and b.value is False and op.result.type == Scalar("b1"):
            return flat(ast.And(), [test, self.expr(a)])
        if isinstance(a, Const) and a.value is True and op.result.type == Scalar("b1"):
            return flat(ast.Or(), [test, self.expr(b)])
        return ast.IfExp(test, self.expr(a), self.expr(b))

    def cast(self, op: Op) -> ast.expr:
        (x,) = op.args
        dtype, source = op.attrs["dtype"], x.type
        if isinstance(source, Array):
            return self.template(op, f"{{0}}.astype({numpy_type(dtype)})")
        assert isinstance(source, Scalar)
        if dtype == source.dtype:
            return self.expr(x)
        if dtype == "b1":
            return ast.Compare(self.expr(x), [ast.NotEq()], [zero_of(source)])
        # Numba's float() keeps float32 and refuses bools, its int() keeps the width of integers.
        if dtype == "f64" and source.dtype[0] in "iu":
            return self.template(op, "float({0})")
        if dtype == "i64" and source.dtype[0] in "fb":
            return self.template(op, "int({0})")
        return self.template(op, f"{numpy_type(dtype)}({{0}})")

    # Memory.
    def element(self, array: Operand, indices: list[Operand]) -> ast.expr:
        return subscript(self.expr(array), self.exprs(indices))

    def load(self, op: Op) -> ast.expr:
        return self.element(op.args[0], op.args[1:])

    def view(self, op: Op) -> ast.expr:
        rest = iter(op.args[1:])
        items: list[ast.expr] = []
        for item in op.attrs["index"]:
            if item == "n":
                items.append(ast.Constant(None))
            elif item == "i":
                items.append(self.expr(next(rest)))
            else:
                lo, hi, step = (self.expr(next(rest)) if given == "1" else None for given in item)
                items.append(ast.Slice(lo, hi, step))
        while len(items) > 1 and isinstance(items[-1], ast.Slice) and op.attrs["index"][len(items) - 1] == "000":
            items.pop()
        return subscript(self.expr(op.args[0]), items)

    def dim(self, op: Op) -> ast.expr:
        t = op.args[0].type
        rank = t.rank if isinstance(t, Array) else 0
        return self.template(op, "len({0})" if rank == 1 else "{0}.shape[{axis}]")

    def alloc(self, op: Op) -> ast.expr:
        extents = op.args[1:] if op.name == "full" else op.args
        sizes = self.exprs(extents)
        shape = sizes[0] if len(sizes) == 1 else ast.Tuple(sizes, ast.Load())
        t = op.result.type
        assert isinstance(t, Array)
        if op.name == "full":
            model = self.measured(extents)
            if model is not None and isinstance(model.type, Array):
                return self.filled_like(self.expr(op.args[0]), model, t)
            return filled("np.full({0}, {1})", shape, self.expr(op.args[0]))
        return filled(self.made("local" if "local" in op.attrs and self.native else op.name, t), shape)

    def made(self, name: str, t: Array) -> str:
        """The call that makes an array of the shape {0}."""
        dtype = "" if t.dtype == "f64" else numpy_type(t.dtype)
        if self.native:
            return f"memory.{name}({{0}}{dtype and ', ' + dtype})"
        return f"np.{name}({{0}}{dtype and ', dtype=' + dtype})"

    def renew(self, op: Op) -> ast.expr:
        return filled("renewed({0}, {1})", self.expr(op.args[0]), ast.Tuple(self.exprs(op.args[1:]), ast.Load()))

    def draw(self, op: Op) -> ast.expr:
        """The call of a generator: its parameters, then the shape."""
        rank = op.result.type.rank if isinstance(op.result.type, Array) else 0
        args = self.exprs(op.args)
        shape, args = args[len(args) - rank :], args[: len(args) - rank]
        if rank:
            args.append(shape[0] if rank == 1 else ast.Tuple(shape, ast.Load()))
        return ast.Call(filled(OPS[op.name].emit), args, [])

    def measured(self, extents: list[Operand]) -> Operand | None:
        """The array of which these are all the extents."""
        definers = [self.plan.structure.definer.get(e) if isinstance(e, Value) else None for e in extents]
        array = definers[0].args[0] if definers and definers[0] is not None and definers[0].name == "dim" else None
        if array is None or not isinstance(array.type, Array) or array.type.rank != len(extents):
            return None
        whole = all(
            d and d.name == "dim" and d.args[0] is array and d.attrs["axis"] == k for k, d in enumerate(definers)
        )
        return array if whole and not set(extents) - self.plan.folded else None

    def reordered(self, array: Operand) -> bool:
        """May NumPy have this array in another order than C's? (A copy is printed as .copy(), which never has.)"""
        definers = self.plan.structure.definer.items()
        return strides_vary(array, self.plan.structure, {v: () for v, op in definers if op.name == "copy"}) or (
            isinstance(array.type, Array) and array.type.strided
        )

    def like(self, op: Op) -> ast.expr:
        source, t = op.args[0].type, op.result.type
        assert isinstance(source, Array) and isinstance(t, Array)
        if self.native or self.reordered(op.args[0]):  # a fresh array is in C's order whatever the other is
            return self.template(op, self.made(op.name.removesuffix("_like"), t).replace("{0}", "{0}.shape"))
        dtype = "" if source.dtype == t.dtype else f", dtype={numpy_type(t.dtype)}"
        return self.template(op, f"np.{op.name}({{0}}{dtype})")

    def stack(self, op: Op) -> ast.expr:
        return filled("stack({0})", prototype(op.attrs["elem"]))

    def pop(self, op: Op) -> ast.expr:
        return self.template(op, "{0}.pop()")

    # Reductions: whole arrays are printed for NumPy; what Numba compiles has loops instead.
    def sum(self, op: Op) -> ast.expr:
        return self.reduced(op, op.args[0])

    def reduced(self, op: Op, operand: Operand) -> ast.expr:
        axes, options = op.attrs.get("axis"), ""
        if axes is not None:
            options += f", axis={axes[0] if len(axes) == 1 else axes}"
        if op.attrs.get("keepdims", False):
            options += ", keepdims=True"
        return filled(f"np.sum({{0}}{options})", self.expr(operand))

    def spread(self, op: Op) -> ast.expr:
        g, like = self.exprs(op.args)
        target = op.args[1].type
        axes = op.attrs.get("axis")
        if isinstance(target, Array) and axes is not None and not op.attrs.get("keepdims", False):
            scalar = isinstance(op.args[0].type, Scalar)
            for axis in () if scalar else sorted(a % target.rank for a in axes):
                g = filled(f"np.expand_dims({{0}}, {axis})", g)
        if isinstance(op.args[0].type, Scalar) and isinstance(target, Array):
            return self.filled_like(g, op.args[1], op.result.type)
        return filled("broadcast_like({0}, {1})", g, like)

    def filled_like(self, g: ast.expr, like: Operand, t: Type) -> ast.expr:
        """A new array of the shape of `like`, every element g."""
        assert isinstance(like.type, Array)
        if self.reordered(like) or not isinstance(t, Array) or like.type.dtype != t.dtype:
            return filled("np.full({0}.shape, {1})", self.expr(like), g)
        return filled("np.full_like({0}, {1})", self.expr(like), g)

    def unspread(self, op: Op) -> ast.expr:
        if op.attrs.get("axis") is None and not op.attrs.get("keepdims", False):
            return self.template(op, "sum_to({0}, {1})")
        return self.reduced(op, op.args[0])

    def matmul(self, op: Op) -> ast.expr:
        if not is_float(op.result.type):
            return self.template(op, "matmul({0}, {1})")
        return self.template(op, "native.matmul({0}, {1})" if self.native else "{0} @ {1}")
