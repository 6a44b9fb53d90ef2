"""A Recording written in an exchange's format: LOBSTER's, Tardis's, Databento's, or a table with our own names.

A recording shows so many prices a side. Where one comes into view or goes out of it without a message, a line of a snapshot
says so in Databento's and our own form; Tardis's has no such line within a day, and there it is a change like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from mm_env.core.extras import require
from mm_env.data.archive import DAY
from mm_env.data.events import EXECUTED, HIDDEN, KINDS, NEW, PARTIAL, SHOWN, Events, events
from mm_env.data.prices import UNIT
from mm_env.data.recording import SECOND, Messages, Recording

DELETE, CROSS = 3, 6
FILE_UNIT, EMPTY = 1e-4, 9_999_999_999  # LOBSTER's price unit, in dollars, and the price of a level that does not exist
SNAPSHOT, UNNUMBERED = 32, 1 << 62
WORDS = {kind: word for word, kind in KINDS.items()}


def to_lobster(recording: Recording, folder: str | Path) -> tuple[Path, Path]:
    """The message and orderbook CSV of a recording with single messages, written to a folder.

    As in LOBSTER's files, a message that changes none of the levels shown is left out.

    Raises: ValueError where prices are no whole ten-thousandths, sizes not whole, or a row follows from no message.
    """
    messages, pl = _messages(recording), _polars()
    first = int(np.argmax(messages.kind > 0))
    if (messages.kind[first:] == 0).any():
        raise ValueError("LOBSTER's format has no line for a book that starts anew within the day, as this one does")
    unit, rows = _whole("prices in 1e-4", recording.tick / FILE_UNIT), np.flatnonzero(changes_view(messages, first))
    stamp = messages.time[rows] + recording.began
    seconds = [f"{t // SECOND}.{t % SECOND:09d}" for t in stamp.tolist()]
    table = pl.DataFrame({
        "time": seconds, "type": messages.kind[rows], "order": messages.order[rows],
        "size": _whole_sizes(messages.size[rows]), "price": messages.price[rows] * unit, "direction": messages.side[rows],
    })  # fmt: skip
    levels = messages.bids.shape[1]
    both = ((messages.asks, messages.ask_sizes, EMPTY), (messages.bids, messages.bid_sizes, -EMPTY))
    book = {
        f"{side}{level}{what}": column
        for level in range(levels)
        for side, (prices, sizes, empty) in enumerate(both)
        for what, column in (
            ("price", np.where(prices[rows, level] > 0, prices[rows, level] * unit, empty)),
            ("size", _whole_sizes(sizes[rows, level])),
        )
    }
    end = -(-(recording.began + recording.length) // 10**6)
    stem = f"{recording.instrument}_{recording.day}_{int(stamp[0]) // 10**6}_{end}"
    paths = tuple(Path(folder) / f"{stem}_{kind}_{levels}.csv" for kind in ("message", "orderbook"))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for path, frame in zip(paths, (table, pl.DataFrame(book))):
        frame.write_csv(path, include_header=False)
    return paths[0], paths[1]


def changes_view(messages: Messages, first: int = 0) -> Any:
    """(n,) which messages from `first` on change a level that is shown, or are of a kind that changes none."""
    columns = (messages.bids, messages.asks, messages.bid_sizes, messages.ask_sizes)
    changed = np.logical_or.reduce([(column[1:] != column[:-1]).any(axis=1) for column in columns])
    kept = np.r_[True, changed | (messages.kind[1:] > EXECUTED)]
    kept[:first] = False
    return kept


def to_generic(recording: Recording, path: str | Path) -> Path:
    """A table with the columns time, event, side, price, size, order: Parquet where the name ends so, else CSV."""
    found, path = events_of(recording), Path(path)
    frame = _polars().DataFrame({
        "time": found.time, "event": [WORDS.get(kind, "shown") for kind in found.kind.tolist()],
        "side": np.where(found.side > 0, "buy", "sell"), "price": _decimals(found.price), "size": found.size,
        "order": found.order,
    })  # fmt: skip
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


def to_tardis(recording: Recording, folder: str | Path, exchange: str = "export") -> tuple[Path, Path]:
    """incremental_book_L2 and trades (visible executions) of a recording with single messages, in a folder. Times are in us."""
    found, pl, symbol = events_of(recording, first=False), _polars(), recording.instrument
    level, snapshot = _levels(found), _opening(found)
    book, traded = np.isin(found.kind, (NEW, PARTIAL, DELETE, EXECUTED, SHOWN)), found.kind == EXECUTED
    us, side = found.time // 1000, np.where(found.side > 0, "bid", "ask")
    frames = (
        pl.DataFrame({
            "exchange": exchange, "symbol": symbol, "timestamp": us[book], "local_timestamp": us[book],
            "is_snapshot": snapshot[book], "side": side[book], "price": _decimals(found.price[book]), "amount": level[book],
        }),
        pl.DataFrame({
            "exchange": exchange, "symbol": symbol, "timestamp": us[traded], "local_timestamp": us[traded],
            "id": np.arange(int(traded.sum())), "side": np.where(found.side[traded] > 0, "sell", "buy"),
            "price": _decimals(found.price[traded]), "amount": found.size[traded],
        }),
    )  # fmt: skip
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = [
        Path(folder) / f"{exchange}_{kind}_{recording.day}_{symbol}.csv" for kind in ("incremental_book_L2", "trades")
    ]
    for path, frame in zip(paths, frames):
        frame.write_csv(path)
    return paths[0], paths[1]


def to_databento(recording: Recording, path: str | Path, publisher: int = 2, instrument: int = 1) -> Path:
    """Market by order as CSV, prices as decimals and times as ISO 8601, as databento writes them."""
    pl, rows = _polars(), list(_actions(events_of(recording, first=False)))
    time, action, side, price, size, order, flags = (list(column) for column in zip(*rows, strict=True))
    stamp = pl.Series(time).cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")
    frame = pl.DataFrame({
        "ts_recv": stamp, "ts_event": stamp, "rtype": 160, "publisher_id": publisher, "instrument_id": instrument,
        "action": action, "side": side, "price": _decimals(np.array(price)), "size": _whole_sizes(np.array(size)),
        "channel_id": 0, "order_id": order, "flags": flags, "ts_in_delta": 0, "sequence": np.arange(len(time)),
        "symbol": recording.instrument,
    })  # fmt: skip
    frame.write_csv(path)
    return Path(path)


def events_of(recording: Recording, first: bool = True) -> Events:
    """The messages as events, times since the epoch: each followed by what came into view or went out of it with it.

    The book after the first message is shown, with or without that message itself before it."""
    messages, unit = _messages(recording), round(recording.tick / UNIT)
    if len(recording.cuts):
        raise ValueError("a recording with halts, or of several days, is not exported: their length is not in it")
    start = (date.fromisoformat(recording.day) - date(1970, 1, 1)).days * DAY + recording.began
    time, kind, side, size, price, order = (list(column) for column in zip(*_told(messages, first), strict=True))
    columns = [np.array(time) + start, *map(np.array, (kind, side, size)), np.array(price) * unit, np.array(order)]
    return events(*columns)


def _told(messages: Messages, first: bool) -> Iterator[tuple[Any, ...]]:
    """(time, kind, side, size, price, order) of each message, and of what is seen anew after it."""
    book: dict[int, dict[int, float]] = {1: {}, -1: {}}
    columns = (messages.time, messages.kind, messages.side, messages.size, messages.price, messages.order)
    views = {
        side: (prices.tolist(), sizes.tolist())
        for side, prices, sizes in (
            (1, messages.bids, messages.bid_sizes),
            (-1, messages.asks, messages.ask_sizes),
        )
    }
    for i, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        time, kind, side, size, price, _ = row
        if kind > 0 and (i or first):
            yield row
        if NEW <= kind <= EXECUTED and (i or first):
            held = book[side]
            held[price] = held.get(price, 0.0) + (size if kind == NEW else -size)
            if held[price] <= 0.0:
                del held[price]
        for way in (1, -1):
            view = {p: s for p, s in zip(views[way][0][i], views[way][1][i]) if s > 0.0}
            for shown in [p for p in (*view, *(book[way].keys() - view.keys())) if book[way].get(p) != view.get(p)]:
                yield time, SHOWN, way, view.get(shown, 0.0), shown, 0
            book[way] = view


def _opening(found: Events) -> Any:
    """(n,) whether an event says how the book was at first: what is shown before any message."""
    return np.cumsum(found.kind != SHOWN) == 0


def _levels(found: Events) -> Any:
    """The size at each event's price after it, (n,)."""
    book: dict[tuple[int, int], float] = {}
    after = np.zeros(len(found.time))
    for i, (kind, side, size, price) in enumerate(zip(*(column.tolist() for column in found[1:5]), strict=True)):
        key = (side, price)
        if kind == SHOWN:
            book[key] = size
        elif NEW <= kind <= EXECUTED:
            book[key] = max(book.get(key, 0.0) + (size if kind == NEW else -size), 0.0)
        after[i] = book.get(key, 0.0)
    return after


