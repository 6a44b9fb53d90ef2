"""Order rate, fill decay and adverse selection that follow the regime of the price (`RegimeSwitching`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mm_env.core.component import Component, parts, record, rule
from mm_env.core.maths import scalar
from mm_env.core.parameters import ListedNonNegative
from mm_env.core.tuples import each, pick
from mm_env.price.models import Price
from mm_env.price.regimes import RegimeSwitching
from mm_env.venue.dealer.fill import Fill
from mm_env.venue.dealer.flow import Scaled
from mm_env.venue.dealer.impact import Impact
from mm_env.world import Now


class RegimeFlow(Scaled):
    """Orders of `flow` at factors[r] times its rate in regime r: P = flow.probability(take x factors[r])."""

    factors: ListedNonNegative

    def check(self, market: Any) -> None:
        check_regimes(self, self.factors, market)
        super().check(market)

    def averaged(self, price: Price) -> Any:
        """`flow` with its `rate` as it is on average over time."""
        return _averaged(self.flow, "rate", self.factors, price)

    @rule
    def factor(self, now: Now) -> float:
        """That of the regime there is."""
        return pick(self.factors, now.world.price.regime)

    @rule
    def arrival(self, dt: float, now: Now, state: Any) -> float:
        """As by `probability`; asked of each regime, so that what is the same in all lanes is computed once."""
        return pick(each(arrival_at, self.factors, (self.flow, dt, now, state)), now.world.price.regime)


class RegimeFill(Fill):
    """`fill` at factors[r] times the depth in regime r: its decay is factors[r] times as fast."""

    fill: Fill
    factors: ListedNonNegative

    def check(self, market: Any) -> None:
        check_regimes(self, self.factors, market)
        self.fill.check(market)

    def averaged(self, price: Price) -> Any:
        """`fill` with its `k` as it is on average over time."""
        return _averaged(self.fill, "k", self.factors, price)

    @rule
    def factor(self, now: Now) -> float:
        """That of the regime there is."""
        return pick(self.factors, now.world.price.regime)

    @rule
    def take(self, depth: float, now: Now) -> float:
        return self.fill.take(depth * self.factor(now), now)


class RegimeImpact(Impact):
    """Jumps of `impact` times factors[r] in regime r: orders that tell more in one regime than in another."""

    impact: Impact
    factors: ListedNonNegative

    def check(self, market: Any) -> None:
        check_regimes(self, self.factors, market)
        self.impact.check(market)

    def averaged(self, price: Price) -> Any:
        """`impact` with its `mean` as it is on average over time."""
        return _averaged(self.impact, "mean", self.factors, price)

    @rule
    def factor(self, now: Now) -> float:
        """That of the regime there is."""
        return pick(self.factors, now.world.price.regime)

    @rule
    def jump_at(self, depth: float, chance: float, filled: float, arrived: float, uniform: float, now: Now) -> float:
        return self.factor(now) * self.impact.jump_at(depth, chance, filled, arrived, uniform, now)

    @rule
    def moments(self, depth: float, chance: float, filled: float, arrival: float, now: Now) -> tuple[float, float]:
        mean, variance = self.impact.moments(depth, chance, filled, arrival, now)
        factor = self.factor(now)
        return factor * mean, factor * factor * variance


@scalar
def arrival_at(factor, told):
    """P(an order comes within dt) at a factor of a flow's rate."""
    flow, dt, now, state = told
    return flow.probability(factor, dt, now, state)


def regimes_of(price: Price) -> RegimeSwitching | None:
    """The part of a price, or itself, that says which regime there is; None if its state does not begin with one."""
    switching = (part for _, part in parts(price) if isinstance(part, RegimeSwitching))
    return next(switching, None) if hasattr(record(price).start(), "regime") else None


def check_regimes(part: Component, factors: tuple[float, ...], market: Any) -> None:
    """Refuse a part that follows regimes in a market whose price has none, or another number of them."""
    name, found = type(part).__name__, regimes_of(market.price)
    if found is None:
        raise ValueError(f"{name} needs a price with regimes: price must be a RegimeSwitching, got {market.price}")
    if len(factors) != found.regimes:
        raise ValueError(f"{name}.factors must be one for each of {found.regimes} regimes, got {len(factors)}")


def _averaged(model: Any, name: str, factors: tuple[float, ...], price: Price) -> Any:
    share: Any = regimes_of(price)
    return replace(model, **{name: getattr(model, name) * float(share.stationary @ np.array(factors))})
