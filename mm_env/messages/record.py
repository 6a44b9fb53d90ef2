"""Every message of a simulated order book, as an exchange would publish it, with the book of the nearest levels after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.clock import EveryEvent
from mm_env.core import engine
from mm_env.core.component import load, rule
from mm_env.core.lanes import TILE, of_lane
from mm_env.core.maths import routine
from mm_env.core.noise import lane_key
from mm_env.market import Market
from mm_env.simulation import Simulation
from mm_env.venue.order_book import events
from mm_env.venue.order_book.book import Book, UnnoticedBook
from mm_env.venue.order_book.events import clear_counters
from mm_env.venue.order_book.ladder import ASK, BID, cancel, limit, market
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET

ROWS = 100_000  # messages that are recorded at once
FIELDS: list[Any] = [
    ("told", np.int64),  # orders since the event began; the first one is the event's own
    ("said", np.int64, (5,)),  # of that one: kind (LIMIT, CANCEL, MARKET), side, price, size, place in the queue
]


class Rows(NamedTuple):
    """Messages of one book in order; `price` 0 and `size` 0 where a side has no such level."""

    time: NDArray[np.float64]  # (n,) since the start of the episode
    said: NDArray[np.int64]  # (n, 6) kind, side, price, lots, lots ahead of them in the queue, lots there before
    price: NDArray[np.int64]  # (n, 2, levels) of bids and asks, best first, after the message
    size: NDArray[np.int64]  # (n, 2, levels) lots


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


class TellingBook(_Telling, Book):
    """A `Book` that says what happened."""


class TellingUnnoticedBook(_Telling, UnnoticedBook):
    """An `UnnoticedBook` that says what happened."""


@routine
def tell(book: Any, kind: int, side: int, price: int, size: int, place: int) -> None:
    """Keep an order, if it is the first of its event."""
    if book.told == 0:
        book.said[0], book.said[1], book.said[2] = kind, side, price
        book.said[3], book.said[4] = size, place
    book.told += 1


def telling(venue: Book) -> Book:
    """The same book, which says what happened. Raises: TypeError for a kind of book of one's own."""
    kinds: dict[type, type] = {Book: TellingBook, UnnoticedBook: TellingUnnoticedBook}
    if type(venue) not in kinds:
        raise TypeError(
            f"market.venue must be Book or UnnoticedBook to have its messages recorded, got {type(venue).__name__}"
        )
    return kinds[type(venue)](**venue.__dict__)


def record(
    market: Market, books: int, until: float, seed: int, levels: int = 5, *, interpreted: bool = False
) -> list[Rows]:
    """The messages of `books` books, each run without us from time 0 to `until`, and `levels` prices a side after each.

    They are those of a `Simulation` of the market that stops at every event and never quotes.
    """
    venue: Any = market.venue
    still = replace(market, venue=telling(venue), clock=EveryEvent(horizon=until, steps=1), initial_inventory=0.0)
    simulation = Simulation(still, books, interpreted=interpreted, threads=1)
    simulation.start(seed)
    return [_joined(list(_chunks(simulation, lane, until, levels, interpreted))) for lane in range(books)]


def _chunks(simulation: Simulation, lane: int, until: float, levels: int, interpreted: bool) -> Iterator[Rows]:
    layout, (parameters, stride, _, books, table, *_) = simulation._kernels.layouts[0], simulation._where
    step, rows = 0, ROWS
    while rows == ROWS:
        found = Rows(
            np.empty(ROWS), np.empty((ROWS, 6), np.int64), *(np.zeros((ROWS, 2, levels), np.int64) for _ in range(2))
        )
        given = (layout, parameters, stride, books, table, simulation.seed, lane, step, until, *found)
        rows, step = record_lane(*given) if interpreted else engine.run(record_lane, *given)
        yield Rows(*(column[:rows].copy() for column in found))  # pyright: ignore[reportArgumentType]


def _joined(chunks: list[Rows]) -> Rows:
    return Rows(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))  # pyright: ignore[reportArgumentType]


def record_lane(
    market: Any, parameters: Any, stride: Any, books: Any, table: Any, seed: Any, lane: int, step: int, until: float,
    time: Any, said: Any, prices: Any, sizes: Any,
) -> tuple[int, int]:  # fmt: skip
    """Run the book of a lane until `until`, or until the rows are full: how many were written, and the steps so far."""
    rules = of_lane(load(market, parameters, 0, TILE), parameters, stride, lane // TILE, lane % TILE)
    book, rows, most = books[lane], 0, time.shape[0]
    weights, lots = np.empty(6 + 4 * int(rules.venue.levels)), np.empty(book.volume.shape[0], np.int64)
    own, number = lane_key(seed, lane)
    while book.time < until and rows < most:
        lots[:] = book.volume
        bid, ask = book.best[BID], book.best[ASK]
        clear_counters(book)
        book.told = 0
        rules.venue.run(table, book, weights, (own, number, 0, step), until, 1)
        step += 1
        if book.told > 0:
            rows = _write(book, lots, bid, ask, time, said, prices, sizes, rows, most)
    return rows, step


@routine
def _write(
    book: Any, lots: Any, bid: int, ask: int, time: Any, said: Any, prices: Any, sizes: Any, rows: int, most: int
) -> int:
    """Write the event's messages, one for each price that it traded at, and change `lots` by them: the rows written so far.

    Prices that a market order walks through beyond the last row are left out.
    """
    kind, side, price, left = book.said[0], book.said[1], book.said[2], book.said[3]
    out, mask = 2 * side - 1, lots.shape[0] - 1
    if kind == MARKET:
        price = ask if side == ASK else bid
    while left > 0 and rows < most and (book.edge[side] - price) * out >= 0:
        here = lots[price & mask]
        size = left if kind == LIMIT else min(left, here - (book.said[4] if kind == CANCEL else 0))
        if size > 0:
            lots[price & mask] += size if kind == LIMIT else -size
            time[rows] = book.time
            said[rows, 0], said[rows, 1], said[rows, 2], said[rows, 3] = kind, side, price, size
            said[rows, 4], said[rows, 5] = book.said[4], here
            _write_levels(book, lots, BID, max(bid, price) if side == BID else bid, prices, sizes, rows)
            _write_levels(book, lots, ASK, min(ask, price) if side == ASK else ask, prices, sizes, rows)
            rows += 1
        left = left - size if kind == MARKET else 0
        price += out
    return rows


@routine
def _write_levels(book: Any, lots: Any, side: int, price: int, prices: Any, sizes: Any, row: int) -> None:
    """The nearest prices of a side where lots stand, from `price` on."""
    out, mask, level = 2 * side - 1, lots.shape[0] - 1, 0
    while level < prices.shape[2] and (book.edge[side] - price) * out >= 0:
        if lots[price & mask] > 0:
            prices[row, side, level], sizes[row, side, level] = price, lots[price & mask]
            level += 1
        price += out
