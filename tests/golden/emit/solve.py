def solve_(x, out, tol):
    n = len(x)
    s = 0.0
    for i in range(n):
        xi = x[i]
        a = -xi if xi < 0.0 else xi
        out[i] = a
        s += a
    while s > tol:
        s *= 0.5
    return s
