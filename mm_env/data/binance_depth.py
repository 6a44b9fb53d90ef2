"""The single messages in Binance's raw log: what its snapshot and depth differences say of each price, and its trades.

A difference (each 100 ms on spot, or as the stream has it) tells what queues became, not what happened within it: an order that
came and went between two of them is in none. What left a queue was executed as far as trades at its price, received within a
second before, say so. A break in the sequence empties the book until the next snapshot. A day whose logs hold no snapshot goes
on from the book that the logs before it left, where they are given too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mm_env.data.archive import Archive
from mm_env.data.binance_log import NANOSECONDS
from mm_env.data.depth import DepthBook, Difference, levels
from mm_env.data.events import CLEAR, LEVEL, SHOWN, TRADE, Events, events
from mm_env.data.lines import pieces
from mm_env.data.prices import units

CHUNK = 1 << 17  # events
Row = tuple[int, int, float, int]  # kind, side, size, price


def archive(files: list[Path], symbol: str, before: Sequence[Path] = ()) -> Archive:
    """The day of one symbol, in logs that follow each other, and follow those of the days `before`."""
    return Archive(symbol, "Binance", lambda: _stream(files, before))


def has_snapshot(files: Sequence[Path]) -> bool:
    """Whether a snapshot stands anywhere in logs."""
    return any(b"lastUpdateId" in piece for _, _, piece in pieces(files))


class _Book(DepthBook):
    """Keeps what was applied."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Row] = []

    def shown(self) -> list[Row]:
        """The whole book."""
        sides = ((1, self.bids), (-1, self.asks))
        rows = [(SHOWN, side, size, price) for side, levels in sides for price, size in levels.levels.items()]
        return [(CLEAR, 1, 0.0, 0), *rows]

    def snapshot(self, message: dict[str, Any]) -> list[Any]:
        if not (self.known and message["lastUpdateId"] < self._last):
            self.told.append((CLEAR, 1, 0.0, 0))
            for side, name in ((1, "bids"), (-1, "asks")):
                self.told += [(SHOWN, side, size, price) for price, size in levels(message[name]).items()]
        return super().snapshot(message)

    def _apply(self, found: Difference) -> list[Any]:
        applied, known = self.applied, self.known
        seen = super()._apply(found)
        if self.applied > applied:
            for side, changes in ((1, found.bids), (-1, found.asks)):
                self.told += [(LEVEL, side, size, price) for price, size in changes.items()]
        elif known and not self.known:
            self.told.append((CLEAR, 1, 0.0, 0))
        return seen


def _stream(files: list[Path], before: Sequence[Path]) -> Iterator[Events]:
    book, found, ever = _Book(), [], False
    for _ in _rows(book, before):
        pass
    kept = book.shown() if book.known else []
    for time, rows in _rows(book, files):
        found += [(time, *row) for row in (*kept, *rows)]
        kept = []
        ever |= book.known and any(row[0] != TRADE for row in rows)
        if len(found) >= CHUNK:
            yield _events(found)
            found = []
    if not ever:
        raise ValueError(
            f"{files[0].name}: no snapshot tells what the depth differences change, and they do not go on from a log that is "
            "given with it: give the log before it too"
        )
    if found:
        yield _events(found)


def _rows(book: _Book, files: Sequence[Path]) -> Iterator[tuple[int, list[Row]]]:
    """(time of receipt, what it says) of each message, which changes the book."""
    for file, line, piece in pieces(files):
        for number, text in enumerate(piece.splitlines()):
            if b"bookTicker" in text or b"{" not in text:
                continue
            try:
                stamp, _, message = text.partition(b" ")
                yield int(stamp) * NANOSECONDS[len(stamp)], _told(book, json.loads(message))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{file.name}, line {line + number}: {error}") from error


def _told(book: _Book, message: dict[str, Any]) -> list[Row]:
    data = message.get("data", message)
    book.told = []
    if "lastUpdateId" in data:
        book.snapshot(data)
    elif data.get("e") == "depthUpdate":
        book.difference(data)
    elif data.get("e") == "trade" and data.get("X", "MARKET") == "MARKET":
        return [(TRADE, -1 if data["m"] else 1, float(data["q"]), units(data["p"]))]
    return book.told


def _events(found: list[tuple[Any, ...]]) -> Events:
    time, kind, side, size, price = (np.array(column) for column in zip(*found, strict=True))
    return events(time, kind, side, size, price)
