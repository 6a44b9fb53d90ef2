"""Flows without memory: zero intelligence, and rates that depend on the distance from the other side's best price."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.parameters import AtLeastOne, NonNegative, Positive, Rates
from mm_env.venue.order_book.order_flow import OrderFlow


class ZeroIntelligence(OrderFlow):
    """Limit orders come alike at every price, every order is cancelled at one rate, market orders come at one rate.

    Smith, Farmer, Gillemot & Krishnamurthy 2003 (Quantitative Finance 3(6), 481-514), with the interval of prices cut at
    `levels` ticks from the other side's best.
    """

    arrival: NonNegative  # limit orders / (time price), "alpha"
    cancellation: NonNegative  # 1 / time, of each order, "delta"
    taking: NonNegative  # market orders / time against each side, "mu / 2"

    @rule
    def limit(self, table: Any, distance: int, queue: float) -> float:
        return self.arrival

    @rule
    def cancel(self, table: Any, distance: int, queue: float) -> float:
        return self.cancellation * queue

    @rule
    def market(self, table: Any, distance: int, queue: float) -> float:
        return self.taking


class ContStoikovTalreja(OrderFlow):
    """Poisson flows whose rates depend on the distance i = 1, 2, ... from the other side's best price.

    Cont, Stoikov & Talreja 2010 (Operations Research 58(3), 549-563). Beyond the distances listed, limit orders come at
    `scale` i^-`exponent`, and orders are cancelled as at the last. No limit order comes to a price where `capacity` orders
    stand. `activity` multiplies all rates.
    """

    arrival: Rates  # limit orders / (time price), "lambda(i)"
    cancellation: Rates  # 1 / time, of each order, "theta(i)"
    taking: NonNegative  # market orders / time against each side, "mu"
    scale: NonNegative = 0.0  # "k"
    exponent: NonNegative = 0.0  # "alpha"
    activity: Positive = 1.0
    capacity: AtLeastOne = 1e9  # orders

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.arrival) != len(self.cancellation):
            raise ValueError(
                f"ContStoikovTalreja.cancellation must have as many rates as arrival, {len(self.arrival)}, "
                f"got {len(self.cancellation)}"
            )

    def table(self, levels: int) -> NDArray[np.float64]:
        """lambda(1), ..., lambda(levels), then theta(1), ..., theta(levels)."""
        distance, known = np.arange(1.0, levels + 1.0), min(levels, len(self.arrival))
        arrival = self.scale * distance**-self.exponent
        arrival[:known] = self.arrival[:known]
        cancellation = np.full(levels, self.cancellation[-1])
        cancellation[:known] = self.cancellation[:known]
        return np.concatenate([arrival, cancellation])

    @rule
    def limit(self, table: Any, distance: int, queue: float) -> float:
        return self.activity * table[distance - 1] if queue < self.capacity else 0.0

    @rule
    def cancel(self, table: Any, distance: int, queue: float) -> float:
        return self.activity * table[table.shape[0] // 2 + distance - 1] * queue

    @rule
    def market(self, table: Any, distance: int, queue: float) -> float:
        return self.activity * self.taking
