"""Faults in forward and reverse mode: what is forgotten, kept too late, or taken from the wrong place."""

from __future__ import annotations

from faults.fault import Fault

REVERSE, FORWARD, LOOPS = "transforms/reverse.py", "transforms/forward.py", "transforms/loops.py"
RESIDUALS, SHADOWS = "transforms/residuals.py", "transforms/shadows.py"
RECALLED = "transforms/recalled.py"

TRANSFORMS = (
    # Reverse mode, straight lines.
    Fault("store-keeps-adjoint", REVERSE, "sweep.b.do(\"store\", *place, const(0.0, Scalar(element.dtype)), safe=True)",
          "pass", "the adjoint of an overwritten element is not reset", "test_zoo.py -k 'interpreted and overwritten'"),
    Fault("assign-keeps-adjoint", REVERSE, """            self.add(value, g, sweep)
        sweep.b.do("assign", shadow, const(0.0, Scalar(target.type.dtype)))""", """            self.add(value, g, sweep)""",
          "the adjoint of an overwritten array is not reset", "test_zoo.py -k 'interpreted and (overwritten or slices)'"),
    Fault("assign-ignores-aliases", REVERSE, """            if self.aliases.may_alias(target, value):
                sweep.b.do""", """            if False:
                sweep.b.do""",
          "a[1:] = a[:-1]: what is added to a_bar is then reset", "test_zoo.py -k 'interpreted and (aliases or slices)'"),
    Fault("accumulate-reads-shadow-late", REVERSE, """        if isinstance(value.type, Array) and not self.shadows.has(value):
            g = sweep.b.op("copy", g, hint=_bar(value))
        self.add(value, g, sweep)""", """        self.add(value, g, sweep)""",
          "the adjoint of b in v += b is v_bar itself, which goes on changing", "test_zoo.py -k 'interpreted and sharp'"),
    Fault("load-overwrites", REVERSE, "sweep.b.do(\"update\", *self._place(op, sweep, 0), g, safe=True)",
          "sweep.b.do(\"store\", *self._place(op, sweep, 0), g, safe=True)",
          "an element read twice gets the adjoint of its first read only", "test_zoo.py -k 'interpreted and loops'"),
    Fault("value-used-twice", REVERSE, "total = g if old is None else b.op(\"add\", old, g, hint=f\"{v.name}_bar\")",
          "total = g", "the second use of a value wipes out the adjoint of the first", "test_zoo.py -k 'interpreted and scalars'"),
    Fault("exact-used-twice", REVERSE, "total = pulled if old is None else sweep.b.op(\"add\", old, pulled)", "total = pulled",
          "the second use of an array wipes out the adjoint of the first", "test_ops.py -k whole"),
    Fault("equal-rank-is-equal-shape", REVERSE, "if g.type.dims == v.type.dims and None not in v.type.dims:",
          "if g.type.dims == v.type.dims:", "an array broadcast at run time gets an adjoint that is too large",
          "test_ops.py -k broadcast"),
    Fault("broadcast-operand-is-exact", REVERSE, "(len(arrays) == 1 and isinstance(arg.type, Array))",
          "(len(arrays) >= 1 and isinstance(arg.type, Array))", "the adjoint of a broadcast operand is not summed",
          "test_ops.py -k broadcast"),
    Fault("update-resets", REVERSE, """            g = sweep.b.op("load", *self._place(op, sweep, 1), hint=_bar(value), safe=True)
            self.add(value, g, sweep)""", """            g = sweep.b.op("load", *self._place(op, sweep, 1), hint=_bar(value), safe=True)
            self.add(value, g, sweep)
            sweep.b.do("store", *self._place(op, sweep, 1), const(0.0, value.type), safe=True)""",
          "a[i] += v forgets the adjoint of a[i]", "test_zoo.py -k 'interpreted and mutation'"),
    Fault("full-forgets-fill", REVERSE, "            self.add(fill, self.shadows.of(op.result, sweep) if self.shadows.has(op.result) else g, sweep)\n", "",
          "the number that fills an array gets no adjoint", "test_ops.py::test_extents_of_made_arrays"),
    Fault("masks-multiply-in-reverse", REVERSE, "return any(map(self.activity.masked, op.results)) and self.activity.unbounded(op)",
          "return False", "0 * inf where a mask hides a singular partial", "test_kinks.py -k mask"),
    Fault("tape-adjoint-lost", REVERSE, "            sweep.b.do(\"push\", self._tape(tape), g)",
          "            sweep.b.do(\"push\", self._tape(tape), const(0.0, op.result.type))",
          "the adjoint of what was popped is not pushed back: second order of a while", "test_zoo.py -k 'interpreted and whiles'"),
    # Control flow.
    Fault("reversed-loop-runs-forwards", LOOPS, "backwards = not op.attrs.get(\"reversed\")", "backwards = bool(op.attrs.get(\"reversed\"))",
          "the reverse sweep runs a loop in its own direction", "test_zoo.py -k 'interpreted and loops'"),
    Fault("early-exit-counts-one-less", LOOPS, "after = r.forward.before(end).op(\"add\", param, integer(1), hint=\"trips\")",
          "after = param", "trips of a loop that is left early are not counted", "test_zoo.py -k 'interpreted and exits'"),
    Fault("early-exit-of-reversed-loop", LOOPS, "return index, (*self._from_the_end(op, done, lo, hi, step, sweep), step), False",
          "return index, (lo, b.op(\"add\", lo, done, hint=\"stop\"), step), False",
          "a reversed loop that is left early is mirrored from its other end", "test_reversed_loops.py"),
    Fault("captured-adjoint-starts-at-zero", LOOPS, "inits += [r.adjoint(v, sweep, force=True) for v in captured]",
          "inits += [r.zero(v, sweep) for v in captured]",
          "what a value outside a loop had got before is forgotten", "test_zoo.py -k 'interpreted and loops'"),
    Fault("init-before-captured", LOOPS, "if self._by_value(op.inits[k]):\n                r.add(op.inits[k], results[j], sweep)",
          "if self._by_value(op.inits[k]) and op.inits[k] not in captured:\n                r.add(op.inits[k], results[j], sweep)",
          "a loop that starts from a value it also reads loses one of both adjoints", "test_zoo.py -k 'interpreted and sharp'"),
    Fault("permutation-not-inverted", LOOPS, "own = {cycle[k]: carry[k] for k in rows}", "own = {k: carry[cycle[k]] for k in rows}",
          "three buffers that rotate flow back the wrong way round", "test_zoo.py -k 'interpreted and sharp'"),
    Fault("branch-forgets-outer-adjoint", LOOPS, "            side.adjoint = dict(sweep.adjoint)\n", "",
          "what a value had got before a branch is forgotten", "test_zoo.py -k 'interpreted and branches'"),
    # What is kept.
    Fault("content-not-saved", RESIDUALS, "if not self.aliases.written_after(at, self.aliases.roots(array)):",
          "if True:", "an array that is overwritten later is read when it has changed", "test_zoo.py -k 'interpreted and overwritten'"),
    Fault("element-read-again-after-write", RESIDUALS, "return not self.aliases.written_after(op, self.aliases.roots(op.args[0]))",
          "return True", "an element is read again after it was overwritten", "test_zoo.py -k 'interpreted and overwritten'"),
    Fault("slots-crossed", RESIDUALS, "mirrored = [self._mirror(sweep, loop) for loop in reversed(nest)]",
          "mirrored = [self._mirror(sweep, loop) for loop in nest]",
          "the tape of two nested loops is read with its indices crossed", "test_zoo.py -k 'interpreted and loops'"),
    Fault("slots-for-steps", RESIDUALS, "        padded = span + (stride - 1)\n", "        padded = span\n",
          "a loop in steps of two has one slot too few", "test_zoo.py -k 'interpreted and sharp'"),
    Fault("while-pushes-in-its-test", RESIDUALS, "return self.forward.region[owner.body if owner.name == \"while\" else home]",
          "return self.forward.region[home]", "a while pushes once more than it pops", "test_zoo.py -k 'interpreted and whiles'"),
    Fault("decision-recomputed", RESIDUALS, "return scalar and self._decides_exactly(op, sweep)",
          "return scalar", "a predicate is recomputed from a recomputed float", "test_decisions.py"),
    Fault("values-of-while-unknown", RESIDUALS, "if any(self._most([*nest, loop], k) is None for k in range(len(nest) + 1)):\n                break",
          "if False:\n                break", "slots for a loop whose bounds change with the one around it", "test_zoo.py -k 'interpreted and loops'"),
    Fault("travelling-shadow-made-late", SHADOWS, "if (moved or len(roots) > 1) and", "if len(roots) > 1 and",
          "shadows of handles that go round loops are made in the reverse sweep", "test_zoo.py -k 'interpreted and sharp'"),
    Fault("shadow-of-what-joins-elsewhere", SHADOWS, "return found & joins.keys()", "return set()",
          "an array that a branch hands on under two names has two shadows", "test_zoo.py -k 'interpreted and twice_in_a_branch'"),
    Fault("shadow-of-one-branch", SHADOWS, "all(self._ends(v, region) for v, region in sides)", "any(self._ends(v, region) for v, region in sides)",
          "an argument that a branch hands on has the shadow of what another branch makes", "test_zoo.py -k 'interpreted and (branches or aliases)'"),
    Fault("recalled-of-other-argument", RECALLED, "return name, tuple(args), tuple", "return name, len(args), tuple",
          "cos(b) is taken for cos(a)", "test_zoo.py -k 'interpreted and asked_again'"),
    Fault("shadow-of-argument-twice", SHADOWS, "            if self._travels(p):\n", "            if False:\n",
          "the shadow of an argument that travels is made late", "test_zoo.py -k 'interpreted and (swaps or aliases)'"),
    # Forward mode.
    Fault("constant-write-keeps-tangent", FORWARD, "if self._active(op.args[0] if entry.writes or not op.results else op.result):",
          "if self._active(op.args[-1] if entry.writes or not op.results else op.result):",
          "a constant written over an element leaves the old tangent there", "test_zoo.py -k 'interpreted and overwritten'"),
    Fault("tangents-not-added", FORWARD, "part if old is None else old if part is None else old + part", "part",
          "of an op's tangents only the last counts", "test_ops.py -k scalars"),
    Fault("tangent-is-an-alias", FORWARD, "return self.b.op(\"copy\", operand) if operand in self._known else operand",
          "return operand", "a fresh array's tangent is another array's memory", "test_zoo.py -k 'interpreted and (aliases or allocation or mutation)'"),
    Fault("tangent-not-spread", FORWARD, "if smaller or (fixed and OPS[op.name].partials is not None):", "if smaller:",
          "the tangent of a broadcast result is too small", "test_ops.py -k broadcast"),
    Fault("carried-tangent-dropped", FORWARD, "if self._active(r) or (carried and self._active(carried[k]))]", "if self._active(r)]",
          "a carried value that is active inside its loop only has no tangent", "test_zoo.py -k 'interpreted and loops'"),
    Fault("masks-multiply-in-forward", FORWARD, "if part is not None and self.activity.chosen(op.args[k]) and self.activity.unbounded(op):",
          "if False:", "0 * inf in a tangent", "test_kinks.py -k mask"),
)  # fmt: skip
