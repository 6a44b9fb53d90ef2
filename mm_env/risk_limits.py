"""Limits of each side, and limits that depend on the state: by regime, before a gap, after a drawdown, while the margin is not
covered."""

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import differs, record, rule
from mm_env.core.maths import scalar
from mm_env.core.parameters import Listed, ListedNonNegative, NonNegative, Positive, Real
from mm_env.core.tuples import each, largest, pick, smallest
from mm_env.limits import Limits
from mm_env.margin import Margin, Standing
from mm_env.quote import NOWHERE
from mm_env.watched import WatchingSeveral
from mm_env.world import Now

_ROUNDING = 1e-9  # of its time, so that rounding neither keeps a gap that is over nor misses one that is due


class RegimeLimits(Limits):
    """In regime i, counted from 0, at most max_inventory[i] units held and no quote closer than min_depth[i].

    The regime is `now.world.price.regime`, that of a `RegimeSwitching` price. One number of either is that of all regimes.
    """

    max_inventory: ListedNonNegative  # units
    min_depth: Listed = (-NOWHERE,)  # price units from the mid

    def __post_init__(self) -> None:
        super().__post_init__()
        regimes = max(len(self.max_inventory), len(self.min_depth))
        for name in ("max_inventory", "min_depth"):
            values = getattr(self, name)
            object.__setattr__(self, name, values * regimes if len(values) == 1 else values)

    def check(self, market: Any) -> None:
        regimes = getattr(market.price, "regimes", 0)
        if not hasattr(record(market).price.start(), "regime"):
            raise ValueError(f"RegimeLimits need a price with regimes, a RegimeSwitching, got {market.price}")
        for name in ("max_inventory", "min_depth"):
            if (given := len(getattr(self, name))) != regimes:
                raise ValueError(f"RegimeLimits.{name} must have one number for each of {regimes} regimes, got {given}")

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        return pick(self.max_inventory, now.world.price.regime)

    @rule
    def least_depth(self, standing: Standing, now: Now) -> float:
        return pick(self.min_depth, now.world.price.regime)


class GapLimits(Limits):
    """In the steps that begin within [t - before, t) for one of the times t of `at`, those of a `ScheduledGap`, at most
    max_inventory held and no quote closer than min_depth."""

    at: ListedNonNegative  # time since the episode began
    before: NonNegative  # time
    max_inventory: NonNegative = 0.0  # units; 0 is reduce-only
    min_depth: Real = -NOWHERE  # price units from the mid

    def check(self, market: Any) -> None:
        horizon = market.clock.horizon
        outside = [time for time in self.at if not 0.0 < time * (1.0 - _ROUNDING) <= horizon]
        if outside:
            raise ValueError(f"GapLimits.at must lie in (0, {horizon:g}], the market's horizon, got {outside[0]:g}")

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        return self.max_inventory if self.near(now.time) else most

    @rule
    def least_depth(self, standing: Standing, now: Now) -> float:
        return self.min_depth if self.near(now.time) else -NOWHERE

    @rule
    def near(self, time: float) -> bool:
        """Whether one of the times is no further ahead than `before`."""
        return largest(each(_is_ahead, self.at, (time, self.before))) > 0.0


class DrawdownLimits(Limits):
    """While the profit is `drawdown` or more below its peak in the episode, at most max_inventory held and no quote closer than
    min_depth."""

    drawdown: Positive  # price units
    max_inventory: NonNegative = 0.0  # units; 0 is reduce-only
    min_depth: Real = -NOWHERE  # price units from the mid

    watches: ClassVar[tuple[str, ...]] = ("drawdown",)

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        return self.max_inventory if standing.peak - standing.profit >= self.drawdown else most

    @rule
    def least_depth(self, standing: Standing, now: Now) -> float:
        return self.min_depth if standing.peak - standing.profit >= self.drawdown else -NOWHERE


class ReduceOnly(WatchingSeveral, Limits):
    """While the account would not hold by `margin` no order makes the position larger: a margin call that closes nothing, and
    is cured by trading out of the position, or by profit."""

    margin: Margin

    @rule
    def members(self) -> tuple[Any, ...]:
        return (self.margin,)

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        return most if self.margin.holds(standing, now) else 0.0


class SideLimits(Limits):
    """At most max_long held and at most max_short owed: a credit line with its own limit each way. 0 shuts a side."""

    max_long: NonNegative  # units
    max_short: NonNegative  # units

    def check(self, market: Any) -> None:
        for name in ("max_long", "max_short"):
            value, size = getattr(self, name), market.order_size
            if differs(value) or abs(value / size - round(value / size)) > _ROUNDING:
                raise ValueError(
                    f"SideLimits.{name} must be whole order sizes of {size:g}, the same in all lanes, got {value}"
                )
            if value > market.max_inventory:
                raise ValueError(
                    f"SideLimits.{name} must be <= Market.max_inventory = {market.max_inventory:g}, got {value:g}"
                )

    @rule
    def longest(self, most: float, standing: Standing, now: Now) -> float:
        return self.max_long

    @rule
    def shortest(self, most: float, standing: Standing, now: Now) -> float:
        return self.max_short

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        return max(self.max_long, self.max_short)


class Tightest(WatchingSeveral, Limits):
    """The tightest of several limits: the least that may be held, and the widest of their least depths."""

    limits: tuple[Limits, ...]

    def check(self, market: Any) -> None:
        for limits in self.limits:
            limits.check(market)

    @rule
    def members(self) -> tuple[Any, ...]:
        return self.limits

    @rule
    def longest(self, most: float, standing: Standing, now: Now) -> float:
        return smallest(each(_longest, self.limits, (most, standing, now)))

    @rule
    def shortest(self, most: float, standing: Standing, now: Now) -> float:
        return smallest(each(_shortest, self.limits, (most, standing, now)))

    @rule
    def largest(self, most: float, standing: Standing, now: Now) -> float:
        return max(self.longest(most, standing, now), self.shortest(most, standing, now))

    @rule
    def least_depth(self, standing: Standing, now: Now) -> float:
        return largest(each(_least_depth, self.limits, (standing, now)))


@scalar
def _is_ahead(at: float, told: tuple[float, float]) -> float:
    time, before = told
    ahead = 1.0 if at * (1.0 - _ROUNDING) > time else 0.0
    return ahead * (1.0 if at * (1.0 - _ROUNDING) <= time + before else 0.0)


@scalar
def _longest(limits: Any, told: tuple[Any, ...]) -> float:
    most, standing, now = told
    return limits.longest(most, standing, now)


@scalar
def _shortest(limits: Any, told: tuple[Any, ...]) -> float:
    most, standing, now = told
    return limits.shortest(most, standing, now)


@scalar
def _least_depth(limits: Any, told: tuple[Any, ...]) -> float:
    standing, now = told
    return limits.least_depth(standing, now)
