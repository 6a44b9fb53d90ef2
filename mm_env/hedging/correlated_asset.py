"""A second asset whose moves go partly with the mid's."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Annotated, Any, NamedTuple

import numpy as np

from mm_env.core.component import rule
from mm_env.core.parameters import Interval, NonNegative, Positive, Real
from mm_env.hedging.idiosyncratic import Idiosyncratic
from mm_env.world import Now

Correlation = Annotated[float, Interval(-1.0, 1.0)]


class Asset(NamedTuple):
    """The state of a traded asset."""

    mark: float  # price units
    paid: float  # costs of trading it so far, price units
    turnover: float  # |units| traded so far


class CorrelatedAsset(Idiosyncratic):
    """dH = beta dS + sqrt(1 - rho^2) r sqrt(Var[dS]) Z, beta = rho r: an asset r = `relative_volatility` times as volatile as
    the mid, whose moves have a correlation of rho with the mid's.

    Var[dS] is the price's own `variance` over the step, by its state at the start of it: whatever volatility, regime or jumps
    the mid has, the asset has r^2 of its variance, and a share rho^2 of that is the mid's. Its own part is normal: it shares
    the mid's jumps, times beta, and has none of its own. The mean moves are shared too. It moves by `impact` for each unit
    that we buy, and stays there. Where the price says no variance, as where a book makes the mid, `mid_volatility` stands in.

    The whole position q + h is as risky as q^2 + 2 beta q h + r^2 h^2: at no cost h = -rho q / r leaves (1 - rho^2) q^2.
    """

    correlation: Correlation
    relative_volatility: Positive = 1.0  # of the mid's
    impact: Real = 0.0  # price / unit
    mid_volatility: NonNegative = 0.0  # price / sqrt(time); 0: what the price says
    initial_mark: Real = field(default=100.0, kw_only=True)  # price units

    @property
    def reads_variance(self) -> bool:
        return bool(np.any(np.asarray(self.mid_volatility) == 0.0))

    @property
    def names(self) -> tuple[str, ...]:
        return ("correlated asset",)

    @rule
    def beta(self) -> float:
        """What it moves with the mid."""
        return self.correlation * self.relative_volatility

    @rule
    def start(self) -> Any:
        return Asset(self.initial_mark, 0.0, 0.0)

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        return (now.world.hedges.mark,)

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        return (self.beta(),)

    @rule
    def impacts(self, trades: tuple[float, ...], now: Now) -> tuple[float, ...]:
        return (self.impact * trades[0],)

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float) -> float:
        relative = self.relative_volatility
        return inventory * inventory + held[0] * (2.0 * self.beta() * inventory + relative * relative * held[0])

    @rule
    def own_volatility(self) -> float:
        return math.sqrt(1.0 - self.correlation * self.correlation) * self.relative_volatility

    @rule
    def driven(
        self, state: Any, before: Now, mid: float, shock: float, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        moved = self.beta() * (mid - before.mid) + math.sqrt(self.own_variance(variance, dt)) * shock
        paid = state.paid + self.cost(trades, before, dt)
        return Asset(state.mark + moved + self.impacts(trades, before)[0], paid, state.turnover + abs(trades[0]))

    @rule
    def surprise(
        self, held: tuple[float, ...], trades: tuple[float, ...], before: Now, after: Now, mid: float, dt: float
    ) -> float:
        foreseen = self.beta() * (mid - before.mid) + self.impacts(trades, before)[0]
        return held[0] * (after.world.hedges.mark - before.world.hedges.mark - foreseen)

    @rule
    def own_variance(self, variance: float, dt: float) -> float:
        """Of the part of a step's move that is not the mid's, price units squared."""
        stated = self.mid_volatility * self.mid_volatility * dt
        whole = stated if self.mid_volatility > 0.0 else variance
        alone = (1.0 - self.correlation * self.correlation) * self.relative_volatility * self.relative_volatility
        return alone * max(whole, 0.0)
