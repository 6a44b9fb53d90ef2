"""One decision of several makers in a book: what they want, who acts first, what it came to, and what each of them sees."""

from __future__ import annotations

import math
from typing import Any

from mm_env.core.maths import routine, scalar
from mm_env.core.noise import uniforms
from mm_env.portfolio import Portfolio
from mm_env.venue.order_book.book import Fills, settled, sizes, target_from
from mm_env.venue.order_book.events import pressure
from mm_env.venue.order_book.ladder import ASK, BID
from mm_env.venue.order_book.several import before, beside, best_beside, hedge, held_back, quote, withdraw
from mm_env.venue.venue import Dealt
from mm_env.world import Now

LOTS = 2**29  # the blocks of noise from here on decide who acts first; those below are the events'


@routine
def want(market: Any, book: Any, maker: int, account: Portfolio, action: Any, now: Now) -> None:
    """Write down what a maker's action wants, by the book as it stands."""
    wanted, venue, at_touch = market.quote.decode(action, now), market.venue, market.quote.at_touch()
    bid, _ = best_beside(book, BID, maker)
    ask, _ = best_beside(book, ASK, maker)
    book.bid[maker] = target_from(venue, book, BID, wanted.bid_depth, at_touch, bid)
    book.ask[maker] = target_from(venue, book, ASK, wanted.ask_depth, at_touch, ask)
    held, size = account.inventory, market.order_size
    book.units[maker] = math.floor(wanted.cut * abs(held) / size + 0.5) * size
    book.held[maker], book.acts[maker] = held, 1


@routine
def act(market: Any, book: Any, key: Any) -> None:
    """Let all makers send their orders, one after the other by lot: each its market order, and then its quotes."""
    makers = book.left.shape[1]
    for maker in range(makers):
        book.turn_of[maker], book.middle[maker], book.closed[maker], book.worth[maker] = maker, 0, 0, 0
    for last in range(makers - 1, 0, -1):
        lot, _, _, _ = uniforms(key[0], key[1], key[2], key[3], LOTS + last)
        chosen = int(lot * (last + 1))
        book.turn_of[last], book.turn_of[chosen] = book.turn_of[chosen], book.turn_of[last]
    for turn in range(makers):
        if book.acts[book.turn_of[turn]] == 1:
            place(market, book, book.turn_of[turn])


@routine
def place(market: Any, book: Any, maker: int) -> None:
    """Send a maker's market order, against the inventory that it held at the decision, and then its quotes."""
    lot, held = market.venue.lot, book.held[maker]
    sign = -1 if held > 0.0 else 1
    book.middle[maker] = book.best[BID] + book.best[ASK]
    if book.units[maker] > 0.0:
        lots = int(book.units[maker] / lot + 0.5)
        closed, worth = hedge(book, BID if held > 0.0 else ASK, maker, lots)
        book.closed[maker], book.worth[maker] = sign * closed, sign * worth
        book.arrived += closed
    made = book.closed[maker] + book.filled[BID, maker] - book.filled[ASK, maker]
    buying, selling = sizes(market, held + lot * made)
    bid, ask = held_back(book, BID, maker, book.bid[maker]), held_back(book, ASK, maker, book.ask[maker])
    apart = max(0, (bid - ask) // 2 + 1)  # where its own orders would meet, both step back
    bid, ask = bid - apart, ask + apart
    if book.price[ASK, maker] != ask:
        withdraw(book, ASK, maker)  # out of the way of the new bid
    quote(book, BID, maker, bid, buying)
    quote(book, ASK, maker, ask, selling)


@routine
def brought(market: Any, book: Any, maker: int, account: Portfolio, now: Now) -> Dealt:
    """What a decision came to for one maker. Orders that arrived are all but its own market order."""
    gained = book.gained[BID, maker] + book.gained[ASK, maker]
    fills = Fills(book.filled[BID, maker], book.filled[ASK, maker], book.value[BID, maker], book.value[ASK, maker], gained,
                  book.closed[maker], book.worth[maker], book.middle[maker],
                  book.arrived - abs(book.closed[maker]))  # fmt: skip
    return settled(market, account, fills, book.time - book.since, now)


@routine
def show(venue: Any, book: Any, maker: int, observations: Any, place: int) -> None:
    """Write the venue's `signals` from `place` on as one maker sees them: everyone but itself are others."""
    unit, levels = 1.0 / (venue.mean_order() * venue.queue_scale), int(venue.observed)
    best_bid, _ = best_beside(book, BID, maker)
    best_ask, _ = best_beside(book, ASK, maker)
    bid, ask = beside(book, BID, best_bid, maker), beside(book, ASK, best_ask, maker)
    observations[place] = best_ask - best_bid
    observations[place + 1] = (bid - ask) / (bid + ask) if bid + ask > 0 else 0.0
    place += 2
    for side in range(2):
        for level in range(levels):
            price = (best_bid if side == BID else best_ask) + (2 * side - 1) * level
            observations[place + level] = unit * within(book, side, price, maker)
        place += levels
    for side in range(2):
        stands, out = book.left[side, maker] > 0, 2 * side - 1
        behind = (book.price[side, maker] - (best_bid if side == BID else best_ask)) * out
        observations[place] = 1.0 if stands else 0.0
        observations[place + 1] = float(behind) if stands else 0.0
        observations[place + 2] = unit * before(book, side, maker)
        place += 3
    observations[place] = unit * pressure(venue, book)


@scalar
def within(book: Any, side: int, price: int, maker: int) -> int:
    """The lots of a side at a price, all but this maker's own; none beyond the edges."""
    inside = (book.edge[side] - price) * (2 * side - 1) >= 0
    return beside(book, side, price, maker) if inside else 0
