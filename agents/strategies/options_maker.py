"""A desk of options quoted by the vega of its book, whose delta is hedged by a rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.desks import DeskStrategyPolicy, time_seen
from agents.strategies.delta_rules import BookSeen, DeltaRule, HedgeEvery
from agents.strategies.desk_problem import NoProblem
from agents.strategies.instruments import Stream
from agents.strategies.vega_desk import VegaDesk
from mm_env.clock import Ergodic
from mm_env.desk.options.desk import OptionsDesk
from mm_env.reward import VariancePenalty
from mm_env.venue.dealer.flow import Bernoulli

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ConstantVega:
    """The quotes of Baldacci, Bergault & Gueant 2021 for an `OptionsDesk`: by the book's vega at the vegas of the start.

    They are optimal for the process in which deltas are hedged continuously, each option's vega stays what it is at the start,
    the volatility moves by premium dt + (vol / 2) dZ, and requests come at Poisson times: what a desk is as its steps and its
    horizon become short.
    """

    theory: VegaDesk
    places: NDArray[np.int64]  # (streams, 2): the instrument and the kind of each request
    shape: tuple[int, int]  # 2 N, K

    @classmethod
    def of(cls, desk: Any, gamma: float | None = None, premium: float | None = None) -> Self:
        """Of a desk; `gamma` (1 / money) and the `premium` of vega a unit of time are its own unless given.

        Raises: NoProblem for other markets, rewards, flows, sides that differ, or no end.
        """
        _check(desk)
        prices, streams, vegas, places = desk.options, [], [], []
        for i, one in enumerate(desk.instruments[1:], 1):
            for k, (tier, size, share) in enumerate(one.requests.tolist()):
                streams.append(_stream(one, one.tiers[int(tier)], size, share))
                vegas.append(prices.opening[i - 1].vega)
                places.append((i, k))
        told = prices.vega_premium if premium is None else premium
        risk = float(desk.reward.gamma) if gamma is None else gamma
        reach = sum(
            one.max_inventory * abs(vega.vega) for one, vega in zip(desk.instruments[1:], prices.opening, strict=True)
        )
        theory = VegaDesk(tuple(streams), np.array(vegas), told, 0.25 * prices.vol**2, risk, float(desk.clock.horizon),
                          min(desk.vega_limit, reach))  # fmt: skip
        return cls(theory, np.array(places), (2 * len(desk.instruments), max(map(len, desk.columns))))

    @classmethod
    def symmetric(cls, desk: Any) -> Self:
        """The depths at which each request earns most, whatever is held: those of no risk aversion and no premium."""
        return cls.of(desk, gamma=0.0, premium=0.0)

    @property
    def worth(self) -> float:
        """The value of an empty book in the process that the quotes are optimal for, money."""
        return self.theory.value(0.0, self.theory.horizon)

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """As a `DeskStrategy`'s; nothing is traded outside."""
        firsts = np.unique(self.places[:, 0], return_index=True)[1]
        vega = positions[:, self.places[firsts, 0]] @ np.asarray(self.theory.vegas)[firsts]
        asked = self.theory.depths(np.clip(vega, -self.theory.limit, self.theory.limit), time_left)
        depths, (option, kind) = np.zeros((len(positions), *self.shape)), self.places.T
        depths[:, 2 * option, kind], depths[:, 2 * option + 1, kind] = asked[:, 0], asked[:, 1]
        return depths, np.zeros(np.shape(positions))


def _stream(one: Any, tier: Any, size: float, share: float) -> Stream:
    flow, fill = tier.flow.bid, tier.fill.bid
    if not isinstance(flow, Bernoulli):
        raise NoProblem(f"requests must come with probability rate dt (Bernoulli), got {type(flow).__name__}")
    if (flow, fill) != (tier.flow.ask, tier.fill.ask):
        raise NoProblem(f"both sides must have the same clients, got {tier.flow}, {tier.fill} of {one.name}")
    return Stream(fill, float(flow.rate) * share, size)


def _check(desk: Any) -> None:
    if not getattr(desk, "has_options", False):
        raise NoProblem(f"it must be an OptionsDesk, got {type(desk).__name__}")
    if isinstance(desk.clock, Ergodic):
        raise NoProblem("it must end: ConstantVega has no horizon in a desk with an Ergodic clock")
    if not isinstance(desk.reward, VariancePenalty) or desk.reward.alpha != 0.0:
        raise NoProblem(f"its reward must be VariancePenalty with alpha = 0, got {desk.reward}")
    if desk.instruments[0].tiers:
        raise NoProblem("its underlying must have no clients")


@dataclass(frozen=True, eq=False)
class Unquoted:
    """The deepest quotes of a desk, whatever is held; nothing is traded outside."""

    desk: Any

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """As a `DeskStrategy`'s."""
        each = [one.max_depth for one in self.desk.instruments for _ in range(2)]
        kinds = max(map(len, self.desk.columns))
        return np.broadcast_to(np.array(each)[:, None], (len(positions), len(each), kinds)), np.zeros(
            np.shape(positions)
        )


@dataclass(frozen=True)
class OptionsMaker(DeskStrategyPolicy):
    """A `DeskStrategy` of an `OptionsDesk`, with the underlying traded by a rule of the delta: as `OutsideDelta` does.

    Rules see the book as it is before the step's fills; what is traded is told of these.
    """

    rule: DeltaRule = field(default_factory=HedgeEvery)

    @classmethod
    def of(cls, desk: OptionsDesk, quoting: Any, rule: DeltaRule | None = None) -> Self:
        """Of the strategy that `quoting` makes of a desk. Raises: NoProblem for a desk that trades other than by its delta."""
        strategy = quoting(desk)
        if desk.outside_places != [0] or not desk.instruments[0].outside.needs_options:
            raise NoProblem("deltas are hedged in a desk whose underlying alone is traded outside, by OutsideDelta")
        return cls(desk, strategy, HedgeEvery() if rule is None else rule)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width) on observations (n, k)."""
        actions = super().act(observations)
        kept = self.rule.band(self.book_seen(observations))
        actions[:, -1] = np.where(np.isinf(kept), 1.0, np.clip(2.0 * kept / self._widest - 1.0, -1.0, _ALMOST))
        return actions

    def book_seen(self, observations: NDArray[np.float32]) -> BookSeen:
        """What the observations (n, k) show of the books."""
        desk, names = self.market, self.market.observation_names
        first = names.index("delta")
        delta, gamma, _, moved = observations[:, first : first + 4].astype(np.float64).T
        steps = desk.clock.steps - np.rint(time_seen(desk, observations) / desk.clock.step_length)
        scales = desk.scales
        return BookSeen(
            steps, delta * scales[0], gamma * scales[1], desk.options.spot * np.exp(moved * desk.move_scale)
        )

    @property
    def _widest(self) -> float:
        outside: Any = self.market.instruments[0].outside
        return outside.widest


_ALMOST = 1.0 - 1e-9  # the widest band; beyond it nothing is traded
