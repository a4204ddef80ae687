"""Faults in the frontend: what Python and NumPy mean is taken for something else."""

from __future__ import annotations

from faults.fault import Fault

LOOPS, CONTROL, INDEXING = "frontend/loops.py", "frontend/control.py", "frontend/indexing.py"
PROMOTE, ELEMENTWISE, STATEMENTS = "frontend/promote.py", "frontend/elementwise.py", "frontend/statements.py"
GATHERING, SHAPING, MAKING = "frontend/gathering.py", "frontend/shaping.py", "frontend/making.py"
FRONT = "test_frontend.py test_frontend_control.py test_frontend_programs.py"

FRONTEND = (
    Fault("tie-rule-ignores-literals", ELEMENTWISE, "tie = \"zero\" if node is not None and any(map(_is_literal, node.args)) else \"half\"",
          "tie = \"half\"", "relu'(0) is 1/2", "test_kinks.py"),
    Fault("one-sided-clip-tie", ELEMENTWISE, "[x, need_number(cx, bound)], tie=\"zero\"))", "[x, need_number(cx, bound)]))",
          "clip with one bound has slope 1/2 there", "test_kinks.py"),
    Fault("integers-divide-to-integers", PROMOTE, "floats = kind == \"Div\" or (kind == \"Pow\" and b.known and b.value < 0)",
          "floats = kind == \"Pow\" and b.known and b.value < 0", "1 / 2 of Python integers is 0", FRONT),
    Fault("python-numbers-are-strong", PROMOTE, "    if isinstance(v, Num) and v.weak:\n        return type(_exemplar(v))\n", "",
          "a literal makes float32 into float64", FRONT),
    Fault("unpacked-crosswise", STATEMENTS, "for t, item in zip(target.elts, items, strict=True):", "for t, item in zip(target.elts, items[::-1], strict=True):",
          "a, b = b, a changes nothing", FRONT),
    Fault("else-after-break", "frontend/carried.py", "    branch(cx, skip, lambda: None, orelse, live | cx.frame.exit_live)", "    branch(cx, negated(cx, skip), lambda: None, orelse, live | cx.frame.exit_live)",
          "a loop's else runs after a break", FRONT),
    Fault("break-runs-on", "frontend/carried.py", "flags = [f for f in map(cx.flag, (BREAK, RETURN)) if f != boolean(False)]\n    if boolean(True)",
          "flags = [f for f in map(cx.flag, (RETURN,)) if f != boolean(False)]\n    if boolean(True)",
          "a break skips the rest of one trip", FRONT),
    Fault("continue-leaves-flag", LOOPS, "    cx.env.pop(CONTINUE, None)\n\n\ndef while_loop", "    cx.env.pop(BREAK, None)\n\n\ndef while_loop",
          "a break is forgotten at the end of a trip", FRONT),
    Fault("branch-joins-first-side", CONTROL, "    if x == y:\n        return x\n", "    if x is not None:\n        return x\n",
          "a name has the value of the then side after an if", FRONT),
    Fault("unrolled-loop-ignores-break", LOOPS, "            unless_left(cx, lambda: iterate(k + 1), wanted)", "            iterate(k + 1)",
          "a break in a loop over a tuple does not leave it", "test_regressions.py"),
    Fault("missing-axes-go-first", "frontend/subscripts.py", "return items[:at] + [full] * (rank - used) + items[at + 1 :]",
          "return [full] * (rank - used) + items[:at] + items[at + 1 :]", "A[i] is a column", FRONT),
    Fault("element-loaded-late", INDEXING, "        region.ops[start:start] = early.ops\n", "        region.ops += early.ops\n",
          "a[i] += h(a) reads a[i] after h has run", FRONT),
    Fault("places-read-late", INDEXING, "    if not _writes(region, start) and region is cx.b.region:\n", "    if True:\n",
          "x[idx] += h(x) reads x after h has run", "test_regressions.py -k places"),
    Fault("mask-chooses-the-others", GATHERING, "cx.op(\"select\", mask, cast(cx, new.op, self.base.dtype), self.base.op)",
          "cx.op(\"select\", mask, self.base.op, cast(cx, new.op, self.base.dtype))",
          "x[m] = 0 writes where m is false", "test_numpy_rules.py -k mask"),
    Fault("rows-masked-as-columns", GATHERING, "index=(\"000\",) * self.mask.type.rank + (\"n\",) * more)", "index=(\"n\",) * more + (\"000\",) * self.mask.type.rank)",
          "A[m] = 0 takes m for a mask of columns", "test_numpy_rules.py test_numpy.py -k 'mask and not compiled'"),
    Fault("places-stored-not-updated", GATHERING, "self.store(cx, compute(old))", "self.store(cx, right)",
          "x[idx] *= v stores v", "test_regressions.py test_numpy_rules.py -k 'place or update or index'"),
    Fault("split-from-the-start", SHAPING, "part(cx, a, at, lo, hi) for lo, hi", "part(cx, a, at, NONE, hi) for lo, hi",
          "each part of a split array begins at its first element", "test_numpy.py -k 'interpreted and split'"),
    Fault("longer-parts-at-the-end", SHAPING, "integer(min(k, int(more.value)))", "integer(0)",
          "what array_split has left over goes to the last part", "test_numpy_rules.py -k parts"),
    Fault("tile-repeats-each", MAKING, "binary(cx, \"Mod\", line, Num(clamped(cx, n, 1)))", "binary(cx, \"FloorDiv\", line, Num(clamped(cx, n, 1)))",
          "tile repeats each element, not the array", "test_numpy.py -k 'interpreted and tile'"),
    Fault("replace-keeps-everything", "frontend/calls.py", "items = [kwargs.get(k, v) for k, v", "items = [v for k, v",
          "dataclasses.replace replaces nothing", "test_frontend_programs.py test_zoo.py -k 'replace or structures'"),
    Fault("in-place-sub-adds", INDEXING, "cx.do(\"accumulate\", target.op, b if kind == \"Add\" else negative(cx, b))",
          "cx.do(\"accumulate\", target.op, b)", "v -= b adds", FRONT),
    Fault("tuple-index-from-end", INDEXING, "wrapped = cx.op(\"select\", cx.op(\"lt\", at, integer(0)), cx.op(\"add\", at, count), at, hint=\"k\")",
          "wrapped = at", "a tuple's run-time index does not count from the end", FRONT),
    Fault("unbound-unchecked", "frontend/context.py", "        self.raise_if(unbound, \"UnboundLocalError\", unbound_message(name))\n", "",
          "a name unbound after a loop of no trips has some value", FRONT),
    Fault("test-learns-too-much", LOOPS, "cx.restore({key: before.get(key, value) if key in hidden else value for key, value in after.items()})",
          "cx.restore(after)", "a while's body reads a value of its condition", "test_regressions.py"),
    Fault("writing-test-in-condition", LOOPS, "            raise _WritingTest\n        _after_test", "            pass\n        _after_test",
          "a condition that writes to memory is part of the condition", "test_regressions.py"),
    Fault("mean-of-all", "frontend/reducing.py", "count = size_of(cx, x, axes) if", "count = size_of(cx, x) if",
          "a mean along an axis divides by the number of all elements", FRONT),
)  # fmt: skip
