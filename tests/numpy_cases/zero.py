"""Functions whose derivative is zero, in programs that have one."""

from __future__ import annotations

import numpy as np

from numpy_cases.registry import X5, A, P, Q, S, V, case

case("ndim", lambda x: np.ndim(x) * x * x, A)
case("size", lambda x: np.size(x) * x * np.size(x, 1) * x.size, A)
case("shape", lambda x: np.shape(x)[1] * x * x, A)
case("isscalar", lambda x: x * x if np.isscalar(2.0) else x, A)
case("iscomplexobj", lambda x: x if np.iscomplexobj(x) else x * x, A)
case("result_type", lambda x: np.zeros(3, np.result_type(x, np.float32)) + x * x, A)
case("argmax", lambda x: x[0, np.argmax(x, axis=1)] * x[:, 0], S[:2, :2])
case("argmin", lambda x: np.argmin(x, axis=0, keepdims=True) * x * x + x.argmin(), A)
case("argsort", lambda x: x[np.argsort(x)] * np.argsort(-x), V)
case("argpartition", lambda x: x[np.argpartition(x, 1)[:1]] * x, V)
case("searchsorted", lambda x: np.searchsorted(X5, x) * x * x, V)
case("digitize", lambda x: np.digitize(x, X5) * x * x, V)
case("argwhere", lambda x: np.sum(np.argwhere(x > 0)) * x * x, A)
case("nonzero", lambda x: x[np.nonzero(x > 0)] ** 2, A)
case("flatnonzero", lambda x: x.ravel()[np.flatnonzero(x > 0)] ** 2, A)
case("count_nonzero", lambda x: np.count_nonzero(x > 0, axis=0) * x * x, A)
case("any", lambda x: np.any(x > 1.0, axis=1, keepdims=True) * x * x, A)
case("all", lambda x: np.all(x > -1.0, axis=0) * x * x * np.all(x), A)
case("allclose", lambda x: np.sum(x * x) if np.allclose(x, x) else 0.0, V)
case("isclose", lambda x: np.isclose(x, x[0]) * x * x, V)
case("array_equal", lambda x: np.array_equal(x, x) * np.sum(x * x) + np.array_equal(x, x[1:]), V)
case("array_equiv", lambda x: np.array_equiv(x[:1] * 0.0, np.zeros((2, 3))) * np.sum(x * x), V)
case("around", lambda x: np.around(x, 0) * x * x, A)
case("empty_like", lambda x: cleared(np.empty_like(x)) + x * x, A)
case("zeros_like", lambda x: np.zeros_like(x) + x * x, A)
case("ones_like", lambda x: np.ones_like(x) * x * x, A)
case("full_like", lambda x: np.full_like(x, 2.0) * x * x, A)
case("iscomplex isreal", lambda x: np.where(np.iscomplex(x), 0.0, np.isreal(x) * x * x), A)
case("isposinf isneginf", lambda x: np.where(np.isposinf(x) | np.isneginf(x), 0.0, x * x), A)
case("isfinite isinf isnan", lambda x: (np.isfinite(x) & ~np.isinf(x) & ~np.isnan(x)) * x * x, A)

case("equal", lambda x, y: np.where(np.equal(x, y), x * y, x), A, V)
case("not_equal", lambda x, y: np.where(np.not_equal(x, y), x * y, x), A, V)
case("greater", lambda x, y: np.where(np.greater(x, y), x * y, x), A, V)
case("greater_equal", lambda x, y: np.where(np.greater_equal(x, y), x * y, x), A, V)
case("less", lambda x, y: np.where(np.less(x, y), x * y, x), A, V)
case("less_equal", lambda x, y: np.where(np.less_equal(x, y), x * y, x), A, V)
case("logical_and", lambda x, y: np.where(np.logical_and(x > 0.0, y > 0.0), x * y, x), A, V)
case("logical_or", lambda x, y: np.where(np.logical_or(x > 0.0, y > 0.0), x * y, x), A, V)
case("logical_xor", lambda x, y: np.where(np.logical_xor(x > 0.0, y > 0.0), x * y, x), A, V)
case("logical_not", lambda x: np.where(np.logical_not(x > 0.0), x * x, x), A)
case("ceil", lambda x: np.ceil(x) * x * x, A)
case("fix", lambda x: np.fix(x) * x * x, A)
case("floor", lambda x: np.floor(x) * x * x, A)
case("rint", lambda x: np.rint(x) * x * x, A)
case("sign", lambda x: np.sign(x) * x * x, A)
case("trunc", lambda x: np.trunc(x) * x * x, A)
case("round", lambda x: np.round(x) * x * x, A)
case("floor_divide", lambda x, y: np.floor_divide(x, y) * x, P, Q)


def cleared(y):
    y[...] = 1.0
    return y
