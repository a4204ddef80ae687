"""The price of European calls, summed, by spot, strike, time, rate and volatility: the Greeks of 100,000 options."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf

from benchmarks import peers
from benchmarks.problem import Problem, differentiated, fast, plain
from benchmarks.vector import exp, log


def normal_cdf(x):
    return 0.5 * (1.0 + erf(x / np.sqrt(2.0)))


def price(spot, strike, time, rate, volatility):
    width = volatility * np.sqrt(time)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / width
    d2 = d1 - width
    return np.sum(spot * normal_cdf(d1) - strike * np.exp(-rate * time) * normal_cdf(d2))


@plain
def objective(spot, strike, time, rate, volatility):
    total = 0.0
    for i in range(len(spot)):
        width = volatility[i] * math.sqrt(time[i])
        d1 = (math.log(spot[i] / strike[i]) + (rate[i] + 0.5 * volatility[i] ** 2) * time[i]) / width
        d2 = d1 - width
        first = 0.5 * (1.0 + math.erf(d1 / math.sqrt(2.0)))
        second = 0.5 * (1.0 + math.erf(d2 / math.sqrt(2.0)))
        total += spot[i] * first - strike[i] * math.exp(-rate[i] * time[i]) * second
    return total


@plain
def by_hand(spot, strike, time, rate, volatility):
    n = len(spot)
    spot_bar, strike_bar, time_bar = np.empty(n), np.empty(n), np.empty(n)
    rate_bar, volatility_bar = np.empty(n), np.empty(n)
    total = 0.0
    for i in range(n):
        root = math.sqrt(time[i])
        width = volatility[i] * root
        d1 = (math.log(spot[i] / strike[i]) + (rate[i] + 0.5 * volatility[i] ** 2) * time[i]) / width
        d2 = d1 - width
        first = 0.5 * (1.0 + math.erf(d1 / math.sqrt(2.0)))
        second = 0.5 * (1.0 + math.erf(d2 / math.sqrt(2.0)))
        discount = math.exp(-rate[i] * time[i])
        density = math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
        total += spot[i] * first - strike[i] * discount * second
        spot_bar[i] = first
        strike_bar[i] = -discount * second
        rate_bar[i] = strike[i] * time[i] * discount * second
        volatility_bar[i] = spot[i] * density * root
        time_bar[i] = spot[i] * density * volatility[i] / (2.0 * root) + rate[i] * strike[i] * discount * second
    return total, spot_bar, strike_bar, time_bar, rate_bar, volatility_bar


@fast
def upper_tail(x, density):
    """The normal distribution beyond x >= 0, given exp(-x^2/2), to 1e-15: Hart 1968 as in West, Better Approximations
    to Cumulative Normal Functions (2005); beyond 7.07 the continued fraction, here at its leading terms."""
    top = 3.52624965998911e-02 * x + 0.700383064443688
    top = top * x + 6.37396220353165
    top = top * x + 33.912866078383
    top = top * x + 112.079291497871
    top = top * x + 221.213596169931
    top = top * x + 220.206867912376
    bottom = 8.83883476483184e-02 * x + 1.75566716318264
    bottom = bottom * x + 16.064177579207
    bottom = bottom * x + 86.7807322029461
    bottom = bottom * x + 296.564248779674
    bottom = bottom * x + 637.333633378831
    bottom = bottom * x + 793.826512519948
    bottom = bottom * x + 440.413735824752
    return density * top / bottom


@fast
def best(spot, strike, time, rate, volatility):
    """One loop that vectorizes: exp and log in line, the distribution by a rational function, whose exp is the
    density's; spot times its density equals the discounted strike times its own."""
    n = len(spot)
    spot_bar, strike_bar, time_bar = np.empty(n), np.empty(n), np.empty(n)
    rate_bar, volatility_bar = np.empty(n), np.empty(n)
    total = 0.0
    for i in range(n):
        root = math.sqrt(time[i])
        width = volatility[i] * root
        d1 = (log(spot[i] / strike[i]) + (rate[i] + 0.5 * volatility[i] * volatility[i]) * time[i]) / width
        d2 = d1 - width
        bell1, bell2 = exp(-0.5 * d1 * d1), exp(-0.5 * d2 * d2)
        tail1, tail2 = upper_tail(abs(d1), bell1), upper_tail(abs(d2), bell2)
        first = 1.0 - tail1 if d1 > 0.0 else tail1
        second = 1.0 - tail2 if d2 > 0.0 else tail2
        discount = exp(-rate[i] * time[i])
        density = spot[i] * bell1 * 0.3989422804014327
        total += spot[i] * first - strike[i] * discount * second
        owed = discount * second
        spot_bar[i] = first
        strike_bar[i] = -owed
        rate_bar[i] = strike[i] * time[i] * owed
        volatility_bar[i] = density * root
        time_bar[i] = 0.5 * density * volatility[i] / root + rate[i] * strike[i] * owed
    return total, spot_bar, strike_bar, time_bar, rate_bar, volatility_bar


def written(np, erf):
    def cdf(x):
        return 0.5 * (1.0 + erf(x / math.sqrt(2.0)))

    def objective(spot, strike, time, rate, volatility):
        width = volatility * np.sqrt(time)
        d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / width
        return np.sum(spot * cdf(d1) - strike * np.exp(-rate * time) * cdf(d1 - width))

    return objective


def in_jax(np):
    from jax.scipy.special import erf

    return written(np, erf)


def in_autograd(np):
    from autograd.scipy.special import erf

    return written(np, erf)


def inputs(n):
    rng = np.random.default_rng(0)
    spot, strike = rng.uniform(80.0, 120.0, n), rng.uniform(80.0, 120.0, n)
    return spot, strike, rng.uniform(0.1, 2.0, n), rng.uniform(0.0, 0.1, n), rng.uniform(0.1, 0.5, n)


ALL = (0, 1, 2, 3, 4)
PROBLEM = Problem(
    name="blackscholes",
    text=__doc__,
    ours={"numpy": differentiated(price, argnums=ALL)},
    sizes={"1e5": lambda: inputs(100_000)},
    small=lambda: inputs(9),
    objective=objective,
    plain=by_hand,
    best=best,
    peers={
        "jax": peers.jax(in_jax, argnums=ALL),
        "torch": peers.torch(lambda torch: written(torch, torch.erf), argnums=ALL),
        "autograd": peers.autograd(in_autograd, argnums=ALL),
    },
)
