"""A named crisis that any dealer market can be put through: what happens, when, and for how long."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mm_env.core.component import Component, Sides, nominal
from mm_env.core.parameters import NonNegative, Probability, Real
from mm_env.market import Market
from mm_env.stress.parts import StressedFlow, StressedHedges, StressedImpact, StressedPrice


class Stress(Component):
    """What happens from `begins` on, for `lasts`, both shares of a market's horizon; several at once are a combination.

    Times and sizes are in a market's own measures, so that one stress goes with any: a gap in standard deviations of the mid
    over an episode, as its price's `sigma` says it, adverse selection in those of a step. `against` is of the gap both ways.
    """

    begins: Probability = 0.5  # share of the horizon
    lasts: Probability = 0.2  # the same
    volatility: NonNegative = 1.0  # times the mid's moves
    gap: Real = 0.0  # standard deviations of the mid over an episode, in the first step of the stress
    sells: NonNegative = 1.0  # times the rate at which clients sell to us
    buys: NonNegative = 1.0  # times the rate at which they buy from us
    adverse: NonNegative = 0.0  # standard deviations of a step, by which a fill moves the mid against it on average
    hedging: Probability = 1.0  # 0: hedges cannot be traded

    def applied(self, market: Any) -> Market:
        """The market under this stress; agents see what they saw.

        Raises: ValueError for a market whose orders come from a book, a recording or none at all, or of several instruments;
        for a gap or adverse selection where the price says no sigma; for hedges that cannot be traded where there are none.
        """
        self._check(market)
        venue, horizon = market.venue, market.clock.horizon
        span = (self.begins * horizon, (self.begins + self.lasts) * horizon)
        step = self._size(market, self.adverse, market.clock.step_length)
        flow = Sides(StressedFlow(venue.flow.bid, *span, self.sells), StressedFlow(venue.flow.ask, *span, self.buys))
        impact = Sides(*(StressedImpact(side, *span, step) for side in (venue.impact.bid, venue.impact.ask)))
        price = StressedPrice(market.price, *span, self.volatility, self._size(market, self.gap, horizon))
        hedged = {"hedges": StressedHedges(market.hedges, *span, self.hedging)} if market.hedges.names else {}
        return replace(market, price=price, venue=replace(venue, flow=flow, impact=impact), **hedged)

    def against(self) -> tuple[Stress, ...]:
        """The stress with its gap down and up: what goes against a position is one of the two. Itself without a gap."""
        return (replace(self, gap=-abs(self.gap)), replace(self, gap=abs(self.gap))) if self.gap else (self,)

    def times(self, severity: float) -> Stress:
        """The stress `severity` times as severe, from 0, which is none, over 1, which is itself; rates do not fall below 0."""
        scaled = {
            name: max(1.0 + severity * (getattr(self, name) - 1.0), 0.0) for name in ("volatility", "sells", "buys")
        }
        hedging = self.hedging if severity > 0.0 else 1.0
        return replace(self, **scaled, gap=severity * self.gap, adverse=severity * self.adverse, hedging=hedging)

    def _size(self, market: Market, deviations: float, time: float) -> float:
        """So many standard deviations of the mid's move over a time, price units."""
        if deviations == 0.0:
            return 0.0
        price: Any = market.price
        unit = nominal(market.initial_mid) if price.relative else 1.0
        return deviations * nominal(price.sigma) * unit * math.sqrt(time)

    def _check(self, market: Any) -> None:
        for reason in self._refusals(market):
            raise ValueError(f"Stress needs {reason}")

    def _refusals(self, market: Any) -> Iterator[str]:
        if not isinstance(market, Market):
            yield f"a market of one quoted instrument, got a {type(market).__name__}"
        elif not all(hasattr(market.venue, name) for name in ("flow", "fill", "impact")) or market.price.needs_book:
            yield f"a dealer's market, where orders come by a flow: market.venue must be a Dealer, got {market.venue}"
        elif (self.gap or self.adverse) and getattr(market.price, "sigma", None) is None:
            yield f"a price that says its sigma for a gap or adverse selection, which are in its terms, got {market.price}"
        elif self.hedging < 1.0 and not market.hedges.names:
            yield f"a market with hedges for hedging={self.hedging:g}, got {market.hedges}"


CALM = Stress()
