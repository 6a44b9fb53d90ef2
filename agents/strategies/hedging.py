"""Rules by which a maker hedges beside any quoting: not at all, always, or outside a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Strategy, Table, check_one_instrument
from agents.observed import hedges_shown, natural_units
from agents.policy import StrategyPolicy, policy_of
from mm_env.core.component import record
from mm_env.core.parameters import Interval, check
from mm_env.hedges import NoHedges
from mm_env.market import Market
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
_ROUNDING, _FIRST = 1e-9, 1e9  # lots that are no way off; what of two ranks comes first
_SINGULAR = 1e-9  # of the largest variance: hedges with less of their own do what others do
_CHARGES = ("phi", "alpha", "gamma")  # of a penalty, that scale with the variance that is left


class HedgeRule(Protocol):
    """The positions (..., hedges) in the hedges to go to, units, from the inventory (...) and the positions held (..., hedges),
    units; they broadcast."""

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats: ...


@dataclass(frozen=True)
class NoHedge:
    """Nothing is held of any hedge."""

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats:
        return np.zeros(np.broadcast_shapes((*np.shape(inventory), 1), np.shape(held)))


@dataclass(frozen=True)
class FullHedge:
    """The positions of the least variance, to the nearest lot of each, whatever it costs to go there."""

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats:
        return within(market, least_risky(market) * np.asarray(inventory)[..., None], 0.0, held)


@dataclass(frozen=True)
class FixedBand:
    """What is held of each hedge, as long as it is within `width` of the position of the least variance; else the nearest
    position within that band.

    With proportional costs the best rule is a band, its width by time and inventory (Davis, Panas & Zariphopoulou 1993).
    """

    width: float | tuple[float, ...]  # units, >= 0; of all hedges alike, or one a hedge

    def __post_init__(self) -> None:
        several = tuple(self.width) if isinstance(self.width, Sequence) else (self.width,)
        for number in several:
            check("FixedBand.width", number, Interval(0.0))
        object.__setattr__(self, "width", several if isinstance(self.width, Sequence) else float(self.width))

    def wanted(self, market: Market, inventory: Floats, held: Floats) -> Floats:
        return within(market, least_risky(market) * np.asarray(inventory)[..., None], self.width, held)


@dataclass(frozen=True)
class Hedging(MarketPolicy):
    """The quotes of a policy, and the positions in the hedges that a rule goes to, in a `market` with one hedge or more."""

    market: Market
    quoting: Any
    rule: HedgeRule

    def __post_init__(self) -> None:
        check_hedged(self.market)

    @classmethod
    def of(cls, market: Market, quoting: Any, rule: HedgeRule, residual: bool = True) -> Hedging:
        """By a policy, a strategy or what makes either of a market. With `residual` a strategy is made for the share of the
        variance that the least risky positions leave: penalties are that much smaller, and so is its skew.

        Raises: ValueError for a market without a hedge.
        """
        check_hedged(market)
        made = quoting(left_over(market) if residual else market) if callable(quoting) else quoting
        return cls(
            market, StrategyPolicy(made, market) if isinstance(made, Strategy) else policy_of(made, market), rule
        )

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width) on observations (n, k)."""
        orders, _ = natural_units(self.market, observations)
        held = hedges_shown(self.market, observations)
        wanted = self._wanted(self.market.order_size * orders, held)
        return self._with(np.asarray(self.quoting.act(observations), np.float64), wanted)

    def tabulated(self, market: Market) -> Table | None:
        """The table of its actions, where the rule does not look at what is held."""
        table, reach, q = self.quoting.tabulated(market), farthest(self.market), inventory_levels(self.market)
        ends = [self._wanted(q, np.tile(held, (len(q), 1))) for held in (-reach, 0.0 * reach, reach)]
        if table is None or any((end != ends[0]).any() for end in ends):
            return None
        shape = (*table.actions.shape[:-1], len(reach))
        return Table(table.market, self._with(table.actions, np.broadcast_to(ends[0], shape)))

    def _wanted(self, inventory: Floats, held: Floats) -> Floats:
        wanted = np.asarray(self.rule.wanted(self.market, inventory, held), np.float64)
        if wanted.shape != held.shape:
            raise ValueError(
                f"{type(self.rule).__name__}.wanted must give a position for each hedge, {held.shape} of an inventory "
                f"{np.shape(inventory)} and positions held {held.shape}, got {wanted.shape}"
            )
        return wanted

    def _with(self, actions: Floats, wanted: Floats) -> Floats:
        several = wanted.shape[-1]
        asked = self.market.hedges.encode(wanted.reshape(-1, several)).reshape(wanted.shape)
        return np.concatenate([actions[..., :-several], asked], axis=-1)


