"""Binance's raw websocket log: a line is the time of receipt (ns) and a message, as JSON; plain or gzipped.

The streams are bookTicker (the best quotes), trade and depth differences; a REST snapshot may stand anywhere. Rules:
- Time is that of receipt, which is one clock for all streams; it must not go back. Update ids of a stream must rise.
- Trades of one side that bear the same exchange time (ms) and follow each other are one market order.
- Futures' trades off the book (X is not MARKET) are counted and enter no estimate.
- Quotes are the bookTicker's. A crossed one (ask <= bid) is counted and left out: the one before goes on.
- A ticker may be received before the trade that moved it; so what a trade did to the mid at once is not seen after it.
- The book is rebuilt as in `depth` and compared with the bookTicker of the largest update id that is not after its own.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mm_env.data.depth import DepthBook, Level
from mm_env.data.recording import SECOND, Floats, Quotes, Recording, common_step, market_orders

UNIT = 1e-8  # prices are whole multiples of it
Best = tuple[int, Level, Level]


def read(path: str | Path | Sequence[str | Path]) -> Recording:
    """Read and check one log, or several that follow each other.

    Raises: ValueError that says what is wrong, with file and line, for a path that does not exist, a file that is cut short
    or corrupt, times that go back, and a log without best quotes or trades.
    """
    log = _Log()
    for file in [path] if isinstance(path, str | Path) else path:
        for number, line in enumerate(_lines(Path(file)), 1):
            try:
                log.add(line)
            except (ValueError, KeyError, TypeError) as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                raise ValueError(f"{Path(file).name}, line {number}: {what}") from error
    return log.recording([path] if isinstance(path, str | Path) else path)


class _Log:
    """What has been read so far."""

    def __init__(self) -> None:
        self.time, self.symbol, self.first = -1, "", -1
        self.tickers: list[tuple[float, ...]] = []
        self.trades: list[tuple[float, ...]] = []
        self.ids: list[int] = []
        self.best: list[Best] = []
        self.book, self.counts = DepthBook(), Counter()

    def add(self, line: str) -> None:
        stamp, _, text = line.partition(" ")
        if not stamp.isdecimal() or not text.strip():
            raise ValueError("a line must be a time in ns and a message, and may be cut short")
        if int(stamp) < self.time:
            raise ValueError(f"time must not be before that of the line above, got {stamp} after {self.time}")
        self.time = int(stamp)
        self.first = self.time if self.first < 0 else self.first
        message = _parsed(text)
        if "lastUpdateId" in message:
            self.counts["snapshots"] += 1
            self.best += self.book.snapshot(message)
            return
        stream, data = message["stream"].partition("@")[2].partition("@")[0], message["data"]
        self.symbol = self.symbol or data["s"]
        if data["s"] != self.symbol:
            raise ValueError(f"a log must be of one symbol, got {data['s']} after {self.symbol}")
        self.counts[stream] += 1
        getattr(self, f"_{stream}", lambda data: None)(data)

    def _bookTicker(self, data: dict[str, Any]) -> None:
        if self.ids and data["u"] <= self.ids[-1]:
            raise ValueError(f"the bookTicker's update id must rise, got {data['u']} after {self.ids[-1]}")
        self.ids.append(data["u"])
        self.tickers.append((self.time, *(_positive(data, key) for key in ("b", "B", "a", "A"))))

    def _trade(self, data: dict[str, Any]) -> None:
        if data.get("X", "MARKET") != "MARKET":
            self.counts["trades off the book"] += 1
            return
        side = -1.0 if data["m"] else 1.0  # the buyer made the price, so the seller came to him
        self.trades.append((self.time, data["T"], side, _positive(data, "q"), _positive(data, "p")))

    def _depth(self, data: dict[str, Any]) -> None:
        self.best += self.book.difference(data)

    def recording(self, paths: Any) -> Recording:
        """All of it as a Recording."""
        if not self.tickers or not self.trades:
            missing = "bookTicker" if not self.tickers else "trade"
            raise ValueError(
                f"a Binance log must hold bookTicker and trade messages, got no {missing} in {_names(paths)}"
            )
        tickers, trades = np.array(self.tickers), np.array(self.trades)
        times = np.array([row[0] for row in self.tickers], np.int64) - self.first
        bid, ask, price = (_units(column) for column in (tickers[:, 1], tickers[:, 3], trades[:, 4]))
        usable, step = ask > bid, common_step(np.r_[bid, ask, price])
        orders = market_orders(
            trades[:, 1].astype(np.int64), trades[:, 2].astype(np.int64), trades[:, 3], price // step
        )
        return Recording(
            instrument=self.symbol,
            day=datetime.fromtimestamp(self.first / SECOND, UTC).date().isoformat(),
            source="Binance",
            tick=step * UNIT,
            length=self.time - self.first,
            quotes=Quotes(
                times[usable], bid[usable] // step, ask[usable] // step, tickers[usable, 2], tickers[usable, 4]
            ),
            orders=self._received(orders, trades),
            counts={"lines": sum(self.counts.values()), **self.counts, "crossed tickers": int((~usable).sum())},
            checks=self._checks(),
        )

    def _received(self, orders: Any, trades: Floats) -> Any:
        """The market orders with the time when their first trade was received, in place of the exchange's."""
        received = np.array([row[0] for row in self.trades], np.int64) - self.first
        first = np.r_[True, (np.diff(trades[:, 1]) != 0) | (np.diff(trades[:, 2]) != 0)]
        return replace(orders, time=received[first])

    def _checks(self) -> dict[str, int]:
        ids = np.array(self.ids)
        place = np.searchsorted(ids, [u for u, _, _ in self.best], side="right") - 1
        pairs = [(self.tickers[i], bid, ask) for i, (_, bid, ask) in zip(place, self.best, strict=True) if i >= 0]
        return {
            "rebuilt books": len(pairs),
            "best prices that differ": sum((row[1], row[3]) != (bid[0], ask[0]) for row, bid, ask in pairs),
            "best prices or sizes that differ": sum(row[1:] != (*bid, *ask) for row, bid, ask in pairs),
            "differences applied": self.book.applied,
            "differences older than the snapshot": self.book.dropped,
            "differences without a book": self.book.waiting,
            "breaks in the sequence": self.book.gaps,
        }


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise ValueError(f"path must name a Binance log, got {path}, which is no file")
    if not path.stat().st_size:
        raise ValueError(f"{path.name} must hold messages, got an empty file")
    with path.open("rb") as start:
        zipped = start.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rt", encoding="utf-8") if zipped else path.open(encoding="utf-8") as file:
            yield from file
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no whole log: {error}") from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"a message must be JSON, and may be cut short: {error}") from error


def _positive(data: dict[str, Any], key: str) -> float:
    number = float(data[key])
    if not 0.0 < number < float("inf"):
        raise ValueError(f"{key} must be a number > 0, got {data[key]}")
    return number


def _units(prices: Floats) -> Any:
    return np.rint(prices / UNIT).astype(np.int64)


def _names(paths: Any) -> str:
    return ", ".join(Path(path).name for path in paths) or "no file"
