def relu(x):
    x_1 = -x if x < 0.0 else x
    return x_1 * 2.0
