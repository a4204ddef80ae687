"""The rates of a predator-prey model from noisy counts: least squares through an ODE solver, by Gauss and Newton.

The solver is a loop of Runge-Kutta steps over an array that is written in place. `ad.jacobian` differentiates it by the
four rates and the two initial populations; damped steps of Gauss and Newton (Levenberg 1944, Marquardt 1963) fit them.
"""

from __future__ import annotations

import numpy as np

import adcompiler as ad

STEP, EVERY = 0.01, 20  # the solver's step, and how many of them lie between two observations


def rates(state, p, out):
    """Lotka and Volterra: x' = p0 x - p1 x y, y' = p3 x y - p2 y."""
    out[0] = p[0] * state[0] - p[1] * state[0] * state[1]
    out[1] = p[3] * state[0] * state[1] - p[2] * state[1]


def solved(p, count):
    """The populations at `count` times; p holds four rates and the two populations at the beginning."""
    seen = np.empty((count, 2))
    state = p[4:].copy()
    k1, k2, k3, k4 = np.empty(2), np.empty(2), np.empty(2), np.empty(2)
    for i in range(count):
        for _ in range(EVERY):
            rates(state, p, k1)
            rates(state + 0.5 * STEP * k1, p, k2)
            rates(state + 0.5 * STEP * k2, p, k3)
            rates(state + STEP * k3, p, k4)
            state += STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        seen[i] = state
    return seen


def misfit(p, observed):
    """The differences of logarithms, for counts err by a factor."""
    return (np.log(solved(p, len(observed))) - np.log(observed)).ravel()


jacobian = ad.jacobian(misfit)
residuals = ad.jit(misfit)


def fitted(start, observed, tolerance=1e-10):
    """The least squares fit, its standard errors, and the number of steps."""
    p, damping, steps = start.copy(), 1e-3, 0
    r = residuals(p, observed)
    while steps < 100:
        j = jacobian(p, observed)
        normal = j.T @ j
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -j.T @ r)
        after = residuals(p + step, observed) if np.all(p + step > 0.0) else np.full_like(r, np.inf)
        steps += 1
        if after @ after < r @ r:
            gain = r @ r - after @ after
            p, r, damping = p + step, after, damping / 10.0
            if gain < tolerance * (r @ r):
                break
        else:
            damping *= 10.0
    variance = r @ r / (len(r) - len(p))
    return p, np.sqrt(variance * np.diag(np.linalg.inv(normal))), steps


TRUTH = np.array([1.5, 1.0, 3.0, 1.0, 1.0, 1.0])
NAMES = ("growth", "predation", "death", "conversion", "prey at 0", "predators at 0")


def observations(count=80, noise=0.05, seed=0):
    """What an observer counts: the truth times lognormal noise."""
    rng = np.random.default_rng(seed)
    return ad.jit(solved)(TRUTH, count) * np.exp(noise * rng.normal(size=(count, 2)))


def main() -> float:
    """Print the fit; returns its largest distance from the truth, in standard errors."""
    observed = observations()
    p, errors, steps = fitted(TRUTH * np.array([0.8, 1.2, 0.9, 1.1, 1.3, 0.8]), observed)
    print(f"{len(observed)} observations, fitted in {steps} steps\n{'':16}{'truth':>10}{'fit':>10}{'error':>10}")
    for row in zip(NAMES, TRUTH, p, errors, strict=True):
        print("{:16}{:10.4f}{:10.4f}{:10.4f}".format(*row))
    return float(np.max(np.abs(p - TRUTH) / errors))


if __name__ == "__main__":
    main()
