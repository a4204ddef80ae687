import numpy as np


def attention_grad(q, k, v):
    """Gradient of attention with respect to q, k and v."""
    t = np.sqrt(float(q.shape[2]))
    weights = np.exp(np.einsum("hqd,hkd->hqk", q, k) / t)
    t_1 = np.sum(weights, axis=2, keepdims=True)
    weights_1 = weights / t_1

    # reverse sweep
    t_2 = 2.0 * np.einsum("hqk,hkd->hqd", weights_1, v)
    t_3 = np.einsum("hqd,hkd->hqk", t_2, v)
    t_4 = np.einsum("hqd,hqk->hkd", t_2, weights_1)
    # weights = np.exp(np.einsum("hqd,hkd->hqk", q, k) / np.sqrt(q.shape[-1]))
    t_bar = (t_3 / t_1 - np.sum(t_3 * weights_1 / t_1, axis=2, keepdims=True)) * weights / t
    return np.einsum("hqk,hkd->hqd", t_bar, k), np.einsum("hqk,hqd->hkd", t_bar, q), t_4
