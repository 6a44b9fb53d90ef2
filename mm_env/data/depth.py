"""Binance's order book rebuilt from a snapshot and the differences that follow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Level = tuple[float, float]  # price, size


@dataclass
class DepthBook:
    """The procedure of Binance's documentation ("How to manage a local order book correctly").

    Differences that arrive before the snapshot are buffered; those with u <= lastUpdateId are dropped, and the first that
    is applied must overlap it. Each later one must follow the one before: `pu` (futures) is its u, or U (spot) is its u + 1.
    Where one is missing the book is no longer known, until the next snapshot.

    A snapshot holds a limited number of levels a side; what lies beyond is unknown until a difference names it.
    """

    bids: dict[float, float] = field(default_factory=dict)
    asks: dict[float, float] = field(default_factory=dict)
    known: bool = False
    applied: int = 0  # differences
    dropped: int = 0  # older than the snapshot
    gaps: int = 0  # breaks in the sequence
    _last: int | None = None  # the u up to which the book is known
    _fresh: bool = False  # no difference applied since the snapshot
    _buffer: list[dict[str, Any]] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """How many differences wait for a snapshot."""
        return len(self._buffer)

    def snapshot(self, message: dict[str, Any]) -> list[tuple[int, Level, Level]]:
        """Start from a snapshot: (u, best bid, best ask) after each buffered difference that goes on from it."""
        self.bids, self.asks = _levels(message["bids"]), _levels(message["asks"])
        self._last, self.known, self._fresh = message["lastUpdateId"], True, True
        waiting, self._buffer = self._buffer, []
        return [seen for difference in waiting for seen in self.difference(difference)]

    def difference(self, message: dict[str, Any]) -> list[tuple[int, Level, Level]]:
        """Apply one difference: [(u, best bid, best ask)] after it, or [] where there is no book to apply it to."""
        if not self.known or self._last is None:
            self._buffer.append(message)
            return []
        if message["u"] <= self._last:
            self.dropped += 1
            return []
        if not self._follows(message, self._last):
            self.gaps += 1
            self.known, self._buffer = False, [message]
            return []
        for side, changes in ((self.bids, message["b"]), (self.asks, message["a"])):
            for price, size in _levels(changes).items():
                side[price] = size
                if size == 0.0:
                    del side[price]
        self._last, self._fresh, self.applied = message["u"], False, self.applied + 1
        return [self._best(message["u"])] if self.bids and self.asks else []

    def _follows(self, message: dict[str, Any], last: int) -> bool:
        if self._fresh:
            return message["U"] <= last + 1
        return message.get("pu", message["U"] - 1) == last

    def _best(self, u: int) -> tuple[int, Level, Level]:
        bid, ask = max(self.bids), min(self.asks)
        return u, (bid, self.bids[bid]), (ask, self.asks[ask])


def _levels(pairs: Any) -> dict[float, float]:
    levels = {float(price): float(size) for price, size in pairs}
    for price, size in levels.items():
        if not (0.0 < price < float("inf") and 0.0 <= size < float("inf")):
            raise ValueError(f"a level must have a price > 0 and a size >= 0, got {price} and {size}")
    return levels
