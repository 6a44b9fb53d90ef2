"""Joint prices of an underlying and of options on it: the options' mids are marks of a model."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from mm_env.core.component import differs, leaves, record
from mm_env.core.gaussian import normal_cdf, normal_pdf
from mm_env.core.maths import scalar
from mm_env.core.parameters import Positive
from mm_env.options.black_scholes import d_one
from mm_env.options.contract import EUROPEAN, FIXED, FLOATING, OptionContract
from mm_env.options.lookback import floating_lookback
from mm_env.options.marks import OptionGreeks, OptionMarks
from mm_env.options.watched_table import marked_watched, watched_table
from mm_env.price.joint import Diffusion, Floats, JointPrices
from mm_env.price.models import Price


class OptionPrices(JointPrices):
    """The mids of an underlying, first, and of `options` on it, whose mids are `marks` of spot, time and variance.

    `underlying` moves as it does in a market, `Geometric` or `GeometricHeston`; the parameters that price may be others than
    those that it moves by. `diffusion` and `covariance_matrix` are those of the start, by the greeks there.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    has_marks: ClassVar[bool] = True

    underlying: Price
    spot: Positive  # price, at the start
    options: Annotated[tuple[OptionContract, ...], "rows of a table"]
    marks: OptionMarks

    def __post_init__(self) -> None:
        super().__post_init__()
        given = tuple(self.options) if isinstance(self.options, list | tuple) else (self.options,)
        if not given or not all(isinstance(one, OptionContract) for one in given):
            raise TypeError(
                f"OptionPrices.options must be a list of OptionContract, at least one, got {self.options!r}"
            )
        object.__setattr__(self, "options", given)
        for leaf in leaves(self.underlying, "underlying"):
            if differs(leaf.value):
                raise TypeError(f"OptionPrices.{leaf.path} must be the same in all lanes, got {leaf.value!r}")
        self._check_underlying()
        self.marks.check(self.underlying)
        for one in given:
            if one.kind != EUROPEAN and not self.marks.marks_lookbacks:
                raise ValueError(f"lookbacks are marked by BlackScholesMarks alone, got {type(self.marks).__name__}")

    def _check_underlying(self) -> None:
        latent: Any = record(self.underlying).start()
        if not self.underlying.relative or hasattr(self.underlying, "jumps") or len(latent) > 1:
            raise ValueError(
                f"OptionPrices.underlying must be Geometric or GeometricHeston, got {type(self.underlying).__name__}"
            )
        if latent and latent._fields != ("v",):
            raise ValueError(f"OptionPrices.underlying must have a variance alone as its state, got {latent!r}")

    @property
    def size(self) -> int:
        return 1 + len(self.options)

    @property
    def variance(self) -> float:
        """Of ln S at the start, 1 / time."""
        latent: Any = record(self.underlying).start()
        return float(latent.v) if latent else float(self.underlying.sigma) ** 2  # pyright: ignore

    @property
    def vol(self) -> float:
        """Of the variance, 1 / time; 0 of one that stays."""
        return float(getattr(self.underlying, "vol", 0.0))

    @property
    def rho(self) -> float:
        """Of spot and variance."""
        return float(getattr(self.underlying, "rho", 0.0))

    @property
    def longest(self) -> float:
        """The longest time to an expiry."""
        return max(one.expiry for one in self.options)

    @cached_property
    def table(self) -> Floats:
        """What marks are read from."""
        return self.marks.table(self.longest)

    @cached_property
    def opening(self) -> tuple[OptionGreeks, ...]:
        """Marks and greeks of the options at the start."""
        return tuple(self._opening_of(record(self.marks), one) for one in self.options)

    def _opening_of(self, marks: Any, one: OptionContract) -> OptionGreeks:
        spot = self.spot
        if one.watched_every > 0.0:
            table = watched_table(one.way, one.expiry, one.watched_every, marks.volatility(), (0.0,))
            return OptionGreeks(*map(float, marked_watched(one.kind, one.way, spot, one.strike, spot, 0.0, table, 0)))
        if one.kind == EUROPEAN:
            return marks.greeks(one.side, spot, one.strike, one.expiry, self.variance, self.table)
        return marked_lookback(marks, one.kind, one.side, spot, one.strike, spot, one.expiry)

    @property
    def vega_premium(self) -> float:
        """What a unit of vega earns a unit of time at the start: the real drift of the variance less that which prices, over
        twice the volatility (Baldacci, Bergault & Gueant 2021)."""
        if not hasattr(self.underlying, "v0"):
            return 0.0
        real = self.underlying.kappa * (self.underlying.theta - self.variance)  # pyright: ignore
        return float(real - self.marks.drift(self.variance)) / (2.0 * math.sqrt(self.variance))

    @property
    def drifts(self) -> Floats:
        return np.zeros(self.size)

    @property
    def diffusion(self) -> Diffusion:
        deltas = np.array([1.0, *(one.delta for one in self.opening)])
        vegas = np.array([0.0, *(one.vega for one in self.opening)])
        spot, risk = self.spot * math.sqrt(self.variance), 0.5 * self.vol
        shared = np.stack(
            [deltas * spot + self.rho * risk * vegas, math.sqrt(1.0 - self.rho**2) * risk * vegas], axis=1
        )
        return Diffusion(np.zeros(self.size), shared, by_own=False)


@scalar
def marked_lookback(
    marks: Any, kind: float, side: float, spot: float, strike: float, extreme: float, time_left: float
) -> OptionGreeks:
    """The mark and the greeks, before its expiry, of a lookback that is watched continuously.

    With x and s as in `floating_lookback`, gamma is (2 n(x) - side s N(x)) / (S s), and vega S^2 sigma T gamma.
    """
    sigma, is_fixed, way = marks.volatility(), kind == FIXED, -side if kind == FLOATING else side
    reached = max(way * extreme, way * spot) * way
    told = max(way * reached, way * strike) * way if is_fixed else reached
    floating, forward = floating_lookback(-way, spot, told, time_left, sigma, 0.0, 0.0), spot - strike
    spread = sigma * math.sqrt(time_left)
    x = way * d_one(spot, told, time_left, spread, 0.0)
    shape = 2.0 * normal_pdf(x) + way * spread * normal_cdf(x)
    gamma = shape / (spot * spread)
    price, delta = floating.price + (side * forward if is_fixed else 0.0), floating.delta + (side if is_fixed else 0.0)
    return OptionGreeks(price, delta, gamma, spot * spot * sigma * time_left * gamma)
