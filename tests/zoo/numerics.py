"""Numerical programs: ODEs, PDEs, filters, statistics, signal processing."""

from __future__ import annotations

import math

import numpy as np

from zoo.registry import mat, pos, program, vec


@program((np.array([1.0, 0.5]), np.array([1.1, 0.4, 0.4, 0.1]), 5))
def lotka_volterra(y, p, n):
    h = 0.1
    for _ in range(n):
        a, b = y[0], y[1]
        y[0] = a + h * (p[0] * a - p[1] * a * b)
        y[1] = b + h * (p[2] * a * b - p[3] * b)
    return y[0] * y[1]


@program((1.2, 0.3, 0.8, 6))
def rk4_pendulum(theta, omega, k, n):
    def f(t, w):
        return w, -k * math.sin(t) - 0.1 * w

    h = 0.1
    for _ in range(n):
        a1, b1 = f(theta, omega)
        a2, b2 = f(theta + h / 2 * a1, omega + h / 2 * b1)
        a3, b3 = f(theta + h / 2 * a2, omega + h / 2 * b2)
        a4, b4 = f(theta + h * a3, omega + h * b3)
        theta += h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        omega += h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
    return theta * theta + omega


@program((pos(3), 4))
def rk4_arrays(y, n):
    def f(v):
        return v * (1.0 - v) - 0.1 * v[0]

    h = 0.2
    for _ in range(n):
        k1 = f(y)
        k2 = f(y + 0.5 * h * k1)
        k3 = f(y + 0.5 * h * k2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(y * y)


@program((pos(3), 0.8, 3))
def lorenz(s, rho, n):
    x, y, z = s[0], s[1], s[2]
    for _ in range(n):
        dx = 10.0 * (y - x)
        dy = x * (rho - z) - y
        dz = x * y - 8 / 3 * z
        x, y, z = x + 0.02 * dx, y + 0.02 * dy, z + 0.02 * dz
    return x + y * z


@program((pos(6), 0.3, 4))
def heat(u, nu, steps):
    for _ in range(steps):
        un = u.copy()
        u[1:-1] = un[1:-1] + nu * (un[2:] - 2 * un[1:-1] + un[:-2]) * un[1:-1]
    return np.sum(u * u)


@program((mat(4, 4), 3))
def heat_2d(u, steps):
    v = np.zeros((4, 4))
    for _ in range(steps):
        for i in range(4):
            for j in range(4):
                v[i, j] = u[i, j] + 0.1 * (u[i - 1, j] + u[i, j - 1] - 2 * u[i, j]) * u[i, j]
        u, v = v, u
    return np.sum(u * u)


@program((vec(6), 0.2, 4))
def wave(u, c, n):
    prev = u.copy()
    for _ in range(n):
        nxt = np.zeros_like(u)
        for i in range(1, len(u) - 1):
            nxt[i] = 2 * u[i] - prev[i] + c * (u[i + 1] - 2 * u[i] + u[i - 1])
        prev = u
        u = nxt
    return np.sum(u * prev)


@program((pos(6), 4))
def burgers(u, n):
    dt = 0.1
    for _ in range(n):
        old = u.copy()
        for i in range(len(u)):
            if old[i] > 0:
                u[i] = old[i] - dt * old[i] * (old[i] - old[i - 1])
            else:
                u[i] = old[i] - dt * old[i] * (old[(i + 1) % len(u)] - old[i])
    return np.sum(u * u)


@program((vec(6), 0.4, 0.9, 0.2))
def kalman_scalar(z, q, a, r):
    x, p, loglik = 0.0, 1.0, 0.0
    for t in range(len(z)):
        x = a * x
        p = a * a * p + q
        s = p + r
        e = z[t] - x
        k = p / s
        x += k * e
        p *= 1 - k
        loglik -= 0.5 * (math.log(2 * math.pi * s) + e * e / s)
    return loglik


@program((mat(2, 2), mat(4, 2, 1), 0.5))
def kalman_2d(a, zs, q):
    x = np.zeros(2)
    p = np.array([[1.0, 0.0], [0.0, 1.0]])
    cost = 0.0
    for t in range(zs.shape[0]):
        x = a @ x
        p = a @ p @ a.T + q
        s = p[0, 0] + 1.0
        e = zs[t, 0] - x[0]
        k = p[:, 0] / s
        x = x + k * e
        p = p - np.outer(k, p[0])
        cost += e * e / s + math.log(s)
    return cost + x[1]


@program((vec(4), vec(4, 1), mat(8, 5, 2)))
def lstm_cell(h, c, w):
    n = 2
    for t in range(2):
        for i in range(n):
            z = np.zeros(4)
            for g in range(4):
                s = w[g * n + i, 4]
                for j in range(4):
                    s += w[g * n + i, j] * h[j]
                z[g] = s
            f = 1 / (1 + math.exp(-z[0]))
            o = 1 / (1 + math.exp(-z[1]))
            c[i] = c[i] * f + math.tanh(z[2]) / (1 + math.exp(-z[3]))
            h[i + 2 * (t % 2)] = math.tanh(c[i]) * o
    return np.sum(h * h) + c[0]


@program((pos(4), 0.4, 1.3))
def garch(r, alpha, omega):
    var = omega
    loglik = 0.0
    for t in range(len(r)):
        var = omega + alpha * r[t] ** 2 + 0.5 * var
        loglik += math.log(var) + r[t] ** 2 / var
    return loglik


@program((100.0, 0.2, 0.05, 5), tol=1e-6)
def binomial_tree(spot, vol, rate, n):
    dt = 1.0 / n
    u = math.exp(vol * math.sqrt(dt))
    p = (math.exp(rate * dt) - 1 / u) / (u - 1 / u)
    v = np.zeros(n + 1)
    for i in range(n + 1):
        v[i] = max(97.3 - spot * u ** (2 * i - n), 0.0)
    for t in range(n - 1, -1, -1):
        for i in range(t + 1):
            v[i] = math.exp(-rate * dt) * (p * v[i + 1] + (1 - p) * v[i])
    return v[0]


@program((vec(8), vec(3, 1)))
def convolution(x, k):
    n, m = len(x), len(k)
    y = np.zeros(n - m + 1)
    for i in range(n - m + 1):
        for j in range(m):
            y[i] += x[i + j] * k[j]
    return np.sum(y * y)


@program((vec(6), 0.3, 0.6))
def iir_filter(x, a, b):
    y = np.zeros(len(x))
    y[0] = x[0]
    for n in range(1, len(x)):
        y[n] = b * x[n] - a * y[n - 1] + (0.1 * y[n - 2] if n > 1 else 0.0)
    return np.sum(y**2)


@program((vec(4),))
def discrete_fourier(x):
    n = len(x)
    power = 0.0
    for k in range(n):
        re, im = 0.0, 0.0
        for t in range(n):
            w = 2 * math.pi * k * t / n
            re += x[t] * math.cos(w)
            im -= x[t] * math.sin(w)
        power += math.log(1 + re * re + im * im) * (k + 1)
    return power


@program((mat(5, 2), mat(2, 2, 1), pos(2), 0.7))
def gaussian_mixture(data, means, weights, sigma):
    total = 0.0
    for i in range(data.shape[0]):
        s = 0.0
        for k in range(2):
            d = 0.0
            for j in range(2):
                d += (data[i, j] - means[k, j]) ** 2
            s += weights[k] * math.exp(-0.5 * d / sigma**2)
        total += math.log(s)
    return total - 10 * math.log(sigma)


@program((mat(4, 3), vec(4)))
def n_body_energy(q, m):
    e = 0.0
    for i in range(4):
        for j in range(i):
            r2 = 0.0
            for k in range(3):
                d = q[i, k] - q[j, k]
                r2 += d * d
            e -= m[i] * m[j] / math.sqrt(r2 + 0.01)
    return e


@program((mat(3, 2), mat(3, 2, 1), 3))
def leapfrog(q, p, n):
    h = 0.1
    for _ in range(n):
        for i in range(3):
            for k in range(2):
                f = 0.0
                for j in range(3):
                    f -= q[i, k] - 0.5 * q[j, k] ** 2
                p[i, k] += h * f
        for i in range(3):
            q[i] += h * p[i]
    return np.sum(p * p) + q[0, 0]


@program((vec(5), vec(5, 1), 0.1, 0.2, 4))
def gradient_descent(x, y, w, b, n):
    for _ in range(n):
        gw, gb = 0.0, 0.0
        for i in range(len(x)):
            e = w * x[i] + b - y[i]
            gw += e * x[i]
            gb += e
        w -= 0.05 * gw
        b -= 0.05 * gb
    return w * w + b


@program((vec(4), 3))
def moving_average(x, w):
    out = np.zeros(len(x))
    s = 0.0
    for i in range(len(x)):
        s += x[i]
        if i >= w:
            s -= x[i - w]
        out[i] = s / min(i + 1, w)
    return np.sum(out * out * x)


@program((vec(3), vec(3, 1)))
def dynamic_time_warp(a, b):
    n, m = len(a), len(b)
    d = np.full((n + 1, m + 1), 1e6)
    d[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = (a[i - 1] - b[j - 1]) ** 2
            d[i, j] = cost + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[n, m]


@program((mat(3, 3), mat(2, 3, 1)))
def hidden_markov(a, emit):
    alpha = np.ones(3) / 3
    loglik = 0.0
    for t in range(4):
        new = np.zeros(3)
        for j in range(3):
            for i in range(3):
                new[j] += alpha[i] * math.exp(a[i, j])
            new[j] *= math.exp(emit[t % 2, j])
        total = np.sum(new)
        alpha = new / total
        loglik += math.log(total)
    return loglik
