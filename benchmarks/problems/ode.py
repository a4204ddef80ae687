"""The Lotka-Volterra equations by the classical Runge-Kutta method: x^2 + y^2 at the end, by the four parameters.

x' = p0 x - p1 x y, y' = p3 x y - p2 y."""

from __future__ import annotations

import numpy as np

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain


def slope(x, y, p):
    return p[0] * x - p[1] * x * y, p[3] * x * y - p[2] * y


def ode(p, steps, h):
    x, y = 1.0, 1.0
    for _ in range(steps):
        a0, b0 = slope(x, y, p)
        a1, b1 = slope(x + 0.5 * h * a0, y + 0.5 * h * b0, p)
        a2, b2 = slope(x + 0.5 * h * a1, y + 0.5 * h * b1, p)
        a3, b3 = slope(x + h * a2, y + h * b2, p)
        x += h / 6.0 * (a0 + 2.0 * a1 + 2.0 * a2 + a3)
        y += h / 6.0 * (b0 + 2.0 * b1 + 2.0 * b2 + b3)
    return x * x + y * y


@plain
def stages(x, y, p0, p1, p2, p3, h):
    """The four slopes of one step, and the points of the last three."""
    a0, b0 = p0 * x - p1 * x * y, p3 * x * y - p2 * y
    u1, v1 = x + 0.5 * h * a0, y + 0.5 * h * b0
    a1, b1 = p0 * u1 - p1 * u1 * v1, p3 * u1 * v1 - p2 * v1
    u2, v2 = x + 0.5 * h * a1, y + 0.5 * h * b1
    a2, b2 = p0 * u2 - p1 * u2 * v2, p3 * u2 * v2 - p2 * v2
    u3, v3 = x + h * a2, y + h * b2
    a3, b3 = p0 * u3 - p1 * u3 * v3, p3 * u3 * v3 - p2 * v3
    return a0 + 2.0 * a1 + 2.0 * a2 + a3, b0 + 2.0 * b1 + 2.0 * b2 + b3, u1, v1, u2, v2, u3, v3


@plain
def objective(p, steps, h):
    x, y = 1.0, 1.0
    for _ in range(steps):
        a, b, _, _, _, _, _, _ = stages(x, y, p[0], p[1], p[2], p[3], h)
        x += h / 6.0 * a
        y += h / 6.0 * b
    return x * x + y * y


@plain
def slope_adjoint(x, y, a_bar, b_bar, p0, p1, p2, p3, p_bar):
    """Back through the slope at (x, y): the adjoint of the point; that of the parameters is added."""
    w = x * y
    p_bar[0] += x * a_bar
    p_bar[1] -= w * a_bar
    p_bar[2] -= y * b_bar
    p_bar[3] += w * b_bar
    return (p0 - p1 * y) * a_bar + p3 * y * b_bar, (p3 * x - p2) * b_bar - p1 * x * a_bar


@plain
def by_hand(p, steps, h):
    """Both states are kept, the stages computed again."""
    p0, p1, p2, p3 = p[0], p[1], p[2], p[3]
    kept, p_bar = np.empty((steps, 2)), np.zeros(4)
    x, y = 1.0, 1.0
    for s in range(steps):
        kept[s, 0], kept[s, 1] = x, y
        a, b, _, _, _, _, _, _ = stages(x, y, p0, p1, p2, p3, h)
        x += h / 6.0 * a
        y += h / 6.0 * b
    value = x * x + y * y
    x_bar, y_bar = 2.0 * x, 2.0 * y
    for s in range(steps - 1, -1, -1):
        x, y = kept[s, 0], kept[s, 1]
        _, _, u1, v1, u2, v2, u3, v3 = stages(x, y, p0, p1, p2, p3, h)
        a_bar, b_bar = h / 6.0 * x_bar, h / 6.0 * y_bar
        u_bar, v_bar = slope_adjoint(u3, v3, a_bar, b_bar, p0, p1, p2, p3, p_bar)
        x_bar, y_bar = x_bar + u_bar, y_bar + v_bar
        a2_bar, b2_bar = 2.0 * a_bar + h * u_bar, 2.0 * b_bar + h * v_bar
        u_bar, v_bar = slope_adjoint(u2, v2, a2_bar, b2_bar, p0, p1, p2, p3, p_bar)
        x_bar, y_bar = x_bar + u_bar, y_bar + v_bar
        a1_bar, b1_bar = 2.0 * a_bar + 0.5 * h * u_bar, 2.0 * b_bar + 0.5 * h * v_bar
        u_bar, v_bar = slope_adjoint(u1, v1, a1_bar, b1_bar, p0, p1, p2, p3, p_bar)
        x_bar, y_bar = x_bar + u_bar, y_bar + v_bar
        u_bar, v_bar = slope_adjoint(x, y, a_bar + 0.5 * h * u_bar, b_bar + 0.5 * h * v_bar, p0, p1, p2, p3, p_bar)
        x_bar, y_bar = x_bar + u_bar, y_bar + v_bar
    return value, p_bar


@fast
def stage_adjoint(x, y, a_bar, b_bar, p0, p1, p2, p3):
    """Back through the slope at (x, y)."""
    return (p0 - p1 * y) * a_bar + (p3 * y) * b_bar, (p3 * x - p2) * b_bar - (p1 * x) * a_bar


