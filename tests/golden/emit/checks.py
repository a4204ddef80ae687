def checks(x, i, j):
    n = len(x)
    if i >= n:
        raise IndexError("index out of range (model.py:4)")
    if n != 3:
        raise ValueError("ShapeMismatch: 3 rows wanted (model.py:5)")
    k = i // j
    return x[i] + x[k]
