"""A table of Heston's option prices for rules: price and greeks of calls and puts of any strike, time and variance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.maths import exp, log, one_minus_exp, routine
from mm_env.core.parameters import Count, Interval, Positive, check_fields
from mm_env.options.black_scholes import CALL, black_scholes
from mm_env.options.heston_integral import HestonGreeks, SquareRootVariance, excesses, heston, mean_variance
from mm_env.options.spline import spline_at, spline_coefficients

Floats = NDArray[np.float64]
_REACH = 6.0  # standard deviations of ln(F / K) that the table spans to each side
_HEAD = 5  # numbers before the spline's
_LEAST = 1e-12  # of a time or a variance, below which both count as 0


@dataclass(frozen=True)
class HestonTable:
    """Heston's prices less Black & Scholes's at the mean variance, as a cubic spline: what `heston_option` reads.

    It is one over (sqrt(T), ln(F / K) / sqrt(w), sqrt(v)), w(T, v) the mean of the integrated variance, in shares of
    sqrt(F K w). Times are up to `longest`, variances to `highest`, beyond which the share is that of the edge; farther from the
    money than 6 sqrt(w) it dies away as e^-(|z| - 6). Errors fall by 2^4 where the nodes are doubled.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    kappa: Positive  # 1 / time
    theta: Positive  # 1 / time
    vol: Positive  # of the variance, 1 / time
    rho: Annotated[float, Interval(-1.0, 1.0)]
    longest: Positive  # time to expiry
    highest: Positive  # variance, 1 / time
    times: Count = 33  # nodes
    strikes: Count = 97
    variances: Count = 41

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if min(self.times, self.strikes, self.variances) < 8:
            raise ValueError(f"HestonTable.times, strikes and variances must be >= 8, got {self}")

    @property
    def law(self) -> SquareRootVariance:
        return SquareRootVariance(self.kappa, self.theta, self.vol, self.rho)

    def errors(self, places: int = 200, seed: int = 0, sides: float = 4.0) -> Floats:
        """By how much price, delta and vega are off at random places, (places, 3); price and vega in shares of the strike.

        Times from a fiftieth of `longest` on, volatilities and strikes within `sides` standard deviations are drawn evenly.
        """
        random = np.random.default_rng(seed)
        time_left = self.longest * random.uniform(0.02, 1.0, places)
        v = self.highest * random.uniform(0.0, 1.0, places) ** 2
        spot = np.exp(random.uniform(-sides, sides, places) * np.sqrt(mean_variance(self.law, time_left, v)))
        drawn = list(zip(spot.tolist(), time_left.tolist(), v.tolist(), strict=True))
        told = [heston_option(CALL, s, 1.0, t, v, 0.0, 0.0, self.numbers) for s, t, v in drawn]
        known = [heston(self.law, CALL, s, 1.0, t, v) for s, t, v in drawn]
        return (np.array(told) - np.array(known))[:, :3]

    @cached_property
    def numbers(self) -> Floats:
        """The table as rules read it, one array: what it is of, and the spline."""
        law = self.law
        moneyness = np.linspace(-_REACH, _REACH, self.strikes)
        variance = np.linspace(0.0, math.sqrt(self.highest), self.variances) ** 2
        values = np.zeros((self.times, self.strikes, self.variances))
        for row, root in enumerate(np.linspace(0.0, math.sqrt(self.longest), self.times)[1:].tolist(), 1):
            values[row] = excesses(law, moneyness, root * root, np.maximum(variance, _LEAST))
        head = [self.kappa, self.theta, math.sqrt(self.longest), _REACH, math.sqrt(self.highest)]
        return np.concatenate([head, spline_coefficients(values)])


@routine
def heston_option(
    side: float, spot: float, strike: float, time_left: float, v: float, rate: float, dividend: float, table: Any
) -> HestonGreeks:
    """Price, delta, vega (by sqrt(v)) and gamma of a European call (side 1.0) or put (-1.0) by a `HestonTable`'s numbers.

    The derivatives are those of the price that is told, so that the marks of a hedged book move as its deltas say.
    """
    kappa, theta, top, reach, highest = table[0], table[1], table[2], table[3], table[4]
    v = max(v, 0.0)
    fallen = one_minus_exp(kappa * time_left) / kappa
    w = max(theta * time_left + (v - theta) * fallen, 0.0)
    spread, time = math.sqrt(w), max(time_left, _LEAST)
    plain = black_scholes(side, spot, strike, time_left, math.sqrt(w / time), rate, dividend)
    x = log(spot / strike) + (rate - dividend) * time_left
    z, y = x / max(spread, _LEAST), math.sqrt(v)
    at = spline_at(math.sqrt(time_left) / top, 0.5 + 0.5 * z / reach, y / highest, table, _HEAD)
    share = at.value * exp(-max(abs(z) - reach, 0.0))
    by_z = at.by_second * 0.5 / reach if abs(z) <= reach else (-share if z > 0.0 else share)
    by_y = at.by_third / highest if y < highest else 0.0
    owed = strike * exp(-rate * time_left + 0.5 * x)  # sqrt(F K), discounted
    shape = at.curvature * 0.25 / (reach * reach) if abs(z) <= reach else share
    along = owed * (0.25 * spread * share + by_z + shape / max(spread, _LEAST))  # twice by ln S
    gamma = plain.gamma + (along - owed * (0.5 * spread * share + by_z)) / (spot * spot)
    spread_by_y = y * fallen / max(spread, _LEAST)
    price = plain.price + owed * spread * share
    delta = plain.delta + owed / spot * (0.5 * spread * share + by_z)
    black_vega = plain.vega / max(math.sqrt(time_left), _LEAST)
    vega = spread_by_y * (black_vega + owed * (share - z * by_z)) + owed * spread * by_y
    return HestonGreeks(price, delta, vega, gamma)
