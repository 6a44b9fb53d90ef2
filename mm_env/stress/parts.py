"""Parts of a market around those that it has, which do something more within a stretch of the episode and nothing else outside.

Where what they do is nothing, they give the very bits of the parts within.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from mm_env.action_parts import ActionPart
from mm_env.core.component import record, rule
from mm_env.core.maths import exponential, scalar
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative, Probability, Real
from mm_env.core.tuples import both
from mm_env.hedges import Floats, Hedges
from mm_env.price.around import Around
from mm_env.price.law import Law
from mm_env.price.models import Price
from mm_env.venue.dealer.flow import Scaled
from mm_env.venue.dealer.impact import Impact
from mm_env.world import Now

EARLY = 1e-9  # of a time, by which rounding may have a step begin before it


@scalar
def within(time: float, begins: float, ends: float) -> float:
    """1.0 of a step that begins in [begins, ends), else 0.0."""
    return 1.0 if begins * (1.0 - EARLY) <= time < ends * (1.0 - EARLY) else 0.0


class StressedPrice(Around):
    """`price` whose moves are `volatility` times as large from `begins` to `ends`, with a `gap` in the first step of that.

    What strategies are told of it is that of `price`: they do not expect it.
    """

    begins: NonNegative  # time since the episode began
    ends: NonNegative
    volatility: NonNegative = 1.0  # by which moves are multiplied
    gap: Real = 0.0  # price

    @property
    def relative(self) -> bool:
        return self.price.relative

    @property
    def sigma(self) -> float:
        """That of `price`."""
        return self.price.sigma  # pyright: ignore[reportAttributeAccessIssue]

    @rule
    def more(self, time: float) -> float:
        """By which a move of the step that begins at `time` is larger, as a share of itself."""
        return within(time, self.begins, self.ends) * (self.volatility - 1.0)

    @rule
    def gap_in(self, time: float, dt: float) -> float:
        """The gap, if the step that begins at `time` is the first of the stress, else 0."""
        return within(time, self.begins, self.begins + dt) * self.gap

    @rule
    def unread(self, noise: Noise) -> Noise:
        return self.price.unread(noise)

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float, now: Now) -> float:
        moved = self.price.move(mid, latent, noise, dt, now)
        return moved + (self.more(now.time) * (moved - mid) + self.gap_in(now.time, dt))

    @rule
    def expected(self, mid: float, latent: Any, dt: float, now: Now) -> float:
        moved = self.price.expected(mid, latent, dt, now)
        return moved + (self.more(now.time) * (moved - mid) + self.gap_in(now.time, dt))

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        factor = 1.0 + self.more(now.time - dt)
        return factor * factor * self.price.variance(latent, dt, now)

    def law(self, dt: float, nodes: int) -> Law:
        """That of a step without stress."""
        return self.price.law(dt, nodes)

    def law_at(self, time: float, dt: float, nodes: int) -> Law:
        told = None if type(self.price).law_at is Price.law_at else time
        rules: Any = record(self)
        return _law(self.price, dt, nodes, told, 1.0 + rules.more(time), rules.gap_in(time, dt))


class StressedFlow(Scaled):
    """Orders of `flow` at `times` its rate from `begins` to `ends`."""

    begins: NonNegative  # time since the episode began
    ends: NonNegative
    times: NonNegative = 1.0

    @rule
    def factor(self, now: Now) -> float:
        """1 outside of the stress."""
        return self.times if within(now.time, self.begins, self.ends) > 0.0 else 1.0

    @property
    def rate(self) -> float:
        """That of `flow`, orders / time."""
        return self.flow.rate  # pyright: ignore[reportAttributeAccessIssue]

    @rule
    def arrival(self, dt: float, now: Now, state: Any) -> float:
        scaled = self.flow.probability(self.factor(now), dt, now, state)
        return scaled if within(now.time, self.begins, self.ends) > 0.0 else self.flow.arrival(dt, now, state)


class StressedImpact(Impact):
    """`impact`, and from `begins` to `ends` each fill moves the mid against it by an exponential of mean `adverse` more."""

    impact: Impact
    begins: NonNegative  # time since the episode began
    ends: NonNegative
    adverse: NonNegative = 0.0  # price

    def check(self, market: Any) -> None:
        self.impact.check(market)

    @rule
    def jump_at(self, depth: float, chance: float, filled: float, arrived: float, uniform: float, now: Now) -> float:
        more = within(now.time, self.begins, self.ends) * self.adverse * filled * exponential(uniform)
        return self.impact.jump_at(depth, chance, filled, arrived, uniform, now) + more

    @rule
    def moments(self, depth: float, chance: float, filled: float, arrival: float, now: Now) -> tuple[float, float]:
        """Both jumps of a fill are multiples of one exponential E: Var[(m + a) E] = Var[m E] + 2 a E[m E] + a^2."""
        mean, variance = self.impact.moments(depth, chance, filled, arrival, now)
        more = within(now.time, self.begins, self.ends) * self.adverse * filled
        return mean + more, variance + more * (2.0 * mean + more)


class StressedHedges(Hedges):
    """`hedges` that move as `shocked` from `begins` to `ends`, and cannot be traded where `tradable` is 0: what is held then
    stays held."""

    hedges: Hedges
    shocked: Hedges
    begins: NonNegative  # time since the episode began
    ends: NonNegative
    tradable: Probability = 1.0

    @property
    def signals(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.hedges.signals

    @property
    def reads_variance(self) -> bool:
        return self.hedges.reads_variance

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return self.hedges.action_parts

    @property
    def names(self) -> tuple[str, ...]:
        return self.hedges.names

    def encode(self, positions: Floats) -> Floats:
        return self.hedges.encode(positions)

    def positions_shown(self, signals: Floats) -> Floats:
        return self.hedges.positions_shown(signals)

    def levels(self) -> tuple[Floats, ...]:
        return self.hedges.levels()

    def check(self, market: Any) -> None:
        self.hedges.check(market)

    @rule
    def start(self) -> Any:
        return self.hedges.start()

    @rule
    def positions(self) -> tuple[float, ...]:
        return self.hedges.positions()

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        return self.hedges.marks(now)

    @rule
    def is_shocked(self, now: Now) -> bool:
        """Whether they move as `shocked`."""
        return within(now.time, self.begins, self.ends) > 0.0

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        return self.shocked.deltas(now) if self.is_shocked(now) else self.hedges.deltas(now)

    @rule
    def impacts(self, trades: tuple[float, ...], now: Now) -> tuple[float, ...]:
        return self.hedges.impacts(trades, now)

    @rule
    def targets(
        self, action: tuple[float, ...], inventory: float, held: tuple[float, ...], now: Now
    ) -> tuple[float, ...]:
        stuck = within(now.time, self.begins, self.ends) * (1.0 - self.tradable)
        return both(kept, self.hedges.targets(action, inventory, held, now), held, stuck)

    @rule
    def cost(self, trades: tuple[float, ...], now: Now, dt: float) -> float:
        return self.hedges.cost(trades, now, dt)

    @rule
    def carry(self, held: tuple[float, ...], dt: float, now: Now) -> float:
        return self.hedges.carry(held, dt, now)

    @property
    def says_surprise(self) -> bool:
        return self.hedges.says_surprise

    @rule
    def surprise(
        self, held: tuple[float, ...], trades: tuple[float, ...], before: Now, after: Now, mid: float, dt: float
    ) -> float:
        calm = self.hedges.surprise(held, trades, before, after, mid, dt)
        return self.shocked.surprise(held, trades, before, after, mid, dt) if self.is_shocked(before) else calm

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float, now: Now) -> float:
        calm = self.hedges.square(inventory, held, variance, now)
        return self.shocked.square(inventory, held, variance, now) if self.is_shocked(now) else calm

    @rule
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float = 0.0,
        trades: tuple[float, ...] = (),
    ) -> Any:  # fmt: skip
        calm = self.hedges.evolve(state, before, mid, noise, dt, variance, trades)
        return self.shocked.evolve(state, before, mid, noise, dt, variance, trades) if self.is_shocked(before) else calm

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        return self.hedges.observe(held, now)


@lru_cache(maxsize=256)
def _law(price: Price, dt: float, nodes: int, time: float | None, factor: float, gap: float) -> Law:
    """That of `price` with its moves times a factor, and a gap more; the same object where it is the same."""
    plain = price.law(dt, nodes) if time is None else price.law_at(time, dt, nodes)
    if factor == 1.0 and gap == 0.0:
        return plain
    if any(law.follows_mid for law in plain.axes):
        raise NotImplementedError(f"stress of {type(price).__name__}, whose moves depend on the mid, has no law")
    first, *others = (replace(law, mean=factor * law.mean, variance=factor**2 * law.variance) for law in plain.axes)
    return replace(first, mean=first.mean + gap, others=tuple(others))


@scalar
def kept(wanted, held, stuck):
    """The position wanted, or the one held where it is stuck."""
    return held if stuck > 0.0 else wanted
