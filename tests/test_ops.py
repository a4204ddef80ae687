"""Every op of the table with a derivative: its partials, both modes, higher orders, shapes and dtypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from harness import Case, check, plain, pullback, run, second_order

from adcompiler.ir.build import Builder, const, integer
from adcompiler.ir.core import Function, Operand, Region, Value
from adcompiler.ir.table import OPS, OpDef
from adcompiler.ir.types import Array, Scalar, Type, f32, f64
from adcompiler.ir.verify import verify
from adcompiler.ops.indexed import key
from adcompiler.transforms.forward import forward

DIFFERENTIABLE = sorted(n for n, e in OPS.items() if e.partials is not None or e.transpose or e.expand)
WHOLE_MATRICES = ("tril", "triu", "diag", "differences", "leading", "padded")  # tests/test_linalg.py
ELSEWHERE = {*WHOLE_MATRICES, *(n for n, e in OPS.items() if e.kind == "linalg")}
ELSEWHERE |= {"gammainc", "gammaincc"}  # tests/test_special.py
ELSEWHERE |= {"attach1", "attach2"}  # tests/test_regional.py
ELSEWHERE |= {"keep", "redo"}  # tests/test_hints.py
ELEMENTWISE = [n for n in DIFFERENTIABLE if OPS[n].samples]
ATTRS: dict[str, list[dict[str, Any]]] = {"polygamma": [{"n": 0}, {"n": 1}, {"n": 3}]}
ATTRS |= {name: [{"n": 0}, {"n": 2}] for name in ("jv", "iv", "ive")}
for _name in ("maximum", "minimum", "fmax", "fmin"):
    ATTRS[_name] = [{"tie": "half"}, {"tie": "zero"}]
SEVERAL = [n for n in ELEMENTWISE if len(OPS[n].samples[0]) > 1]


def function(types: Sequence[Type], body: Callable[[Builder, list[Operand]], Operand]) -> Function:
    """One IR function of a builder's making."""
    params = [Value(f"x{k}", t) for k, t in enumerate(types)]
    b = Builder(Region(list(params)))
    b.return_(body(b, list(params)))
    fn = Function("f", b.region)
    verify(fn)
    return fn


def one_op(name: str, types: Sequence[Type], **attrs: Any) -> Function:
    return function(types, lambda b, x: b.op(name, *x, **attrs))


def array(rank: int, dtype: str = "f64") -> Array:
    return Array(dtype, (None,) * rank)


def table() -> list[Any]:
    pairs = [(n, a) for n in ELEMENTWISE for a in ATTRS.get(n, [{}])]
    return [pytest.param(n, a, id="-".join([n, *map(str, a.values())])) for n, a in pairs]


rows = pytest.mark.parametrize(("name", "attrs"), table())


# Partials at the samples, against the complex step or differences of the op's NumPy meaning.
def pushed(entry: OpDef, k: int, xs: Sequence[float], attrs: dict[str, Any]) -> float:
    """The op's rule for operand k, on numbers."""
    assert entry.evaluate is not None and entry.partials is not None
    rule = entry.partials[k]
    return 0.0 if rule is None else float(rule(1.0, entry.evaluate(*xs, **attrs), *xs, **attrs))


def slope(entry: OpDef, k: int, xs: Sequence[float], attrs: dict[str, Any]) -> tuple[float, float]:
    """The derivative by operand k, and how precise it is: complex step where the function takes complex numbers."""
    assert entry.evaluate is not None
    h = 1e-30
    try:
        if entry.name in ("jv", "iv", "ive"):
            raise TypeError("SciPy's complex Bessel functions are not exact so close to the axis")
        y = entry.evaluate(*[complex(x, h) if j == k else x for j, x in enumerate(xs)], **attrs)
        if np.iscomplexobj(y) and np.isclose(y.real, entry.evaluate(*xs, **attrs), rtol=1e-12):
            return float(y.imag / h), 1e-12
    except TypeError:
        pass

    def at(d: float) -> float:
        up, down = ([x + s * d if j == k else x for j, x in enumerate(xs)] for s in (1, -1))
        return float(entry.evaluate(*up, **attrs) - entry.evaluate(*down, **attrs)) / (2 * d)  # type: ignore[misc]

    first = [(4 * at(h / 2) - at(h)) / 3 for h in (4e-3, 2e-3)]
    return (16 * first[1] - first[0]) / 15, 1e-8


@rows
def test_partials(name: str, attrs: dict[str, Any]) -> None:
    entry = OPS[name]
    for xs in entry.samples:
        for k in range(len(xs)):
            expected, tol = slope(entry, k, xs, attrs)
            assert pushed(entry, k, xs, attrs) == pytest.approx(expected, rel=tol, abs=tol), (xs, k)


