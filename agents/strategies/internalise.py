"""Barzykin, Bergault & Gueant 2023, Algorithmic market making in dealer markets with hedging and market impact.

A dealer of one instrument quotes tiers of clients and may trade elsewhere at rate v for half_spread |v| + quadratic v^2, which
moves the price by impact v. In the long run, with theta the relative value of a position q and z the size of a request,

    average = -gamma/2 sigma^2 q^2 + sum over streams of rate z H((theta(q) - theta(q +- z)) / z) + max over v of
              v (theta'(q) + impact q) - half_spread |v| - quadratic v^2

Near 0, where |theta' + impact q| <= half_spread, nothing is traded elsewhere: risk is internalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.average_reward import Chain, best_average, shares_of_time
from agents.strategies.desk_problem import NoProblem, problem_of
from agents.strategies.fixed import finite
from agents.strategies.hamiltonian import Quoter
from agents.strategies.instruments import Instrument, Outside
from mm_env.core.parameters import Interval, check
from mm_env.desk.desk import Desk

Floats = NDArray[np.float64]


class Solution(NamedTuple):
    """Relative values (levels,), the share of time at each position, and long-run averages a unit of time."""

    value: Floats  # money
    law: Floats
    average: float  # money / time
    client_volume: float  # units / time
    outside_volume: float  # units / time


@dataclass(frozen=True, eq=False)
class InternaliseExternalise:
    """Quotes and trades of the equation's solution in lots: theta' is the difference to the next lot traded.

    `sigma` price / sqrt(time), `gamma` 1 / money.

    Raises: ValueError unless the instrument has an outside with a quadratic cost.
    """

    instrument: Instrument
    sigma: float
    gamma: float

    def __post_init__(self) -> None:
        for name in ("sigma", "gamma"):
            check(f"InternaliseExternalise.{name}", getattr(self, name), Interval(0.0))
        if self.instrument.outside is None or self.instrument.outside.quadratic <= 0.0:
            raise ValueError(
                f"InternaliseExternalise.instrument must have an outside with a quadratic cost > 0, got "
                f"{self.instrument.outside}"
            )

    @classmethod
    def of(cls, desk: Desk) -> Self:
        """For the one instrument of a desk, as if there were no end.

        Raises: NoProblem for a desk of several instruments, or whose prices drift.
        """
        problem = problem_of(desk)
        if len(problem.instruments) != 1 or problem.drift.any():
            raise NoProblem(
                f"it must be a desk of one instrument without a drift, got {len(problem.instruments)} with drifts up to "
                f"{np.abs(problem.drift).max():g}"
            )
        return cls(problem.instruments[0], float(np.sqrt(problem.covariance[0, 0])), problem.gamma)

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """Depths (n, 2, K) and trades outside (n, 1) at positions (n, 1), whatever the time left."""
        return self.depths(positions[:, 0]), self.trades(positions[:, 0])[:, None]

    def depths(self, positions: ArrayLike) -> Floats:
        """Depths (n, 2, K), price units, at positions (n,), units: of bids and asks, by stream."""
        q, sides = finite("positions", positions), (self.instrument.bids, self.instrument.asks)
        found = np.zeros((len(q), 2, max(map(len, sides))))
        moves = [(side, k, (1 - 2 * side) * one.size) for side in (0, 1) for k, one in enumerate(sides[side])]
        depths, _ = self._quoter.best(np.stack([self._cost(q, size) for _, _, size in moves], axis=-1))
        for i, (side, k, _) in enumerate(moves):
            found[:, side, k] = depths[:, i]
        return found

    def trades(self, positions: ArrayLike) -> Floats:
        """Units / time (n,) to trade outside at positions (n,): bought if positive."""
        return self._rate(finite("positions", positions))

    @property
    def internalised(self) -> float:
        """The position up to which nothing is sold outside, units: where -theta' - impact q crosses the half-spread."""
        q, outside = self.instrument.positions, self._outside
        middle = 0.5 * (q[1:] + q[:-1])
        push = -np.diff(self.solution.value) / self.instrument.lot - outside.impact * middle
        first = np.flatnonzero((middle > 0.0) & (push > outside.half_spread))
        if len(first) == 0:
            return float("inf")
        i = first[0]
        share = (outside.half_spread - push[i - 1]) / (push[i] - push[i - 1])
        return float(middle[i - 1] + share * self.instrument.lot)

    @cached_property
    def _quoter(self) -> Quoter:
        return Quoter([stream.fill for stream in (*self.instrument.bids, *self.instrument.asks)])

    @cached_property
    def solution(self) -> Solution:
        """Of the best quotes and trades for theta, where theta is that of these quotes and trades."""
        found = best_average(lambda value: self._policy(value)[0], -self._risk)
        law = shares_of_time(found.chain.rates)
        clients, outside = (law @ self._policy(found.value)[1]).tolist()
        return Solution(found.value, law, found.rate, clients, outside)

    def _policy(self, value: Floats) -> tuple[Chain, Floats]:
        """The best quotes and trades for a value, and the volumes (levels, 2) that they trade with clients and outside."""
        q, lot, n = self.instrument.positions, self.instrument.lot, len(value)
        rates, reward, volume = np.zeros((n, n)), -self._risk, np.zeros((n, 2))
        signed = [(1, stream) for stream in self.instrument.bids] + [(-1, stream) for stream in self.instrument.asks]
        moved = [np.arange(n) + sign * round(stream.size / lot) for sign, stream in signed]
        costs = [(value - value[to.clip(0, n - 1)]) / stream.size for to, (_, stream) in zip(moved, signed)]
        depths, takes = self._quoter.best(np.stack(costs, axis=-1))
        for to, (_, stream), depth, take in zip(moved, signed, depths.T, takes.T):
            here = np.flatnonzero((to >= 0) & (to < n))
            rates[here, to[here]] += stream.rate * take[here]
            reward[here] += stream.rate * (take * depth)[here] * stream.size
            volume[here, 0] += stream.rate * take[here] * stream.size
        trade, outside = _rate_of(value, q, lot, self._outside), self._outside
        here = np.flatnonzero(trade)
        rates[here, here + np.sign(trade[here]).astype(int)] += np.abs(trade[here]) / lot
        reward += outside.impact * q * trade - outside.half_spread * np.abs(trade) - outside.quadratic * trade**2
        volume[:, 1] = np.abs(trade)
        return Chain.of(rates, reward), volume

    def _cost(self, q: Floats, size: float) -> Floats:
        """What a unit costs of a request that moves the position by `size`, by theta between lots on a line."""
        grid, value = self.instrument.positions, self.solution.value
        return (np.interp(q, grid, value) - np.interp(q + size, grid, value)) / abs(size)

    def _rate(self, q: Floats) -> Floats:
        grid = self.instrument.positions
        return np.interp(q, grid, _rate_of(self.solution.value, grid, self.instrument.lot, self._outside))

    @property
    def _risk(self) -> Floats:
        return 0.5 * self.gamma * self.sigma**2 * self.instrument.positions**2

    @property
    def _outside(self) -> Outside:
        assert self.instrument.outside is not None
        return self.instrument.outside


def _rate_of(value: Floats, q: Floats, lot: float, outside: Outside) -> Floats:
    """The best rate at each position: the better of buying and selling."""
    found, best = np.zeros(len(q)), np.zeros(len(q))
    for sign in (1, -1):
        to = np.arange(len(q)) + sign
        here = np.flatnonzero((to >= 0) & (to < len(q)))
        worth = (value[to[here]] - value[here]) / lot + sign * outside.impact * q[here] - outside.half_spread
        rate = np.clip(worth / (2.0 * outside.quadratic), 0.0, outside.most)
        gained = rate * (worth - outside.quadratic * rate)
        better = gained > best[here]
        best[here[better]], found[here[better]] = gained[better], sign * rate[better]
    return found
