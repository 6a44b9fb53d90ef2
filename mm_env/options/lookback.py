"""Lookback options on a price watched continuously: price and delta in closed form, also midway, as scalar functions.

A floating-strike call pays S_T - min S and is side 1.0; a put pays max S - S_T and is side -1.0. The extreme so far is part of
the state. A fixed-strike option is a forward and a floating one of the other side whose extreme has reached the strike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from mm_env.core.gaussian import mills_ratio, normal_cdf, normal_pdf
from mm_env.core.maths import exp, scalar
from mm_env.options.black_scholes import d_one

_SMALL = 0.01  # steps below which a divided difference is its Taylor series, to rounding
_NO_SPREAD = 1e-300


class Marked(NamedTuple):
    """The price of an option and its derivative by the underlying's price, the extreme so far held."""

    price: float  # price units
    delta: float


@scalar
def floating_lookback(
    side: float, spot: float, extreme: float, time_left: float, sigma: float, rate: float, dividend: float
) -> Marked:
    """Price and delta of a floating-strike lookback call (side 1.0) or put (-1.0), Goldman, Sosin & Gatto 1979.

    With M the `extreme` so far (the lowest price for a call, the highest for a put), b = rate - dividend, c = 2 b / sigma^2,
    s = sigma sqrt(T), x = -side d1 of strike M and h = -side c s, it is a European option of strike M and a bonus,

        S e^(-dividend T) s (N(x) - e^(h^2 / 2 - h x) N(x - h)) / h,

    which is taken by its series where h is small: at b = 0 it is S e^(-dividend T) s (n(x) + x N(x)) to rounding.
    dS/S = b dt + sigma dW; `spot` > 0, `time_left` >= 0; sigma > 0 unless `time_left` = 0.
    """
    spread, growth = sigma * math.sqrt(time_left), exp(-dividend * time_left)
    drift = (rate - dividend) * time_left
    reached = min(extreme, spot) if side > 0.0 else max(extreme, spot)
    d1 = d_one(spot, reached, time_left, spread, rate - dividend)
    within, h = -side * d1, -2.0 * side * drift / max(spread, _NO_SPREAD)
    further = reflected(within, h)
    bonus = spread * divided_difference(within, h, further)
    mine, owed = normal_cdf(side * d1), exp(-rate * time_left) * normal_cdf(side * (d1 - spread))
    price = side * (spot * growth * mine - reached * owed) + spot * growth * bonus
    return Marked(price, growth * (side * mine + bonus - side * further))


@scalar
def fixed_lookback(
    side: float,
    spot: float,
    strike: float,
    extreme: float,
    time_left: float,
    sigma: float,
    rate: float,
    dividend: float,
) -> Marked:
    """Price and delta of a fixed-strike lookback: a call (side 1.0) pays max(max S - K, 0), a put (-1.0) max(K - min S, 0).

    `extreme` is the highest price so far for a call, the lowest for a put. (Conze & Viswanathan 1991.)
    """
    reached = max(extreme, strike) if side > 0.0 else min(extreme, strike)
    floating = floating_lookback(-side, spot, reached, time_left, sigma, rate, dividend)
    growth = exp(-dividend * time_left)
    forward = side * (spot * growth - strike * exp(-rate * time_left))
    return Marked(floating.price + forward, floating.delta + side * growth)


@scalar
def reflected(x: float, h: float) -> float:
    """e^(h^2 / 2 - h x) N(x - h), which is n(x) times the Mills ratio of h - x, so that no tail overflows."""
    far = x - h
    return exp(h * (0.5 * h - x)) * normal_cdf(far) if far > 0.0 else normal_pdf(x) * mills_ratio(-far)


@scalar
def divided_difference(x: float, h: float, further: float) -> float:
    """(N(x) - `further`) / h, or its series in h: N(x) = n(x) m(x) with m' = 1 + x m, m^(k+1) = x m^(k) + k m^(k-1)."""
    first = normal_pdf(x) + x * normal_cdf(x)
    second = x * first + normal_cdf(x)
    third = x * second + 2.0 * first
    fourth = x * third + 3.0 * second
    fifth = x * fourth + 4.0 * third
    sixth = x * fifth + 5.0 * fourth
    seventh = x * sixth + 6.0 * fifth
    rest = fifth - h / 6.0 * (sixth - h / 7.0 * seventh)
    series = first - h / 2.0 * (second - h / 3.0 * (third - h / 4.0 * (fourth - h / 5.0 * rest)))
    is_small = abs(h) < _SMALL
    return series if is_small else (normal_cdf(x) - further) / (1.0 if is_small else h)
