"""Rules by which a maker hedges beside any quoting: not at all, always, or outside a band."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Strategy, Table, check_one_instrument
from agents.observed import hedges_shown, natural_units
from agents.policy import StrategyPolicy, policy_of
from mm_env.core.component import record
from mm_env.core.parameters import NonNegative, check_fields
from mm_env.hedges import NoHedges
from mm_env.market import Market
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
_ROUNDING, _FIRST = 1e-9, 1e9  # lots that are no way off; what of two ranks comes first
_CHARGES = ("phi", "alpha", "gamma")  # of a penalty, that scale with the variance that is left


class HedgeRule(Protocol):
    """The position in one hedge to go to, units, from the inventory and the position held, units; they broadcast."""

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats: ...


@dataclass(frozen=True)
class NoHedge:
    """Nothing is held of the hedge."""

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats:
        return np.zeros(np.broadcast_shapes(np.shape(inventory), np.shape(held)))


@dataclass(frozen=True)
class FullHedge:
    """The position of the least variance, to the nearest lot, whatever it costs to go there."""

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats:
        return within(market, least_risky(market) * np.asarray(inventory), 0.0, held)


@dataclass(frozen=True)
class FixedBand:
    """What is held, as long as it is within `width` (units) of the position of the least variance; else the nearest position
    within that band.

    With proportional costs the best rule is a band, its width by time and inventory (Davis, Panas & Zariphopoulou 1993).
    """

    width: NonNegative  # units

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)  # pyright: ignore[reportArgumentType]

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats:
        return within(market, least_risky(market) * np.asarray(inventory), self.width, held)


@dataclass(frozen=True)
class Hedging(MarketPolicy):
    """The quotes of a policy, and the position in the hedge that a rule goes to, in a `market` with one hedge."""

    market: Market
    quoting: Any
    rule: HedgeRule

    def __post_init__(self) -> None:
        check_hedged(self.market)

    @classmethod
    def of(cls, market: Market, quoting: Any, rule: HedgeRule, residual: bool = True) -> Hedging:
        """By a policy, a strategy or what makes either of a market. With `residual` a strategy is made for the share of the
        variance that the least risky position leaves: penalties are that much smaller, and so is its skew.

        Raises: ValueError for a market without a hedge, or with several.
        """
        check_hedged(market)
        made = quoting(left_over(market) if residual else market) if callable(quoting) else quoting
        return cls(
            market, StrategyPolicy(made, market) if isinstance(made, Strategy) else policy_of(made, market), rule
        )

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width) on observations (n, k)."""
        orders, _ = natural_units(self.market, observations)
        held = hedges_shown(self.market, observations)[:, 0]
        wanted = self.rule.wanted(self.market, self.market.order_size * orders, held)
        return self._with(np.asarray(self.quoting.act(observations), np.float64), wanted)

    def tabulated(self, market: Market) -> Table | None:
        """The table of its actions, where the rule does not look at what is held."""
        table, reach = self.quoting.tabulated(market), float(record(self.market.hedges).max_position)
        ends = [
            self.rule.wanted(self.market, inventory_levels(self.market), np.array(held))
            for held in (-reach, 0.0, reach)
        ]
        if table is None or any((end != ends[0]).any() for end in ends):
            return None
        return Table(table.market, self._with(table.actions, np.broadcast_to(ends[0], table.actions.shape[:-1])))

    def _with(self, actions: Floats, wanted: Floats) -> Floats:
        asked = self.market.hedges.encode(wanted.reshape(-1, 1)).reshape(*wanted.shape, 1)
        return np.concatenate([actions[..., :-1], asked], axis=-1)


def check_hedged(market: Market) -> None:
    """Refuse a market that has not one hedge. Raises: ValueError."""
    check_one_instrument(market, "a rule that hedges")
    if market.financing.names:
        raise ValueError(f"a rule that hedges needs a market without a loan (Market.financing), got {market.financing}")
    if len(market.hedges.names) != 1:
        raise ValueError(f"a rule that hedges needs a market with one hedge (Market.hedges), got {market.hedges}")


def least_risky(market: Market) -> float:
    """The position of the least variance per unit of inventory: -b / a of the hedge's `square`, q^2 + 2 b q h + a h^2."""
    hedges, now = record(market).hedges, record(market).opening()
    long, short, alone = (hedges.square(q, (h,), 1.0, now) for q, h in ((1.0, 1.0), (1.0, -1.0), (0.0, 1.0)))
    return 0.25 * (short - long) / alone


def left_over(market: Market) -> Market:
    """The market without its hedge, whose penalties are of the variance that the least risky position in it leaves."""
    hedges, reward = record(market).hedges, market.reward
    share = hedges.square(1.0, (least_risky(market),), 1.0, record(market).opening())
    names = {field.name for field in fields(reward)} & set(_CHARGES)  # pyright: ignore[reportArgumentType]
    return replace(market, hedges=NoHedges(), reward=replace(reward, **{n: share * getattr(reward, n) for n in names}))


def within(market: Market, middle: Floats, width: float, held: Floats) -> Floats:
    """The position nearest to `held` that is within `width` of `middle`, in lots if the hedge has `levels`; where none is, the
    lot nearest to the middle, of two that are as near that nearer to what is held. Shapes broadcast."""
    levels, (middle, held) = market.hedges.levels(), np.broadcast_arrays(middle, held)
    if not levels:
        return np.clip(held, middle - width, middle + width)
    lots, lot = levels[0], np.diff(levels[0]).min()
    off, far = np.abs(lots - middle[..., None]) / lot, np.abs(lots - held[..., None]) / lot
    rank = np.where(off <= width / lot + _ROUNDING, 0.0, 1.0 + np.round(off, 6))
    return lots[(_FIRST * rank + far).argmin(axis=-1)]
