"""Depths and actions of a market: the actions that quote depths, and the depths that actions quote.

Depths are always price units from the mid. A quoting that counts ticks from the best prices of an order book converts by the
view of the book that the lanes show; where no book is seen there are no depths, and that is an error.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.observed import view
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.quote import NOWHERE, Quoting, View
from mm_env.rollout import with_hedges

Floats = NDArray[np.float64]


def quoting(market: Market, depths: Floats, observations: NDArray[np.float32]) -> NDArray[Any]:
    """The actions of `market`, (n, width) or (n,), that quote `depths` (n, 2), price units from the mid, where lanes show
    observations (n, k); 0 for each hedge."""
    quote = market.quote
    actions = quote.encode(depths, view(market, observations)) if _counts_from_touch(quote) else quote.encode(depths)
    return with_hedges(market, actions) if quote.space.shape else actions[..., 0].astype(np.int64)


def in_space(market: Market, actions: NDArray[Any]) -> NDArray[Any]:
    """Actions (n, width) as the lanes of `market` take them: whole numbers (n,) where they are discrete."""
    return actions if market.action_space.shape else np.asarray(actions).reshape(len(actions)).astype(np.int64)


def quoted_depths(market: Market, actions: NDArray[Any], seen: View | None = None) -> Floats:
    """The depths (..., 2) in price units from the mid that actions (..., width) quote, in the book that is `seen`.

    Raises: ValueError where actions count from an order book's best prices, and none is seen.
    """
    depths = quotes(market, actions)[..., :2]
    if not market.quote.at_touch():
        return depths
    if seen is None:
        raise ValueError(
            f"the actions of {market.quote} count from the best prices: without a View of the book they are no depths"
        )
    return np.where(depths >= NOWHERE, NOWHERE, seen.depths(depths))


def quotes(market: Market, actions: NDArray[Any]) -> Floats:
    """What actions (..., width) decode to, (..., 4): the fields of `Quote`."""
    rules = record(market)
    now = rules.opening()
    flat = np.asarray(actions, np.float64).reshape(-1, market.width)[:, : market.quote.width]
    decoded = [tuple(rules.quote.decode(tuple(action), now)) for action in flat.tolist()]
    return np.array(decoded).reshape(*np.shape(actions)[:-1], 4)


def _counts_from_touch(quote: Quoting) -> bool:
    """Whether it needs a View to encode. Raises: TypeError if it does and takes none."""
    if not quote.at_touch():
        return False
    try:
        signature(quote.encode).bind(None, None)
    except TypeError:
        raise TypeError(
            f"{type(quote).__name__}.encode must take (depths, view), as it counts from the best prices: depths are price "
            "units from the mid, view.ticks_behind(depths) is what they are in ticks"
        ) from None
    return True
