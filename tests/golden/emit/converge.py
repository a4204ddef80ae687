def converge(x, tol):
    s = x
    for i in range(100):
        t2 = s * s - x
        s -= t2 / (s * 2.0)
        if abs(t2) < tol:
            break
    return s
