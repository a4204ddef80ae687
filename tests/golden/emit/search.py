def search(x, tol):
    n = len(x)
    r = 0.0
    for i in range(n):
        xi = x[i]
        if xi > tol:
            break
        r += xi * xi
    return r
