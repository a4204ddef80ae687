import numpy as np


def bilinear_grad(x, w):
    """Gradient of bilinear with respect to w."""
    y = np.einsum("bi,iok,bk->bo", x, w, x)
    t = np.tanh(y)
    return np.einsum("bo,bi,bk->iok", 1.0 - t * t, x, x)
