"""Lookback options on the quoted asset, held beside it: the extreme so far is part of their state."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

from mm_env.core.component import rule
from mm_env.core.maths import exp, log, scalar
from mm_env.core.noise import HEDGES, Noise, more
from mm_env.core.parameters import Positive
from mm_env.options.lookback import Marked, fixed_lookback, floating_lookback
from mm_env.options.option import Option
from mm_env.world import Now

_WORTHLESS = 1e-9  # the lowest mid, price units: marks are of relative moves


class Watched(NamedTuple):
    """The state of a lookback."""

    extreme: float  # the highest or lowest mid so far, price units; 0.0 before the first step
    paid: float  # costs of trading it so far, price units
    turnover: float  # |units| traded so far


class Lookback(Option):
    """A lookback option, watched continuously and marked in closed form where dS/S = sigma dW, as `Geometric` moves.

    Between two mids the extreme is drawn exactly, as that of a Brownian bridge of the logarithm with the `sigma` stated, so
    that marks have no drift if that is the mid's own. What is shown are delta, how many standard deviations of a whole life
    the mid is off its extreme, and the share of the time to expiry that is left.
    """

    sigma: Positive  # 1 / sqrt(time)

    signals: ClassVar[tuple[str, ...]] = ("hedge", "delta", "off_extreme", "time_to_expiry")

    @rule
    def way(self) -> float:
        """1.0 if the extreme is the highest mid, -1.0 if it is the lowest."""
        raise NotImplementedError

    @rule
    def marked(self, extreme: float, mid: float, time_left: float) -> Marked:
        """Price and delta of one option."""
        raise NotImplementedError

    @rule
    def start(self) -> Any:
        return Watched(0.0, 0.0, 0.0)

    @rule
    def extreme(self, now: Now) -> float:
        """The highest or lowest mid so far, price units."""
        mid, so_far = max(now.mid, _WORTHLESS), now.world.hedges.extreme
        return so_far if so_far > 0.0 else mid

    @rule
    def valued(self, now: Now) -> Marked:
        """Price and delta of one option."""
        return self.marked(self.extreme(now), max(now.mid, _WORTHLESS), self.time_to_expiry(now))

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        return (self.valued(now).price,)

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        return (self.valued(now).delta,)

    @rule
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        first, last = max(before.mid, _WORTHLESS), max(mid, _WORTHLESS)
        reached = bridge_extreme(self.way(), first, last, self.sigma * self.sigma * dt, more(noise, HEDGES)[0])
        extreme = self.way() * max(self.way() * self.extreme(before), self.way() * reached)
        return Watched(extreme, state.paid + self.cost(trades, before, dt), state.turnover + abs(trades[0]))

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        off = abs(log(self.extreme(now) / max(now.mid, _WORTHLESS))) / (self.sigma * math.sqrt(self.expiry))
        return held[0] / self.max_position, self.valued(now).delta, off, self.time_to_expiry(now) / self.expiry


class FloatingLookback(Lookback):
    """Pays S_T less the lowest mid (a call, side 1.0), or the highest mid less S_T (a put, -1.0): Goldman, Sosin & Gatto 1979.

    The put pays for the drawdown that one unit of the asset has at the end.
    """

    @rule
    def way(self) -> float:
        return -self.side

    @rule
    def marked(self, extreme: float, mid: float, time_left: float) -> Marked:
        return floating_lookback(self.side, mid, extreme, time_left, self.sigma, 0.0, 0.0)


class FixedLookback(Lookback):
    """Pays what the highest mid is above the `strike` (a call), or the lowest below it (a put): Conze & Viswanathan 1991."""

    strike: Positive  # price units

    @rule
    def way(self) -> float:
        return self.side

    @rule
    def marked(self, extreme: float, mid: float, time_left: float) -> Marked:
        return fixed_lookback(self.side, mid, self.strike, extreme, time_left, self.sigma, 0.0, 0.0)


@scalar
def bridge_extreme(way, first, last, variance, uniform):
    """The highest (way 1.0) or lowest (-1.0) price of a path between two, whose logarithm is a Brownian bridge.

    With x and y the logarithms it is exp((x + y + way sqrt((y - x)^2 - 2 variance ln u)) / 2): P[max > m] =
    exp(-2 (m - x) (m - y) / variance), inverted.
    """
    moved = log(last / first)
    return first * exp(0.5 * (moved + way * math.sqrt(moved * moved - 2.0 * variance * log(uniform))))
