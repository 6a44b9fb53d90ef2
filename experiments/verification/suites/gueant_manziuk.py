"""Gueant & Manziuk 2019, bond 1: the average reward of a request at the optimum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agents.exact.optimum import optimum
from agents.strategies.single_bond import SingleBond
from experiments.verification.suite import Asked, Row, suite
from mm_env import Bernoulli, Brownian, Dealer, Depths, Ergodic, JohnsonSU, Market, Positive, Reward, rule

REQUESTS = 0.55  # a unit of time, of both sides


SHARE = JohnsonSU(a=0.4, b=0.6, middle=0.096, width=0.086)


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
        venue=Dealer(Bernoulli(0.5 * REQUESTS), SHARE),
        clock=Ergodic(10.0, 200),
        quote=Depths(max_depth=2.0, min_depth=-0.3),
        reward=DeviationPenalty(gamma=0.05, sigma=0.07),
        order_size=7_000.0,
        max_inventory=35_000.0,
    )


@suite("gueant_manziuk_2019", "Gueant & Manziuk 2019, bond 1", 5.0)
def reward(_: Asked) -> Iterator[Row]:
    """Requests come one at a time, which is the limit of many steps between two, and as which they are solved as well.

    The published number is 2e-5 of itself above the optimum of the parameters as printed: half a last digit of each of them
    moves the optimum by ten times as much or more.
    """
    alone = SingleBond(SHARE, 0.5 * REQUESTS, 7_000.0, 0.07, 0.05, 5)
    yield Row("average reward of a request, request by request", 202.1475, alone.average_reward, 1e-4 * 202.1475)
    found = {10.0 / n: optimum(replace(bond(), clock=Ergodic(10.0, n))).worth / REQUESTS for n in (200, 400, 800)}
    yield Row.converging("average reward of a request", 202.1475, found, 1e-4 * 202.1475)