def test_most_are_held_to_the_complex_step() -> None:
    exact = [n for n in ELEMENTWISE if slope(OPS[n], 0, OPS[n].samples[0], ATTRS.get(n, [{}])[0])[1] < 1e-11]
    assert len(exact) > 25


# Through both transforms.
@rows
def test_scalars(name: str, attrs: dict[str, Any]) -> None:
    for xs in OPS[name].samples:
        check(one_op(name, [f64] * len(xs), **attrs), xs, passes=False)


def columns(name: str, shape: tuple[int, ...], shift: float = 0.0) -> list[np.ndarray]:
    """The samples of an op as arrays, one per operand."""
    samples = OPS[name].samples
    rows = np.array([samples[k % len(samples)] for k in range(int(np.prod(shape)))]) * (1 + shift)
    return [c.reshape(shape) for c in rows.T]


@rows
def test_arrays(name: str, attrs: dict[str, Any]) -> None:
    xs = columns(name, (2, 3))
    fn = function([array(2)] * len(xs), lambda b, x: b.op(name, *x, **attrs))
    check(fn, xs, passes=False)


@rows
def test_summed(name: str, attrs: dict[str, Any]) -> None:
    """A scalar result: second order is reverse over reverse too."""
    xs = columns(name, (3,))
    fn = function([array(1)] * len(xs), lambda b, x: b.op("sum", b.op("square", b.op(name, *x, **attrs))))
    check(fn, xs, passes=False)


SHAPES = [((2, 3), ()), ((), (2, 3)), ((2, 3), (3,)), ((1, 3), (2, 1)), ((3,), (2, 3)), ((2, 1), (3,))]


@pytest.mark.parametrize("name", SEVERAL)
def test_broadcast(name: str) -> None:
    attrs, first = ATTRS.get(name, [{}])[0], OPS[name].samples[0]
    for shapes in SHAPES:
        full = [*shapes, *[()] * (len(first) - 2)]
        xs = [
            np.full(s, v) + 0.01 * np.arange(np.prod(s)).reshape(s) if s else v
            for s, v in zip(full, first, strict=True)
        ]
        types = [array(len(s)) if s else f64 for s in full]
        check(one_op(name, types, **attrs), xs, passes=False)


@pytest.mark.parametrize("name", SEVERAL)
def test_broadcast_of_one(name: str) -> None:
    """One operand varies, the others are constants: its tangent is as large as the result."""
    attrs, first = ATTRS.get(name, [{}])[0], OPS[name].samples[0]
    for shapes in SHAPES:
        full = [*shapes, *[()] * (len(first) - 2)]
        xs = [np.full(s, v) if s else v for s, v in zip(full, first, strict=True)]
        fn = one_op(name, [array(len(s)) if s else f64 for s in full], **attrs)
        value = run(fn, xs)[0]
        alone = [run(forward(fn, [k]), [*xs, np.ones_like(x)[()]])[1] for k, x in enumerate(xs)]
        assert [d.shape for d in alone] == [value.shape] * len(xs)
        together = run(forward(fn, range(len(xs))), [*xs, *(np.ones_like(x)[()] for x in xs)])[1]
        np.testing.assert_allclose(sum(alone), together, rtol=1e-12)


@pytest.mark.parametrize("name", SEVERAL)
def test_one_operand_twice_or_literal(name: str) -> None:
    attrs, xs = ATTRS.get(name, [{}])[0], OPS[name].samples[0]
    for k, x in enumerate(xs):
        for t, value in ((f64, x), (array(1), np.array([x, x * 1.01]))):

            def literal(b: Builder, p: list[Operand], k: int = k) -> Operand:
                args = [p[0] if j == k else const(v, f64) for j, v in enumerate(xs)]
                return b.op(name, *args, **attrs)

            check(function([t], literal), [value], passes=False)
    if name not in ("maximum", "minimum", "fmax", "fmin", "clip", "mod", "fmod"):  # kinks of f(x, x)
        check(function([array(1)], lambda b, p: b.op(name, p[0], p[0], **attrs)), [np.array([0.7, 1.3])], passes=False)


