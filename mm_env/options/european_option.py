"""A European option on the quoted asset, held beside it."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from mm_env.core.component import rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import Real
from mm_env.options.black_scholes import Greeks
from mm_env.options.models import OptionModel
from mm_env.options.option import Option
from mm_env.world import Now


class OptionTrades(NamedTuple):
    """The state of an option that is marked by the mid and the time."""

    paid: float  # costs of trading it so far, price units
    turnover: float  # |units| traded so far


class EuropeanOption(Option):
    """A call or put of `strike`, marked by a `model` and its volatility: Black & Scholes's, or Bachelier's.

    Delta is shown, gamma in deltas for a standard deviation of the mid until expiry, and the share of the time to expiry that
    is left.
    """

    model: OptionModel
    strike: Real  # price units

    signals: ClassVar[tuple[str, ...]] = ("hedge", "delta", "gamma", "time_to_expiry")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.model.check(self.strike)

    @rule
    def start(self) -> Any:
        return OptionTrades(0.0, 0.0)

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
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        return OptionTrades(state.paid + self.cost(trades, before, dt), state.turnover + abs(trades[0]))

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        greeks, left = self.greeks(now), self.time_to_expiry(now)
        curve = greeks.gamma * self.model.deviation(now.mid, left)
        return held[0] / self.max_position, greeks.delta, curve, left / self.expiry