@fast
def best(p, steps, h):
    """Factored so that the chain from step to step is short, both ways: what is off it runs beside it."""
    p0, p1, p2, p3 = p[0], p[1], p[2], p[3]
    half, sixth, third = 0.5 * h, h / 6.0, h / 3.0
    kept = np.empty((steps, 2))
    x, y = 1.0, 1.0
    for s in range(steps):
        kept[s, 0] = x
        kept[s, 1] = y
        a0, b0 = x * (p0 - p1 * y), y * (p3 * x - p2)
        u1, v1 = x + half * a0, y + half * b0
        a1, b1 = u1 * (p0 - p1 * v1), v1 * (p3 * u1 - p2)
        u2, v2 = x + half * a1, y + half * b1
        a2, b2 = u2 * (p0 - p1 * v2), v2 * (p3 * u2 - p2)
        u3, v3 = x + h * a2, y + h * b2
        a3, b3 = u3 * (p0 - p1 * v3), v3 * (p3 * u3 - p2)
        x = (x + sixth * a0 + third * (a1 + a2)) + sixth * a3
        y = (y + sixth * b0 + third * (b1 + b2)) + sixth * b3
    value = x * x + y * y
    x_bar, y_bar = 2.0 * x, 2.0 * y
    g0 = g1 = g2 = g3 = 0.0
    for s in range(steps - 1, -1, -1):
        x, y = kept[s, 0], kept[s, 1]
        a0, b0 = x * (p0 - p1 * y), y * (p3 * x - p2)
        u1, v1 = x + half * a0, y + half * b0
        a1, b1 = u1 * (p0 - p1 * v1), v1 * (p3 * u1 - p2)
        u2, v2 = x + half * a1, y + half * b1
        a2, b2 = u2 * (p0 - p1 * v2), v2 * (p3 * u2 - p2)
        u3, v3 = x + h * a2, y + h * b2
        a3_bar, b3_bar = sixth * x_bar, sixth * y_bar
        u3_bar, v3_bar = stage_adjoint(u3, v3, a3_bar, b3_bar, p0, p1, p2, p3)
        a2_bar, b2_bar = third * x_bar + h * u3_bar, third * y_bar + h * v3_bar
        u2_bar, v2_bar = stage_adjoint(u2, v2, a2_bar, b2_bar, p0, p1, p2, p3)
        a1_bar, b1_bar = third * x_bar + half * u2_bar, third * y_bar + half * v2_bar
        u1_bar, v1_bar = stage_adjoint(u1, v1, a1_bar, b1_bar, p0, p1, p2, p3)
        a0_bar, b0_bar = a3_bar + half * u1_bar, b3_bar + half * v1_bar
        u0_bar, v0_bar = stage_adjoint(x, y, a0_bar, b0_bar, p0, p1, p2, p3)
        g0 += (x * a0_bar + u1 * a1_bar) + (u2 * a2_bar + u3 * a3_bar)
        g1 -= (x * y * a0_bar + u1 * v1 * a1_bar) + (u2 * v2 * a2_bar + u3 * v3 * a3_bar)
        g2 -= (y * b0_bar + v1 * b1_bar) + (v2 * b2_bar + v3 * b3_bar)
        g3 += (x * y * b0_bar + u1 * v1 * b1_bar) + (u2 * v2 * b2_bar + u3 * v3 * b3_bar)
        x_bar = (x_bar + u3_bar + u2_bar + u1_bar) + u0_bar
        y_bar = (y_bar + v3_bar + v2_bar + v1_bar) + v0_bar
    p_bar = np.empty(4)
    p_bar[0], p_bar[1], p_bar[2], p_bar[3] = g0, g1, g2, g3
    return value, p_bar


def step(x, y, p, h):
    """One step, for the tools that record."""
    a0, b0 = slope(x, y, p)
    a1, b1 = slope(x + 0.5 * h * a0, y + 0.5 * h * b0, p)
    a2, b2 = slope(x + 0.5 * h * a1, y + 0.5 * h * b1, p)
    a3, b3 = slope(x + h * a2, y + h * b2, p)
    return x + h / 6.0 * (a0 + 2.0 * a1 + 2.0 * a2 + a3), y + h / 6.0 * (b0 + 2.0 * b1 + 2.0 * b2 + b3)


def in_jax(np):
    import jax

    def objective(p, steps, h):
        start = np.ones(()), np.ones(())
        (x, y), _ = jax.lax.scan(lambda s, _: (step(*s, p, h), None), start, None, length=steps)
        return x * x + y * y

    return objective


def recorded(_):
    def objective(p, steps, h):
        x, y = 1.0, 1.0
        for _ in range(steps):
            x, y = step(x, y, p, h)
        return x * x + y * y

    return objective


def inputs(steps):
    return np.array([1.5, 1.0, 3.0, 1.0]), steps, 0.001


PROBLEM = Problem(
    name="ode",
    text=__doc__,
    ours={"loops": differentiated(ode)},
    sizes={"1e4 steps": lambda: inputs(10_000)},
    small=lambda: inputs(20),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax(in_jax, static=(1,)),
        "torch": peers.torch(recorded),
        "autograd": peers.autograd(recorded),
    },
)
