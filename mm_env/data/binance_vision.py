"""Binance's archives (data.binance.vision): bookTicker and trades or aggTrades of one symbol and day, CSV, in zips or not.

- Times are the exchange's, in ms or us (spot since 2025), told by their digits. Headings are there in futures' files and not in
  spot's; columns are told by their number and kinds where there are none.
- bookTicker gives the quotes, each from its transaction_time. A line whose update id or time is before one that came is counted
  and passed over. trades or aggTrades give market orders: is_buyer_maker says that the seller was the aggressor.
- These archives hold no single messages of the book: a market can be calibrated to them, not replayed.
- bookDepth is no book, but the depth within 1, 2, ... 5 % of the mid every half minute: `bands` reads it.
- The symbol is not in the files: it is that of their names, SYMBOL-bookTicker-DATE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mm_env.data.archive import Archive
from mm_env.data.events import TRADE, Events, events, merged
from mm_env.data.first_line import first_line
from mm_env.data.recording import Floats, Ints
from mm_env.data.stamps import Rising, stamps
from mm_env.data.tables import REAL, WHOLE, Chunk, tables
from mm_env.data.tardis import shown

TICKER = (
    "update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty", "transaction_time", "event_time",
)  # fmt: skip
AGGREGATES = (
    "agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker",
)  # fmt: skip
TRADES = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")
DEPTH = ("timestamp", "percentage", "depth", "notional")
BEST = "is_best_match"  # spot's last column
OUT_OF_TURN = "tickers out of turn"
TAKEN = "Binance Vision's bookTicker, trades, aggTrades and bookDepth"
_NUMBER, _FLAG = r"\d+(\.\d+)?", r"(true|false)"
SPOT = {  # lines without headings
    "aggTrades": rf"\d+,{_NUMBER},{_NUMBER},\d+,\d+,\d+,{_FLAG}(,{_FLAG})?$",
    "trades": rf"\d+,{_NUMBER},{_NUMBER},{_NUMBER},\d+,{_FLAG}(,{_FLAG})?$",
}


def kind_of(line: str) -> str:
    """Which of the archive's tables begins with this line; nothing for another."""
    for name, columns in (("bookTicker", TICKER), ("aggTrades", AGGREGATES), ("trades", TRADES), ("bookDepth", DEPTH)):
        if line.lower().startswith(",".join(columns)):
            return name
    return next((name for name, pattern in SPOT.items() if re.match(pattern, line, re.IGNORECASE)), "")


def symbol_of(path: Path) -> str:
    """The symbol in a file's name."""
    found = re.match(r"([A-Za-z0-9_]+)-", path.name)
    return found[1].upper() if found else path.name.split(".")[0].upper()


class Bands(NamedTuple):
    """bookDepth: what stands within a percentage of the mid, bids below 0 and asks above."""

    time: Ints  # (n,) ns
    percentage: Floats  # (n,)
    depth: Floats  # (n,) units of the instrument, up to there
    notional: Floats  # (n,) in the quote currency


def bands(path: Path) -> Bands:
    """The lines of a bookDepth table."""
    chunks = [
        (stamps(chunk, "timestamp"), *(chunk.column(column, REAL) for column in DEPTH[1:]))
        for chunk in tables(path, DEPTH)
    ]
    return Bands(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))


def archive(files: dict[str, list[Path]], symbol: str) -> Archive:
    """The day of one symbol: kind of table -> its files in their order. Raises: ValueError without bookTicker."""
    if "bookTicker" not in files:
        raise ValueError(
            f"Binance Vision: {symbol} must have a bookTicker table, which alone gives its quotes, got {', '.join(files)}"
        )
    passed = {OUT_OF_TURN: 0}
    traded = next((kind for kind in ("trades", "aggTrades") if kind in files), None)

    def stream() -> Iterator[Events]:
        passed[OUT_OF_TURN] = 0
        sources = [_trades(files[traded], traded)] if traded else []
        return merged(*sources, _tickers(files["bookTicker"], passed))

    notes = () if traded else ("There is no table of trades: nothing is known of market orders",)
    return Archive(symbol, "Binance Vision", stream, notes=notes, passed=passed)


def first_time(file: Path, kind: str) -> int:
    """The first time in a table, ns since the epoch."""
    column = {"bookTicker": "transaction_time", "aggTrades": "transact_time", "trades": "time"}[kind]
    names = {"bookTicker": TICKER, "aggTrades": AGGREGATES, "trades": TRADES}[kind]
    chunk = next(tables(file, TICKER) if kind == "bookTicker" else _table(file, names))
    return int(stamps(chunk, column)[0])


def _tickers(files: list[Path], passed: dict[str, int]) -> Iterator[Events]:
    latest_id, latest = -1, -1
    for file in files:
        for chunk in tables(file, TICKER):
            number, time = chunk.column("update_id", WHOLE), stamps(chunk, "transaction_time")
            kept = (number > np.maximum.accumulate(np.r_[latest_id, number[:-1]])) & (
                time >= np.maximum.accumulate(np.r_[latest, time[:-1]])
            )
            passed[OUT_OF_TURN] += int((~kept).sum())
            latest_id, latest = max(latest_id, int(number.max())), max(latest, int(time.max()))
            price = np.column_stack([chunk.prices(f"best_{side}_price") for side in ("bid", "ask")])[kept]
            size = np.column_stack([chunk.sizes(f"best_{side}_qty") for side in ("bid", "ask")])[kept]
            if kept.any():
                yield from shown(time[kept], np.tile([1, -1], (int(kept.sum()), 1)), price, size)


def _trades(files: list[Path], kind: str) -> Iterator[Events]:
    names = AGGREGATES if kind == "aggTrades" else TRADES
    amount, stamp = ("quantity", "transact_time") if kind == "aggTrades" else ("qty", "time")
    rising = Rising()
    for file in files:
        for chunk in _table(file, names):
            time = rising.check(chunk, stamp, stamps(chunk, stamp))
            side = np.where(chunk.flags("is_buyer_maker"), -1, 1)
            yield events(time, np.full(len(time), TRADE), side, chunk.sizes(amount), chunk.prices("price"))


def _table(file: Path, names: tuple[str, ...]) -> Iterator[Chunk]:
    """A table of trades, with headings or without."""
    line = first_line(file)
    if line.lower().startswith(names[0]):
        return tables(file, names)
    return tables(file, (*names, BEST) if line.count(",") == len(names) else names, headings=False)
