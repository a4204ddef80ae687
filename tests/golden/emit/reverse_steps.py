def reverse_steps(x, lo, k):
    n = len(x)
    a = 0.0
    for i in range(n - 1, -1, -1):
        a = a * 0.5 + x[i]
    for i_1 in range(7, -2, -3):
        a += float(i_1)
    for i_2 in range(lo - ((lo - n) // k + 1) * k, lo - k, -k):
        a *= float(i_2)
    return a
