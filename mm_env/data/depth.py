"""Binance's order book rebuilt from a snapshot and the differences that follow it."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from math import gcd
from typing import Any, NamedTuple

from mm_env.data.prices import units

INFINITY = float("inf")
BUFFERED = 10_000  # differences that wait for a snapshot: more than come while one is asked for


class Best(NamedTuple):
    """The best prices of a book after a difference."""

    u: int  # the difference's last update id
    bid: int  # in 1e-8
    bid_size: float
    ask: int
    ask_size: float


class Difference(NamedTuple):
    """What happened after one update id, up to another."""

    after: int
    u: int
    bids: dict[int, float]
    asks: dict[int, float]

    @staticmethod
    def of(message: dict[str, Any]) -> Difference:
        after = message["pu"] if "pu" in message else message["U"] - 1
        return Difference(after, message["u"], levels(message["b"]), levels(message["a"]))


class Side:
    """Sizes by price, and which price is the best: a heap of those that came, in which the ones that left stay until seen."""

    def __init__(self, levels: dict[int, float], sign: int) -> None:
        self.levels, self._sign = levels, sign  # -1 where the highest is the best
        self._sort()

    def _sort(self) -> None:
        self._heap = [self._sign * price for price in self.levels]
        heapify(self._heap)

    def change(self, changes: dict[int, float]) -> None:
        """Let these prices hold these sizes; none if 0."""
        levels = self.levels
        for price, size in changes.items():
            if size == 0.0:
                levels.pop(price, None)
            else:
                if price not in levels:
                    heappush(self._heap, self._sign * price)
                levels[price] = size
        if len(self._heap) > 2 * len(levels) + 1000:
            self._sort()

    def best(self) -> int:
        """The best price of a side that is not empty."""
        while self._sign * self._heap[0] not in self.levels:
            heappop(self._heap)
        return self._sign * self._heap[0]


class DepthBook:
    """The procedure of Binance's documentation ("How to manage a local order book correctly").

    A difference says what happened after `pu` (futures) or U - 1 (spot), up to its u. Those that arrive before a snapshot are
    buffered; those with u <= the book's id are passed over; one that starts after the book's id shows that another is
    missing: the book is no longer known then, until the next snapshot. A snapshot older than the book is passed over.

    A snapshot holds a limited number of levels a side; what lies beyond is unknown until a difference names it.
    """

    def __init__(self) -> None:
        self.bids, self.asks = Side({}, -1), Side({}, 1)
        self.known = False
        self.applied = 0  # differences
        self.dropped = 0  # differences older than the snapshot
        self.repeated = 0  # differences that came before
        self.gaps = 0  # breaks in the sequence
        self.outdated = 0  # snapshots older than the book
        self.step = 0  # the largest that all prices are multiples of, in 1e-8
        self._last = -1  # the u up to which the book is known
        self._fresh = False  # no difference applied since the snapshot
        self._buffer: deque[Difference] = deque(maxlen=BUFFERED)
        self._lost = 0  # differences that waited in vain

    @property
    def waiting(self) -> int:
        """How many differences wait for a snapshot, or waited in vain."""
        return self._lost + len(self._buffer)

    def snapshot(self, message: dict[str, Any]) -> list[Best]:
        """Start from a snapshot: the best prices after each buffered difference that goes on from it."""
        bids, asks = levels(message["bids"]), levels(message["asks"])
        self.step = gcd(self.step, *bids, *asks)
        if self.known and message["lastUpdateId"] < self._last:
            self.outdated += 1
            return []
        self.bids, self.asks = Side(bids, -1), Side(asks, 1)
        self._last, self.known, self._fresh = message["lastUpdateId"], True, True
        waiting, self._buffer = self._buffer, deque(maxlen=BUFFERED)
        return [seen for difference in waiting for seen in self._apply(difference)]

    def difference(self, message: dict[str, Any]) -> list[Best]:
        """Apply one difference: the best prices after it, or [] where there is no book to apply it to."""
        found = Difference.of(message)
        self.step = gcd(self.step, *found.bids, *found.asks)
        return self._apply(found)

    def _apply(self, found: Difference) -> list[Best]:
        if self.known and found.u <= self._last:
            self.dropped += self._fresh
            self.repeated += not self._fresh
            return []
        if self.known and found.after > self._last:
            self.gaps += 1
            self.known = False
        if not self.known:
            self._lost += len(self._buffer) == BUFFERED
            self._buffer.append(found)
            return []
        self.bids.change(found.bids)
        self.asks.change(found.asks)
        self._last, self._fresh, self.applied = found.u, False, self.applied + 1
        return [self._best(found.u)] if self.bids.levels and self.asks.levels else []

    def _best(self, u: int) -> Best:
        bid, ask = self.bids.best(), self.asks.best()
        return Best(u, bid, self.bids.levels[bid], ask, self.asks.levels[ask])


def levels(pairs: Any) -> dict[int, float]:
    """Price in 1e-8 -> size, of the pairs of a message. Raises: ValueError for what is no level."""
    found = {units(price): float(size) for price, size in pairs}
    if found and not (min(found) > 0 and min(found.values()) >= 0.0 and sum(found.values()) < INFINITY):
        price, size = next((p, s) for p, s in pairs if units(p) <= 0 or not 0.0 <= float(s) < INFINITY)
        raise ValueError(f"a level must have a price > 0 of at most 8 decimals and a size >= 0, got {price} and {size}")
    return found
