"""Orders at a dealer that follow volatility or the time of day, or that bring orders themselves."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from mm_env.core.component import record, rule
from mm_env.core.maths import exp, log, one_minus_exp
from mm_env.core.noise import Noise
from mm_env.core.parameters import ListedNonNegative, NonNegative, Positive, Real
from mm_env.core.tuples import pick
from mm_env.venue.dealer.flow import Flow, Scaled
from mm_env.world import Now


class SeasonalFlow(Scaled):
    """Orders of `flow` at a rate that changes with the time of day: times factors[i] in the i-th of n equal parts of the
    horizon."""

    factors: ListedNonNegative

    @property
    def rate(self) -> float:
        """The mean rate over the horizon, orders / time: what closed forms take."""
        return self.flow.rate * sum(self.factors) / len(self.factors)  # pyright: ignore[reportAttributeAccessIssue]

    @rule
    def factor(self, now: Now) -> float:
        """That of the time of day; a part begins with the step that rounding leaves a billionth of the day before it."""
        parts = float(len(self.factors))
        return pick(self.factors, math.floor(parts * (now.time / (now.time + now.time_left)) + 1e-9))


class VolatilityFlow(Scaled):
    """Orders of `flow` at a rate that follows the variance v of a price that has one in its state, such as `Heston`: times
    (v / reference)^power."""

    reference: Positive  # as v: price^2 / time, 1 / time of a relative price
    power: Real = 1.0

    @property
    def rate(self) -> float:
        """The rate at the reference, orders / time: what closed forms take."""
        return self.flow.rate  # pyright: ignore[reportAttributeAccessIssue]

    def check(self, market: Any) -> None:
        if not hasattr(record(market.price).start(), "v"):
            raise ValueError(
                f"VolatilityFlow needs a price whose state is a variance v, such as Heston, got {market.price}"
            )
        super().check(market)

    @rule
    def factor(self, now: Now) -> float:
        """(v / reference)^power."""
        return exp(self.power * log(max(now.world.price.v, 1e-300) / self.reference))


class Excitation(NamedTuple):
    """The state of a flow: how far its intensity is above its base."""

    above: float  # orders / time


class HawkesFlow(Flow):
    """Orders bring orders: the intensity of a side is base + the sum over orders past of decay n e^(-decay age), where n is
    `branching` for an order of the same side and `cross` for one of the other: how many it brings on average, directly.

    P = min(intensity take dt, 1), with at most one order a step. An order adds n (1 - e^(-decay dt)) / dt to the intensity
    after it, so that it brings n whatever the step, and the mean intensity is base / (1 - branching - cross) exactly, while
    intensity dt stays below 1. An episode starts at that mean.

    Raises: ValueError unless branching + cross < 1: each order would bring one or more.
    """

    base: NonNegative  # orders / time
    branching: NonNegative
    cross: NonNegative
    decay: Positive  # 1 / time

    def __post_init__(self) -> None:
        super().__post_init__()
        made = record(self)
        if made.branching + made.cross >= 1.0:
            raise ValueError(
                f"HawkesFlow.branching + cross must be below 1, or orders bring ever more, got {made.branching + made.cross:g}"
            )

    @property
    def rate(self) -> float:
        """The mean intensity, orders / time: what closed forms take."""
        return record(self).mean()

    @rule
    def mean(self) -> float:
        """base / (1 - branching - cross), orders / time."""
        return self.base / (1.0 - self.branching - self.cross)

    @rule
    def start(self) -> Any:
        return Excitation(self.mean() - self.base)

    @rule
    def probability(self, take: float, dt: float, now: Now, state: Any) -> float:
        return min((self.base + state.above) * take * dt, 1.0)

    @rule
    def evolve(self, state: Any, arrived: float, opposite: float, noise: Noise, dt: float) -> Any:
        brought = (self.branching * arrived + self.cross * opposite) * one_minus_exp(self.decay * dt) / dt
        return Excitation(state.above * exp(-self.decay * dt) + brought)
