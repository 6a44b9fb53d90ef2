"""The thresholds and the constant fee at which a channel is best rebalanced, by their exact worth."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from agents.exact.evaluation import appraiser, best_fixed
from agents.exact.room import ticking
from agents.strategies.fixed import FixedSymmetric
from agents.strategies.threshold_rebalancing import ThresholdRebalancing, check_rebalanced
from mm_env.core import engine
from mm_env.market import Market
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
_ROUNDS, _TRIED, _SPAN = 8, 25, 2.0  # rounds at most; fees tried in each, and how far from the best so far, as a factor


def best_thresholds(market: Market) -> ThresholdRebalancing:
    """The constant fee and the pair of thresholds of the highest exact objective (average reward in an ergodic market).

    The pair is the best of all for a fee, and the fee the best for a pair, in turn until neither is better.

    Raises: ValueError where nothing is rebalanced; Unsolvable as `appraiser` does.
    """
    check_rebalanced(market)
    levels = inventory_levels(market)
    appraise, pairs = appraiser(market), list(_pairs(market, levels))
    fee, pair, best = best_fixed(market).half_spread, pairs[0], -np.inf
    with engine.settled(), ticking("best thresholds", "tables") as tick:

        def worth(fee: float, pair: tuple[float, float]) -> float:
            tick()
            rule = ThresholdRebalancing.of(market, FixedSymmetric(fee), *pair)
            table = rule.tabulated(market)
            return -np.inf if table is None else appraise(table.actions[:1])

        for turn in range(_ROUNDS):
            pair = max(pairs, key=lambda one: worth(fee, one))
            fees = fee * np.geomspace(1.0 / _SPAN, _SPAN, _TRIED) ** (0.5**turn)
            fee = float(max(fees, key=lambda one: worth(float(one), pair)))
            before, best = best, worth(fee, pair)
            if best - before <= 1e-9 * abs(best):
                break
    return ThresholdRebalancing.of(market, FixedSymmetric(fee), *pair)


def _pairs(market: Market, levels: Floats):
    """All thresholds (low, high) around the target; at the ends of the channel, and beyond: never on that side."""
    venue = market.venue
    target, size = venue.rebalancing.target_balance, market.order_size  # pyright: ignore[reportAttributeAccessIssue]
    balances = np.arange(0.0, venue.capacity + 0.5 * size, size)  # pyright: ignore[reportAttributeAccessIssue]
    low, high = balances[balances < target - 0.5 * size], balances[balances > target + 0.5 * size]
    return product(low.tolist(), [*high.tolist(), venue.capacity + size])  # pyright: ignore[reportAttributeAccessIssue]
