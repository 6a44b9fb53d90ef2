"""Gaps at scheduled times: the night between two sessions, an announcement."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

from mm_env.clock import Ergodic
from mm_env.core.component import rule
from mm_env.core.maths import normal, scalar
from mm_env.core.noise import FACTORS, Noise, more
from mm_env.core.parameters import Listed, ListedNonNegative
from mm_env.core.tuples import both, each, smallest, weighted
from mm_env.price.around import Around
from mm_env.price.law import Law
from mm_env.price.models import Price
from mm_env.world import Now

GAP = FACTORS + 9  # the block of noise that gaps draw by
_EARLIER = 1.0 - 1e-9  # of its time, so that rounding brings no gap past the end of its step


class ScheduledGap(Around):
    """S moves as `price` does and at each of the times `at` by a normal of `mean` and `std` more, while nobody trades.

    Time is trading time: what is closed between two sessions takes none, and no quote is filled in a gap. The step
    (t, t + dt] that holds the time of a gap moves by it at its end, after the fills; a gap on the border of two steps is of the
    one that ends there. One number of `std` or `mean` is that of all gaps. The agent sees the time to the next gap as a
    share of the horizon, 1 where none is left.

    Raises: ValueError unless times increase, with a number of everything for each; by a market where one is beyond its horizon.
    """

    at: Listed  # time since the episode began
    std: ListedNonNegative  # price
    mean: Listed = (0.0,)  # price

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(one >= two for one, two in zip(self.at, self.at[1:], strict=False)):
            raise ValueError(f"ScheduledGap.at must increase, got {list(self.at)}")
        for name in ("std", "mean"):
            values, gaps = getattr(self, name), len(self.at)
            if len(values) not in (1, gaps):
                raise ValueError(
                    f"ScheduledGap.{name} must have one number, or one for each of {gaps} gaps, got {len(values)}"
                )
            object.__setattr__(self, name, values if len(values) == gaps else values * gaps)

    @property
    def signals(self) -> tuple[str, ...]:
        return ("time_to_gap", *self.price.signals)

    @property
    def relative(self) -> bool:
        return self.price.relative

    @property
    def sigma(self) -> float:
        """That of `price`, between gaps."""
        return self.price.sigma  # pyright: ignore[reportAttributeAccessIssue]

    def check(self, market: Any) -> None:
        super().check(market)
        if isinstance(market.clock, Ergodic):
            raise ValueError(f"ScheduledGap needs a clock whose time the agent sees, got {market.clock}")
        horizon = market.clock.horizon
        outside = [time for time in self.at if not 0.0 < time * _EARLIER <= horizon]
        if outside:
            raise ValueError(f"ScheduledGap.at must lie in (0, {horizon:g}], the market's horizon, got {outside[0]:g}")

    @rule
    def gap_mean(self, begin: float, dt: float) -> float:
        """Of the gaps in (begin, begin + dt], price units."""
        return weighted(0.0, self.mean, each(is_in, self.at, (begin, dt)))

    @rule
    def gap_variance(self, begin: float, dt: float) -> float:
        """Of the gaps in (begin, begin + dt], price units squared."""
        return weighted(0.0, both(squares, self.std, self.std, 0.0), each(is_in, self.at, (begin, dt)))

    @rule
    def unread(self, noise: Noise) -> Noise:
        return self.price.unread(noise)

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float, now: Now) -> float:
        drawn = more(noise, GAP)
        gap = self.gap_mean(now.time, dt) + math.sqrt(self.gap_variance(now.time, dt)) * normal((drawn[0], drawn[1]))
        return self.price.move(mid, latent, noise, dt, now) + gap

    @rule
    def expected(self, mid: float, latent: Any, dt: float, now: Now) -> float:
        return self.price.expected(mid, latent, dt, now) + self.gap_mean(now.time, dt)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        return self.price.variance(latent, dt, now) + self.gap_variance(now.time - dt, dt)

    @rule
    def observe(self, mid: float, latent: Any, now: Now) -> tuple[float, ...]:
        horizon = now.time + now.time_left
        wait = smallest(each(time_to, self.at, (now.time, horizon)))
        return (wait / horizon if horizon > 0.0 else 1.0,) + self.price.observe(mid, latent, now)

    def law(self, dt: float, nodes: int) -> Law:
        """That of a step without a gap."""
        return _law(self.price, dt, nodes, None, 0.0, 0.0)

    def law_at(self, time: float, dt: float, nodes: int) -> Law:
        inside = [is_in(at, (time, dt)) for at in self.at]
        mean = sum(here * mean for here, mean in zip(inside, self.mean, strict=True))
        variance = sum(here * std * std for here, std in zip(inside, self.std, strict=True))
        told = None if type(self.price).law_at is Price.law_at else time
        return _law(self.price, dt, nodes, told, mean, variance)


@lru_cache(maxsize=256)
def _law(price: Price, dt: float, nodes: int, time: float | None, mean: float, variance: float) -> Law:
    """That of `price`, with a normal of this mean and variance more; the same object where it is the same."""
    plain = price.law(dt, nodes) if time is None else price.law_at(time, dt, nodes)
    return replace(plain, mean=plain.mean + mean, variance=plain.variance + variance)


@scalar
def is_in(at, step):
    """1.0 if a time lies in the step (begin, begin + dt], else 0.0."""
    begin, dt = step
    after = 1.0 if at * _EARLIER > begin else 0.0
    return after * (1.0 if at * _EARLIER <= begin + dt else 0.0)


@scalar
def time_to(at, now):
    """The time from now to a gap, the whole horizon if it is past."""
    time, horizon = now
    return at - time if at * _EARLIER > time else horizon


@scalar
def squares(one, same, told):
    """one x one."""
    return one * same
