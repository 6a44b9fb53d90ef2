"""Tardis's downloadable CSV files (docs.tardis.dev/downloadable-csv-files/data-types): incremental_book_L2, book_snapshot_25
(or 5), quotes and trades of one exchange, symbol and day, gzipped or not.

- Time is `local_timestamp` (us), that of receipt, one clock for all files; it must not go back.
- incremental_book_L2: `amount` is the queue at `price` now, 0 removes it. A block of is_snapshot=true lines starts the book
  anew. Each other line is a message: what joined a queue, or left it. What left was executed as far as trades of that price
  say so that were received no more than a second before, and cancelled else.
- book_snapshot_N and quotes give quotes, but no single messages: a market can be calibrated to them, not replayed.
- trades: `side` is the aggressor's; lines of unknown side are counted and passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mm_env.data.archive import Archive
from mm_env.data.events import CLEAR, LEVEL, SHOWN, TRADE, Events, events, merged, part
from mm_env.data.recording import Ints
from mm_env.data.stamps import UNITS, Rising
from mm_env.data.tables import WHOLE, Chunk, tables

BOOK = ("exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount")
TRADES = ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")
QUOTES = ("exchange", "symbol", "timestamp", "local_timestamp", "ask_amount", "ask_price", "bid_price", "bid_amount")
SNAPSHOT = ("exchange", "symbol", "timestamp", "local_timestamp", "asks[0].price", "asks[0].amount", "bids[0].price")
UNKNOWN = "trades of unknown side"
TAKEN = "Tardis's incremental_book_L2, book_snapshot_25 or 5, quotes and trades"
SIDES = {"bid": 1, "ask": -1}
AGGRESSORS = {"buy": 1, "sell": -1, "unknown": 0}


def kind_of(columns: list[str]) -> str:
    """Which of Tardis's tables has these columns; nothing for another."""
    named = {"incremental_book_L2": BOOK, "trades": TRADES, "quotes": QUOTES, "book_snapshot": SNAPSHOT}
    return next((name for name, wanted in named.items() if set(wanted) <= set(columns)), "")


def archive(files: dict[str, list[Path]], symbol: str, source: str = "Tardis") -> Archive:
    """The day of one symbol: kind of table -> its files in their order.

    Raises: ValueError without a table of the book or of quotes.
    """
    passed = {UNKNOWN: 0}
    book = next((kind for kind in ("incremental_book_L2", "book_snapshot", "quotes") if kind in files), None)
    if book is None:
        raise ValueError(
            f"{source}: {symbol} must have incremental_book_L2, book_snapshot or quotes beside its trades, got none"
        )

    def stream() -> Iterator[Events]:
        passed[UNKNOWN] = 0
        read = {"incremental_book_L2": _book, "book_snapshot": _snapshots, "quotes": _quotes}[book]
        sources = [_trades(files["trades"], passed)] if "trades" in files else []
        return merged(*sources, read(files[book]))

    notes = () if "trades" in files else ("There is no file of trades: nothing was executed that is known",)
    return Archive(symbol, source, stream, notes=notes, passed=passed)


def _book(files: list[Path]) -> Iterator[Events]:
    in_snapshot = False
    for chunk, time in _chunks(files, BOOK):
        snapshot = chunk.flags("is_snapshot")
        starts = snapshot & ~np.r_[in_snapshot, snapshot[:-1]]
        in_snapshot = bool(snapshot[-1])
        kind, side = np.where(snapshot, SHOWN, LEVEL), chunk.coded("side", SIDES)
        found = events(time, kind, side, chunk.sizes("amount"), chunk.prices("price"))
        yield with_clears(found, np.flatnonzero(starts))


def _snapshots(files: list[Path]) -> Iterator[Events]:
    for chunk, time in _chunks(files, SNAPSHOT):
        names = [column for column in chunk.frame.columns if column.endswith(".price")]
        price = np.column_stack([_blank_as_zero(chunk, name).prices(name) for name in names])
        size = np.column_stack([_blank_as_zero(chunk, n).sizes(n) for n in (name[:-5] + "amount" for name in names)])
        side = np.tile([1 if name.startswith("bids") else -1 for name in names], (len(time), 1))
        yield from shown(time, side, price, size)


def _quotes(files: list[Path]) -> Iterator[Events]:
    for chunk, time in _chunks(files, QUOTES):
        price = np.column_stack([_blank_as_zero(chunk, n).prices(n) for n in ("bid_price", "ask_price")])
        size = np.column_stack([_blank_as_zero(chunk, n).sizes(n) for n in ("bid_amount", "ask_amount")])
        yield from shown(time, np.tile([1, -1], (len(time), 1)), price, size)


def _trades(files: list[Path], passed: dict[str, int]) -> Iterator[Events]:
    for chunk, time in _chunks(files, TRADES):
        side = chunk.coded("side", AGGRESSORS)
        passed[UNKNOWN] += int((side == 0).sum())
        found = events(time, np.full(len(time), TRADE), side, chunk.sizes("amount"), chunk.prices("price"))
        yield part(found, side != 0)


def _chunks(files: list[Path], columns: tuple[str, ...]) -> Iterator[tuple[Chunk, Ints]]:
    rising = Rising()
    for file in files:
        for chunk in tables(file, columns):
            time = chunk.column("local_timestamp", WHOLE) * UNITS["us"]
            yield chunk, rising.check(chunk, "local_timestamp", time)


def _blank_as_zero(chunk: Chunk, column: str) -> Chunk:
    """A level that does not exist is an empty cell."""
    return Chunk(chunk.name, chunk.first, chunk.frame.select(column).fill_null("0"))


def with_clears(found: Events, starts: Ints) -> Events:
    """The events with a CLEAR before each of some rows."""
    if not len(starts):
        return found
    time = found.time[starts]
    filled: list[Any] = [np.insert(column, starts, 0) for column in found]
    places = starts + np.arange(len(starts))
    filled[0][places], filled[1][places], filled[2][places] = time, CLEAR, 1
    return Events(*filled)


def shown(time: Ints, side: Ints, price: Ints, size: np.ndarray) -> Iterator[Events]:
    """Whole books, (n, levels) each, as events: a CLEAR and what is there."""
    n, levels = price.shape
    found = events(np.repeat(time, levels), np.full(n * levels, SHOWN), side.ravel(), size.ravel(), price.ravel())
    whole = with_clears(found, np.arange(0, n * levels, levels))
    yield part(whole, (whole.kind == CLEAR) | ((whole.size > 0) & (whole.price > 0)))
