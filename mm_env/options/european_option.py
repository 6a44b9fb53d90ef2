"""A European option on the quoted asset, held beside it."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from mm_env.core.component import differs, rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import Distribution, Positive, Real
from mm_env.hedging.traded import Traded
from mm_env.options.black_scholes import CALL, Greeks, check_side
from mm_env.options.models import OptionModel
from mm_env.world import Now

_EXPIRED = 1e-9  # of the expiry: what counting steps may leave of the time to it


class OptionTrades(NamedTuple):
    """The state of an option that is marked by the mid and the time."""

    paid: float  # costs of trading it so far, price units
    turnover: float  # |units| traded so far


class EuropeanOption(Traded):
    """A call (side 1.0) or put (-1.0) on the mid, marked by a `model` and its volatility: Black & Scholes's, or Bachelier's.

    `expiry` is a time since the start of the episode, at its horizon or later: at the horizon the position is worth what the
    option pays, or its mark. With delta the mark's derivative by the mid, the whole position is as risky as (q + h delta)^2, to
    the first order in the mid's move. Delta is shown, gamma in deltas for a standard deviation of the mid until expiry, and
    the share of the time to expiry that is left.

    Raises: by a market, ValueError where it expires before the episode ends.
    """

    model: OptionModel
    strike: Real  # price units
    expiry: Positive  # time
    side: Real = CALL

    signals: ClassVar[tuple[str, ...]] = ("hedge", "delta", "gamma", "time_to_expiry")

    def __post_init__(self) -> None:
        super().__post_init__()
        if differs(self.side):
            raise TypeError(f"EuropeanOption.side must be the same in all lanes, got {self.side!r}")
        check_side("EuropeanOption.side", self.side)
        self.model.check(self.strike)

    def check(self, market: Any) -> None:
        first = self.expiry.support[0] if isinstance(self.expiry, Distribution) else float(np.min(self.expiry))
        if first < market.clock.horizon * (1.0 - _EXPIRED):
            raise ValueError(
                f"EuropeanOption.expiry must be the clock's horizon of {market.clock.horizon:g} or later, got {first:g}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        return ("call" if self.side == CALL else "put",)

    @rule
    def start(self) -> Any:
        return OptionTrades(0.0, 0.0)

    @rule
    def time_to_expiry(self, now: Now) -> float:
        """Time, 0 at expiry to rounding."""
        left = self.expiry - now.time
        return left if left > _EXPIRED * self.expiry else 0.0

    @rule
    def greeks(self, now: Now) -> Greeks:
        """Of one option."""
        return self.model.greeks(self.side, now.mid, self.strike, self.time_to_expiry(now))

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        return (self.greeks(now).price,)

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        return (self.greeks(now).delta,)

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float, now: Now) -> float:
        net = inventory + held[0] * self.greeks(now).delta
        return net * net

    @rule
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        return OptionTrades(state.paid + self.cost(trades, before, dt), state.turnover + abs(trades[0]))

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        greeks, left = self.greeks(now), self.time_to_expiry(now)
        curve = greeks.gamma * self.model.deviation(now.mid, left)
        return held[0] / self.max_position, greeks.delta, curve, left / self.expiry
