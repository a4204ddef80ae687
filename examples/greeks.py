"""The Greeks of a portfolio of European calls (Black and Scholes 1973), by one gradient and one Hessian.

The price of every option is a few lines of NumPy; its first derivatives are delta, vega, theta and rho, its second ones
gamma, vanna and volga. Held to the formulas that textbooks give for them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

import adcompiler as ad


def portfolio(spot, volatility, maturity, rate, strikes, amounts):
    """The value of `amounts` of calls with these strikes: spot, rate and maturity (in years) are numbers."""
    spread = volatility * np.sqrt(maturity)
    up = (np.log(spot / strikes) + (rate + 0.5 * volatility**2) * maturity) / spread
    calls = spot * ndtr(up) - strikes * np.exp(-rate * maturity) * ndtr(up - spread)
    return np.sum(amounts * calls)


NAMES = ("delta", "vega", "theta", "rho")


def greeks(spot, volatility, maturity, rate, strikes, amounts):
    """The value, its first derivatives by name, and gamma, vanna and volga."""
    value, first = ad.value_and_grad(portfolio, argnums=(0, 1, 2, 3))(
        spot, volatility, maturity, rate, strikes, amounts
    )
    second = ad.hessian(portfolio, argnums=(0, 1))(spot, volatility, maturity, rate, strikes, amounts)
    found = dict(zip(NAMES, first, strict=True)) | {
        "gamma": second[0][0],
        "vanna": second[0][1],
        "volga": second[1][1],
    }
    found["theta"] = -found["theta"]  # the value's change as time goes by: maturity shrinks
    return value, found


def by_formula(spot, volatility, maturity, rate, strikes, amounts):
    """What textbooks give (Hull, Options, Futures and Other Derivatives, chapter 19)."""
    spread = volatility * np.sqrt(maturity)
    up = (np.log(spot / strikes) + (rate + 0.5 * volatility**2) * maturity) / spread
    down = up - spread
    density = np.exp(-0.5 * up**2) / np.sqrt(2.0 * np.pi)
    discount = strikes * np.exp(-rate * maturity)
    vega = spot * density * np.sqrt(maturity)
    rows = {
        "delta": ndtr(up),
        "vega": vega,
        "theta": -spot * density * volatility / (2.0 * np.sqrt(maturity)) - rate * discount * ndtr(down),
        "rho": maturity * discount * ndtr(down),
        "gamma": density / (spot * spread),
        "vanna": -density * down / volatility,
        "volga": vega * up * down / volatility,
    }
    return {name: float(np.sum(amounts * row)) for name, row in rows.items()}


def main() -> float:
    """Print the Greeks; returns the largest relative difference to the formulas."""
    rng = np.random.default_rng(0)
    strikes, amounts = rng.uniform(80.0, 120.0, 1000), rng.normal(size=1000)
    market = (100.0, 0.25, 0.75, 0.03)
    value, found = greeks(*market, strikes, amounts)
    expected = by_formula(*market, strikes, amounts)
    print(f"1000 calls, worth {value:.4f}\n{'':8}{'by adcompiler':>16}{'by formula':>16}")
    for name, number in expected.items():
        print(f"{name:8}{float(found[name]):16.8f}{number:16.8f}")
    return max(abs(float(found[k]) - e) / max(1.0, abs(e)) for k, e in expected.items())


if __name__ == "__main__":
    main()
