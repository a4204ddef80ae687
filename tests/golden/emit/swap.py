def swap(n, x, y):
    u = x
    v = y
    for i in range(n):
        u, v = v, u
    return u, v