def _actions(found: Events) -> Iterator[tuple[Any, ...]]:
    """(time, action, side, price, size, order, flags) of Databento's records."""
    level, number, before, seen = _levels(found), UNNUMBERED, np.zeros(len(found.time)), {}
    for i, (side, price, after) in enumerate(zip(found.side.tolist(), found.price.tolist(), level.tolist())):
        before[i], seen[side, price] = seen.get((side, price), 0.0), after
    yield int(found.time[0]), "R", "N", 0, 0, 0, SNAPSHOT
    for i, (time, kind, way, size, price, order) in enumerate(zip(*(column.tolist() for column in found), strict=True)):
        side, other = ("B", "A") if way > 0 else ("A", "B")
        if kind == SHOWN:
            change, number = level[i] - before[i], number + 1
            yield time, "A" if change > 0 else "C", side, price, abs(change), number, SNAPSHOT
        elif kind == NEW:
            yield time, "A", side, price, size, order, 0
        elif kind in (PARTIAL, DELETE):
            yield time, "C", side, price, size, order, 0
        elif kind == EXECUTED:
            yield time, "T", other, price, size, 0, 0
            yield time, "F", side, price, size, order, 0
            yield time, "C", side, price, size, order, 0
        elif kind == HIDDEN:
            yield time, "T", "N", price, size, 0, 0


def _messages(recording: Recording) -> Messages:
    if recording.messages is None:
        raise ValueError(f"only single messages are exported, and {recording.source} does not record them")
    return recording.messages


def _whole(what: str, number: float) -> int:
    if abs(number - round(number)) > 1e-6 or round(number) < 1:
        raise ValueError(f"LOBSTER's format needs whole {what}, got a tick of {number:g} of them")
    return round(number)


def _whole_sizes(sizes: Any) -> Any:
    if (np.abs(sizes - np.rint(sizes)) > 1e-9).any():
        raise ValueError(f"this format needs whole sizes, got {sizes[np.abs(sizes - np.rint(sizes)) > 1e-9][0]}")
    return np.rint(sizes).astype(np.int64)


def _decimals(prices: Any) -> list[str]:
    """Prices in 1e-8 as decimal texts."""
    return [f"{p // 10**8}.{p % 10**8:08d}".rstrip("0").rstrip(".") for p in prices.tolist()]


def _polars() -> Any:
    require("writing recorded days", "data", "polars")
    import polars

    return polars