@rows
def test_float32(name: str, attrs: dict[str, Any]) -> None:
    for xs in OPS[name].samples:
        fn = one_op(name, [f32] * len(xs), **attrs)
        single = [np.float32(x) for x in xs]
        double = one_op(name, [f64] * len(xs), **attrs)
        for given in (single, [float(x) for x in single]):
            case = Case(fn if given is single else double, given)
            g = pullback(case, case.fn, plain)
            d = forward(case.fn, case.wrt)
            seed = np.float32(1.5) if given is single else 1.5
            found = [*run(g, [*given, seed]), *run(d, [*given, *given])]
            if given is single:
                assert all(f.dtype == np.float32 for f in found)
                mine = found
        np.testing.assert_allclose(np.array(mine, float), np.array(found), rtol=3e-5, atol=1e-5)


THIRD = ["mul", "div", "pow", "exp", "log", "sqrt", "sin", "tanh", "gammaln", "erf", "arctan2", "hypot", "expit",
         "square", "logaddexp", "reciprocal", "arcsin", "cbrt"]  # fmt: skip


@pytest.mark.parametrize("name", THIRD)
def test_third_order(name: str) -> None:
    xs = OPS[name].samples[0]
    case = Case(one_op(name, [f64] * len(xs)), xs)
    gradient = pullback(case, case.fn, plain)
    second_order(Case(gradient, [*xs, 1.3]), plain, 1e-5)


# Ops on arrays as a whole.
A23, B34, V3, V2 = (np.random.default_rng(k).standard_normal(s) for k, s in enumerate([(2, 3), (3, 4), 3, 2]))
WHOLE: list[tuple[str, Sequence[Any], dict[str, Any]]] = [
    ("sum", [A23], {}),
    ("sum", [A23], {"axis": (0,)}),
    ("sum", [A23], {"axis": (1,), "keepdims": True}),
    ("sum", [A23], {"axis": (0, 1)}),
    ("sum", [A23], {"keepdims": True}),
    ("sum", [np.zeros((0, 3))], {"axis": (0,)}),
    ("copy", [A23], {}),
    ("broadcast_like", [V3, A23], {}),
    ("broadcast_like", [0.7, A23], {}),
    ("broadcast_like", [V2, A23], {"axis": (1,)}),
    ("unspread", [A23, V2], {"axis": (1,)}),
    ("unspread", [A23, V3], {"axis": (0,)}),
    ("sum_to", [A23, V3], {}),
    ("sum_to", [A23, V2[:, None]], {}),
    ("sum_to", [A23, A23], {}),
    ("matmul", [V3, V3 + 1], {}),
    ("matmul", [A23, V3], {}),
    ("matmul", [V2, A23], {}),
    ("matmul", [A23, B34], {}),
    ("matmul", [np.zeros((0, 3)), V3], {}),
    ("outer", [V3, V2], {}),
    ("transpose", [A23], {}),
    ("transpose", [V3], {}),
    ("cast", [A23], {"dtype": "f64"}),
    ("transpose", [A23[:, :, None] * V2], {"axes": (2, 0, 1)}),
    ("contiguous", [A23], {}),
    ("cumsum", [A23], {"axis": 0}),
    ("cumsum", [V3], {"axis": 0}),
    ("concatenate", [A23, A23 + 1, A23[:1]], {"axis": 0}),
    ("concatenate", [A23, np.zeros((2, 0))], {"axis": 1}),
    ("einsum", [A23, B34], {"spec": "ij,jk->ki"}),
    ("einsum", [A23, A23, V3], {"spec": "ij,kj,j->ik"}),
    ("einsum", [A23], {"spec": "ij->j"}),
    ("einsum", [A23[:, :1], A23, V3], {"spec": "ij,kj,j->ikj"}),
    ("einsum", [0.7, V3], {"spec": ",i->i"}),
    ("max", [A23], {"axis": (1,)}),
    ("min", [A23], {"keepdims": True}),
    ("sort", [A23], {"axis": 0}),
]


@pytest.mark.parametrize(("name", "args", "attrs"), WHOLE, ids=lambda v: v if isinstance(v, str) else "")
def test_whole(name: str, args: Sequence[Any], attrs: dict[str, Any]) -> None:
    types = [array(np.ndim(a)) if np.ndim(a) else f64 for a in args]
    check(function(types, lambda b, x: b.op("square", b.op(name, *x, **attrs))), args)


def test_cast() -> None:
    single = V3.astype(np.float32)
    down = function([array(1)], lambda b, x: b.op("cast", x[0], dtype="f32"))
    up = function([array(1, "f32")], lambda b, x: b.op("square", b.op("cast", x[0], dtype="f64")))
    check(down, [V3], single=True)
    check(up, [single], single=True)


def test_cast_to_integers_passes_nothing() -> None:
    def body(b: Builder, x: list[Operand]) -> Operand:
        return b.op("mul", x[0], b.op("cast", b.op("cast", x[0], dtype="i64"), dtype="f64"))

    check(function([f64], body), [3.7])


