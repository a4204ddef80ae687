import numpy as np


def lstm_cell_grad(w, x, h, c):
    """Gradient of lstm_cell with respect to w and x."""
    t = w[0] * h
    x0 = x[0]
    t = np.exp(-(t + x0))
    t_1 = 1.0 + t
    forget = 1.0 / t_1
    t_2 = np.exp(-(w[1] * h + x[1]))
    t_3 = 1.0 + t_2
    ingate = 1.0 / t_3
    change = np.tanh(w[3] * h)
    c_1 = forget * c + ingate * change
    t_4 = np.exp(-(w[2] * x0))
    t_5 = 1.0 + t_4
    t_6 = 1.0 / t_5
    t_7 = np.tanh(c_1)

    # reverse sweep
    w_bar = np.zeros_like(w)
    x_bar = np.zeros_like(x)
    c_bar = t_6 * (1.0 - t_7 * t_7)  # return sigmoid(w[2] * x[0]) * math.tanh(c)
    t_bar = t_6 * t_7 / t_5 * t_4  # return 1.0 / (1.0 + math.exp(-x))
    w_bar[2] = t_bar * x0  # return sigmoid(w[2] * x[0]) * math.tanh(c)
    w_bar[3] = c_bar * ingate * (1.0 - change * change) * h  # change = math.tanh(w[3] * h)
    t_bar_1 = c_bar * change * ingate / t_3 * t_2  # return 1.0 / (1.0 + math.exp(-x))
    x_bar[1] = t_bar_1  # ingate = sigmoid(w[1] * h + x[1])
    w_bar[1] = t_bar_1 * h
    t_bar_1 = c_bar * c * forget / t_1 * t  # return 1.0 / (1.0 + math.exp(-x))
    x_bar[0] = t_bar * w[2] + t_bar_1  # forget = sigmoid(w[0] * h + x[0])
    w_bar[0] = t_bar_1 * h
    return w_bar, x_bar
