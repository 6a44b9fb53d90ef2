"""The thresholds and the constant fee at which a channel is best rebalanced, by their exact worth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from agents.exact.evaluation import appraiser, depth_scale
from agents.exact.room import ticking
from agents.strategies.fixed import FixedSymmetric
from agents.strategies.threshold_rebalancing import ThresholdRebalancing, check_rebalanced
from mm_env.core import engine
from mm_env.market import Market

_ROUNDS, _GAIN = 20, 1e-9  # rounds at most, and a relative gain that is worth another
_SPAN, _FINE = (
    4.0,
    1e-4,
)  # how far fees are sought from the best so far, as a factor, and how finely, in their logarithm


class _Rule(NamedTuple):
    fee: float
    low: float
    high: float


def best_thresholds(market: Market) -> ThresholdRebalancing:
    """The constant fee and the thresholds of the highest exact objective (average reward in an ergodic market).

    Fee, low and high threshold are the best for the others, in turn until none gets better.

    Raises: ValueError where nothing is rebalanced; Unsolvable as `appraiser` does.
    """
    check_rebalanced(market)
    appraise = appraiser(market)
    with engine.settled(), ticking("best thresholds", "tables") as tick:

        def worth(rule: _Rule) -> float:
            tick()
            table = _made(market, rule).tabulated(market)
            assert table is not None
            return appraise(table.actions[:1])

        return _made(market, _climbed(market, worth))


def _made(market: Market, rule: _Rule) -> ThresholdRebalancing:
    return ThresholdRebalancing.of(market, FixedSymmetric(rule.fee), rule.low, rule.high)


def _climbed(market: Market, worth: Callable[[_Rule], float]) -> _Rule:
    """The best rule that no change of one of its numbers makes better, from rebalancing at the ends."""
    venue: Any = market.venue
    size, target = market.order_size, venue.rebalancing.target_balance
    lows = np.arange(-size, target - 0.5 * size, size).tolist()  # below 0, and above the capacity: never
    highs = np.arange(target + size, venue.capacity + 1.5 * size, size).tolist()
    rule, best = _Rule(2.0 * depth_scale(market), min(0.0, lows[-1]), venue.capacity), -math.inf
    for _ in range(_ROUNDS):
        rule = max((rule._replace(high=high) for high in highs), key=worth)
        rule = max((rule._replace(low=low) for low in lows), key=worth)
        rule = rule._replace(fee=_best_fee(rule, worth))
        before, best = best, worth(rule)
        if best - before <= _GAIN * abs(best):
            break
    return rule


def _best_fee(rule: _Rule, worth: Callable[[_Rule], float]) -> float:
    around = (math.log(rule.fee / _SPAN), math.log(rule.fee * _SPAN))
    found: Any = minimize_scalar(
        lambda log: -worth(rule._replace(fee=math.exp(log))), bounds=around, method="bounded", options={"xatol": _FINE}
    )
    return math.exp(found.x)
