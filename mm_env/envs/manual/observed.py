"""What each number of an observation is, in words and units."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mm_env.clock import EveryEvent, EveryQuoteChange
from mm_env.desk.desk import Desk


class Row(NamedTuple):
    """One number that the agent sees, and the ends of what it may be."""

    name: str
    meaning: str
    low: float
    high: float


def observed(market: Any) -> list[Row]:
    """What the agent sees, number by number, in order."""
    names, space = market.observation_names, market.observation_space
    ends = np.stack([space.low, space.high], axis=1).astype(float).tolist()
    return [Row(name, meaning(name, market), low, high) for name, (low, high) in zip(names, ends, strict=True)]


def meaning(name: str, market: Any) -> str:
    """What the number of this name is; of one that is nobody's here, where to read it."""
    for pattern, says in (_OF_DESKS | _ANYWHERE if isinstance(market, Desk) else _ANYWHERE).items():
        if found := re.fullmatch(pattern, name):
            return says(market, *found.groups())
    return f"a signal of {_shown_by(name, market)}: see `help` of its class"


def _shown_by(name: str, market: Any) -> str:
    """The component that shows a signal."""
    owners = (getattr(market, part, None) for part in ("price", "hedges", "venue", "financing"))
    return next((type(one).__name__ for one in owners if name in getattr(one, "signals", ())), type(market).__name__)


def _said(text: str) -> Callable[..., str]:
    return lambda market, *groups: text.format(*groups)


def _time_left(market: Any) -> str:
    clock = market.clock
    if isinstance(clock, EveryEvent | EveryQuoteChange):
        return f"share of the {clock.steps:g} decisions that is left"
    return f"share of the horizon of {clock.horizon:g} units of time that is left"


def _in_profits(what: str) -> Callable[..., str]:
    return lambda market: f"{what}, in {market.profit_scale:g} price units"


def _in_orders(what: str) -> Callable[..., str]:
    return lambda market, *groups: f"{what.format(*groups)}, in {market.venue.queue_scale:g} orders"


_SIDE = "(bid|ask)"
_SLOT = r"(?:_(\d+))?"
_DEVIATIONS = "in stationary standard deviations"
_ANYWHERE: dict[str, Callable[..., str]] = {
    "inventory": lambda market: f"inventory, in {market.inventory_scale:g} units of the asset; short below 0",
    "time_left": _time_left,
    "profit": _in_profits("profit of the episode so far"),
    "drawdown": _in_profits("how far the profit is below its highest in the episode"),
    "volatility": _said("volatility, over that of the mean variance"),
    "regime": _said("regime of the price: 0, 1, ..."),
    r"belief_(\d+)": _said("probability of regime {0}, given the mids so far"),
    "time_to_gap": _said("time to the next scheduled gap, over the horizon"),
    "mid_deviation": _said(f"mid less its mean, {_DEVIATIONS}"),
    "alpha": _said(f"drift of the mid, {_DEVIATIONS}"),
    f"hedge{_SLOT}": _said("position in the hedge, over the largest that is allowed"),
    f"basis{_SLOT}": lambda market, *_: "basis of the perpetual, in units of its basis_scale",
    f"delta{_SLOT}": _said("delta of the option, units of the asset"),
    f"gamma{_SLOT}": _said("gamma of the option times a standard deviation of the mid until expiry"),
    f"off_extreme{_SLOT}": _said("|ln(extreme / mid)| of the lookback, in standard deviations until expiry"),
    f"time_to_expiry{_SLOT}": _said("share of the option's life that is left"),
    "health": _said("ln of the loan's health factor, held to [-2, 3]"),
    "debt": _said("debt, over that at the start"),
    "oracle_lag": _said("ln(market's price / oracle's price) of the token"),
    "rebalancing": _said("share of the rebalancing that is left; 0 where none is under way"),
    "spread": _said("others' best ask less best bid, ticks"),
    "imbalance": _said("(bid - ask) / (bid + ask) of others' volume at the best prices"),
    rf"{_SIDE}_queue_(\d+)": _in_orders("others' volume at price {1} of the {0} side, from the best on"),
    f"our_{_SIDE}_stands": _said("1 if an order of ours stands on the {0} side, else 0"),
    f"our_{_SIDE}_distance": _said("ticks from others' best {0} out to our order; below 0 inside the spread"),
    f"our_{_SIDE}_ahead": _in_orders("volume ahead of our {0} in its queue"),
    "order_flow": _in_orders("market orders of late, buys less sells"),
    "displacement": _said("how far our own trades have moved the mid, ticks"),
    "reference": _said("reference price less others' best bid, ticks"),
    "(sells|buys)_excited": _said("units of excitement of market orders that are {0}, each of which brings more of them"),
    "mispricing": lambda market: f"ln(mid / pool's price), in {market.venue.mispricing_scale:g}",
    f"range_offset{_SLOT}": lambda market, *_: f"ln(pool's price / middle of the range), in {market.venue.width_scale:g}",
    f"range_half_width{_SLOT}": lambda market, *_: (
        f"w / (1 + w) of the half-width w of the range in log price, in {market.venue.width_scale:g}"
    ),
    f"share_in_range{_SLOT}": _said("our share of the liquidity at the pool's price"),
}  # fmt: skip
_OF_DESKS: dict[str, Callable[..., str]] = {
    "inventory_(.+)": _said("inventory of {0}, over its largest; short below 0"),
    "risk": lambda desk: f"standard deviation of the position's moves, in {desk.risk_scale:.4g} price units / sqrt(time)",
    "volatility": _said("volatility that all instruments share, over its usual level"),
    "jump_rate_(.+)": _said("rate of jumps of {0}, over its usual one"),
    "delta|gamma|vega": _said("of the whole book, over that of a trade in every option, were they independent"),
    "spot": _said("ln(spot / spot at the start), in standard deviations of an episode"),
    "off_extreme_(.+)": _said("|ln(extreme / spot)| of {0}, in standard deviations of an episode"),
}  # fmt: skip
