def order(a, i):
    t1 = a[i]
    a[i] = 0.0
    return t1 + a[0]
