"""Rules of a provider who holds several ranges at once: a stepped profile of liquidity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.strategies.pool import arbitraged, seen_at, seen_ranges
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.rollout import with_hedges
from mm_env.venue.pool.several import Ranges


@dataclass(frozen=True)
class Ladder(MarketPolicy):
    """K ranges of `half_widths` and `centres` (log price, over the pool's), each with its share of the capital: placed at the
    first step, and each placed anew whenever the pool's log price is its `leaves_at` or more from where it was placed.

    It is told apart by where arbitrageurs will have left the price, who come first. Where ranges overlap their liquidity adds
    up, so that the profile over the price has a step at each end of a range.
    """

    market: Market
    half_widths: Sequence[float]
    centres: Sequence[float]
    shares: Sequence[float]
    leaves_at: Sequence[float]

    def __post_init__(self) -> None:
        check_ladder(self.market)
        slots = len(_ranges_of(self.market).max_centres)
        for name in ("half_widths", "centres", "shares", "leaves_at"):
            told = tuple(float(number) for number in getattr(self, name))
            if len(told) != slots:
                raise ValueError(f"Ladder.{name} must have a number for each of {slots} positions, got {list(told)}")
            object.__setattr__(self, name, told)
        if not (min(self.half_widths) > 0.0 and min(self.leaves_at) > 0.0):
            raise ValueError(
                f"Ladder.half_widths and leaves_at must be > 0, got {list(self.half_widths)} and {list(self.leaves_at)}"
            )
        if min(self.shares) < 0.0 or sum(self.shares) > 1.0 + 1e-9:
            raise ValueError(f"Ladder.shares must be >= 0 and at most 1 together, got {list(self.shares)}")

    @classmethod
    def nested(cls, market: Market) -> Ladder:
        """Ranges around the price from the narrowest to the widest, evenly in the logarithm of their widths, with equal parts
        of the capital, each placed anew once the price has left it."""
        check_ladder(market)
        rules, slots = record(market.quote), len(_ranges_of(market).max_centres)
        widths = tuple(np.geomspace(rules.min_half_width, rules.max_half_width, slots).tolist())
        return cls(market, widths, (0.0,) * slots, (1.0 / slots,) * slots, widths)

    @classmethod
    def side_by_side(cls, market: Market) -> Ladder:
        """The narrowest ranges side by side, those in the middle first, with equal parts of the capital: together one wide
        range, all placed anew once the price has left it."""
        check_ladder(market)
        rules, slots = record(market.quote), len(_ranges_of(market).max_centres)
        width = float(rules.min_half_width)
        places = sorted((2.0 * width * (k - 0.5 * (slots - 1)) for k in range(slots)), key=lambda c: (abs(c), c))
        reaches = tuple(rules.max_centres)
        if any(abs(centre) > most * (1.0 + 1e-9) for centre, most in zip(places, reaches, strict=True)):
            raise ValueError(
                f"Ranges.max_centres must reach {[abs(c) for c in places]} for ranges to lie side by side, got {list(reaches)}"
            )
        return cls(market, (width,) * slots, places, (1.0 / slots,) * slots, (slots * width,) * slots)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The actions (n, width) at observations (n, k)."""
        _, _, first, gap = seen_at(self.market, observations)
        half_width, offset = seen_ranges(self.market, observations)
        moved = arbitraged(self.market, first, gap)[0] - first
        centres = np.array(self.centres)
        away = np.abs(offset + moved[:, None] + centres)
        left = (half_width == 0.0) | (away >= np.array(self.leaves_at))
        shape, quote = half_width.shape, _ranges_of(self.market)
        wide, share = (np.broadcast_to(np.array(each), shape) for each in (self.half_widths, self.shares))
        actions = quote.encode_several(wide, np.broadcast_to(centres, shape), share, left & (share > 0.0))
        return with_hedges(self.market, actions)


def check_ladder(market: Any) -> None:
    """Refuse a market in which no more than one range is placed. Raises: ValueError."""
    quote = getattr(market, "quote", market)
    if not isinstance(market, Market) or not isinstance(quote, Ranges):
        raise ValueError(f"a ladder of ranges needs a Pool whose quoting is Ranges, got {quote}")


def _ranges_of(market: Market) -> Any:
    return market.quote
