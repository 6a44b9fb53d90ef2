"""What is known of a recorded market, whatever exchange it came from.

Prices are integer ticks; times are nanoseconds of trading since the first line, with halts cut out; sides are +1 for buy
and -1 for sell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SECOND = 1_000_000_000  # nanoseconds


@dataclass(frozen=True)
class Quotes:
    """The best quotes after each change that was seen, in order; each holds until the next."""

    time: Ints  # (n,) ns
    bid: Ints  # (n,) ticks
    ask: Ints  # (n,) ticks
    bid_size: Floats  # (n,) units of the instrument
    ask_size: Floats  # (n,)

    @property
    def twice_mid(self) -> Ints:
        """bid + ask, (n,): the mid in half ticks, so that it is a whole number."""
        return self.bid + self.ask

    def at(self, time: Ints) -> Ints:
        """The index of the quote that holds at each `time`: the last one not after it (the first one before any)."""
        return np.maximum(np.searchsorted(self.time, time, side="right") - 1, 0)

    def before(self, time: Ints) -> Ints:
        """The index of the quote that held just before each `time`."""
        return np.maximum(np.searchsorted(self.time, time, side="left") - 1, 0)


@dataclass(frozen=True)
class Orders:
    """Visible market orders: executions of one side that bear the same stamp are one order."""

    time: Ints  # (m,) ns
    side: Ints  # (m,) +1 buys, -1 sells
    size: Floats  # (m,) units of the instrument
    worst: Ints  # (m,) ticks: the price furthest from the mid that it paid
    prices: Ints  # (m,) how many different prices it walked through


@dataclass(frozen=True)
class Messages:
    """Every change of the visible book, and the book before it, where each message is recorded (LOBSTER)."""

    time: Ints  # (n,) ns
    kind: Ints  # (n,) 1 new, 2 partly cancelled, 3 deleted, 4 executed, 5 executed while hidden
    side: Ints  # (n,) of the resting order: +1 bid, -1 ask
    size: Floats  # (n,)
    price: Ints  # (n,) ticks
    order: Ints  # (n,) the resting order's number
    bids: Ints  # (n, levels) ticks, best first, after the message; 0 where the side has no such level
    asks: Ints  # (n, levels); 0 where there is none
    bid_sizes: Floats  # (n, levels)
    ask_sizes: Floats  # (n, levels)


class Stretches(NamedTuple):
    """The time that a recording spent in some state."""

    share: float  # of all its time
    longest: float  # stretch without a break, seconds

    @staticmethod
    def of(time: Ints, state: NDArray[np.bool_], length: int) -> Stretches:
        """The stretches in which `state` (n,) holds: each from the first row that says so to the next that does not."""
        turns = np.flatnonzero(np.diff(np.r_[False, state, False]))
        edges = np.r_[time, length][turns].reshape(-1, 2)
        held = edges[:, 1] - edges[:, 0]
        return Stretches(float(held.sum()) / max(length, 1), float(held.max(initial=0)) / SECOND)


@dataclass(frozen=True)
class Recording:
    """A stretch of one instrument's trading."""

    instrument: str
    day: str  # ISO date of its first line, in the exchange's time zone
    source: str  # the format
    tick: float  # price units
    length: int  # ns of trading
    quotes: Quotes
    orders: Orders
    messages: Messages | None = None
    cuts: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # (c,) trading times where a halt was cut out
    counts: dict[str, int] = field(default_factory=dict)  # what was read
    checks: dict[str, int] = field(default_factory=dict)  # what was compared, and what did not agree
    without_quote: dict[str, Stretches] = field(default_factory=dict)  # why there was none -> for how long
    tick_guessed: bool = False  # from the prices alone
    day_starts: Ints = field(
        default_factory=lambda: np.zeros(1, np.int64)
    )  # (d,) ns of trading at which its days begin
    began: int = 0  # ns after midnight of the first line, in the exchange's time zone
    notes: tuple[
        str, ...
    ] = ()  # what whoever reads the numbers should know: what was passed over, converted or guessed

    def whole(self, start: Ints, end: Ints) -> NDArray[np.bool_]:
        """Whether no halt was cut out of each stretch from `start` to `end`."""
        return np.searchsorted(self.cuts, start, side="right") == np.searchsorted(self.cuts, end, side="right")

    def until(self, end: int) -> Recording:
        """What came before `end` (ns); what was read and checked was so of the whole."""
        parts: dict[str, Any] = {"quotes": self.quotes, "orders": self.orders, "messages": self.messages}
        cut = {name: _before(part, end) for name, part in parts.items() if part is not None}
        return replace(self, **cut, length=min(end, self.length), cuts=self.cuts[self.cuts < end])

    def starts(self, length: int) -> Ints:
        """The starts of the whole stretches of `length` ns, end to end from the first line on."""
        starts = np.arange(0, self.length - length + 1, length, dtype=np.int64)
        return starts[self.whole(starts, starts + length)]


def _before(columns: Any, end: int) -> Any:
    """The rows of Quotes, Orders or Messages whose time is before `end`."""
    rows = columns.time < end
    return replace(columns, **{column.name: getattr(columns, column.name)[rows] for column in fields(columns)})


def market_orders(time: Ints, side: Ints, size: Floats, price: Ints) -> Orders:
    """Executions (m,) in order as market orders: those of the same stamp and side in a row are one.

    `side` is that of the aggressor.
    """
    first = np.flatnonzero(np.r_[True, (np.diff(time) != 0) | (np.diff(side) != 0)][: len(time)])
    if len(first) == 0:
        empty = np.zeros(0, np.int64)
        return Orders(empty, empty, np.zeros(0), empty, empty)
    order = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(time)]))
    worst = side[first] * np.maximum.reduceat(side * price, first)
    by_price = price[np.lexsort((price, order))]
    another = np.r_[True, (np.diff(order) != 0) | (np.diff(by_price) != 0)]
    return Orders(time[first], side[first], np.add.reduceat(size, first), worst, np.bincount(order[another]))


def common_step(*prices: Ints) -> int:
    """The largest step that all whole-number prices of some arrays are multiples of, in their unit."""
    return math.gcd(*(int(np.gcd.reduce(column)) for column in prices if len(column)))
