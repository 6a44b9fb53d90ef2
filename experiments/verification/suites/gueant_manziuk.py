"""Gueant & Manziuk 2019, bond 1: the average reward of a request at the optimum."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from agents.exact.optimum import optimum
from experiments.verification.suite import Asked, Row, suite
from mm_env import Bernoulli, Brownian, Dealer, Depths, Ergodic, Fill, Market, Positive, Real, Reward, rule

REQUESTS = 0.55  # a unit of time, of both sides


class JohnsonSU(Fill):
    """Share of requests that a quote wins: 1 - Phi(a + b asinh((depth - middle) / width))."""

    a: Real
    b: Positive
    middle: Real
    width: Positive

    @rule
    def take(self, depth: float) -> float:
        x = (depth - self.middle) / self.width
        return 0.5 * math.erfc((self.a + self.b * math.asinh(x)) / math.sqrt(2.0))


class DeviationPenalty(Reward):
    """Wealth change less gamma / 2 |q| sigma a unit of time."""

    gamma: Positive
    sigma: Positive

    @rule
    def penalty(self, inventory: float, dt: float, final: float) -> float:
        return 0.5 * self.gamma * abs(inventory) * self.sigma * dt


def bond() -> Market:
    """Bond 1: requests of 7,000 at rate 0.275 a side, five of them held at most; variance 0.0049, gamma 0.05."""
    return Market(
        price=Brownian(sigma=0.07),
        venue=Dealer(Bernoulli(0.5 * REQUESTS), JohnsonSU(a=0.4, b=0.6, middle=0.096, width=0.086)),
        clock=Ergodic(10.0, 200),
        quote=Depths(max_depth=2.0, min_depth=-0.3),
        reward=DeviationPenalty(gamma=0.05, sigma=0.07),
        order_size=7_000.0,
        max_inventory=35_000.0,
    )


@suite("gueant_manziuk_2019", "Gueant & Manziuk 2019, bond 1", 5.0)
def reward(_: Asked) -> Iterator[Row]:
    """Requests come one at a time, which is the limit of many steps between two."""
    found = {10.0 / n: optimum(replace(bond(), clock=Ergodic(10.0, n))).worth / REQUESTS for n in (200, 400, 800)}
    yield Row.converging("average reward of a request", 202.1475, found, 1e-4 * 202.1475)
