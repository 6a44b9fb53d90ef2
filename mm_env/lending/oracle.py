"""The price of the collateral that the lender goes by."""

from __future__ import annotations

from typing import ClassVar

from mm_env.core.component import Component, rule
from mm_env.core.maths import log, one_minus_exp
from mm_env.core.parameters import Positive


class Oracle(Component):
    """What the lender takes for the token's price. Override `sees`; what the agent has to know of it, name in `signals`."""

    signals: ClassVar[tuple[str, ...]] = ()
    lags: ClassVar[bool] = True  # it may differ from the market's price

    @rule
    def sees(self, known: float, price: float, uniform: float, dt: float) -> float:
        """The price it gives at t + dt, from what it gave at t, the market's at t + dt, and a uniform in (0, 1) of its own."""
        raise NotImplementedError

    @rule
    def observe(self, known: float, price: float) -> tuple[float, ...]:
        """One number of order one for each of `signals`."""
        return ()


class InstantOracle(Oracle):
    """The market's price itself."""

    lags: ClassVar[bool] = False

    @rule
    def sees(self, known: float, price: float, uniform: float, dt: float) -> float:
        return price


class BlockOracle(Oracle):
    """The market's price at the latest block; blocks come at the times of a Poisson process, seen once a step.

    The agent sees ln(market's price / the oracle's): what the next block will do to its health.
    """

    rate: Positive  # blocks / time

    signals: ClassVar[tuple[str, ...]] = ("oracle_lag",)

    @rule
    def sees(self, known: float, price: float, uniform: float, dt: float) -> float:
        return price if uniform < one_minus_exp(self.rate * dt) else known

    @rule
    def observe(self, known: float, price: float) -> tuple[float, ...]:
        return (log(price / known),)
