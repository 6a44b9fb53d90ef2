"""Every message of a simulated order book, as an exchange would publish it, with the book of the nearest levels after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.clock import EveryEvent
from mm_env.core.component import load, rule, rules
from mm_env.core.lanes import TILE, of_lane
from mm_env.core.maths import routine
from mm_env.core.noise import lane_key
from mm_env.market import Market
from mm_env.messages.told import Rows, Told, write_order, write_rest
from mm_env.simulation import Simulation
from mm_env.venue.order_book import events
from mm_env.venue.order_book.book import Book
from mm_env.venue.order_book.events import clear_counters
from mm_env.venue.order_book.ladder import cancel, limit, market
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET

ORDERS = ("limit", "market", "cancel")  # rules of a book by which others' orders come
ROWS = 100_000  # messages that are recorded at once
FIELDS: list[Any] = [
    ("told", np.int64),  # orders since the event began; the first one is the event's own
    ("said", np.int64, (5,)),  # of that one: kind (LIMIT, CANCEL, MARKET), side, price, size, place in the queue
]


class _Telling:
    """What an order book says of the first order of each event."""

    def memory(self, num_lanes: int) -> tuple[NDArray[Any], ...]:
        books, table = super().memory(num_lanes)  # pyright: ignore[reportAttributeAccessIssue]
        kind = np.dtype([(name, books.dtype[name]) for name in books.dtype.names] + FIELDS, align=True)
        return events.empty_books(kind, num_lanes, self.size), table  # pyright: ignore[reportAttributeAccessIssue]

    @rule
    def limit(self, book: Any, side: int, price: int, size: int) -> None:
        tell(book, LIMIT, side, price, size, 0)
        limit(book, side, price, size)

    @rule
    def market(self, book: Any, side: int, size: int) -> None:
        tell(book, MARKET, side, 0, size, 0)
        market(book, side, size)

    @rule
    def cancel(self, book: Any, side: int, price: int, position: int, size: int) -> None:
        tell(book, CANCEL, side, price, size, position)
        cancel(book, side, price, position, size)


@routine
def tell(book: Any, kind: int, side: int, price: int, size: int, place: int) -> None:
    """Keep an order, if it is the first of its event."""
    if book.told == 0:
        book.said[0], book.said[1], book.said[2] = kind, side, price
        book.said[3], book.said[4] = size, place
    book.told += 1


def telling(venue: Book) -> Book:
    """The same book, which says what happened; we have no orders there that could be late.

    Raises: TypeError for one whose limit, market and cancel are not those of `Book`.
    """
    kind = type(venue)
    if not isinstance(venue, Book) or any(rules(kind)[name] is not rules(Book)[name] for name in ORDERS):
        raise TypeError(
            f"market.venue must be, or have {', '.join(ORDERS[:-1])} and {ORDERS[-1]} from, Book or UnnoticedBook to have its "
            f"messages recorded, got {kind.__name__}"
        )
    return _telling(kind)(**{**venue.__dict__, "latency": 0.0})


@cache
def _telling(kind: type[Book]) -> type[Book]:
    """The kind of book that is as `kind` and says what happened, a member of `kind` so that it can be pickled."""
    named = {"__qualname__": f"{kind.__qualname__}.Telling", "__module__": kind.__module__}
    made = type(f"Telling{kind.__name__}", (_Telling, kind), named)
    type.__setattr__(kind, "Telling", made)
    return made


def record(
    market: Market,
    books: int,
    until: float,
    seed: int,
    levels: int = 5,
    *,
    whole: bool = False,
    interpreted: bool = False,
) -> list[Rows]:
    """The messages of `books` books, each run without us from time 0 to `until`, and `levels` prices a side after each.

    They are those of a `Simulation` of the market that stops at every event and never quotes: the first order of each event.
    With `whole` they make the very book from nothing: what stands there first comes as limit orders at time 0, and after the
    order of each event comes what else it did to the book. First, as cancellations from the back of their queues, what was
    withdrawn beyond the furthest price or to be drawn anew; then, as limit orders, what came.
    """
    venue: Any = market.venue
    still = replace(market, venue=telling(venue), clock=EveryEvent(horizon=until, steps=1), initial_inventory=0.0)
    simulation = Simulation(still, books, interpreted=interpreted, threads=1)
    simulation.start(seed)
    return [_joined(list(_chunks(simulation, lane, until, levels, whole))) for lane in range(books)]


def _chunks(simulation: Simulation, lane: int, until: float, levels: int, whole: bool) -> Iterator[Rows]:
    book, step, rows = simulation.book_of(lane), 0, ROWS
    spare = 3 * len(book.volume)  # of an event's order, of what leaves and of what comes no more rows than prices
    if whole:
        yield _first(book, levels)
    while rows >= ROWS:
        found = _room(ROWS + spare, levels)
        rows, step = simulation.run_book(record_lane, lane, step, float(until), ROWS, whole, found)
        yield _part(found, rows)


def _first(book: Any, levels: int) -> Rows:
    """The first book, as limit orders."""
    found = _room(len(book.volume), levels)
    return _part(found, write_rest(book, Told(np.zeros_like(book.volume), book.best, book.edge), found, 0))


def _room(rows: int, levels: int) -> Rows:
    shown = (rows, 2, levels)
    return Rows(np.empty(rows), np.empty((rows, 6), np.int64), np.zeros(shown, np.int64), np.zeros(shown, np.int64))


def _part(found: Rows, rows: int) -> Rows:
    return Rows(*(column[:rows].copy() for column in found))  # pyright: ignore[reportArgumentType]


def _joined(chunks: list[Rows]) -> Rows:
    return Rows(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))  # pyright: ignore[reportArgumentType]


def record_lane(
    market: Any, parameters: Any, stride: Any, books: Any, table: Any, noise: Any, lane: int,
    step: int, until: float, enough: int, whole: bool, out: Rows,
) -> tuple[int, int]:  # fmt: skip
    """Run the book of a lane until `until`, or until `enough` rows are written: how many were, and the steps so far."""
    own = of_lane(load(market, parameters, 0, TILE), parameters, stride, lane // TILE, lane % TILE)
    book, rows = books[lane], 0
    weights = np.empty(6 + 4 * int(own.venue.levels))
    told = Told(np.empty(book.volume.shape[0], np.int64), np.empty(2, np.int64), np.empty(2, np.int64))
    key, number = lane_key(noise, lane)
    while book.time < until and rows < enough:
        told.lots[:] = book.volume
        told.best[:] = book.best
        told.edge[:] = book.edge
        clear_counters(book)
        book.told = 0
        own.venue.run(table, book, weights, (key, number, 0, step), until, 1)
        step += 1
        if not whole:
            told.edge[:] = book.edge
        if book.told > 0:
            rows = write_order(book, told, out, rows, whole)
        if whole:
            rows = write_rest(book, told, out, rows)
    return rows, step
