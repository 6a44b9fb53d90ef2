"""What an episode is worth from its start on: a lottery among initial inventories and states, in wealth or by its utility."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.exact.objectives import aversion, is_utility
from agents.exact.outcomes import start_law
from agents.exact.price_grid import Axis
from mm_env.market import Market

Floats = NDArray[np.float64]


def start_worth(market: Market, axis: Axis, value: Floats) -> float:
    """What an episode is worth, from the values (nodes, levels) of its first step and the law of its initial inventory."""
    return mixed_worth(market, start_law(market), axis.at_start(value))


def mixed_worth(market: Market, weights: Floats, worths: Floats) -> float:
    """What a lottery among `worths` is worth: their mean, under CARA the certainty equivalent."""
    if not is_utility(market):
        return float(weights @ worths)
    gamma, worst = aversion(market), float(worths[weights > 0].min())  # the worst pinned, no exponential overflows
    losses = np.exp(-gamma * np.maximum(worths - worst, 0.0))
    return worst - float(np.log(weights @ losses)) / gamma


def objective_of(market: Market, worth: float) -> float:
    """The expected sum of rewards that a worth stands for: itself, under CARA (1 - exp(-gamma worth)) / gamma."""
    gamma = aversion(market)
    return -float(np.expm1(-gamma * worth)) / gamma if gamma else worth
