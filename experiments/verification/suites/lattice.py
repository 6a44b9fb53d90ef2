"""Markets in which wealth stays on a lattice, so that optima over (time, inventory, wealth) are exact: CVaR, margin calls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.exact.optimum import optimum
from experiments.verification.suite import Asked, Row, suite
from mm_env import Bernoulli, Binomial, CVaR, Dealer, Fill, FiniteHorizon, Market, Positive, Probability, Reward, rule
from mm_env.core.component import Component
from mm_env.core.parameters import Count, NonNegative
from mm_env.margin import Margin, Standing
from mm_env.world import Now
from mm_env.quote import NOWHERE, Quote, Quoting, View

CLOSING, THRESHOLD = 1.0, 9.0  # ticks a unit at the end; the best threshold of CVaR


class Ladder(Quoting):
    """One index for a pair of depths, each of 1, 2, ..., `depths` ticks or none."""

    tick: Positive
    depths: Count

    @property
    def width(self) -> int:
        return 1

    @property
    def space(self) -> gym.Space:
        return gym.spaces.Discrete((self.depths + 1) ** 2)

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        rung = np.where(depths >= NOWHERE, self.depths, np.clip(np.rint(depths / self.tick) - 1, 0, self.depths - 1))
        return (rung[..., 0] * (self.depths + 1) + rung[..., 1])[..., None]

    @rule
    def decode(self, action: tuple[float, ...]) -> Quote:
        bid = (action[0] + 0.5) // (self.depths + 1.0)
        return Quote(self.rung(bid), self.rung(action[0] - bid * (self.depths + 1.0)), 0.0, 0.0)

    @rule
    def rung(self, index: float) -> float:
        return self.tick * (index + 1.0) if index < self.depths - 0.5 else NOWHERE


class Rungs(Fill):
    """Shares of orders that reach quotes at 1, 2 and 3 ticks; none beyond."""

    first: Probability
    second: Probability
    third: Probability

    @rule
    def take(self, depth: float) -> float:
        near = self.first if depth < 1.5 else self.second
        return near if depth < 2.5 else self.third if depth < 3.5 else 0.0


class ClosedAtTheEnd(Reward):
    """Wealth change, less `cost` for each unit that is left at the end."""

    cost: NonNegative

    @rule
    def penalty(self, inventory: float, dt: float, final: float) -> float:
        return final * self.cost * abs(inventory)


def lattice() -> Market:
    """20 steps, |q| <= 4, depths of 1 to 3 ticks filled with probability .45, .28, .15; the mid moves by a tick."""
    return Market(
        price=Binomial(sigma=1.0), venue=Dealer(Bernoulli(1.0), Rungs(0.45, 0.28, 0.15)), clock=FiniteHorizon(20.0, 20),
        quote=Ladder(tick=1.0, depths=3), reward=ClosedAtTheEnd(CLOSING), max_inventory=4.0,
    )  # fmt: skip


def tail(threshold: float) -> CVaR:
    """CVaR of the worst 5 % of the final profit, the position closed."""
    return CVaR(level=0.95, threshold=threshold, closing_cost=CLOSING)


class Maintenance(Margin):
    """Closed at 3 ticks a unit, and 10 more are lost, where 8 + profit < 4 |q|."""

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        return 8.0 + standing.profit >= 4.0 * standing.held

    @rule
    def closing_cost(self, standing: Standing, inventory: float, now: Now) -> float:
        return 10.0 + 3.0 * abs(inventory)
