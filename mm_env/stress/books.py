"""A simulated order book under stress: others send more or fewer orders, the price gaps, and ours arrive later.

A book has no volatility of its own: its mid moves by what happens in it. All of it `volatility` squared times as often is the
same book in a time that runs so much faster, so that a mid that diffuses moves `volatility` times as far in the same while;
one that reverts from order to order, as most do at first, a little less.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.parameters import NonNegative, Probability, Real
from mm_env.stress.mixed import remade
from mm_env.stress.parts import EARLY, within
from mm_env.venue.order_book.book import Book
from mm_env.venue.order_book.events import advance, move
from mm_env.venue.order_book.order_flow import CANCEL, MARKET, OrderFlow


class StressedOrders(OrderFlow):
    """All that `flow` brings, `activity` times as often; and of that limit orders `limits` times, market orders that hit bids
    `sells` times, and those that lift asks `buys` times as often."""

    flow: OrderFlow
    activity: NonNegative = 1.0
    limits: NonNegative = 1.0
    sells: NonNegative = 1.0
    buys: NonNegative = 1.0

    def table(self, levels: int) -> NDArray[np.float64]:
        return self.flow.table(levels)

    @rule
    def limit(self, table: Any, distance: int, queue: float) -> float:
        return self.flow.limit(table, distance, queue)

    @rule
    def cancel(self, table: Any, distance: int, queue: float) -> float:
        return self.flow.cancel(table, distance, queue)

    @rule
    def market(self, table: Any, distance: int, queue: float) -> float:
        return self.flow.market(table, distance, queue)

    @rule
    def rate(self, table: Any, kind: int, weight: float, excitement: float) -> float:
        taking = self.sells if kind == MARKET else self.buys
        making = self.limits if kind < CANCEL else 1.0
        factor = taking if kind >= MARKET else making
        return self.activity * factor * self.flow.rate(table, kind, weight, excitement)

    @rule
    def remembers(self) -> bool:
        return self.flow.remembers()

    @rule
    def fade(self, kind: int, dt: float) -> float:
        """As much sooner as all else happens."""
        return self.flow.fade(kind, self.activity * dt)

    @rule
    def kick(self, table: Any, kind: int, cause: int) -> float:
        return self.flow.kick(table, kind, cause)

    @property
    def memories(self) -> int:
        return self.flow.memories

    @rule
    def excited(self, table: Any, memory: Any, kind: int) -> float:
        return self.flow.excited(table, memory, kind)

    @rule
    def forget(self, table: Any, memory: Any, dt: float) -> None:
        """As much sooner as all else happens."""
        self.flow.forget(table, memory, self.activity * dt)

    @rule
    def excite(self, table: Any, memory: Any, cause: int) -> None:
        self.flow.excite(table, memory, cause)

    @rule
    def sees_best(self) -> bool:
        return self.flow.sees_best()

    @rule
    def limit_by(self, table: Any, distance: int, queue: float, best: int) -> float:
        return self.flow.limit_by(table, distance, queue, best)

    @rule
    def cancel_by(self, table: Any, distance: int, queue: float, best: int) -> float:
        return self.flow.cancel_by(table, distance, queue, best)

    @rule
    def most_excited(self) -> float:
        return self.flow.most_excited()

    @rule
    def expires(self) -> bool:
        return self.flow.expires()

    @rule
    def expiry(self) -> float:
        """As `fade`."""
        return self.activity * self.flow.expiry()

    @property
    def signals(self) -> tuple[str, ...]:
        return self.flow.signals

    @rule
    def show(self, book: Any, observations: Any, place: int) -> None:
        self.flow.show(book, observations, place)

    @rule
    def anchored(self) -> bool:
        return self.flow.anchored()

    @rule
    def follow(self) -> float:
        return self.flow.follow()

    @rule
    def renew(self) -> float:
        return self.flow.renew()

    @rule
    def fresh(self, table: Any, distance: int, uniform: float) -> float:
        return self.flow.fresh(table, distance, uniform)


class StressedBook(Book):
    """A book whose events are those of `shocked` from `begins` to `finishes`. At `begins` trading is halted for a moment,
    and all orders, ours too, go on `gap` ticks away: whoever holds q gains gap x q, and nobody trades on the way.

    It is put over the class of the book that is stressed (`mixed`).
    """

    begins: NonNegative = field(kw_only=True)  # time since the episode began
    finishes: NonNegative = field(kw_only=True)
    acts: Probability = field(kw_only=True)  # 0: nothing happens, and the very bits are those of calm
    gap: Real = field(kw_only=True)  # ticks
    lag: Probability = field(kw_only=True)  # share of what is left of a step, by which our orders arrive later
    step: NonNegative = field(kw_only=True)  # time
    shocked: Book = field(kw_only=True)

    def __reduce__(self) -> Any:
        return remade(StressedBook, self)

    @rule
    def delay(self, time: float) -> float:
        return self.latency + within(time, self.begins, self.finishes) * self.lag * (self.step - self.latency)

    @rule
    def run(self, table: Any, book: Any, weights: Any, key: Any, until: float, pace: int) -> None:
        start, soon, late = book.time, self.begins * (1.0 - EARLY), self.begins * (1.0 + EARLY)
        over = self.finishes * (1.0 - EARLY)
        if self.acts <= 0.0 or until <= late or (start >= over and start > late):
            advance(self, table, book, weights, key, until, pace)
        else:
            if start < soon:
                advance(self, table, book, weights, key, self.begins, pace)
            if book.time >= soon:  # a decision may be due before
                if start <= late:
                    move(book, weights, int(self.gap))
                advance(self.shocked, table, book, weights, key, min(until, self.finishes), pace)
            if book.time >= over and until > self.finishes:
                advance(self, table, book, weights, key, until, pace)
