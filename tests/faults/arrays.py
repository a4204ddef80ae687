"""Faults in the array language: index arrays, decisions, einsum, shapes, linear algebra, and its lowering to loops."""

from __future__ import annotations

from faults.fault import Fault

ARRAY, INDEXED, DECISIONS, EINSUM, LINALG = (
    f"ops/{name}.py" for name in ("array", "indexed", "decisions", "einsum", "linalg")
)
REVERSE, WHOLE, NEST, ORDER = "transforms/reverse.py", "passes/whole.py", "lowering/nest.py", "lowering/order.py"
MATRICES, LOOPS, INDICES = "test_linalg.py", "test_lowering.py test_lowering_random.py", "test_numpy_rules.py -k index"


def numpy(*names: str) -> str:
    """The cases of these functions of NumPy."""
    return f"test_numpy.py -k 'interpreted and ({' or '.join(names)})'"


ARRAYS = (
    Fault("gathered-twice-counts-once", REVERSE, "sweep.b.do(\"scatter_add\", *self._places(op, sweep, 0), g, **_inside(op))",
          "sweep.b.do(\"scatter\", *self._places(op, sweep, 0), g, **_inside(op))",
          "an element that an index array names twice gets one of both adjoints", numpy("take")),
    Fault("every-scattered-value-counts", REVERSE, "take = \"gather\" if once else \"withdraw\"", "take = \"gather\"",
          "a value that a repeated index overwrites at once gets an adjoint", "test_regressions.py"),
    Fault("scatter-keeps-adjoint", REVERSE, "        if once or not self.activity.active(value):\n", "        if False:\n",
          "the adjoint of what an index array overwrites is not reset", numpy("fill_diagonal")),
    Fault("withdraw-takes-first", INDEXED, "backwards = places.ravel()[::-1]", "backwards = places.ravel()",
          "of a repeated index the first write is taken to win", "test_numpy_rules.py"),
    Fault("index-arrays-always-in-place", INDEXED, "if len(advanced) != last - first + 1:", "if False:",
          "x[i, :, j] has the axes of i and j in the middle", "test_numpy_rules.py::test_integers_beside_arrays"),
    Fault("negative-index-unwrapped", INDEXED, "return b.op(\"select\", b.op(\"lt\", at, integer(0)), b.op(\"add\", at, size()), at)", "return at",
          "an index array's negative entries do not count from the end in a loop", "test_numpy_rules.py::test_negative_entries_of_index_arrays_count_from_the_end"),
    Fault("extrema-along-another-axis", DECISIONS, "for axis in sorted(_axes(op), reverse=True):", "for axis in sorted(_axes(op)):",
          "a maximum along several axes takes the wrong ones", numpy("max")),
    Fault("sorted-backwards", DECISIONS, "return pick(b, x, b.op(\"argsort\", x, axis=axis), axis)", "return pick(b, x, b.op(\"argsort\", b.op(\"neg\", x), axis=axis), axis)",
          "a differentiated sort is in falling order", numpy("sort")),
    Fault("einsum-forgets-numbers", EINSUM, "        result = x if result is None else x * result", "        result = x if result is None else result",
          "a scalar operand of einsum is left out of the adjoints of the others", numpy("einsum")),
    Fault("einsum-not-unstretched", EINSUM, "return apply(\"sum_to\", pushed, x) if wide else pushed", "return pushed",
          "what einsum stretched is not summed back", numpy("matmul")),
    Fault("einsum-in-alphabetical-order", EINSUM, "kept = \"\".join(c for c in mine if c in known)", "kept = \"\".join(sorted(c for c in mine if c in known))",
          "einsum's adjoint has its axes in the order of their letters", numpy("einsum")),
    Fault("index-arrays-aligned-left", INDEXED, "read(k, [stands[\"a\", skipped + j] for j", "read(k, [stands[\"a\", j] for j",
          "index arrays of different ranks meet at their first axes in a loop", INDICES),
    Fault("index-arrays-of-one-row", INDEXED, "b.op(\"select\", b.op(\"eq\", found, integer(1)), n, found)", "found",
          "of two index arrays the first alone has the extents in a loop", INDICES),
    Fault("known-index-unchecked", WHOLE, "        c.raise_if(beyond, \"IndexError\", bounds_message(op, axis))\n        return\n", "        return\n",
          "a known index beside an index array is not checked", INDICES),
    Fault("transposed-not-back", ARRAY, "axes=tuple(axes.index(k) for k in range(len(axes)))", "axes=axes",
          "the adjoint of a transpose with axes is transposed the same way again", numpy("transpose")),
    Fault("reshaped-in-another-order", ARRAY, "    if g.type.strided:\n        g = apply(\"copy\", g)\n    sizes = [extent_of(x, k) for k in range(_rank(x))]",
          "    if g.type.strided:\n        g = apply(\"copy\", g)\n    sizes = [extent_of(x, k) for k in reversed(range(_rank(x)))]",
          "the adjoint of a reshape has the extents backwards", numpy("reshape")),
    Fault("concatenated-shifted", ARRAY, "lo, hi = hi, size if hi is None else hi + size", "lo, hi = hi, size",
          "the adjoint of a third part is taken from the wrong place", numpy("concatenate")),
    Fault("cumsum-forwards", ARRAY, "flipped(apply(\"cumsum\", flipped(g, axis), axis=axis), axis)", "apply(\"cumsum\", g, axis=axis)",
          "the adjoint of a prefix sum is one", numpy("cumsum")),
    Fault("solve-untransposed", LINALG, "lambda g, y, a, b: apply(\"solve\", t(a), g)", "lambda g, y, a, b: apply(\"solve\", a, g)",
          "the adjoint of a right side is solved with the matrix itself", MATRICES),
    Fault("solve-sign", LINALG, "lambda d, y, a, b: apply(\"solve\", a, mm(d, -y))", "lambda d, y, a, b: apply(\"solve\", a, mm(d, y))",
          "the direction of a solution has the wrong sign", MATRICES),
    Fault("slogdet-untransposed", LINALG, "apply(\"sum\", t(apply(\"inv_or_nan\", a)) * d)", "apply(\"sum\", apply(\"inv_or_nan\", a) * d)",
          "the direction of log |det| takes the inverse untransposed", MATRICES),
    Fault("cholesky-whole-diagonal", LINALG, "return mm(y, 0.5 * (tril(inner) + tril(inner, -1)))", "return mm(y, tril(inner))",
          "Cholesky's direction takes all of the diagonal", MATRICES),
    Fault("triangle-of-the-other-side", LINALG, "b.op(\"ge\" if lower else \"le\", shifted, at[1])", "b.op(\"le\" if lower else \"ge\", shifted, at[1])",
          "tril in a loop is triu", "test_linalg.py -k lower_triangle"),
    Fault("reshape-unchecked", WHOLE, "            c.raise_if(c.make.compare(\"ne\", before, after), \"ShapeMismatch\", message)", "            pass",
          "a reshape to another number of elements is not noticed by compiled code", "test_numpy_rules.py::test_errors_at_run_time test_errors.py test_numpy.py"),
    Fault("index-array-unchecked", WHOLE, "            _inside(c, op, at, axis, extents[axis])", "            pass",
          "an index array that reaches outside is not noticed by compiled code", "test_numpy_rules.py::test_errors_at_run_time test_errors.py test_numpy.py"),
    Fault("nest-past-overlap", ORDER, "if not (aligned(self.plan, array, other) and in_step(pattern) and in_step(its)):", "if False:",
          "two statements share a loop though one reads what the other writes further on", LOOPS),
    Fault("nest-uses-unfinished-sum", ORDER, "        if is_reduction(first.op) and first.op.result in second.needs:\n            return False\n", "",
          "a sum is used in the loop that makes it", LOOPS),
    Fault("nest-forgets-readers", ORDER, "node.waits |= self.readers.pop(root, set())", "self.readers.pop(root, set())",
          "a write overtakes the reads before it", LOOPS),
    Fault("sum-overwrites", NEST, "            b.do(\"update\", *place, value, safe=True)", "            b.do(\"store\", *place, value, safe=True)",
          "a sum along an outer axis keeps its last term", LOOPS),
    Fault("sum-starts-from-garbage", NEST, "self.allocate(\"zeros\", result, extents)", "self.allocate(\"empty\", result, extents)",
          "the memory that a sum is added into is not zeroed", LOOPS),
    Fault("accumulate-stores", NEST, "self.b.do(\"store\" if op.name == \"assign\" else \"update\", target, *self.at, value, safe=True)",
          "self.b.do(\"store\", target, *self.at, value, safe=True)", "v += b is v[:] = b in a loop", LOOPS),
    Fault("keepdims-into-rows", NEST, "for c, i in enumerate(self.at) if keep or c not in gone]", "for c, i in enumerate(self.at) if c not in gone]",
          "a sum with keepdims has too few places", LOOPS),
)  # fmt: skip
