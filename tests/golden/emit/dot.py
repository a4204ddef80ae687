def dot(x, y):
    n = len(x)
    s = 0.0
    for i in range(n):
        s += x[i] * y[i]
    return s
