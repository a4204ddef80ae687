"""IR programs whose Python is kept as golden text in tests/golden/emit/NAME.py."""

PROGRAMS = {
    "dot": """func @dot(%x: f64[n], %y: f64[n]) -> f64 {
  %n: i64 = dim %x, 0
  %s: f64 = for %i in 0..%n with (%acc: f64 = 0.0) {
    %t1: f64 = load %x[%i]
    %t2: f64 = load %y[%i]
    %t3: f64 = mul %t1, %t2
    %t4: f64 = add %acc, %t3
    yield %t4
  }
  return %s
}""",
    "solve": """func @solve(%x: f64[n], %out: mut f64[n], %tol: f64) -> f64 {
  %n: i64 = dim %x, 0
  %s: f64 = for %i in 0..%n with (%acc: f64 = 0.0) {
    %xi: f64 = load %x[%i]
    %c: b1 = lt %xi, 0.0
    %a: f64 = if %c {
      %m: f64 = neg %xi
      yield %m
    } else {
      yield %xi
    }
    store %out[%i] = %a
    %t: f64 = add %acc, %a
    yield %t
  }
  %r: f64 = while with (%u: f64 = %s) {
    %go: b1 = gt %u, %tol
    test %go
  } do {
    %v: f64 = mul %u, 0.5
    yield %v
  }
  return %r
}""",
    "fibonacci": """func @fibonacci(%n: i64) -> f64 {
  %a: f64, %b: f64 = for %i in 0..%n with (%p: f64 = 0.0, %q: f64 = 1.0) {
    %t: f64 = add %p, %q
    yield %q, %t
  }
  return %a
}""",
    "swap": """func @swap(%n: i64, %x: f64, %y: f64) -> (f64, f64) {
  %u: f64, %v: f64 = for %i in 0..%n with (%p: f64 = %x, %q: f64 = %y) {
    yield %q, %p
  }
  return %u, %v
}""",
    "lost_copy": """func @lost_copy(%n: i64, %x: f64) -> f64 {
  %last: f64, %z: f64 = for %i in 0..%n with (%p: f64 = %x, %q: f64 = %x) {
    %t: f64 = add %q, 1.0
    yield %q, %t
  }
  %r: f64 = sub %z, %last
  return %r
}""",
    "relu": """func @relu(%x: f64) -> f64 {
  %c: b1 = lt %x, 0.0
  %x_1: f64 = if %c {
    %x_2: f64 = neg %x
    yield %x_2
  } else {
    yield %x
  }
  %y: f64 = mul %x_1, 2.0
  return %y
}""",
    "early": """func @early(%x: f64) -> f64 {
  %t: b1 = lt %x, 0.0
  %r: f64 = if %t {
    yield 0.0
  } else {
    %t1: b1 = gt %x, 10.0
    %q: f64 = if %t1 {
      %t2: f64 = sqrt %x
      yield %t2
    } else {
      %y: f64 = mul %x, %x
      %z: f64 = add %y, 1.0
      yield %z
    }
    yield %q
  }
  return %r
}""",
    "search": """func @search(%x: f64[n], %tol: f64) -> f64 {
  %n: i64 = dim %x, 0
  %s: f64 = for %i in 0..%n with (%acc: f64 = 0.0) {
    %xi: f64 = load %x[%i]
    %c: b1 = gt %xi, %tol
    %r: f64, %stop: b1 = if %c {
      yield %acc, true
    } else {
      %t2: f64 = mul %xi, %xi
      %t3: f64 = add %acc, %t2
      yield %t3, false
    }
    yield %r until %stop
  }
  return %s
}""",
    "converge": """func @converge(%x: f64, %tol: f64) -> f64 {
  %s: f64 = for %i in 0..100 with (%y: f64 = %x) {
    %t1: f64 = mul %y, %y
    %t2: f64 = sub %t1, %x
    %t3: f64 = mul %y, 2.0
    %t4: f64 = div %t2, %t3
    %y_1: f64 = sub %y, %t4
    %t5: f64 = abs %t2
    %t6: b1 = lt %t5, %tol
    yield %y_1 until %t6
  }
  return %s
}""",
    "newton": """func @newton(%x: f64, %tol: f64) -> f64 {
  %r: f64 = while with (%y: f64 = 1.0) {
    %gap: f64 = fmod %y, %x
    %t0: f64 = mul %gap, %gap
    %t1: b1 = gt %t0, %tol
    %t2: b1 = lt %gap, 3.0
    %t3: b1 = and %t1, %t2
    test %t3
  } do {
    %t4: f64 = div %x, %y
    %t5: f64 = add %y, %t4
    %y_1: f64 = mul %t5, 0.5
    yield %y_1
  }
  return %r
}""",
    "reverse_steps": """func @reverse_steps(%x: f64[n], %lo: i64, %k: i64) -> f64 {
  %n: i64 = dim %x, 0
  %a: f64 = for %i in 0..%n reversed with (%p: f64 = 0.0) {
    %t1: f64 = load %x[%i]
    %t2: f64 = mul %p, 0.5
    %t3: f64 = add %t2, %t1
    yield %t3
  }
  %b: f64 = for %i_1 in 1..8 step 3 reversed with (%p1: f64 = %a) {
    %t4: f64 = cast %i_1
    %t5: f64 = add %p1, %t4
    yield %t5
  }
  %c: f64 = for %i_2 in %lo..%n step %k reversed with (%p2: f64 = %b) {
    %t6: f64 = cast %i_2
    %t7: f64 = mul %p2, %t6
    yield %t7
  }
  return %c
}""",
    "adjoint": """func @adjoint(%x: f64[n], %s_bar: f64) -> f64[n] {
  %n: i64 = dim %x, 0
  section text="forward sweep"
  %tape: stack(f64) = stack elem=f64
  %s: f64 = for %i in 0..%n with (%acc: f64 = 1.0) {
    push %tape, %acc
    %t0: f64 = load %x[%i], safe=True
    %t1: f64 = mul %acc, %t0
    yield %t1
  }
  section text="reverse sweep"
  %x_bar: f64[n] = zeros_like %x
  %r: f64 = for %i_1 in 0..%n reversed with (%acc_bar: f64 = %s_bar) {
    %acc_1: f64 = pop %tape
    %t0_bar: f64 = mul %acc_bar, %acc_1
    update %x_bar[%i_1] += %t0_bar, safe=True
    %t3: f64 = load %x[%i_1], safe=True
    %acc_bar_1: f64 = mul %acc_bar, %t3
    yield %acc_bar_1
  }
  return %x_bar
}""",
    "overlap": """func @overlap(%a: mut f64[n], %m: mut f64[n, k], %j: i64) -> f64 {
  %t1: strided f64[:] = view %a[1:]
  %t2: strided f64[:] = view %a[:-1]
  accumulate %t1, %t2
  %t3: strided f64[:] = view %m[:, %j]
  %t4: f64[n] = mul %a, 2.0
  assign %t3, %t4
  accumulate %a, 1.0
  assign %m, 0.0
  %s: f64 = sum %a
  return %s
}""",
    "layer": """func @layer(%W: f64[m, n], %x: f64[n], %b: f64[m], %y: f64[m]) -> f64 {
  %t1: f64[m] = matmul %W, %x
  %t2: f64[m] = add %t1, %b
  %h: f64[m] = tanh %t2
  %d: f64[m] = sub %h, %y
  %t3: f64[m] = mul %d, %d
  %t4: f64 = sum %t3
  %t5: f64 = mul %t4, 0.5
  return %t5
}""",
    "checks": """func @checks(%x: f64[n], %i: i64, %j: i64) -> f64 {
  %n: i64 = dim %x, 0
  %t1: b1 = ge %i, %n
  raise_if %t1, error="IndexError", message="index out of range (model.py:4)"
  %t2: b1 = ne %n, 3
  raise_if %t2, error="ShapeMismatch", message="3 rows wanted (model.py:5)"
  %t3: f64 = load %x[%i], safe=True
  %k: i64 = floordiv %i, %j
  %t4: f64 = load %x[%k], safe=True
  %t5: f64 = add %t3, %t4
  return %t5
}""",
    "singles": """func @singles(%x: f32, %i: i32, %c: b1) -> (f32, i32, f32) {
  %t1: f32 = mul %x, 0.5
  %t2: f32 = add %t1, -1.5
  %t3: f32 = pow %t2, 2.0
  %t4: i32 = add %i, 1
  %t5: i32 = mul %t4, %i
  %t6: f32 = select %c, %x, 0.0
  return %t3, %t5, %t6
}""",
    "order": """func @order(%a: mut f64[n], %i: i64) -> f64 {
  %t1: f64 = load %a[%i]
  store %a[%i] = 0.0
  %t2: f64 = load %a[0]
  %t3: f64 = add %t1, %t2
  return %t3
}""",
}
