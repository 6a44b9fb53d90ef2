"""A perpetual future on the quoted asset."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mm_env.core.component import rule
from mm_env.core.maths import exp
from mm_env.core.parameters import NonNegative, Positive, Real
from mm_env.hedging.idiosyncratic import Idiosyncratic
from mm_env.world import Now


class Basis(NamedTuple):
    """The state of a perpetual."""

    basis: float  # mark - mid, price units
    paid: float  # costs of trading it so far, price units
    turnover: float  # |units| traded so far


class Perpetual(Idiosyncratic):
    """A future without expiry: mark = mid + b, b' = mean + (b - mean) e^(-kappa dt) + r sqrt(Var[dS]) Z over a step of dt.

    Funding is paid over a step by who is long, on the basis at its start: position x (b + interest) x dt / funding_period,
    received where it is negative, which is what ties the mark to the mid. r is the volatility of the basis as a multiple of
    the mid's, so that the whole position is as risky as (q + h)^2 + r^2 h^2 whatever moves the mid. Where the price says no
    variance, as where a book makes the mid, `mid_volatility` stands in for it.
    """

    kappa: NonNegative  # 1 / time, at which the basis reverts
    relative_volatility: NonNegative = 0.0  # of the basis, by the mid's
    mean: Real = 0.0  # of the basis, price units
    initial_basis: Real = 0.0  # price units
    funding_period: Positive = 1.0  # time, over which the basis is paid once
    interest: Real = 0.0  # price units a period, paid beside the basis
    basis_scale: Positive = 1.0  # the basis that is shown as 1, price units
    mid_volatility: NonNegative = 0.0  # price / sqrt(time); 0: what the price says

    signals: ClassVar[tuple[str, ...]] = ("hedge", "basis")

    @property
    def reads_variance(self) -> bool:
        return bool(np.any((np.asarray(self.relative_volatility) > 0.0) & (np.asarray(self.mid_volatility) == 0.0)))

    @property
    def names(self) -> tuple[str, ...]:
        return ("perpetual",)

    @rule
    def start(self) -> Any:
        return Basis(self.initial_basis, 0.0, 0.0)

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        return (now.mid + now.world.hedges.basis,)

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        return (1.0,)

    @rule
    def carry(self, held: tuple[float, ...], dt: float, now: Now) -> float:
        return -held[0] * (now.world.hedges.basis + self.interest) * dt / self.funding_period

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float) -> float:
        net, own = inventory + held[0], self.relative_volatility * held[0]
        return net * net + own * own

    @rule
    def own_volatility(self) -> float:
        return self.relative_volatility

    @rule
    def driven(
        self, state: Any, before: Now, mid: float, shock: float, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        stated = self.mid_volatility * self.mid_volatility * dt
        whole = stated if self.mid_volatility > 0.0 else max(variance, 0.0)
        basis = self.kept(state.basis, dt) + self.relative_volatility * math.sqrt(whole) * shock
        return Basis(basis, state.paid + self.cost(trades, before, dt), state.turnover + abs(trades[0]))

    @rule
    def kept(self, basis: float, dt: float) -> float:
        """The mean of the basis dt later."""
        return self.mean + (basis - self.mean) * exp(-self.kappa * dt)

    @rule
    def surprise(
        self, held: tuple[float, ...], trades: tuple[float, ...], before: Now, after: Now, mid: float, dt: float
    ) -> float:
        return held[0] * (after.mid + after.world.hedges.basis - (mid + self.kept(before.world.hedges.basis, dt)))

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        return (held[0] / self.max_position, now.world.hedges.basis / self.basis_scale)
