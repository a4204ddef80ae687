def lost_copy(n, x):
    last = x
    z = x
    for i in range(n):
        last = z
        z += 1.0
    return z - last
