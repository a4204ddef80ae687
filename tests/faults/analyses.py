"""Faults in the analyses: activity too narrow, aliases overlooked, ranges off by one."""

from __future__ import annotations

from faults.fault import Fault

ACTIVITY, ALIAS, EFFECTS = "analysis/activity.py", "analysis/alias.py", "analysis/effects.py"
SHAPES, RANGES = "analysis/shapes.py", "analysis/ranges.py"

ANALYSES = (
    Fault("activity-one-trip", ACTIVITY, "edges += [(init, param), (after, param), (after, result), (init, result), (param, result)]",
          "edges += [(init, param), (after, result), (init, result), (param, result)]",
          "what a loop carries is active only if it starts so", "test_zoo.py -k 'interpreted and loops'"),
    Fault("activity-one-branch", ACTIVITY, "return [(y, r) for region in op.regions for r, y in zip(op.results, yielded(region), strict=True)]",
          "return [(y, r) for region in op.regions[:1] for r, y in zip(op.results, yielded(region), strict=True)]",
          "what only the else branch makes active is not", "test_zoo.py -k 'interpreted and branches'"),
    Fault("activity-of-fill", ACTIVITY, """        if op.name == "full":
            return [(op.args[0], op.result)]
""", "", "an array filled with an active number is inactive", "test_ops.py::test_extents_of_made_arrays test_zoo.py -k 'extents or allocation'"),
    Fault("mask-seen-one-step", ACTIVITY, "return self._closure(self._fn, self._keys(taken), self._backward)", "return self._keys(taken)",
          "a mask guards only the value it chooses from", "test_kinks.py -k mask"),
    Fault("roots-of-one-branch", ALIAS, "pairs = [(r, y) for region in op.regions for r, y in zip(op.results, yielded(region), strict=True)]",
          "pairs = [(r, y) for region in op.regions[:1] for r, y in zip(op.results, yielded(region), strict=True)]",
          "of the arrays that a branch chooses from only the first is known", "test_zoo.py -k 'interpreted and aliases'"),
    Fault("roots-of-first-trip", ALIAS, "ins = [*zip(op.carried, op.inits, strict=True), *zip(op.carried, op.yields, strict=True)]",
          "ins = [*zip(op.carried, op.inits, strict=True)]",
          "a handle that a loop swaps is taken to be the first one", "test_zoo.py -k 'interpreted and swaps'"),
    Fault("later-trips-ignored", ALIAS, "        if any(self._persists(root, loop) for loop in shared if loop.name != \"if\"):\n            return True\n",
          "", "an element that a later trip overwrites is taken to last", "test_zoo.py -k 'interpreted and (overwritten or mutation)'"),
    Fault("writers-further-down-ignored", ALIAS, "return here.region is there.region and there.index > here.index", "return False",
          "an array that is overwritten further down is taken to last", "test_zoo.py -k 'interpreted and sharp'"),
    Fault("outlives-nothing", ALIAS, "self.outlives = self.taped | self._carried(fn.body)", "self.outlives = self.taped",
          "fresh memory of a loop's body is taken to be new in each trip, though it is carried", "test_zoo.py -k 'interpreted and sharp'"),
    Fault("mismatch-never-raises", EFFECTS, "return table.kind == \"elementwise\" and table.allocates and self.shapes.may_clash(op.args)",
          "return False", "arrays whose shapes clash are taken to fit", "test_passes_meaning.py test_passes.py test_errors.py"),
    Fault("slice-keeps-its-end", SHAPES, "    cut += first + last\n", "    cut += first\n",
          "x[1:-1] is taken to be as long as x[1:]", "test_passes_meaning.py test_passes.py"),
    Fault("loop-keeps-any-shape", SHAPES, "            if not changed:\n", "            if True:\n",
          "an array that goes round a loop is taken to keep its shape", "test_passes_meaning.py test_passes.py"),
    Fault("index-reaches-bound", RANGES, "return Range(first.lows, _shift(end.highs, -1))", "return Range(first.lows, end.highs)",
          "a loop's index is taken to reach its upper bound", "test_passes.py -k bounds"),
    Fault("index-stops-short", RANGES, "return Range(first.lows, _shift(end.highs, -1))", "return Range(first.lows, _shift(end.highs, -2))",
          "a loop's last index is overlooked: an index outside is taken to be inside", "test_passes_meaning.py test_passes.py"),
    Fault("difference-of-equal-ends", RANGES, "return Range(_difference(a.lows, b.highs), _difference(a.highs, b.lows))",
          "return Range(_difference(a.lows, b.lows), _difference(a.highs, b.highs))",
          "a - b is bounded by the wrong ends of b", "test_passes_meaning.py test_passes.py"),
    Fault("facts-of-both-branches", RANGES, "self.compare(op.name if holds else NEGATED[op.name], *op.args)", "self.compare(op.name, *op.args)",
          "what an if's condition says is taken to hold in its else too", "test_passes_meaning.py test_passes.py"),
    Fault("either-is-both", RANGES, "elif op.name == (\"and\" if holds else \"or\"):", "elif op.name in (\"and\", \"or\"):",
          "of `a or b` both are taken to hold", "test_passes_meaning.py test_passes.py"),
    Fault("facts-that-are-over", RANGES, "        if depth == 0:\n            self._asked = {}\n", "",
          "what was known of an integer at one place is taken to hold at all", "test_passes_meaning.py test_passes.py"),
)  # fmt: skip
