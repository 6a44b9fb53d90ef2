"""The dealer market: a quote is filled with a probability that decays with its depth."""

# pyright: reportAttributeAccessIssue=false
# The rules run on records, where every part has a side; to the type checker a part may still be a single model.

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, Sides, rule
from mm_env.core.maths import clip, scalar
from mm_env.core.noise import Noise
from mm_env.price.models import FromBook
from mm_env.quote import Quote
from mm_env.venue.dealer.fill import Fill
from mm_env.venue.dealer.flow import Flow
from mm_env.venue.dealer.impact import Impact, NoImpact


class Trades(NamedTuple):
    """What happened at a venue within one step."""

    bid_filled: float  # orders that hit our bid: 1.0 or 0.0
    ask_filled: float
    bid_chance: float  # P(bid_filled), given all that was known when the quotes were set
    ask_chance: float
    arrivals: float  # orders that came, filled by us or not
    jump: float  # how far the orders moved the mid, price units


class Chances(NamedTuple):
    """Probabilities within one step, of fills for a side that is open."""

    bid: float
    ask: float
    bid_arrival: float  # of an order that would hit a bid at the mid; it comes whatever we quote
    ask_arrival: float


@scalar
def certain(chances: Chances) -> Chances:
    """The chances that noise makes of what a flow says: what it says beyond 1 is sure, and below 0 never."""
    bid, ask = clip(chances.bid, 0.0, 1.0), clip(chances.ask, 0.0, 1.0)
    return Chances(bid, ask, clip(chances.bid_arrival, 0.0, 1.0), clip(chances.ask_arrival, 0.0, 1.0))


class Venue(Component):
    """A place to trade."""

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of what it shows of itself."""
        return ()

    def check(self, market: Any) -> None:
        """Refuse a market whose other parts cannot go with this venue: what is made for an order book needs a Book."""
        for part in (market.price, market.clock, market.quote):
            if isinstance(part, FromBook) or getattr(part, "pace", int)() or getattr(part, "at_touch", int)():
                raise ValueError(
                    f"{type(part).__name__} needs an order book: venue must be a Book, got {type(self).__name__}"
                )

    def memory(self, num_lanes: int) -> tuple[NDArray[Any], ...]:
        """Arrays that it keeps beside the lanes' states."""
        return ()

    def stretches(self, books: Any) -> NDArray[np.int64] | None:
        """The number of the recorded stretch that each lane's episode began in; None where episodes are independent."""
        return None

    @rule
    def trade(self, quote: Quote, bid_open: bool, ask_open: bool, noise: Noise, dt: float) -> Trades:
        """What our quotes meet within [t, t + dt)."""
        raise NotImplementedError

    @rule
    def chances(self, quote: Quote, dt: float) -> Chances:
        """How likely our quotes are to fill and orders to arrive within dt, if the venue knows."""
        raise NotImplementedError


class Dealer(Venue):
    """Orders arrive by `flow`, take our quote by `fill` and move the mid by `impact`; a side may have its own of each.

    P(bid fills within dt) = flow.bid.probability(fill.bid.take(bid depth), dt), and likewise for the ask, independently.
    """

    flow: Flow | Sides
    fill: Fill | Sides
    impact: Impact | Sides = NoImpact()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("flow", Flow), ("fill", Fill), ("impact", Impact)):
            object.__setattr__(self, name, _both_sides(f"Dealer.{name}", getattr(self, name), kind))

    @rule
    def chances(self, quote: Quote, dt: float) -> Chances:
        """How likely our quotes are to fill and orders to arrive within dt."""
        bid = self.flow.bid.probability(self.fill.bid.take(quote.bid_depth), dt)
        ask = self.flow.ask.probability(self.fill.ask.take(quote.ask_depth), dt)
        return Chances(bid, ask, self.flow.bid.probability(1.0, dt), self.flow.ask.probability(1.0, dt))

    @rule
    def trade(self, quote: Quote, bid_open: bool, ask_open: bool, noise: Noise, dt: float) -> Trades:
        chances = self.chances(quote, dt)
        bid_chance = min(chances.bid, 1.0) if bid_open else 0.0
        ask_chance = min(chances.ask, 1.0) if ask_open else 0.0
        bid_filled = 1.0 if noise.bid < bid_chance else 0.0
        ask_filled = 1.0 if noise.ask < ask_chance else 0.0
        bid_arrived = 1.0 if noise.bid < chances.bid_arrival else 0.0
        ask_arrived = 1.0 if noise.ask < chances.ask_arrival else 0.0
        up = self.impact.ask.jump_at(quote.ask_depth, ask_chance, ask_filled, ask_arrived, noise.ask_jump)
        down = self.impact.bid.jump_at(quote.bid_depth, bid_chance, bid_filled, bid_arrived, noise.bid_jump)
        arrivals = max(bid_arrived, bid_filled) + max(ask_arrived, ask_filled)
        return Trades(bid_filled, ask_filled, bid_chance, ask_chance, arrivals, up - down)


def _both_sides(name: str, model: Component, kind: type[Component]) -> Sides:
    sides = model if isinstance(model, Sides) else Sides(model, model)
    for side in ("bid", "ask"):
        if not isinstance(getattr(sides, side), kind):
            raise TypeError(f"{name}.{side} must be a {kind.__name__}, got {getattr(sides, side)!r}")
    return sides
