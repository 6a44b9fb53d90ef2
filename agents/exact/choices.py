"""What a quoting lets one do: the actions a search starts from, and whether any of them sends market orders."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.reader import read
from agents.quoting import quoted_depths
from mm_env.core.component import rules
from mm_env.market import Market
from mm_env.portfolio import Fees
from mm_env.quote import MarketOrders, Quoting
from mm_env.rollout import with_hedges
from mm_env.venue.dealer.dealer import Dealer

Floats = NDArray[np.float64]
SCAN = 48  # points of a line that are looked at first
_GRIDS = {1: 97, 2: 17, 3: 9, 4: 5}  # points along each number of an action, by its width
_DRAWN = 2_000  # actions where a grid would be too large


def check_actions(market: Market) -> None:
    """Refuse a quoting whose actions the optimum cannot search: they are numbers in [-1, 1], or one of n choices.

    Raises: Unsolvable, with the space, or with a quote that means nothing.
    """
    quote = market.quote
    space: Any = quote.space
    usable = _is_searched(quote, space)
    if usable and is_own(quote):
        sends_market_orders(market)  # refuses quotes that mean nothing
    if usable:
        return
    raise Unsolvable(
        f"quote: the optimum searches actions in [-1, 1]^{quote.width}, or choices 0, 1, ...: let {type(quote).__name__}."
        f"decode rescale such actions (Depths and SpreadAndSkew do), got {space}"
    )


def _is_searched(quote: Quoting, space: Any) -> bool:
    if isinstance(space, gym.spaces.Discrete):
        return quote.width == 1 and space.start == 0
    boxed = isinstance(space, gym.spaces.Box) and space.shape == (quote.width,)
    return boxed and bool((space.low == -1.0).all() and (space.high == 1.0).all())


def starts(quote: Quoting) -> Floats:
    """Actions (n, width) all over the space: every choice, or a grid of the box."""
    if isinstance(quote.space, gym.spaces.Discrete):
        return np.arange(float(quote.space.n))[:, None]
    points = _GRIDS.get(quote.width)
    if points is None:
        return np.random.default_rng(0).uniform(-1.0, 1.0, (_DRAWN, quote.width))
    return np.array(list(product(np.linspace(-1.0, 1.0, points), repeat=quote.width)))


def trial_actions(market: Market, most: int) -> Floats:
    """Up to `most` actions (n, width) spread over the space; of a space without ends, small and large ones."""
    space: Any = market.quote.space
    if isinstance(space, gym.spaces.Discrete):
        return np.unique(np.linspace(0, space.n - 1, min(int(space.n), most)).round())[:, None]
    random = np.random.default_rng(0)
    if np.isfinite(space.low).all() and np.isfinite(space.high).all():
        return random.uniform(space.low, space.high, (most, market.quote.width))
    return random.choice(np.outer([1.0, -0.1], 2.0 ** np.arange(-12.0, 8.0)).ravel(), (most, market.quote.width))


def sends_market_orders(market: Market) -> bool:
    """Whether `decode` sets `cut` for any of `starts`."""
    return bool((read(market, starts(market.quote))[:, 2] != 0.0).any())


def is_own(quote: Quoting) -> bool:
    """Whether `decode` is a user's own, of which nothing is known: its values need not have one peak along a line."""
    inner = quote.quoting if isinstance(quote, MarketOrders) else quote
    return any(rules(type(part))["decode"].__module__.split(".")[0] != "mm_env" for part in (quote, inner))


def is_searched_widely(market: Market) -> bool:
    """Whether little is known of what comes of an action: of a user's own quoting, or of market orders within others' rules."""
    return is_own(market.quote) or isinstance(market.quote, MarketOrders) or not _is_dealer(market)


def _is_dealer(market: Market) -> bool:
    return all(rules(type(market.venue))[name] is rules(Dealer).get(name) for name in ("transitions", "chances"))


def _is_plain(market: Market) -> bool:
    """Whether a market order costs the same for each order, and does nothing to the quotes that follow it."""
    return _is_dealer(market) and rules(type(market.fees))["taker_fee"] is rules(Fees)["taker_fee"]


def is_layered(market: Market) -> bool:
    """Whether market orders come on top of quotes, as `MarketOrders` puts them: each is then searched apart."""
    quote = market.quote
    if not isinstance(quote, MarketOrders) or rules(type(quote))["decode"] is not rules(MarketOrders)["decode"]:
        return False
    if is_own(quote) or not _is_plain(market):  # who may send market orders of its own, which MarketOrders passes over
        return False
    return not sends_market_orders(replace(market, quote=quote.quoting))


def line_ways(market: Market) -> Floats:
    """The lines to search, (lines, width): along each action, and along each depth with the other held.

    The depths hardly interact, so that a sweep or two along them is enough; the actions are for the edges of their box.
    """
    lines = np.eye(market.quote.width)
    if market.quote.width == 2:
        corners = with_hedges(market, np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]))
        origin, *moved = quoted_depths(market, corners)
        slopes = np.stack([depths - origin for depths in moved], axis=-1)
        if abs(np.linalg.det(slopes)) > 0.0:  # else one action leaves the depths as they are
            alone = np.linalg.inv(slopes).T
            lines = np.vstack([alone / np.abs(alone).max(axis=1, keepdims=True), lines])
    if is_own(market.quote):
        pairs = np.array(
            [lines[i] + sign * lines[j] for i, j in combinations(range(len(lines)), 2) for sign in (1.0, -1.0)]
        )
        lines = np.vstack([lines, pairs.reshape(-1, lines.shape[1])])
        lines = lines[np.abs(lines).max(axis=1) > 0.0]
    return np.ascontiguousarray(lines)
