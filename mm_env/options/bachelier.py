"""European calls and puts on a price that moves in price units (Bachelier 1900): price and greeks, for rules to call."""

from __future__ import annotations

import math

from mm_env.core.gaussian import normal_cdf, normal_pdf
from mm_env.core.maths import scalar
from mm_env.options.black_scholes import Greeks

_NO_SPREAD = 1e-300  # what the standard deviation is taken for where it is 0


@scalar
def bachelier(side: float, spot: float, strike: float, time_left: float, sigma: float) -> Greeks:
    """Price and greeks of a European call (side 1.0) or put (-1.0) where dS = sigma dW, sigma in price / sqrt(time); no rates.

    price = side (S - K) N(side d) + s n(d), d = (S - K) / s, s = sigma sqrt(T); with s = 0 it is exactly what is in the
    money, and gamma 0. Prices of any sign; `time_left` and `sigma` >= 0.
    """
    root = math.sqrt(time_left)
    spread, inside = sigma * root, spot - strike
    d = inside / max(spread, _NO_SPREAD)
    share, density = normal_cdf(side * d), normal_pdf(d)
    gamma = density / spread if spread > 0.0 else 0.0
    return Greeks(
        side * inside * share + spread * density, side * share, gamma, root * density, -0.5 * gamma * sigma * sigma
    )
