"""Faults in what makes compiled loops fast: counters as formulas, sums, lanes, and what they ask of loops."""

from __future__ import annotations

from faults.fault import Fault

INDEPENDENCE, VARYING = "analysis/independence.py", "analysis/varying.py"
INDUCTION, SUMS, STRIPS, RESIDUALS = (
    "passes/induction.py",
    "passes/sums.py",
    "passes/strips.py",
    "transforms/residuals.py",
)
REGIONAL = "transforms/regional.py"
BUFFERS, SMALL = "passes/buffers.py", "passes/small.py"
TEST = "test_lanes.py::test_random_programs_in_any_lanes test_lanes.py"

SPEED = (
    # What loops know of their iterations.
    Fault(
        "reads-taken-for-sums",
        INDEPENDENCE,
        'if all(op.name == "update" for op in ops):',
        'if any(op.name == "update" for op in ops):',
        "an array that is added to and read is taken for a sum",
        TEST,
    ),
    Fault(
        "half-covered",
        INDEPENDENCE,
        "return is_const(lo, 0) and is_const(step, 1) and self.shapes.integer(hi) == extent",
        "return is_const(step, 1)",
        "a loop over part of an array is taken to fill it",
        TEST,
    ),
    Fault(
        "cleared-with-anything",
        INDEPENDENCE,
        'if op.name != "store" or not (first or is_const(op.args[-1], 0)):',
        'if op.name != "store":',
        "an array that is left with numbers in it is taken for cleared",
        TEST,
    ),
    Fault(
        "private-seen-outside",
        INDEPENDENCE,
        "if definer is None or root in self.lasting or len(ops) != len(self.accesses[root]):",
        "if definer is None:",
        "memory that others see is given to each iteration",
        TEST,
    ),
    Fault(
        "product-for-sum",
        INDEPENDENCE,
        'if op.name == "add":\n            return op, op.args.index(param)',
        'if op.name in ("add", "mul"):\n            return op, op.args.index(param)',
        "a carried product is taken for a sum",
        TEST,
    ),
    Fault(
        "spread-by-index-only",
        VARYING,
        "differs = serial or any(map(self.differs, op.args))",
        "differs = serial or any(map(self.differs, op.args[:1]))",
        "what is stored is taken to be the same in all iterations",
        TEST,
    ),
    # Counters.
    Fault(
        "counter-without-slope",
        INDUCTION,
        "if not counter.slope:",
        "if True:",
        "a counter that grows faster and faster grows evenly",
        TEST,
    ),
    Fault(
        "counter-of-trips-that-never-are",
        INDUCTION,
        'return b.op("maximum", span, integer(0), tie="half")',
        "return span",
        "a loop without a trip takes its counter back",
        TEST,
    ),
    # Sums.
    Fault(
        "epilogue-unseen",
        SUMS,
        "and not self._needs_sums():",
        ":",
        "a loop that needs the sums runs before they are known",
        TEST,
    ),
    Fault(
        "added-twice",
        SUMS,
        'gone = {new for old, new in pairs if old.name == "update" and roots(old.args[0]) <= self.added}',
        "gone = set[Op]()",
        "a loop that runs once more adds to its arrays once more",
        TEST,
    ),
    Fault(
        "backwards-though-carried",
        SUMS,
        "alike = facts.sums(loop) and",
        "alike =",
        "a recurrence is turned round",
        TEST,
    ),
    # Lanes.
    Fault(
        "lanes-beyond-the-end",
        STRIPS,
        "if not self.full:\n            return value",
        "if True:\n            return value",
        "lanes beyond the last iteration add to sums",
        TEST,
    ),
    Fault(
        "lanes-one-for-all",
        STRIPS,
        'args.insert(len(args) if op.name == "load" else len(args) - 1, self.lane)',
        'args.insert(len(args) if op.name == "load" else len(args) - 1, integer(0))',
        "all lanes use the memory of the first",
        TEST,
    ),
    Fault(
        "rows-forgotten",
        STRIPS,
        "if not inside & {user, *structure.ancestors(user)}:\n                return True",
        "if not inside & {user, *structure.ancestors(user)}:\n                return False",
        "what is used in another loop over lanes is not kept",
        TEST,
    ),
    Fault(
        "uniform-stored-late",
        STRIPS,
        "if run and self._meets(op, run):",
        "if False:",
        "what all lanes share changes before lanes have read it",
        TEST,
    ),
    Fault(
        "finished-lanes-go-on",
        STRIPS,
        'self.body.op("select", go, after, before, hint=p.name)',
        "after",
        "a lane that has left its loop goes on as long as others do",
        TEST,
    ),
    Fault(
        "lane-leaves-for-all",
        STRIPS,
        'on = self.body.op("select", go, integer(1), integer(0), hint="on")',
        'on = self.body.op("select", go, integer(0), integer(0), hint="on")',
        "all lanes leave a loop with the first",
        TEST,
    ),
    # Loops differentiated along the way.
    Fault(
        "directions-mixed-up",
        REGIONAL,
        "seeds = [const(float(j == k), v.type)",
        "seeds = [const(1.0, v.type)",
        "a loop's tangents are those of all inputs together",
        "test_regional.py",
    ),
    Fault(
        "array-read-along",
        REGIONAL,
        "if any(isinstance(v.type, Array) and activity.is_varied(v) for v in _outer([loop])):",
        "if False:",
        "what a loop reads of an active array has no tangent",
        "test_regional.py",
    ),
    # Slots of ragged loops.
    Fault(
        "ragged-slots-too-short",
        RESIDUALS,
        "last = plus(hi, {None: -1 if _step(loop) > 0 else 1})",
        "last = plus(lo, {None: 0})",
        "slots for the shortest of ragged loops",
        TEST,
    ),
    # Small arrays.
    Fault(
        "buffers-handed-on",
        BUFFERS,
        'table.kind != "alloc" or self.aliases.outlives & self.aliases.roots(op.result):',
        'table.kind != "alloc":',
        "what an iteration hands on is overwritten by the next",
        "test_small.py",
    ),
    Fault(
        "buffers-keep-contents",
        BUFFERS,
        '        if op.name.startswith("empty"):\n            return []\n',
        "        return []\n",
        "an array of zeros holds what the last iteration left in it",
        "test_small.py",
    ),
    Fault(
        "rows-of-stale-numbers",
        SMALL,
        'maker.name != "full" or any(self.aliases.writers.get(r) for r in self.aliases.roots(part)):',
        'maker.name != "full":',
        "a part of a row holds what it was filled with, though it was written to since",
        "test_small.py",
    ),
    Fault(
        "rows-from-their-start",
        SMALL,
        "            at += extent\n",
        "            at += 1\n",
        "each part of a row takes one place",
        "test_small.py",
    ),
    Fault(
        "records-of-any-call",
        "analysis/extents.py",
        "if size != (named.setdefault(dim, size) if isinstance(dim, str) else dim):",
        "if isinstance(dim, str) and size != named.setdefault(dim, size):",
        "a call with shorter records runs the code of longer ones",
        "test_small.py test_extents.py",
    ),
    Fault(
        "slices-are-not-clipped",
        "ops/memory.py",
        "return len(range(*slice(*bounds).indices(size)))",
        "return len(range(bounds[0] or 0, size if bounds[1] is None else bounds[1], bounds[2] or 1))",
        "a slice is as long as its bounds say",
        "test_small.py",
    ),
)