def test_select() -> None:
    mask = np.array([[True, False, True], [False, False, True]])
    for a, b in ((A23, V3), (0.3, A23), (A23, A23 * 2), (V3, 0.5)):
        types = [array(2, "b1"), *(array(np.ndim(x)) if np.ndim(x) else f64 for x in (a, b))]
        check(one_op("select", types), [mask, a, b])
    check(one_op("select", [Scalar("b1"), f64, f64]), [np.bool_(True), 0.3, 0.4])


def test_every_op_is_tested() -> None:
    tested = {*ELEMENTWISE, *(name for name, *_ in WHOLE), "cast", "select", "reshape", *ELSEWHERE}
    assert set(DIFFERENTIABLE) <= tested


def test_zero_ops_pass_nothing() -> None:
    for name in ("floor", "ceil", "trunc", "rint", "sign", "stop_gradient"):
        fn = function([f64], lambda b, x, name=name: b.op("mul", x[0], b.op(name, x[0])))
        case = Case(fn, [2.3])
        expected = float(OPS[name].evaluate(2.3))  # type: ignore[misc]
        assert run(pullback(case, fn, plain), [2.3, 1.0])[0] == expected
        assert case.jvp(forward(fn, [0]), [1.0])[0] == expected
    fn = function([f64, f64], lambda b, x: b.op("mul", x[0], b.op("floordiv", x[0], x[1])))
    assert [float(g) for g in run(pullback(Case(fn, [7.3, 2.0]), fn, plain), [7.3, 2.0, 1.0])] == [3.0, 0.0]


def test_power_by_integers() -> None:
    """A literal integer exponent never takes a logarithm, at any order."""
    for n in (-2.0, 0.0, 1.0, 2.0, 3.0):
        fn = function([f64], lambda b, x, n=n: b.op("pow", x[0], const(n, f64)))
        for x in (-1.5, 0.7):
            check(fn, [x], passes=False)
            assert "log" not in str(pullback(Case(fn, [x]), fn, plain))
    cube = function([f64], lambda b, x: b.op("pow", x[0], const(3.0, f64)))
    assert run(pullback(Case(cube, [0.0]), cube, plain), [0.0, 1.0])[0] == 0.0


def test_reshape() -> None:
    for extents in ((3, 2), (-1,), (1, 2, -1)):
        sizes = [integer(n) for n in extents]
        check(function([array(2)], lambda b, x, s=sizes: b.op("square", b.op("reshape", x[0], *s))), [A23])
    # The adjoint of a reshaped array that is turned is not contiguous.
    check(function([array(2)], lambda b, x: b.op("transpose", b.op("reshape", x[0], integer(3), integer(2)))), [A23])


PLACES = np.array([1, 0, 1, -1])
INDEXED = [("aa", (PLACES % 2, PLACES)), ("0a", (PLACES,)), ("ai", (PLACES % 2, 1)), ("a0", (PLACES[:, None] % 2,))]


@pytest.mark.parametrize(("code", "places"), INDEXED, ids=[c for c, _ in INDEXED])
def test_indexed(code: str, places: tuple[Any, ...]) -> None:
    """gather, scatter, scatter_add and withdraw: repeats, negative places, both modes, twice."""
    kinds = [array(np.ndim(p), "i64") if np.ndim(p) else Scalar("i64") for p in places]
    index = tuple(code)
    shape = np.shape(A23[key(index, places)])
    value = np.cos(np.arange(float(np.prod(shape)))).reshape(shape)

    def through(b: Builder, x: list[Operand], name: str) -> Operand:
        a, v, *at = x
        y = b.op("square", a)
        if name == "withdraw":
            taken = b.op("withdraw", y, *at, index=index)
            return b.op("add", b.op("sum", b.op("mul", b.op("square", taken), v)), b.op("sum", b.op("square", y)))
        b.do(name, y, *at, v, index=index)
        return b.op("sum", b.op("mul", b.op("square", b.op("gather", y, *at, index=index)), v))

    types = [array(2), array(np.ndim(value)), *kinds]
    for name in ("scatter", "scatter_add", "withdraw"):
        check(function(types, lambda b, x, n=name: through(b, x, n)), [A23, value, *places])


def test_extents_of_made_arrays() -> None:
    """full passes its fill's derivative on."""
    fn = function([f64], lambda b, x: b.op("sum", b.op("square", b.op("full", x[0], integer(3), integer(2)))))
    check(fn, [0.7])
