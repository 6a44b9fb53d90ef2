"""European calls and puts by Black & Scholes 1973 and Merton 1973: price and greeks, for rules to call."""

from __future__ import annotations

import math
from typing import NamedTuple

from mm_env.core.gaussian import normal_cdf, normal_pdf
from mm_env.core.maths import exp, log, scalar

CALL, PUT = 1.0, -1.0
_NO_SPREAD = 1e-300  # what the standard deviation of the log price is taken for where it is 0


def check_side(name: str, side: float) -> None:
    """Refuse what is neither a call nor a put. Raises: ValueError."""
    if side not in (CALL, PUT):
        raise ValueError(f"{name} must be 1.0, a call, or -1.0, a put, got {side!r}")


class Greeks(NamedTuple):
    """The price of an option and its derivatives, per unit of the underlying."""

    price: float  # price units
    delta: float  # by the underlying's price
    gamma: float  # delta, by the underlying's price; 1 / price
    vega: float  # by the volatility; price sqrt(time)
    theta: float  # by calendar time, so against the time left; price / time


@scalar
def black_scholes(
    side: float, spot: float, strike: float, time_left: float, sigma: float, rate: float, dividend: float
) -> Greeks:
    """Price and greeks of a European call (side 1.0) or put (-1.0) where dS/S = (rate - dividend) dt + sigma dW.

    price = side (S e^(-dividend T) N(side d1) - K e^(-rate T) N(side d2)), d1 = (ln(S / K) + (rate - dividend) T) / s + s / 2,
    d2 = d1 - s, s = sigma sqrt(T). With s = 0 it is exactly what is in the money,
    max(side (S e^(-dividend T) - K e^(-rate T)), 0), and delta is that of the limit s -> 0: 0, side e^(-dividend T), or half of
    that at the money; gamma is then 0.

    `spot` and `strike` > 0, `time_left` and `sigma` >= 0; `rate` and `dividend` are continuous, 1 / time.
    """
    root = math.sqrt(time_left)
    spread, growth, discount = sigma * root, exp(-dividend * time_left), exp(-rate * time_left)
    d1 = d_one(spot, strike, time_left, spread, rate - dividend)
    mine, owed = growth * normal_cdf(side * d1), discount * normal_cdf(side * (d1 - spread))
    density = growth * normal_pdf(d1)
    gamma = density / (spot * spread) if spread > 0.0 else 0.0
    decay = 0.5 * gamma * sigma * sigma * spot * spot
    theta = side * (dividend * spot * mine - rate * strike * owed) - decay
    return Greeks(side * (spot * mine - strike * owed), side * mine, gamma, spot * density * root, theta)


@scalar
def d_one(spot: float, strike: float, time_left: float, spread: float, carry: float) -> float:
    """(ln(S / K) + carry T) / s + s / 2, the d1 of Black & Scholes; far out, or 0 at the money, where s is 0."""
    return (log(spot / strike) + carry * time_left) / max(spread, _NO_SPREAD) + 0.5 * spread
