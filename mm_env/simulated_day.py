"""A simulated order book as a recorded day: its events, one by one, with numbers for the orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from mm_env.clock import EveryEvent
from mm_env.data.archive import DAY, Archive, assembled
from mm_env.data.events import DELETE, EXECUTED, NEW, PARTIAL, REST, events
from mm_env.data.prices import UNIT
from mm_env.data.recording import SECOND, Recording
from mm_env.quote import NOWHERE, Unbounded
from mm_env.rollout import steps
from mm_env.simulation import Simulation
from mm_env.venue.order_book.ladder import ASK, BID

OPENS = 34_200 * SECOND  # ns after midnight: half past nine


def record(
    market: Any, seconds: float, seed: int = 0, levels: int = 10, instrument: str = "SIM", day: str = "2000-01-03"
) -> Recording:
    """The first `seconds` (units of the market's time) of an order book without us, as a Recording of `levels` prices a side.

    The simulator counts lots at prices. What it does not tell is made up by price-time priority: executions take the oldest
    order at the best price first; cancellations the youngest, wholly or in part. Sizes are in units of the asset.

    Raises: ValueError for a market that is no simulated order book, or whose tick is no whole number of 1e-8.
    """
    if not market.venue.is_drawn_book:
        raise ValueError(f"only a simulated order book is recorded, got a {type(market.venue).__name__}")
    start = int(np.datetime64(day, "D").astype(np.int64)) * DAY + OPENS
    told = list(_told(market, seconds, seed))
    time, kind, side, size, price, order = (np.array(column) for column in zip(*told, strict=True))
    tick, lot = round(float(market.venue.tick) / UNIT), float(market.venue.lot)
    if tick < 1 or abs(tick * UNIT - float(market.venue.tick)) > 1e-9 * float(market.venue.tick):
        raise ValueError(f"the market's tick must be a whole number of {UNIT:g}, got {market.venue.tick:g}")
    found = events(start + np.rint(time * SECOND).astype(np.int64), kind, side, size * lot, price * tick, order)
    archive = Archive(instrument, "simulated", lambda: iter([found]), day)
    return assembled(archive, tick * UNIT, levels)


def _told(market: Any, seconds: float, seed: int) -> Iterator[tuple[Any, ...]]:
    """(time, kind, side, lots, price, order) of each message."""
    queues, first = _Queues(), True
    for time, lots, traded in _books(market, seconds, seed):
        for side, price, change in queues.changes(lots):
            if first:
                yield from queues.join(time, side, price, change, REST)
            elif change > 0:
                yield from queues.join(time, side, price, change, NEW)
            else:
                executed = min(-change, traded[side])
                traded[side] -= executed
                yield from queues.leave(time, side, price, executed, oldest=True)
                yield from queues.leave(time, side, price, -change - executed, oldest=False)
        first = False


def _books(market: Any, seconds: float, seed: int) -> Iterator[tuple[float, dict[tuple[int, int], int], list[int]]]:
    """(time, (side, price) -> lots, lots traded of each side since the last) at the start and after each event."""
    most = 2**31 - 1
    still = replace(market, clock=EveryEvent(horizon=1e6 * most, steps=most), quote=Unbounded(), initial_inventory=0.0)
    simulation = Simulation(still, 1)
    played = steps(simulation, lambda shown: np.full((len(shown), 2), NOWHERE), seed)
    counts = simulation.books[0].counts.copy()
    yield 0.0, _lots(simulation.books[0]), [0, 0]
    for _ in played:
        book = simulation.books[0]
        if book.time >= seconds:
            return
        came = book.counts - counts
        counts = book.counts.copy()
        arrived = int(book.arrived)
        yield float(book.time), _lots(book), [arrived if came[4 + side] else 0 for side in (BID, ASK)]


def _lots(book: Any) -> dict[tuple[int, int], int]:
    low, high, mask = int(book.edge[BID]), int(book.edge[ASK]), book.volume.shape[0] - 1
    prices = np.arange(low, high + 1)
    lots = book.volume[prices & mask]
    held = np.flatnonzero(lots)
    return {
        (BID if price <= book.best[BID] else ASK, price): size
        for price, size in zip(prices[held].tolist(), lots[held].tolist(), strict=True)
    }


class _Queues:
    """The orders at each price, oldest first, as [number, lots]."""

    def __init__(self) -> None:
        self._orders: dict[tuple[int, int], list[list[int]]] = {}
        self._lots: dict[tuple[int, int], int] = {}
        self._number = 0

    def changes(self, lots: dict[tuple[int, int], int]) -> list[tuple[int, int, int]]:
        """(side, price, lots more) of each queue that is not as it was: first what goes, the best prices before others."""
        places = [place for place in {**self._lots, **lots} if self._lots.get(place, 0) != lots.get(place, 0)]
        found = [(side, price, lots.get((side, price), 0) - self._lots.get((side, price), 0)) for side, price in places]
        self._lots = lots
        return sorted(found, key=lambda one: (one[2] > 0, one[0], one[1] * (2 * one[0] - 1)))

    def join(self, time: float, side: int, price: int, lots: int, kind: int) -> Iterator[tuple[Any, ...]]:
        self._number += 1
        self._orders.setdefault((side, price), []).append([self._number, lots])
        yield time, kind, 1 - 2 * side, lots, price, self._number

    def leave(self, time: float, side: int, price: int, lots: int, oldest: bool) -> Iterator[tuple[Any, ...]]:
        queue = self._orders.get((side, price), [])
        while lots > 0:
            order = queue[0 if oldest else -1]
            taken = min(lots, order[1])
            lots, order[1] = lots - taken, order[1] - taken
            if not order[1]:
                queue.pop(0 if oldest else -1)
            kind = EXECUTED if oldest else DELETE if not order[1] else PARTIAL
            yield time, kind, 1 - 2 * side, taken, price, order[0]
