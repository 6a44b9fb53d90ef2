"""Hedging an option at a proportional cost under CARA utility: the best no-trade band, and what any band is worth, exactly.

Davis, Panas & Zariphopoulou 1993, on a binomial tree of the underlying's price: wealth drops out of the utility, and
dynamic programming is over date, price and holding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents.exact.hedging_kernel import Holdings, hedge_backward
from mm_env.core import engine
from mm_env.core.parameters import Count, NonNegative, Positive, Real, check_fields
from mm_env.options.black_scholes import CALL, check_side

Floats = NDArray[np.float64]
Band = Callable[[Floats, Floats], tuple[Floats, Floats]]
_BEYOND = 0.1  # of the range of hedge ratios, how far the grid of holdings goes on


@dataclass(frozen=True)
class HedgedOption:
    """An option that is held or written, and hedged on a tree: S goes to S e^(+-sigma sqrt(dt)), and is a martingale.

    At each of `dates`, from 0 on, the underlying may be traded, at a cost of the share `cost` of what is traded. At the horizon
    the option is settled in cash, and what is left of the underlying sold at the share `closing_cost`. There are no rates.
    Holdings are a grid of `nodes` from a tenth below to a tenth above none and all hedge ratios. Values are linear between
    them, so that prices err by a spacing's square where the band is best, and by a little more along any other. A subclass may
    have another `payoff`.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    strike: Positive  # price
    sigma: Positive  # 1 / sqrt(time)
    horizon: Positive  # time
    cost: NonNegative
    gamma: Positive  # CARA's risk aversion, 1 / price
    spot: Positive = 100.0  # price
    units: Real = -1.0  # options held; written if negative
    side: float = CALL  # 1.0 a call, -1.0 a put
    closing_cost: NonNegative = 0.0
    dates: Count = 200
    nodes: Count = 1201

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_side("HedgedOption.side", self.side)
        if self.nodes < 3:
            raise ValueError(f"HedgedOption.nodes must be >= 3, got {self.nodes}")

    def payoff(self, price: Floats) -> Floats:
        """What one option pays at the horizon, the shape of `price`."""
        return np.maximum(self.side * (price - self.strike), 0.0)

    @cached_property
    def prices(self) -> Floats:
        """(dates + 1, dates + 1): at each date, by how often it has risen; NaN where it cannot be."""
        date, risen = np.arange(self.dates + 1.0)[:, None], np.arange(self.dates + 1.0)
        moves = self.sigma * math.sqrt(self.horizon / self.dates) * (2.0 * risen - date)
        return np.where(risen <= date, self.spot * np.exp(moves), np.nan)

    @property
    def time_left(self) -> Floats:
        """At each date on which one may trade, (dates, 1)."""
        return self.horizon * (1.0 - np.arange(self.dates)[:, None] / self.dates)

    def holdings(self) -> Holdings:
        """The grid of holdings."""
        end = self.prices[-1]
        ratios = -self.units * np.diff(self.payoff(end)) / np.diff(end)
        low, high = min(0.0, ratios.min()), max(0.0, ratios.max())
        margin = _BEYOND * ((high - low) or 1.0)
        return Holdings(low - margin, (high - low + 2.0 * margin) / (self.nodes - 1), self.gamma, self.cost)


@dataclass(frozen=True)
class Hedged:
    """What an option is worth to who hedges it by a band."""

    option: HedgedOption
    low: Floats  # (dates, dates + 1): below it the underlying is bought up to it, units
    high: Floats  # above it, it is sold down to it
    grid: Floats  # holdings before the first trade, (nodes,)
    costs: Floats  # the payment at the start that makes up for option and hedging, by the holding then, (nodes,), price units

    @property
    def price(self) -> float:
        """The payment, from holding none of the underlying: the writer's indifference price where the band is best."""
        return float(np.interp(0.0, self.grid, self.costs))


def best_band(option: HedgedOption) -> Hedged:
    """The no-trade band of the largest utility, and the writer's price with it."""
    shape = (option.dates, option.dates + 1)
    return _hedged(option, np.full(shape, np.nan), np.full(shape, np.nan), chosen=True)


def hedge_by(option: HedgedOption, band: Band) -> Hedged:
    """What it is worth to hedge by `band`, a function of price and time left, which broadcast: the lowest and highest holding.

    Raises: ValueError for a band whose low end is above its high one, or NaN.
    """
    prices = option.prices[:-1]
    low, high = (np.broadcast_to(end, prices.shape).astype(np.float64) for end in band(prices, option.time_left))
    if not (low <= high)[~np.isnan(prices)].all():
        raise ValueError(f"a band must have low <= high at all prices and times, got {band}")
    return _hedged(option, low.copy(), high.copy(), chosen=False)


def _hedged(option: HedgedOption, low: Floats, high: Floats, chosen: bool) -> Hedged:
    holdings, prices, rise = (
        option.holdings(),
        option.prices,
        math.exp(option.sigma * math.sqrt(option.horizon / option.dates)),
    )
    grid = holdings.lowest + holdings.spacing * np.arange(option.nodes, dtype=np.float64)
    end = prices[-1][:, None]
    values = option.gamma * (option.closing_cost * end * np.abs(grid) - option.units * option.payoff(end))
    arguments = (values, np.empty(option.nodes), prices, 1.0 / (1.0 + rise), low, high, float(chosen), holdings)
    engine.run(hedge_backward, *arguments)
    return Hedged(option, low, high, grid, values[0] / option.gamma)
