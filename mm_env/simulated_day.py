"""A simulated order book as a recorded day: its events, one by one, with numbers for the orders."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env import messages
from mm_env.data.archive import DAY, Archive, assembled
from mm_env.data.events import REST, Events, events
from mm_env.data.prices import UNIT
from mm_env.data.recording import SECOND, Recording
from mm_env.messages.queues import of_orders

OPENS = 34_200 * SECOND  # ns after midnight: half past nine


def record(
    market: Any, seconds: float, seed: int = 0, levels: int = 10, instrument: str = "SIM", day: str = "2000-01-03"
) -> Recording:
    """The first `seconds` (units of the market's time) of an order book without us, as a Recording of `levels` prices a side.

    The simulator counts lots at prices, and orders are made up by price-time priority: executions take the oldest order at the
    best price first, cancellations the orders at whose places in the queue the simulator takes lots away, wholly or in part.
    What leaves without an order of its own, beyond the furthest price or in a book that is drawn anew, is cancelled from the
    back of its queue. Sizes are in units of the asset.

    Raises: ValueError for a market that is no simulated order book, or whose tick is no whole number of 1e-8; TypeError for a
    book whose limit, market and cancel are not those of `Book`.
    """
    if not market.venue.is_drawn_book:
        raise ValueError(f"only a simulated order book is recorded, got a {type(market.venue).__name__}")
    tick = round(float(market.venue.tick) / UNIT)
    if tick < 1 or abs(tick * UNIT - float(market.venue.tick)) > 1e-9 * float(market.venue.tick):
        raise ValueError(f"the market's tick must be a whole number of {UNIT:g}, got {market.venue.tick:g}")
    start = int(np.datetime64(day, "D").astype(np.int64)) * DAY + OPENS
    found = _events(market, seconds, seed, start, tick)
    archive = Archive(instrument, "simulated", lambda: iter([found]), day)
    return assembled(archive, tick * UNIT, levels)


def _events(market: Any, seconds: float, seed: int, start: int, tick: int) -> Events:
    """The first book's orders as resting ones, and every message after it; `start` in ns, `tick` in 1e-8."""
    rows = messages.record(market, 1, seconds, seed, levels=0, whole=True)[0]
    row, kind, order, size, _ = of_orders(rows, apart=True)
    _, side, price, *_ = rows.said[row].T
    time = rows.time[row]
    return events(
        start + np.rint(time * SECOND).astype(np.int64),
        np.where(time > 0.0, kind, REST),
        1 - 2 * side,
        size * float(market.venue.lot),
        price * tick,
        order,
    )
