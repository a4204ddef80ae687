import numpy as np


def singles(x, i, c):
    t3 = (x * np.float32(0.5) + np.float32(-1.5)) ** 2
    return t3, np.int32(np.int32(i + np.int32(1)) * i), x if c else np.float32(0.0)
