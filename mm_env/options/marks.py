"""What the options of a desk are marked by: a model's exact prices, and their greeks."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, differs, leaves, rule
from mm_env.core.parameters import Interval, Positive
from mm_env.options.black_scholes import black_scholes
from mm_env.options.heston_integral import SquareRootVariance
from mm_env.options.heston_table import HestonTable, heston_option

Floats = NDArray[np.float64]


class OptionGreeks(NamedTuple):
    """The mark of one option and its derivatives."""

    price: float  # price units
    delta: float  # by the underlying's price
    gamma: float  # delta, by the underlying's price; 1 / price
    vega: float  # by the volatility, the square root of the variance; price sqrt(time)


class OptionMarks(Component):
    """Prices European options without rates by spot, time to expiry and the variance as it stands. Override `greeks`."""

    marks_lookbacks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for leaf in leaves(self):
            if differs(leaf.value):
                raise TypeError(f"{type(self).__name__}.{leaf.path} must be the same in all lanes, got {leaf.value!r}")

    @rule
    def greeks(
        self, side: float, spot: float, strike: float, time_left: float, variance: float, table: Any
    ) -> OptionGreeks:
        """Price and greeks of a call (side 1.0) or put (-1.0); `time_left` > 0."""
        raise NotImplementedError

    @rule
    def volatility(self) -> float:
        """What lookbacks are marked by, 1 / sqrt(time)."""
        return 0.0

    def table(self, longest: float) -> Floats:
        """The numbers that `greeks` reads, for times to expiry of up to `longest`."""
        return np.zeros(1)

    def drift(self, variance: float) -> float:
        """The drift of the variance that prices are of, at this variance: 1 / time^2."""
        return 0.0

    def check(self, underlying: Any) -> None:
        """Refuse an underlying whose variance goes where nothing is priced. Raises: ValueError."""


class BlackScholesMarks(OptionMarks):
    """Black & Scholes at a volatility that stays: dS/S = sigma dW. It marks lookbacks too, in closed form."""

    sigma: Positive  # 1 / sqrt(time)

    marks_lookbacks: ClassVar[bool] = True

    @rule
    def greeks(
        self, side: float, spot: float, strike: float, time_left: float, variance: float, table: Any
    ) -> OptionGreeks:
        found = black_scholes(side, spot, strike, time_left, self.sigma, 0.0, 0.0)
        return OptionGreeks(found.price, found.delta, found.gamma, found.vega)

    @rule
    def volatility(self) -> float:
        return self.sigma


class HestonMarks(OptionMarks):
    """Heston 1993 under the pricing measure, dv = kappa (theta - v) dt + vol sqrt(v) dZ, from a table whose errors
    `HestonTable.errors` tells; variances beyond `highest` are priced by the share of its edge.

    Raises: by a desk, ValueError where the variance of its underlying starts, or in the long run goes, beyond `highest`.
    """

    kappa: Positive  # 1 / time
    theta: Positive  # 1 / time
    vol: Positive  # 1 / time
    rho: Annotated[float, Interval(-1.0, 1.0)]
    highest: Positive = 1.0  # variance, 1 / time

    @rule
    def greeks(
        self, side: float, spot: float, strike: float, time_left: float, variance: float, table: Any
    ) -> OptionGreeks:
        found = heston_option(side, spot, strike, time_left, variance, 0.0, 0.0, table)
        return OptionGreeks(found.price, found.delta, found.gamma, found.vega)

    def table(self, longest: float) -> Floats:
        return _heston_numbers(self.kappa, self.theta, self.vol, self.rho, longest, self.highest)

    def drift(self, variance: float) -> float:
        return self.kappa * (self.theta - variance)

    @property
    def law(self) -> SquareRootVariance:
        return SquareRootVariance(self.kappa, self.theta, self.vol, self.rho)

    def check(self, underlying: Any) -> None:
        reached = farthest_variance(underlying)
        if reached > self.highest:
            raise ValueError(
                f"HestonMarks.highest must be at least {reached:.4g}, to where the underlying's variance goes, got "
                f"{self.highest:g}"
            )


def farthest_variance(underlying: Any) -> float:
    """Where the variance of a price starts, or is in the long run but for one time in 10^4 (a gamma law), if further."""
    if not hasattr(underlying, "v0"):
        return float(underlying.sigma) ** 2
    from scipy.special import gammainccinv

    scale = underlying.vol**2 / (2.0 * underlying.kappa)
    return max(float(underlying.v0), float(scale * gammainccinv(underlying.theta / scale, 1e-4)))


@lru_cache(maxsize=16)
def _heston_numbers(kappa: float, theta: float, vol: float, rho: float, longest: float, highest: float) -> Floats:
    return HestonTable(kappa, theta, vol, rho, longest, highest).numbers
