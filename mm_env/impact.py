"""Adverse selection: who trades with us may know more, and the mid jumps against what we just took on."""

from __future__ import annotations

from mm_env.component import Component, rule
from mm_env.maths import exponential
from mm_env.parameters import NonNegative, Positive, Real


class Impact(Component):
    """The size of the mid's jump after the orders of one side, in the direction of those orders."""

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        """Price units, >= 0. `filled` and `arrived` are 1.0 or 0.0."""
        raise NotImplementedError

    @rule
    def jump_at(self, depth: float, filled: float, arrived: float, uniform: float) -> float:
        """The same, told the depth (price units from the mid) of our quote on that side too."""
        return self.jump(filled, arrived, uniform)


class NoImpact(Impact):
    """Orders carry no information."""

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        return 0.0


class FillImpact(Impact):
    """Each of our fills moves the mid against us by an exponential of this mean: a fill at depth d earns d - mean."""

    mean: NonNegative  # price

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        return filled * self.mean * exponential(uniform)


class ArrivalImpact(Impact):
    """Each arriving order moves the mid, whether we fill it or not (Cartea, Jaimungal & Penalva 2015, sec. 10.4).

    Orders that come only because we quote beyond the mid move nothing: else one could push the mid by quoting.
    """

    mean: NonNegative  # price

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        return arrived * self.mean * exponential(uniform)


class DepthImpact(Impact):
    """Each of our fills moves the mid against us by an exponential whose mean depends on the depth that was filled.

    mean(depth) = base + slope depth + bend depth^2 up to `reach`, its tangent beyond, held at 0 from below; beyond the mid
    that at depth 0. An order that comes deep into the book tells more: where the mean exceeds the depth, a fill earns nothing.
    """

    base: Real  # price
    slope: Real  # price a price
    bend: Real = 0.0  # 1 / price
    reach: Positive = 1e9  # price

    @rule
    def mean_at(self, depth: float) -> float:
        """The mean jump given a fill at `depth`, price units."""
        beyond = max(depth, 0.0)
        bent = min(beyond, self.reach)
        return max(self.base + self.slope * beyond + self.bend * bent * (2.0 * beyond - bent), 0.0)

    @rule
    def jump_at(self, depth: float, filled: float, arrived: float, uniform: float) -> float:
        return filled * self.mean_at(depth) * exponential(uniform)
