"""How a channel's balance is brought back: what it costs, how long it takes, and whether payments pass meanwhile."""

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import Component, rule
from mm_env.core.maths import one_minus_exp
from mm_env.core.noise import VENUE, Noise, more
from mm_env.core.parameters import Count, NonNegative, Positive, Probability, check_fields

Endings = tuple[tuple[float, float], ...]


class Rebalancing(Component):
    """Bringing our balance to `target_balance`, asked for by the quote (`Quote.cut` > 0) and paid when it is.

    It goes on while `left` > 0. Override `begun`, `ends` and `later`, and say all that `left` may be by `stages`.
    """

    allowed: ClassVar[bool] = True
    signals: ClassVar[tuple[str, ...]] = ("rebalancing",)

    def stages(self) -> tuple[float, ...]:
        """All that `left` may be: 0.0, 1.0, ..."""
        raise NotImplementedError

    def check(self, channel: Any, order_size: float) -> None:
        """Refuse a channel that it cannot rebalance."""

    @rule
    def begun(self, left: float, asked: float) -> float:
        """What is `left` during a step in which it is asked for (1.0) or not (0.0): asked while it goes on is of no effect."""
        return 0.0

    @rule
    def endings(self, left: float, dt: float) -> Endings:
        """(probability, 1.0 if the balance is brought to the target) of what may come of it at the end of a step."""
        return ((1.0 - self.ends(left, dt), 0.0), (self.ends(left, dt), 1.0))

    @rule
    def ends(self, left: float, dt: float) -> float:
        """P(it is done at the end of a step)."""
        return 0.0

    @rule
    def done(self, left: float, dt: float, noise: Noise) -> float:
        """1.0 if it is done at the end of a step, as the noise has it; else 0.0."""
        return 1.0 if more(noise, VENUE)[0] < self.ends(left, dt) else 0.0

    @rule
    def later(self, left: float) -> float:
        """What is `left` after a step in which it was not done."""
        return left

    @rule
    def price(self, away: float) -> float:
        """What asking for it costs with the balance `away` from its target, units; price units."""
        return 0.0

    @rule
    def passable(self, left: float) -> float:
        """1.0 while payments pass, 0.0 while they fail."""
        return 1.0

    @rule
    def aim(self) -> float:
        """Our balance after it, units."""
        return 0.0

    @rule
    def observe(self, left: float) -> tuple[float, ...]:
        """One number of order one for each of `signals`."""
        return ()


class NoRebalancing(Rebalancing):
    """The balance moves by payments alone."""

    allowed: ClassVar[bool] = False
    signals: ClassVar[tuple[str, ...]] = ()

    def stages(self) -> tuple[float, ...]:
        return (0.0,)

    @rule
    def endings(self, left: float, dt: float) -> Endings:
        return ((1.0, 0.0),)

    @rule
    def done(self, left: float, dt: float, noise: Noise) -> float:
        return 0.0


class _Paid(Rebalancing):
    """What both ways of timing it have in common."""

    target_balance: NonNegative  # units, on our side after it
    cost: NonNegative = 0.0  # price units
    unit_cost: NonNegative = 0.0  # price units a unit between balance and target when it is asked for
    frozen: Probability = 0.0  # 1: payments fail meanwhile; 0: the channel stays open

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if self.frozen not in (0.0, 1.0):
            raise ValueError(
                f"{type(self).__name__}.frozen must be 1 (payments fail meanwhile) or 0, got {self.frozen:g}"
            )

    def check(self, channel: Any, order_size: float) -> None:
        name, target = f"{type(self).__name__}.target_balance", self.target_balance
        if target > channel.capacity:
            raise ValueError(
                f"{name} must lie within the channel's capacity, [0, {channel.capacity:g}], got {target:g}"
            )
        if not whole_orders(target, order_size):
            raise ValueError(f"{name} must be whole order sizes of {order_size:g}, got {target}")

    @rule
    def price(self, away: float) -> float:
        return self.cost + self.unit_cost * abs(away)

    @rule
    def passable(self, left: float) -> float:
        return 1.0 - self.frozen if left > 0.5 else 1.0

    @rule
    def aim(self) -> float:
        return self.target_balance


class ExponentialRebalancing(_Paid):
    """Rebalancing takes an exponential time of mean `mean_time`: P(done within a step) = 1 - exp(-dt / mean_time)."""

    mean_time: Positive = 1.0  # time

    def stages(self) -> tuple[float, ...]:
        return (0.0, 1.0)

    @rule
    def begun(self, left: float, asked: float) -> float:
        return max(left, asked)

    @rule
    def ends(self, left: float, dt: float) -> float:
        return one_minus_exp(dt / self.mean_time) if left > 0.5 else 0.0

    @rule
    def observe(self, left: float) -> tuple[float, ...]:
        return (left,)


class FixedRebalancing(_Paid):
    """Rebalancing takes a fixed number of `steps`, including the one in which it is asked for."""

    steps: Count = 1

    def stages(self) -> tuple[float, ...]:
        return tuple(float(left) for left in range(self.steps + 1))

    @rule
    def begun(self, left: float, asked: float) -> float:
        return left if left > 0.5 else asked * self.steps

    @rule
    def ends(self, left: float, dt: float) -> float:
        return 1.0 if 0.5 < left < 1.5 else 0.0

    @rule
    def later(self, left: float) -> float:
        return max(left - 1.0, 0.0)

    @rule
    def observe(self, left: float) -> tuple[float, ...]:
        return (left / self.steps,)


def whole_orders(value: float, size: float) -> bool:
    """Whether a number of units is whole order sizes, but for rounding."""
    return abs(value / size - round(value / size)) <= 1e-9
