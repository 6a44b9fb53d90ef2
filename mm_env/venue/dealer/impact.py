"""Adverse selection: who trades with us may know more, and the mid jumps against what we just took on."""

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import Component, rule
from mm_env.core.maths import exponential, scalar
from mm_env.core.parameters import NonNegative, Positive, Real
from mm_env.world import Now


class Impact(Component):
    """The size of the mid's jump after the orders of one side, in the direction of those orders."""

    def check(self, market: Any) -> None:
        """Refuse a market whose other parts cannot go with this impact."""

    @rule
    def jump(self, filled: float, arrived: float, uniform: float, now: Now) -> float:
        """Price units, >= 0. `filled` and `arrived` are 1.0 or 0.0."""
        raise NotImplementedError

    @rule
    def jump_at(self, depth: float, chance: float, filled: float, arrived: float, uniform: float, now: Now) -> float:
        """The same, told of our quote on that side too: its depth (price units from the mid) and P(filled)."""
        return self.jump(filled, arrived, uniform, now)

    @rule
    def moments(self, depth: float, chance: float, filled: float, arrival: float, now: Now) -> tuple[float, float]:
        """Mean and variance of the jump, given whether we were filled (1.0 or 0.0), which had probability `chance`, and
        P(an order arrives) = `arrival`; what the exact solvers read."""
        raise NotImplementedError


class NoImpact(Impact):
    """Orders carry no information."""

    mean: ClassVar[float] = 0.0

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        return 0.0

    @rule
    def moments(self, depth: float, chance: float, filled: float, arrival: float) -> tuple[float, float]:
        return 0.0, 0.0


class FillImpact(Impact):
    """Each of our fills moves the mid against us by an exponential of this mean: a fill at depth d earns d - mean.

    Whoever holds much can push the mid by what he quotes: where that must not pay, take `DepthImpact` or `ArrivalImpact`.
    """

    mean: NonNegative  # price

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        return filled * self.mean * exponential(uniform)

    @rule
    def moments(self, depth: float, chance: float, filled: float, arrival: float) -> tuple[float, float]:
        return filled * self.mean, filled * self.mean * self.mean


class ArrivalImpact(Impact):
    """Each arriving order moves the mid, whether we fill it or not (Cartea, Jaimungal & Penalva 2015, sec. 10.4).

    Orders that come only because we quote beyond the mid move nothing: else one could push the mid by quoting.
    """

    mean: NonNegative  # price

    @rule
    def jump(self, filled: float, arrived: float, uniform: float) -> float:
        return arrived * self.mean * exponential(uniform)

    @rule
    def moments(self, depth: float, chance: float, filled: float, arrival: float) -> tuple[float, float]:
        came = arrived_given(filled, chance, arrival)
        return self.mean * came, self.mean * self.mean * came * (2.0 - came)


class DepthImpact(Impact):
    """A fill is news: the mid jumps against it by an exponential whose mean depends on the depth that was filled.

        mean(depth) = base + slope depth + bend depth^2 up to `reach`, its tangent beyond, held at 0 from below

    and beyond the mid that at depth 0. An order that comes deep into the book tells more; where the mean exceeds the depth, a
    fill earns nothing. No fill is news too: the mid then moves the other way by chance mean / (1 - chance), so that its mean
    move is 0 whatever is quoted, and nobody can push it by quoting. What is certain is no news: where the chance exceeds 0.9
    the mean falls in a line to 0 at 1.
    """

    base: Real  # price
    slope: Real = 0.0  # price a price
    bend: Real = 0.0  # 1 / price
    reach: Positive = 1e9  # price

    @rule
    def mean_at(self, depth: float, chance: float) -> float:
        """The mean jump given a fill at `depth` that had this chance, price units."""
        return mean_by_depth(self.base, self.slope, self.bend, self.reach, depth, chance)

    @rule
    def jump_at(self, depth: float, chance: float, filled: float, arrived: float, uniform: float) -> float:
        against = filled * exponential(uniform) - (1.0 - filled) * chance / max(1.0 - chance, 1e-300)
        return against * self.mean_at(depth, chance)

    @rule
    def moments(self, depth: float, chance: float, filled: float, arrival: float) -> tuple[float, float]:
        mean = self.mean_at(depth, chance)
        news = mean if filled > 0.0 else -mean * chance / max(1.0 - chance, 1e-300)
        return news, filled * mean * mean


@scalar
def arrived_given(filled: float, chance: float, arrival: float) -> float:
    """P(an order arrived | filled or not), where every order that fills us arrives if the fill is no likelier than that."""
    if filled > 0.0:
        return min(1.0, arrival / max(chance, 1e-300))
    return max(0.0, arrival - chance) / max(1.0 - chance, 1e-300)


@scalar
def mean_by_depth(base, slope, bend, reach, depth, chance):
    """The mean jump of `DepthImpact` given a fill at `depth` that had this chance."""
    beyond = max(depth, 0.0)
    bent = min(beyond, reach)
    told = min(1.0, (1.0 - chance) / 0.1)
    return told * max(base + slope * beyond + bend * bent * (2.0 * beyond - bent), 0.0)
