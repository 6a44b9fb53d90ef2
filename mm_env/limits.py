"""How much may be held, and how close may be quoted, at the moment: a contract, and its neutral default."""

from __future__ import annotations

import math
from typing import Any

from mm_env.core.component import rule
from mm_env.margin import Standing
from mm_env.quote import Quote
from mm_env.watched import Watching
from mm_env.world import Now


class Limits(Watching):
    """Risk limits that depend on the state: override `largest` (0 is reduce-only), `least_depth`, or both. Where the two sides
    have limits of their own, override `longest` and `shortest`, which are `largest` both.

    They bind what a dealer quotes, on top of the market's own `max_inventory`. A position that is already beyond a limit is
    not sold: no order that makes it larger is taken.
    """

    def check(self, market: Any) -> None:
        """Refuse a market whose other parts cannot go with these limits."""

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        """The largest |inventory| that fills may lead to, units, given the market's own limit `most`."""
        return most

    @rule
    def longest(self, most: float, standing: Standing, now: Now) -> float:
        """The largest inventory that purchases may lead to, units."""
        return self.largest(most, standing, now)

    @rule
    def shortest(self, most: float, standing: Standing, now: Now) -> float:
        """The largest short position that sales may lead to, units (a number >= 0)."""
        return self.largest(most, standing, now)

    @rule
    def least_depth(self, standing: Standing, now: Now) -> float:
        """The least distance from the mid that a quote may have, price units."""
        return -1e300

    @rule
    def held_to(self, quote: Quote, standing: Standing, now: Now) -> Quote:
        """The quote itself, moved out to `least_depth` where it is closer."""
        least = self.least_depth(standing, now)
        return Quote(max(quote.bid_depth, least), max(quote.ask_depth, least), quote.cut, quote.cut_cost)


class NoLimits(Limits):
    """No limit but the market's `max_inventory`."""

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        return math.inf  # no number, which machine code would compare with

    @rule
    def held_to(self, quote: Quote, standing: Standing, now: Now) -> Quote:
        return quote
