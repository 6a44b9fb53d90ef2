"""P(an arriving market order takes a quote at this depth). Depth is the distance from the mid, in price units."""

from __future__ import annotations

import math
from typing import Any

from mm_env.core.component import Component, rule
from mm_env.core.gaussian import normal_cdf
from mm_env.core.maths import clip, exp, log
from mm_env.core.parameters import Positive, Probability, Real
from mm_env.world import Now


class Fill(Component):
    """The fill probability of an arriving order by depth."""

    def check(self, market: Any) -> None:
        """Refuse a market whose other parts cannot go with this fill model."""

    @rule
    def take(self, depth: float, now: Now) -> float:
        """The share of arriving orders that reach a quote at `depth`."""
        raise NotImplementedError


class Exponential(Fill):
    """exp(-k depth). Beyond the mid (depth < 0) it exceeds 1: there it scales the rate, as A exp(-k depth) does."""

    k: Positive  # 1 / price

    @rule
    def take(self, depth: float) -> float:
        return exp(-self.k * depth)


class PowerLaw(Fill):
    """(1 + depth / scale)^-exponent for depth > 0, else 1."""

    scale: Positive  # price
    exponent: Positive

    @rule
    def take(self, depth: float) -> float:
        return exp(-self.exponent * log(1.0 + max(depth, 0.0) / self.scale))


class Logistic(Fill):
    """1 / (1 + exp((depth - middle) / width))."""

    middle: Real  # price: here every second order takes the quote
    width: Positive  # price

    @rule
    def take(self, depth: float) -> float:
        return 1.0 / (1.0 + exp((depth - self.middle) / self.width))


class Linear(Fill):
    """1 - depth / reach, held inside [0, 1]: no order reaches deeper than `reach`."""

    reach: Positive  # price

    @rule
    def take(self, depth: float) -> float:
        return clip(1.0 - depth / self.reach, 0.0, 1.0)


class Hyperexponential(Fill):
    """share exp(-k depth) + (1 - share) exp(-deep_k depth) for depth > 0, else 1: a mixture of orders of two kinds.

    Where most orders stop at the best price and the others go deep, no single decay fits and this one does.
    """

    k: Positive  # 1 / price
    deep_k: Positive  # 1 / price
    share: Probability  # of the orders that decay with `k`

    @rule
    def take(self, depth: float) -> float:
        beyond = max(depth, 0.0)
        return self.share * exp(-self.k * beyond) + (1.0 - self.share) * exp(-self.deep_k * beyond)


class JohnsonSU(Fill):
    """1 - N(a + b asinh((depth - middle) / width)): the best competing quote has Johnson's SU law.

    As dealers of corporate bonds see it (Gueant & Manziuk 2019; Fermanian, Gueant & Rachez 2016).
    """

    a: Real
    b: Positive
    middle: Real  # price
    width: Positive  # price

    @rule
    def take(self, depth: float) -> float:
        x = (depth - self.middle) / self.width
        far = log(abs(x) + math.sqrt(x * x + 1.0))  # asinh |x|
        return normal_cdf(-(self.a + self.b * (far if x > 0.0 else -far)))
