"""Small whole programs: the lowered ones do what Python does."""

from __future__ import annotations

import numpy as np
from test_frontend import M, X, check


def test_exits_in_unrolled_loops():
    def exits_in_unrolled_loops(x):
        r = 0.0
        for t in (1.0, 2.0, 3.0):
            for i in range(2):
                if x * t > 4:
                    break
                r += t
            else:
                r += 100
            if r > 150:
                return r
        return -r

    check(exits_in_unrolled_loops, (1.0,), (3.0,), (0.1,))


def test_lambdas_in_a_comprehension():
    def lambdas_in_a_comprehension(x):
        fs = [lambda y, k=k: y * k for k in range(3)]
        return sum(f(x) for f in fs)

    check(lambdas_in_a_comprehension, (1.5,))


def test_insertion_sort():
    def insertion_sort(x, n):
        out = np.zeros(n)
        i = 0
        while i < n:
            j = i
            while j > 0 and out[j - 1] > x[i]:
                out[j] = out[j - 1]
                j -= 1
            out[j] = x[i]
            i += 1
        return out

    check(insertion_sort, (X, 4))


def test_mean_and_spread():
    def mean_and_spread(x):
        n = len(x)
        s = 0
        for i in range(n):
            s = s + x[i]
        s /= n
        v = sum((t - s) ** 2 for t in (x[0], x[1]))
        return s, v

    check(mean_and_spread, (X,))


def test_heat():
    def heat(u, nt):
        un = u.copy()
        for n in range(nt):
            un[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
            u, un = un, u
        return u

    check(heat, (X, 3), (X, 2))


def test_argmax():
    def argmax(x):
        best, arg = x[0], 0
        for i, v in enumerate(x):
            if v > best:
                best, arg = v, i
        return best, arg

    check(argmax, (X,), dtypes=False)


def test_conditions():
    def conditions(x, y):
        if x > 0 and y > 0 or x < -1:
            a = 1
        elif not (x == y):
            a = 2.5
        else:
            a = x
        return a

    check(conditions, (1.0, 1.0), (-0.5, 2.0), (-0.5, -0.5), (-2.0, 0.0), dtypes=False)


def test_index_kept():
    def index_kept(x):
        i = 5
        for i in range(3):
            x += i
        for i in range(0):
            x += i
        return x, i

    check(index_kept, (1.0,))


def test_return_from_endless_loop():
    def return_from_endless_loop(x, n):
        while True:
            n -= 1
            if n < 0:
                return x
            for k in range(n):
                if k == 2:
                    break
                if k == 7:
                    return -x
                x += k

    check(return_from_endless_loop, (1.0, 5))


def test_rows_alias():
    def rows_alias(m):
        t = 0.0
        for i in range(m.shape[0]):
            row = m[i]
            row[0] += 1
            t += row @ row
        return t, m

    check(rows_alias, (M,))


def test_dict_result():
    def dict_result(p, x):
        w, b = p["w"], p["b"]
        q = dict(w=w * 2, b=b)
        return {"w": q["w"] @ x, "b": b, "n": None}

    check(dict_result, ({"w": M, "b": X[:3]}, X))


def test_recursion():
    def recursion(x):
        def rec(d, y):
            if d == 0:
                return y
            return rec(d - 1, y * x) + rec(d - 1, y)

        return rec(4, 1.0)

    check(recursion, (0.5,))


def test_break_two_levels():
    def break_two_levels(x, n):
        for i in range(n):
            for j in range(i):
                z = x * j
                if z > 3:
                    break
            else:
                continue
            return z, i
        raise ValueError("none")

    check(break_two_levels, (2.0, 5), (0.1, 3))


def test_in_place():
    def in_place(a, b):
        a += b * 2
        a -= b
        a[0] = b[1] = 7.0
        a **= 2
        return a

    check(in_place, (X, -X))


def test_integer_array():
    def integer_array(x):
        y = np.array([1, 2, 3])
        y[0] = x
        z = y * x
        return y, z, y.dtype == np.int64, (x, 1) if x > 2 else (1.0, 2)

    check(integer_array, (1.5,), dtypes=False)


def test_corners():
    def corners(x, i):
        return x[i, 0] + x[-1][-1] + x[1:, 1:][0, 0]

    check(corners, (M, 1), (M, -3), (M, 3))


def test_walrus_condition():
    def walrus_condition(n):
        s = 0.0
        k = n
        while (k := k - 1) > 0:
            s += k
        return s

    check(walrus_condition, (4,))


def test_merged_tuples():
    def merged_tuples(x, c):
        if c:
            y = (x, 1)
        else:
            y = (2.0, 3)
        z = y[0]
        y = z if c else y[1]
        return y

    check(merged_tuples, (1.5, True), (1.5, False), dtypes=False)
