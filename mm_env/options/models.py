"""What an option is marked by: a model of the mid with a volatility that it is told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mm_env.core.component import Component, rule
from mm_env.core.parameters import Distribution, NonNegative
from mm_env.options.bachelier import bachelier
from mm_env.options.black_scholes import Greeks, black_scholes

_WORTHLESS = 1e-9  # of a strike


class OptionModel(Component):
    """Prices European options by the mid, the time to expiry and a volatility; there are no rates, as the mid has no drift."""

    sigma: NonNegative

    def check(self, strike: Any) -> None:
        """Refuse a strike that it cannot price. Raises: ValueError."""

    @rule
    def greeks(self, side: float, mid: float, strike: float, time_left: float) -> Greeks:
        """Price and greeks of a call (side 1.0) or put (-1.0), exactly what it pays where `time_left` is 0."""
        raise NotImplementedError

    @rule
    def deviation(self, mid: float, time_left: float) -> float:
        """About the standard deviation of the mid's move until expiry, price units: what gamma is shown in units of."""
        raise NotImplementedError


class BlackScholes(OptionModel):
    """dS/S = sigma dW, as `Geometric` moves: sigma is a share of the mid, 1 / sqrt(time). A mid of 0 or less is taken for one
    that is all but 0.
    """

    def check(self, strike: Any) -> None:
        lowest = strike.support[0] if isinstance(strike, Distribution) else float(np.min(strike))
        if lowest <= 0.0:
            raise ValueError(f"a strike that BlackScholes prices must be > 0, got {lowest:g} (Bachelier prices any)")

    @rule
    def greeks(self, side: float, mid: float, strike: float, time_left: float) -> Greeks:
        return black_scholes(side, max(mid, _WORTHLESS * strike), strike, time_left, self.sigma, 0.0, 0.0)

    @rule
    def deviation(self, mid: float, time_left: float) -> float:
        return mid * self.sigma * math.sqrt(time_left)


class Bachelier(OptionModel):
    """dS = sigma dW, as `Brownian` moves: sigma in price / sqrt(time)."""

    @rule
    def greeks(self, side: float, mid: float, strike: float, time_left: float) -> Greeks:
        return bachelier(side, mid, strike, time_left, self.sigma)

    @rule
    def deviation(self, mid: float, time_left: float) -> float:
        return self.sigma * math.sqrt(time_left)
