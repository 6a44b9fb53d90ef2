"""The dealer market: a quote is filled with a probability that decays with its depth."""

# pyright: reportAttributeAccessIssue=false
# The rules run on records, where every part has a side; to the type checker a part may still be a single model.

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import Component, Sides, rule
from mm_env.core.noise import Noise
from mm_env.quote import Quote
from mm_env.venue.dealer.fill import Fill
from mm_env.venue.dealer.flow import Flow
from mm_env.venue.dealer.impact import Impact, NoImpact
from mm_env.venue.venue import Chances, Trades, Transition, Venue, certain
from mm_env.world import Now


class Dealer(Venue):
    """Orders arrive by `flow`, take our quote by `fill` and move the mid by `impact`; a side may have its own of each.

    P(bid fills within dt) = flow.bid.probability(fill.bid.take(bid depth), dt), and likewise for the ask, independently.
    """

    flow: Flow | Sides
    fill: Fill | Sides
    impact: Impact | Sides = NoImpact()

    takes_makers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("flow", Flow), ("fill", Fill), ("impact", Impact)):
            object.__setattr__(self, name, both_sides(f"Dealer.{name}", getattr(self, name), kind))

    def check(self, market: Any) -> None:
        super().check(market)
        for sides in (self.flow, self.fill, self.impact):
            for side in (sides.bid, sides.ask):
                side.check(market)

    @rule
    def begin_flow(self) -> Any:
        return self.flow.bid.start(), self.flow.ask.start()

    @rule
    def chances(self, quote: Quote, dt: float, now: Now) -> Chances:
        """How likely our quotes are to fill and orders to arrive within dt."""
        bid_flow, ask_flow = now.world.flow
        bid = self.flow.bid.probability(self.fill.bid.take(quote.bid_depth, now), dt, now, bid_flow)
        ask = self.flow.ask.probability(self.fill.ask.take(quote.ask_depth, now), dt, now, ask_flow)
        bid_arrival = self.flow.bid.arrival(dt, now, bid_flow)
        return Chances(bid, ask, bid_arrival, self.flow.ask.arrival(dt, now, ask_flow))

    @rule
    def trade(self, quote: Quote, bid_open: bool, ask_open: bool, noise: Noise, dt: float, now: Now) -> Trades:
        chances = self.chances(quote, dt, now)
        bid_chance = min(chances.bid, 1.0) if bid_open else 0.0
        ask_chance = min(chances.ask, 1.0) if ask_open else 0.0
        bid_filled = 1.0 if noise.bid < bid_chance else 0.0
        ask_filled = 1.0 if noise.ask < ask_chance else 0.0
        bid_arrived = 1.0 if noise.bid < chances.bid_arrival else 0.0
        ask_arrived = 1.0 if noise.ask < chances.ask_arrival else 0.0
        up = self.impact.ask.jump_at(quote.ask_depth, ask_chance, ask_filled, ask_arrived, noise.ask_jump, now)
        down = self.impact.bid.jump_at(quote.bid_depth, bid_chance, bid_filled, bid_arrived, noise.bid_jump, now)
        arrivals = max(bid_arrived, bid_filled) + max(ask_arrived, ask_filled)
        return Trades(bid_filled, ask_filled, bid_chance, ask_chance, arrivals, up - down)

    @rule
    def evolve_flow(self, trades: Trades, noise: Noise, dt: float, now: Now) -> Any:
        bid_flow, ask_flow = now.world.flow
        hit = 1.0 if noise.bid < self.flow.bid.arrival(dt, now, bid_flow) else 0.0
        lifted = 1.0 if noise.ask < self.flow.ask.arrival(dt, now, ask_flow) else 0.0
        bids, asks = max(hit, trades.bid_filled), max(lifted, trades.ask_filled)
        bid_after = self.flow.bid.evolve(bid_flow, bids, asks, noise, dt, now)
        return bid_after, self.flow.ask.evolve(ask_flow, asks, bids, noise, dt, now)

    @rule
    def transitions(self, market: Any, state: Any, quote: Quote) -> tuple[Transition, ...]:
        """Neither side fills, the ask alone, the bid alone, or both: each side independently, within the limits."""
        now, size, held = market.now(state, ()), market.order_size, state.account.inventory
        cut = market.orders_cut(held, quote.cut) * size
        start = held - cut if held > 0.0 else held + cut
        chances, (bid_open, ask_open) = (
            certain(self.chances(quote, market.clock.dt(), now)),
            market.sides(start, state, now),
        )
        bid, ask = chances.bid if bid_open else 0.0, chances.ask if ask_open else 0.0
        bid_cash = size * (quote.bid_depth - market.fees.maker_fee(now.mid - quote.bid_depth, now))
        ask_cash = size * (quote.ask_depth - market.fees.maker_fee(now.mid + quote.ask_depth, now))
        away = now.mid - quote.cut_cost if held > 0.0 else now.mid + quote.cut_cost
        paid = cut * (quote.cut_cost + market.fees.taker_fee(away, now))
        up, up_spread = self.impact.ask.moments(quote.ask_depth, ask, 0.0, chances.ask_arrival, now)
        up_filled, up_filled_spread = self.impact.ask.moments(quote.ask_depth, ask, 1.0, chances.ask_arrival, now)
        down, down_spread = self.impact.bid.moments(quote.bid_depth, bid, 0.0, chances.bid_arrival, now)
        down_filled, down_filled_spread = self.impact.bid.moments(quote.bid_depth, bid, 1.0, chances.bid_arrival, now)
        venue = now.world.venue
        return (
            Transition((1.0 - bid) * (1.0 - ask), start, -paid, up - down, up_spread + down_spread, venue),
            Transition((1.0 - bid) * ask, start - size, ask_cash - paid, up_filled - down,
                       up_filled_spread + down_spread, venue),
            Transition(bid * (1.0 - ask), start + size, bid_cash - paid, up - down_filled,
                       up_spread + down_filled_spread, venue),
            Transition(bid * ask, start, bid_cash + ask_cash - paid, up_filled - down_filled,
                       up_filled_spread + down_filled_spread, venue),
        )  # fmt: skip


def both_sides(name: str, model: Component, kind: type[Component]) -> Sides:
    """The model of each side: one that is given for both, or those of a `Sides`; a TypeError names one of another kind."""
    sides = model if isinstance(model, Sides) else Sides(model, model)
    for side in ("bid", "ask"):
        if not isinstance(getattr(sides, side), kind):
            raise TypeError(f"{name}.{side} must be a {kind.__name__}, got {getattr(sides, side)!r}")
    return sides
