"""Rules by which the writer or holder of an option trades the underlying: bands of holdings around Black & Scholes's delta.

Each has one method, `band(spot, time_left)`: the lowest and the highest holding of the underlying, units, which broadcast. From
outside one trades to the nearest end, within not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from mm_env.core.parameters import NonNegative, Positive, Real, check_fields
from mm_env.options.black_scholes import CALL, check_side

Floats = NDArray[np.float64]


class Unhedged:
    """The underlying is never traded."""

    def band(self, spot: ArrayLike, time_left: ArrayLike) -> tuple[Floats, Floats]:
        """From -infinity to infinity, the shape of both."""
        everywhere = np.full(np.broadcast_shapes(np.shape(spot), np.shape(time_left)), np.inf)
        return -everywhere, everywhere


@dataclass(frozen=True)
class DeltaHedge:
    """The holding is minus the position's delta whenever one may trade.

    The position is `units` of a call (side 1.0) or put (-1.0), negative if written; sigma is relative, and `rate` the interest
    rate, continuous.
    """

    strike: Positive  # price
    sigma: Positive  # 1 / sqrt(time)
    units: Real = -1.0
    side: float = CALL
    rate: Real = 0.0  # 1 / time

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_side(f"{type(self).__name__}.side", self.side)

    def band(self, spot: ArrayLike, time_left: ArrayLike) -> tuple[Floats, Floats]:
        """Lowest and highest holding, units, of the shape that both broadcast to; `time_left` > 0."""
        spot, time_left = np.asarray(spot, np.float64), np.asarray(time_left, np.float64)
        spread = self.sigma * np.sqrt(time_left)
        d1 = (np.log(spot / self.strike) + self.rate * time_left) / spread + 0.5 * spread
        centre = -self.units * self.side * ndtr(self.side * d1)
        gamma = np.exp(-0.5 * d1**2) / (np.sqrt(2.0 * np.pi) * spot * spread)
        half = self.half_width(spot, time_left, self.units * gamma)
        return centre - half, centre + half

    def half_width(self, spot: Floats, time_left: Floats, gamma: Floats) -> Floats:
        """How far the band's ends are from its centre, units; `gamma` is the position's, units / price."""
        return np.zeros(np.broadcast_shapes(spot.shape, time_left.shape))


@dataclass(frozen=True)
class FixedDeltaBand(DeltaHedge):
    """As `DeltaHedge`, but not while the holding is within `width` units of it."""

    width: NonNegative = 0.05

    def half_width(self, spot: Floats, time_left: Floats, gamma: Floats) -> Floats:
        return np.full(np.broadcast_shapes(spot.shape, time_left.shape), self.width)


@dataclass(frozen=True)
class WhalleyWilmott(DeltaHedge):
    """The band of a small proportional cost under CARA utility: Whalley & Wilmott 1997, Mathematical Finance 7(3).

    half-width = (3/2 e^(-rate time_left) cost S Gamma^2 / gamma)^(1/3), units, with Gamma the position's, units / price. A
    trade costs the share `cost` of what is traded; `gamma` is the risk aversion, 1 / price.
    """

    cost: NonNegative = 0.01
    gamma: Positive = 1.0

    def half_width(self, spot: Floats, time_left: Floats, gamma: Floats) -> Floats:
        return np.cbrt(1.5 * np.exp(-self.rate * time_left) * self.cost * spot * gamma**2 / self.gamma)
