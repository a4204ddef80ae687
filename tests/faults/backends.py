"""Faults behind the IR: emission, names, dtypes, the cache, the call, and what generated code calls."""

from __future__ import annotations

from faults.fault import Fault

FOLD, NAMING, STATEMENTS = "backends/fold.py", "backends/naming.py", "backends/statements.py"
CONFLICTS, NODES = "backends/conflicts.py", "backends/nodes.py"
EXPRESSIONS, CACHE, DRIVER, WRAPPER = "backends/expressions.py", "backends/cache.py", "driver.py", "wrapper.py"
EMIT = (
    "test_emit_meaning.py test_emit.py::test_source_does_what_the_ir_says "
    "test_emit.py::test_reversed_loops_visit_the_same_indices_backwards test_emit_dtypes.py test_backend_numba.py"
)

BACKENDS = (
    Fault("folded-past-write", CONFLICTS, "if self.writes & (other.reads | other.writes) or other.writes & self.reads:",
          "if self.writes & (other.reads | other.writes):", "an element is printed after the write to it", EMIT),
    Fault("folded-past-error", CONFLICTS, "return (self.raises and other.lasting) or (other.raises and self.lasting)", "return False",
          "an error moves behind a write", EMIT),
    Fault("folded-into-and", FOLD, "            return None  # the right side of `and` is not always evaluated", "            pass",
          "what raises is evaluated only where the left side of `and` holds", EMIT),
    Fault("repeated-element-changes", FOLD, "return not any(mine.conflicts(self.effects_of(o)) for o in here.region.ops[here.index + 1 : last])",
          "return True", "an element printed at each of its uses has changed in between", EMIT),
    Fault("variables-shared-while-live", NAMING, "if a is b or self.members[a] & self.clash[b] or not same_variable_type",
          "if a is b or not same_variable_type", "two values that live together share a variable", EMIT),
    Fault("moves-one-by-one", STATEMENTS, "return all(target not in variables(node) for j, (_, node) in enumerate(pending) if j != k)",
          "return True", "a parallel assignment overwrites what it still has to read", EMIT),
    Fault("exit-decided-late", STATEMENTS, "if variables(test) & (changed - kept):  # decided before the variables change", "if False:",
          "a loop's exit is decided by the next values", EMIT),
    Fault("reversed-range-off-by-one", STATEMENTS, "return filled(\"range({0}, {1}, -1)\", shifted(b, hi, -1), shifted(a, lo, -1))",
          "return filled(\"range({0}, {1}, -1)\", shifted(b, hi, -1), a)", "a reversed loop leaves out its first index", EMIT),
    Fault("reversed-steps-off-grid", STATEMENTS, "last = filled(\"{0} // {1} * {1}\", shifted(span,", "last = filled(\"{0}\", shifted(span,",
          "a reversed loop in steps of two starts off the grid", EMIT),
    Fault("guard-keeps-its-sign", STATEMENTS, "            test, then, orelse = self.opposite(op.args[0], test), orelse, then\n", "            then, orelse = orelse, then\n",
          "an if without a then side tests the wrong way round", EMIT),
    Fault("not-less-is-greater-printed", STATEMENTS, "return negated(test, definer is not None and not any(is_float(a.type) for a in definer.args))",
          "return negated(test, True)", "the else side of x < y is printed as x >= y, nan or not", EMIT),
    Fault("overlapping-write-uncopied", STATEMENTS, "if is_handle and value is not target and self.plan.aliases.may_alias(target, value):", "if False:",
          "a[1:] += a[:-1] reads what it has written", EMIT),
    Fault("narrow-integers-widen", EXPRESSIONS, "if (widened or helper) and isinstance(t, Scalar) and t.dtype in NARROW:", "if False:",
          "int32 arithmetic does not wrap in compiled code", EMIT),
    Fault("constants-lose-dtype", NODES, "    if dtype in (\"f64\", \"i64\", \"b1\"):\n", "    if True:\n",
          "a float32 literal is printed as a float64 one", EMIT),
    Fault("zeros-lose-dtype", EXPRESSIONS, "dtype = \"\" if t.dtype == \"f64\" else f\", dtype={numpy_type(t.dtype)}\"\n        return filled(f\"np.{op.name}",
          "dtype = \"\"\n        return filled(f\"np.{op.name}", "float32 memory is allocated as float64", EMIT),
    Fault("clip-without-its-floor", EXPRESSIONS, "{module}.minimum({module}.maximum({{0}}, {{1}}), {{2}})", "{module}.minimum({{0}}, {{2}})",
          "clip has no lower bound in compiled code", EMIT),
    Fault("negative-literal-under-power", NODES, "return ast.UnaryOp(ast.USub(), number(-value))", "return ast.Constant(value)",
          "(-2.5) ** y is printed as -2.5 ** y", EMIT),
    Fault("sum-keeps-one-axis", EXPRESSIONS, "axis={axes[0] if len(axes) == 1 else axes}", "axis={axes[0]}",
          "a sum along two axes is printed as one along the first", EMIT),
    Fault("sum-drops-its-axes", EXPRESSIONS, "            options += \", keepdims=True\"\n", "            options += \"\"\n",
          "a sum that keeps its axes is printed as one that does not", EMIT),
    Fault("cache-ignores-helpers", CACHE, "llvm.get_host_cpu_name(), features, _helpers())", "llvm.get_host_cpu_name(), features)",
          "a changed runtime helper leaves old machine code in use", "test_cache.py test_backend_numba.py"),
    Fault("cache-ignores-key", CACHE, "    for part in (text, *key, *environment()):", "    for part in (text, *environment()):",
          "two keys share one module", "test_cache.py test_backend_numba.py"),
    Fault("captured-value-not-compared", WRAPPER, "            inner.guards.append(f\"{text.name('v', _same(capture.spec))}(h{k})\")", "            pass",
          "a global that has changed is not seen", "test_calls.py"),
    Fault("equal-is-same", DRIVER, "    if type(value) is not type(known):\n        return False\n", "",
          "a captured 1.0 in the place of 1 is not seen", "test_calls.py"),
    Fault("any-layout-is-contiguous", WRAPPER, "    flags = f\"{at}.flags.carray\"\n", "    flags = f\"{at}.flags.behaved\"\n",
          "a strided array enters a kernel for contiguous ones", "test_calls.py"),
    Fault("dtype-unguarded", WRAPPER, "same = f\"({at}.dtype is {dtype} or {at}.dtype == {dtype})\"", "same = f\"({at}.dtype is {dtype} or True)\"",
          "a float32 array enters a kernel for float64", "test_calls.py test_api.py"),
    Fault("caller-sees-writes", DRIVER, "    for param in [p for p in fn.params if p in fn.mut and p not in donated]:", "    for param in []:",
          "a gradient call changes its caller's arrays", "test_calls.py"),
    Fault("result-is-an-argument", DRIVER, "        if roots & taken:\n", "        if False:\n",
          "a result shares memory with an argument", "test_calls.py"),
    Fault("integer-results-cast-nothing", WRAPPER, "        return f\"float({at})\"\n", "        return at\n",
          "a Python int that is differentiated enters as an int", "test_api.py test_calls.py"),
    Fault("interleaved-arrays-overlap", "trees.py", "        return bool(np.shares_memory(a, b, max_work=OVERLAP_WORK))  # type: ignore[arg-type]", "        return False",
          "arrays that share an element pass for apart", "test_calls.py"),
    Fault("out-written-unchecked", "trees.py", "    if buffer.dtype != dtype:\n", "    if False:\n", "a gradient is written into a buffer of another dtype", "test_calls.py"),
    Fault("sum-to-of-columns", "runtime/arrays.py", "out[i if rows != 1 else 0, j if columns != 1 else 0] += g[i, j]", "out[i if rows != 1 else 0, j if columns != 1 else 0] = g[i, j]",
          "compiled code keeps the last of what it should sum", "test_runtime.py"),
    Fault("negative-power-of-integers", "runtime/integers.py", "        if b < 0:\n            raise ValueError(NEGATIVE)\n        return a**b", "        return a**b",
          "compiled integer powers don't raise", "test_runtime.py"),
    Fault("adjoints-out-of-order", "derive.py", "grads = [adjoints[k] if k in adjoints else _zero(b, result.params[k]) for k in rows]",
          "grads = [*adjoints.values(), *(_zero(b, result.params[k]) for k in rows if k not in adjoints)]",
          "zeros of integer leaves come last instead of in their places", "test_api.py"),
    Fault("seeds-of-other-dtype", "along.py", "    if param.type.dtype != like.type.dtype:\n", "    if False:\n", "an adjoint of another dtype is taken as it is", "test_api.py"),
)  # fmt: skip
