"""Rebalancing a channel once its balance is as low, or as high, as a threshold: an (s, S) rule beside any fees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Strategy, Table, check_one_instrument
from agents.observed import natural_units
from agents.policy import StrategyPolicy, policy_of
from mm_env.core.parameters import Interval, check
from mm_env.market import Market
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
_HALF = 0.5  # of an order size


@dataclass(frozen=True)
class ThresholdRebalancing(MarketPolicy):
    """The fees of a policy, and rebalancing once our balance is `low` or less, or `high` or more: below 0, or above the
    capacity, is never.

    Raises: ValueError for a market whose quotes do not ask for rebalancing, or thresholds that cross.
    """

    market: Market
    quoting: Any
    low: float  # units, on our side
    high: float  # units, on our side

    def __post_init__(self) -> None:
        check_rebalanced(self.market)
        for name in ("low", "high"):
            check(f"ThresholdRebalancing.{name}", getattr(self, name), Interval())
        if self.low >= self.high:
            raise ValueError(f"ThresholdRebalancing.low must be < high = {self.high:g}, got {self.low:g}")

    @classmethod
    def of(cls, market: Market, quoting: Any, low: float, high: float) -> ThresholdRebalancing:
        """By a policy, a strategy or what makes either of a market."""
        check_rebalanced(market)
        made = quoting(market) if callable(quoting) else quoting
        policy = StrategyPolicy(made, market) if isinstance(made, Strategy) else policy_of(made, market)
        return cls(market, policy, low, high)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width) on observations (n, k)."""
        orders, _ = natural_units(self.market, observations)
        return self._with(np.asarray(self.quoting.act(observations), np.float64), self.market.order_size * orders)

    def tabulated(self, market: Market) -> Table | None:
        """The table of its actions, where its fees are one: in the market's own action space."""
        table = self.quoting.tabulated(market)
        if table is None:
            return None
        encoded = self.market.quote.encode(table.depths())
        held = np.broadcast_to(inventory_levels(self.market), encoded.shape[:-1])
        return Table(self.market, self._with(encoded, held))

    def _with(self, actions: Floats, held: Floats) -> Floats:
        venue: Any = self.market.venue
        balance, slack = venue.initial_balance + held, _HALF * self.market.order_size
        asks = (balance < self.low + slack) | (balance > self.high - slack)
        return np.concatenate([actions[..., :-1], np.where(asks, 1.0, -1.0)[..., None]], axis=-1)


def check_rebalanced(market: Market) -> None:
    """Refuse a market in which nothing is rebalanced. Raises: ValueError."""
    check_one_instrument(market, "a rule that rebalances")
    if not (market.quote.rebalances and market.venue.can_rebalance):
        raise ValueError(
            f"a rule that rebalances needs a channel that can be, and quotes that ask for it (RebalancingQuotes), got "
            f"{market.quote}"
        )
