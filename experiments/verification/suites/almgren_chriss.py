"""Almgren & Chriss 2000: the example of their sec. 3.4, and the frontier between its ends."""

from __future__ import annotations

import math
from collections.abc import Iterator

from agents.strategies.unwind import AlmgrenChriss, twap
from experiments.verification.suite import Asked, Row, suite

SHARES = 1e6


def example(risk_aversion: float) -> AlmgrenChriss:
    """A million shares in five days: volatility .95 a day, half-spread 1/16, impact 2.5e-7 and 2.5e-6 a share."""
    return AlmgrenChriss(0.95, 2.5e-6, risk_aversion, 5.0, 5, permanent=2.5e-7, half_spread=0.0625)


@suite("almgren_chriss_2000", "Almgren & Chriss 2000, sec. 3.4 (a million shares in five days)", 0.1)
def unwind(_: Asked) -> Iterator[Row]:
    """The urgency at their risk aversion; closed forms of cost and variance at both ends of the frontier, and between."""
    optimal = example(1e-6)
    yield Row("kappa, 1 / day", 0.61, optimal.urgency, 0.005)
    yield Row("1 / kappa, days", 1.6, 1.0 / optimal.urgency, 0.05)
    even, tau, n, eta = twap(SHARES, 5), 1.0, 5, 2.5e-6 - 0.5 * 2.5e-7
    spread_and_impact = 0.0625 * SHARES + 0.5 * 2.5e-7 * SHARES**2
    cost = spread_and_impact + eta * SHARES**2 / (n * tau)
    yield Row("E[cost], even", cost, optimal.cost(even), 1e-9 * cost)
    variance = 0.95**2 * SHARES**2 * 5.0 * (1.0 - 1.0 / n) * (1.0 - 0.5 / n) / 3.0
    yield Row("Var[cost], even", variance, optimal.variance(even), 1e-9 * variance)
    held, k = optimal.schedule(SHARES), optimal.urgency
    whole = math.sinh(5.0 * k) ** 2 * math.sinh(k * tau)
    cost = spread_and_impact + eta * SHARES**2 * math.tanh(0.5 * k * tau) * (
        tau * math.sinh(10.0 * k) + 10.0 * math.sinh(k * tau)
    ) / (2.0 * tau**2 * math.sinh(5.0 * k) ** 2)  # fmt: skip
    yield Row("E[cost], optimal", cost, optimal.cost(held), 1e-9 * cost)
    variance = 0.5 * 0.95**2 * SHARES**2 * (
        tau * math.sinh(5.0 * k) * math.cosh(k * (5.0 - tau)) - 5.0 * math.sinh(k * tau)
    ) / whole  # fmt: skip
    yield Row("Var[cost], optimal", variance, optimal.variance(held), 1e-9 * variance)
