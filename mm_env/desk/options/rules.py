"""What the kernel of a desk of options is given of it."""

from __future__ import annotations

import math
from dataclasses import field

from mm_env.core.component import rule
from mm_env.core.maths import log
from mm_env.core.parameters import NonNegative, Positive, Real
from mm_env.desk.options.state import Book
from mm_env.desk.rules import DeskRules
from mm_env.desk.state import DeskState, DeskTally
from mm_env.options.marks import OptionMarks
from mm_env.price.models import Price


class OptionRules(DeskRules):
    """What the options of a desk share: the record that the kernel is given."""

    underlying: Price = field(kw_only=True)
    marks: OptionMarks = field(kw_only=True)
    spot: Positive = field(kw_only=True)  # price, at the start
    square: NonNegative = field(kw_only=True)  # the variance at the start, 1 / time
    vol: NonNegative = field(kw_only=True)  # of the variance, 1 / time
    rho: Real = field(kw_only=True)
    vega_limit: Positive = field(kw_only=True)  # money sqrt(time)
    delta_scale: Positive = field(kw_only=True)  # what is observed as 1: units of the underlying
    gamma_scale: Positive = field(kw_only=True)
    vega_scale: Positive = field(kw_only=True)
    move_scale: Positive = field(kw_only=True)  # of ln S over an episode

    @rule
    def begin(self, episode: float) -> DeskState:
        """The state at the start of an episode; `variance` is that of ln S, 1 / time."""
        return DeskState(0.0, episode, self.square, DeskTally(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))

    @rule
    def risk(self, book: Book, spot: float, variance: float) -> float:
        """The variance of the book's moves, money^2 / time: v S^2 D^2 + rho vol S sqrt(v) D V + vol^2 V^2 / 4."""
        by_spot, by_volatility = spot * math.sqrt(max(variance, 0.0)) * book.delta, 0.5 * self.vol * book.vega
        found = by_spot * by_spot + 2.0 * self.rho * by_spot * by_volatility + by_volatility * by_volatility
        return max(found, 0.0)

    @rule
    def observe_book(self, book: Book, spot: float) -> tuple[float, ...]:
        """What the agent sees of the book's greeks and of the spot."""
        return (book.delta / self.delta_scale, book.gamma / self.gamma_scale, book.vega / self.vega_scale,
                log(spot / self.spot) / self.move_scale)  # fmt: skip

    @rule
    def observe_volatility(self, variance: float) -> float:
        """What the agent sees of a volatility that moves."""
        return math.sqrt(max(variance, 0.0) / self.square)

    @rule
    def observe_extreme(self, extreme: float, spot: float) -> float:
        """What the agent sees of a lookback's extreme: how far the spot is off it."""
        return abs(log(extreme / spot)) / self.move_scale
