"""Gueant & Manziuk 2019, Deep reinforcement learning for market making in corporate bonds, Applied Math. Finance: one bond.

Clients ask at a rate for one size at either side; a quote wins a share of the requests. In the long run, with theta the
relative value of a position of n requests,

    average = -gamma/2 sigma size |n| + sum over sides of rate size H((theta(n) - theta(n +- 1)) / size)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.average_reward import Average, Chain, best_average
from agents.strategies.fixed import finite, paired
from agents.strategies.hamiltonian import Quoter
from mm_env.core.parameters import Count, NonNegative, Positive, check_fields
from mm_env.venue.dealer.fill import Fill

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SingleBond:
    """The best quotes of one bond in the long run, |n| <= max_inventory requests; depths lie within `bounds`, price units."""

    fill: Fill
    rate: Positive  # requests / time, of a side
    size: Positive  # units of a request
    sigma: NonNegative  # price / sqrt(time)
    gamma: NonNegative  # 1 / sqrt(time): what a standard deviation of the position / sqrt(time) costs twice
    max_inventory: Count  # requests
    bounds: tuple[float, float] = (-10.0, 10.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds", tuple(self.bounds))
        check_fields(self, scalar=True)

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike = 0.0) -> Floats:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units, whatever time is left.

        Inventory, in requests, is rounded and clipped to +-max_inventory; one that is closed there reports the nearest depth.
        """
        n = np.rint(finite("inventory", inventory)).clip(-self.max_inventory, self.max_inventory).astype(int)
        level = n + self.max_inventory
        bid, ask = self._quoter.best(self._costs(self.solution.value))[0].T
        return paired(bid[level.clip(0, len(bid) - 2)], ask[level.clip(1)], inventory, seconds_left)

    @property
    def average_reward(self) -> float:
        """The average reward of a request, money; 2 rate times it is that of a unit of time."""
        return self.solution.rate / (2.0 * self.rate)

    @cached_property
    def solution(self) -> Average:
        """The average reward a unit of time and theta at -max_inventory, ..., max_inventory."""
        return best_average(self._policy, -self._risk)

    def _policy(self, value: Floats) -> Chain:
        costs = self._costs(value)
        depths, takes = self._quoter.best(costs)
        won = self.rate * takes
        won[-1, 0] = won[0, 1] = 0.0  # at the limits
        moves = np.diag(won[:-1, 0], 1) + np.diag(won[1:, 1], -1)
        return Chain.of(moves, (won * self.size * depths).sum(axis=1) - self._risk)

    def _costs(self, value: Floats) -> Floats:
        """What a unit costs of a request to sell and of one to buy, (levels, 2)."""
        around = np.pad(value, 1, mode="edge")
        return np.stack([value - around[2:], value - around[:-2]], axis=-1) / self.size

    @property
    def _risk(self) -> Floats:
        lots = np.arange(-self.max_inventory, self.max_inventory + 1)
        return 0.5 * self.gamma * self.sigma * self.size * np.abs(lots)

    @cached_property
    def _quoter(self) -> Quoter:
        return Quoter([self.fill, self.fill], self.bounds)