def check_hedged(market: Market) -> None:
    """Refuse a market that has no hedge. Raises: ValueError."""
    check_one_instrument(market, "a rule that hedges")
    if market.financing.names:
        raise ValueError(f"a rule that hedges needs a market without a loan (Market.financing), got {market.financing}")
    if not market.hedges.names:
        raise ValueError(f"a rule that hedges needs a market with a hedge (Market.hedges), got {market.hedges}")


def farthest(market: Market) -> Floats:
    """The largest positions that may be asked for (hedges,), units."""
    hedges, now, several = record(market).hedges, record(market).opening(), len(market.hedges.names)
    return np.abs(hedges.targets((1.0,) * several, 0.0, (0.0,) * several, now))


def least_risky(market: Market) -> Floats:
    """The positions of the least variance per unit of inventory (hedges,): -S^-1 c, of the hedges' `square`, which is
    q^2 + 2 q c.h + h.S h; of all that are as good, as where one hedge does what another does, the shortest."""
    hedges, now, units = record(market).hedges, record(market).opening(), np.eye(len(market.hedges.names))

    def square(inventory: float, held: Floats) -> float:
        return hedges.square(inventory, tuple(held.tolist()), 1.0, now)

    c = np.array([0.25 * (square(1.0, unit) - square(1.0, -unit)) for unit in units])
    s = np.array([[0.25 * (square(0.0, a + b) - square(0.0, a - b)) for b in units] for a in units])
    return -np.linalg.lstsq(s, c, rcond=_SINGULAR)[0]


def left_over(market: Market) -> Market:
    """The market without its hedges, whose penalties are of the variance that the least risky positions in them leave."""
    hedges, reward = record(market).hedges, market.reward
    share = hedges.square(1.0, tuple(least_risky(market).tolist()), 1.0, record(market).opening())
    names = {field.name for field in fields(reward)} & set(_CHARGES)  # pyright: ignore[reportArgumentType]
    return replace(market, hedges=NoHedges(), reward=replace(reward, **{n: share * getattr(reward, n) for n in names}))


def within(market: Market, middle: Floats, width: float | tuple[float, ...], held: Floats) -> Floats:
    """The positions nearest to `held` that are within `width` of `middle`, (..., hedges) all, in lots where a hedge has
    `levels`; where none is, the lot nearest to the middle, of two that are as near that nearer to what is held.

    Raises: ValueError if there are several widths, and not one a hedge.
    """
    (middle, held), names = np.broadcast_arrays(middle, held), market.hedges.names
    widths = width if isinstance(width, tuple) else (width,) * len(names)
    if len(widths) != len(names):
        raise ValueError(f"FixedBand.width must be one number, or one for each of {list(names)}, got {width}")
    levels = market.hedges.levels() or (np.empty(0),) * len(names)
    found = [_within(lots, middle[..., i], widths[i], held[..., i]) for i, lots in enumerate(levels)]
    return np.stack(found, axis=-1)


def _within(lots: Floats, middle: Floats, width: float, held: Floats) -> Floats:
    """The same of one hedge, whose `lots` are empty if it may be of any size."""
    if not len(lots):
        return np.clip(held, middle - width, middle + width)
    lot = np.diff(lots).min()
    off, far = np.abs(lots - middle[..., None]) / lot, np.abs(lots - held[..., None]) / lot
    rank = np.where(off <= width / lot + _ROUNDING, 0.0, 1.0 + np.round(off, 6))
    return lots[(_FIRST * rank + far).argmin(axis=-1)]
