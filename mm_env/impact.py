"""Adverse selection: who trades with us may know more, and the mid jumps against what we just took on."""

from __future__ import annotations

from mm_env.component import Component, rule
from mm_env.maths import exponential
from mm_env.parameters import NonNegative


class Impact(Component):
    """The size of the mid's jump after the orders of one side, in the direction of those orders."""

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        """Price units, >= 0. `filled` and `arrived` are 1.0 or 0.0."""
        raise NotImplementedError


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
